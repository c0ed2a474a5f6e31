"""Sending one webhook: one POST, to an address that was checked, within one deadline."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpcore

from customs.errors import InvalidValue
from portcullis.alerting.network import Reach, Unreachable

CONNECT_SECONDS = 5.0
SECONDS = 15.0  # for all of it, whatever the receiver does
MOST_BODY = 8 * 1024  # of an answer: read so that the receiver sees its answer taken, and dropped


@dataclass(frozen=True)
class Answer:
    """How an attempt ended: an HTTP status, or None and the error; wait: seconds of Retry-After."""

    status: int | None
    error: str | None = None
    wait: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Posts to where `reach` allows. Redirects are not followed, proxies of the environment are not used."""

    def __init__(self, reach: Reach, *, tls: ssl.SSLContext | None = None, seconds: float = SECONDS) -> None:
        self.reach = reach
        self.seconds = seconds
        self._tls = tls

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The system's certificates: an agency's own authority is trusted where it is installed."""
        return self._tls or ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """One attempt; every way to fail is an `Answer`."""
        try:
            self.reach.check(url)
        except InvalidValue as error:  # the settings may have changed since it was stored
            return Answer(None, str(error)[:200])
        network = _Checked(self.reach)
        timeout = {"connect": CONNECT_SECONDS, "read": self.seconds, "write": self.seconds}
        late = threading.Timer(self.seconds, network.cut)
        late.daemon = True
        late.start()
        try:
            with (
                httpcore.ConnectionPool(self.tls, network_backend=network, retries=0) as pool,
                pool.stream(
                    "POST",
                    url,
                    headers=[
                        ("Content-Type", "application/json"),
                        ("User-Agent", "Portcullis"),
                        *headers.items(),
                    ],
                    content=body,
                    extensions={"timeout": timeout},
                ) as response,
            ):
                _drop_body(response)
                return Answer(response.status, _said(response.status), _retry_after(response.headers))
        except Unreachable as error:
            return Answer(None, str(error))
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            return Answer(None, "it took too long" if network.was_cut else _reason(error))
        finally:
            late.cancel()
            network.forget()


class _Checked(httpcore.NetworkBackend):
    """Connects to the checked address itself; TLS still asks for the certificate of the host's name."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.was_cut = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check, connect to the first address that answers."""
        addresses = self.reach.resolve(host, port)
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
                continue
            with self._lock:
                # a second handle: TLS takes the first one over
                self._sockets.append(stream.get_extra_info("socket").dup())
                late = self.was_cut
            if late:
                stream.close()
                raise httpcore.ConnectTimeout
            return stream
        raise httpcore.ConnectError  # never: there is at least one address

    def cut(self) -> None:
        """End whatever goes on: timeouts of single reads do not bind a receiver that sends byte by byte."""
        with self._lock:
            self.was_cut = True
            for handle in self._sockets:
                try:
                    handle.shutdown(socket.SHUT_RDWR)
                except OSError:  # it ended by itself
                    continue

    def forget(self) -> None:
        """Close the second handles."""
        with self._lock:
            for handle in self._sockets:
                handle.close()
            self._sockets.clear()


def _drop_body(response: httpcore.Response) -> None:
    seen = 0
    try:
        for chunk in response.iter_stream():
            seen += len(chunk)
            if seen > MOST_BODY:
                return
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        return  # the status counts, and it was read


def _said(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"it answered {status}; redirects are not followed"
    return f"it answered {status}"


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    given = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return int(given) if given.isdigit() and len(given) < 8 else None


def _reason(error: Exception) -> str:
    kinds = {
        httpcore.ConnectTimeout: "no connection in time",
        httpcore.TimeoutException: "no answer in time",
        httpcore.ConnectError: "no connection",
        httpcore.ProtocolError: "it did not speak HTTP",
    }
    said = next((text for kind, text in kinds.items() if isinstance(error, kind)), "the connection broke")
    return f"{said} ({error})"[:200] if str(error) else said

"""Running the application in this process until it is stopped."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from customs.errors import InvalidConfig
from portcullis.memory import give_back_large_blocks
from portcullis.service import Service


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a port that is taken or an address that is not ours is an `InvalidConfig`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise InvalidConfig(
            f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)})",
            field="port",
            remedy="give a free port with --port, or 0 for any",
        ) from None


def serve(service: Service, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Warm the models up, tell `ready` the address, and answer until a signal comes."""
    import uvicorn

    from portcullis.api.app import make_app
    from portcullis.jobs.executor import executor_of

    give_back_large_blocks()
    app = make_app(service)
    service.warm_up()
    host, port = listener.getsockname()[:2]
    scheme = "https" if service.settings.https else "http"
    shown = f"[{host}]" if ":" in host else host
    # X-Forwarded-For is read by `client_address`, from those proxies that the settings name
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, proxy_headers=False, timeout_graceful_shutdown=10
    )
    ready(f"{scheme}://{shown}:{port}/")

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # streams never end by themselves: the server would wait for them as long as it may
            service.alerting.feed.close()
            await super().shutdown(sockets)

    service.alerting.start()
    service.board.start(executor_of(service))
    try:
        Server(config).run(sockets=[listener])
    finally:
        service.board.stop()
        service.alerting.close()

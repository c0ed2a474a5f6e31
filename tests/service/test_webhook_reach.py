"""Where a webhook may go: nowhere inside, unless a setting says so, whatever its name resolves to."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from customs.errors import InvalidConfig, InvalidValue
from portcullis.alerting.network import Reach, Unreachable, read_networks
from portcullis.alerting.post import Sender
from portcullis.settings import Settings

LOOPBACK = read_networks("127.0.0.0/8", field="networks")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.100.100.200",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:53aa::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ],
)
def test_no_address_inside_may_be_reached(address: str) -> None:
    """Private, loopback, link-local, multicast, metadata, and IPv4 that hides in IPv6."""
    assert not Reach().may(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(InvalidValue, match="may not reach"):
        Reach().check(f"https://{host}/hook")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_may_be_reached(address: str) -> None:
    assert Reach().may(ipaddress.ip_address(address))


def test_networks_of_the_setting_may_be_reached_and_no_others() -> None:
    """An agency's hooks are inside."""
    settings = Settings(webhook_networks="10.0.0.0/8, fd00::/8,")
    reach = Reach(settings.networks)
    inside = ["10.1.2.3", "fd00::1", "::ffff:10.0.0.1", "8.8.8.8"]
    outside = ["192.168.0.1", "127.0.0.1", "fe80::1", "169.254.169.254"]
    assert [reach.may(ipaddress.ip_address(a)) for a in (*inside, *outside)] == [True] * 4 + [False] * 4
    for wrong in ("10.0.0.1/8", "inside"):
        with pytest.raises(InvalidConfig, match="WEBHOOK_NETWORKS"):
            Settings(webhook_networks=wrong)
    with pytest.raises(InvalidConfig, match="ALERT_BAND"):
        Settings(alert_band="clear")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/", "scheme"),
        ("ftp://example.org/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("//example.org/", "scheme"),
        ("https:///hook", "no host"),
        ("https://example.org:0/", "no host"),
        ("https://example.org:99999/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://kim:secret@example.org/", "password"),
        ("https://example.org/#top", "fragment"),
        ("https://example.org/a b", "characters"),
        ("https://example.org/\x00", "characters"),
        ("https://예시.org/", "characters"),
        ("https://example.org/\ud800", "characters"),
        ("https://example.org/" + "a" * 2_000, "too long"),
    ],
)
def test_what_is_no_url_for_a_webhook_is_refused(url: str, said: str) -> None:
    """One sentence each."""
    with pytest.raises(InvalidValue, match=said):
        Reach().check(url)


def test_http_is_for_those_who_set_it() -> None:
    assert Reach(http=True).check("http://example.org:8080/hook").port == 8080
    assert Reach().check("https://example.org/hook?a=1").hostname == "example.org"


def test_a_name_that_leads_inside_is_not_connected_to(receiver: Any) -> None:
    """`localhost` is a name like others."""
    url = f"http://localhost:{receiver.port}/"
    answer = Sender(Reach(http=True)).post(url, b"{}", {})
    assert not answer.accepted
    assert "may not reach" in str(answer.error)
    assert receiver.got == []
    assert Sender(Reach(LOOPBACK, http=True)).post(url, b"{}", {}).status == 204


def test_a_url_that_the_settings_no_longer_allow_is_not_sent_to(receiver: Any) -> None:
    """Stored when http was allowed."""
    answer = Sender(Reach(LOOPBACK)).post(f"http://127.0.0.1:{receiver.port}/", b"{}", {})
    assert (answer.status, answer.accepted) == (None, False)
    assert receiver.got == []


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with something public first and with loopback afterwards gets nowhere."""
    port = receiver.port
    asked: list[str] = []
    answers = [["203.0.113.9", "10.9.9.9", "127.0.0.1"], ["127.0.0.2"]]
    real = socket.getaddrinfo

    def resolve(host: Any, *values: Any, **more: Any) -> Any:
        if host != "hooks.example":
            return real(host, *values, **more)
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    answer = Sender(Reach(LOOPBACK, http=True)).post(f"http://hooks.example:{port}/", b"{}", {})
    assert answer.status == 204
    assert asked == ["hooks.example"]  # once: nobody asks again between check and connection
    assert [headers["host"] for headers, _ in receiver.got] == [f"hooks.example:{port}"]
    asked.clear()
    answers[0] = ["8.8.8.8"]
    assert list(map(str, Reach().resolve("hooks.example", port))) == ["8.8.8.8"]
    with pytest.raises(Unreachable):  # what it answers the second time
        Reach().resolve("hooks.example", port)


def test_a_name_that_nobody_knows_says_so() -> None:
    """No exception of the resolver comes through."""
    for host in ("nowhere.invalid", "a" * 80 + ".example"):
        assert "cannot be resolved" in str(Sender(Reach()).post(f"https://{host}/", b"{}", {}).error)


def certificate(folder: Path, name: str) -> Path:
    """A key and a certificate for one host name, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_the_certificate_must_be_of_the_hosts_name_and_of_somebody_trusted(
    receiver: Any, tmp_path: Path
) -> None:
    """Though the connection goes to an address; and an https receiver works at all."""
    path = certificate(tmp_path, "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    receiver.server.socket = server.wrap_socket(receiver.server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(path))
    reach = Reach((*LOOPBACK, *read_networks("::1/128", field="networks")))
    named, bare = (f"https://{host}:{receiver.port}/" for host in ("localhost", "127.0.0.1"))
    assert Sender(reach, tls=trusting).post(named, b"{}", {}).status == 204
    assert [headers["host"] for headers, _ in receiver.got] == [f"localhost:{receiver.port}"]
    for sender, url in ((Sender(reach, tls=trusting), bare), (Sender(reach), named)):
        answer = sender.post(url, b"{}", {})
        assert answer.status is None
        assert "certificate" in str(answer.error).lower()
    assert len(receiver.got) == 1

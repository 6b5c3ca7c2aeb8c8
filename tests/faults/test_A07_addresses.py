"""A7: no scheme but http and https, no metadata service: by url, by number, by redirect, by name."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from fault_server import fault_server, reply

from tierkit.backends import OpenAICompatibleBackend
from tierkit.backends.address import base_url, is_forbidden_address
from tierkit.backends.exchange import Exchange, Timeouts
from tierkit.errors import BackendRejected, ConfigError
from tierkit.request import Call

CALL = Call([{"role": "user", "content": "hi"}], model="m")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:70",
        "ftp://host",
        "//host",
        "host:8000",
        "",
        "http://",
        "http://user:secret-word@host",
        "http://host:99999",
        "http://host/v1?x=1",
        "http://host/#x",
        "http://ho st",
        "http://host\r\nx: y",
        "http://169.254.169.254/latest",
        "http://169.254.1.1",
        "http://2852039166",
        "http://0xA9FEA9FE",
        "http://0251.0376.0251.0376",
        "http://169.254.43518",
        "http://[fe80::1]",
        "http://[fe80::1%25eth0]",
        "http://[fd00:ec2::254]",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[2002:a9fe:a9fe::1]",
        "http://metadata.google.internal",
        "http://METADATA.google.internal./",
        "http://100.100.100.200",
    ],
)
def test_refused_urls(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OpenAICompatibleBackend(url)
    assert "secret-word" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://host/v1/", "https://host/v1"),
        ("https://host/proxy", "https://host/proxy/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("http://10.0.0.5", "http://10.0.0.5/v1"),
    ],
)
def test_accepted_urls(url: str, expected: str) -> None:
    assert base_url(url) == expected


def test_link_local_where_it_is_allowed() -> None:
    assert base_url("http://169.254.1.1", allow_link_local=True) == "http://169.254.1.1/v1"
    assert not is_forbidden_address("metadata")


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/", "/v2"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_never_followed(target: str, status: int) -> None:
    with fault_server(reply(status, b"", location=target)) as server:
        backend = OpenAICompatibleBackend(server.url)
        with pytest.raises(BackendRejected, match="redirect") as caught:
            backend.complete(CALL)
        with pytest.raises(BackendRejected, match="redirect"):
            list(backend.stream(CALL))
        backend.close()
        assert len(server.requests) == 2
    assert caught.value.outcome == "refused"


def exchange() -> Exchange:
    timeouts = Timeouts(connect_s=1, first_byte_s=1, chunk_s=1, total_s=None)
    return Exchange("b", "vllm", timeouts, stream=False, secret="", allow_link_local=False)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fd00:ec2::254"])
def test_a_name_that_resolves_to_a_refused_address_gets_no_byte(address: str) -> None:
    peer = SimpleNamespace(get_extra_info={"server_addr": (address, 80)}.get)
    state = exchange()
    assert state.trace("connection.connect_tcp.complete", {"return_value": peer}) is peer
    assert not state.sent
    assert state.blocked().outcome == "not_sent"


@pytest.mark.parametrize("in_loop", [False, True])
def test_the_connected_address_is_checked_before_sending(monkeypatch: pytest.MonkeyPatch, *, in_loop: bool) -> None:
    import tierkit.backends.exchange as module

    # The loopback address stands in for a metadata address: no test machine has a real one.
    monkeypatch.setattr(module, "is_forbidden_address", lambda host: host == "127.0.0.1")
    with fault_server(reply(200, b"{}")) as server:
        backend = OpenAICompatibleBackend(server.url)

        async def ask() -> None:
            try:
                await backend.acomplete(CALL)
            finally:
                await backend.aclose()

        with pytest.raises(BackendRejected, match="link-local or metadata") as caught:
            asyncio.run(ask()) if in_loop else backend.complete(CALL)
        backend.close()
        assert server.requests == []
    assert caught.value.outcome == "not_sent"


def test_the_key_is_sent_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("A7_KEY", "sk-very-secret")
    shown: list[Any] = []
    with fault_server(reply(401, b'{"error": "bad key sk-very-secret"}')) as server:
        backend = OpenAICompatibleBackend(server.url, api_key_env="A7_KEY")
        with pytest.raises(BackendRejected) as caught:
            backend.complete(CALL)
        backend.close()
        assert server.requests[0].headers["authorization"] == "Bearer sk-very-secret"
    shown += [backend, caught.value, repr(caught.value), vars(backend), caplog.text]
    assert "sk-very-secret" not in " ".join(map(str, shown))


@pytest.mark.parametrize("value", [None, "", "  ", "sk-\nx", "sk-é"])
def test_a_missing_or_broken_key_sends_nothing(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A7_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("A7_KEY", value)
    backend = OpenAICompatibleBackend("http://127.0.0.1:9", api_key_env="A7_KEY")
    with pytest.raises(BackendRejected, match="A7_KEY") as caught:
        backend.complete(CALL)
    assert (caught.value.outcome, caught.value.error_class) == ("not_sent", "auth")


def test_a_cookie_of_one_reply_is_not_sent_with_the_next_request() -> None:
    with fault_server(reply(500, b"", set_cookie="session=tenant-a; Path=/")) as server:
        backend = OpenAICompatibleBackend(server.url)
        for _ in range(2):
            with pytest.raises(Exception, match="500"):
                backend.complete(CALL)
        backend.close()
        assert "cookie" not in server.requests[1].headers

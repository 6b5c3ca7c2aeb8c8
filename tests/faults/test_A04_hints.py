"""A4: what overloaded servers say about coming back, over the wire."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from fault_server import fault_server, reply

from tierkit.backends import OpenAICompatibleBackend
from tierkit.errors import BackendOverloaded
from tierkit.request import Call

CALL = Call([{"role": "user", "content": "hi"}], model="m")


@pytest.mark.parametrize(("status", "error_class"), [(429, "rate"), (503, "overload"), (529, "overload")])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1200", "retry-after": "9"}, 1.2),
        ({"retry-after": "past"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "banana"}, None),
        ({"retry-after": "99999999999"}, 86400.0),
        ({}, None),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_hints(
    status: int, error_class: str, headers: dict[str, str], expected: float | None, *, streamed: bool
) -> None:
    if headers.get("retry-after") == "past":
        headers = {"retry-after": formatdate(time.time() - 60, usegmt=True)}
    with fault_server(reply(status, b'{"error": {"message": "slow down"}}', **headers)) as server:
        backend = OpenAICompatibleBackend(server.url)
        with pytest.raises(BackendOverloaded) as caught:
            list(backend.stream(CALL)) if streamed else backend.complete(CALL)
        backend.close()
        assert len(server.requests) == 1, "a backend never retries by itself"
    error = caught.value
    assert (error.status, error.error_class, error.outcome, error.retry_after_s) == (
        status,
        error_class,
        "refused",
        expected,
    )


def test_a_date_in_the_future() -> None:
    now_s = 1_795_000_000
    date = {"date": formatdate(now_s, usegmt=True), "retry-after": formatdate(now_s + 20, usegmt=True)}
    with fault_server(reply(503, b"", **date)) as server:
        backend = OpenAICompatibleBackend(server.url)
        with pytest.raises(BackendOverloaded) as caught:
            backend.complete(CALL)
        backend.close()
    assert caught.value.retry_after_s == 20

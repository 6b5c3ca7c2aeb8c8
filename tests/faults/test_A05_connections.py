"""A5: servers that are not there, hang, or hang up."""

from __future__ import annotations

import asyncio
import os
import socket
import time

import pytest
from chat_frames import completion
from fault_server import HANG, fault_server, reply

from tierkit.backends import OpenAICompatibleBackend
from tierkit.errors import BackendTimeout, BackendUnavailable
from tierkit.request import Call, Usage

CALL = Call([{"role": "user", "content": "hi"}], model="m")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_listens(scheme: str) -> None:
    backend = OpenAICompatibleBackend(f"{scheme}://127.0.0.1:{free_port()}", name="gone")
    with pytest.raises(BackendUnavailable, match="the request was not sent") as caught:
        backend.complete(CALL)
    backend.close()
    assert (caught.value.outcome, caught.value.error_class, caught.value.backend) == ("not_sent", "transient", "gone")


def test_a_server_without_tls_gets_nothing() -> None:
    with fault_server(reply(200, completion())) as server:
        backend = OpenAICompatibleBackend(server.url.replace("http:", "https:"), connect_timeout_s=1)
        with pytest.raises((BackendUnavailable, BackendTimeout)) as caught:
            backend.complete(CALL)
        backend.close()
    assert caught.value.outcome == "not_sent"


def test_a_server_that_never_accepts_is_a_connect_timeout() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:
            client.settimeout(0)
            client.connect_ex(address)
        backend = OpenAICompatibleBackend(f"http://127.0.0.1:{address[1]}", connect_timeout_s=0.2)
        with pytest.raises(BackendTimeout) as caught:
            backend.complete(CALL)
        backend.close()
        for client in waiting:
            client.close()
    assert caught.value.outcome == "not_sent"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_hang_before_the_first_byte_is_uncertain(*, streamed: bool) -> None:
    with fault_server([HANG]) as server:
        backend = OpenAICompatibleBackend(server.url, first_byte_timeout_s=0.2)
        start_s = time.monotonic()
        with pytest.raises(BackendTimeout) as caught:
            list(backend.stream(CALL)) if streamed else backend.complete(CALL)
        backend.close()
        assert server.requests[0].client_gone.wait(1)
    assert caught.value.outcome == "uncertain"
    assert time.monotonic() - start_s < 2


def test_a_deadline_replaces_the_first_byte_limit_of_a_whole_answer() -> None:
    with fault_server([0.4, *reply(200, completion())], [HANG]) as server:
        backend = OpenAICompatibleBackend(server.url, first_byte_timeout_s=0.1, timeout_s=5)
        assert backend.complete(CALL).usage == Usage(11, 3)
        with pytest.raises(BackendTimeout):
            backend.complete(Call(CALL.messages, model="m", timeout_s=0.2))
        backend.close()


def test_a_deadline_in_a_loop_ends_at_once() -> None:
    async def main(url: str) -> float:
        backend = OpenAICompatibleBackend(url)
        start_s = time.monotonic()
        with pytest.raises(BackendTimeout) as caught:
            await backend.acomplete(Call(CALL.messages, model="m", timeout_s=0.2))
        assert caught.value.outcome == "uncertain"
        await backend.aclose()
        return time.monotonic() - start_s

    with fault_server([HANG]) as server:
        assert asyncio.run(main(server.url)) < 1


def test_a_connection_is_kept_between_calls_and_a_cut_one_is_replaced() -> None:
    keep = [step.replace(b"connection: close", b"connection: keep-alive") for step in reply(200, completion())]
    with fault_server(keep) as server:
        backend = OpenAICompatibleBackend(server.url)
        for _ in range(3):  # the server closes after each reply although it promised not to
            assert backend.complete(CALL).usage == Usage(11, 3)
            time.sleep(0.05)
        backend.close()
        assert server.connections == 3


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork beside the server's threads
def test_a_child_process_opens_its_own_connection() -> None:
    with fault_server(reply(200, completion())) as server:
        backend = OpenAICompatibleBackend(server.url)
        backend.complete(CALL)
        parent = backend._clients.get()
        child = os.fork()
        if child == 0:
            fine = backend._clients.get() is not parent and backend.complete(CALL).usage == Usage(11, 3)
            os._exit(0 if fine else 1)
        assert os.waitpid(child, 0)[1] == 0
        backend.close()


def test_a_backend_serves_one_loop_after_another() -> None:
    with fault_server(reply(200, completion())) as server:
        backend = OpenAICompatibleBackend(server.url)

        async def main() -> None:
            assert (await backend.acomplete(CALL)).usage == Usage(11, 3)
            await backend.aclose()

        asyncio.run(main())
        asyncio.run(main())

"""Every backend keeps the contract: the mock, and the HTTP backend against a real server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tiny_server import tiny_server

from tierkit.backends import AsyncBackend, Backend, OpenAICompatibleBackend
from tierkit.testing import BackendContract, MockBackend

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with tiny_server() as (url, _):
        yield url


class TestMockBackend(BackendContract):
    @pytest.fixture
    def backend(self) -> MockBackend:
        return MockBackend("a text of some length")

    def test_it_is_both_protocols(self, backend: MockBackend) -> None:
        assert isinstance(backend, Backend)
        assert isinstance(backend, AsyncBackend)


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel of the real server is for Linux")
class TestOpenAICompatibleBackend(BackendContract):
    @pytest.fixture(params=["llama.cpp", "openai_compatible", "vllm", "sglang", "openai"])
    def backend(self, url: str, request: pytest.FixtureRequest) -> Iterator[OpenAICompatibleBackend]:
        backend = OpenAICompatibleBackend(url, name="real", kind=request.param)
        yield backend
        backend.close()

    def unreachable(self) -> OpenAICompatibleBackend:
        return OpenAICompatibleBackend("http://127.0.0.1:1", name="down", kind="vllm", connect_timeout_s=1)

    def test_it_is_both_protocols(self, backend: OpenAICompatibleBackend) -> None:
        assert isinstance(backend, Backend)
        assert isinstance(backend, AsyncBackend)

"""From the `[backend.NAME]` table of a policy to a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tierkit.backends.openai_compatible import KINDS, OpenAICompatibleBackend
from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BackendSettingsLike", "backend_from_settings"]

_OPENAI_URL = "https://api.openai.com/v1"
_LATER = ("anthropic", "gemini")
# Settings that a policy may leave out; None stands for the backend's own default.
_OPTIONAL = ("timeout_s", "connect_timeout_s", "first_byte_timeout_s", "chunk_timeout_s", "allow_link_local")


class BackendSettingsLike(Protocol):
    """What a policy says about a backend; `tierkit.policy.BackendSettings` is one."""

    @property
    def name(self) -> str:
        """The name that tiers use."""

    @property
    def kind(self) -> str:
        """The kind of server."""

    @property
    def url(self) -> str | None:
        """Where it listens."""

    @property
    def api_key_env(self) -> str | None:
        """The environment variable with the API key."""


def backend_from_settings(settings: BackendSettingsLike) -> OpenAICompatibleBackend:
    """Make the backend that a policy describes.

    Raises:
        ConfigError: A kind that is not available yet or unknown, a missing or refused url.

    """
    if settings.kind in _LATER:
        raise ConfigError(
            f"backend {settings.name!r}: kind {settings.kind!r} is not available yet; "
            f"available are {', '.join(KINDS)} (its OpenAI-compatible endpoint works with kind 'openai_compatible')"
        )
    url = settings.url or (_OPENAI_URL if settings.kind == "openai" else None)
    if url is None:
        raise ConfigError(f"backend {settings.name!r}: no url, expected such as url = 'http://127.0.0.1:8000'")
    return OpenAICompatibleBackend(
        url, name=settings.name, kind=settings.kind, api_key_env=settings.api_key_env, **_given(settings)
    )


def _given(settings: BackendSettingsLike) -> Mapping[str, Any]:
    found = ((name, getattr(settings, name, None)) for name in _OPTIONAL)
    return {name: value for name, value in found if value is not None}

"""`BackendSettings`: how to reach a model server. Holds the name of the key's variable, never the key."""

from __future__ import annotations

import re

from tierkit.errors import ConfigError
from tierkit.policy.record import Record
from tierkit.policy.words import check_name, one_of, quoted

__all__ = ["KINDS", "KINDS_TO_COME", "OWN_KINDS", "BackendSettings"]

KINDS = ("vllm", "sglang", "openai", "anthropic", "gemini", "openai_compatible")
OWN_KINDS = ("vllm", "sglang")
KINDS_TO_COME = ("anthropic", "gemini")
_NEEDS_URL = ("vllm", "sglang", "openai_compatible")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LOOKS_LIKE_A_KEY = re.compile(r"[0-9A-Fa-f]{24,}|(?:sk|pk|key)_?[a-z]*_?[A-Za-z0-9]*[0-9][A-Za-z0-9]{15,}")
_LONGEST_TIMEOUT_S = 86_400


class BackendSettings(Record):
    """One model server.

    Args:
        name: The word that tiers and rules use.
        kind: vllm, sglang, openai, anthropic, gemini or openai_compatible.
        url: `http://` or `https://` address; None: the provider's own (vllm, sglang, openai_compatible have none).
        api_key_env: Name of the environment variable that holds the key; None: no key is sent.
        timeout_s: Longest whole call, in seconds.
        connect_timeout_s: Longest wait for a connection, in seconds.
        first_byte_timeout_s: Longest wait until a streamed answer begins, in seconds.
        chunk_timeout_s: Longest silence inside a stream, in seconds.
        allow_link_local: Permit link-local addresses, where cloud machines keep their credentials.

    Example:
        >>> from tierkit.policy import BackendSettings
        >>> BackendSettings("openai", kind="openai", api_key_env="OPENAI_API_KEY").api_key_env
        'OPENAI_API_KEY'

    """

    __slots__ = (
        "allow_link_local",
        "api_key_env",
        "chunk_timeout_s",
        "connect_timeout_s",
        "first_byte_timeout_s",
        "kind",
        "name",
        "timeout_s",
        "url",
    )
    __match_args__ = (
        "name",
        "kind",
        "url",
        "api_key_env",
        "timeout_s",
        "connect_timeout_s",
        "first_byte_timeout_s",
        "chunk_timeout_s",
        "allow_link_local",
    )

    name: str
    kind: str
    url: str | None
    api_key_env: str | None
    timeout_s: float
    connect_timeout_s: float
    first_byte_timeout_s: float
    chunk_timeout_s: float
    allow_link_local: bool

    def __init__(
        self,
        name: str,
        *,
        kind: str,
        url: str | None = None,
        api_key_env: str | None = None,
        timeout_s: float = 600.0,
        connect_timeout_s: float = 5.0,
        first_byte_timeout_s: float = 60.0,
        chunk_timeout_s: float = 30.0,
        allow_link_local: bool = False,
    ) -> None:
        """Check each value."""
        one_of("kind", kind, KINDS)
        if url is None and kind in _NEEDS_URL:
            raise ConfigError(
                f'url: missing; a {kind} server has no address of its own, write url = "http://127.0.0.1:8000"'
            )
        self._keep(
            name=check_name("name", name),
            kind=kind,
            url=url if url is None else _url(url, allow_link_local=bool(allow_link_local)),
            api_key_env=api_key_env if api_key_env is None else _variable(api_key_env),
            timeout_s=_timeout("timeout_s", timeout_s),
            connect_timeout_s=_timeout("connect_timeout_s", connect_timeout_s),
            first_byte_timeout_s=_timeout("first_byte_timeout_s", first_byte_timeout_s),
            chunk_timeout_s=_timeout("chunk_timeout_s", chunk_timeout_s),
            allow_link_local=bool(allow_link_local),
        )


def _variable(name: object) -> str:
    # The value is never shown: whoever writes the key itself here must not find it in a log.
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name) or _LOOKS_LIKE_A_KEY.fullmatch(name):
        raise ConfigError(
            "api_key_env: expected the name of an environment variable such as 'OPENAI_API_KEY', not the key itself"
        )
    return name


def _url(url: object, *, allow_link_local: bool) -> str:
    from tierkit.backends.address import base_url  # noqa: PLC0415 - reads addresses; a policy without urls needs it not

    if not isinstance(url, str):
        raise ConfigError(f"url {quoted(url)}: expected text such as 'http://127.0.0.1:8000'")
    if "@" in url or "?" in url or "#" in url:
        # The value is not shown: a password or a key may stand in it.
        raise ConfigError("url: holds a user, a query or a fragment, perhaps a key; name its variable in api_key_env")
    base_url(url, allow_link_local=allow_link_local)
    return url


def _timeout(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _LONGEST_TIMEOUT_S:
        raise ConfigError(f"{key} {quoted(value)}: expected a time above zero, at most one day")
    return float(value)

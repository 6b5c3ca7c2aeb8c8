"""What the parts of a policy accept, the same for code and for files. Every sentence begins with the key."""

from __future__ import annotations

from types import MappingProxyType

from tierkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["check_name", "label_names", "nearest", "one_of", "quoted", "ratio", "values_by_label", "whole"]

_MAX_SHOWN = 60
_MAX_NAME = 64
_MAX_LABEL_BYTES = 256


def quoted(value: object) -> str:
    """Show a value in a sentence: short, on one line."""
    text = value if isinstance(value, str) else repr(value)
    text = text[:_MAX_SHOWN] + "…" if len(text) > _MAX_SHOWN else text
    return f"'{text}'" if text.isprintable() else ascii(text)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for a word close to a known one, else nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only errors pay for it

    found = get_close_matches(word[:_MAX_NAME].lower(), list(known), n=1, cutoff=0.6)
    return f" (did you mean '{found[0]}'?)" if found else ""


def one_of(key: str, value: object, known: Sequence[str]) -> str:
    """Return a word of a closed list."""
    if isinstance(value, str) and value in known:
        return value
    near = nearest(value, known) if isinstance(value, str) else ""
    raise ConfigError(f"{key} {quoted(value)}: expected {' or '.join(known)}{near}")


def check_name(key: str, value: object) -> str:
    """Return a name: 1 to 64 printable ASCII characters, since names stand in HTTP headers and in reports."""
    if not isinstance(value, str):
        raise ConfigError(f"{key} {quoted(value)}: expected text")
    if not value or len(value) > _MAX_NAME or not value.isascii() or not value.isprintable() or value != value.strip():
        raise ConfigError(f"{key} {quoted(value)}: expected 1 to {_MAX_NAME} printable ASCII characters")
    return value


def whole(key: str, value: object, *, least: int) -> int | None:
    """Return a whole number from `least` on, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**62:
        raise ConfigError(f"{key} {quoted(value)}: expected a whole number from {least} on")
    return value


def ratio(key: str, value: object) -> float:
    """Return a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ConfigError(f"{key} {quoted(value)}: expected a number from 0 to 1")
    return float(value)


def label_names(key: str, value: Sequence[str]) -> tuple[str, ...]:
    """Return label names: a list of different, non-empty texts."""
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise ConfigError(f'{key} {quoted(value)}: expected a list of names such as {key} = ["user"]')
    names = tuple(value)
    for index, name in enumerate(names):
        if not 1 <= _size(name) <= _MAX_NAME:
            raise ConfigError(f"{key} {quoted(name)}: expected a label name of 1 to {_MAX_NAME} bytes")
        if name in names[:index]:
            raise ConfigError(f"{key} {quoted(name)}: named twice; keep one")
    return names


def values_by_label(key: str, value: Mapping[str, str | Sequence[str]] | None) -> Mapping[str, tuple[str, ...]]:
    """Return the wanted values of each label, as tuples in a read-only mapping."""
    found = {}
    for label, wanted in dict(value or {}).items():
        values = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        if not values or not all(isinstance(one, str) and _size(one) <= _MAX_LABEL_BYTES for one in values):
            raise ConfigError(
                f"{key} {quoted(label)}: expected text or a list of texts of at most {_MAX_LABEL_BYTES} bytes each"
            )
        found[label_names(key, [label])[0]] = values
    return MappingProxyType(found)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))

"""What a caller gives as labels, as the core reads it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_dict"]


def as_dict(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Return a dict of labels of its own; None is none. Names and values are checked by the core.

    Raises:
        ConfigError: What is given is no mapping.
    """
    try:
        return dict(labels or {})
    except (TypeError, ValueError):
        from tierkit.errors import ConfigError  # noqa: PLC0415 - only for a mistake

        raise ConfigError(f"labels {labels!r:.80}: expected a mapping such as {{'user': 'ada'}}") from None

"""The form of every part of a policy: named values that never change, compare by value and print without secrets."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Self

__all__ = ["Record"]


class Record:
    """Immutable values. `__match_args__` lists the constructor's arguments; slots with `_` in front are derived.

    Threads may share a record freely; `with_(burst=20)` makes a changed copy and checks it again.
    """

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def _keep(self, **values: object) -> None:
        """Store the checked values; used by constructors only."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__match_args__}

    def with_(self, **changes: Any) -> Self:
        """Return a copy with some values changed, checked like a new one.

        Example:
            >>> from tierkit import Limit
            >>> Limit("60 requests/minute").with_(burst=10)
            Limit(rate='60 requests/minute', burst=10, mode='enforce')

        """
        return type(self)(**{**self._fields(), **changes})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a part that changed after it was checked would be unchecked."""
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed; make a copy with with_({name}=...)")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse, as assignment is refused."""
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        """Compare by value, within one class."""
        if type(other) is not type(self) or not isinstance(other, Record):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        """Hash by value; the values that cannot be hashed (mappings) are left to equality."""
        fields = self._fields().values()
        return hash((type(self), *(value for value in fields if isinstance(value, (str, int, float, tuple)))))

    def __repr__(self) -> str:
        """Show what is set."""
        shown = (f"{name}={_plain(value)!r}" for name, value in self._fields().items() if not _unset(value))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy through the constructor, so that a foreign pickle is checked as well."""
        return _rebuild, (type(self), {name: _picklable(value) for name, value in self._fields().items()})


def _rebuild(kind: type[Any], fields: dict[str, Any]) -> Any:
    return kind(**fields)


def _plain(value: Any) -> Any:
    """Turn a read-only view of a mapping back into a dict, which prints shorter and pickles."""
    return dict(value) if hasattr(value, "keys") else value


def _picklable(value: Any) -> Any:
    """Turn money into the text it is made from: compiled values have no pickle of their own."""
    return str(value) if hasattr(value, "nusd") else _plain(value)


def _unset(value: object) -> bool:
    return value is None or (
        not isinstance(value, (bool, int, float)) and hasattr(value, "__len__") and len(value) == 0
    )

"""From a need to an ordered plan of tiers, by shares of the own traffic."""

from __future__ import annotations

from tierkit import _core
from tierkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Router"]

# Shares of all tiers may miss 1 by so much: texts such as 0.333.
SLACK = 0.001


class Router:
    """Chooses tiers so that each stronger one serves its share of the traffic; the cheapest serves the rest.

    The threshold of a tier is a quantile of the needs that this router has observed, with a half-life of 10,000
    requests; what was missed by chance is made good over some 400. Before there is traffic, needs are taken as even,
    which they are on the training prompts. Needs that lie closer than 1/256 are a tie, which goes to the cheaper tier
    unless the stronger one is short of its share. Thread-safe; a plan or an observation costs about a microsecond.

    Example:
        >>> from tierkit.route import Router
        >>> router = Router(["small", "medium", "large"], {"medium": 0.3, "large": 0.2})
        >>> router.plan(0.9)
        ('large', 'medium', 'small')
        >>> router.plan(0.6)
        ('medium', 'small', 'large')

    """

    __slots__ = ("_core", "tiers")

    def __init__(
        self, tiers: Sequence[str], share: Mapping[str, float], *, default: str | None = None, escalate: bool = False
    ) -> None:
        """Check names and shares.

        Args:
            tiers: Names, cheapest first.
            share: Part of the traffic per tier, from 0 to 1; tiers that are not named serve none unless others
                refuse. The cheapest may be left out.
            default: Tier of requests without a score; None is the cheapest.
            escalate: Go on to stronger tiers before cheaper ones when the chosen tier refuses. This spends more than
                the shares ask for.

        Raises:
            ConfigError: No tiers, a name twice or unknown, a share outside [0, 1], or shares above 1 in all.

        """
        self.tiers = tuple(tiers)
        if not self.tiers or len(set(self.tiers)) < len(self.tiers):
            raise ConfigError(f"tiers {list(self.tiers)}: expected at least one name and none twice")
        for name in [*share, *([] if default is None else [default])]:
            if name not in self.tiers:
                raise ConfigError(f"tier {name!r}: expected one of {', '.join(self.tiers)}{_guess(name, self.tiers)}")
        for name, part in share.items():
            if isinstance(part, bool) or not isinstance(part, (int, float)):
                raise ConfigError(
                    f"share of {name}: {part!r}, expected a part of the traffic from 0 to 1, such as 0.20"
                )
        if self.tiers[0] in share and abs(sum(share.values()) - 1) > SLACK:
            raise ConfigError(
                f"shares of {sum(share.values()):g} in all: expected 1 when the cheapest tier has one; "
                f"leave {self.tiers[0]!r} out"
            )
        shares = [float(share.get(name, 0.0)) for name in self.tiers]
        self._core = _core.ShareRouter(
            shares, default=0 if default is None else self.tiers.index(default), escalate=escalate
        )

    def plan(self, need: float | None) -> tuple[str, ...]:
        """All tiers, best first: the chosen one, then cheaper ones downwards, then dearer ones upwards.

        Cheaper first, because a tier above the chosen one costs more than the share allows; `escalate=True` turns the
        two around. Nothing is counted: call `observe` once per request.

        Args:
            need: `TierScore.need`, or None for a request without a score.

        Example:
            >>> from tierkit.route import Router
            >>> Router(["small", "large"], {"large": 0.2}).plan(None)
            ('small', 'large')

        """
        tiers = self.tiers
        return tuple([tiers[at] for at in self._core.plan(need)])

    def observe(self, need: float) -> None:
        """Count the need of a request, so that the thresholds follow the traffic.

        Example:
            >>> from tierkit.route import Router
            >>> Router(["small", "large"], {"large": 0.2}).observe(0.4)

        """
        self._core.observe(need)

    @property
    def asked_ppm(self) -> int:
        """Part of the traffic that tiers above the cheapest serve when nothing lowers it, in millionths."""
        return self._core.asked_ppm()

    def scale(self, part_ppm: int) -> None:
        """Lower all shares but the cheapest's to a part of what was asked for, in millionths.

        Example:
            >>> from tierkit.route import Router
            >>> router = Router(["small", "large"], {"large": 0.4})
            >>> router.scale(500_000)
            >>> round(router.threshold("large"), 3)
            0.8

        """
        self._core.scale(part_ppm)

    def threshold(self, tier: str) -> float:
        """Return the need above which a tier is chosen: 0 for the cheapest, infinite for a tier without a share.

        Example:
            >>> from tierkit.route import Router
            >>> round(Router(["small", "large"], {"large": 0.2}).threshold("large"), 3)
            0.8

        """
        if tier not in self.tiers:
            raise ConfigError(f"tier {tier!r}: expected one of {', '.join(self.tiers)}{_guess(tier, self.tiers)}")
        return self._core.threshold(self.tiers.index(tier))


def _guess(name: str, names: Sequence[str]) -> str:
    import difflib  # noqa: PLC0415 - only for a message

    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

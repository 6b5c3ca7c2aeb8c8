"""What is said of an answer, and what follows: a lesson, a kept answer that is given up, a session that rises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tierkit.errors import ConfigError
from tierkit.governor.learning import quality_of
from tierkit.governor.story import story

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tierkit.governor.engine import Engine
    from tierkit.governor.model import Model
    from tierkit.route import TierClassifier
    from tierkit.route.refit import Refit

__all__ = ["decided", "judged", "relearned"]

# Below this an answer was not good enough.
_GOOD = 0.5
# A client's request is `<id>/<attempt>` in the ledger, of at most so many attempts.
_ATTEMPTS = 3


def judged(
    engine: Engine,
    state: str | None,
    identity: str,
    *,
    ok: bool | None,
    quality: float | None,
    tier: str | None,
) -> bool:
    """Apply a verdict; see `Governor.feedback`."""
    worth = quality_of(ok=ok, quality=quality)
    identity, labels = _found(engine, state, identity)
    served = labels["tier"]
    if tier is not None and tier not in engine.candidates:
        raise ConfigError(f"tier {tier!r}: expected one of {', '.join(engine.candidates)}")
    hit = engine.hits.get(identity)
    if hit is not None:
        return engine.answers.report(hit, ok=worth >= _GOOD)
    own = {name: value for name, value in labels.items() if name not in ("tier", "model", "backend")}
    rises = worth < _GOOD and tier in (None, served) and engine.steering.evidence(own, served)
    if engine.learning is None:
        if rises or engine.steering.session(own) is not None:
            return rises
        raise ConfigError("feedback: the policy keeps none; add the line feedback = true to [routing]")
    return engine.learning.label(identity, tier or served, worth, engine.gate.wall_ns) or rises


def _found(engine: Engine, state: str | None, identity: str) -> tuple[str, Mapping[str, str]]:
    """Return the attempt that answered, and its labels."""
    for number in range(_ATTEMPTS, 0, -1):
        known = engine.gate.reservation(f"{identity}/{number}")
        if known is not None and known[0] == "posted":
            return f"{identity}/{number}", known[1]
    told: dict[str, Any] = story(engine.gate, state, identity)
    labels = told.get("labels") or told["entries"][-1]["labels"]
    return identity, labels


def relearned(engine: Engine, *, loss: float, confidence: float, force: bool) -> Refit:
    """Fit to the lessons; see `Governor.refit`."""
    from tierkit.route.refit import refit  # noqa: PLC0415 - loads numpy

    if engine.learning is None:
        raise ConfigError("refit: the policy keeps no feedback; add the line feedback = true to [routing]")
    cheapest = next(iter(engine.candidates))
    model = engine.model
    made, found = refit(
        model.base, model.current(), engine.learning.book.lessons(), cheapest, loss=loss, confidence=confidence
    )
    return decided(model, made, found, force=force)


def decided(model: Model, made: TierClassifier, found: Refit, *, force: bool) -> Refit:
    """Put a fitted classifier in force if it is better, and say whether it was."""
    if force or found.low > 0:
        model.take(made)
        return found._replace(in_force=True)
    why = f"the 95 % interval of its gain, {found.low:+.3f} to {found.high:+.3f}, reaches below 0"
    return found._replace(why=f"{why}; {found.why}" if found.why else why)

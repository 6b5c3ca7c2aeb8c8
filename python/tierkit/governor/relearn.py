"""A fit to the feedback of a state directory, from outside the processes that use it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tierkit.errors import StateError
from tierkit.governor.model import Model
from tierkit.governor.verdict import decided
from tierkit.route.notebook import FILE, Notebook

if TYPE_CHECKING:
    from tierkit.route import TierClassifier
    from tierkit.route.refit import Refit

__all__ = ["relearn"]


def relearn(state: str, base: TierClassifier | None, *, loss: float, confidence: float, force: bool) -> Refit:
    """Fit to the lessons of a directory; see `Governor.refit`.

    Raises:
        StateError: The directory holds no feedback.
        ConfigError: Too little of it.
    """
    from tierkit.route.refit import refit  # noqa: PLC0415 - loads numpy

    file = Path(state) / FILE
    if not os.path.lexists(file):
        fix = "give the directory of a governor whose policy has feedback = true"
        raise StateError(f"state '{file}': no feedback; {fix}", path=str(file), fix=fix)
    book, model = Notebook.at(state), Model(base, state)
    cheapest = book.fact("tiers", b"").partition(b",")[0].decode()
    made, found = refit(model.base, model.current(), book.lessons(), cheapest, loss=loss, confidence=confidence)
    return decided(model, made, found, force=force)

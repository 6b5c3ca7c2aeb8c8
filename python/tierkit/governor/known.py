"""What an id was admitted for before: a retry must not be judged as another request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import AlreadySettled

if TYPE_CHECKING:
    from tierkit import _core
    from tierkit.governor.candidate import Candidate
    from tierkit.governor.prompt import Prompt

__all__ = ["Known", "recall"]

_GOVERNORS_LABELS = 3
"""tier, model and backend"""


class Known(NamedTuple):
    """A request that was admitted, as it was reserved.

    Attributes:
        id: Its id.
        candidate: The tier that serves it; None when the policy has it no more.
        labels: Who asked, with tier, model and backend.
        input_tokens: Reserved.
        output_tokens: Reserved; 0 for an answer from the cache.
        nusd: Reserved.
    """

    id: str
    candidate: Candidate | None
    labels: dict[str, str]
    input_tokens: int
    output_tokens: int
    nusd: int

    def asks(self, prompt: Prompt, labels: dict[str, str]) -> bool:
        """Whether a request has its labels and its tokens; of an answer from the cache, no tokens are kept."""
        if self.output_tokens and self.candidate is not None:
            tokens = prompt.tokens(self.candidate.tier.model)
            if tokens != self.input_tokens:
                return False
        return self._asked_with(labels)

    def reserved(self, tokens: int, output: int, ceiling: int, *, bound: int | None) -> tuple[int, int]:
        """Return the output tokens and the money to ask for: prices and usual lengths may have changed since."""
        output = self.output_tokens if bound is None else output
        same = (tokens, output) == (self.input_tokens, self.output_tokens)
        return output, self.nusd if same else ceiling

    def _asked_with(self, labels: dict[str, str]) -> bool:
        return len(self.labels) == len(labels) + _GOVERNORS_LABELS and {**self.labels, **labels} == self.labels

    def check_holds(self, labels: dict[str, str]) -> None:
        """Refuse to go on with a request whose id holds nothing.

        Raises:
            AlreadySettled: It was answered from the cache.
        """
        if self.output_tokens == 0 and self._asked_with(labels):
            raise AlreadySettled(
                f"reservation '{self.id}' was answered from the cache, so nothing is held for it; "
                "give another attempt an id of its own"
            )


def recall(gate: _core.Gate, candidates: dict[str, Candidate], identity: str | None) -> Known | None:
    """Return what an id was admitted for; None for a new one."""
    found = None if identity is None else gate.reservation(identity)
    if found is None or identity is None:
        return None
    _, labels, reserved, _, (input_tokens, output_tokens) = found
    return Known(identity, candidates.get(labels.get("tier", "")), labels, input_tokens, output_tokens, reserved.nusd)

"""A tier as the walk sees it: its labels, its prices, its learned answer lengths."""

from __future__ import annotations

from tierkit.errors import PriceMissing
from tierkit.governor.lengths import OutputLengths
from tierkit.request import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit import _core
    from tierkit.policy import Tier
    from tierkit.prices import PriceBook

__all__ = ["Candidate"]


class Candidate:
    """One tier with everything that a decision needs, resolved once.

    Attributes:
        tier: The tier of the policy.
        labels: (tier, model, backend), the labels that the governor adds.
        lengths: Output lengths seen on this tier.
    """

    __slots__ = ("_book", "_missing", "_price", "labels", "lengths", "tier")

    def __init__(self, tier: Tier, prices: PriceBook, *, on_missing_price: str) -> None:
        """Resolve the price: the tier's own, else the book's; a missing one follows the policy.

        Raises:
            PriceMissing: The model has no price and the policy refuses then.
        """
        self.tier = tier
        self.labels = (tier.name, tier.model, tier.backend)
        self.lengths = OutputLengths()
        self._book = prices if tier.price is None else prices.with_prices({tier.model: _rates(tier)})
        self._missing = on_missing_price
        self._price: _core.ModelPrice | None
        try:
            self._price = self._book.resolve(tier.model)
        except PriceMissing as error:
            if on_missing_price != "ceiling":
                raise PriceMissing(
                    f"tier '{tier.name}': {error}; give the tier a price, or set on_missing_price = \"ceiling\""
                ) from None
            self._price = None

    def output_tokens(self, asked: int | None) -> int:
        """Return the output tokens to reserve: what the caller or the tier bounds, else what answers usually take."""
        bound = self.tier.max_output_tokens
        if asked is not None:
            return asked if bound is None else min(asked, bound)
        high = self.lengths.high()
        return high if bound is None else min(high, bound)

    def bound(self, asked: int | None) -> int | None:
        """Return the bound of the answer to send to the server; None when neither caller nor tier sets one."""
        bound = self.tier.max_output_tokens
        if asked is None or bound is None:
            return bound if asked is None else asked
        return min(asked, bound)

    def ceiling_nusd(self, input_tokens: int, output_tokens: int, at_ns: int, processing: str | None = None) -> int:
        """Return the most that such a call can cost, in nano-USD; without a price for the processing, the dearest."""
        if self._price is not None:
            try:
                return self._price.ceiling_nusd(input_tokens, output_tokens, at_ns=at_ns, processing=processing)
            except PriceMissing:
                if processing is None:
                    raise
        return self._highest_nusd(Usage(input_tokens, output_tokens))

    def cost_nusd(self, usage: Usage, at_ns: int, processing: str | None = None) -> tuple[int, bool]:
        """Return the exact price in nano-USD, and whether it is an estimate because the price is missing."""
        if self._price is not None:
            try:
                return self._price.cost_nusd(usage, at_ns=at_ns, processing=processing), usage.estimated
            except PriceMissing:
                # The work is done and will be billed: the dearest known price is booked and marked, not lost.
                return self._highest_nusd(usage), True
        return self._highest_nusd(usage), True

    def pusd_per_token(self) -> tuple[int, int, int, int]:
        """Return what a token costs, in pico-USD: read from the server's cache, written to it, plain input, output."""
        if self._price is None:
            return (0, 0, 0, 0)
        row = self._price.row()
        plain, read, write = row.input_pusd_per_token, row.cache_read_pusd_per_token, row.cache_write_5m_pusd_per_token
        read, write = plain if read is None else read, plain if write is None else write
        return read, write, plain, row.output_pusd_per_token or 0

    def fits_context(self, tokens: int) -> bool:
        """Whether input and output of so many tokens fit the model."""
        return self.tier.context_tokens is None or tokens <= self.tier.context_tokens

    def _highest_nusd(self, usage: Usage) -> int:
        return self._book.cost_or_ceiling(self.tier.model, usage).money.nusd


def _rates(tier: Tier) -> dict[str, str]:
    price = tier.price
    if price is None:
        return {}
    rates = {"input": price.input, "output": price.output}
    if price.cache_read is not None:
        rates["cache_read"] = price.cache_read
    if price.cache_write is not None:
        rates["cache_write_5m"] = rates["cache_write_1h"] = price.cache_write
    return rates

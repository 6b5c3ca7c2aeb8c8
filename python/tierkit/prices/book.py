"""`PriceBook`: exact costs and upper bounds by model name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from tierkit import _core
from tierkit.errors import PriceMissing
from tierkit.money import Money
from tierkit.prices.file import model_records, read_book, utc_ns
from tierkit.prices.override import override_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal
    from typing import Self

    from tierkit._core import ModelPrice, PriceRow, Usage
    from tierkit.prices.file import BookFile

__all__ = ["PriceBook", "PricedCost"]


class PricedCost(NamedTuple):
    """A cost, and whether it is exact.

    Attributes:
        money: The amount.
        estimated: True when the exact price is missing and the highest known price stands in.
        reason: Why the price is missing, or None.

    """

    money: Money
    estimated: bool
    reason: str | None


class PriceBook:
    """Prices by model, read from a book or given by the user; immutable.

    Attributes:
        as_of: The day on which the newest price was read, such as "2026-11-04".
        digest: SHA-256 of the book's models, to name the book in a ledger.

    Units: prices are whole pico-USD per token (1 USD/Mtok = 1,000,000), amounts whole nano-USD, rounded up once per
        call.

    """

    __slots__ = ("_book", "as_of", "digest")

    _default: PriceBook | None = None

    def __init__(self, book: _core.PriceBook, *, as_of: str, digest: str) -> None:
        """Keep the parts; `default` and `from_json` make books."""
        self._book = book
        self.as_of = as_of
        self.digest = digest

    @classmethod
    def default(cls) -> PriceBook:
        """Return the book that comes with the package, read once per process.

        Example:
            >>> from tierkit import PriceBook, Usage
            >>> usage = Usage(input_tokens=1_000_000, output_tokens=0)
            >>> PriceBook.default().cost("gpt-5", usage)
            Money('1.25')

        """
        if PriceBook._default is None:
            # Two threads may both read the file; they get equal books.
            PriceBook._default = PriceBook.from_json(read_book(), name="the shipped price book")
        return PriceBook._default

    @classmethod
    def from_json(cls, text: str, *, name: str = "price book") -> Self:
        """Read a book in the format of the shipped one.

        Args:
            text: The JSON text.
            name: What errors call it.

        Raises:
            ConfigError: The text is not a book, its digest is wrong, or two rows hold for the same request.

        """
        file: BookFile = model_records(text, name=name)
        return cls(_core.PriceBook(file.records), as_of=file.as_of, digest=file.digest)

    def models(self) -> list[str]:
        """Names of all models, sorted, without aliases."""
        return self._book.models()

    def resolve(self, model: str, *, at: datetime | int | None = None) -> ModelPrice:
        """Return a handle to one model's prices, for hot paths.

        Args:
            model: A name, an alias, `provider/name`, or a dated snapshot where the book says that it costs the same.
            at: When requests start unless the handle's methods are told otherwise; see `cost`.

        Raises:
            PriceMissing: The book does not know the model; the message names the one that was probably meant.

        """
        return self._book.resolve(model, at_ns=utc_ns(at) if at is not None else time.time_ns())

    def cost(
        self, model: str, usage: Usage, *, at: datetime | int | None = None, processing: str | None = None
    ) -> Money:
        """Return what a call costs.

        Args:
            model: See `resolve`.
            usage: What the call used. `usage.served_tier`, when set, beats `processing`.
            at: When the request started: an aware datetime, or nanoseconds since 1970. None: now.
            processing: "standard", "batch", "flex", "priority", … as it was asked for. None: standard.

        Returns:
            The sum of tokens times price, rounded up once to nano-USD. A context step reprices the whole request.

        Raises:
            PriceMissing: No price for this model, processing, context length, time or kind of token. It never becomes
                a base price or 0.

        """
        return Money.from_nusd(self.resolve(model, at=at).cost_nusd(usage, processing=processing))

    def ceiling(
        self,
        model: str,
        *,
        input_tokens: int,
        output_tokens: int,
        at: datetime | int | None = None,
        processing: str | None = None,
        cache_writes: bool = True,
    ) -> Money:
        """Return the most that a call can cost, for reservations.

        Args:
            model: See `resolve`.
            input_tokens: Upper bound of the input.
            output_tokens: Upper bound of the output.
            at: See `cost`.
            processing: See `cost`.
            cache_writes: False when the request can write nothing to the provider's cache; else writes are assumed
                where they are dearer.

        Returns:
            Every input token in its dearest class and reachable context step, plus the output.

        Raises:
            PriceMissing: As `cost`.

        Example:
            >>> PriceBook.default().ceiling("gpt-5-mini", input_tokens=1000, output_tokens=1000)
            Money('0.00225')

        """
        price = self.resolve(model, at=at)
        return Money.from_nusd(
            price.ceiling_nusd(input_tokens, output_tokens, processing=processing, cache_writes=cache_writes)
        )

    def cost_or_ceiling(
        self, model: str, usage: Usage, *, at: datetime | int | None = None, processing: str | None = None
    ) -> PricedCost:
        """Return the exact cost, or where its price is missing the highest known one, marked as an estimate.

        The highest known price is the model's own over all its rows; for an unknown model the book's.
        """
        try:
            return PricedCost(self.cost(model, usage, at=at, processing=processing), estimated=False, reason=None)
        except PriceMissing as missing:
            highest = Money.from_nusd(self._book.highest_nusd(model, usage))
            return PricedCost(highest, estimated=True, reason=str(missing))

    def price(
        self, model: str, *, at: datetime | int | None = None, processing: str | None = None, input_tokens: int = 0
    ) -> PriceRow:
        """Return the row that prices a request of this length, with its source and date.

        Example:
            >>> PriceBook.default().price("gpt-5").output_pusd_per_token
            10000000

        """
        return self.resolve(model, at=at).row(input_tokens=input_tokens, processing=processing)

    def with_prices(self, prices: Mapping[str, Mapping[str, str | Decimal]]) -> PriceBook:
        """Return a book in which these prices replace all prices of the models named.

        Args:
            prices: By model: `input` and, unless it has none, `output`; optionally `cache_read`, `cache_write_5m` and
                `cache_write_1h`. Text or Decimal, in USD per million tokens: "0.05 USD/Mtok". Without a price of their
                own, reads and writes cost as plain input.

        Raises:
            ConfigError: A kind that is not known, a float, or a price finer than a pico-USD per token.

        Example:
            >>> prices = {"input": "0.05 USD/Mtok", "output": "0.20 USD/Mtok"}
            >>> own = PriceBook.default().with_prices({"Qwen/Qwen3-8B": prices})
            >>> own.ceiling("Qwen/Qwen3-8B", input_tokens=1000, output_tokens=100)
            Money('0.00007')

        """
        records = [override_record(model, given) for model, given in prices.items()]
        return PriceBook(self._book.replacing(records), as_of=self.as_of, digest=self.digest)

    def knows(self, model: str) -> bool:
        """Tell whether the book has a model by this name, alias or dated snapshot, at whatever time."""
        try:
            self._book.resolve(model, at_ns=0)
        except PriceMissing:
            return False
        return True

    def __contains__(self, model: object) -> bool:
        """Tell whether the book knows a model by this name."""
        return isinstance(model, str) and self.knows(model)

    def __repr__(self) -> str:
        """Show size and date."""
        return f"<PriceBook of {len(self.models())} models, as of {self.as_of}>"

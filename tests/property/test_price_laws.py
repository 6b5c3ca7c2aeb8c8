"""Costs against exact fractions, and against genai-prices over the shipped book."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import genai_prices
from genai_prices import data as genai_data
from hypothesis import given, settings
from hypothesis import strategies as st

from tierkit import PriceMissing, Usage
from tierkit.prices import PriceBook

BOOK = PriceBook.default()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")

tokens = st.one_of(st.integers(0, 1000), st.integers(0, 10_000_000))
pusd = st.one_of(st.integers(0, 10_000), st.integers(0, 1_000_000_000))


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    plain, read, write_5m, write_1h, output = (draw(tokens) for _ in range(5))
    return Usage(
        plain + read + write_5m + write_1h,
        output,
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        reasoning_tokens=draw(st.integers(0, output)),
    )


def usd_per_mtok(price: int) -> str:
    return f"{price // 10**6}.{price % 10**6:06d} USD/Mtok"


def exact_nusd(usage: Usage, prices: dict[str, int]) -> int:
    """Fractions of a USD, rounded up once."""
    read, write_5m, write_1h = usage.cache_read_tokens, usage.cache_write_5m_tokens, usage.cache_write_1h_tokens
    counts = (usage.input_tokens - read - write_5m - write_1h, usage.output_tokens, read, write_5m, write_1h)
    usd = sum(Fraction(prices[kind], 10**12) * count for kind, count in zip(KINDS, counts, strict=True))
    return math.ceil(usd * 10**9)


@settings(max_examples=500, deadline=None)
@given(usage=usages(), prices=st.fixed_dictionaries(dict.fromkeys(KINDS, pusd)))
def test_costs_are_exact_and_below_the_ceiling(usage: Usage, prices: dict[str, int]) -> None:
    book = BOOK.with_prices({"m": {kind: usd_per_mtok(price) for kind, price in prices.items()}})
    cost = book.cost("m", usage)
    assert cost.nusd == exact_nusd(usage, prices)
    assert cost <= book.ceiling("m", input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)


@settings(max_examples=500, deadline=None)
@given(
    usage=usages(),
    model=st.sampled_from(BOOK.models()),
    processing=st.sampled_from([None, "batch", "flex", "priority"]),
    spare=st.tuples(st.integers(0, 300_000), st.integers(0, 1000)),
)
def test_no_usage_costs_more_than_its_ceiling(
    usage: Usage, model: str, processing: str | None, spare: tuple[int, int]
) -> None:
    bounds = {"input_tokens": usage.input_tokens + spare[0], "output_tokens": usage.output_tokens + spare[1]}
    try:
        ceiling = BOOK.ceiling(model, **bounds, processing=processing, at=NOW)
    except PriceMissing:
        return
    try:
        assert BOOK.cost(model, usage, processing=processing, at=NOW) <= ceiling
    except PriceMissing as missing:
        assert "cache_write_1h" in str(missing)  # noqa: PT017 - the one price that a ceiling can do without


THEIRS = {"xai": "x-ai"}


@settings(max_examples=1500, deadline=None)
@given(
    model=st.sampled_from(BOOK.models()),
    count=st.tuples(st.integers(0, 600_000), st.integers(0, 100), st.integers(0, 100_000)),
    processing=st.sampled_from([None, "batch", "flex", "priority", "fast"]),
    at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
)
def test_costs_equal_genai_prices(
    model: str, count: tuple[int, int, int], processing: str | None, at: datetime
) -> None:
    """Over models, lengths, processing and times, both sides of every change of price."""
    handle = BOOK.resolve(model)
    read = count[0] * count[1] // 100
    has_output = handle.rows()[0].output_pusd_per_token is not None
    usage = Usage(count[0], count[2] if has_output else 0, cache_read_tokens=read)
    try:
        ours = BOOK.cost(model, usage, at=at, processing=processing)
    except PriceMissing:
        assert processing is not None  # a standard price is never missing
        return
    provider = next(
        provider for provider in genai_data.providers if provider.id == THEIRS.get(handle.provider, handle.provider)
    )
    theirs = next(info for info in provider.models if info.id == model.removeprefix(f"{handle.provider}/")).calc_price(
        genai_prices.Usage(input_tokens=usage.input_tokens, cache_read_tokens=read, output_tokens=usage.output_tokens),
        provider,
        genai_request_timestamp=at,
        price_context={key: processing for key in ("processing", "service_tier", "speed") if processing},
    )
    assert ours.nusd == math.ceil(theirs.total_price * Decimal(10**9))

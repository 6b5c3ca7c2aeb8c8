"""The price book from Python: names, steps, times, processing, own prices, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tierkit.prices
from tierkit import Money, PriceMissing, Usage
from tierkit.errors import ConfigError
from tierkit.prices import PriceBook

BOOK = PriceBook.default()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CURRENT = """
gpt-5 gpt-5-mini gpt-5-nano gpt-4.1 gpt-4.1-mini gpt-4o gpt-4o-mini o1 o3 o4-mini text-embedding-3-small
claude-3-5-sonnet claude-3-5-haiku claude-3-7-sonnet-20250219 claude-sonnet-4-20250514 claude-opus-4-1
claude-sonnet-4-5-20250929 claude-haiku-4-5 gemini-2.0-flash gemini-2.5-pro gemini-2.5-flash
gemini-2.5-flash-lite deepseek-chat deepseek-reasoner mistral-large-latest mistral-small-latest
codestral-latest llama-3.3-70b-versatile groq/llama-3.1-8b-instant grok-4 grok-3-mini openai/gpt-5
anthropic/claude-sonnet-4-5 google/gemini-2.5-pro GPT-5
"""
FILE = Path(tierkit.prices.__file__).with_name("book.json")


def cost(model: str, usage: Usage, **terms: Any) -> str:
    return str(BOOK.cost(model, usage, **{"at": NOW, **terms}))


def test_shipped_book_is_whole() -> None:
    text = FILE.read_text(encoding="utf-8")
    head = json.loads(text)
    lines = text.split('"models":[\n')[1].removesuffix("\n]}\n")
    assert hashlib.sha256(lines.encode()).hexdigest() == head["sha256"] == BOOK.digest
    assert head["as_of"] == BOOK.as_of == "2026-11-04"
    assert len(BOOK.models()) >= 150


def test_the_book_can_be_made_again(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "training" / "price_book.py"
    made = tmp_path / "book.json"
    subprocess.run([sys.executable, script, "--as-of", BOOK.as_of, "--out", made], check=True, capture_output=True)
    assert made.read_bytes() == FILE.read_bytes()


def test_every_price_has_source_and_date() -> None:
    for model in BOOK.models():
        for row in BOOK.resolve(model).rows():
            assert row.source.startswith("https://"), model
            assert date.fromisoformat(row.as_of) <= date.fromisoformat(BOOK.as_of), model


def test_current_models_are_there() -> None:
    for model in CURRENT.split():
        assert BOOK.knows(model), model


def test_known_costs() -> None:
    assert cost("gpt-5", Usage(812, 95)) == "0.001965"
    cached = Usage(1000, 100, cache_read_tokens=600, cache_write_5m_tokens=200, cache_write_1h_tokens=100)
    # 100 * 3 + 600 * 0.3 + 200 * 3.75 + 100 * 6 + 100 * 15, in millionths of a USD
    assert cost("claude-sonnet-4-5", cached) == "0.00333"
    assert cost("text-embedding-3-small", Usage(1_000_000, 0)) == "0.02"
    assert cost("gpt-5", Usage(0, 0)) == "0"


def test_one_rounding_upwards() -> None:
    # 0.02 USD/Mtok = 20,000 pico-USD per token; 0.0025: a single token is 2.5 nano-USD and costs 3.
    own = BOOK.with_prices({"m": {"input": "0.0025 USD/Mtok", "output": "0.0001 USD/Mtok"}})
    assert own.cost("m", Usage(1, 0)).nusd == 3
    assert own.cost("m", Usage(2, 0)).nusd == 5
    assert own.cost("m", Usage(1, 4)).nusd == 3  # 2.5 + 0.4 = 2.9, not 3 + 1


def test_context_step_reprices_the_whole_request() -> None:
    assert cost("gemini-2.5-pro", Usage(200_000, 0)) == "0.25"
    assert cost("gemini-2.5-pro", Usage(200_001, 0)) == "0.5000025"
    assert cost("gemini-2.5-pro", Usage(200_001, 1_000)) == "0.5150025"
    # xAI's own boundary is inclusive: 200,000 tokens pay the higher price.
    low, high = (
        BOOK.price("grok-4.3", at=NOW, input_tokens=199_999),
        BOOK.price("grok-4.3", at=NOW, input_tokens=200_000),
    )
    assert high.input_pusd_per_token == 2 * low.input_pusd_per_token


def test_processing() -> None:
    usage = Usage(1_000_000, 0)
    assert cost("gpt-5", usage) == "1.25"
    assert cost("gpt-5", usage, processing="batch") == cost("gpt-5", usage, processing="flex") == "0.625"
    assert cost("gpt-5", usage, processing="priority") == "2.5"
    assert cost("claude-haiku-4-5", usage, processing="batch") == "0.5"
    assert cost("gemini-2.5-flash", usage, processing="batch") == "0.15"
    for word in (None, "standard", "default", "auto"):
        assert cost("gpt-5", usage, processing=word) == "1.25"


def test_served_tier_beats_the_requested_processing() -> None:
    assert cost("gpt-5", Usage(1_000_000, 0, served_tier="flex")) == "0.625"
    assert cost("gpt-5", Usage(1_000_000, 0, served_tier="default"), processing="priority") == "1.25"
    assert cost("gpt-5", Usage(1_000_000, 0, served_tier="priority"), processing="flex") == "2.5"
    with pytest.raises(PriceMissing, match="processing 'scale'"):
        cost("gpt-5", Usage(1, 1, served_tier="scale"))


@pytest.mark.parametrize(
    ("model", "terms", "sentence"),
    [
        ("gpt5-mini", {}, "did you mean 'gpt-5-mini'"),
        ("claude-sonet-4-5", {}, "did you mean 'claude-sonnet-4-5'"),
        ("no such model at all", {}, "no price in the book;"),
        ("gpt-5-2031-01-01", {}, "gpt-5-2031-01-01"),
        ("gpt-4o-mini-2099", {}, "gpt-4o-mini-2099"),
        ("", {}, "model ''"),
        ("gpt-5", {"processing": "prioriti"}, "did you mean 'priority'"),
        (
            "gpt-5",
            {"processing": "batch", "at": datetime(2025, 9, 1, tzinfo=UTC)},
            "no price for processing 'batch' at 1756684800 s",
        ),
    ],
)
def test_missing_prices_raise(model: str, terms: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PriceMissing, match=re.escape(sentence)):
        cost(model, Usage(10, 10), **terms)


def test_missing_context_raises() -> None:
    assert cost("gpt-5.4", Usage(272_000, 0), processing="priority") == "1.36"
    with pytest.raises(PriceMissing, match="272001 input tokens"):
        cost("gpt-5.4", Usage(272_001, 0), processing="priority")
    with pytest.raises(PriceMissing):
        BOOK.ceiling("gpt-5.4", input_tokens=272_001, output_tokens=1, processing="priority", at=NOW)


def test_missing_kinds_raise() -> None:
    with pytest.raises(PriceMissing, match="no price for output tokens"):
        cost("text-embedding-3-small", Usage(10, 1))
    own = BOOK.with_prices({"m": {"input": "1 USD/Mtok", "output": "2", "cache_write_5m": "1.25"}})
    with pytest.raises(PriceMissing, match="no price for cache_write_1h tokens"):
        own.cost("m", Usage(10, 1, cache_write_1h_tokens=1))


def test_validity_is_half_open() -> None:
    change = datetime(2025, 6, 10, tzinfo=UTC)
    usage = Usage(1_000_000, 0)
    assert cost("o3", usage, at=change - timedelta(microseconds=1)) == "10"
    assert cost("o3", usage, at=change) == "2"
    assert cost("o3", usage, at=change.astimezone(timezone(timedelta(hours=9)))) == "2"
    nanoseconds = int(change.timestamp()) * 10**9
    assert cost("o3", usage, at=nanoseconds - 1) == "10"
    assert cost("o3", usage, at=nanoseconds) == "2"
    # A price that is announced for the future holds from its day.
    assert cost("gemini-3.6-flash", usage) == "0.75"
    assert cost("gemini-3.6-flash", usage, at=datetime(2027, 1, 1, tzinfo=UTC)) == "1.5"


def test_hours_are_half_open() -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)
    usage = Usage(1_000_000, 0)
    prices = [
        cost("deepseek-v4-pro", usage, at=day + timedelta(minutes=minute))
        for minute in (59, 60, 239, 240, 359, 360, 599, 600)
    ]
    assert prices == ["0.66", "1.32", "1.32", "0.66", "0.66", "1.32", "1.32", "0.66"]


def test_ceiling_is_the_dearest_class() -> None:
    assert str(BOOK.ceiling("claude-sonnet-4-5", input_tokens=1000, output_tokens=100, at=NOW)) == "0.0075"
    assert (
        str(BOOK.ceiling("claude-sonnet-4-5", input_tokens=1000, output_tokens=100, cache_writes=False, at=NOW))
        == "0.0045"
    )
    assert str(BOOK.ceiling("gpt-5", input_tokens=0, output_tokens=0, at=NOW)) == "0"
    assert str(BOOK.ceiling("gpt-5", input_tokens=1000, output_tokens=0, processing="flex", at=NOW)) == "0.000625"


def test_cost_or_ceiling() -> None:
    usage = Usage(1_000_000, 0)
    exact = BOOK.cost_or_ceiling("gpt-5", usage, at=NOW)
    assert exact == (Money("1.25"), False, None)
    model = BOOK.cost_or_ceiling("gpt-5", usage, processing="scale", at=NOW)
    assert (str(model.money), model.estimated) == ("2.5", True)
    assert "scale" in (model.reason or "")
    unknown = BOOK.cost_or_ceiling("my-model", usage, at=NOW)
    dearest = max(row.input_pusd_per_token for name in BOOK.models() for row in BOOK.resolve(name).rows())
    assert unknown.estimated
    assert unknown.money.nusd >= dearest * 1000
    with pytest.raises(ConfigError):
        BOOK.cost_or_ceiling("my-model", usage, at=NOW.replace(tzinfo=None))


def test_own_prices() -> None:
    own = BOOK.with_prices(
        {"Qwen/Qwen3-8B": {"input": "0.05 USD/Mtok", "output": Decimal("0.20")}, "gpt-5": {"input": "1", "output": "2"}}
    )
    assert str(own.cost("Qwen/Qwen3-8B", Usage(1_000_000, 1_000_000, cache_read_tokens=500_000))) == "0.25"
    assert str(own.cost("openai/gpt-5", Usage(1_000_000, 0))) == "1"
    assert str(own.cost("gpt-5-2025-08-07", Usage(1_000_000, 0))) == "1"
    assert own.price("gpt-5").source == "policy"
    with pytest.raises(PriceMissing):
        own.cost("gpt-5", Usage(1, 1), processing="batch")
    assert "Qwen/Qwen3-8B" not in BOOK
    assert cost("gpt-5", Usage(1_000_000, 0)) == "1.25"


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        ({"input": "0.05", "outptu": "1"}, "unknown kind 'outptu' (did you mean 'output'?)"),
        ({"output": "1"}, "no 'input'"),
        ({"input": 0.05}, "is a float"),
        ({"input": True}, "is a bool"),
        ({"input": "-1"}, "expected 0 or more"),
        ({"input": "0.0000001"}, "more precise"),
        ({"input": "cheap"}, "price 'input' of model 'm'"),
        ({"input": "NaN"}, "price 'input' of model 'm'"),
    ],
)
def test_own_prices_are_checked(prices: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        BOOK.with_prices({"m": prices})


@pytest.mark.parametrize("tokens", [-1, True, 1.0, "1", None, 1 << 64, 1 << 50])
def test_tokens_are_whole_numbers(tokens: Any) -> None:
    with pytest.raises(ConfigError):
        BOOK.ceiling("gpt-5", input_tokens=tokens, output_tokens=1)
    with pytest.raises(ConfigError):
        BOOK.ceiling("gpt-5", input_tokens=1, output_tokens=tokens)
    with pytest.raises(ConfigError):
        BOOK.cost("gpt-5", Usage(tokens, 1))


def test_overflow_is_refused() -> None:
    own = BOOK.with_prices({"m": {"input": "9000000000000", "output": "1"}})
    with pytest.raises(ConfigError, match=re.escape("9.2 billion USD")):
        own.cost("m", Usage(1 << 40, 0))


@pytest.mark.parametrize("at", [NOW.replace(tzinfo=None), "2026-11-21", 1.5, True])
def test_times_are_aware(at: Any) -> None:
    with pytest.raises(ConfigError, match="aware datetime"):
        BOOK.cost("gpt-5", Usage(1, 1), at=at)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace('"input":1250000', '"input":1250001', 1), "digest"),
        (lambda text: text.replace('"format":1', '"format":9', 1), "format 9"),
        (lambda text: text.replace('"input":1250000', '"input":1.25', 1), "a fraction"),
        (lambda _: "{}", "not a price book"),
        (lambda _: "[", "not a price book"),
    ],
)
def test_broken_books_are_refused(change: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        PriceBook.from_json(change(FILE.read_text(encoding="utf-8")))


def test_handle() -> None:
    handle = BOOK.resolve("gpt-5", at=NOW)
    assert (handle.name, handle.provider) == ("gpt-5", "openai")
    assert handle.cost_nusd(Usage(812, 95)) == 1_965_000
    assert handle.cost_nusd(Usage(812, 95), processing="flex", at_ns=handle.at_ns) == 982_500
    assert handle.ceiling_nusd(1000, 100) == 2_250_000
    assert "gpt-5" in repr(handle)


def test_default_is_read_once_and_shared_by_threads() -> None:
    seen: list[int] = []

    def price() -> None:
        seen.extend(PriceBook.default().cost("gpt-5", Usage(n, n), at=NOW).nusd for n in range(200))

    threads = [threading.Thread(target=price) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [n * 11_250 for n in range(200)] * 8
    assert PriceBook.default() is PriceBook.default()

"""Turn the facts of genai-prices into the book that tierkit ships.

    python training/price_book.py --as-of 2026-11-04 --out python/tierkit/prices/book.json

Prices are read as decimal text and written as whole pico-USD per token; a price that is not whole is left out, with its
model, and printed. The same version of genai-prices and the same day give the same bytes.
`python/tierkit/prices/PROVENANCE.md` says what is taken and what is not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint

if TYPE_CHECKING:
    from decimal import Decimal

# The first provider that names a model owns the bare name.
PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "deepseek": "deepseek",
    "mistral": "mistral",
    "x-ai": "xai",
    "groq": "groq",
}
KINDS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",  # the only lifetime, or five minutes where there is also one of an hour
    "cache_write_1h_mtok": "cache_write_1h",
}
# A usage counts text tokens; what bills its output otherwise cannot be priced here.
FOREIGN = re.compile(r"output_(image|audio|video)_|hours|mchars|kpages|text_messages")
# Fine-tunes, speech and pictures, the first GPT-3 models, and models that another company than the provider sells.
SKIPPED = re.compile(
    r":|-$| ft|tts|image|audio|transcribe|computer-use|robotics|moderation|"
    r"davinci|curie|babbage| ada$|openai gpt-oss|google claude"
)
REQUEST_KEYS = ("processing", "service_tier", "speed")
SNAPSHOTS = ("-20250101", "-2025-01-01")
DAY_MINUTES = 24 * 60


class NotWholeError(ValueError):
    """A price that is no whole number of pico-USD per token."""


def pusd(price: Decimal) -> int:
    """Give a price in USD per million tokens as pico-USD per token."""
    scaled = price.scaleb(6)
    if scaled != scaled.to_integral_value():
        raise NotWholeError(f"{price} USD/Mtok")
    return int(scaled)


def clauses(match: Any) -> list[tuple[str, str]]:
    """Every `(kind, text)` of a match expression."""
    nested = getattr(match, "or_", None) or getattr(match, "and_", None)
    if nested:
        return [pair for clause in nested for pair in clauses(clause)]
    return list(vars(match).items())


def names(model: ModelInfo, models: list[ModelInfo]) -> tuple[list[str], bool]:
    """Exact aliases, and whether dated snapshots of them are the same model."""

    def first(text: str) -> ModelInfo | None:
        return next((candidate for candidate in models if candidate.is_match(text)), None)

    found = clauses(model.match)
    texts = {text for kind, text in found if kind in {"equals", "starts_with"}} | {model.id}
    aliases = sorted(text for text in texts if first(text) is model and not re.search(r"[-@/.]$|:", text))
    open_ended = any(kind == "starts_with" or (kind == "regex" and r"\d" in text) for kind, text in found)
    others = [first(model.id + tail) for tail in SNAPSHOTS]
    dated = open_ended and all(other is None or other is model for other in others)
    return [alias for alias in aliases if alias != model.id], dated


def boundaries(model: ModelInfo) -> tuple[list[date | None], list[int]]:
    """Days and minutes of the UTC day at which some price of the model changes."""
    conditions = model.prices if isinstance(model.prices, list) else []
    constraints = [entry.constraint for entry in [*conditions, *(model.price_variants or [])]]
    days = sorted({c.start_date for c in constraints if isinstance(c, StartDateConstraint)})
    windows = [c for c in constraints if isinstance(c, TimeOfDateConstraint)]
    edges = {0, DAY_MINUTES} | {minute(edge) for c in windows for edge in (c.start_time, c.end_time)}
    return [None, *days, None], sorted(edges)


def minute(of_day: time) -> int:
    """Give a time of the UTC day as its minute."""
    if of_day.tzinfo is not UTC or of_day.second:
        raise ValueError(f"hours {of_day}: expected whole minutes of UTC")
    return of_day.hour * 60 + of_day.minute


def variants(model: ModelInfo) -> dict[str, tuple[str, str]]:
    """Name each processing, with the request context that chooses them."""
    found = {"standard": ("", "")}
    for variant in model.price_variants or []:
        ((key, value),) = variant.when.items()
        if key in REQUEST_KEYS and value != "default":
            found[value] = (key, value)
    return found


def active(model: ModelInfo, context: tuple[str, str], at: datetime) -> date | bool | None:
    """Since when a variant is known at an instant; False when it is not."""
    key, value = context
    if not key:
        return None
    starts = [
        variant.constraint.start_date if variant.constraint else None
        for variant in model.price_variants or []
        if variant.when == {key: value} and (variant.constraint is None or variant.constraint.active(at))
    ]
    return (max((start for start in starts if start), default=None)) if starts else False


def steps(price: ModelPrice, standard: ModelPrice) -> list[tuple[int, int | None, dict[str, int]]]:
    """`(over, upto, prices)` for each context step; a flat variant of a stepped price ends at the first step."""
    values = {kind: getattr(price, key) for key, kind in KINDS.items() if getattr(price, key) is not None}
    stepped = {tier.start for value in values.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    base = standard.input_mtok
    flat = isinstance(base, TieredPrices) and not isinstance(price.input_mtok, TieredPrices)
    edges = [0, base.tiers[0].start] if flat else [0, *sorted(stepped), None]
    return [
        (over, upto, {kind: at_step(value, over) for kind, value in values.items()}) for over, upto in pairwise(edges)
    ]


def at_step(value: Decimal | TieredPrices, over: int) -> int:
    """Give the price that holds for more than this number of input tokens."""
    if isinstance(value, TieredPrices):
        reached = [tier.price for tier in value.tiers if tier.start <= over]
        return pusd(reached[-1] if reached else value.base)
    return pusd(value)


def rows(model: ModelInfo, as_of: date, source: str) -> list[dict[str, Any]]:
    """Every row of a model, as genai-prices resolves it between two changes."""
    days, edges = boundaries(model)
    found: list[dict[str, Any]] = []
    for processing, context in variants(model).items():
        for (start, end), (opens, closes) in ((d, h) for d in pairwise(days) for h in pairwise(edges)):
            probe_day = start or (end - timedelta(days=1) if end else as_of)
            at = datetime.combine(probe_day, time(), UTC) + timedelta(minutes=opens)
            since = active(model, context, at)
            if since is False:
                continue
            standard = model.get_prices(at)
            price = model.get_prices(at, dict([context])) if context[0] else standard
            for over, upto, prices in steps(price, standard):
                row: dict[str, Any] = {"processing": processing, **prices}
                if (over, upto) != (0, None):
                    row["context"] = [over, upto]
                if start or end:
                    row["valid"] = [start and start.isoformat(), end and end.isoformat()]
                if (opens, closes) != (0, DAY_MINUTES):
                    row["utc_minutes"] = [opens, closes]
                row |= {"source": source, "as_of": min(as_of, since or as_of).isoformat()}
                found.append(row)
    return joined(found)


def joined(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without changes that change nothing for them."""
    kept: list[dict[str, Any]] = []
    for row in found:
        rest = {key: value for key, value in row.items() if key != "valid"}
        for earlier in kept:
            same = {key: value for key, value in earlier.items() if key != "valid"} == rest
            if same and "valid" in row and earlier.get("valid", [None, None])[1] == row["valid"][0] is not None:
                earlier["valid"] = [earlier["valid"][0], row["valid"][1]]
                if earlier["valid"] == [None, None]:
                    del earlier["valid"]
                break
        else:
            kept.append(row)
    return kept


def source_of(model: ModelInfo, urls: list[str]) -> str:
    """Name the page of the provider that a price was read from."""
    named = re.findall(r"https://[^\s,;)]+", model.price_comments or "")
    official = [url for url in named if "github.com" not in url]
    return (official or urls)[0].rstrip(".")


def priceable(provider: str, model: ModelInfo) -> bool:
    """Tell whether a usage of text tokens prices the model, and it costs something."""
    first = model.prices[0].prices if isinstance(model.prices, list) else model.prices
    free = not any(getattr(first, key) for key in ("input_mtok", "output_mtok"))
    foreign = any(FOREIGN.search(key) for key in listed(model))
    return not (SKIPPED.search(f"{provider} {model.id}") or free or foreign) and "input_mtok" in listed(model)


def listed(model: ModelInfo) -> set[str]:
    """Name the prices that a model has."""
    prices = model.prices if isinstance(model.prices, list) else [model]
    return {key for entry in prices for key, value in vars(entry.prices).items() if value is not None}


def uncovered(model: ModelInfo) -> list[str]:
    """Name the prices of a model that the book does not take."""
    return sorted(listed(model) - KINDS.keys())


def models(as_of: date) -> tuple[list[dict[str, Any]], list[str]]:
    """Give the entries of the book, and what had to be left out."""
    found: list[dict[str, Any]] = []
    rejected: list[str] = []
    taken: set[str] = set()
    by_id = {provider.id: provider for provider in providers}
    for theirs, ours in PROVIDERS.items():
        provider = by_id[theirs]
        for model in provider.models:
            if not priceable(theirs, model):
                continue
            aliases, dated = names(model, provider.models)
            name = model.id if model.id not in taken else f"{ours}/{model.id}"
            entry: dict[str, Any] = {"provider": ours, "model": name}
            entry["aliases"] = [alias for alias in aliases if alias not in taken]
            entry["dated"] = dated
            entry["uncovered"] = uncovered(model)
            try:
                entry["prices"] = rows(model, as_of, source_of(model, provider.pricing_urls or []))
            except NotWholeError as error:
                rejected.append(f"{ours}/{model.id}: {error}")
                continue
            taken |= {name, *entry["aliases"]}
            found.append(entry)
    return found, rejected


def written(as_of: date) -> tuple[str, list[str]]:
    """Give the text of the book, and what had to be left out."""
    found, rejected = models(as_of)
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in found)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    head = {
        "format": 1,
        "as_of": as_of.isoformat(),
        "unit": "pico-USD per token",
        "from": f"genai-prices {version('genai-prices')}",
    }
    body = json.dumps(head | {"sha256": digest}, separators=(",", ":"))[:-1]
    return f'{body},"models":[\n{lines}\n]}}\n', rejected


def main() -> None:
    """Write the book."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--as-of", type=date.fromisoformat, required=True, help="the newest day on which a price of this data was read"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    text, rejected = written(options.as_of)
    options.out.write_text(text, encoding="utf-8")
    models_count, rows_count = text.count('"provider"'), text.count('"processing"')
    print(f"{models_count} models, {rows_count} rows")
    for line in rejected:
        print("left out:", line)


if __name__ == "__main__":
    main()

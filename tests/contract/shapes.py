"""The shapes of what `--json` prints, as JSON Schema; programs may rely on every key here."""

from __future__ import annotations

from typing import Any

USD = {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?$"}
COUNT = {"type": "integer", "minimum": 0}
COUNTS = {"type": "object", "additionalProperties": COUNT}


def exactly(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these keys, all of them and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_BY_LABEL = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": exactly(admitted=COUNT, refused=COUNT, spend_usd=USD),
    },
}
_FIGURES = {
    "requests": COUNT,
    "admitted": COUNT,
    "refused": COUNTS,
    "by_tier": COUNTS,
    "by_label": _BY_LABEL,
    "spend_usd": USD,
    "baseline_usd": USD,
    "saved_usd": USD,
    "overshoot_usd": USD,
    "cache_hits": COUNT,
    "decisions_per_s": COUNT,
}
_PROBLEMS = {"type": "array", "items": exactly(line=COUNT, column=COUNT, message={"type": "string"})}
_TEXTS = {"type": "array", "items": {"type": "string"}}

INIT = exactly(path={"type": "string"}, bytes=COUNT)
CHECK_VALID = exactly(
    file={"type": "string"}, ok={"const": True}, errors=_PROBLEMS, warnings=_PROBLEMS, tiers=COUNT, limits=COUNT, budgets=COUNT
)
CHECK_WRONG = exactly(file={"type": "string"}, ok={"const": False}, errors=_PROBLEMS | {"minItems": 1}, warnings=_PROBLEMS)
ROUTE = exactly(
    tier={"type": "string"},
    model={"type": "string"},
    need={"type": ["number", "null"], "minimum": 0, "maximum": 1},
    reasons=_TEXTS,
    price_ceiling_usd=USD,
    decision_us={"type": "number", "exclusiveMinimum": 0},
)
REPLAY = exactly(**_FIGURES)
DEMO = exactly(**_FIGURES, picture={"type": "string"})
REPORT = exactly(
    rows={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"requests": COUNT, "input_tokens": COUNT, "output_tokens": COUNT, "usd": USD},
            "required": ["requests", "input_tokens", "output_tokens", "usd"],
            "additionalProperties": {"type": ["string", "null"]},
        },
    },
    total_usd=USD,
)
_POSTING = exactly(rule={"type": "string"}, key={"type": "object"}, posted_usd=USD, pending_usd=USD)
EXPLAIN = exactly(
    id={"type": "string"},
    entries={
        "type": "array",
        "items": exactly(
            kind={"enum": ["reserve", "post", "void", "expire"]},
            at_ns={"type": "integer"},
            usd=USD,
            labels={"type": "object"},
            usage={"type": ["object", "null"]},
            marks=_TEXTS,
            postings={"type": "array", "items": _POSTING},
        ),
    },
)

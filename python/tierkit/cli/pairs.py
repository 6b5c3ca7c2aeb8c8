"""`tierkit cache calibrate` and `decide`: what the cache would do to your own pairs of questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tierkit.cli.output import as_json, json_option, paper, plain
from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from tierkit.cache.calibration import Calibration, Pair

__all__ = ["calibrate_command", "decide_command"]

_NO_PROMISE = 1


@click.command("calibrate", short_help="Find the threshold that keeps a promise on labelled pairs.")
@click.argument("pairs", type=click.Path(path_type=Path), metavar="PAIRS")
@click.option(
    "--max-false-hits", type=float, default=0.01, show_default=True, help="Most false hits per pair that must not hit."
)
@click.option("--confidence", type=float, default=0.95, show_default=True, help="How sure the bound is.")
@json_option
def calibrate_command(pairs: Path, *, max_false_hits: float, confidence: float, as_json_: bool) -> int:
    """Find the lowest min_similarity that keeps false hits below a bound on the pairs in PAIRS.

    PAIRS holds one JSON object per line: {"cached": "...", "new": "...", "should_hit": true}. Leaves with 1 when no
    threshold keeps the promise.

    \b
    Examples:
      tierkit cache calibrate pairs.jsonl --max-false-hits 0.02
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.cache.calibration import calibrate  # noqa: PLC0415 - keeps --help quick

    found = calibrate(_read(pairs), max_false_hits=max_false_hits, confidence=confidence)
    if as_json_:
        as_json(_record(found))
    else:
        _tell(found, max_false_hits, confidence)
    return 0 if found.min_similarity is not None else _NO_PROMISE


@click.command("decide", short_help="Say whether the answer to one question may serve another, and why not.")
@click.argument("cached")
@click.argument("new")
@json_option
def decide_command(cached: str, new: str, *, as_json_: bool) -> int:
    """Say whether the answer to CACHED may serve NEW. Leaves with 1 when it may not.

    \b
    Examples:
      tierkit cache decide "Boil 2 eggs" "Boil 3 eggs"
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.cache import SemanticCache, embed_many  # noqa: PLC0415 - as above

    old, other = embed_many([cached, new])
    similarity = max(-1.0, min(1.0, float(old @ other)))
    verdict = SemanticCache().decide(cached, new, similarity)
    if as_json_:
        as_json({"hit": verdict.hit, "similarity": round(similarity, 4), "reasons": list(verdict.reasons)})
    else:
        out = paper()
        out.print(f"{'hit' if verdict else 'no hit'} at similarity {similarity:.3f}")
        for reason in verdict.reasons:
            out.print(f"  {plain(reason)}", soft_wrap=True)
    return 0 if verdict else 1


def _read(path: Path) -> list[Pair]:
    from tierkit.cache.calibration import Pair  # noqa: PLC0415 - as above

    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            same, texts = row["should_hit"], (row["cached"], row["new"])
        except (ValueError, KeyError, TypeError):
            same, texts = None, ("", "")
        if same not in (0, 1) or not all(isinstance(text, str) for text in texts):
            wanted = '{"cached": "a question", "new": "another", "should_hit": true}'
            raise ConfigError(f"{path}:{number}: {line.strip()[:60]!r} is no labelled pair; expected {wanted}")
        found.append(Pair(*texts, same=bool(same)))
    return found


def _record(found: Calibration) -> dict[str, float | int | None]:
    return {
        "min_similarity": found.min_similarity,
        "false_hit_bound": round(found.bound, 6),
        "hits": found.hits,
        "false_hits": found.false_hits,
        "should_hit": found.positives,
        "should_not_hit": found.negatives,
        "recall": round(found.recall, 4),
        "precision": None if found.precision is None else round(found.precision, 4),
    }


def _tell(found: Calibration, wanted: float, confidence: float) -> None:
    out = paper()
    shown = "none keeps the promise; more pairs that must not hit would tighten the bound"
    chosen = shown if found.min_similarity is None else f"{found.min_similarity:.2f}"
    out.print(f"min_similarity  {chosen}")
    out.print(f"hits            {found.hits} of {found.positives} pairs that should hit")
    out.print(f"false hits      {found.false_hits} of {found.negatives} pairs that should not")
    out.print(f"bound           {found.bound:.4f} with confidence {confidence:g}; wanted {wanted:g}")

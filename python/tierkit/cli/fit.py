"""`tierkit fit`: a classifier for one's own traffic, from labelled requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tierkit.cli.output import as_json, json_option, paper

if TYPE_CHECKING:
    from tierkit.report.labelled import LabelledRow
    from tierkit.route import TierClassifier

__all__ = ["command"]

# Rows that are kept back to measure the result; they are never fitted.
_KEPT_BACK = 5
_LEAST_TO_KEEP_BACK = 100
_SEED = 20261121


@click.command("fit", short_help="Fit the classifier to labelled requests of your own.")
@click.option("--data", metavar="FILE", help="JSON lines: prompt, q_cheap, q_strong if known.")
@click.option("--out", metavar="DIR", help="Where to write the classifier; with --data.")
@click.option("--state", metavar="DIR", help="Instead: the state directory whose feedback is fitted, and that uses it.")
@click.option("--force", is_flag=True, help="With --state: use it although its gain may be chance.")
@click.option("--base", metavar="DIR", help="The classifier to start from; left out: the one of the package.")
@click.option("--loss", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.02, show_default=True,
              help="The mean loss of quality to bound, a part of 1.")  # fmt: skip
@click.option("--confidence", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.9,
              show_default=True, help="The confidence of the bound, a part of 1.")  # fmt: skip
@json_option
def command(
    *,
    data: str | None,
    out: str | None,
    state: str | None,
    force: bool,
    base: str | None,
    loss: float,
    confidence: float,
    as_json_: bool,
) -> None:
    """Fit a small head on top of the classifier to the requests of FILE, and write it to DIR.

    A fifth of the rows, drawn at random, is kept back: it measures what the fit is worth, and supports the promise
    "at this threshold the quality lost is at most so much". The head is fitted to the other rows. Prompts are not kept.

    With --state, the feedback of a governor's directory is fitted; the newest fifth tests it. If it orders those
    better, the processes of the directory use it from now on; else nothing changes.

    \b
    Examples:
      tierkit fit --data labelled.jsonl --out my-tiers
      tierkit fit --state .tierkit
      tierkit eval --data others.jsonl --classifier my-tiers
    """  # noqa: D301 - \b is click's mark for lines to keep
    if state is not None and data is None and out is None:
        _from_feedback(state, base, loss, confidence, force=force, as_json_=as_json_)
        return
    if data is None or out is None or state is not None:
        raise click.UsageError("expected --data FILE --out DIR, or --state DIR alone")
    from tierkit.report.labelled import read_labelled  # noqa: PLC0415 - keeps --help quick
    from tierkit.route import TierClassifier  # noqa: PLC0415 - as above

    rows = read_labelled(data)
    fitted, kept = _parted(rows)
    start = None if base is None else TierClassifier.load(base)
    mine = TierClassifier.fit([row.prompt for row in fitted], [row.weak for row in fitted], start)
    mine.save(out)
    found = {"out": out, "rows": len(rows), "fitted": len(fitted), "kept_back": len(kept)}
    found |= _measured(mine, start or TierClassifier.default(), kept) | _promise(mine, kept, loss, confidence)
    if as_json_:
        as_json(found)
    else:
        _tell(found)


def _from_feedback(
    state: str, base: str | None, loss: float, confidence: float, *, force: bool, as_json_: bool
) -> None:
    from tierkit.governor.relearn import relearn  # noqa: PLC0415 - as above
    from tierkit.route import TierClassifier  # noqa: PLC0415 - as above

    start = None if base is None else TierClassifier.load(base)
    found = relearn(state, start, loss=loss, confidence=confidence, force=force)
    bound = None if found.bound is None else found.bound._asdict()
    if as_json_:
        as_json({**found._asdict(), "state": state, "bound": bound})
        return
    out = paper()
    out.print(f"fitted to {found.fitted:,} judged requests, tested on the {found.tested:,} newest")
    out.print(f"APGR {found.before:.3f} before, {found.after:.3f} after (gain {found.low:+.3f} to {found.high:+.3f})")
    out.print("in force now" if found.in_force else "nothing was changed")
    if found.why:
        out.print(found.why, soft_wrap=True)


def _parted(rows: list[LabelledRow]) -> tuple[list[LabelledRow], list[LabelledRow]]:
    import random  # noqa: PLC0415 - keeps --help quick

    order = random.Random(_SEED).sample(rows, len(rows))  # noqa: S311 - an order, not a secret
    count = len(rows) // _KEPT_BACK if len(rows) >= _LEAST_TO_KEEP_BACK else 0
    return order[count:], order[:count]


def _measured(mine: TierClassifier, before: TierClassifier, kept: list[LabelledRow]) -> dict[str, Any]:
    """Error of the success (Brier), and APGR before and after where the strong tier's quality is known."""
    if not kept:
        return {"brier": None, "brier_of_the_mean": None, "apgr_before": None, "apgr": None}
    success = [score.success for score in mine.score_many([row.prompt for row in kept])]
    mean = sum(row.weak for row in kept) / len(kept)
    pairs = list(zip(success, kept, strict=True))
    found: dict[str, Any] = {
        "brier": round(sum((value - row.weak) ** 2 for value, row in pairs) / len(kept), 4),
        "brier_of_the_mean": round(sum((mean - row.weak) ** 2 for row in kept) / len(kept), 4),
        "apgr_before": None,
        "apgr": None,
    }
    both = [row._replace(source="all") for row in kept if row.strong is not None]
    if both:
        from tierkit.report.quality import judge  # noqa: PLC0415 - as above

        for name, scorer in (("apgr_before", before), ("apgr", mine)):
            found[name] = round(judge(both, scorer)["all"].need.apgr, 4)
    return found


def _promise(mine: TierClassifier, kept: list[LabelledRow], loss: float, confidence: float) -> dict[str, Any]:
    from tierkit.errors import ConfigError  # noqa: PLC0415 - as above
    from tierkit.route import quality_bound  # noqa: PLC0415 - as above

    needs = [score.need for score in mine.score_many([row.prompt for row in kept])]
    # Where the strong answer was not judged it counts as perfect: the bound stays on the safe side.
    strong = [1.0 if row.strong is None else row.strong for row in kept]
    try:
        bound = quality_bound(needs, [row.weak for row in kept], strong, loss=loss, confidence=confidence)
    except ConfigError as error:
        return {"bound": None, "bound_refused": str(error)}
    share = round(bound.strong_share, 4)
    return {"bound": {"strong_share": share, "loss_at_most": loss, "confidence": confidence}, "bound_refused": None}


def _tell(found: dict[str, Any]) -> None:
    out = paper()
    out.print(f"wrote {found['out']}: fitted to {found['fitted']:,} rows, measured on {found['kept_back']:,} others")
    if found["brier"] is not None:
        out.print(f"success misses by {found['brier']:.4f} (Brier); its mean alone by {found['brier_of_the_mean']:.4f}")
    if found["apgr"] is not None:
        out.print(f"APGR {found['apgr_before']:.3f} before, {found['apgr']:.3f} after (chance 0.5)")
    bound = found["bound"]
    if bound is None:
        out.print(f"no promise about quality: {found['bound_refused']}")
    else:
        out.print(
            f"with {bound['strong_share']:.0%} strong calls, at most {bound['loss_at_most']:.1%} quality is lost on "
            f"traffic like this, with confidence {bound['confidence']:.0%}"
        )

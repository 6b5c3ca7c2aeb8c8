"""`tierkit eval`: what a classifier's order is worth on labelled requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tierkit.cli.output import as_json, json_option, paper, plain, table

if TYPE_CHECKING:
    from tierkit.report.quality import SourceReport

__all__ = ["command"]


@click.command("eval", short_help="Measure the classifier on labelled requests of your own.")
@click.option("--data", required=True, metavar="FILE", help="JSON lines: prompt, q_cheap, q_strong, source.")
@click.option("--classifier", metavar="DIR", help="What `tierkit fit` wrote; left out: the one of the package.")
@click.option("--price-ratio", type=click.FloatRange(1, min_open=True), help="Price of a strong call over a cheap one.")
@click.option("--picture", metavar="FILE.svg", help="Also draw the cost/quality curves.")
@json_option
def command(
    *, data: str, classifier: str | None, price_ratio: float | None, picture: str | None, as_json_: bool
) -> None:
    """Print for every source of FILE how well the classifier tells the requests that gain from the strong tier.

    APGR: area under the recovered part of the quality gap; 0.5 is chance. CPT(50), CPT(80): part of strong calls that
    recovers 50 and 80 % of the gap. Saved: part of the all-strong cost saved at 95 % of its quality; the threshold is
    chosen on these rows, so it flatters a little. Sources whose tiers differ by less than 0.05 are left out of the
    mean; those under 500 rows are marked: they support no claim.

    \b
    Examples:
      tierkit eval --data labelled.jsonl
      tierkit eval --data labelled.jsonl --classifier my-tiers --picture curves.svg
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.report.labelled import read_labelled  # noqa: PLC0415 - keeps --help quick
    from tierkit.report.quality import PRICE_RATIO, judge  # noqa: PLC0415 - as above
    from tierkit.route import TierClassifier  # noqa: PLC0415 - as above

    scorer = TierClassifier.default() if classifier is None else TierClassifier.load(classifier)
    found = judge(read_labelled(data), scorer, price_ratio=price_ratio or PRICE_RATIO)
    if picture is not None:
        from tierkit.report.picture.curves import draw_curves  # noqa: PLC0415 - as above

        curves = {name: report.curve for name, report in found.items()}
        Path(picture).write_text(draw_curves(curves, title="Quality by share of strong calls"), encoding="utf-8")
    if as_json_:
        as_json(_written(found, scorer.fallback))
    else:
        _tell(found)


def _written(found: dict[str, SourceReport], fallback: str | None) -> dict[str, Any]:
    sources = {}
    for name, report in found.items():
        row = {**report._asdict(), **report.need._asdict(), "interval": [report.low, report.high]}
        sources[name] = {key: value for key, value in row.items() if key not in {"need", "low", "high"}}
    metrics = ("apgr", "cpt50", "cpt80", "saved", "length", "random", "oracle")
    counted = [row for row in sources.values() if row["counted"]]
    mean = {metric: sum(row[metric] for row in counted) / len(counted) for metric in metrics} if counted else None
    return {"fallback": fallback, "mean": mean, "sources": sources}


def _tell(found: dict[str, SourceReport]) -> None:
    columns = ("source", ">rows", ">APGR", ">95 %", ">length", ">random", ">oracle", ">CPT(50)", ">CPT(80)", ">saved")
    grid = table(*columns)
    for name, report in found.items():
        need = report.need
        grid.add_row(
            plain(name),
            f"{report.rows:,}{' (few)' if report.few else ''}{'' if report.counted else ' (no gap)'}",
            f"{need.apgr:.3f}",
            f"{report.low:.3f}-{report.high:.3f}",
            *(f"{value:.3f}" for value in (report.length, report.random, report.oracle)),
            *(f"{value:.0%}" for value in (need.cpt50, need.cpt80, need.saved)),
        )
    out = paper()
    out.print(grid)
    counted = [report.need.apgr for report in found.values() if report.counted]
    if counted:
        out.print(f"mean APGR over {len(counted)} sources whose tiers differ: {sum(counted) / len(counted):.3f}")

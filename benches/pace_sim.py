"""Spend a budget over a trace, once by the pace and once until a hard stop, and tell how evenly.

    python benches/pace_sim.py [--picture FILE.svg] TRACE...

The trace's span is the period. The strong tier costs 20 times the cheap one; the budget pays it for a quarter of the
traffic. Prints, per trace, the part of the budget that was spent, how many requests the last tenth refused, the mean
quality (a strong answer counts 1, a cheap one 0.7, a refused request 0), and the strong tier's share in each tenth.
"""

from __future__ import annotations

import sys
from itertools import accumulate
from pathlib import Path

from tierkit import _core
from tierkit.report.picture.pace import draw_pace
from tierkit.report.trace import TraceRecord, read_trace

RATIO, PAID_SHARE = 20, 0.25
INPUT_PUSD, OUTPUT_PUSD = 100_000, 400_000
WHOLE = 1_000_000
CHEAP_QUALITY = 0.7
POINTS = 200


def cheap_nusd(record: TraceRecord) -> int:
    """Price of a request on the cheap tier."""
    tokens = (record.input_tokens or 0) * INPUT_PUSD + (record.output_tokens or 0) * OUTPUT_PUSD
    return -(-tokens // 1000)


def spend(records: list[TraceRecord], *, paced: bool) -> dict[str, object]:
    """Serve a trace; without the pace, the strong tier serves half of the traffic until the money is gone."""
    start, end = records[0].ts_ns, records[-1].ts_ns + 1
    total = sum(map(cheap_nusd, records))
    budget = int(total * (1 - PAID_SHARE) + total * RATIO * PAID_SHARE)
    pace, left, credit = _core.Pace(start, end), budget, 0
    served, strong, refused = [0] * 10, [0] * 10, [0] * 10
    quality, path = 0.0, [0.0] * (POINTS + 1)
    for record in records:
        cost, tenth = cheap_nusd(record), min(9, 10 * (record.ts_ns - start) // (end - start))
        pace.arrived(record.ts_ns)
        credit += pace.share_ppm(record.ts_ns, left, most_ppm=WHOLE) if paced else WHOLE // 2
        chosen = credit >= WHOLE
        credit -= WHOLE * chosen
        price = cost * (RATIO if chosen else 1)
        served[tenth] += 1
        if price > left:
            refused[tenth] += 1
            continue
        left -= price
        quality += 1 if chosen else CHEAP_QUALITY
        path[POINTS * (record.ts_ns - start) // (end - start) + 1] = 1 - left / budget
        strong[tenth] += chosen
        pace.settled(cost, cost * RATIO)
    return {
        "spent": 1 - left / budget,
        "refused": sum(refused),
        "refused_late": refused[9],
        "share": sum(strong) / len(records),
        "quality": quality / len(records),
        "by_tenth": [round(part / max(count, 1), 3) for part, count in zip(strong, served, strict=True)],
        "path": list(accumulate(path, max)),
    }


def main(arguments: list[str]) -> None:
    """Print the figures of each trace, and draw them if asked."""
    picture = arguments[arguments.index("--picture") + 1] if "--picture" in arguments else None
    panels = {}
    for path in [one for one in arguments if one not in ("--picture", picture)]:
        rows = list(read_trace(path))
        name = Path(path).name.partition(".")[0]
        found = {word: spend(rows, paced=paced) for word, paced in (("pace", True), ("hard stop", False))}
        panels[name] = {word: figures.pop("path") for word, figures in found.items()}
        for word, figures in found.items():
            print(name, word, figures)
    if picture is not None:
        Path(picture).write_text(draw_pace(panels, title="Money spent over a period"), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Builds the trace that `tierkit demo` replays, byte for byte the same from the same two files.

    python training/demo_sample.py AZURE_CSV TRAIN_JSONL [OUT_DIR]

AZURE_CSV is AzureLLMInferenceTrace_code.csv, TRAIN_JSONL the routing data set, each plain or gzip. Arrivals and token
counts come from the first, prompts from those rows of the second whose licence lets them ship; teams and users are
invented here. What was taken from where is said in PROVENANCE.md beside the sample, which this script does not write.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from tierkit.report.trace import TraceRecord, read_trace

KEEP_EVERY = 5  # of the 8,819 requests: enough to see the shape, small enough to ship
REPEAT_PERCENT = 20  # of the requests ask what their team asked before
REPEAT_WINDOW = 40  # how many of the team's last prompts may be repeated
MAX_PROMPT_CHARS = 700
TEAMS = (("search", 45, 12), ("support", 30, 6), ("batch", 25, 2))  # name, percent of the requests, users
# Questions written for their own MIT data set. Left out: the parts of MMLU-Pro collected from textbooks and the web,
# and MATH, although both carry the same licence, since who wrote those texts is less clear.
EXAM_ORIGIN = "theoremQA"


def main() -> None:
    """Read the two files, write the sample, print what is in it."""
    azure, rows = sys.argv[1], sys.argv[2]
    beside = Path(__file__).parents[1] / "python/tierkit/report/sample"
    out = Path(sys.argv[3]) if sys.argv[3:] else beside
    exam, code = prompts_of(Path(rows))
    kept = [record for index, record in enumerate(read_trace(azure)) if index % KEEP_EVERY == 0]
    lines = list(requests_of(kept, exam, code))
    data = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines).encode()
    target = out / "demo.jsonl.gz"
    # mtime 0 and no name, so that the bytes depend on the content alone
    target.write_bytes(gzip.compress(data, compresslevel=9, mtime=0))
    distinct = len({line["prompt"] for line in lines})
    print(f"{len(lines)} requests, {distinct} distinct prompts, {target.stat().st_size} bytes")
    print(f"sha256 of the content: {hashlib.sha256(data).hexdigest()}")


def prompts_of(path: Path) -> tuple[list[str], list[str]]:
    """Return exam questions and code questions that may ship, in an order that does not follow the file's subjects."""
    opener = gzip.open if path.read_bytes()[:2] == b"\x1f\x8b" else open
    exam: dict[str, str] = {}
    code: dict[str, str] = {}
    with opener(path, "rt", encoding="utf-8") as stream:
        for text in stream:
            row = json.loads(text)
            if row["nc"] or len(row["prompt"]) > MAX_PROMPT_CHARS:
                continue
            if row["source"] == "mmlu_pro" and str(row.get("origin")).startswith(EXAM_ORIGIN):
                exam[row["prompt"]] = row["id"]
            elif row["source"] == "zeroeval_crux":
                code[row["prompt"]] = row["id"]
    return sorted(exam, key=lambda prompt: number(exam[prompt])), sorted(code, key=lambda prompt: number(code[prompt]))


def requests_of(records: list[TraceRecord], exam: list[str], code: list[str]) -> Any:
    """Give every arrival a team, a user and a prompt."""
    fresh = {"search": cycle(exam), "support": cycle(code[0::2]), "batch": cycle(code[1::2])}
    asked: dict[str, list[str]] = {team: [] for team in fresh}
    for index, record in enumerate(records):
        team, users = team_of(number(f"team {index}") % 100)
        past = asked[team][-REPEAT_WINDOW:]
        if past and number(f"repeat {index}") % 100 < REPEAT_PERCENT:
            prompt = past[number(f"which {index}") % len(past)]
        else:
            prompt = next(fresh[team])
            asked[team].append(prompt)
        yield {
            "ts": instant(record.ts_ns),
            "labels": {"team": team, "user": f"{team}-{number(f'user {index}') % users + 1}"},
            "prompt": prompt,
            "input_tokens": record.input_tokens,
            "output_tokens": record.output_tokens,
        }


def instant(ts_ns: int) -> str:
    """Write nanoseconds as RFC 3339, to the microsecond that the Azure trace has."""
    return f"{datetime.fromtimestamp(ts_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ts_ns // 1000 % 10**6:06}Z"


def team_of(percent: int) -> tuple[str, int]:
    """Choose by cumulated shares."""
    for team, share, users in TEAMS:
        if percent < share:
            return team, users
        percent -= share
    raise AssertionError("the shares of TEAMS add up to 100")


def number(text: str) -> int:
    """Return a number that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


if __name__ == "__main__":
    main()

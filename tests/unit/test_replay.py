"""Replays: the real governor on a virtual clock, with figures that can be worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tierkit import Admission, Budget, ConfigError, Governor, Limit, Money, Policy, Refused, Tier
from tierkit.policy import CacheSettings, Routing
from tierkit.report.replay import FIRST_TOKEN_NS, NS_PER_OUTPUT_TOKEN, Replay, Watcher
from tierkit.report.sample import POLICY, TRACE
from tierkit.report.trace import TraceRecord, read_trace
from tierkit.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterable

SECOND = 1_000_000_000
SMALL = Tier("small", model="s", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
LARGE = Tier("large", model="l", price={"input": "10 USD/Mtok", "output": "20 USD/Mtok"})


def _record(second: float, *, line: int = 1, **more: Any) -> TraceRecord:
    fields = {
        "labels": {},
        "prompt": None,
        "input_tokens": 1000,
        "output_tokens": 100,
        "max_output_tokens": 100,
        "need": None,
    }
    return TraceRecord(ts_ns=int(second * SECOND), line=line, **{**fields, **more})


def _replay(policy: Policy, records: Iterable[TraceRecord], watcher: Watcher | None = None) -> dict[str, Any]:
    clock = ManualClock(wall_ns=0)
    with Governor(policy, clock=clock) as governor:
        replay = Replay(governor, clock, place="trace.jsonl", watcher=watcher)
        replay.run(records)
        return replay.result()


def test_costs_are_exact() -> None:
    policy = Policy(tiers=[SMALL, LARGE], routing=Routing(share={"large": 0.5}))
    found = _replay(policy, [_record(0, need=0.0), _record(1, need=1.0)])
    assert found["by_tier"] in ({"small": 1, "large": 1}, {"small": 2, "large": 0}, {"small": 0, "large": 2})
    assert Decimal(found["spend_usd"]) == found["by_tier"]["small"] * Decimal("0.0012") + found["by_tier"][
        "large"
    ] * Decimal("0.012")
    assert found["baseline_usd"] == "0.024"


def test_token_counts_alone_give_the_shares_of_the_policy() -> None:
    policy = Policy(tiers=[SMALL, LARGE], routing=Routing(share={"large": 0.2}))
    found = _replay(policy, (_record(number) for number in range(4000)))
    assert 0.17 < found["by_tier"]["large"] / 4000 < 0.23


def test_the_same_trace_gives_the_same_figures() -> None:
    def once() -> dict[str, Any]:
        records = list(read_trace(TRACE))[:600]
        clock = ManualClock(wall_ns=records[0].ts_ns)
        with Governor(Policy.from_toml(POLICY), clock=clock) as governor:
            replay = Replay(governor, clock)
            replay.run(records)
            return replay.result()

    first, second = once(), once()
    first.pop("decisions_per_s")
    second.pop("decisions_per_s")
    assert first == second


def test_a_slot_is_held_as_long_as_the_answer_takes() -> None:
    policy = Policy(tiers=[SMALL], limits=[Limit(concurrency=1)])
    takes_ns = FIRST_TOKEN_NS + 100 * NS_PER_OUTPUT_TOKEN
    before, after = (takes_ns - 1) / SECOND, takes_ns / SECOND
    assert _replay(policy, [_record(0), _record(before)])["refused"] == {"concurrency": 1}
    assert _replay(policy, [_record(0), _record(after)])["refused"] == {}


def test_a_refused_request_costs_nothing_and_is_no_part_of_the_baseline() -> None:
    policy = Policy(tiers=[SMALL], limits=[Limit("1 requests/hour", burst=1)])
    found = _replay(policy, [_record(0), _record(1), _record(2)])
    assert (found["admitted"], found["refused"]) == (1, {"rate": 2})
    assert found["spend_usd"] == found["baseline_usd"] == "0.0012"


def test_a_budget_is_never_passed_while_answers_stay_within_their_bound() -> None:
    policy = Policy(tiers=[SMALL], budgets=[Budget("0.006 USD", period="hour", per=["team"])])
    found = _replay(policy, [_record(number, labels={"team": "a"}) for number in range(20)])
    assert found["admitted"] == 5
    assert found["spend_usd"] == "0.006"
    assert found["overshoot_usd"] == "0"


def test_an_answer_beyond_its_bound_shows_as_overshoot() -> None:
    policy = Policy(tiers=[SMALL], budgets=[Budget("0.0012 USD", period="hour")])
    found = _replay(policy, [_record(0, output_tokens=150)])
    assert found["overshoot_usd"] == "0.0001"


def test_a_new_window_has_new_money() -> None:
    policy = Policy(tiers=[SMALL], budgets=[Budget("0.0012 USD", period="hour")])
    found = _replay(policy, [_record(0), _record(60), _record(3600)])
    assert (found["admitted"], found["refused"]) == (2, {"budget": 1})


def test_repeated_prompts_come_from_the_cache_and_save_their_price() -> None:
    policy = Policy(tiers=[SMALL], cache=CacheSettings())
    found = _replay(policy, [_record(10 * number, prompt="Why?") for number in range(3)])
    assert (found["cache_hits"], found["by_tier"]) == (2, {"small": 1})
    assert (found["spend_usd"], found["saved_usd"]) == ("0.0012", "0.0024")


def test_every_label_adds_up_to_the_whole() -> None:
    records = [_record(0, labels={"team": "a", "user": "u"}), _record(1, labels={"team": "b"}), _record(2)]
    found = _replay(Policy(tiers=[SMALL]), records)
    for rows in found["by_label"].values():
        assert sum(row["admitted"] for row in rows.values()) == 3
        assert sum(Decimal(row["spend_usd"]) for row in rows.values()) == Decimal(found["spend_usd"])
    assert found["by_label"]["user"]["unattributed"]["admitted"] == 2


def test_a_request_beyond_every_context_is_too_large() -> None:
    tier = Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"}, context_tokens=500)
    assert _replay(Policy(tiers=[tier]), [_record(0)])["refused"] == {"too_large": 1}


def test_a_request_that_cannot_be_admitted_is_told_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"^trace\.jsonl:7: "):
        _replay(Policy(tiers=[SMALL]), [_record(0, labels={"": "x"}, line=7)])


def test_a_clock_beyond_the_trace_is_refused() -> None:
    clock = ManualClock(wall_ns=SECOND)
    with (
        Governor(Policy(tiers=[SMALL]), clock=clock) as governor,
        pytest.raises(ConfigError, match="the clock started at"),
    ):
        Replay(governor, clock).run([_record(0)])


def test_a_watcher_sees_every_event_at_its_virtual_time() -> None:
    class Notes(Watcher):
        def __init__(self) -> None:
            self.seen: list[tuple[str, int]] = []

        def moved(self, ts_ns: int) -> None:
            self.seen.append(("moved", ts_ns))

        def admitted(self, record: TraceRecord, admission: Admission) -> None:
            assert admission.tier == "small"
            self.seen.append(("admitted", record.ts_ns))

        def refused(self, record: TraceRecord, refusal: Refused) -> None:
            assert refusal.rule == "slot"
            self.seen.append(("refused", record.ts_ns))

        def settled(self, ts_ns: int, record: TraceRecord, admission: Admission, cost: Money) -> None:
            assert (record.ts_ns, cost) == (0, admission.cost)
            self.seen.append(("settled", ts_ns))

    notes = Notes()
    _replay(Policy(tiers=[SMALL], limits=[Limit(concurrency=1, name="slot")]), [_record(0), _record(1)], notes)
    ends_ns = FIRST_TOKEN_NS + 100 * NS_PER_OUTPUT_TOKEN
    assert notes.seen == [("moved", 0), ("admitted", 0), ("moved", SECOND), ("refused", SECOND), ("settled", ends_ns)]


def test_the_sample_says_where_it_comes_from() -> None:
    import gzip
    import hashlib

    digest = hashlib.sha256(gzip.decompress(TRACE.read_bytes())).hexdigest()
    assert digest in Path(TRACE).with_name("PROVENANCE.md").read_text()
    assert TRACE.stat().st_size < 300_000

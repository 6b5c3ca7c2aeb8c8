"""The picture: what it shows adds up, and no name can break out of it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierkit import Money
from tierkit.report.picture import BudgetLine, SpendSeries
from tierkit.report.picture import draw as draw_panels
from tierkit.report.picture.axis import amount_ticks, clock_ticks, dollars
from tierkit.report.picture.series import MAX_BINS
from tierkit.report.picture.svg import escape

SECOND = 1_000_000_000
START = 1_700_158_623 * SECOND
SVG = "{http://www.w3.org/2000/svg}"


def _series(*spends: tuple[int, str, str, str]) -> SpendSeries:
    series = SpendSeries(["small", "large"])
    for second, group, tier, usd in spends:
        series.admitted(group, cached=False)
        series.spent(START + second * SECOND, group, tier, Money(usd))
    return series


def _draw(series: SpendSeries, *, title: str = "Spend", lines: dict[str, list[BudgetLine]] | None = None) -> ET.Element:
    text = draw_panels(series.panels(lines or {}), series.span(), title=title, subtitle="all of it")
    return ET.fromstring(text)  # noqa: S314 - our own text


def test_stacks_are_cumulative_per_tier() -> None:
    series = _series((0, "search", "small", "0.10"), (2, "search", "large", "0.30"), (2, "search", "small", "0.05"))
    [panel] = series.panels({})
    assert panel.stacks == {"small": [0.10, 0.10, 0.15], "large": [0.0, 0.0, 0.30]}
    assert panel.total == "$0.45"


def test_a_new_window_starts_the_stack_at_zero() -> None:
    series = _series((0, "search", "small", "0.10"))
    series.window_began(START + 3 * SECOND, "search")
    series.spent(START + 3 * SECOND, "search", "small", Money("0.02"))
    [panel] = series.panels({})
    assert panel.stacks["small"] == [0.10, 0.10, 0.10, 0.02]
    assert panel.resets == [3]
    assert panel.total == "$0.12"


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**9)), min_size=1, max_size=60))
def test_merged_bins_lose_no_money(events: list[tuple[int, int]]) -> None:
    events.sort()
    series = SpendSeries(["only"])
    for second, nusd in events:
        series.admitted("team", cached=False)
        series.spent(START + second * SECOND, "team", "only", Money.from_nusd(nusd))
    [panel] = series.panels({})
    assert len(panel.stacks["only"]) <= MAX_BINS
    assert panel.stacks["only"][-1] == pytest.approx(sum(nusd for _, nusd in events) / 1e9)
    span = series.span()
    assert span.bin_ns * span.bins > (events[-1][0] - events[0][0]) * SECOND


def test_a_picture_is_well_formed_and_names_everything() -> None:
    series = _series((0, "search", "small", "0.10"), (9, "batch", "large", "0.50"))
    series.refused(START + 5 * SECOND, "batch")
    root = _draw(series, lines={"batch": [BudgetLine("batch-hourly", 0.5, "per hour")]})
    words = " ".join(root.itertext())
    for word in (
        "Spend",
        "search",
        "batch",
        "tier small",
        "tier large",
        "batch-hourly: $0.50 per hour",
        "1 refused",
        "UTC",
    ):
        assert word in words
    assert root.get("role") == "img"


def test_names_are_text_and_never_markup() -> None:
    evil = '</text><script>alert(1)</script><img src=x onerror="alert(1)">&\x00\x1b[31m\ud800'
    series = SpendSeries([evil])
    series.admitted(evil, cached=False)
    series.spent(START, evil, evil, Money("1"))
    root = _draw(series, title=evil, lines={evil: [BudgetLine(evil, 1.0, evil)]})
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "rect", "g", "text", "line", "path"}
    assert not any(name.lower().startswith("on") for element in root.iter() for name in element.keys())  # noqa: SIM118


@given(st.text())
def test_escaped_text_comes_back_as_it_was_or_marked(text: str) -> None:
    root = ET.fromstring(f'<a b="{escape(text)}">{escape(text)}</a>')  # noqa: S314 - our own text
    allowed = text.replace("\r\n", "\n").replace("\r", "\n")
    assert len(root.text or "") == len(allowed)


def test_a_budget_far_above_the_spend_is_named_but_does_not_flatten_it() -> None:
    root = _draw(_series((0, "a", "small", "0.01")), lines={"a": [BudgetLine("vast", 500.0, "per day")]})
    assert "vast: $500 per day, above this scale" in " ".join(root.itertext())


def test_an_empty_replay_draws_an_empty_picture() -> None:
    assert _draw(SpendSeries(["small"])).tag == f"{SVG}svg"


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_ticks_are_few_and_inside(top: float) -> None:
    ticks = amount_ticks(top)
    assert 2 <= len(ticks) <= 9
    assert ticks[0] == 0
    assert ticks[-1] <= top * (1 + 1e-6)


@given(st.integers(0, 4 * 10**9), st.integers(1, 10**8))
def test_clock_ticks_stand_at_round_times(start_s: int, length_s: int) -> None:
    ticks = clock_ticks(start_s * SECOND, (start_s + length_s) * SECOND)
    assert len(ticks) <= 10
    assert all(start_s * SECOND <= at <= (start_s + length_s) * SECOND for at, _ in ticks)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "$0"), (0.0005, "$0.0005"), (0.5, "$0.50"), (0.125, "$0.125"), (2.0, "$2.00"), (12, "$12"), (1250, "$1,250")],
)
def test_amounts_are_short(amount: float, text: str) -> None:
    assert dollars(amount) == text

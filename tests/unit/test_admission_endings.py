"""The end of an admission never hides the error of its block, and never gives back what may have been spent."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import pytest

import tierkit as tk
from tierkit.policy import CacheSettings

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
TIERS = [tk.Tier("small", model="m", backend="mine", price=PRICE)]


def governor(**parts: Any) -> tk.Governor:
    return tk.Governor(tk.Policy(tiers=TIERS, **parts), clock=tk.testing.ManualClock())


def ask(engine: tk.Governor, **given: Any) -> tk.Admission:
    return engine.admit("Why is the sky blue?", **{"max_output_tokens": 100, **given})


def spent(engine: tk.Governor) -> Any:
    (row,) = engine.balances()
    assert row.pending == 0
    return row.posted


@pytest.mark.parametrize("error", [KeyError("mine"), TimeoutError("mine"), KeyboardInterrupt()])
def test_an_id_that_ended_before_hides_no_error(error: BaseException) -> None:
    engine = governor(budgets=[tk.Budget("1 USD", period="day")])
    ask(engine, id="job").settle(tk.Usage(1, 1))
    with pytest.raises(type(error)) as caught, ask(engine, id="job"):
        raise error
    assert caught.value is error
    with ask(engine, id="job"):
        pass  # neither an error nor a warning: what it cost is booked
    assert str(spent(engine)) == "0.000003"


@pytest.mark.parametrize("wrong", [{"usage": {"input_tokens": 1}}, {"answer": 7}, {"usage": tk.Usage(2**40, 2**40)}])
def test_a_settle_that_fails_gives_nothing_back(wrong: dict[str, Any]) -> None:
    price = {"input": "1000000 USD/Mtok", "output": "1000000 USD/Mtok"}
    policy = tk.Policy(
        tiers=[tk.Tier("small", model="m", price=price)], budgets=[tk.Budget("999999 USD", period="day")]
    )
    engine = tk.Governor(policy)
    admission = ask(engine)
    with pytest.raises(tk.ConfigError), admission:
        admission.settle(**{"usage": tk.Usage(1, 1), **wrong})
    assert spent(engine) == admission.reserved.usd


def test_an_answer_of_another_type_is_refused_before_anything_is_booked() -> None:
    engine = governor(budgets=[tk.Budget("1 USD", period="day")], cache=CacheSettings())
    admission = ask(engine)
    with pytest.raises(tk.ConfigError, match="answer of type int: expected text or bytes"):
        admission.settle(tk.Usage(1, 1), answer=7)  # type: ignore[arg-type]
    assert str(admission.settle(tk.Usage(1, 1), answer="scattering")) == "0.000003"


def test_what_cannot_be_ended_is_a_note_on_the_error() -> None:
    engine = governor(budgets=[tk.Budget("1 USD", period="day")])
    admission = ask(engine)
    engine.close()
    with pytest.raises(ValueError, match="mine") as caught, admission:
        raise ValueError("mine")
    assert "expires as posted" in caught.value.__notes__[0]


def test_a_refused_id_leaves_no_load_behind() -> None:
    engine = governor()
    ask(engine, id="one").heard(error_class="overload")  # from now on one request at once
    ask(engine, id="one").cancel()
    for _ in range(3):
        with pytest.raises(tk.ConfigError):
            ask(engine, labels={"tier": "mine"})
    ask(engine).cancel()


def test_every_way_to_spend_tells_a_crossed_threshold_once(caplog: pytest.LogCaptureFixture) -> None:
    ledger = tk.Ledger([tk.Budget("1 USD", name="b", period="day", warn_at=[0.5, 0.625])])
    with caplog.at_level(logging.WARNING, "tierkit"):
        for usd in ("0.4", "0.2", "0.05"):
            ledger.post(ledger.reserve(usd=usd), usd=usd)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "budget b {}: 0.6 of 1 USD spent (threshold 50 %)",
        "budget b {}: 0.65 of 1 USD spent (threshold 62.5 %)",
    ]


def test_an_expiry_that_a_hit_finds_is_told(caplog: pytest.LogCaptureFixture) -> None:
    clock = tk.testing.ManualClock()
    budget = tk.Budget("0.001 USD", name="b", period="day", warn_at=[0.2])
    policy = tk.Policy(tiers=TIERS, budgets=[budget], cache=CacheSettings(ttl_s=86_400))
    engine = tk.Governor(policy, clock=clock)
    ask(engine).settle(tk.Usage(1, 1), answer="scattering")
    ask(engine, cache="off")
    clock.advance(ns=3_600_000_000_000)
    with caplog.at_level(logging.WARNING, "tierkit"):
        assert ask(engine).hit is not None
    assert [record.getMessage() for record in caplog.records] == [
        "budget b {}: 0.000216 of 0.001 USD spent (threshold 20 %)"
    ]


def test_a_state_directory_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with tk.Governor(tk.Policy(tiers=TIERS), state="state") as engine:
        admission = ask(engine)
        monkeypatch.chdir("elsewhere")
        admission.settle(tk.Usage(1, 1))
        assert [entry["kind"] for entry in engine.explain(admission.id)["entries"]] == ["reserve", "post"]
    assert not os.listdir()  # noqa: PTH208 - the folder that the program went to


@pytest.mark.parametrize("state", ["", b"state", 7, True])
def test_a_state_that_is_no_path_is_refused(state: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for make in (
        lambda: tk.Governor(tk.Policy(tiers=TIERS), state=state),
        lambda: tk.Limiter([tk.Limit("1 requests/second")], state=state),
        lambda: tk.Ledger([tk.Budget("1 USD", period="day")], state=state),
    ):
        with pytest.raises(tk.ConfigError, match="expected the path of a directory"):
            make()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [governor, lambda: tk.Ledger([]), lambda: tk.Limiter([])])
def test_a_close_that_fails_hides_no_error(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    thing = make()

    def close() -> None:
        raise tk.StateError("the disk is full")

    monkeypatch.setattr(type(thing), "close", lambda _self: close())
    with pytest.raises(ValueError, match="mine") as caught, thing:
        raise ValueError("mine")
    assert caught.value.__notes__ == ["closing failed: the disk is full"]
    with pytest.raises(tk.StateError, match="the disk is full"), thing:
        pass

"""What is said of answers: kept without their text, fitted when asked, and followed by all processes."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import tierkit as tk
from tierkit.policy import Routing
from tierkit.route import notebook
from tierkit.route.notebook import Notebook

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("onnxruntime")

CHEAP = {"input": "0.10 USD/Mtok", "output": "0.40 USD/Mtok"}
DEAR = {"input": "2.00 USD/Mtok", "output": "8.00 USD/Mtok"}
TIERS = [tk.Tier("small", model="s", price=CHEAP), tk.Tier("large", model="l", price=DEAR)]
WORDS = ["please", "check", "the", "new", "old", "team", "for", "today", "again", "soon"]


def governor(state: Path | None = None, **routing: Any) -> tk.Governor:
    routing = {"share": {"large": 0.2}, "feedback": True, **routing}
    made = tk.Governor(tk.Policy(tiers=TIERS, routing=Routing(**routing)), state=state)
    made._engine.score_clock = lambda: 0  # a score may take its time here, however busy the machine is
    return made


def served(made: tk.Governor, text: str, **labels: str) -> tk.Admission:
    admission = made.admit(text, labels=labels, max_output_tokens=5, cache="off")
    admission.settle(tk.Usage(20, 5))
    return admission


def office(generator: random.Random) -> tuple[str, float]:
    """A request of an office; contracts are beyond the cheap tier."""
    topic = generator.choice(["contract", "holiday", "printer"])
    words = generator.choices(WORDS, k=12)
    return " ".join([*words[:6], topic, *words[6:]]), float(topic != "contract")


def taught(made: tk.Governor, rows: int) -> None:
    generator = random.Random(3)
    for _ in range(rows):
        text, quality = office(generator)
        admission = served(made, text)
        made.feedback(admission.id, quality=quality, tier="small")


def contrast(made: tk.Governor) -> float:
    hard, easy = (
        made.route(f"please check the old {topic} for the team today").need for topic in ("contract", "holiday")
    )
    assert hard is not None
    assert easy is not None
    return hard - easy


def test_feedback_is_kept_once_and_the_last_word_stands(tmp_path: Path) -> None:
    with governor(tmp_path) as made:
        admission = served(made, "what is the capital of Australia?")
        assert made.feedback(admission.id, ok=True)
        assert not made.feedback(admission.id, ok=True)
        assert made.feedback(admission.id, quality=0.25)
        [lesson] = Notebook.at(str(tmp_path)).lessons()
    assert lesson.quality == {admission.tier: 0.25}
    assert lesson.noted.id == admission.id


def test_no_prompt_is_written_and_nobody_else_may_read(tmp_path: Path) -> None:
    with governor(tmp_path) as made:
        for n in range(70):
            admission = served(made, f"a very private question number {n} about zebras")
        made.feedback(admission.id, ok=False)
        made.flush()
    for file in tmp_path.glob("lessons.db*"):
        assert b"zebra" not in file.read_bytes()
        assert b"private" not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_feedback_reaches_a_request_of_a_governor_before(tmp_path: Path) -> None:
    with governor(tmp_path) as made:
        admission = served(made, "what is the capital of Australia?")
    with governor(tmp_path) as made:
        assert made.feedback(admission.id, ok=True)
        assert len(Notebook.at(str(tmp_path)).lessons()) == 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "expected one of them"),
        ({"ok": True, "quality": 1.0}, "expected one of them"),
        ({"quality": 1.5}, "from 0"),
        ({"quality": float("nan")}, "from 0"),
        ({"ok": True, "tier": "huge"}, "tier 'huge': expected one of small, large"),
    ],
)
def test_mistakes_are_one_sentence(said: dict[str, Any], sentence: str) -> None:
    made = governor()
    admission = served(made, "hello")
    with pytest.raises(tk.ConfigError, match=sentence):
        made.feedback(admission.id, **said)


def test_an_unknown_id_and_a_policy_that_keeps_nothing() -> None:
    with pytest.raises(tk.UnknownReservation, match="'nobody'"):
        governor().feedback("nobody", ok=True)
    made = governor(feedback=False)
    with pytest.raises(tk.ConfigError, match="add the line feedback = true"):
        made.feedback(served(made, "hello").id, ok=True)
    with pytest.raises(tk.ConfigError, match="add the line feedback = true"):
        made.refit()


def test_a_client_gives_the_id_of_its_answer() -> None:
    from tierkit.testing import MockBackend

    tiers = [
        tk.Tier("small", model="s", backend="mine", price=CHEAP),
        tk.Tier("large", model="l", backend="mine", price=DEAR),
    ]
    made = tk.Governor(tk.Policy(tiers=tiers, routing=Routing(share={"large": 0.2}, feedback=True)))
    answer = tk.Client(made, backends={"mine": MockBackend("Canberra.")}).complete("capital of Australia?")
    assert made.feedback(answer.id, ok=True)


def test_a_wrong_answer_from_the_cache_is_not_given_again() -> None:
    made = governor()
    for _ in range(2):
        admission = made.admit("a question that is asked twice", max_output_tokens=5)
        if admission.hit is None:
            admission.settle(tk.Usage(5, 5), answer="wrong")
    assert admission.hit is not None
    made.feedback(admission.id, ok=False)
    assert made.admit("a question that is asked twice", max_output_tokens=5).hit is None


def test_a_bad_answer_lets_its_session_rise_once() -> None:
    made = governor(session=["session"], feedback=False)
    admission = made.admit(None, input_tokens=5, need=0.1, labels={"session": "1"}, max_output_tokens=5)
    admission.settle(tk.Usage(5, 5))
    assert admission.tier == "small"
    assert made.feedback(admission.id, ok=False)
    assert not made.feedback(admission.id, ok=False)
    again = made.admit(None, input_tokens=5, need=0.1, labels={"session": "1"}, max_output_tokens=5)
    assert (again.tier, again.reasons) == ("large", ("session",))
    other = made.admit(None, input_tokens=5, need=0.1, labels={"session": "2"}, max_output_tokens=5)
    assert other.tier == "small"


def test_a_refit_serves_at_once_in_all_processes_and_after_a_restart(tmp_path: Path) -> None:
    with governor(tmp_path) as made:
        taught(made, 300)
        before = contrast(made)
        found = made.refit()
        assert found.in_force, found
        assert (found.fitted, found.tested) == (240, 60)
        assert found.low > 0
        assert found.after > found.before + 0.1
        assert contrast(made) > max(0.3, before)
        with governor(tmp_path) as beside:
            assert contrast(beside) == contrast(made)
        served(made, "hello")
        assert made.routing().thresholds["large"] == pytest.approx(0.8, abs=0.05), "thresholds begin anew"
    with governor(tmp_path) as made:
        assert contrast(made) > 0.3


def test_the_command_fits_beside_a_running_governor(tmp_path: Path) -> None:
    def command(*said: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from tierkit.cli import main; sys.exit(main())"
        return subprocess.run([sys.executable, "-c", code, *said], capture_output=True, text=True, check=False)

    with governor(tmp_path) as made:
        taught(made, 200)
        told = command("fit", "--state", str(tmp_path), "--json")
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["in_force"] is True
        made._engine.model.look()
        assert contrast(made) > 0.3
    empty = command("fit", "--state", str(tmp_path / "nowhere"))
    assert empty.returncode != 0
    assert "no feedback" in empty.stderr
    assert command("fit", "--data", "x").returncode == 2


def test_a_refit_to_noise_changes_nothing() -> None:
    made, generator = governor(), random.Random(5)
    for _ in range(120):
        admission = served(made, office(generator)[0])
        made.feedback(admission.id, quality=float(generator.random() < 0.5), tier="small")
    before = contrast(made)
    found = made.refit()
    assert not found.in_force
    assert "reaches below 0" in found.why
    assert contrast(made) == before
    assert made.refit(force=True).in_force


def test_too_few_lessons_are_refused() -> None:
    made = governor()
    taught(made, 10)
    with pytest.raises(tk.ConfigError, match="10 judged answers of tier 'small': expected at least 50"):
        made.refit()


def test_the_notebook_is_bounded_and_keeps_what_was_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MOST_NOTED", 100)
    with governor(tmp_path) as made:
        first = served(made, "the first of all questions")
        made.feedback(first.id, ok=True)
        for n in range(300):
            served(made, f"question {n}")
        assert [lesson.noted.id for lesson in Notebook.at(str(tmp_path)).lessons()] == [first.id]
    with sqlite3.connect(tmp_path / "lessons.db") as connection:
        assert connection.execute("SELECT count(*) FROM requests").fetchone()[0] <= 102


def test_a_notebook_that_cannot_be_written_fails_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with governor(tmp_path) as made:
        (tmp_path / "lessons.db").mkdir()
        for n in range(200):
            admission = served(made, f"question {n}")
        assert sum("not remembered" in record.message for record in caplog.records) == 1
        with pytest.raises(tk.StateError, match="lessons"):
            made.feedback(admission.id, ok=True)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lessons.db").symlink_to(tmp_path / "elsewhere")
    with governor(tmp_path) as made:
        admission = served(made, "hello")
        with pytest.raises(tk.StateError):
            made.feedback(admission.id, ok=True)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_opens_its_own(tmp_path: Path) -> None:
    with governor(tmp_path) as made:
        made.feedback(served(made, "hello").id, ok=True)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                made.feedback(served(made, "hello from a child").id, ok=True)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        made.feedback(served(made, "hello again").id, ok=True)
        assert len(Notebook.at(str(tmp_path)).lessons()) == 3


def test_explored_requests_keep_their_chance(tmp_path: Path) -> None:
    with governor(tmp_path, explore=0.3, share={"large": 0.5}) as made:
        tiers = {}
        for n in range(300):
            admission = made.admit("hello", need=0.52, id=f"r{n}", max_output_tokens=5, cache="off")
            admission.settle(tk.Usage(5, 5))
            made.feedback(admission.id, ok=True)
            tiers[admission.id] = ("explore" in admission.reasons, admission.tier)
        lessons = Notebook.at(str(tmp_path)).lessons()
        explored = [lesson for lesson in lessons if tiers[lesson.noted.id][0]]
        assert 50 < len(explored) < 130
        assert {lesson.noted.propensity for lesson in explored} == {0.3}
        assert {lesson.noted.propensity for lesson in lessons} <= {0.3, 0.7, 1.0}
        draws = made._engine.learning.draws  # type: ignore[union-attr]
    with governor(tmp_path, explore=0.3) as again:
        same = again._engine.learning.draws  # type: ignore[union-attr]
        ids = [f"x{n}" for n in range(200)]
        drawn = [[one.falls(b"explore", name, 0.3) for name in ids] for one in (draws, same)]  # type: ignore[union-attr]
        assert drawn[0] == drawn[1], "the same id is drawn alike"

"""Which text is scored: a table of conversations."""

import time
from typing import Any

import pytest

from tierkit.route import human_ask
from tierkit.route.ask import strip_harness

PLAN = "Plan the migration of our billing tables to the new schema"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any = "Sure.") -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def text(value: str, kind: str = "text") -> dict[str, Any]:
    return {"type": kind, "text": value}


TOOL_RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "42 rows of text"}
REMINDER = "<system-reminder>\nThe date is today.\n</system-reminder>"

CASES: dict[str, tuple[Any, tuple[str | None, str | None]]] = {
    "a plain prompt": ("What is the capital of France?", ("What is the capital of France?", None)),
    "one message": ([user(PLAN)], (PLAN, None)),
    "the newest of two": ([user("Something else entirely here"), assistant(), user(PLAN)], (PLAN, None)),
    "system prompts do not count": ([{"role": "system", "content": "long " * 900}, user(PLAN)], (PLAN, None)),
    "text parts": (
        [user([text("Plan the"), text("migration please, all")])],
        ("Plan the\nmigration please, all", None),
    ),
    "responses parts": ([user([text(PLAN, "input_text")])], (PLAN, None)),
    "images are no text": ([user([{"type": "image_url", "image_url": {"url": "x"}}, text(PLAN)])], (PLAN, None)),
    "reminder before": ([user(f"{REMINDER}\n{PLAN}")], (PLAN, None)),
    "reminder after": ([user(f"{PLAN}\n{REMINDER}")], (PLAN, None)),
    "two reminders": ([user(f"{REMINDER}{PLAN}{REMINDER}")], (PLAN, None)),
    "attributes": ([user(f'<file_content path="a.py">x = 1</file_content>{PLAN}')], (PLAN, None)),
    "environment": ([user(f"{PLAN}\n<environment_details>ls\n</environment_details>")], (PLAN, None)),
    "an open block stays": (
        [user("<system-reminder> why does this tag leak?")],
        ("<system-reminder> why does this tag leak?", None),
    ),
    "own tags stay": (
        [user("<context>our report on fish</context> Summarise the report")],
        ("<context>our report on fish</context> Summarise the report", None),
    ),
    "a tool result is passed over": ([user(PLAN), assistant(), user([TOOL_RESULT])], (PLAN, None)),
    "a tool role is passed over": ([user(PLAN), assistant(), {"role": "tool", "content": "ok"}], (PLAN, None)),
    "a reminder beside a tool result": ([user(PLAN), assistant(), user([TOOL_RESULT, text(REMINDER)])], (PLAN, None)),
    "a summary is passed over": (
        [user(PLAN), user("This session is being continued from a previous conversation that ran out.")],
        (PLAN, None),
    ),
    "mail below": ([user(f"{PLAN}\n\nOn Mon, 3 Aug 2026, Bob wrote:\n> we might\n> or not")], (PLAN, None)),
    "a forwarded mail": ([user(f"{PLAN}\n-----Original Message-----\nFrom: bob\nlong text")], (PLAN, None)),
    "quoted lines": ([user(f"> we might\n> or not\n{PLAN}")], (PLAN, None)),
    "one quoted line stays": ([user(f"> ls -l\n{PLAN}")], (f"> ls -l\n{PLAN}", None)),
    "a mail alone stays": (
        [user("On Mon, 3 Aug 2026, Bob wrote:\n> we might\n> or not")],
        ("On Mon, 3 Aug 2026, Bob wrote:\n> we might\n> or not", None),
    ),
    "code in fences stays": ([user(f"{PLAN}\n```sql\nselect 1\n```")], (f"{PLAN}\n```sql\nselect 1\n```", None)),
    "a tag inside a fence is a block too": (
        [user(f"{PLAN}\n{REMINDER}\n```\nx\n```")],
        (f"{PLAN}\n\n```\nx\n```", None),
    ),
    "a compaction summary, then the ask": (
        [user("This session is being continued from a previous conversation. Summary: 3 files."), user(PLAN)],
        (PLAN, None),
    ),
    "yes means the plan": ([user(PLAN), assistant(), user("yes")], ("yes", PLAN)),
    "three words": (
        [user(PLAN), assistant(), user("go ahead please, immediately".replace(", immediately", ""))],
        ("go ahead please", PLAN),
    ),
    "three long words": (
        [user(PLAN), user("absolutely wonderful, continue")],
        ("absolutely wonderful, continue", PLAN),
    ),
    "yes, twice": ([user(PLAN), assistant(), user("yes"), assistant(), user("go on")], ("go on", PLAN)),
    "yes, with a reminder": ([user(PLAN), assistant(), user(f"yes {REMINDER}")], ("yes", PLAN)),
    "short from the start": ([user("hi")], ("hi", None)),
    "nothing": ([], (None, None)),
    "only the system": ([{"role": "system", "content": "You are kind."}], (None, None)),
    "blank": ([user("  \n")], (None, None)),
    "only tool results": ([user([TOOL_RESULT])], (None, None)),
    "malformed": (
        [user(None), user(3), user([None, 3, {"type": "text"}, {"text": 1, "type": "text"}]), {}],
        (None, None),
    ),
}


@pytest.mark.parametrize(("messages", "wanted"), CASES.values(), ids=CASES.keys())
def test_the_human_ask(messages: Any, wanted: tuple[str | None, str | None]) -> None:
    ask = human_ask(messages)
    assert ask == wanted
    assert (ask.text, ask.previous) == wanted


@pytest.mark.parametrize(
    "text",
    ["<system-reminder>" * 50_000, "<" * 500_000, "<system-reminder " * 50_000, "<user_info></user_info>" * 30_000],
    ids=["open tags", "open brackets", "open attributes", "many blocks"],
)
def test_stripping_is_linear(text: str) -> None:
    started = time.perf_counter()
    strip_harness(text)
    assert time.perf_counter() - started < 2

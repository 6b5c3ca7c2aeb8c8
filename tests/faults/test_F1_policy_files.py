"""F1: whatever stands in a policy file, the answer is a policy or a ConfigError with places. I1: it is plain text."""
# ruff: noqa: E501 - the fragments stand side by side

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tierkit import ConfigError, Policy
from tierkit.policy import INIT_TEXT

if TYPE_CHECKING:
    from pathlib import Path

LINE = re.compile(r"policy\.toml:(?:\d+:\d+: | and \d+ more)")
FRAGMENTS = [
    "[[tier]]", "[tier]", "[backend.x]", "[[limit]]", "[[budget]]", "[cache]", "[routing]", "name = ", "rate = ", "burst = ",
    "amount = ", "period = ", "per = ", "where = ", "share = ", "ttl = ", "price = ", "url = ", "kind = ", "mode = ", "version = 1",
    "no", "1e400", "nan", "-1", "0x1F", "2026-01-01", '"user"', '["user"]', "[[", "]]", "{", "}", "{ a = 1 }", '"60 requests/minute"',
    '"25 USD"', "25.5", "true", "'''", '"""', "\\", "#", "=", ".", ",", "\n", "\r\n", " ", "\t", "\0", "é", "\ufeff", "\u2028", "🙂",
]  # fmt: skip


def check(text: str) -> None:
    try:
        policy = Policy.from_text(text)
    except ConfigError as error:
        message = str(error)
        assert all(LINE.match(line) for line in message.split("\n")), message
        assert message.isprintable() or all(line.isprintable() for line in message.split("\n")), ascii(message)
        lines = text.removeprefix("\ufeff").split("\n")
        for problem in error.problems:
            assert 1 <= problem.line <= len(lines)
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    else:
        assert policy == Policy.from_text(text)


@given(st.text())
@settings(deadline=None)
def test_any_text(text: str) -> None:
    check(text)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40))
@settings(deadline=None, max_examples=300)
def test_any_sequence_of_fragments(parts: list[str]) -> None:
    check("version = 1\n" + "".join(parts))


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_any_mutation_of_a_valid_policy(data: st.DataObject) -> None:
    text = INIT_TEXT.replace("# ", "") if data.draw(st.booleans()) else INIT_TEXT
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.sampled_from([*FRAGMENTS, ""])) + text[at + cut :]
    check(text)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "policy.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        Policy.from_toml(path)


@pytest.mark.parametrize(
    "text",
    [
        "version = 1\n" + ".".join("a" * 400_000) + " = 1",
        "version = 1\nx = " + "[" * 900_000,
        "version = 1\nx = " + "{a=" * 300_000,
        "version = 1\n" + "".join(".".join(["a"] * 79) + " = {" for _ in range(79)) + "a=1" + "}" * 79,
        "version = 1\n" + "\n".join(f"k{i} = 1" for i in range(80_000)),
        "version = 1\nx = [" + "1," * 450_000 + "]",
        "version = 1\n" + "[[limit]]\n" * 20_000,
        "] " * 499_000,
        "é" * 999_000,
    ],
    ids=["dotted", "lists", "tables", "dotted tables", "keys", "one line", "rules", "garbage", "letters"],
)
def test_a_megabyte_of_anything_is_answered_in_time(text: str) -> None:
    begun = time.monotonic()
    check(text)
    assert time.monotonic() - begun < 20


def test_ten_megabytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"[[limit]]\n" * 1_000_000)
    with pytest.raises(ConfigError, match="a file of more than 1000000 bytes"):
        Policy.from_toml(path)
    with pytest.raises(ConfigError, match="expected at most 1000000"):
        Policy.from_text(" " * 10_000_000)


def test_half_a_pair_of_surrogates_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"^policy\.toml:2:3: character U\+D800"):
        Policy.from_text("version = 1\n# \ud800\n")


def test_many_mistakes_are_counted_not_listed() -> None:
    with pytest.raises(ConfigError, match=r"policy\.toml: and 30 more mistakes$") as caught:
        Policy.from_text("version = 1\n" + "".join(f"key{i} = 1\n" for i in range(50)))
    assert len(caught.value.problems) == 50

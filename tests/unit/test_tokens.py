"""Counts equal tiktoken's on hostile texts.

The oracle is tiktoken's own merge loop and its own patterns (`tiktoken_ext.openai_public`). Only the ranks come from
the wheel, since tiktoken would download them; their digest is checked against the one that tiktoken publishes.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import random
import threading
import time
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import tiktoken
import tiktoken_ext.openai_public as published

from tierkit import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODELS = {"o200k_base": "gpt-5", "cl100k_base": "gpt-4"}


@cache
def oracle(name: str) -> tiktoken.Encoding:
    ranks = {token: rank for rank, token in enumerate(_core._token_ranks(name))}

    def offline(_url: str, expected_hash: str) -> dict[bytes, int]:
        file = b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())
        assert hashlib.sha256(file).hexdigest() == expected_hash
        return ranks

    # The published constructor runs unchanged, with a loader that needs no network.
    source = getattr(published, name)
    constructor = type(source)(source.__code__, {**vars(published), "load_tiktoken_bpe": offline})
    assert "load_tiktoken_bpe" in inspect.getsource(source)
    return tiktoken.Encoding(**constructor())


def drawn(letters: str) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(letters)


def word(rng: random.Random) -> str:
    return rng.choice(WORDS) + " "


def decomposed(rng: random.Random) -> str:
    return unicodedata.normalize("NFD", chr(rng.randrange(0xC0, 0x250)))


KINDS: list[Callable[[random.Random], str]] = [
    lambda rng: chr(rng.randrange(0x110000)),  # surrogates included
    drawn("\ud800\udbff\udc00\udfffA\ufeff\U0001f600"),
    drawn(" \t\n\r\x0b\x0c\x85\xa0\u2003\u2028\u3000a."),
    drawn("0123456789\u0660\u0661\u0662\u0663\u2167\xbd ,.-e"),
    lambda rng: chr(rng.randrange(0x4E00, 0x9FFF)),
    decomposed,
    word,
    drawn("aB's\u017f/{}();=\n _\xe9\u01c5\u02b0\u0301\U0001f469\u200d\U0001f467\U0001f3fd\U0001f1e9\U0001f1ea"),
]


def random_text(rng: random.Random) -> str:
    letter = rng.choice(KINDS)
    return "".join(letter(rng) for _ in range(rng.randrange(1, 120)))


WORDS = [
    "don't",
    "WE'LL",
    "I'M",
    "HTTPServer",
    "camelCase",
    "snake_case",
    "x=1;",
    "\n\n",
    "  ",
    "Straße",
    "naïve",
    "日本語",
    "==>",
    "it'\u017f",
]
FIXED = [
    "",
    "hello world",
    "<|endoftext|>",
    "<|im_start|>system<|im_sep|>x<|endofprompt|>",
    "\ud83d\ude00",  # two halves, side by side
    "\ude00\ud83d",
    "a\ud800",
    "\ud800",
    "\udfffb",
    "\ufeffmark",
    "\ufeff\ufeff\ud800",
    "def f(x):\n\treturn {'a': [1, 2, 3]}  # done\r\n",
    "한국어 العربية हिन्दी ไทย 中文 日本語",
    "👨‍👩‍👧‍👦" * 20,
    "e\u0301" * 50,
    "Z̸̡̛͇a̷l̶g̵o̷" * 10,
    " " * 513,
    "\n" * 513,
    "a" + " " * 100 + "b",
    "1234567890" * 30,
    "\x00\x01\x7f",
]


def texts() -> Iterator[str]:
    yield from FIXED
    rng = random.Random(20261121)
    for _ in range(2400):
        yield random_text(rng)


@pytest.mark.parametrize("name", MODELS)
def test_counts_equal_tiktoken(name: str) -> None:
    encoding, model = oracle(name), MODELS[name]
    seen = list(texts())
    assert len(seen) >= 2000
    wanted = [len(encoding.encode_ordinary(text)) for text in seen]
    assert [_core.count_tokens(text, model) for text in seen] == [(tokens, False) for tokens in wanted]
    assert _core.count_tokens_many(seen, model) == wanted


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "unit", ["a", "A", " ", "\n", "0", "!", "\u0301", "あ", "😀", "ab ", "\ud800", "\n ", "A\u0301"]
)
def test_long_repeats_equal_tiktoken(name: str, unit: str) -> None:
    text = unit * 20_000
    assert _core.count_tokens(text, MODELS[name])[0] == len(oracle(name).encode_ordinary(text))


@pytest.mark.parametrize("unit", ["a", " ", "\n", "0", "^", "あ", "\n ", "\u0301", "aA"])
@pytest.mark.parametrize("name", MODELS)
def test_a_million_characters_take_linear_time(name: str, unit: str) -> None:
    """The bound is far above linear time (0.1 s) and far below quadratic time (hours)."""
    text = (unit * 1_000_000)[:1_000_000]
    _core.count_tokens("warm", MODELS[name])
    started = time.perf_counter()
    tokens, _ = _core.count_tokens(text, MODELS[name])
    assert time.perf_counter() - started < 5
    assert 0 < tokens <= 3_000_000
    half, _ = _core.count_tokens(text[:500_000], MODELS[name])
    assert abs(tokens - 2 * half) <= 4


def test_unknown_models_are_estimates() -> None:
    exact = _core.count_tokens("Straße 42", "gpt-4o")
    assert exact == _core.count_tokens("Straße 42", "openai/gpt-4o-mini")
    for model in (None, "claude-sonnet-4-5", "Qwen/Qwen3-8B", ""):
        assert _core.count_tokens("Straße 42", model) == (exact[0], True)


@pytest.mark.parametrize("value", [b"bytes", 3, None, ["text"]])
def test_only_text_is_counted(value: Any) -> None:
    with pytest.raises(TypeError):
        _core.count_tokens(value, "gpt-5")


def test_threads_agree() -> None:
    text = "The quick brown fox. " * 5_000
    wanted = _core.count_tokens(text, "gpt-5")
    seen: list[tuple[int, bool]] = []
    threads = [threading.Thread(target=lambda: seen.append(_core.count_tokens(text, "gpt-5"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [wanted] * 8

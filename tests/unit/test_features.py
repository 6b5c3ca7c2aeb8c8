"""Features: bounded, deterministic, one implementation for training and serving."""

import hashlib
import random
import struct
import time

import pytest

from tierkit import _core

DENSE_BYTES = 4 * _core.DENSE_FEATURES
ASK_MEASURES = 5

ODD = {
    "empty": "",
    "nul": "\0",
    "emoji": "😀🎉👩‍👩‍👧",
    "lone surrogates": "a\ud800b\udfff",
    "right to left": "שלום עולם \u202e مرحبا",
    "combining": "e\u0301\u0301\u0301" * 50,
    "cjk": "日本語のテキスト",
    "controls": "".join(map(chr, range(32))),
    "base64": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 100,
    "one letter a million times": "a" * 1_000_000,
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_any_text_has_features(text: str) -> None:
    ids, tf, row, dense = _core.features([text])
    assert len(ids) == len(row) == 2 * len(tf)
    assert len(dense) == DENSE_BYTES


def test_the_features_are_pinned() -> None:
    """Shipped weights were trained on these bits: a change here is a new FEATURES_VERSION and a new model."""
    text = "What is 3 + 4? (A) 7 (B) 12\n```py\nf(x) = {\\alpha: 'é'}\n```\nStraße, naïve; 東京 $5,000.00"
    ids, tf, row, dense = _core.features([text, ""])
    assert len(row) == len(ids)
    assert hashlib.sha256(ids + tf + dense).hexdigest() == PINNED


PINNED = "3bd67379e6656cce52b185b8c44b001ae3bf9b8f083479626d3bd94a7bfa3726"


def test_batches_and_single_texts_agree_bit_by_bit() -> None:
    generator = random.Random(5)
    texts = ["".join(generator.choices("ab c1 é\n?{", k=generator.randrange(200))) for _ in range(50)]
    batch = _core.features(texts)
    single = [_core.features([text]) for text in texts]
    for part in (0, 1, 3):
        assert batch[part] == b"".join(one[part] for one in single)


@pytest.mark.parametrize("options", ["A. one\nB. two", "(a) one\n(b) two\n(c) three"])
def test_options_to_choose_from_do_not_make_the_ask_harder(options: str) -> None:
    ask = "Which of these is true?\n"
    assert measures(ask + options)[-ASK_MEASURES:] == measures(ask)[-ASK_MEASURES:]
    assert measures(ask + options)[0] > measures(ask)[0]


def measures(text: str) -> tuple[float, ...]:
    return struct.unpack(f"{_core.DENSE_FEATURES}f", _core.features([text])[3])


def test_no_text_gives_empty_buffers() -> None:
    assert _core.features([]) == (b"", b"", b"", b"")


@pytest.mark.parametrize("not_text", [None, 3, b"bytes", ["nested"]])
def test_other_types_are_refused(not_text: object) -> None:
    with pytest.raises(TypeError):
        _core.features([not_text])  # type: ignore[list-item]


def test_work_is_bounded() -> None:
    text = "word " * 2_000_000
    started = time.perf_counter()
    ids, *_ = _core.features([text])
    assert time.perf_counter() - started < 0.5
    assert len(ids) < 1000


def test_structure_alone_scores_without_any_package() -> None:
    easy, hard = _core.score_by_structure(["hi", "x_1 = 12, x_2 = 17, 34, 21, 19 " * 20])
    assert 0 <= easy.need < hard.need <= 1
    assert "fallback" in easy.reasons
    assert not easy.calibrated


def test_scores_are_values() -> None:
    score = _core.TierScore(0.25, success=0.75)
    assert score == _core.TierScore(0.25, success=0.75)
    assert score != _core.TierScore(0.3, success=0.75)
    assert repr(score) == "TierScore(need=0.250, success=0.750, calibrated=False, reasons=())"
    for need in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 1"):
            _core.TierScore(need)

"""Streams cut anywhere: the same events, the same usage, or a flag that something is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chat_frames import ABSENT, DONE, USAGE, frame, usage_frame, whole
from hypothesis import given
from hypothesis import strategies as st

from tierkit.backends.chat import ChatStream
from tierkit.backends.sse import SseEvent, SseReader
from tierkit.request import Usage, count_tokens

if TYPE_CHECKING:
    from pathlib import Path

    from tierkit.request import Chunk


@pytest.fixture(scope="module", params=["chat_stream.sse", "chat_stream_cut.sse"])
def recording(request: pytest.FixtureRequest, root: Path) -> bytes:
    return (root / "tests/fixtures/vllm" / request.param).read_bytes()


def read(data: bytes, *cuts: int, kind: str = "vllm") -> tuple[ChatStream, list[Chunk]]:
    stream = ChatStream(kind)
    chunks: list[Chunk] = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        chunks += stream.feed(data[start:end])
    return stream, chunks + stream.finish()


def read_all(data: bytes, *pieces: bytes) -> list[SseEvent]:
    reader = SseReader()
    events = [event for piece in (data, *pieces) for event in reader.feed(piece)]
    last = reader.finish()
    return events + ([last] if last else [])


def summary(stream: ChatStream, chunks: list[Chunk]) -> tuple[object, ...]:
    return stream.usage, stream.final, stream.finish_reason, "".join(chunk.text for chunk in chunks), len(chunks)


def test_a_recording_split_at_every_byte_reads_the_same(recording: bytes) -> None:
    expected = summary(*read(recording))
    for cut in range(len(recording) + 1):
        assert summary(*read(recording, cut)) == expected


def test_a_recording_byte_by_byte_reads_the_same(recording: bytes) -> None:
    assert summary(*read(recording, *range(1, len(recording)))) == summary(*read(recording))


def test_a_recording_with_crlf_or_cr_reads_the_same(recording: bytes) -> None:
    expected = summary(*read(recording))
    for end in (b"\r\n", b"\r"):
        changed = recording.replace(b"\n", end)
        for cut in range(0, len(changed), 7):
            assert summary(*read(changed, cut)) == expected


def test_a_recording_that_ends_at_any_byte_is_whole_or_flagged(root: Path) -> None:
    data = (root / "tests/fixtures/vllm/chat_stream.sse").read_bytes()
    full = read(data)[0].usage
    assert full == Usage(19, 5)
    partial = 0
    for end in range(len(data)):
        stream, chunks = read(data[:end])
        text = "".join(chunk.text for chunk in chunks)
        usage = chunks[-1].usage if stream.final else stream.usage
        if stream.final and usage is not None and not usage.estimated:
            assert usage == full
            continue
        partial += 1
        if usage is not None:  # flagged: no last frame, or marked as estimated
            assert not stream.final or usage.estimated
            assert (usage.input_tokens, usage.output_tokens <= 5) == (19, True)
            assert usage.output_tokens >= sum(1 for chunk in chunks if chunk.text)
        assert count_tokens(text) == 0 or usage is not None
    assert partial > 2000  # everything before the frame that is made for usage


def test_the_cut_recording_has_no_end(root: Path) -> None:
    stream, chunks = read((root / "tests/fixtures/vllm/chat_stream_cut.sse").read_bytes())
    assert (stream.final, stream.usage, [chunk.text for chunk in chunks]) == (False, Usage(5, 1), ["", "—"])


def test_usage_is_never_summed_and_the_last_word_counts() -> None:
    frames = [frame("a", usage={"prompt_tokens": 9, "completion_tokens": n}) for n in (1, 2, 3)]
    stream, _ = read(b"".join([*frames, usage_frame({"prompt_tokens": 9, "completion_tokens": 4}), DONE]))
    assert stream.usage == Usage(9, 4)


def test_null_never_overwrites() -> None:
    last = usage_frame({"prompt_tokens": None, "completion_tokens": 4, "prompt_tokens_details": None})
    first = frame(
        "a", usage={"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}}
    )
    assert read(first + last + DONE)[0].usage == Usage(9, 4, cache_read_tokens=8)


def test_cached_tokens_that_come_only_in_the_last_frame() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 10}}
    assert read(b"".join(whole(usage=usage)))[0].usage == Usage(11, 3, cache_read_tokens=10)


def test_done_may_be_missing() -> None:
    stream, chunks = read(b"".join(whole(done=False)))
    assert stream.final
    assert chunks[-1].usage == Usage(11, 3)


def test_without_done_and_without_the_usage_frame_the_figure_is_no_last_word() -> None:
    frames = [frame("one", usage={"prompt_tokens": 11, "completion_tokens": 1}), frame(reason="stop")]
    _, chunks = read(b"".join(frames))
    assert chunks[-1].final
    assert chunks[-1].usage == Usage(11, 1, estimated=True)


def test_one_of_two_choices_that_ended_is_no_end() -> None:
    two = b'data: {"choices": [{"index": 1, "delta": {"content": "b"}}]}\n\n'
    stream, chunks = read(frame("a", reason="stop") + two)
    assert not stream.final
    assert "".join(chunk.text for chunk in chunks) == "a"
    assert stream.usage == Usage(0, 1, estimated=True)


def test_hidden_output_counts_a_token_a_frame() -> None:
    frames = [frame(reasoning_content="hm"), frame(tool_calls=[{"index": 0}]), frame("x")]
    stream, chunks = read(b"".join(frames))
    assert stream.usage == Usage(0, 2, estimated=True)
    assert [chunk.tool_calls for chunk in chunks] == [True, True, False]


@pytest.mark.parametrize(
    "data",
    [
        b'event: error\ndata: {"message": "x"}\n\n',
        b'data: {"error": {"message": "x"}}\n\n',
        b"event: error\ndata: x\n\n",
    ],
)
def test_an_error_frame_ends_the_stream(data: bytes) -> None:
    stream, chunks = read(frame("a") + data + frame("b") + DONE)
    assert stream.error is not None
    assert [chunk.text for chunk in chunks] == ["a"]
    assert not stream.final


def test_comments_names_and_foreign_lines_pass() -> None:
    data = b': ping\n\nid: 4\nretry: 10\nevent: x\ndata: {"choices": []}\n\nnonsense\n\n' + b"".join(whole())
    assert read(data)[0].usage == Usage(11, 3)


def test_events_by_the_standard() -> None:
    assert read_all(b"data: a\ndata:b\ndata\n\n") == [SseEvent("message", b"a\nb\n")]
    assert read_all(b"event: e\n\ndata: x\n\n") == [SseEvent("message", b"x")]
    assert read_all(b"data: x\r", b"\n\r", b"\n") == [SseEvent("message", b"x")]
    assert read_all(b"data: x") == [SseEvent("message", b"x")]


def test_a_line_above_the_cap_is_dropped_and_the_next_event_is_read() -> None:
    reader = SseReader(cap_bytes=1000)
    events = [
        e for piece in [b"data: "] + [b"x" * 100] * 50 + [b"\ndata: y\n\ndata: z\n\n"] for e in reader.feed(piece)
    ]
    assert events == [SseEvent("message", b"z")]
    assert reader.dropped == 1


def test_many_lines_of_one_event_count_against_the_cap_but_comments_do_not() -> None:
    reader = SseReader(cap_bytes=1000)
    assert reader.feed(b": comment\n" * 1000 + b"data: a\n\n") == [SseEvent("message", b"a")]
    assert reader.feed(b"data: abcdefgh\n" * 1000 + b"\ndata: b\n\n") == [SseEvent("message", b"b")]
    assert reader.dropped == 1


def test_a_line_of_50_mb_in_small_pieces_costs_linear_time() -> None:
    reader = SseReader()
    piece = b"x" * 65536
    for _ in range(800):
        reader.feed(piece)
    assert reader.feed(b"\n\n" + b"".join(whole(usage=ABSENT)))[0].data.startswith(b'{"id"')
    assert reader.dropped == 1


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_random_bytes_never_raise_and_splits_never_matter(pieces: list[bytes]) -> None:
    stream = ChatStream("vllm")
    for piece in pieces:
        stream.feed(piece)
    stream.finish()
    assert read_all(b"".join(pieces)) == read_all(b"", *pieces)

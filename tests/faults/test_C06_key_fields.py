"""C6: model, template, tools or any parameter changed is a miss; field order, CRLF and NFC are a hit."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tierkit.cache import CacheKeyer

KEYER = CacheKeyer(bytes(32))
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "You speak café French.\nBe brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Bonjour", "name": "a"},
    {"role": "user", "content": "Où est le café?\nMerci"},
]
PARAMS: dict[str, Any] = {
    "temperature": 0.2,
    "tools": [TOOL],
    "response_format": {"type": "json_schema", "strict": True},
    "seed": 1,
}


def keys(messages: Any = MESSAGES, params: Any = PARAMS, model: str = "auto") -> tuple[bytes, bytes]:
    return KEYER.keys(["acme"], model, messages, params)[:2]


def changed(path: list[Any], value: Any) -> tuple[bytes, bytes]:
    request = copy.deepcopy({"messages": MESSAGES, "params": PARAMS})
    place: Any = request
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return keys(request["messages"], request["params"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["params", "temperature"], 0.3),
        (["params", "temperature"], None),
        (["params", "seed"], 2),
        (["params", "seed"], "1"),
        (["params", "seed"], True),
        (["params", "top_p"], 0.9),
        (["params", "never_heard_of"], None),
        (["params", "user"], "ada"),
        (["params", "stop"], ["\r\n"]),
        (["params", "max_tokens"], 10),
        (["params", "tools"], []),
        (["params", "tools", 0, "function", "name"], "weather2"),
        (["params", "tools", 0, "function", "parameters", "required"], ["city"]),
        (["params", "response_format", "strict"], False),
        (["messages", 0, "content"], "You speak café French.\nBe brief. "),
        (["messages", 0, "role"], "developer"),
        (["messages", 1, "content"], "hello"),
        (["messages", 2, "name"], "b"),
        (["messages", 3, "name"], "ada"),
    ],
)
def test_what_can_change_the_answer_changes_the_partition(path: list[Any], value: Any) -> None:
    partition, key = changed(path, value)
    assert partition != keys()[0]
    assert key != keys()[1]


def test_the_model_asked_for() -> None:
    assert keys(model="gpt-5")[0] != keys()[0]


def test_messages_dropped_swapped_or_split() -> None:
    variants = [
        MESSAGES[1:],
        MESSAGES[:-1],
        [*MESSAGES[:1], *MESSAGES[3:]],
        [MESSAGES[0], MESSAGES[2], MESSAGES[1], MESSAGES[3]],
    ]
    assert len({keys(), *map(keys, variants)}) == 5


def test_only_the_question_leaves_the_partition_alone() -> None:
    partition, key = changed(["messages", 3, "content"], "Où est la gare?")
    assert partition == keys()[0]
    assert key != keys()[1]


def test_stop_sequences_keep_their_spelling() -> None:
    assert changed(["params", "stop"], "\r\n") != changed(["params", "stop"], "\n")


def turned(value: Any) -> Any:
    """The same JSON with all keys in the other order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def test_field_order() -> None:
    assert keys(turned(MESSAGES), turned(PARAMS)) == keys()


def test_line_ends_and_composed_letters() -> None:
    def respelled(text: str) -> str:
        return text.replace("\n", "\r\n").replace("é", "e\u0301").replace("ù", "u\u0300")

    assert keys([{**message, "content": respelled(message["content"])} for message in MESSAGES]) == keys()


@pytest.mark.parametrize("extra", [{"stream": True}, {"stream": False}, {"stream_options": {"include_usage": True}}])
def test_how_the_answer_travels_does_not_matter(extra: dict[str, Any]) -> None:
    assert keys(MESSAGES, {**PARAMS, **extra}) == keys()


def test_case_and_spaces_matter() -> None:
    assert changed(["messages", 3, "content"], " Où est le café?\nMerci")[1] != keys()[1]
    assert changed(["messages", 3, "content"], "où est le café?\nMerci")[1] != keys()[1]

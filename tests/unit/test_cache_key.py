"""Keys: what changes the answer changes the key, what does not, does not."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from tierkit.cache import CacheKeyer
from tierkit.errors import ConfigError

KEYER = CacheKeyer(bytes(range(32)))
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]


def keys(
    messages: Any = ASK, params: dict[str, Any] | None = None, *, namespace: Any = ("acme",), model: str = "auto"
) -> tuple[bytes, bytes, str]:
    return KEYER.keys(list(namespace), model, messages, params)


def test_shape_and_text() -> None:
    partition, key, text = keys()
    assert (len(partition), len(key), text) == (16, 16, "Why is the sky blue?")
    assert partition != key
    assert keys() == (partition, key, text)


def test_the_secret_keys_everything() -> None:
    other = CacheKeyer(bytes(32)).keys(["acme"], "auto", ASK)
    assert other[0] != keys()[0]
    assert other[1] != keys()[1]
    assert "1f" not in repr(KEYER)


@pytest.mark.parametrize("secret", [b"", b"short", bytes(31), bytes(33)])
def test_a_secret_has_32_bytes(secret: bytes) -> None:
    with pytest.raises(ConfigError, match="expected 32 random bytes"):
        CacheKeyer(secret)


def test_parts_give_the_text_and_an_image_stays_out_of_it() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": "What is"}, image, {"type": "text", "text": "this?"}]
    partition, key, text = keys([{"role": "user", "content": parts}])
    assert text == "What is\nthis?"
    other = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAB"}}
    assert keys([{"role": "user", "content": [parts[0], other, parts[2]]}])[0] != partition
    assert keys([{"role": "user", "content": [image, parts[0], parts[2]]}])[1] != key


def test_a_turn_that_a_tool_ends_is_for_the_exact_layer() -> None:
    turns = [*ASK, {"role": "assistant", "content": None}, {"role": "tool", "content": "42", "tool_call_id": "a"}]
    assert keys(turns)[2] == ""
    assert keys([*turns[:-1], {"role": "tool", "content": "43", "tool_call_id": "a"}])[0] != keys(turns)[0]


def test_no_user_message_at_all() -> None:
    assert keys([])[2] == ""
    assert keys([])[1] != keys([{"role": "system", "content": ""}])[1]


@pytest.mark.parametrize(
    ("messages", "params"),
    [
        ("Hi", None),
        ([{"content": "no role"}], None),
        (["Hi"], None),
        (ASK, {"temperature": float("nan")}),
        (ASK, {"logit_bias": {50: 1}}),
        (ASK, {"tools": [object()]}),
        (ASK, {"x": {1, 2}}),
    ],
)
def test_what_json_cannot_say_is_refused(messages: Any, params: dict[str, Any] | None) -> None:
    with pytest.raises(ConfigError, match=r"expected|JSON"):
        keys(messages, params)


def test_recursion_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ConfigError, match="deeper than 64"):
        keys(ASK, {"tools": loop})


def test_integers_of_any_size_and_surrogates_stay_apart() -> None:
    values: list[Any] = [
        0,
        1,
        -1,
        2**63,
        -(2**63) - 1,
        2**80,
        0.0,
        1.0,
        True,
        False,
        None,
        "",
        "0",
        [],
        {},
        "\ud800",
        "\udfff",
        "\ufffd",
    ]
    seen = {keys(ASK, {"seed": value})[0] for value in values}
    assert len(seen) == len(values)
    texts = {keys([{"role": "user", "content": value}])[1] for value in ("\ud800", "\udfff", "\ufffd")}
    assert len(texts) == 3


def test_tuples_and_mappings_read_as_json_would_write_them() -> None:
    plain = keys(ASK, {"stop": ["a", "b"], "x": {"a": 1}})
    assert keys(ASK, {"stop": ("a", "b"), "x": MappingProxyType({"a": 1})}) == plain

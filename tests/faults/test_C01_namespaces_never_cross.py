"""C1: the same prompt for tenants A, B, none, "", "a" + "b" against "ab" never crosses."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tierkit as tk
from tierkit.cache import CacheKeyer
from tierkit.errors import ConfigError

KEYER = CacheKeyer(bytes(32))
ASK = [{"role": "user", "content": "Hi"}]
VECTOR = np.ones(8, dtype=np.float32)
# Bytes that a length prefix or a tag could be confused with are tried more often.
TEXTS = st.text(st.sampled_from("ab\x00\x01\x02\x09sl") | st.characters(codec="utf-8"), max_size=12)


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
def test_partitions_differ_when_namespaces_do(one: list[str], other: list[str]) -> None:
    a, b = KEYER.keys(one, "auto", ASK), KEYER.keys(other, "auto", ASK)
    assert (a[0] == b[0]) == (one == other)
    assert (a[1] == b[1]) == (one == other)


def test_named_tenants() -> None:
    tenants = [["A"], ["B"], [], [""], ["a", "b"], ["ab"], ["ab", ""], ["", "ab"], ["a"], ["b", "a"]]
    assert len({KEYER.keys(tenant, "auto", ASK)[0] for tenant in tenants}) == len(tenants)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_no_text_moves_a_field_boundary(namespace: str, model: str, system: str, question: str) -> None:
    """Shifting a character from one field to the next gives another key."""

    def key(namespace: str, model: str, system: str, question: str) -> bytes:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        return KEYER.keys([namespace], model, messages)[1]

    base = key(namespace + "b", model, system, question)
    assert base != key(namespace, "b" + model, system, question)
    assert base != key(namespace, model, "b" + system, question)
    assert key(namespace, model, system + "b", question) != key(namespace, model, system, "b" + question)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def spelled(value: Any) -> str:
    """A spelling that is equal only for equal JSON: `repr` with sorted keys."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{spelled(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    return repr(value)


@given(JSON, JSON)
def test_the_form_of_a_value_is_injective(one: Any, other: Any) -> None:
    a, b = (KEYER.keys(["a"], "m", ASK, {"x": value})[0] for value in (one, other))
    assert (a == b) == (spelled(one) == spelled(other))


@pytest.mark.parametrize("namespace", ["", b""])
def test_an_empty_namespace_is_refused(namespace: str | bytes) -> None:
    cache = tk.SemanticCache(dim=8)
    with pytest.raises(ConfigError, match="empty one would be shared"):
        cache.put(namespace=namespace, key=b"k", value=b"v", ttl_s=60)
    with pytest.raises(ConfigError, match="empty one would be shared"):
        cache.get(namespace=namespace, key=b"k")


@pytest.mark.parametrize("namespace", [None, 1, ["acme"]])
def test_a_namespace_is_a_text_or_bytes(namespace: Any) -> None:
    with pytest.raises(ConfigError, match="expected a str or bytes"):
        tk.SemanticCache(dim=8).put(namespace=namespace, key=b"k", value=b"v", ttl_s=60)


NAMES = TEXTS.filter(bool) | st.binary(min_size=1, max_size=6)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=6)), max_size=8), NAMES, st.binary(max_size=6))
def test_lookups_stay_inside_one_namespace(puts: list[tuple[Any, bytes]], namespace: Any, key: bytes) -> None:
    """Equal text, equal vector, similar keys: only the same namespace answers, with its own value."""
    cache = tk.SemanticCache(dim=8)
    for name, place in puts:
        cache.put(namespace=name, key=place, text="Hi", embedding=VECTOR, value=repr(name).encode(), ttl_s=60)
    hit = cache.get(namespace=namespace, key=key, text="Hi", embedding=VECTOR, min_similarity=-1)
    if any(name == namespace for name, _ in puts):
        assert hit is not None
        assert hit.value == repr(namespace).encode()
        assert hit.exact == ((namespace, key) in puts)
    else:
        assert hit is None


NAMES = st.one_of(TEXTS.filter(bool), TEXTS.filter(bool).map(str.encode))
PLACES = st.lists(st.tuples(NAMES, TEXTS.map(str.encode)), min_size=1, max_size=8, unique_by=repr)


@settings(max_examples=25, deadline=None)
@given(PLACES, PLACES)
def test_no_name_forges_a_place_in_a_file(kept: list[Any], asked: list[Any]) -> None:
    """What was put under some names is found under these alone, from memory and from the file."""
    # A text and its bytes are two namespaces, and so are two texts that join to the same bytes with their keys.
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cache.db"
        values = {(type(namespace), namespace, key): b"%d" % at for at, (namespace, key) in enumerate(kept)}
        with tk.SemanticCache(dim=8, path=path) as cache:
            for (_, namespace, key), value in values.items():
                cache.put(namespace=namespace, key=key, value=value, embedding=VECTOR, ttl_s=60)
        owned = {(kind, namespace) for kind, namespace, _ in values}
        with tk.SemanticCache(dim=8, path=path) as cache:
            for namespace, key in [*kept, *asked]:
                hit = cache.get(namespace=namespace, key=key)
                assert (hit and hit.value) == values.get((type(namespace), namespace, key))
                near = cache.get(namespace=namespace, key=b"another key altogether", embedding=VECTOR)
                assert (near is not None) == ((type(namespace), namespace) in owned)

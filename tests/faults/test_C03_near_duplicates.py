"""C3: near-duplicates differing in negation, numbers, names, units, direction, …: no hit at defaults."""

from __future__ import annotations

import numpy as np
import pytest

import tierkit as tk

PAIRS = {
    "negation": ("Can I take ibuprofen with alcohol?", "Can't I take ibuprofen with alcohol?"),
    "never": ("When should I restart the server?", "When should I never restart the server?"),
    "number": ("How do I split 120 files into 4 folders?", "How do I split 120 files into 5 folders?"),
    "number word": ("Name three rivers", "Name four rivers"),
    "date": ("What happened on 2024-03-01?", "What happened on 2024-03-02?"),
    "name": ("Who founded the company Siemens?", "Who founded the company Bosch?"),
    "unit": ("How many grams is 5 kilograms?", "How many grams is 5 ounces?"),
    "language": ("Translate good morning to French", "Translate good morning to German"),
    "direction": ("convert euros to dollars", "convert dollars to euros"),
    "version": ("Install Python 3.11 on Debian", "Install Python 3.12 on Debian"),
    "opposite": ("How do I enable the firewall?", "How do I disable the firewall?"),
    "tense": ("Who is the president of Peru?", "Who was the president of Peru?"),
    "code": ("What does os.path.join do?", "What does os.path.split do?"),
    "sign": ("What freezes at -5 degrees?", "What freezes at 5 degrees?"),
}


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("back", [False, True])
def test_no_hit_even_when_the_encoder_sees_no_difference(kind: str, back: bool) -> None:  # noqa: FBT001
    cached, new = reversed(PAIRS[kind]) if back else PAIRS[kind]
    vector = np.ones(256, dtype=np.float32)
    cache = tk.SemanticCache()
    cache.put(namespace="a", key=b"1", text=cached, embedding=vector, value=b"v", ttl_s=60)
    assert cache.get(namespace="a", key=b"2", text=new, embedding=vector) is None
    verdict = cache.decide(cached, new, 1.0)
    assert not verdict.hit
    assert verdict.reasons


@pytest.mark.parametrize(
    ("cached", "new"),
    [
        ("How do I boil an egg?", "how do i boil an egg"),
        ("What is 5 percent of 80?", "What is 5% of 80"),
        ("Name two rivers", "Name 2 rivers."),
    ],
)
def test_what_means_the_same_still_hits(cached: str, new: str) -> None:
    assert tk.SemanticCache().decide(cached, new, 1.0).hit

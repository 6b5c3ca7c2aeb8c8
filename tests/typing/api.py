"""The public API as a type checker must see it. This file is checked by mypy and never run."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, assert_type

import tierkit as tk
from tierkit.governor import Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
LABELS = {"team": "search", "user": "ada"}


def policies() -> tk.Policy:
    from_file: tk.Policy = tk.Policy.from_toml("tierkit.toml")
    assert_type(tk.Policy.from_text("version = 1"), tk.Policy)
    limit = tk.Limit("60 requests/minute", name="user-rpm", per=["user"], burst=10)
    slots = tk.Limit(name="gpu-slots", concurrency=32, where={"backend": "mi355x"})
    budget = tk.Budget("25 USD", period="day", per=["team"], on_exhausted="downgrade", warn_at=[0.5], mode="observe")
    tk.Budget(Decimal(25), period="total")
    tk.Budget(tk.Money("25"), period="30d", timezone="Europe/Berlin")
    tk.Policy(tiers=from_file.tiers, limits=[limit, slots], budgets=[budget])
    return from_file


def govern(policy: tk.Policy) -> None:
    with tk.Governor(policy, state=".tierkit", clock=tk.testing.ManualClock()) as governor:
        with governor.admit("Summarise …", labels=LABELS, max_output_tokens=400) as admission:
            assert_type(admission.tier, str)
            assert_type(admission.model, str)
            assert_type(admission.hit, Hit | None)
            assert_type(admission.reserved, tk.Money)
            cost = admission.settle(tk.Usage(input_tokens=812, output_tokens=95), answer="…")
            assert_type(cost, tk.Money)
        governor.admit(MESSAGES, labels=LABELS, wait_s=2.0, priority="high").cancel()
        for row in governor.balances():
            print(row.rule, row.key, row.window, row.limit + row.posted + row.pending)


async def govern_async(governor: tk.Governor) -> None:
    admission = await governor.admit_async(MESSAGES, labels=LABELS, wait_s=2.0, priority="high")
    assert_type(admission, tk.Admission)
    async with admission:
        admission.settle(tk.Usage(input_tokens=812, output_tokens=95))


def call(governor: tk.Governor, backend: tk.Backend) -> None:
    client = tk.Client(governor, backends={"mi355x": backend})
    answer = client.complete(MESSAGES, labels=LABELS)
    assert_type(answer, tk.Answer)
    assert_type(answer.text, str)
    assert_type(answer.cost, tk.Money)
    print(answer.tier, answer.model, answer.usage, answer.from_cache, answer.id)
    stream = client.stream(MESSAGES, labels=LABELS)
    for chunk in stream:
        assert_type(chunk.text, str)
    print(stream.usage, stream.cost, stream.tier, stream.id)


async def call_async(governor: tk.Governor) -> None:
    client = tk.AsyncClient(governor)
    answer = await client.complete(MESSAGES, labels=LABELS)
    assert_type(answer, tk.Answer)


def throttle() -> None:
    limiter = tk.Limiter([tk.Limit("60 requests/minute", per=["user"])], state=None, clock=None)
    decision = limiter.take({"user": "ada"}, requests=1, input_tokens=350)
    assert_type(decision, tk.Decision)
    assert_type(decision.allowed, bool)
    assert_type(decision.retry_after_s, float | None)
    assert_type(decision.rule, str | None)
    scope = limiter.bind({"user": "ada"})
    if scope.take(requests=1) and limiter.wait({"user": "ada"}, timeout_s=5, priority="high", weight=2):
        limiter.settle(decision, requests=0, output_tokens=120)


async def throttle_async(limiter: tk.Limiter) -> None:
    assert_type(await limiter.wait_async({"user": "ada"}, timeout_s=5, requests=1), tk.Decision)


def keep_books() -> None:
    ledger = tk.Ledger([tk.Budget("25 USD", period="day", per=["team"])], state=None)
    reservation = ledger.reserve({"team": "search"}, usd="0.02", id="req-1")
    assert_type(reservation, tk.Reservation)
    ledger.post(reservation, usd="0.013")
    ledger.void(reservation)
    print([row.posted for row in ledger.balances()])


def remember(vector: NDArray[np.float32]) -> None:
    cache = tk.SemanticCache(dim=256, capacity=100_000, path=None)
    cache.put(namespace="acme", key=b"key", text="…", embedding=vector, value=b"key", ttl_s=3600, saved="0.01")
    hit = cache.get(namespace="acme", key=b"key", text="…", embedding=vector, min_similarity=0.9)
    if hit is not None:
        print(hit.value, hit.similarity, hit.exact)
        cache.report(hit.id, ok=False)
    verdict = cache.decide("cached", "new", 0.93)
    assert_type(verdict, tk.CacheVerdict)
    print(verdict.hit, verdict.reasons, tk.cache.embed_many(["…"]).shape)


def choose() -> None:
    classifier = tk.TierClassifier.default()
    score = classifier.score("prompt")
    assert_type(score, tk.TierScore)
    assert_type(score.need, float)
    print(score.success, score.reasons, classifier.score_many(["prompt"])[0].need)


def count_and_price(usage: tk.Usage) -> None:
    count = tk.count_tokens("text", model="gpt-5")
    assert_type(count, tk.TokenCount)
    assert_type(count.estimated, bool)
    assert_type(tk.PriceBook.default().cost("gpt-5", usage), tk.Money)


def refuse(governor: tk.Governor) -> None:
    try:
        governor.admit("…")
    except (tk.RateLimited, tk.ConcurrencyLimited, tk.BudgetExceeded, tk.RequestTooLarge) as refusal:
        assert_type(refusal.retry_after_s, float | None)
        assert_type(refusal.decision, tk.Decision | None)

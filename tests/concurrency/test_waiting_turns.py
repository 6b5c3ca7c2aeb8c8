"""Waiting in line: whose turn it is, what a cancellation leaves, and what waiting costs."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import tierkit as tk
from tierkit import _core
from tierkit.governor import waiting

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
ONLY = [tk.Tier("only", model="m", price=PRICE)]
CLASSES = ("critical", "high", "normal", "low", "batch")


@pytest.fixture(autouse=True)
def _no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wake must come from a release or from an exact time."""
    monkeypatch.setattr(waiting, "_RECHECK_NS", 3_600 * 10**9)


def slots(count: int, **options: Any) -> tk.Limiter:
    return tk.Limiter([tk.Limit(concurrency=count, name="slots", **options)])


def governor(*, tiers: Any = ONLY, **parts: Any) -> tk.Governor:
    return tk.Governor(tk.Policy(tiers=tiers, **parts))


def nothing_left(line: waiting.Waiting) -> bool:
    counts = (len(line.waiters), len(line.queue), line.queue.alarms, len(line._sleepers), len(line._loops))
    return counts == (0, 0, 0, 0, 0)


async def soon(condition: Any) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("did not happen in 2 s")


def test_more_urgent_classes_go_first_and_flows_take_turns() -> None:
    limiter = slots(1)
    asked = [("batch", "a"), ("normal", "a"), ("normal", "a"), ("normal", "b"), ("low", "c"), ("critical", "d")]

    async def story() -> list[int]:
        held, order = limiter.take({}), []

        async def one(place: int, priority: str, user: str) -> None:
            nonlocal held
            held = await limiter.wait_async({"user": user}, timeout_s=10, priority=priority)
            order.append(place)

        tasks = []
        for place, (priority, user) in enumerate(asked):
            tasks.append(asyncio.create_task(one(place, priority, user)))
            await asyncio.sleep(0)
        for done in range(len(asked)):
            limiter.settle(held)
            await soon(lambda done=done: len(order) == done + 1)
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(story()) == [5, 1, 3, 2, 4, 0]
    assert nothing_left(limiter._waiting)


def test_order_of_threads_follows_class_and_arrival() -> None:
    limiter, order, held = slots(1), [], []
    held.append(limiter.take({}))
    asked = [CLASSES[(place * 7) % 5] for place in range(20)]

    def one(place: int) -> None:
        decision = limiter.wait({}, timeout_s=20, priority=asked[place])
        order.append(place)
        held.append(decision)

    threads = []
    for place in range(len(asked)):
        threads.append(threading.Thread(target=one, args=(place,)))
        threads[-1].start()
        while len(limiter._waiting.waiters) <= place:
            time.sleep(0.001)
    for done in range(len(asked)):
        limiter.settle(held[-1])
        while len(held) < done + 2:
            time.sleep(0.0005)
    for thread in threads:
        thread.join()
    assert order == sorted(range(20), key=lambda place: (CLASSES.index(asked[place]), place))
    assert nothing_left(limiter._waiting)


def test_a_weight_of_three_gets_three_turns_of_four() -> None:
    limiter = slots(1)

    async def story() -> list[str]:
        held, order = limiter.take({}), []

        async def one(user: str, weight: int) -> None:
            nonlocal held
            held = await limiter.wait_async({"user": user}, timeout_s=10, weight=weight)
            order.append(user)

        tasks = [asyncio.create_task(one(*who)) for _ in range(40) for who in (("heavy", 3), ("light", 1))]
        await asyncio.sleep(0)
        for done in range(len(tasks)):
            limiter.settle(held)
            await soon(lambda done=done: len(order) == done + 1)
        return order

    order = asyncio.run(story())
    assert order[:40].count("heavy") == 30


@pytest.mark.parametrize("bound", [100, None])
def test_two_hundred_wait_for_room_for_five(bound: int | None) -> None:
    output = bound or 1_024
    nusd = 1_000_000 + 2_000 * output
    budget = tk.Budget(tk.Money.from_nusd(5 * nusd + nusd // 2), period="total", name="all")
    engine = governor(budgets=[budget])

    async def one() -> bool:
        try:
            async with await engine.admit_async(
                None, input_tokens=1_000, max_output_tokens=bound, wait_s=30
            ) as admission:
                await asyncio.sleep(0.01)
                admission.settle(tk.Usage(1_000, output))
        except tk.BudgetExceeded:
            return False
        return True

    async def story() -> int:
        return sum(await asyncio.gather(*(one() for _ in range(200))))

    assert asyncio.run(story()) == 5
    assert engine.worst_overshoot == 0
    assert nothing_left(engine._engine.waiting)


@pytest.mark.parametrize("threads", [False, True])
def test_settles_that_free_money_serve_the_rest(threads: bool) -> None:  # noqa: FBT001 - a parameter of the test
    # 0.003048 USD are reserved and 0.00102 used: 13 fit in 0.0155, since 12 leave room for one more reservation.
    engine = governor(budgets=[tk.Budget("0.0155 USD", period="total", name="all")])

    def blocking(_: int) -> bool:
        try:
            with engine.admit(None, input_tokens=1_000, max_output_tokens=1_024, wait_s=30) as admission:
                time.sleep(0.002)
                admission.settle(tk.Usage(1_000, 10))
        except tk.BudgetExceeded:
            return False
        return True

    async def one() -> bool:
        try:
            async with await engine.admit_async(
                None, input_tokens=1_000, max_output_tokens=1_024, wait_s=30
            ) as admission:
                await asyncio.sleep(0.002)
                admission.settle(tk.Usage(1_000, 10))
        except tk.BudgetExceeded:
            return False
        return True

    async def story() -> int:
        return sum(await asyncio.gather(*(one() for _ in range(200))))

    if threads:
        with ThreadPoolExecutor(32) as pool:
            served = sum(pool.map(blocking, range(200)))
    else:
        served = asyncio.run(story())
    assert served == 13
    assert engine.worst_overshoot == 0
    assert nothing_left(engine._engine.waiting)


def test_thousands_of_tasks_wait_on_one_timer_and_no_thread() -> None:
    limiter = tk.Limiter([tk.Limit("1 request/hour", name="rate", burst=1), tk.Limit(concurrency=1, name="slots")])

    async def story() -> None:
        loop, before = asyncio.get_running_loop(), threading.active_count()
        held = limiter.take({}, requests=0)
        waits = [limiter.wait_async({"user": str(n)}, requests=0, timeout_s=100 + n) for n in range(2_000)]
        tasks = [asyncio.create_task(wait) for wait in waits]
        await soon(lambda: len(limiter._waiting.waiters) == len(tasks))
        timers = [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
        ours = [handle for handle in timers if "LoopSleeper" in repr(handle)]
        assert len(ours) == 1
        assert threading.active_count() == before
        limiter.settle(held)
        await soon(lambda: sum(task.done() for task in tasks) == 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not [handle for handle in loop._scheduled if not handle.cancelled() and "LoopSleeper" in repr(handle)]

    asyncio.run(story())
    assert nothing_left(limiter._waiting)


@pytest.mark.parametrize("seed", range(4))
def test_storms_of_cancellations_leave_no_waiter_and_no_reservation(seed: int) -> None:
    engine = governor(
        limits=[tk.Limit(concurrency=3, name="slots")], budgets=[tk.Budget("1 USD", period="total", name="all")]
    )
    choose = random.Random(seed)
    running = most = 0

    async def one() -> None:
        nonlocal running, most
        async with await engine.admit_async(
            None,
            input_tokens=1,
            max_output_tokens=1,
            labels={"user": str(choose.randrange(5))},
            wait_s=choose.choice([0.005, 30]),
            priority=choose.choice(CLASSES),
        ) as admission:
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(choose.random() * 0.002)
                admission.settle(tk.Usage(1, 1))
            finally:
                running -= 1

    async def story() -> None:
        tasks = []
        for _ in range(600):
            tasks.append(asyncio.create_task(one()))
            if choose.random() < 0.4:
                choose.choice(tasks).cancel()
            if choose.random() < 0.1:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
    assert most <= 3
    assert nothing_left(engine._engine.waiting)
    assert engine.balances()[0].pending == 0
    held = [engine.admit(None, input_tokens=1, max_output_tokens=1) for _ in range(3)]
    with pytest.raises(tk.ConcurrencyLimited):
        engine.admit(None, input_tokens=1, max_output_tokens=1)
    for admission in held:
        admission.cancel()


def test_a_grant_that_meets_a_cancelled_task_serves_the_next() -> None:
    limiter = slots(1)

    async def story() -> None:
        held = limiter.take({})
        first = asyncio.create_task(limiter.wait_async({}, timeout_s=10))
        second = asyncio.create_task(limiter.wait_async({}, timeout_s=10))
        await soon(lambda: len(limiter._waiting.waiters) == 2)
        limiter.settle(held)  # takes for the first task, which has not run since
        first.cancel()
        decision = await second
        assert decision
        assert first.cancelled()
        limiter.settle(decision)
        assert limiter.take({})

    asyncio.run(story())
    assert nothing_left(limiter._waiting)


def test_a_dropped_coroutine_and_a_closed_loop_stop_nobody() -> None:
    limiter = slots(1)
    held = limiter.take({})
    loop = asyncio.new_event_loop()
    wait = limiter.wait_async({}, timeout_s=100)
    task = loop.create_task(wait)
    loop.run_until_complete(asyncio.sleep(0.01))
    assert len(limiter._waiting.waiters) == 1
    loop.close()
    wait.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    limiter.settle(held)
    assert nothing_left(limiter._waiting)
    assert limiter.take({})


def test_nobody_passes_those_who_wait() -> None:
    limiter = tk.Limiter([tk.Limit("100 input_tokens/second", name="rate", burst=100)])

    async def story() -> None:
        assert limiter.take({}, input_tokens=60)
        large = asyncio.create_task(limiter.wait_async({}, input_tokens=100, timeout_s=10))
        await soon(lambda: limiter._waiting.waiters)
        barred = limiter.take({}, input_tokens=1)
        assert (barred.allowed, barred.rule, barred.cause) == (False, "rate", "queued")
        assert 0 < barred.retry_after_s <= 0.6
        assert "others wait" in str(barred)
        assert await limiter.wait_async({}, input_tokens=1, timeout_s=10, priority="high")
        assert limiter.take({}, input_tokens=0), "what asks nothing of the rule passes"
        small = asyncio.create_task(limiter.wait_async({}, input_tokens=1, timeout_s=10))
        await large
        assert not small.done()
        await small

    asyncio.run(story())
    assert nothing_left(limiter._waiting)


def test_a_governed_request_without_patience_is_told_that_others_wait() -> None:
    engine = governor(limits=[tk.Limit("1 request/hour", name="rate", burst=1)])

    async def story() -> None:
        held = engine.admit(None, input_tokens=1, max_output_tokens=1, id="first")
        patient = asyncio.create_task(engine.admit_async(None, input_tokens=1, max_output_tokens=1, wait_s=5_000))
        await soon(lambda: engine._engine.waiting.waiters)
        with pytest.raises(tk.RateLimited, match="others wait"):
            engine.admit(None, input_tokens=1, max_output_tokens=1)
        assert engine.admit(None, input_tokens=1, max_output_tokens=1, id="first").id == held.id
        patient.cancel()
        await asyncio.gather(patient, return_exceptions=True)

    asyncio.run(story())


def test_another_tier_that_frees_up_serves_the_line() -> None:
    tiers = [tk.Tier(name, model="m", backend=name, price=PRICE) for name in ("small", "large")]
    engine = governor(tiers=tiers, limits=[tk.Limit(concurrency=1, per=["backend"], name="slots")])

    async def story() -> str:
        first, second = (engine.admit(None, input_tokens=1, max_output_tokens=1) for _ in range(2))
        assert (first.tier, second.tier) == ("small", "large")
        waits = [engine.admit_async(None, input_tokens=1, max_output_tokens=1, wait_s=5) for _ in range(2)]
        one, two = (asyncio.create_task(wait) for wait in waits)
        await soon(lambda: len(engine._engine.waiting.waiters) == 2)
        started = time.monotonic()
        second.cancel()
        admission = await one
        assert time.monotonic() - started < 0.2, "not by looking again"
        two.cancel()
        await asyncio.gather(two, return_exceptions=True)
        return admission.tier

    assert asyncio.run(story()) == "large"


def test_waits_that_cannot_end_in_time_end_at_once() -> None:
    limiter = tk.Limiter([tk.Limit("1 request/minute", name="rate", burst=1)])
    limiter.take({})
    started = time.monotonic()
    assert not limiter.wait({}, timeout_s=30)
    assert not limiter.wait({}, timeout_s=30, requests=2)
    assert time.monotonic() - started < 1
    limiter._waiting.queue = _core.Queue(max_waiters=1)

    async def story() -> None:
        first = asyncio.create_task(limiter.wait_async({}, timeout_s=100))
        await soon(lambda: limiter._waiting.waiters)
        assert not await limiter.wait_async({}, timeout_s=100), "the line is full"
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    asyncio.run(story())
    assert nothing_left(limiter._waiting)


def test_a_deadline_in_line_charges_nothing() -> None:
    limiter = slots(1)
    held = limiter.take({})
    started = time.monotonic()
    assert not limiter.wait({}, timeout_s=0.05)
    assert not asyncio.run(limiter.wait_async({}, timeout_s=0.05))
    assert 0.1 <= time.monotonic() - started < 1
    limiter.settle(held)
    assert limiter.take({})
    assert nothing_left(limiter._waiting)


def test_a_manual_clock_that_moved_serves_the_head_at_the_next_event() -> None:
    clock = tk.testing.ManualClock()
    limiter = tk.Limiter([tk.Limit("1 request/minute", name="rate", burst=1, per=["user"])], clock=clock)

    async def story() -> None:
        limiter.take({"user": "a"})
        patient = asyncio.create_task(limiter.wait_async({"user": "a"}, timeout_s=100))
        await soon(lambda: limiter._waiting.waiters)
        clock.advance(s=60)
        limiter.settle(limiter.take({"user": "b"}))
        assert await asyncio.wait_for(patient, 1)

    asyncio.run(story())


def test_a_failure_while_trying_reaches_the_one_who_waits() -> None:
    engine = governor(limits=[tk.Limit(concurrency=1, name="slots")])

    async def story() -> None:
        held = engine.admit(None, input_tokens=1, max_output_tokens=1)
        patient = asyncio.create_task(
            engine.admit_async(None, input_tokens=1, max_output_tokens=1, wait_s=10, id="mine")
        )
        await soon(lambda: engine._engine.waiting.waiters)
        # The same id for another request: only the one who waits can be at fault.
        engine._engine.gate.reserve({"x": "y"}, ("only", "m", "only"), "mine", concurrency=0)
        held.cancel()
        with pytest.raises(tk.ReservationConflict):
            await patient

    asyncio.run(story())
    assert nothing_left(engine._engine.waiting)


def test_a_close_ends_all_waits() -> None:
    limiter, engine = slots(1), governor(limits=[tk.Limit(concurrency=1, name="slots")])

    async def story() -> None:
        limiter.take({})
        engine.admit(None, input_tokens=1, max_output_tokens=1)
        waits = [limiter.wait_async({}, timeout_s=100), limiter.wait_async({}, timeout_s=100)]
        waits.append(engine.admit_async(None, input_tokens=1, max_output_tokens=1, wait_s=100))
        tasks = [asyncio.create_task(wait) for wait in waits]
        await soon(lambda: len(limiter._waiting.waiters) + len(engine._engine.waiting.waiters) == 3)
        limiter.close()
        engine.close()
        ends = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 1)
        assert all(isinstance(end, tk.ConfigError) for end in ends)

    asyncio.run(story())
    assert nothing_left(limiter._waiting)


@pytest.mark.parametrize("patience", [0, -1, float("nan"), float("-inf")])
def test_no_patience_is_no_wait(patience: float) -> None:
    limiter = slots(1)
    assert limiter.wait({}, timeout_s=patience)
    assert not limiter.wait({}, timeout_s=patience)
    assert not asyncio.run(limiter.wait_async({}, timeout_s=patience))


def test_endless_patience_ends_with_a_release() -> None:
    limiter = slots(1)
    threading.Timer(0.05, limiter.settle, [limiter.take({})]).start()
    assert limiter.wait({}, timeout_s=float("inf"))


def test_threads_and_loops_together_never_exceed_the_slots() -> None:
    limiter, lock, running, most, served = slots(4), threading.Lock(), 0, 0, 0

    def enter() -> None:
        nonlocal running, most, served
        with lock:
            running, served = running + 1, served + 1
            most = max(most, running)

    def leave(decision: Any) -> None:
        nonlocal running
        with lock:
            running -= 1
        limiter.settle(decision)

    def blocking(place: int) -> None:
        decision = limiter.wait({"user": str(place % 3)}, timeout_s=30, priority=CLASSES[place % 5])
        enter()
        time.sleep(0.0005)
        leave(decision)

    async def one(place: int) -> None:
        decision = await limiter.wait_async({"user": str(place % 3)}, timeout_s=30, priority=CLASSES[place % 5])
        enter()
        await asyncio.sleep(0.0005)
        leave(decision)

    async def many() -> None:
        await asyncio.gather(*(one(place) for place in range(150)))

    with ThreadPoolExecutor(12) as pool:
        loops = [pool.submit(asyncio.run, many()) for _ in range(2)]
        calls = [pool.submit(blocking, place) for place in range(200)]
        for future in [*loops, *calls]:
            future.result(60)
    assert (most, running, served) == (4, 0, 500)
    assert nothing_left(limiter._waiting)

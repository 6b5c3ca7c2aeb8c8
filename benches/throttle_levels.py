"""Four levels of keys in one call, reserve and settle: by handle, by labels and with budgets; the peers beside them."""

from __future__ import annotations

import asyncio
import os
import timeit
from typing import TYPE_CHECKING

from throttle_ours import LEVELS, pairs
from throttle_peers import MUCH, absent, timed

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable

OURS, PEER = 2_000, 100
DIMENSIONS = ("requests", "input_tokens", "output_tokens", "total_tokens", "USD")


def ours() -> dict[str, Callable[[], float]]:
    """Twenty rates, by a handle and by labels; and with a ledger, sixteen rates and four budgets."""
    rules = [
        tk.Limit(f"{MUCH} {name}/second", name=f"{level}-{name}", per=[level])
        for level in LEVELS
        for name in DIMENSIONS
    ]
    limiter, labels = tk.Limiter(rules), dict.fromkeys(LEVELS, "a")
    scope = limiter.bind(labels)

    def by_handle() -> None:
        limiter.settle(scope.take(input_tokens=100, output_tokens=50), output_tokens=20)

    def by_labels() -> None:
        limiter.settle(limiter.take(labels, input_tokens=100, output_tokens=50), output_tokens=20)

    return {
        "by a handle": timed(by_handle, OURS),
        "by labels": timed(by_labels, OURS),
        "with budgets and an id": pairs(None, "relaxed"),
    }


def peers() -> dict[str, Callable[[], float]]:
    found: dict[str, Callable[[], float]] = {}
    for name, make in (("token-throttle, 3 metrics, 1 level", _token_throttle), ("LiteLLM hook, 4 levels", _litellm)):
        try:
            found[name] = make()
        except ImportError:
            absent(name)
    return found


def _token_throttle() -> Callable[[], float]:
    import token_throttle as peer  # noqa: PLC0415 - it may be absent

    quotas = [peer.Quota(metric=name, limit=MUCH, per_seconds=60) for name in DIMENSIONS[:3]]
    config = peer.PerModelConfig(quotas=peer.UsageQuotas(quotas))
    limiter = peer.SyncRateLimiter(config, backend=peer.SyncMemoryBackendBuilder())
    asked = {"requests": 1, "input_tokens": 100, "output_tokens": 50}

    def pair() -> None:
        limiter.refund_capacity({**asked, "output_tokens": 20}, limiter.acquire_capacity(asked, "m"))

    return timed(pair, PEER)


def _litellm() -> Callable[[], float]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its import asks the network otherwise
    from litellm.caching.caching import DualCache  # noqa: PLC0415 - it may be absent
    from litellm.proxy._types import UserAPIKeyAuth  # noqa: PLC0415
    from litellm.proxy.hooks import parallel_request_limiter_v3 as peer  # noqa: PLC0415
    from litellm.proxy.utils import InternalUsageCache  # noqa: PLC0415

    # Four levels: key, user, team and organization, each with requests and tokens per minute.
    limits = {
        f"{level}{kind}_limit": MUCH for level in ("", "user_", "team_", "organization_") for kind in ("rpm", "tpm")
    }
    who = UserAPIKeyAuth(api_key="sk-a", user_id="a", team_id="a", org_id="a", **limits)
    data = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 50}

    async def many() -> float:
        cache = DualCache()
        hook = peer._PROXY_MaxParallelRequestsHandler_v3(InternalUsageCache(cache))  # noqa: SLF001 - the only name it has
        calls = [{**data, "litellm_call_id": str(number)} for number in range(PEER)]
        await hook.async_pre_call_hook(who, cache, {**data, "litellm_call_id": "first"}, "acompletion")
        began = timeit.default_timer()
        for call in calls:
            await hook.async_pre_call_hook(who, cache, call, "acompletion")
        return (timeit.default_timer() - began) / PEER * 1e9

    return lambda: asyncio.run(many())

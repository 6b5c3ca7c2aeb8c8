"""Types of the compiled core. `stubtest` compares this file with the binary."""

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Self, TypeAlias, final, overload

@final
class Money:
    def __new__(cls, usd: str | int | Decimal | Money) -> Self: ...
    @classmethod
    def from_nusd(cls, nusd: int) -> Money: ...
    @property
    def nusd(self) -> int: ...
    @property
    def usd(self) -> Decimal: ...
    def __getnewargs__(self) -> tuple[str]: ...
    def __add__(self, other: Money | str | int | Decimal, /) -> Money: ...
    def __sub__(self, other: Money | str | int | Decimal, /) -> Money: ...
    def __radd__(self, other: Money | str | int | Decimal, /) -> Money: ...
    def __rsub__(self, other: Money | str | int | Decimal, /) -> Money: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Money | str | int | Decimal, /) -> bool: ...
    def __le__(self, other: Money | str | int | Decimal, /) -> bool: ...
    def __gt__(self, other: Money | str | int | Decimal, /) -> bool: ...
    def __ge__(self, other: Money | str | int | Decimal, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __bool__(self) -> bool: ...

@final
class Usage:
    def __new__(
        cls,
        input_tokens: int,
        output_tokens: int,
        *,
        cache_read_tokens: int | None = None,
        cache_write_5m_tokens: int | None = None,
        cache_write_1h_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        served_tier: str | None = None,
        estimated: bool = False,
    ) -> Self: ...
    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def total_tokens(self) -> int: ...
    @property
    def cache_read_tokens(self) -> int: ...
    @property
    def cache_write_5m_tokens(self) -> int: ...
    @property
    def cache_write_1h_tokens(self) -> int: ...
    @property
    def reasoning_tokens(self) -> int: ...
    @property
    def served_tier(self) -> str | None: ...
    @property
    def estimated(self) -> bool: ...
    def __getnewargs_ex__(self) -> tuple[tuple[int, int], dict[str, int | str | bool | None]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

# time

@final
class ManualClock:
    def __new__(cls, *, wall_ns: int = ..., boot_ns: int = 0) -> Self: ...
    def advance(self, *, ns: int = 0, s: int = 0) -> None: ...
    def jump_wall(self, *, ns: int) -> None: ...
    @property
    def wall_ns(self) -> int: ...
    @property
    def boot_ns(self) -> int: ...

# the gate

_Key: TypeAlias = dict[str, str | None]

@final
class Decision:
    @property
    def allowed(self) -> bool: ...
    @property
    def id(self) -> str | None: ...
    @property
    def replayed(self) -> bool: ...
    @property
    def rule(self) -> str | None: ...
    @property
    def cause(self) -> str | None: ...
    @property
    def dimension(self) -> str | None: ...
    @property
    def retry_after_s(self) -> float | None: ...
    @property
    def wait_ns(self) -> int | None: ...
    @property
    def slack_ns(self) -> int | None: ...
    @property
    def wait(self) -> str | None: ...
    @property
    def next_tier(self) -> bool: ...
    @property
    def key(self) -> _Key | None: ...
    @property
    def failing(self) -> list[dict[str, Any]]: ...
    def __bool__(self) -> bool: ...

@final
class Scope:
    def take(
        self,
        *,
        requests: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        usd: str | Decimal | Money | None = None,
    ) -> Decision: ...

@final
class Gate:
    def __new__(
        cls,
        rules: Sequence[LimitRule | BudgetRule],
        *,
        state: str | None = None,
        clock: ManualClock | None = None,
        capacity: int = 2097152,
        durability: str = "relaxed",
        on_state_error: str = "refuse",
        line: str = "rules",
        policy: str = "",
        loaded_ns: int = 0,
    ) -> Self: ...
    def reload(
        self, rules: Sequence[LimitRule | BudgetRule], *, line: str = "rules", policy: str = "", loaded_ns: int = 0
    ) -> int: ...
    @property
    def version(self) -> int: ...
    def on_state_error(self, word: str) -> None: ...
    def in_force(self) -> tuple[int, str | None, str | None]: ...
    def bind(self, labels: dict[str, str] | None = None, *, ttl_s: float = 660.0) -> Scope: ...
    def take(
        self,
        labels: dict[str, str] | None,
        requests: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        usd: str | Decimal | Money | None = None,
        ttl_s: float = 660.0,
    ) -> Decision: ...
    def take_in_turn(
        self,
        queue: Queue,
        priority: int,
        now_ns: int,
        ticket: int | None,
        labels: dict[str, str] | None,
        requests: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        usd: str | Decimal | Money | None = None,
        ttl_s: float = 660.0,
    ) -> Decision: ...
    def settle_take(
        self,
        decision: Decision,
        *,
        requests: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        usd: str | Decimal | Money | None = None,
    ) -> None: ...
    @overload
    def reserve(
        self,
        labels: dict[str, str] | None,
        candidate: tuple[str, str, str] | None,
        id: str | None,
        *,
        requests: int = 1,
        input_tokens: int = 0,
        output_tokens: int = 0,
        nusd: int = 0,
        concurrency: int = 1,
        ttl_s: float = 660.0,
        version: None = None,
    ) -> Decision: ...
    @overload
    def reserve(
        self,
        labels: dict[str, str] | None,
        candidate: tuple[str, str, str] | None,
        id: str | None,
        *,
        requests: int = 1,
        input_tokens: int = 0,
        output_tokens: int = 0,
        nusd: int = 0,
        concurrency: int = 1,
        ttl_s: float = 660.0,
        version: int,
    ) -> Decision | None: ...
    def claim(
        self,
        labels: dict[str, str] | None,
        candidate: tuple[str, str, str] | None = None,
        *,
        requests: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        usd: str | Decimal | Money | None = None,
    ) -> Claim: ...
    def touched(self, taken: Decision | str) -> Claim | None: ...
    def freed(self) -> int | None: ...
    def wait_freed(self, seen: int, timeout_s: float) -> int | None: ...
    def post(
        self,
        id: str,
        *,
        requests: int = 1,
        input_tokens: int = 0,
        output_tokens: int = 0,
        nusd: int = 0,
        usage: Usage | None = None,
        estimated: bool = False,
        cached: bool = False,
        saved_nusd: int = 0,
    ) -> tuple[int, bool, bool, bool, list[tuple[str, _Key, int, Money, Money]]]: ...
    def adjust(self, id: str, nusd: int, adjustment: str | None) -> tuple[int, bool]: ...
    def void(self, id: str) -> bool: ...
    def renew(self, id: str, *, ttl_s: float) -> bool: ...
    def balances(self) -> list[tuple[str, _Key, int | None, int | None, Decimal, Decimal, Decimal]]: ...
    def reservation(
        self, id: str
    ) -> tuple[str, dict[str, str], Money, list[tuple[str, _Key, int]], tuple[int, int]] | None: ...
    @property
    def scope_count(self) -> int: ...
    @property
    def worst_overshoot(self) -> Money: ...
    def would_refuse(self, rule: str) -> int: ...
    @property
    def wall_ns(self) -> int: ...
    def new_id(self) -> str: ...
    def flush(self) -> None: ...
    def trouble(self) -> tuple[str | None, int, Money] | None: ...
    def close(self) -> None: ...

@final
class Claim: ...

@final
class Provider:
    def __new__(cls, backend: str, model: str) -> Self: ...
    def take(self, model: str, input_tokens: int, output_tokens: int, now_ns: int) -> Decision | None: ...
    def end(
        self, model: str, taken: tuple[int, int], used: tuple[int, int] | None, began_ns: int, now_ns: int
    ) -> None: ...
    def pause(self, wait_ns: int, jitter_permille: int, now_ns: int) -> None: ...
    def news(self, model: str, sent_ns: int) -> bool: ...
    def sync(
        self, model: str, dimension: str, *, limit: int, period_ns: int, remaining: int | None, now_ns: int
    ) -> None: ...
    def exhausted(self, model: str, now_ns: int) -> None: ...
    def succeeded(self) -> None: ...
    def overloaded(self, sent_ns: int, now_ns: int) -> None: ...
    @property
    def cap(self) -> int | None: ...
    @property
    def running(self) -> int: ...

@final
class Queue:
    def __new__(cls, *, max_waiters: int = ...) -> Self: ...
    def __len__(self) -> int: ...
    @property
    def releases(self) -> int: ...
    @property
    def alarms(self) -> int: ...
    def is_quiet(self, now_ns: int) -> bool: ...
    def ahead(self, claim: Claim, *, priority: int, now_ns: int, ticket: int | None = None) -> Decision | None: ...
    def join(
        self,
        decision: Decision,
        *,
        priority: int,
        flow: bytes,
        weight: int,
        owner: int,
        deadline_ns: int,
        ready_ns: int | None,
        seen: int,
    ) -> int | None: ...
    def next_try(self) -> int | None: ...
    def served(self, ticket: int) -> bool: ...
    def refused(self, ticket: int, decision: Decision, *, ready_ns: int | None, seen: int) -> bool: ...
    def leave(self, ticket: int) -> bool: ...
    def release(self, claim: Claim | None = None) -> None: ...
    def poll(self, now_ns: int) -> list[int]: ...
    def next_alarm(self, owner: int) -> int | None: ...
    def drain_alarms(self) -> list[tuple[int, int]]: ...

def read_spend(
    directory: str, by: Sequence[str]
) -> list[tuple[list[str | None], int, int, int, Money, Money, Money]]: ...
def read_story(directory: str, id: str) -> list[dict[str, Any]]: ...
def read_rules(directory: str) -> list[str] | None: ...
def read_limits(directory: str) -> tuple[bool, list[dict[str, Any]]]: ...
def read_crowd(directory: str) -> tuple[tuple[int, int, int], tuple[str | None, int, Money]] | None: ...

@final
class LedgerCheck:
    def __new__(cls, directory: str) -> Self: ...
    @property
    def total(self) -> int: ...
    @property
    def checked(self) -> int: ...
    @property
    def chain(self) -> bytes: ...
    @property
    def finding(self) -> tuple[str, int | None, str] | None: ...
    def step(self, entries: int) -> bool: ...

@final
class LedgerEntries:
    def __new__(cls, directory: str, since_ns: int, until_ns: int) -> Self: ...
    def portion(self, most: int) -> list[dict[str, Any]]: ...

# tokens
def count_tokens(text: str, model: str | None = None) -> tuple[int, bool]: ...
def count_tokens_many(texts: list[str], model: str | None = None) -> list[int]: ...
def _token_ranks(vocabulary: str) -> list[bytes]: ...

# price (needs: from typing import Self, TypeAlias, final)
_PriceRatesRecord: TypeAlias = tuple[int, int | None, int | None, int | None, int | None]
_PriceRowRecord: TypeAlias = tuple[
    str, tuple[int, int | None], tuple[int | None, int | None], tuple[int, int] | None, _PriceRatesRecord, str, str
]
_PriceModelRecord: TypeAlias = tuple[str, str, list[str], bool, list[_PriceRowRecord]]

@final
class PriceBook:
    def __new__(cls, models: list[_PriceModelRecord]) -> Self: ...
    def replacing(self, models: list[_PriceModelRecord]) -> PriceBook: ...
    def models(self) -> list[str]: ...
    def resolve(self, model: str, *, at_ns: int) -> ModelPrice: ...
    def highest_nusd(self, model: str, usage: Usage) -> int: ...

@final
class ModelPrice:
    @property
    def name(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def at_ns(self) -> int: ...
    def cost_nusd(self, usage: Usage, *, at_ns: int | None = None, processing: str | None = None) -> int: ...
    def ceiling_nusd(
        self,
        input_tokens: int,
        output_tokens: int,
        *,
        at_ns: int | None = None,
        processing: str | None = None,
        cache_writes: bool = True,
    ) -> int: ...
    def row(self, *, input_tokens: int = 0, at_ns: int | None = None, processing: str | None = None) -> PriceRow: ...
    def rows(self) -> list[PriceRow]: ...

@final
class PriceRow:
    @property
    def processing(self) -> str: ...
    @property
    def context_over_tokens(self) -> int: ...
    @property
    def context_upto_tokens(self) -> int | None: ...
    @property
    def valid_from_ns(self) -> int | None: ...
    @property
    def valid_to_ns(self) -> int | None: ...
    @property
    def utc_minutes(self) -> tuple[int, int] | None: ...
    @property
    def input_pusd_per_token(self) -> int: ...
    @property
    def output_pusd_per_token(self) -> int | None: ...
    @property
    def cache_read_pusd_per_token(self) -> int | None: ...
    @property
    def cache_write_5m_pusd_per_token(self) -> int | None: ...
    @property
    def cache_write_1h_pusd_per_token(self) -> int | None: ...
    @property
    def source(self) -> str: ...
    @property
    def as_of(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...

# features and routing
FEATURES_VERSION: int
DENSE_FEATURES: int
WORD_BUCKETS: int
CHAR_BUCKETS: int

@final
class TierScore:
    """How much a stronger tier is needed for one text."""

    def __new__(cls, need: float, *, gap: float = 0.0, success: float = 0.5, calibrated: bool = False) -> TierScore: ...
    @property
    def need(self) -> float:
        """Rank in [0, 1] of the difficulty among the training prompts."""
    @property
    def gap(self) -> float:
        """Expected gain of the strongest tier, centred and scaled: only its order means something."""
    @property
    def success(self) -> float:
        """Expected success of the cheapest tier, in [0, 1]."""
    @property
    def calibrated(self) -> bool:
        """Whether `success` was fitted to the own traffic."""
    @property
    def reasons(self) -> tuple[str, ...]:
        """The largest contributions in words, then flags: `fallback`, `language`, `out_of_range`."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class ScoreHead:
    """From model outputs to scores."""

    def __new__(
        cls,
        *,
        quantiles: Sequence[float],
        success: Sequence[float],
        weights: Sequence[float],
        center: Sequence[float],
        low: Sequence[float],
        high: Sequence[float],
        known_by_chance: float,
        intercept: float,
    ) -> ScoreHead: ...
    def finish(self, outputs: bytes, dense: bytes) -> list[TierScore]:
        """Scores from the model's outputs (f32: difficulty, gap, known share per text) and the measures (f32: 23 per text)."""
    def by_structure(self, dense: bytes) -> list[TierScore]:
        """Scores from the measures alone."""

@final
class Pace:
    """How much of the traffic a budget can pay the strong tier for until its period ends."""

    def __new__(cls, start_ns: int, end_ns: int) -> Pace: ...
    def enter(self, start_ns: int, end_ns: int) -> None:
        """Goes on to another period; the traffic of a whole one before it becomes the forecast."""
    def arrived(self, now_ns: int) -> None:
        """Counts a request."""
    def settled(self, cheap_nusd: int, strong_nusd: int) -> None:
        """Learns what a request costs on the cheap and on the strong tier."""
    def share_ppm(self, now_ns: int, left_nusd: int, *, most_ppm: int) -> int:
        """The share of requests that the strong tier may serve from now on, in millionths, at most `most_ppm`."""

@final
class Steering:
    """The tier of each request, decided on a board that all processes of a state directory share."""

    def __new__(
        cls,
        gate: Gate,
        shares: Sequence[float],
        *,
        default: int = 0,
        quota: tuple[int, int] | None = None,
        money: tuple[int, int] | None = None,
        idle_ns: int | None = None,
        prices: Sequence[tuple[int, int, int, int]] = ...,
        paced: bool = False,
        pace_observes: bool = False,
        observes: bool = False,
    ) -> Steering: ...
    def decide(
        self,
        need: float | None,
        *,
        now_ns: int,
        gain_ppm: tuple[int, int] | None = None,
        session: str | None = None,
        prefix: int = 0,
        tokens: tuple[int, int] = ...,
        key: str | None = None,
        ceilings_nusd: Sequence[int] = ...,
        drawn: bool = False,
    ) -> tuple[list[int], tuple[str, ...], int, int | None, bool, bool]:
        """Decides a request and remembers it: tiers, reasons, nano-USD on hold, the tier beyond the near threshold, two alerts."""
    def plan(self, need: float | None = None) -> list[int]:
        """The tiers for a need as things stand; changes nothing."""
    def settle(
        self,
        *,
        key: str | None = None,
        session: str | None = None,
        held_nusd: int = 0,
        strong: bool = False,
        cost_nusd: int = 0,
        cached_tokens: int | None = None,
    ) -> None:
        """Books what a request cost, for its key's money, and how many tokens its session's tier has cached now."""
    def move_to(self, session: str, tier: int) -> None:
        """Moves a session that is known to a tier."""
    def pinned(self, session: str) -> int | None:
        """The tier of a session, or None."""
    def cost(self, cheap_nusd: int, strong_nusd: int) -> None:
        """Learns what a request costs on the cheap and on the strong tier."""
    def follow(self, now_ns: int, period: tuple[int, int], left_nusd: int) -> int:
        """Follows a budget: gives the share that it pays for, in millionths, and moves the thresholds."""
    @property
    def asked_ppm(self) -> int:
        """Part of the traffic that tiers above the cheapest serve when nothing lowers it, in millionths."""
    def use_model(self, generation: int) -> None:
        """Says which model scores from now on: needs of one with a lower number are forgotten."""
    def figures(self) -> dict[str, Any]:
        """Counts by name, and the figures of the routing as a whole."""

@final
class FittedHead:
    """A small head that was fitted to labels."""

    def __new__(
        cls,
        *,
        ids: bytes,
        idf: bytes,
        weights: bytes,
        center: Sequence[float],
        scale: Sequence[float],
        directions: Sequence[float],
        phases: Sequence[float],
        amplitudes: Sequence[float],
        base: tuple[float, float],
        failure: tuple[float, float],
        shift: float,
        quantiles: Sequence[float],
        success: Sequence[float],
        reach: tuple[float, float],
    ) -> FittedHead: ...
    def gain_at(self, need: float) -> float:
        """The expected gain of the strong tier on a text whose need is so high."""
    def finish(self, base: Sequence[TierScore], ids: bytes, tf: bytes, row: bytes, dense: bytes) -> list[TierScore]:
        """Scores from the base's scores and the four buffers of `features` for the same texts."""

@final
class ShareRouter:
    """Chooses tiers so that each stronger one serves its share of the traffic."""

    def __new__(cls, shares: Sequence[float], *, default: int = 0, escalate: bool = False) -> ShareRouter: ...
    def plan(self, need: float | None = None) -> list[int]:
        """Tiers, best first: the chosen one, then cheaper, then dearer ones (`escalate`: dearer first)."""
    def observe(self, need: float) -> None:
        """Counts the need of a request."""
    def scale(self, part_ppm: int) -> None:
        """Lowers all shares but the cheapest's to a part of what was asked for, in millionths."""
    def asked_ppm(self) -> int:
        """Part of the traffic that tiers above the cheapest serve when nothing lowers it, in millionths."""
    def threshold(self, tier: int) -> float:
        """The need above which a tier is chosen; infinite for a tier without a share. An unknown tier raises IndexError."""
    def __len__(self) -> int: ...

def features(texts: Sequence[str]) -> tuple[bytes, bytes, bytes, bytes]:
    """Features of texts as buffers: ids (int64), tf (float32), row (int64), measures (float32, 23 per text)."""

def score_by_structure(texts: Sequence[str]) -> list[TierScore]:
    """Scores by structure alone: needs no model file and no package."""

@final
class CacheKeyer:
    def __new__(cls, secret: bytes) -> CacheKeyer: ...
    def keys(
        self,
        namespace: Sequence[str],
        model: str,
        messages: Sequence[Mapping[str, Any]],
        params: dict[str, Any] | None = None,
    ) -> tuple[bytes, bytes, str]: ...

@final
class CacheHit:
    @property
    def value(self) -> bytes: ...
    @property
    def saved(self) -> Money: ...
    @property
    def id(self) -> int: ...
    @property
    def similarity(self) -> float: ...
    @property
    def exact(self) -> bool: ...

@final
class CacheVerdict:
    @property
    def hit(self) -> bool: ...
    @property
    def reasons(self) -> tuple[str, ...]: ...
    def __bool__(self) -> bool: ...

@final
class CacheStore:
    def __new__(
        cls,
        *,
        dim: int,
        capacity: int,
        capacity_bytes: int,
        memory_bytes: int,
        secret: bytes,
        path: str | os.PathLike[str] | None = None,
        encoder: str = "",
        own_now_ns: int | None = None,
    ) -> CacheStore: ...
    @property
    def notice(self) -> str | None: ...
    def keyer(self) -> CacheKeyer: ...
    def put(
        self,
        *,
        namespace: str | bytes,
        key: bytes,
        text: str,
        embedding: object | None,
        value: bytes,
        ttl_s: float,
        saved: Money | Decimal | int | str,
        now_ns: int,
        tag: str = "",
        owner: str | None = None,
    ) -> int | None: ...
    def get(
        self,
        *,
        namespace: str | bytes,
        key: bytes,
        text: str,
        embedding: object | None,
        min_similarity: float | None,
        now_ns: int,
    ) -> CacheHit | None: ...
    def report(self, id: int, *, ok: bool) -> bool: ...
    def purge(
        self, *, namespace: str | bytes | None, tag: str | None, put_before_ns: int | None, now_ns: int
    ) -> int: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def stats(self) -> dict[str, int]: ...
    def __len__(self) -> int: ...

@final
class CacheFile:
    def __new__(cls, path: str | os.PathLike[str]) -> CacheFile: ...
    def stats(self) -> tuple[tuple[str, int, int, int], list[tuple[str, int, int, int, int, int]]]: ...
    def entries(self, above: int, *, most: int, values: bool) -> tuple[int, list[dict[str, Any]]] | None: ...
    def purge(self, *, owner: str | None, tag: str | None, age_ns: int) -> int: ...
    def report(self, id: int) -> bool: ...

def embed_many(texts: list[str]) -> bytearray: ...
def cache_overlap(cached: str, new: str) -> tuple[int, int, int, int, bool]: ...
def cache_decide(cached: str, new: str, similarity: float, min_similarity: float | None = None) -> CacheVerdict: ...

# --- reading a policy file (rust/py/src/policy.rs)

_TomlValue: TypeAlias = tuple[
    str, Any, tuple[int, int], tuple[int, int]
]  # kind, value, (line, column), (key line, key column)

def toml_document(text: str, /) -> tuple[dict[str, _TomlValue], list[tuple[int, int, str]]]: ...
def duration_ns(key: str, text: str, /) -> int: ...
def size_bytes(key: str, text: str, /) -> int: ...
def price_pusd_per_token(text: str) -> int: ...

# --- used by policy, owned by main (rust/py/src/rules.rs)

@final
class LimitRule:
    def __new__(
        cls,
        name: str,
        *,
        rate: str | None = None,
        burst: int | str | Decimal | Money | None = None,
        concurrency: int | None = None,
        per: Sequence[str] | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
        mode: str = "enforce",
        replaces: Sequence[str] | None = None,
    ) -> Self: ...
    @property
    def text(self) -> str: ...

@final
class BudgetRule:
    def __new__(
        cls,
        name: str,
        *,
        amount: str | int | Decimal | Money,
        period: str,
        timezone: str = "UTC",
        per: Sequence[str] | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
        on_exhausted: str = "refuse",
        warn_at: Sequence[float] | None = None,
        mode: str = "enforce",
        replaces: Sequence[str] | None = None,
    ) -> Self: ...
    @property
    def text(self) -> str: ...

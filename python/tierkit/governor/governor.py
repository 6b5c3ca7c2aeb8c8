"""`Governor`: prepare, admit, settle or cancel."""

from __future__ import annotations

from tierkit.errors import ConfigError
from tierkit.governor.admission import Admission
from tierkit.governor.balance import balances
from tierkit.governor.ground import Ground
from tierkit.governor.in_force import InForce
from tierkit.governor.labels import as_dict
from tierkit.governor.opened import directory, leave, stays
from tierkit.governor.plan import Plan
from tierkit.governor.prompt import Prompt
from tierkit.governor.refusal import refused
from tierkit.governor.routing_state import as_json
from tierkit.governor.story import story
from tierkit.governor.waiter import class_of
from tierkit.governor.walk import Ask, Walk
from tierkit.money import Money

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Mapping, Sequence
    from types import TracebackType
    from typing import Any, NoReturn, Self

    from tierkit import _core
    from tierkit.governor.admission import Hit
    from tierkit.governor.balance import Balance
    from tierkit.governor.engine import Engine
    from tierkit.governor.routing_state import RoutingState
    from tierkit.policy import Policy
    from tierkit.prices import PriceBook
    from tierkit.route import TierClassifier
    from tierkit.route.refit import Refit

    Content = str | Sequence[Mapping[str, Any]] | None

__all__ = ["Governor"]

_CACHE_MODES = ("use", "refresh", "off")


class Governor:
    """Decides each request of one program: cached answer, tier, limits, budgets, price; then books the exact cost.

    Args:
        policy: Tiers, limits, budgets, routing and cache.
        state: Directory of the ledger; None keeps everything in this process's memory. Every process
            of the machine that opens the same directory shares its state and follows the policy that was loaded last.
        clock: A `ManualClock` for tests and replays; None reads the machine's clocks.
        prices: Price book; None is the one in the package.
        classifier: Scores prompts; None is the one in the package, loaded at the first score.
        durability: "relaxed" commits within 5 ms behind the caller, "strict" answers after the commit.

    Raises:
        ConfigError: The policy has no tier, or a tier has no price and the policy refuses then.
        StateError: The directory cannot be used.

    Example:
        >>> import tierkit as tk
        >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
        >>> tiers, budgets = [tk.Tier("small", model="m", price=price)], [tk.Budget("1 USD", period="day")]
        >>> policy = tk.Policy(tiers=tiers, budgets=budgets)
        >>> governor = tk.Governor(policy)
        >>> with governor.admit("Say hello", max_output_tokens=10) as admission:
        ...     cost = admission.settle(tk.Usage(input_tokens=8, output_tokens=4))
        >>> str(cost), str(governor.balances()[0].posted)
        ('0.000016', '0.000016')
    """

    def __init__(
        self,
        policy: Policy,
        *,
        state: str | os.PathLike[str] | None = None,
        clock: _core.ManualClock | None = None,
        prices: PriceBook | None = None,
        classifier: TierClassifier | None = None,
        durability: str = "relaxed",
    ) -> None:
        """Resolve prices, compile rules, and open the ledger."""
        if not policy.tiers:
            raise ConfigError("policy: no tier; a Governor needs at least one (Limiter and Ledger stand alone)")
        self._state = directory(state)
        ground = Ground(
            policy, state=self._state, clock=clock, prices=prices, classifier=classifier, durability=durability
        )
        self._force = InForce(policy, ground)

    @property
    def policy(self) -> Policy:
        """The policy in force, as this process saw it last."""
        return self._engine.policy

    @property
    def _engine(self) -> Engine:
        return self._force.engine

    def reload(self, policy: Policy | None = None) -> Policy:
        """Let another policy decide from the next request on, here and in every process of the state directory.

        Each request is decided wholly by the old policy or wholly by the new one; those who wait are judged anew. What
        was admitted ends under the policy that admitted it. Limits and budgets keep their scopes by name, labels and
        period: buckets go on with the new rates, spent money counts against the new amounts.

        Args:
            policy: The new one; None reads the file of the present one again.

        Returns:
            The policy now in force.

        Raises:
            ConfigError: The policy or its file cannot be used; the old one stays in force.
            StateError: The state cannot be used; the old one stays in force.

        Cost: milliseconds; requests wait only while the numbers change, some microseconds and 10 ns per scope.

        Example:
            >>> import tierkit as tk
            >>> tiers = [tk.Tier("small", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})]
            >>> governor = tk.Governor(tk.Policy(tiers=tiers, budgets=[tk.Budget("1 USD", name="all", period="day")]))
            >>> policy = governor.policy.with_(budgets=[tk.Budget("2 USD", name="all", period="day")])
            >>> governor.reload(policy).budgets[0].amount
            Money('2')
        """
        if policy is None:
            path = self._force.ground.path
            if not path:
                raise ConfigError("reload: this policy was made in code, so there is no file to read; pass the new one")
            policy = type(self.policy).from_toml(path)
        self._force.reload(policy)
        return policy

    def admit(
        self,
        prompt: Content,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        params: Mapping[str, Any] | None = None,
        input_tokens: int | None = None,
        need: float | None = None,
        tiers: Collection[str] | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
    ) -> Admission:
        """Decide a request: answer it from the cache, or reserve room for it on the best tier that has some.

        Args:
            prompt: Text or chat messages; None when only `input_tokens` is known.
            labels: Who asks, such as {"team": "search", "user": "ada"}; `tier`, `model` and `backend` are added.
            max_output_tokens: Bound of the answer. None reserves the 95th percentile of the tier's own answers.
            id: Idempotency key: the same id with the same request is admitted again without a charge.
            params: Everything else that changes the answer (temperature, tools, …); part of the cache's key.
            input_tokens: The prompt's length, when it was counted before.
            need: A score in [0, 1] of the caller's own, instead of the classifier's.
            tiers: Only these tiers may serve.
            cache: "use", "refresh" (ask again and keep the new answer) or "off".
            wait_s: Seconds that the request may wait for room.
            priority: "critical", "high", "normal", "low" or "batch": of those who wait, a more urgent class always
                goes first, and in a class the callers (by their labels) take turns.

        Returns:
            The admission; `.hit` holds the answer when the cache had it.

        Raises:
            Refused: No tier has room; `.rule`, `.retry_after_s` and `.decision` say who refuses and until when.
            ConfigError: An argument that cannot be used.
            ReservationConflict: The id was used for another request.
            AlreadySettled: The id's request was cancelled or answered from the cache: nothing is held for it.
            StateError: The ledger cannot be written and the policy refuses then.

        Cost: microseconds; with a classifier about 0.1 ms at 128 tokens.
        """
        walk = self._walk(
            prompt,
            labels=labels,
            max_output_tokens=max_output_tokens,
            id=id,
            params=params,
            input_tokens=input_tokens,
            need=need,
            tiers=tiers,
            cache=cache,
            priority=priority,
        )
        try:
            outcome = walk.try_once() if wait_s <= 0 else self._force.ground.waiting.wait(walk, wait_s)
        except BaseException:
            walk.given_up()
            raise
        if isinstance(outcome, Admission):
            return outcome
        walk.given_up()
        raise refused(outcome)

    async def admit_async(
        self,
        prompt: Content,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        id: str | None = None,  # noqa: A002 - as in admit
        params: Mapping[str, Any] | None = None,
        input_tokens: int | None = None,
        need: float | None = None,
        tiers: Collection[str] | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
    ) -> Admission:
        """Decide a request as `admit` does; only waiting for room gives way to the event loop."""
        walk = self._walk(
            prompt,
            labels=labels,
            max_output_tokens=max_output_tokens,
            id=id,
            params=params,
            input_tokens=input_tokens,
            need=need,
            tiers=tiers,
            cache=cache,
            priority=priority,
        )
        try:
            outcome = walk.try_once() if wait_s <= 0 else await self._force.ground.waiting.wait_async(walk, wait_s)
        except BaseException:
            walk.given_up()
            raise
        if isinstance(outcome, Admission):
            return outcome
        walk.given_up()
        raise refused(outcome)

    def route(
        self,
        prompt: Content,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        params: Mapping[str, Any] | None = None,
        input_tokens: int | None = None,
        need: float | None = None,
    ) -> Plan:
        """Say which tier a request would go to and what it can cost at most. Changes nothing.

        Example:
            >>> import tierkit as tk
            >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
            >>> governor = tk.Governor(tk.Policy(tiers=[tk.Tier("small", model="m", price=price)]))
            >>> str(governor.route("Say hello", max_output_tokens=10).price_ceiling)
            '0.000029'
        """
        walk = self._walk(
            prompt,
            labels=labels,
            max_output_tokens=max_output_tokens,
            params=params,
            input_tokens=input_tokens,
            need=need,
            cache="off",
        )
        ranking = walk.preview()
        first = ranking.candidates[0]
        read = Prompt(prompt, input_tokens, params)
        tokens = read.tokens(first.tier.model)
        output = first.output_tokens(max_output_tokens) * read.billing.answers
        at_ns, processing = walk.engine.gate.wall_ns, read.billing.processing
        ceiling = Money.from_nusd(first.ceiling_nusd(tokens, output, at_ns, processing))
        names = tuple(candidate.tier.name for candidate in ranking.candidates)
        return Plan(*first.labels, names, ranking.need, ranking.reasons, tokens, output, ceiling)

    def report(self, hit: Hit, *, ok: bool) -> bool:
        """Tell whether an answer from the cache was right; a wrong one is never given again for this question."""
        return self._engine.answers.report(hit.id, ok=ok)

    def feedback(
        self,
        id: str,  # noqa: A002 - the word that users read in the ledger
        *,
        ok: bool | None = None,
        quality: float | None = None,
        tier: str | None = None,
    ) -> bool:
        """Tell how good an answer was. The last word stands; saying the same again changes nothing.

        It is kept with the features of the request, never its text, for `refit` (`feedback = true` in `[routing]`). An
        answer from the cache is reported to it. An answer that was not good enough lets its session rise one tier.

        Args:
            id: The request: of an admission, or of an answer of a client. In any process of the state directory.
            ok: Whether it was good enough; or else:
            quality: From 0 (useless) to 1 (as good as wanted); below 0.5 is not good enough.
            tier: Whose answer, when it is not the tier's that served: a second answer, asked for to compare.

        Returns:
            Whether anything was new.

        Raises:
            UnknownReservation: No request has this id, or it ended more than a day ago.
            ConfigError: Neither or both of ok and quality, an unknown tier, or nothing in the policy that could use it.
            StateError: It cannot be written.

        Example:
            >>> import tierkit as tk
            >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
            >>> tiers = [tk.Tier("small", model="m", price=price), tk.Tier("large", model="l", price=price)]
            >>> routing = tk.policy.Routing(share={"large": 0.2}, feedback=True)
            >>> governor = tk.Governor(tk.Policy(tiers=tiers, routing=routing))
            >>> admission = governor.admit("Say hello", max_output_tokens=10)
            >>> cost = admission.settle(tk.Usage(input_tokens=8, output_tokens=4))
            >>> governor.feedback(admission.id, ok=True)
            True
        """
        from tierkit.governor.verdict import judged  # noqa: PLC0415 - most programs give none

        return judged(self._engine, self._state, id, ok=ok, quality=quality, tier=tier)

    def second_opinion(self, id: str, tier: str) -> str | None:  # noqa: A002 - as in admit
        """Return the tier that is to answer a request too, or None if chance does not pick it (`shadow`).

        The same id is always picked alike.
        """
        return self._engine.second_opinion(id, tier)

    def admit_second(
        self,
        prompt: Content,
        *,
        id: str,  # noqa: A002 - as in admit
        tier: str,
        max_output_tokens: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Admission:
        """Reserve for a second answer to a request, on one tier, with the label `purpose = "shadow"` alone.

        It counts for no quota, session or threshold, and waits for nothing.

        Args:
            prompt: What was asked.
            id: The request that it is about; in the ledger it is `<id>~shadow`.
            tier: The tier that answers.
            max_output_tokens: Bound of the answer.
            params: Everything else that changes the answer.

        Raises:
            Refused: Its budget, or anything else, has no room.
        """
        labels, own = {"purpose": "shadow"}, f"{id}~shadow"
        ask = Ask(
            Prompt(prompt, None, params), labels, max_output_tokens, own, params, None, [tier], "off", steers=False
        )
        outcome = Walk(self._force, ask, priority=class_of("batch")).try_once()
        if isinstance(outcome, Admission):
            return outcome
        raise refused(outcome)

    def refit(self, *, loss: float = 0.02, confidence: float = 0.9, force: bool = False) -> Refit:
        """Fit the classifier to the feedback so far, and put it in force if it orders the newest fifth better.

        The fit starts from the classifier that the governor was opened with. All processes of the state directory go
        over to the new one; thresholds then follow its scores anew.

        Args:
            loss: The mean loss of quality to bound, a part of 1.
            confidence: The confidence of that bound, a part of 1.
            force: Put it in force although the 95 % interval of its gain reaches below 0.

        Raises:
            ConfigError: Fewer than 50 judged answers of the cheapest tier, or `feedback` is off.
            StateError: The lessons or the new classifier cannot be read or written.

        Cost: some 2 s for 500 judged requests.
        """
        from tierkit.governor.verdict import relearned  # noqa: PLC0415 - as in `feedback`

        return relearned(self._engine, loss=loss, confidence=confidence, force=force)

    def balances(self) -> list[Balance]:
        """Return what every budget spent and holds, by rule, key and window; and its pace, if it sets one."""
        return balances(self._engine.gate, self._engine.steering.pacing)

    def routing(self) -> RoutingState:
        """Return what routing does as a whole: thresholds, the pace, the price of quality, counts and alerts.

        Example:
            >>> import tierkit as tk
            >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
            >>> tiers = [tk.Tier("small", model="m", price=price), tk.Tier("large", model="l", price=price)]
            >>> governor = tk.Governor(tk.Policy(tiers=tiers, routing=tk.policy.Routing(share={"large": 0.2})))
            >>> round(governor.routing().thresholds["large"], 3)
            0.8
        """
        return self._engine.routing_state()

    def explain(self, id: str) -> dict[str, Any]:  # noqa: A002 - the word that users read in the ledger
        """Return what is known of one request: its state, labels and accounts; and `routing` as it is now.

        Raises:
            UnknownReservation: The id was never used here.
        """
        return {**story(self._engine.gate, self._state, id), "routing": as_json(self._engine.routing_state())}

    @property
    def worst_overshoot(self) -> Money:
        """The furthest that an enforced budget was ever exceeded, by spend and reservations together."""
        return self._engine.gate.worst_overshoot

    def flush(self) -> None:
        """Wait until the files hold everything that happened; does nothing without `state`."""
        self._engine.gate.flush()
        self._engine.answers.flush()

    def close(self) -> None:
        """Write what is left and give the state directory free. A closed governor refuses every call."""
        if self._engine.learning is not None:
            self._engine.learning.close()
        self._engine.close()

    def __enter__(self) -> Self:
        """Return the governor."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        leave(self.close, error)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise stays(self)

    def __repr__(self) -> str:
        """Show the tiers and where the state is."""
        return f"Governor(tiers={list(self._engine.candidates)}, state={self._state!r})"

    def _walk(
        self,
        prompt: Content,
        *,
        labels: Mapping[str, str] | None,
        max_output_tokens: int | None,
        id: str | None = None,  # noqa: A002 - as in admit
        params: Mapping[str, Any] | None,
        input_tokens: int | None,
        need: float | None,
        tiers: Collection[str] | None = None,
        cache: str,
        priority: str = "normal",
    ) -> Walk:
        """Prepare: everything that changes no state and may be thrown away."""
        place_in_line = class_of(priority)
        if cache not in _CACHE_MODES:
            raise ConfigError(f"cache {cache!r}: expected one of {', '.join(_CACHE_MODES)}")
        if need is not None and not 0 <= need <= 1:
            raise ConfigError(f"need={need!r}: expected a number from 0 to 1")
        bound = max_output_tokens
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 1):
            raise ConfigError(f"max_output_tokens={bound!r}: expected a whole number of 1 or more, or None")
        if id is None and self._engine.learning is not None:
            id = self._engine.gate.new_id()  # noqa: A001 - chance goes by it
        who = labels if type(labels) is dict else as_dict(labels)
        ask = Ask(Prompt(prompt, input_tokens, params), who, bound, id, params, need, tiers, cache)
        return Walk(self._force, ask, priority=place_in_line)

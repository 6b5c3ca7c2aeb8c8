"""The policy in force: how the next one comes, from this process or from another one."""

from __future__ import annotations

import logging
import threading
import time

from tierkit.errors import ConfigError
from tierkit.governor.engine import Engine
from tierkit.governor.forks import watch
from tierkit.governor.ground import Ground, rules_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit.policy import Policy

__all__ = ["InForce"]

_log = logging.getLogger("tierkit")


class InForce:
    """Holds the engine of the policy in force, and replaces it as a whole.

    Each decision is made by one engine under the version of the rules that the engine knows: the gate decides nothing
    for an engine of another version, and the request is then asked anew of the next engine.

    Attributes:
        engine: The engine in force.
        ground: What stays.
    """

    __slots__ = ("__weakref__", "_lock", "engine", "ground")

    def __init__(self, policy: Policy, ground: Ground) -> None:
        """Open the state with the first policy; where a newer one is in force there, follow it."""
        self.ground = ground
        self.start_over()
        self.engine = Engine(policy, ground)
        watch(self)
        if ground.is_shared:
            self._take_over(self.engine)

    def start_over(self) -> None:
        """Make the lock anew: a thread of the parent may have held it when this process was forked."""
        # Re-entrant: the collector may end the wait of a dropped coroutine in here, which tries those behind it.
        self._lock = threading.RLock()

    def reload(self, policy: Policy) -> None:
        """Put a policy in force here and in every process of the state.

        Raises:
            ConfigError: The policy cannot be used; the old one stays in force.
            StateError: The state cannot be used; the old one stays in force.
        """
        if not policy.tiers:
            raise ConfigError("policy: no tier; a Governor needs at least one (Limiter and Ledger stand alone)")
        with self._lock:
            gate, ground = self.ground.gate, self.ground
            following = Engine(policy, ground, before=self.engine)
            following.version = gate.reload(
                rules_of(policy),
                line=ground.line,
                policy=ground.text(policy),
                loaded_ns=max(policy.loaded_ns, time.time_ns()),
            )
            self._replace(following)
        _log.info("policy: another one is in force (version %d)", following.version)
        self.ground.waiting.released()

    def follow(self, seen: Engine) -> None:
        """Go on with the policy in force, which is not the one of the engine `seen`."""
        with self._lock:
            if self.engine is not seen:
                return
            self._take_over(seen)
        self.ground.waiting.released()

    def _take_over(self, seen: Engine) -> None:
        version, line, text = self.ground.gate.in_force()
        policy = seen.policy
        if text and line == self.ground.line and text != self.ground.text(policy):
            policy = _read(text) or policy
        elif version == seen.version:
            return
        try:
            following = Engine(policy, self.ground, before=seen)
        except ConfigError as error:
            # Such as a price that this process's book lacks. The limits and budgets of the directory hold all the same.
            _log.error("policy: the tiers of the one in force cannot be used here, so the old ones stay: %s", error)
            following = Engine(seen.policy, self.ground, before=seen)
        following.version = version
        self._replace(following)
        _log.warning("policy: following the newer one of another process (version %d)", version)

    def _replace(self, following: Engine) -> None:
        self.ground.gate.on_state_error(following.policy.on_state_error)
        before, self.engine = self.engine.steering, following
        if before is not following.steering and before.pacing is not None:
            before.pacing.close()


def _read(text: str) -> Policy | None:
    from tierkit.policy.written import read  # noqa: PLC0415 - rarely needed

    try:
        return read(text)
    except ConfigError as error:
        _log.error("%s; its limits and budgets hold, the tiers stay", error)
        return None

"""What the gate promises, in plain Python: fractions for rates, a dict for money, the table of events and states."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

REMEMBERED_NS = 86_400 * 10**9
Wait = tuple[int, int]  # ordered as the gate orders them: (0, ns), until released, never
UNTIL_RELEASED: Wait = (1, 0)
NEVER: Wait = (2, 0)


class Rule(NamedTuple):
    """`period_ns` 0 is a budget without end; `burst` is the size of a bucket."""

    name: str
    kind: str  # rate, slots or budget
    dimension: str
    amount: int
    period_ns: int = 0
    burst: int = 0
    per: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()

    def key(self, labels: dict[str, str]) -> tuple[str | None, ...] | None:
        if any(labels.get(label) != value for label, value in self.where):
            return None
        return tuple(labels.get(label) for label in self.per)


class Failing(NamedTuple):
    rule: str
    available: int
    wait: Wait


class Bucket:
    def __init__(self, rule: Rule, now: int) -> None:
        self.rule, self.level, self.last = rule, Fraction(rule.burst), now

    def refill(self, now: int) -> None:
        self.level = min(
            self.level + Fraction(self.rule.amount, self.rule.period_ns) * (now - self.last), self.rule.burst
        )
        self.last = now

    def failing(self, cost: int) -> Failing | None:
        if cost == 0 or self.level >= cost:
            return None
        short_ns = ceil((cost - self.level) / Fraction(self.rule.amount, self.rule.period_ns))
        wait = NEVER if cost > self.rule.burst else (0, short_ns)
        return Failing(self.rule.name, floor(self.level), wait)

    def correct(self, change: int) -> None:
        self.level += change
        if floor(self.level) >= self.rule.burst:
            self.level = Fraction(self.rule.burst)

    def follow(self, rule: Rule, now: int) -> None:
        """Other numbers from now on: full stays full, debt stays debt, the fraction of a unit goes."""
        self.refill(now)
        was_full = self.level >= self.rule.burst
        if rule != self.rule:
            self.level = Fraction(rule.burst if was_full else min(floor(self.level), rule.burst))
        self.rule = rule


class Held:
    def __init__(self, rule: Rule) -> None:
        self.rule, self.count = rule, 0

    def failing(self, cost: int) -> Failing | None:
        free = self.rule.amount - self.count
        if cost <= free:
            return None
        return Failing(self.rule.name, max(free, 0), NEVER if cost > self.rule.amount else UNTIL_RELEASED)


class Account:
    def __init__(self, rule: Rule, start: int) -> None:
        self.rule, self.start, self.posted, self.pending, self.excused = rule, start, 0, 0, 0

    @property
    def above(self) -> int:
        return max(0, self.posted + self.pending - self.rule.amount)

    def follow(self, rule: Rule) -> None:
        self.rule = rule
        self.excused = self.above

    def overspent(self) -> int:
        """What stands above the limit, but for what stood there when the limit was set."""
        overspent = max(0, self.above - self.excused)
        self.excused = min(self.excused, self.above)
        return overspent

    def is_live(self, wall: int) -> bool:
        return not self.rule.period_ns or self.start <= wall < self.start + self.rule.period_ns

    def failing(self, cost: int, wall: int) -> Failing | None:
        limit = self.rule.amount
        free = limit - self.posted - self.pending
        if cost == 0 or cost <= free:
            return None
        wait = UNTIL_RELEASED
        if self.posted + cost > limit:
            wait = (0, self.start + self.rule.period_ns - wall) if self.rule.period_ns else NEVER
        return Failing(self.rule.name, max(free, 0), NEVER if cost > limit else wait)


class Reservation:
    def __init__(self, labels: dict[str, str], units: dict[str, int], made: int, ttl: int) -> None:
        self.labels, self.units, self.made, self.expires = labels, units, made, made + ttl
        self.state, self.posted, self.ended = "open", 0, 0
        self.stocks: list[tuple[Bucket | Held | Account, int]] = []
        self.adjustments: dict[str, int] = {}


class ExactGate:
    """`boot` moves on, `wall` may jump; both are nanoseconds that the machine sets."""

    def __init__(self, rules: list[Rule], *, boot: int = 0, wall: int = 0) -> None:
        self.rules, self.boot, self.wall = rules, boot, wall
        self.buckets: dict[tuple[str, object], Bucket] = {}
        self.holds: dict[tuple[str, object], Held] = {}
        self.accounts: dict[tuple[str, object, int], Account] = {}
        self.reservations: dict[str, Reservation] = {}
        self.worst_overshoot = 0

    def edit(self, rules: list[Rule]) -> None:
        """Another policy: what a rule of the same name took goes on with the new numbers, also after it was gone."""
        if rules == self.rules:
            return
        self.rules = rules
        named = {rule.name: rule for rule in rules}
        for (name, _), bucket in self.buckets.items():
            if name in named:
                bucket.follow(named[name], self.boot)
        for (name, _), held in self.holds.items():
            held.rule = named.get(name, held.rule)
        for (name, _, _), account in self.accounts.items():
            if name in named:
                account.follow(named[name])

    def stocks(self, labels: dict[str, str], units: dict[str, int]) -> list[tuple[Bucket | Held | Account, int]]:
        found: list[tuple[Bucket | Held | Account, int]] = []
        for rule in self.rules:
            key = rule.key(labels)
            if key is not None:
                found.append((self._stock(rule, key), units.get(rule.dimension, 0)))
        return found

    def _stock(self, rule: Rule, key: tuple[str | None, ...]) -> Bucket | Held | Account:
        if rule.kind == "rate":
            bucket = self.buckets.setdefault((rule.name, key), Bucket(rule, self.boot))
            bucket.refill(self.boot)
            return bucket
        if rule.kind == "slots":
            return self.holds.setdefault((rule.name, key), Held(rule))
        start = self.wall // rule.period_ns * rule.period_ns if rule.period_ns else 0
        return self.accounts.setdefault((rule.name, key, start), Account(rule, start))

    def failing(self, labels: dict[str, str], units: dict[str, int]) -> list[Failing]:
        judged = [
            stock.failing(cost, self.wall) if isinstance(stock, Account) else stock.failing(cost)
            for stock, cost in self.stocks(labels, units)
        ]
        return [found for found in judged if found is not None]

    def take(self, labels: dict[str, str], units: dict[str, int]) -> list[Failing]:
        failing = self.failing(labels, units)
        if not failing:
            self._move(self.stocks(labels, units), held=1)
        return failing

    def correct_take(self, labels: dict[str, str], taken: dict[str, int], used: dict[str, int]) -> None:
        for stock, cost in self.stocks(labels, taken):
            if isinstance(stock, Bucket):
                stock.correct(cost - used.get(stock.rule.dimension, 0))

    def admit(self, name: str, labels: dict[str, str], units: dict[str, int], ttl: int) -> str | list[Failing]:
        """The state of the reservation, "conflict", "settled" for one that was given back, or who fails."""
        self.expire()
        known = self.reservations.get(name)
        if known is not None:
            if (known.labels, known.units) != (labels, units):
                return "conflict"
            return "settled" if known.state == "void" else known.state
        failing = self.take(labels, units)
        if failing:
            return failing
        made = Reservation(labels, units, self.boot, ttl)
        made.stocks = self.stocks(labels, units)
        self.reservations[name] = made
        return "open"

    def settle(self, name: str, used: dict[str, int]) -> str:
        self.expire()
        known = self.reservations.get(name)
        if known is None:
            return "unknown"
        nusd = used.get("usd", 0)
        if known.state == "posted":
            return "same" if known.posted == nusd else "settled"
        answer = "posted" if known.state == "open" else "late"
        self._end(known, "posted", used)
        known.posted = nusd
        return answer

    def cancel(self, name: str) -> str:
        self.expire()
        known = self.reservations.get(name)
        if known is None or known.state in ("posted", "void"):
            return "unknown" if known is None else {"posted": "settled", "void": "same"}[known.state]
        answer = "void" if known.state == "open" else "late"
        self._end(known, "void", {})
        return answer

    def adjust(self, name: str, own: str, nusd: int) -> str:
        self.expire()
        known = self.reservations.get(name)
        if known is None or known.state != "posted":
            return "unknown" if known is None else "config"
        if own in known.adjustments:
            return "same" if known.adjustments[own] == nusd else "conflict"
        if nusd == 0 or known.posted + sum(known.adjustments.values()) + nusd < 0:
            return "config"
        known.adjustments[own] = nusd
        for stock, _ in known.stocks:
            if isinstance(stock, Account):
                stock.posted += nusd
                if stock.pending or stock.is_live(self.wall):
                    self.worst_overshoot = max(self.worst_overshoot, stock.overspent())
        return "adjusted"

    def renew(self, name: str, ttl: int) -> bool | None:
        self.expire()
        known = self.reservations.get(name)
        if known is None or known.state != "open":
            return None if known is None else False
        known.expires = self.boot + ttl
        return True

    def expire(self) -> None:
        due = [known for known in self.reservations.values() if known.state == "open" and known.expires <= self.boot]
        for known in due:
            self._end(known, "expired", known.units)
        gone = [name for name, known in self.reservations.items() if self._forgotten(known)]
        for name in gone:
            del self.reservations[name]

    def open_again(self) -> None:
        """A file gives back what was made within a day, and remembers it for another."""
        self.expire()
        kept = {
            name: known
            for name, known in self.reservations.items()
            if known.state == "open" or self.boot - known.made <= REMEMBERED_NS
        }
        for known in kept.values():
            known.ended = self.boot
        self.reservations = kept

    def _forgotten(self, known: Reservation) -> bool:
        return known.state != "open" and known.ended + REMEMBERED_NS <= self.boot

    def _move(self, stocks: list[tuple[Bucket | Held | Account, int]], *, held: int) -> None:
        for stock, cost in stocks:
            if isinstance(stock, Bucket):
                stock.level -= cost
            elif isinstance(stock, Held):
                stock.count += held * cost
            else:
                stock.pending += cost

    def _end(self, known: Reservation, state: str, used: dict[str, int]) -> None:
        for stock, cost in known.stocks:
            use = used.get(stock.rule.dimension, 0)
            if isinstance(stock, Bucket):
                stock.refill(self.boot)
                stock.correct((0 if known.state == "void" else cost) - use)
            elif isinstance(stock, Held):
                stock.count -= cost if known.state == "open" else 0
            else:
                stock.pending -= cost if known.state == "open" else 0
                stock.posted += use - (cost if known.state == "expired" else 0)
                if stock.rule in self.rules:
                    self.worst_overshoot = max(self.worst_overshoot, stock.overspent())
        if known.state == "open":
            known.ended = self.boot
        known.state = state

    def balances(self) -> list[tuple[str, object, int, int, int]]:
        """(rule, key, window, posted, pending) of live windows and of those with money on hold, where any."""
        self.expire()
        live = [
            (name, key, start, account.posted, account.pending)
            for (name, key, start), account in self.accounts.items()
            if account.rule in self.rules and (account.pending or account.is_live(self.wall))
        ]
        return [row for row in live if row[3] or row[4]]

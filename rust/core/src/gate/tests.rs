//! The laws of the gate, each on the smallest example that shows it, and a random walk against a plain reference.

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::decision::{Cause, Wait};
use crate::labels::{Labels, Lookup};
use crate::ledger::{BudgetSpec, Calendar, EntryKind, State};
use crate::rules::{Matcher, Mode, Rule};
use crate::throttle::{Dimension, Quota};
use EntryKind::{Expire, Post, Reserve, Void};
use proptest::prelude::*;

const START: Now = Now { boot_ns: 0, wall_ns: 1_767_225_600_000_000_000 };

fn rule(name: &str, per: &[&str], kind: RuleKind) -> Rule {
    let per = per.iter().map(|label| (*label).into()).collect();
    Rule { name: name.into(), matcher: Matcher { per, clauses: vec![] }, kind, mode: Mode::Enforce, replaces: vec![] }
}

fn budget(limit_nusd: i64, period: &str) -> RuleKind {
    let Ok(calendar) = Calendar::new(period, "UTC") else { unreachable!("{period}") };
    RuleKind::Budget(BudgetSpec { limit_nusd, calendar, downgrade: false, warn_at_permille: vec![500, 800] })
}

fn refill(text: &str) -> RuleKind {
    let Ok((dimension, quota)) = Quota::parse(text, None) else { unreachable!("{text}") };
    RuleKind::Refill(dimension, quota)
}

fn gate(rules: Vec<Rule>) -> Gate {
    let Ok(rules) = Rules::new(rules) else { unreachable!() };
    Gate::new(Arc::new(rules), HeapShelf::new([1, 2], 1_000, true))
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(a, b)| ((*a).into(), (*b).into()))).unwrap_or_default()
}

fn money(nusd: i64) -> Units {
    Units::default().with(Dimension::Requests, 1).with(Dimension::Usd, nusd).with(Dimension::Concurrency, 1)
}

fn id(text: &str) -> ReservationId {
    ReservationId::new(text).unwrap_or_else(|error| unreachable!("{error}"))
}

fn admit(gate: &mut Gate, name: &str, who: &[(&str, &str)], units: Units, now: Now) -> crate::error::Result<Admitted> {
    let bound = Bound::new(&Arc::clone(gate.rules()), labels(who));
    gate.admit(&Ask { id: &id(name), bound: &bound, units, ttl_ns: DEFAULT_TTL_NS, may_be_unwritten: false }, now)
}

fn settle(gate: &mut Gate, name: &str, nusd: i64, now: Now) -> crate::error::Result<Receipt> {
    gate.settle(
        &id(name),
        &Actual { units: money(nusd), usage: None, flags: crate::ledger::Flags::default(), saved_nusd: 0 },
        now,
    )
}

fn later(ns: u64) -> Now {
    Now { boot_ns: START.boot_ns + ns, wall_ns: START.wall_ns.saturating_add_unsigned(ns) }
}

#[test]
fn room_for_five_serves_five() {
    let mut gate = gate(vec![rule("b", &["team"], budget(500, "day"))]);
    let served =
        (0..200).filter(|n| matches!(admit(&mut gate, &format!("r{n}"), &[("team", "a")], money(100), START), Ok(Ok(_))));
    assert_eq!(served.count(), 5);
}

#[test]
fn a_refusal_changes_nothing_and_names_the_longest_wait() {
    let mut gate = gate(vec![
        rule("rpm", &[], refill("10 requests/minute")),
        rule("slots", &[], RuleKind::Hold(1)),
        rule("b", &[], budget(150, "day")),
    ]);
    assert!(matches!(admit(&mut gate, "one", &[], money(100), START), Ok(Ok(_))));
    let before = format!("{:?}", gate.shelf());
    let Ok(Err(refusal)) = admit(&mut gate, "two", &[], money(100), START) else { unreachable!() };
    assert_eq!(before, format!("{:?}", gate.shelf()));
    assert_eq!(refusal.failing.len(), 2);
    assert_eq!(
        refusal.binding().map(|found| (found.rule, found.cause, found.wait)),
        Some((1, Cause::Concurrency, Wait::UntilReleased))
    );
    let Ok(Err(refusal)) = admit(&mut gate, "three", &[], money(151), START) else { unreachable!() };
    assert_eq!(refusal.binding().map(|found| (found.rule, found.wait)), Some((2, Wait::Never)));
}

#[test]
fn the_same_id_charges_once_and_conflicts_when_it_differs() {
    let mut gate = gate(vec![rule("b", &[], budget(1_000, "total"))]);
    for _ in 0..1_000 {
        assert!(matches!(admit(&mut gate, "x", &[], money(100), START), Ok(Ok(_))));
    }
    assert_eq!(gate.balances(START).first().map(|row| row.account.pending), Some(100));
    assert!(matches!(admit(&mut gate, "x", &[], money(101), START), Err(crate::error::Error::ReservationConflict(_))));
    assert!(matches!(
        admit(&mut gate, "x", &[("team", "b")], money(100), START),
        Err(crate::error::Error::ReservationConflict(_))
    ));
    assert!(settle(&mut gate, "x", 70, START).is_ok_and(|receipt| !receipt.replayed));
    assert!(settle(&mut gate, "x", 70, START).is_ok_and(|receipt| receipt.replayed));
    assert!(matches!(settle(&mut gate, "x", 71, START), Err(crate::error::Error::AlreadySettled(_))));
    assert!(matches!(gate.cancel(&id("x"), START), Err(crate::error::Error::AlreadySettled(_))));
    assert!(matches!(settle(&mut gate, "y", 1, START), Err(crate::error::Error::UnknownReservation(_))));
    assert!(matches!(admit(&mut gate, "c", &[], money(100), START), Ok(Ok(_))));
    assert!(gate.cancel(&id("c"), START).is_ok());
    let again = admit(&mut gate, "c", &[], money(100), START);
    assert!(matches!(again, Err(crate::error::Error::AlreadySettled(_))), "nothing is held for it");
    assert!(matches!(admit(&mut gate, "z", &[], money(-1), START), Err(crate::error::Error::Config(_))));
}

#[test]
fn expiry_posts_and_a_late_settle_corrects() {
    let mut gate = gate(vec![rule("b", &[], budget(1_000, "total")), rule("slots", &[], RuleKind::Hold(1))]);
    assert!(matches!(admit(&mut gate, "x", &[], money(100), START), Ok(Ok(_))));
    let after = later(DEFAULT_TTL_NS);
    let account = |gate: &mut Gate| gate.balances(after).first().map(|row| (row.account.posted, row.account.pending));
    assert_eq!(account(&mut gate), Some((100, 0)));
    assert!(matches!(admit(&mut gate, "y", &[], money(100), after), Ok(Ok(_))), "the slot is free again");
    assert!(settle(&mut gate, "x", 30, after).is_ok_and(|receipt| receipt.late));
    assert_eq!(account(&mut gate), Some((30, 100)));
    assert!(gate.cancel(&id("y"), after).is_ok());
    assert!(settle(&mut gate, "y", 5, after).is_ok_and(|receipt| receipt.late), "spend after a cancel is spend");
    assert_eq!(account(&mut gate), Some((35, 0)));
    let kinds: Vec<EntryKind> = gate.shelf_mut().drain_entries().iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Reserve, Expire, Reserve, Post, Void, Post]);
}

#[test]
fn an_overrun_is_posted_in_full_and_alerts_fire_once() {
    let mut gate = gate(vec![rule("b", &[], budget(1_000, "day")), rule("out", &[], refill("100 output_tokens/minute"))]);
    assert!(matches!(admit(&mut gate, "x", &[], money(100), START), Ok(Ok(_))));
    let units = money(1_500).with(Dimension::OutputTokens, 150);
    let actual = Actual { units, usage: None, flags: crate::ledger::Flags::default(), saved_nusd: 0 };
    assert!(gate.settle(&id("x"), &actual, START).is_ok_and(|receipt| receipt.overrun));
    assert_eq!(gate.worst_overshoot_nusd(), 500);
    assert_eq!(gate.memo().drain_alerts().iter().map(|alert| alert.permille).collect::<Vec<_>>(), [500, 800]);
    let ask = Units::default().with(Dimension::OutputTokens, 1);
    let Ok(Err(refusal)) = admit(&mut gate, "y", &[], ask, START) else { unreachable!() };
    assert_eq!(refusal.binding().map(|found| (found.available, found.wait)), Some((-50, Wait::For(30_600_000_000))));
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again() {
    let mut gate = gate(vec![rule("b", &[], budget(1_000, "day"))]);
    let Some(RuleKind::Budget(spec)) = gate.rules().get(0).map(|rule| rule.kind.clone()) else { unreachable!() };
    let spent = Account { posted: 600, ..Account::new(spec.window(START.wall_ns)) };
    let key = labels(&[]).key(0, &[]);
    gate.restore_account(0, &key, spent, START);
    for (name, nusd, told) in [("x", 100, vec![]), ("y", 100, vec![800]), ("z", 50, vec![])] {
        assert!(matches!(admit(&mut gate, name, &[], money(nusd), START), Ok(Ok(_))));
        assert!(settle(&mut gate, name, nusd, START).is_ok());
        assert_eq!(gate.memo().drain_alerts().iter().map(|alert| alert.permille).collect::<Vec<_>>(), told, "{name}");
    }
}

#[test]
fn money_stays_with_the_window_of_its_reservation() {
    let mut gate = gate(vec![rule("b", &[], budget(100, "hour"))]);
    assert!(matches!(admit(&mut gate, "x", &[], money(100), START), Ok(Ok(_))));
    let next_hour = later(3_600_000_000_000 - 1);
    let Ok(Err(refusal)) = admit(&mut gate, "y", &[], money(1), Now { boot_ns: 1, ..next_hour }) else { unreachable!() };
    assert_eq!(refusal.binding().map(|found| found.wait), Some(Wait::UntilReleased));
    let next_hour = Now { boot_ns: 2, wall_ns: next_hour.wall_ns + 1 };
    assert!(matches!(admit(&mut gate, "y", &[], money(100), next_hour), Ok(Ok(_))));
    assert!(settle(&mut gate, "x", 90, next_hour).is_ok());
    assert_eq!(
        gate.balances(next_hour).iter().map(|row| (row.account.posted, row.account.pending)).collect::<Vec<_>>(),
        [(0, 100)]
    );
}

#[test]
fn forgetting_idle_scopes_changes_no_decision() {
    let Ok(rules) = Rules::new(vec![rule("rpm", &["user"], refill("10 requests/minute"))]) else { unreachable!() };
    let mut gate = Gate::new(Arc::new(rules), HeapShelf::new([1, 2], 8, false));
    let units = Units::default().with(Dimension::Requests, 1);
    let mut ask = |user: &str, n: usize, now: Now| {
        matches!(admit(&mut gate, &format!("{user}{n}"), &[("user", user)], units, now), Ok(Ok(_)))
    };
    let mut admitted = 0;
    for n in 0..200_usize {
        admitted += usize::from(ask("hot", n, START));
        let _ = ask(&format!("other{n}"), n, START);
    }
    assert_eq!(admitted, 10);
}

#[test]
fn observing_rules_count_and_never_refuse() {
    let mut observed = rule("rpm", &[], refill("1 requests/minute"));
    observed.mode = Mode::Observe;
    let mut gate = gate(vec![observed]);
    for n in 0..5 {
        assert!(matches!(admit(&mut gate, &format!("r{n}"), &[], money(1), START), Ok(Ok(_))));
    }
    assert_eq!(gate.memo().would_refuse(0), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn accounts_equal_a_plain_reference(steps in proptest::collection::vec((0_u8..5, 0_usize..12, 0_i64..400, 0_u64..400), 1..120)) {
        const LIMIT: i64 = 1_000;
        let mut gate = gate(vec![rule("b", &["team"], budget(LIMIT, "total"))]);
        let mut model: HashMap<usize, (usize, i64, u64, State)> = HashMap::new();
        let mut boot_s = 0;
        for (n, (verb, key, amount, pause_s)) in steps.into_iter().enumerate() {
            boot_s += if verb == 4 { pause_s } else { 0 };
            let now = later(boot_s * 1_000_000_000);
            for (_, reserved, until, state) in model.values_mut() {
                if *state == State::Open && *until <= boot_s { *state = State::Expired; let _ = reserved; }
            }
            let team = key % 2;
            let sums = |model: &HashMap<usize, (usize, i64, u64, State)>, team: usize| {
                model.values().filter(|row| row.0 == team).fold((0, 0), |(posted, pending), row| match row.3 {
                    State::Open => (posted, pending + row.1),
                    State::Expired => (posted + row.1, pending),
                    State::Posted(nusd) => (posted + nusd, pending),
                    State::Void => (posted, pending),
                })
            };
            match verb {
                0 | 1 => {
                    let id = 1_000 + n;
                    let (posted, pending) = sums(&model, team);
                    let name = format!("t{team}");
                    let Ok(answer) = admit(&mut gate, &id.to_string(), &[("team", &name)], money(amount), now) else { unreachable!() };
                    prop_assert_eq!(answer.is_ok(), amount == 0 || posted + pending + amount <= LIMIT);
                    if answer.is_ok() { model.insert(id, (team, amount, boot_s + 660, State::Open)); }
                }
                2 | 3 => {
                    let mut ids: Vec<usize> = model.keys().copied().collect();
                    ids.sort_unstable();
                    let Some(id) = ids.get(key % ids.len().max(1)).copied() else { continue };
                    let Some(row) = model.get_mut(&id) else { continue };
                    if verb == 2 {
                        let done = settle(&mut gate, &id.to_string(), amount, now);
                        match row.3 {
                            State::Posted(first) => prop_assert_eq!(done.is_ok(), first == amount),
                            _ => { prop_assert!(done.is_ok()); row.3 = State::Posted(amount); }
                        }
                    } else {
                        let done = gate.cancel(&super::tests::id(&id.to_string()), now);
                        match row.3 {
                            State::Posted(_) => prop_assert!(done.is_err()),
                            _ => { prop_assert!(done.is_ok()); row.3 = State::Void; }
                        }
                    }
                }
                _ => {}
            }
            for row in gate.balances(now) {
                let team = usize::from(row.key.ends_with(b"1"));
                prop_assert_eq!((row.account.posted, row.account.pending), sums(&model, team));
            }
        }
    }
}

proptest! {
    /// The short way through a take answers and books as the whole walk does.
    #[test]
    fn a_take_at_once_is_a_take(
        observed in proptest::bool::ANY,
        steps in proptest::collection::vec((0_u64..2_000_000_000, 0_usize..3, 0_i64..4, 0_i64..40), 1..60),
    ) {
        let mut rules = vec![
            rule("user", &["user"], refill("5 requests/second")),
            rule("all", &[], refill("7 requests/3s")),
            rule("tokens", &["user"], refill("60 input_tokens/second")),
        ];
        if observed && let Some(last) = rules.last_mut() {
            last.mode = Mode::Observe;
        }
        let (mut short, mut whole) = (gate(rules.clone()), gate(rules));
        let bounds = |gate: &Gate| ["a", "b", "c"].map(|user| Bound::new(gate.rules(), labels(&[("user", user)])));
        let (short_bounds, whole_bounds) = (bounds(&short), bounds(&whole));
        let mut ns = 0;
        for (passed_ns, user, requests, tokens) in steps {
            ns += passed_ns;
            let (now, units) = (later(ns), Units::default().with(Dimension::Requests, requests).with(Dimension::InputTokens, tokens));
            let at_once = short.take_at_once(&short_bounds[user], &units, now.boot_ns);
            let answer = if at_once { Ok(()) } else { short.take(&short_bounds[user], &units, now) };
            prop_assert_eq!(answer, whole.take(&whole_bounds[user], &units, now));
        }
    }
}

//! Rows of several cells: what is forgotten, what is full, and what a change of the policy finds.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::decision::{Cause, Refusal};
use crate::gate::shelf::room_for;
use crate::labels::Labels;
use crate::ledger::{BudgetSpec, Calendar, Flags};
use crate::rules::{Matcher, Mode, Rule};
use crate::throttle::{Dimension, Quota};

const START: Now = Now { boot_ns: 1, wall_ns: 1_767_225_600_000_000_000 };
const SECOND: u64 = 1_000_000_000;

fn rule(name: &str, per: &[&str], kind: RuleKind) -> Rule {
    let per = per.iter().map(|label| (*label).into()).collect();
    Rule { name: name.into(), matcher: Matcher { per, clauses: vec![] }, kind, mode: Mode::Enforce, replaces: vec![] }
}

fn rate(name: &str, per: &[&str], text: &str) -> Rule {
    let (dimension, quota) = Quota::parse(text, None).unwrap_or_else(|error| unreachable!("{error}"));
    rule(name, per, RuleKind::Refill(dimension, quota))
}

fn budget(limit_nusd: i64) -> RuleKind {
    let calendar = Calendar::new("hour", "UTC").unwrap_or_else(|error| unreachable!("{error}"));
    RuleKind::Budget(BudgetSpec { limit_nusd, calendar, downgrade: false, warn_at_permille: vec![] })
}

fn gate(rules: Vec<Rule>, capacity: usize) -> Gate {
    let rules = Rules::new(rules).unwrap_or_else(|error| unreachable!("{error}"));
    Gate::new(Arc::new(rules), HeapShelf::new([1, 2], capacity, false))
}

fn reload(gate: &mut Gate, rules: Vec<Rule>, now: Now) {
    let next = gate.rules().succeed(rules, gate.rules().version() + 1, now.boot_ns);
    gate.switch(Arc::new(next.unwrap_or_else(|error| unreachable!("{error}"))));
    gate.bring_along(0..gate.shelf().slots());
}

fn bound(gate: &Gate, pairs: &[(&str, &str)]) -> Bound {
    let labels = Labels::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    Bound::new(gate.rules(), labels.unwrap_or_default())
}

fn id(name: &str) -> ReservationId {
    ReservationId::new(name).unwrap_or_else(|error| unreachable!("{error}"))
}

fn units(requests: i64, input_tokens: i64) -> Units {
    Units::default().with(Dimension::Requests, requests).with(Dimension::InputTokens, input_tokens)
}

fn take(gate: &mut Gate, user: &str, units: &Units, now: Now) -> std::result::Result<(), Refusal> {
    let bound = bound(gate, &[("user", user)]);
    if gate.take_at_once(&bound, units, now.boot_ns) { Ok(()) } else { gate.take(&bound, units, now) }
}

fn later(seconds: u64) -> Now {
    Now { boot_ns: START.boot_ns + seconds * SECOND, wall_ns: START.wall_ns.saturating_add_unsigned(seconds * SECOND) }
}

fn is_full(refusal: &Refusal) -> bool {
    refusal.binding().is_some_and(|found| found.cause == Cause::Full)
}

#[test]
fn a_table_keeps_as_many_keys_whatever_the_number_of_their_rules() {
    for width in [1_usize, 5, 8, 9, 17] {
        let names: Vec<String> = (0..width).map(|number| number.to_string()).collect();
        let mut gate = gate(names.iter().map(|name| rate(name, &["user"], "9 requests/hour")).collect(), 1_024);
        let kept = (0..2_000).filter(|user| take(&mut gate, &user.to_string(), &units(1, 0), START).is_ok()).count();
        let rows = width.div_ceil(8);
        assert!((kept * rows).abs_diff(room_for(1_024, 1_024)) <= width, "{width} rules: {kept} keys");
        assert_eq!(gate.scope_count(), kept * width);
    }
}

#[test]
fn a_row_is_forgotten_when_its_last_cell_is_idle_and_not_before() {
    let rules = || vec![rate("fast", &["user"], "9 requests/second"), rate("slow", &["user"], "9 input_tokens/minute")];
    let mut gate = gate(rules(), 1);
    // Refused are keys other than the first, for as long as one of its two rates is not full.
    assert_eq!(take(&mut gate, "a", &units(9, 9), START), Ok(()));
    for seconds in [0, 1, 59] {
        assert!(take(&mut gate, "b", &units(1, 0), later(seconds)).is_err_and(|refusal| is_full(&refusal)), "{seconds}");
    }
    let left = take(&mut gate, "a", &units(0, 9), later(59)).err().and_then(|found| found.binding().map(|found| found.available));
    assert_eq!(left, Some(8), "nothing was forgotten");
    assert_eq!(take(&mut gate, "b", &units(1, 0), later(60)), Ok(()));
    assert_eq!(gate.scope_count(), 2);
}

#[test]
fn labels_that_are_kept_find_their_own_row_after_it_was_forgotten_and_given_away() {
    let mut gate = gate(vec![rate("rpm", &["user"], "2 requests/second"), rate("tpm", &["user"], "4 input_tokens/second")], 1);
    let bounds = [bound(&gate, &[("user", "a")]), bound(&gate, &[("user", "b")])];
    for seconds in 0..6 {
        let (now, who) = (later(2 * seconds), &bounds[usize::from(seconds % 2 == 1)]);
        assert_eq!(gate.take(who, &units(2, 1), now), Ok(()), "{seconds}");
        assert!(!gate.take_at_once(who, &units(1, 0), now.boot_ns));
        let other = &bounds[usize::from(seconds % 2 == 0)];
        assert!(!gate.take_at_once(other, &units(1, 0), now.boot_ns), "its hint leads to the row of the other");
        assert!(gate.take(other, &units(1, 0), now).is_err_and(|refusal| is_full(&refusal)));
    }
}

#[test]
fn a_rule_that_comes_begins_full_beside_those_that_go_on() {
    let (rpm, tpm) = (rate("rpm", &["user"], "10 requests/hour"), rate("tpm", &["user"], "10 input_tokens/hour"));
    let mut gate = gate(vec![rpm.clone(), tpm.clone()], 100);
    assert_eq!(take(&mut gate, "a", &units(10, 4), START), Ok(()));
    let daily = rate("daily", &["user"], "5 requests/day");
    reload(&mut gate, vec![daily.clone(), tpm.clone()], START);
    assert_eq!(take(&mut gate, "a", &units(5, 6), START), Ok(()), "the new rate is full, and the old one has 6 left");
    assert!(take(&mut gate, "a", &units(0, 1), START).is_err());
    reload(&mut gate, vec![tpm, rpm, daily], START);
    let refusal = take(&mut gate, "a", &units(1, 0), START).err();
    let names = refusal.iter().flat_map(|found| &found.failing).map(|failing| failing.rule).collect::<Vec<_>>();
    assert_eq!(names, [0, 2], "both rates of requests are spent");
}

#[test]
fn a_row_outlives_the_rule_of_an_open_reservation() {
    let all = || vec![rule("slots", &["user"], RuleKind::Hold(1)), rule("spend", &["user"], budget(100))];
    let mut gate = gate(all(), 1);
    let who = bound(&gate, &[("user", "a")]);
    let asked = Units([1, 0, 0, 0, 60, 1]);
    let ask = Ask { id: &id("one"), bound: &who, units: asked, ttl_ns: 10 * SECOND, may_be_unwritten: false };
    assert!(matches!(gate.admit(&ask, START), Ok(Ok(_))));
    reload(&mut gate, vec![rate("rpm", &["user"], "1 requests/second")], START);
    assert!(take(&mut gate, "b", &units(1, 0), later(1)).is_err_and(|refusal| is_full(&refusal)));
    let actual = Actual { units: Units([1, 0, 0, 0, 40, 0]), usage: None, flags: Flags::default(), saved_nusd: 0 };
    assert!(gate.settle(&id("one"), &actual, later(1)).is_ok());
    reload(&mut gate, all(), later(1));
    let balances: Vec<_> = gate.balances(later(1)).iter().map(|row| (row.account.posted, row.account.pending)).collect();
    assert_eq!(balances, [(40, 0)]);
    assert_eq!(take(&mut gate, "b", &Units::default().with(Dimension::Concurrency, 0), later(3_600)), Ok(()));
}

#[test]
fn what_is_admitted_is_booked_also_where_its_own_idle_row_went_to_make_room() {
    let mut gate = gate(vec![rate("rpm", &["user"], "9 requests/second"), rate("team", &["team"], "1 requests/hour")], 2);
    let [idle, busy, other] = [("user", "a"), ("user", "b"), ("team", "t")];
    let absent = bound(&gate, &[idle]);
    assert_eq!(gate.take(&absent, &units(1, 0), START), Ok(()), "rows of the user and of no team, which is spent");
    let whole = bound(&gate, &[idle, other]);
    assert_eq!(gate.take(&whole, &units(1, 0), later(2)), Ok(()), "the user's row was full again, and went");
    assert!(gate.take(&whole, &units(1, 0), later(3)).is_err_and(|refusal| !is_full(&refusal)), "the team has spent its request");
    assert!(gate.take(&bound(&gate, &[busy, other]), &units(1, 0), later(3)).is_err());
}

/// One call of the walk, as small numbers.
type Step = (u8, u8, u8, i64, u64);

/// Policies that differ in which rules they have, in what order, and in their numbers.
fn policy(which: u8) -> Vec<Rule> {
    let texts = [["9 requests/second", "40 input_tokens/3s"], ["3 requests/second", "60 input_tokens/2s"]];
    let [requests, tokens] = texts[usize::from(which % 2)];
    let mut all = vec![
        rate("rpm", &["user"], requests),
        rate("tpm", &["user"], tokens),
        rule("slots", &["user"], RuleKind::Hold(3)),
        rule("spend", &["team"], budget(if which.is_multiple_of(3) { 900 } else { 500 })),
        rate("shared", &["team"], "30 requests/second"),
        rate("pair", &["team", "user"], "7 requests/second"),
    ];
    let count = all.len();
    all.rotate_left(usize::from(which) % count);
    all.truncate(count - usize::from(which / 8 % 3));
    all
}

/// Makes a call and gives what it answers.
fn call(gate: &mut Gate, (what, name, who, amount, _): Step, now: Now) -> (String, bool) {
    let (name, user) = (id(&format!("r{}", name % 16)), format!("u{}", who % 7));
    let bound = bound(gate, &[("user", &user), ("team", if who.is_multiple_of(2) { "even" } else { "odd" })]);
    let units = Units([1 + amount % 3, amount, 0, amount, amount, 1]);
    let actual = Actual { units: units.with(Dimension::Concurrency, 0), usage: None, flags: Flags::default(), saved_nusd: 0 };
    match what % 8 {
        0..=2 => {
            let ask = Ask { id: &name, bound: &bound, units, ttl_ns: 3 * SECOND, may_be_unwritten: false };
            let answer = gate.admit(&ask, now);
            (format!("{answer:?}"), matches!(&answer, Ok(Err(refusal)) if is_full(refusal)))
        }
        3 => (format!("{:?}", gate.settle(&name, &actual, now)), false),
        4 => (format!("{:?}", gate.cancel(&name, now)), false),
        5 => {
            gate.settle_take(&bound, &units, &units.with(Dimension::InputTokens, amount + 20), now);
            (String::new(), false)
        }
        6 => {
            let units = units.with(Dimension::Usd, 0).with(Dimension::Concurrency, 0);
            let answer = if gate.take_at_once(&bound, &units, now.boot_ns) { Ok(()) } else { gate.take(&bound, &units, now) };
            (format!("{answer:?}"), answer.is_err_and(|refusal| is_full(&refusal)))
        }
        _ => (format!("{:?}", gate.balances(now)), false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// A table that forgets at every turn decides as one that never does, but for the requests that it has no room for.
    #[test]
    fn a_tight_table_decides_as_a_roomy_one(
        capacity in 2_usize..12,
        steps in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), 0_i64..60, 0_u64..900_000_000), 1..120),
    ) {
        let (mut tight, mut roomy) = (gate(policy(0), capacity), gate(policy(0), 10_000));
        let mut now = START;
        for step in steps {
            now = Now { boot_ns: now.boot_ns + step.4, wall_ns: now.wall_ns.saturating_add_unsigned(step.4) };
            if step.0 % 16 == 15 {
                reload(&mut tight, policy(step.1), now);
                reload(&mut roomy, policy(step.1), now);
                continue;
            }
            // What is over ends in both, also where the next call is refused for want of room.
            tight.expire(now);
            roomy.expire(now);
            let (answer, is_full) = call(&mut tight, step, now);
            if !is_full {
                prop_assert_eq!(answer, call(&mut roomy, step, now).0);
            }
        }
    }
}

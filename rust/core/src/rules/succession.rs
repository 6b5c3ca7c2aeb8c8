//! From one policy to the next: which rules keep their number, and with it their scopes.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::rules::{MOST_RULES, Rule, RuleKind, Rules};
use crate::throttle::Quota;
use crate::units::shorten;

/// Most numbers that one line of policies gives; rules that are gone keep theirs.
pub const MOST_NUMBERS: usize = 4 * MOST_RULES;

/// Rules as they are written down: by number, with the order of the policy in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbered {
    /// By number.
    pub rules: Vec<Rule>,
    /// The numbers of the policy in force, in its order.
    pub order: Vec<u16>,
    /// Numbers of rates before this policy, where they are others now.
    pub was: Vec<Option<Quota>>,
    /// Which policy of its line it is.
    pub version: u64,
    /// When it came into force, on the boot clock.
    pub since_boot_ns: u64,
}

impl Rules {
    /// Checks the rules in force.
    ///
    /// # Errors
    /// As [`Rules::new`], and for a number that no rule has.
    pub fn numbered(parts: Numbered) -> Result<Self> {
        let Numbered { rules, order, was, version, since_boot_ns } = parts;
        let replaces = replacements(&rules, &order)?;
        let mut ranks = vec![None; rules.len()];
        for (rank, number) in (0_u16..).zip(&order) {
            match ranks.get_mut(usize::from(*number)) {
                Some(place) => *place = Some(rank),
                None => return Err(Error::config(format!("rule number {number}: there are {}", rules.len()))),
            }
        }
        let found = Self { by_number: rules, order, ranks, replaces, was, version, since_boot_ns };
        found.refuse_cycles()?;
        Ok(found)
    }

    /// The same as it is written down.
    pub fn parts(&self) -> Numbered {
        Numbered {
            rules: self.by_number.clone(),
            order: self.order.clone(),
            was: self.was.clone(),
            version: self.version,
            since_boot_ns: self.since_boot_ns,
        }
    }

    /// Whether a policy has just these rules, in this order.
    pub fn are(&self, others: &[Rule]) -> bool {
        self.order.len() == others.len() && self.iter().zip(others).all(|((_, rule), other)| rule == other)
    }

    /// The rules of the next policy. Those that keep their scopes keep their numbers, also when they were gone in between.
    ///
    /// # Errors
    /// As [`Rules::new`], and when the line has had too many different rules.
    pub fn succeed(&self, next: Vec<Rule>, version: u64, since_boot_ns: u64) -> Result<Self> {
        Self::new(next.clone())?;
        let mut rules = self.by_number.clone();
        let mut was = vec![None; rules.len()];
        let mut order = Vec::with_capacity(next.len());
        for rule in next {
            let number = rules.iter().rposition(|known| rule.keeps_scopes_of(known)).unwrap_or(rules.len());
            order.push(u16::try_from(number).unwrap_or(u16::MAX));
            match rules.get_mut(number) {
                Some(known) => {
                    if let (RuleKind::Refill(_, before), RuleKind::Refill(_, now)) = (&known.kind, &rule.kind) {
                        let changed = (before != now).then_some(*before);
                        if let Some(place) = was.get_mut(number) {
                            *place = changed;
                        }
                    }
                    *known = rule;
                }
                None => rules.push(rule),
            }
        }
        if rules.len() > MOST_NUMBERS {
            return Err(Error::config(format!(
                "rules: with this policy there were {} of different names, periods or labels since the state was made, and at \
                 most {MOST_NUMBERS} are told apart; end all processes of the state once, then start them with this policy",
                rules.len()
            )));
        }
        Self::numbered(Numbered { rules, order, was, version, since_boot_ns })
    }

    fn refuse_cycles(&self) -> Result<()> {
        for start in &self.order {
            let mut seen = HashSet::new();
            let targets = |number: u16| self.replaces.get(usize::from(number)).cloned().unwrap_or_default();
            let mut open = targets(*start);
            while let Some(next) = open.pop() {
                if next == *start {
                    let name = self.get(*start).map_or("", |rule| &rule.name);
                    return Err(Error::config(format!("rule '{}': replaces itself by a cycle", shorten(name))));
                }
                if seen.insert(next) {
                    open.extend(targets(next));
                }
            }
        }
        Ok(())
    }
}

/// Which rules each rule in force switches off, by number.
fn replacements(rules: &[Rule], order: &[u16]) -> Result<Vec<Vec<u16>>> {
    if order.len() > MOST_RULES {
        return Err(Error::config(format!("{} rules: at most {MOST_RULES} are kept; write fewer, keyed by labels", order.len())));
    }
    let named = || order.iter().filter_map(|number| Some((*number, rules.get(usize::from(*number))?)));
    let mut names = HashSet::new();
    let mut replaces = vec![Vec::new(); rules.len()];
    for (number, rule) in named() {
        if !names.insert(&rule.name) {
            let name = shorten(&rule.name);
            return Err(Error::config(format!("rule '{name}': the name is used twice; give each rule its own")));
        }
        for wanted in &rule.replaces {
            let found = named().find(|(_, other)| other.name == *wanted).map(|(number, _)| number);
            let target = found.ok_or_else(|| {
                let (name, wanted) = (shorten(&rule.name), shorten(wanted));
                Error::config(format!("rule '{name}': replaces '{wanted}', which no rule is called"))
            })?;
            if let Some(targets) = replaces.get_mut(usize::from(number)) {
                targets.push(target);
            }
        }
    }
    Ok(replaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Matcher, Mode};
    use crate::throttle::Dimension;

    fn rate(name: &str, per: &[&str], units: u64) -> Rule {
        let per = per.iter().map(|label| (*label).into()).collect();
        let quota = Quota::new(units, 60, units).unwrap_or_else(|error| unreachable!("{error}"));
        let kind = RuleKind::Refill(Dimension::Requests, quota);
        Rule { name: name.into(), matcher: Matcher { per, clauses: vec![] }, kind, mode: Mode::Enforce, replaces: vec![] }
    }

    fn slots(name: &str) -> Rule {
        Rule { kind: RuleKind::Hold(3), ..rate(name, &[], 1) }
    }

    fn numbers(rules: &Rules) -> Vec<(u16, &str)> {
        rules.iter().map(|(number, rule)| (number, &*rule.name)).collect()
    }

    fn made(rules: Vec<Rule>) -> Rules {
        Rules::new(rules).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn next(rules: &Rules, of: Vec<Rule>) -> Rules {
        rules.succeed(of, rules.version() + 1, 7).unwrap_or_else(|error| unreachable!("{error}"))
    }

    #[test]
    fn a_rule_keeps_its_number_by_name_keys_and_stock() {
        let first = made(vec![rate("a", &[], 5), rate("b", &["user"], 5), slots("c")]);
        let second = next(&first, vec![slots("c"), rate("b", &["team"], 5), rate("a", &[], 9), slots("d")]);
        assert_eq!(numbers(&second), [(2, "c"), (3, "b"), (0, "a"), (4, "d")]);
        assert_eq!(second.was(0).map(|quota| quota.burst), Some(5));
        assert_eq!((second.was(2), second.was(3)), (None, None));
        assert!(!second.is_in_force(1) && second.get(1).is_some_and(|rule| &*rule.name == "b"));
        let third = next(&second, vec![rate("b", &["user"], 6), rate("a", &[], 9)]);
        assert_eq!(numbers(&third), [(1, "b"), (0, "a")], "one that comes back has its number again");
        assert_eq!((third.was(1).map(|quota| quota.burst), third.was(0)), (Some(5), None));
    }

    #[test]
    fn only_rules_in_force_match_and_are_found_by_name() {
        let first = made(vec![rate("a", &[], 5), rate("b", &[], 5)]);
        let second = next(&first, vec![slots("b")]);
        assert_eq!(second.matching(&crate::labels::Labels::default())[..], [2]);
        assert_eq!((second.position("a"), second.position("b")), (None, Some(2)));
        assert_eq!((second.rank(2), second.rank(0)), (0, u16::MAX));
        assert!(second.are(&[slots("b")]) && !second.are(&[slots("b"), slots("c")]));
    }

    #[test]
    fn what_is_written_down_reads_back() {
        let rules = next(&made(vec![rate("a", &[], 5), slots("b")]), vec![rate("a", &[], 6)]);
        let again = Rules::numbered(rules.parts()).unwrap_or_default();
        assert_eq!(again.parts(), rules.parts());
        let wrong = Numbered { order: vec![9], ..rules.parts() };
        assert!(Rules::numbered(wrong).is_err());
    }

    #[test]
    fn a_line_of_policies_ends_before_the_numbers_do() {
        let mut rules = Rules::default();
        for round in 0..MOST_NUMBERS / MOST_RULES {
            rules = next(&rules, (0..MOST_RULES).map(|at| slots(&format!("{round}/{at}"))).collect());
        }
        let refused = rules.succeed(vec![slots("one more")], 9, 9).err();
        assert!(refused.is_some_and(|error| error.to_string().contains("end all processes")));
    }
}

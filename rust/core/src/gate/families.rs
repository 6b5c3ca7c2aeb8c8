//! Which rules share a row: those that match the same requests by the same labels, since their scopes for a key come together.

use std::collections::HashMap;

use crate::rules::{Matcher, Rules};

/// Cells of one row at most: a family of more rules has several rows for a key.
pub const CELLS: usize = 8;

/// Where a rule keeps its scopes: a cell in the rows of its family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The family.
    pub family: u16,
    /// The cell.
    pub cell: u8,
}

/// The families of all rules that have a number. A rule never moves, so a row keeps its shape whatever policies come: rules
/// that come with a later one make families of their own.
#[derive(Debug, Default)]
pub struct Families {
    places: Vec<Place>,
    rules: Vec<Vec<u16>>,
}

impl Families {
    /// Places the rules that came since.
    pub fn learn(&mut self, rules: &Rules) {
        let mut open: HashMap<&Matcher, usize> = HashMap::new();
        for (number, rule) in (0_u16..).zip(rules.numbers()).skip(self.places.len()) {
            let begun = open
                .get(&rule.matcher)
                .copied()
                .filter(|family| self.rules.get(*family).is_some_and(|members| members.len() < CELLS));
            let family = begun.unwrap_or_else(|| {
                self.rules.push(Vec::new());
                self.rules.len() - 1
            });
            open.insert(&rule.matcher, family);
            let Some(members) = self.rules.get_mut(family) else { return };
            let (Ok(family), Ok(cell)) = (u16::try_from(family), u8::try_from(members.len())) else { return };
            members.push(number);
            self.places.push(Place { family, cell });
        }
    }

    /// Whether all of these rules have their place.
    pub fn know(&self, rules: &Rules) -> bool {
        self.places.len() >= rules.numbers().len()
    }

    /// The place of a rule.
    pub fn place(&self, rule: u16) -> Option<Place> {
        self.places.get(usize::from(rule)).copied()
    }

    /// How many families some rules are of: so many rows hold their scopes for one request.
    pub fn count(&self, rules: impl Iterator<Item = u16>) -> usize {
        let mut families: Vec<u16> = rules.filter_map(|rule| Some(self.place(rule)?.family)).collect();
        families.sort_unstable();
        families.dedup();
        families.len()
    }

    /// The rules of a family, by cell.
    pub fn members(&self, family: u16) -> &[u16] {
        self.rules.get(usize::from(family)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Mode, Rule, RuleKind};

    fn rule(name: &str, per: &[&str], team: Option<&str>) -> Rule {
        let clauses = team.map(|team| ("team".into(), vec![team.into()])).into_iter().collect();
        let matcher = Matcher { per: per.iter().map(|label| (*label).into()).collect(), clauses };
        Rule { name: name.into(), matcher, kind: RuleKind::Hold(1), mode: Mode::Enforce, replaces: vec![] }
    }

    /// Family and cell of each rule.
    fn places(families: &Families, count: u16) -> Vec<(u16, u8)> {
        (0..count).filter_map(|number| families.place(number)).map(|place| (place.family, place.cell)).collect()
    }

    #[test]
    fn rules_with_one_matcher_are_a_family() {
        let all = vec![
            rule("a", &["user"], None),
            rule("b", &["team"], None),
            rule("c", &["user"], None),
            rule("d", &["user"], Some("x")),
            rule("e", &["user", "team"], None),
        ];
        let mut families = Families::default();
        families.learn(&Rules::new(all).unwrap_or_default());
        assert_eq!(places(&families, 6), [(0, 0), (1, 0), (0, 1), (2, 0), (3, 0)]);
        assert_eq!(families.members(0), [0, 2]);
        assert_eq!((families.count([0, 2, 1, 0].into_iter()), families.count([9].into_iter())), (2, 0));
        assert_eq!(families.members(4), [0_u16; 0]);
    }

    #[test]
    fn a_large_family_begins_another_row() {
        let all = (0..20).map(|number| rule(&number.to_string(), &[], None)).collect();
        let mut families = Families::default();
        families.learn(&Rules::new(all).unwrap_or_default());
        let last = places(&families, 20);
        assert_eq!((last[7], last[8], last[19]), ((0, 7), (1, 0), (2, 3)));
    }

    #[test]
    fn later_policies_leave_every_rule_where_it_is() {
        let first = Rules::new(vec![rule("a", &[], None), rule("b", &[], None)]).unwrap_or_default();
        let second = first.succeed(vec![rule("c", &[], None), rule("b", &[], None)], 1, 0).unwrap_or_default();
        let third = second.succeed(vec![rule("a", &[], None), rule("d", &[], None)], 2, 0).unwrap_or_default();
        let mut families = Families::default();
        for rules in [&first, &first, &second, &third] {
            families.learn(rules);
            assert!(families.know(rules));
        }
        assert_eq!(places(&families, 4), [(0, 0), (0, 1), (1, 0), (2, 0)]);
    }
}

//! Bounds of late requests by their labels: who asks again is not matched again.

use std::sync::Arc;

use crate::gate::Bound;
use crate::labels::LabelRefs;
use crate::rules::Rules;

/// Labels that are remembered at most: a process serves some hundred callers at a time, and each costs a few hundred bytes.
const PLACES: usize = 1_024;

/// A table with one place for each hash; the later labels of two that meet in it stay.
#[derive(Debug)]
pub struct Bounds {
    places: Vec<Place>,
    hasher: ahash::RandomState,
}

#[derive(Debug, Clone, Default)]
struct Place {
    mark: u64,
    bound: Option<Arc<Bound>>,
}

impl Bounds {
    /// Nothing remembered. `seed` keys the hash, so that callers cannot choose labels that push out those of others.
    pub fn new([one, two]: [u64; 2]) -> Self {
        Self { places: Vec::new(), hasher: ahash::RandomState::with_seeds(one, two, !one, !two) }
    }

    /// The bound of labels under these rules, labels included.
    pub fn of(&mut self, rules: &Rules, labels: &LabelRefs<'_>) -> Arc<Bound> {
        let (mark, place) = self.place(labels);
        place.known(rules, labels, mark).unwrap_or_else(|| place.learn(rules, labels, mark))
    }

    /// The same for a take, which needs no labels: those of a first request are not copied, since many keys come once.
    pub fn passing(&mut self, rules: &Rules, labels: &LabelRefs<'_>) -> Arc<Bound> {
        let (mark, place) = self.place(labels);
        if let Some(bound) = place.known(rules, labels, mark) {
            return bound;
        }
        if place.mark == mark {
            return place.learn(rules, labels, mark);
        }
        *place = Place { mark, bound: None };
        Arc::new(Bound::passing(rules, labels))
    }

    fn place(&mut self, labels: &LabelRefs<'_>) -> (u64, &mut Place) {
        if self.places.is_empty() {
            self.places.resize(PLACES, Place::default());
        }
        let mark = self.hasher.hash_one(labels);
        let index = usize::try_from(mark).unwrap_or(usize::MAX) % PLACES;
        (mark, &mut self.places[index])
    }
}

impl Place {
    fn known(&self, rules: &Rules, labels: &LabelRefs<'_>, mark: u64) -> Option<Arc<Bound>> {
        let bound = self.bound.as_ref().filter(|_| self.mark == mark)?;
        (bound.version() == rules.version() && bound.labels().are(labels)).then(|| Arc::clone(bound))
    }

    fn learn(&mut self, rules: &Rules, labels: &LabelRefs<'_>, mark: u64) -> Arc<Bound> {
        let bound = Arc::new(Bound::new(rules, labels.kept()));
        *self = Self { mark, bound: Some(Arc::clone(&bound)) };
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Matcher, Mode, Rule, RuleKind};

    fn rules(version: u64) -> Rules {
        let matcher = Matcher { per: vec!["user".into()], clauses: vec![] };
        let rule = Rule { name: "slots".into(), matcher, kind: RuleKind::Hold(1), mode: Mode::Enforce, replaces: vec![] };
        Rules::default().succeed(vec![rule], version, 0).unwrap_or_default()
    }

    fn refs<'a>(pairs: &[(&'a str, &'a str)]) -> LabelRefs<'a> {
        let mut refs = LabelRefs::default();
        assert!(pairs.iter().all(|(name, value)| refs.add(name, value).is_ok()));
        refs
    }

    #[test]
    fn the_same_labels_lead_to_one_bound_in_any_order_and_others_to_others() {
        let (mut bounds, rules) = (Bounds::new([1, 2]), rules(1));
        let first = bounds.of(&rules, &refs(&[("user", "ada"), ("team", "x")]));
        assert!(Arc::ptr_eq(&first, &bounds.of(&rules, &refs(&[("team", "x"), ("user", "ada")]))));
        assert!(Arc::ptr_eq(&first, &bounds.passing(&rules, &refs(&[("team", "x"), ("user", "ada")]))));
        for other in [&[("user", "ada")][..], &[("user", "adat"), ("team", "x")], &[("user", "ada"), ("team", "")]] {
            assert_ne!(bounds.of(&rules, &refs(other)).labels(), first.labels());
        }
    }

    #[test]
    fn a_take_keeps_labels_at_their_second_request_and_forgets_none_that_are_in_use() {
        let (mut bounds, rules) = (Bounds::new([1, 2]), rules(1));
        let ada = [("user", "ada")];
        let [first, second, third] = [(); 3].map(|()| bounds.passing(&rules, &refs(&ada)));
        assert!(first.labels().iter().next().is_none() && first.scopes()[0].key == second.scopes()[0].key);
        assert!(second.labels().are(&refs(&ada)) && Arc::ptr_eq(&second, &third));
    }

    #[test]
    fn another_version_of_the_rules_is_matched_anew() {
        let mut bounds = Bounds::new([1, 2]);
        let old = bounds.of(&rules(1), &refs(&[("user", "ada")]));
        let new = bounds.of(&rules(2), &refs(&[("user", "ada")]));
        assert_eq!((old.version(), new.version()), (1, 2));
    }

    #[test]
    fn many_labels_take_the_room_of_some() {
        let (mut bounds, rules) = (Bounds::new([1, 2]), rules(1));
        let names: Vec<String> = (0..10 * PLACES).map(|number| format!("user-{number}")).collect();
        for name in names.iter().chain(&names) {
            let bound = bounds.of(&rules, &refs(&[("user", name)]));
            assert!(bound.labels().are(&refs(&[("user", name)])));
        }
        assert_eq!(bounds.places.len(), PLACES);
    }
}

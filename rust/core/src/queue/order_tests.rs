//! The order of one line against a small reference that searches a list.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::line::Line;
use super::{CLASSES, Ticket};

#[derive(Debug, Clone)]
struct Entry {
    class: usize,
    ticket: Ticket,
    flow: u8,
    cost: u128,
    arrived: u128,
}

#[derive(Default)]
struct Reference {
    entries: Vec<Entry>,
    virtual_time: [u128; CLASSES],
    finish: HashMap<(usize, u8), u128>,
    selected: [Option<Ticket>; CLASSES],
}

impl Reference {
    fn start(&self, entry: &Entry) -> u128 {
        entry.arrived.max(self.finish.get(&(entry.class, entry.flow)).copied().unwrap_or(0))
    }

    fn head(&mut self) -> Option<Ticket> {
        let class = self.entries.iter().map(|entry| entry.class).min()?;
        if let Some(kept) = self.selected[class] {
            return Some(kept);
        }
        let mine: Vec<&Entry> = self.entries.iter().filter(|entry| entry.class == class).collect();
        let first = |entry: &Entry| mine.iter().all(|other| other.flow != entry.flow || other.ticket >= entry.ticket);
        let best = mine.iter().filter(|entry| first(entry)).map(|entry| (self.start(entry), entry.ticket)).min()?.1;
        self.selected[class] = Some(best);
        Some(best)
    }

    fn end(&mut self, ticket: Ticket, served: bool) {
        let Some(place) = self.entries.iter().position(|entry| entry.ticket == ticket) else { return };
        let entry = self.entries.remove(place);
        if served {
            let start = self.start(&entry);
            self.finish.insert((entry.class, entry.flow), start + entry.cost);
            self.virtual_time[entry.class] = self.virtual_time[entry.class].max(start);
        }
        if self.selected[entry.class] == Some(ticket) {
            self.selected[entry.class] = None;
        }
        if !self.entries.iter().any(|other| other.class == entry.class) {
            self.virtual_time[entry.class] = 0;
            self.finish.retain(|(class, _), _| *class != entry.class);
        }
    }
}

fn flow(name: u8) -> Arc<[u8]> {
    Arc::from([name].as_slice())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn equals_the_reference(
        weights in proptest::collection::vec(1_u32..9, 4..=4),
        steps in proptest::collection::vec((0_u8..10, 0_usize..CLASSES, 0_u8..4, 1_u64..400, any::<prop::sample::Index>()), 1..120),
    ) {
        let (mut line, mut reference, mut next) = (Line::default(), Reference::default(), 0);
        for (action, class, name, units, pick) in steps {
            match action {
                0..=4 => {
                    next += 1;
                    let weight = weights[usize::from(name)];
                    line.join(class, next, &flow(name), units, weight, false);
                    let cost = (u128::from(units) << 32).div_ceil(u128::from(weight));
                    let arrived = reference.virtual_time[class];
                    reference.entries.push(Entry { class, ticket: next, flow: name, cost, arrived });
                }
                5..=7 => {
                    if let Some(head) = reference.head() {
                        let entry = reference.entries.iter().find(|entry| entry.ticket == head).cloned();
                        let entry = entry.ok_or_else(|| TestCaseError::fail("head is not in the list"))?;
                        prop_assert_eq!(line.head(), Some(head));
                        line.end(entry.class, head, &flow(entry.flow), true);
                        reference.end(head, true);
                    }
                }
                _ if !reference.entries.is_empty() => {
                    let entry = pick.get(&reference.entries).clone();
                    line.end(entry.class, entry.ticket, &flow(entry.flow), false);
                    reference.end(entry.ticket, false);
                }
                _ => {}
            }
            prop_assert_eq!(line.head(), reference.head());
            prop_assert_eq!(line.len(), reference.entries.len());
        }
    }
}

#[test]
fn weights_share_a_busy_line() {
    let mut line = Line::default();
    for ticket in 0..400_u64 {
        let (name, weight) = if ticket % 2 == 0 { (b'a', 3) } else { (b'b', 1) };
        line.join(2, ticket, &flow(name), 10, weight, false);
    }
    let mut served = [0, 0];
    for _ in 0..200 {
        let head = line.head().unwrap_or(Ticket::MAX);
        served[usize::from(head % 2 == 1)] += 1;
        line.end(2, head, &flow(if head % 2 == 0 { b'a' } else { b'b' }), true);
    }
    assert_eq!(served, [150, 50]);
}

#[test]
fn who_leaves_costs_its_flow_nothing() {
    let mut line = Line::default();
    line.join(2, 1, &flow(b'b'), 10, 1, false);
    for ticket in 2..50 {
        line.join(2, ticket, &flow(b'a'), 1_000, 1, false);
        line.end(2, ticket, &flow(b'a'), false);
    }
    line.end(2, 1, &flow(b'b'), true);
    line.join(2, 50, &flow(b'b'), 10, 1, false);
    line.join(2, 51, &flow(b'a'), 10, 1, false);
    line.end(2, 50, &flow(b'b'), true);
    assert_eq!(line.head(), Some(51));
}

//! Turns: head of line, no barging, no lost wake, nothing left behind.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Ahead, Queue, Request, Spot, Ticket};
use crate::decision::Wait;
use crate::labels::Key;
use crate::throttle::{Bucket, Quota};

const SECOND: u64 = 1_000_000_000;

fn key(name: u8) -> Key {
    Arc::from([name].as_slice())
}

fn request(class: usize, flow: u8, deadline_ns: u64) -> Request {
    Request { class, flow: key(flow), weight: 1, owner: 1, deadline_ns }
}

fn spot(scope: u8, units: u64, ready_ns: Option<u64>, queue: &Queue) -> Spot {
    Spot { scope: key(scope), units, ready_ns, exact: ready_ns != Some(u64::MAX), roaming: false, seen: queue.releases() }
}

/// 100 units a second, one flow that sends 200 a second, one request of 100 units from another: it is served within a second.
#[test]
fn a_large_request_is_not_starved() {
    let quota = Quota::new(100, SECOND, 100).unwrap_or_else(|error| panic!("{error}"));
    let (mut bucket, mut queue) = (Bucket::full(&quota, 0), Queue::default());
    bucket.take(100);
    let (mut large, mut served_ns, mut small_served) = (None, None, 0);
    let mut costs = std::collections::HashMap::new();
    for step in 0..2_000_u64 {
        let now = step * SECOND / 200;
        if step == 10 {
            large = queue.join(request(2, b'l', u64::MAX), spot(0, 100, None, &queue));
            costs.extend(large.map(|ticket| (ticket, 100_i64)));
        }
        let barred = queue.ahead(&[key(0)], 2, None).is_some();
        bucket.refill(&quota, now);
        if !barred && bucket.fits(1) {
            bucket.take(1);
            small_served += 1;
        } else {
            let small = queue.join(request(2, b's', u64::MAX), spot(0, 1, None, &queue));
            costs.extend(small.map(|ticket| (ticket, 1)));
        }
        queue.poll(now);
        while let Some(ticket) = queue.next_try() {
            let cost = costs.get(&ticket).copied().unwrap_or(0);
            if bucket.fits(cost) {
                bucket.take(cost);
                assert!(queue.served(ticket));
                small_served += u64::from(cost == 1);
                served_ns = served_ns.or((Some(ticket) == large).then_some(now));
            } else {
                let Wait::For(wait) = bucket.wait(&quota, cost) else { panic!("never fits") };
                let again = spot(0, 1, Some(now + wait), &queue);
                assert!(queue.refused(ticket, again));
            }
        }
    }
    let waited = served_ns.unwrap_or(u64::MAX) - 10 * SECOND / 200;
    assert!(waited <= SECOND + SECOND / 100, "served after {waited} ns");
    assert!(small_served + 100 >= 990, "{small_served} small requests: the rate was not used up");
}

#[test]
fn nobody_barges_but_a_more_urgent_class() {
    let mut queue = Queue::default();
    let first = queue.join(request(2, b'a', 100), spot(7, 1, Some(50), &queue));
    assert!(first.is_some());
    assert_eq!(queue.ahead(&[key(3), key(7)], 2, None), Some(Ahead { index: 1, ready_ns: Some(50) }));
    assert!(queue.ahead(&[key(7)], 4, None).is_some());
    assert_eq!(queue.ahead(&[key(7)], 1, None), None);
    assert_eq!(queue.ahead(&[key(7)], 2, first), None);
    assert_eq!(queue.ahead(&[key(3)], 2, None), None);
}

#[test]
fn a_turn_that_came_is_not_lost_to_another_line() {
    let mut queue = Queue::default();
    let first = queue.join(request(2, b'a', 100), spot(1, 1, Some(10), &queue)).unwrap_or_default();
    queue.join(request(2, b'b', 100), spot(2, 1, Some(90), &queue));
    queue.join(request(2, b'c', 100), spot(1, 1, None, &queue));
    queue.poll(10);
    assert_eq!(queue.next_try(), Some(first));
    assert_eq!(queue.ahead(&[key(1), key(2)], 2, Some(first)).map(|ahead| ahead.index), Some(1));
    let behind = spot(2, 1, None, &queue);
    assert!(queue.refused(first, behind));
    assert_eq!(queue.ahead(&[key(1), key(2)], 2, Some(first)), None, "both turns came");
    assert_eq!(queue.next_try(), Some(3), "the line that it left goes on");
}

#[test]
fn a_queue_is_quiet_until_someone_is_to_be_tried_or_told() {
    let mut queue = Queue::default();
    assert!(queue.is_quiet(10));
    let first = queue.join(request(2, b'a', 100), spot(0, 1, Some(50), &queue)).unwrap_or(0);
    assert!(!queue.is_quiet(10) && queue.drain_alarms() == [(1, 50)] && queue.is_quiet(10));
    // One behind it with a later deadline changes nothing; an earlier one is to be told.
    queue.join(request(2, b'a', 200), spot(0, 1, None, &queue));
    assert!(queue.is_quiet(10));
    queue.join(request(2, b'a', 40), spot(0, 1, None, &queue));
    assert!(!queue.is_quiet(10) && queue.drain_alarms() == [(1, 40)] && queue.is_quiet(10));
    queue.release(None);
    assert!(!queue.is_quiet(10) && queue.next_try() == Some(first) && queue.is_quiet(10));
    assert!(queue.is_quiet(39) && !queue.is_quiet(40), "an alarm that rings is work, whoever looks");
}

#[test]
fn a_full_line_takes_nobody() {
    let mut queue = Queue::new(2);
    for _ in 0..2 {
        assert!(queue.join(request(2, b'a', 100), spot(0, 1, None, &queue)).is_some());
    }
    assert_eq!(queue.join(request(0, b'a', 100), spot(0, 1, None, &queue)), None);
    assert!(queue.join(request(2, b'a', 100), spot(1, 1, None, &queue)).is_some());
}

#[test]
fn a_release_between_try_and_wait_is_not_missed() {
    let mut queue = Queue::default();
    let seen = spot(0, 1, Some(90), &queue);
    queue.release(None);
    let ticket = queue.join(request(2, b'a', 100), seen);
    assert_eq!(queue.next_try(), ticket);
    queue.release(Some(&[key(0)]));
    let ticket = ticket.unwrap_or_default();
    assert!(queue.refused(ticket, Spot { seen: 0, ..spot(0, 1, Some(90), &queue) }));
    assert_eq!(queue.next_try(), Some(ticket));
    assert!(queue.leave(ticket) && !queue.served(ticket));
}

/// Slots of two scopes; a request needs one of each of its scopes. Whoever is not tried cannot run.
struct Slots {
    free: [i64; 2],
    needs: std::collections::HashMap<Ticket, Vec<u8>>,
    running: Vec<Vec<u8>>,
}

impl Slots {
    fn take(&mut self, needs: &[u8]) -> Option<u8> {
        if let Some(full) = needs.iter().find(|scope| self.free[usize::from(**scope)] < 1) {
            return Some(*full);
        }
        for scope in needs {
            self.free[usize::from(*scope)] -= 1;
        }
        self.running.push(needs.to_vec());
        None
    }

    fn serve(&mut self, queue: &mut Queue) {
        while let Some(ticket) = queue.next_try() {
            let needs = self.needs.get(&ticket).cloned().unwrap_or_default();
            let keys: Vec<Key> = needs.iter().map(|scope| key(*scope)).collect();
            let held = queue.ahead(&keys, 2, Some(ticket)).and_then(|ahead| needs.get(ahead.index).copied());
            match held.or_else(|| self.take(&needs)) {
                None => assert!(queue.served(ticket)),
                Some(scope) => assert!(queue.refused(ticket, spot(scope, 1, held.is_none().then_some(u64::MAX), queue))),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn storms_lose_no_wake_and_leave_nothing(
        steps in proptest::collection::vec((0_u8..10, 0_u8..3, 0_u8..5, any::<prop::sample::Index>()), 1..150),
    ) {
        let mut queue = Queue::default();
        let mut slots = Slots { free: [2, 3], needs: std::collections::HashMap::new(), running: Vec::new() };
        let mut waiting: Vec<Ticket> = Vec::new();
        for (action, kind, flow, pick) in steps {
            match action {
                0..=4 => {
                    let needs = [vec![0], vec![1], vec![0, 1]][usize::from(kind)].clone();
                    let keys: Vec<Key> = needs.iter().map(|scope| key(*scope)).collect();
                    let held = queue.ahead(&keys, 2, None).and_then(|ahead| needs.get(ahead.index).copied());
                    if let Some(scope) = held.or_else(|| slots.take(&needs)) {
                        let ready = held.is_none().then_some(u64::MAX);
                        let ticket = queue.join(request(2, flow, 1_000), spot(scope, 1, ready, &queue));
                        slots.needs.extend(ticket.map(|ticket| (ticket, needs)));
                        waiting.extend(ticket);
                    }
                }
                5..=7 if !slots.running.is_empty() => {
                    let done = slots.running.swap_remove(pick.index(slots.running.len()));
                    for scope in &done { slots.free[usize::from(*scope)] += 1; }
                    let keys: Vec<Key> = done.iter().map(|scope| key(*scope)).collect();
                    queue.release(Some(&keys));
                }
                8 if !waiting.is_empty() => {
                    queue.leave(waiting.swap_remove(pick.index(waiting.len())));
                }
                _ => {}
            }
            slots.serve(&mut queue);
            prop_assert!(slots.free.iter().all(|free| *free >= 0));
            if !queue.is_empty() {
                prop_assert!(slots.free.contains(&0), "somebody waits while every scope has room");
            }
        }
        while !slots.running.is_empty() {
            let done = slots.running.remove(0);
            for scope in &done { slots.free[usize::from(*scope)] += 1; }
            queue.release(None);
            slots.serve(&mut queue);
        }
        prop_assert_eq!((queue.len(), queue.alarm_count(), slots.free), (0, 0, [2, 3]));
    }

    #[test]
    fn deadlines_end_waits_in_time(deadlines in proptest::collection::vec(1_u64..1_000, 1..60)) {
        let mut queue = Queue::default();
        for deadline in &deadlines {
            queue.join(request(2, b'a', *deadline), spot(0, 1, Some(5_000), &queue));
        }
        prop_assert_eq!(queue.next_alarm(1), deadlines.iter().min().copied());
        prop_assert_eq!(queue.next_alarm(2), None);
        let mut ended = 0;
        for now in [0, 250, 500, 1_000] {
            ended += queue.poll(now).len();
            prop_assert_eq!(ended, deadlines.iter().filter(|deadline| **deadline <= now).count());
        }
        prop_assert_eq!((queue.len(), queue.alarm_count()), (0, 0));
    }
}

//! The lock, the reader without it, the undo and the bell under every order of loads and stores that the memory model allows.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends with what it found")]

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tierkit_model::life::exhaust;
use tierkit_model::loom::sync::{Arc, Condvar, Mutex};
use tierkit_model::loom::thread;
use tierkit_model::segment::bell::{self, Bed};
use tierkit_model::sync::{AtomicU64, Ordering};

#[allow(dead_code, reason = "not every checker needs all of it")]
mod bank;
use bank::Bank;

/// Preemptions of a schedule; nearly all races need two.
const PREEMPTIONS: usize = 2;
/// Stores of one life with one payment.
const STORES: u64 = 46;

/// Spawns a thread with room on its stack for a payment.
fn spawn(life: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new().stack_size(1 << 16).spawn(life).unwrap()
}

#[test]
fn two_are_never_inside_and_both_see_whole_payments() {
    exhaust(PREEMPTIONS, || {
        let bank = Arc::new(Bank::new(2, 2));
        let other = Arc::clone(&bank);
        let thread = spawn(move || assert!(other.process(None, |process| process.pay(1))));
        bank.process(None, |process| process.pay(2));
        thread.join().unwrap();
        bank.close(0);
    });
}

#[test]
fn a_reader_without_the_lock_sees_whole_payments() {
    exhaust(PREEMPTIONS, || {
        let bank = Arc::new(Bank::new(2, 2));
        let other = Arc::clone(&bank);
        let thread = spawn(move || assert!(other.process(None, |process| process.pay(1))));
        bank.look(2);
        thread.join().unwrap();
        bank.close(0);
    });
}

#[test]
fn what_a_dead_holder_began_is_undone_by_the_next() {
    for store in 1..=STORES {
        exhaust(PREEMPTIONS, move || {
            let bank = Arc::new(Bank::new(2, 2));
            let other = Arc::clone(&bank);
            let thread = spawn(move || assert!(other.process(Some(store), |process| process.pay(1))));
            bank.process(None, |process| process.pay(2));
            thread.join().unwrap();
            bank.close(1);
        });
    }
}

/// What the system does with those who sleep on a word: it looks at the word and lets them sleep in one step.
#[derive(Default)]
struct Dormitory {
    door: Mutex<()>,
    beds: Condvar,
}

impl Bed for Dormitory {
    fn sleep(&self, bell: &AtomicU64, seen: u64, _: Duration) {
        let door = self.door.lock().unwrap();
        if bell.load(Ordering::Relaxed) == seen {
            drop(self.beds.wait(door));
        }
    }

    fn wake(&self, _: &AtomicU64) {
        drop(self.door.lock());
        self.beds.notify_all();
    }
}

#[test]
fn no_ring_is_missed() {
    exhaust(3, || {
        let shared = Arc::new((Dormitory::default(), [0; 3].map(AtomicU64::new)));
        let ringer = Arc::clone(&shared);
        let thread = spawn(move || {
            let (kernel, [work, rung, sleepers]) = &*ringer;
            work.store(1, Relaxed);
            bell::ring(kernel, rung, sleepers);
        });
        // One that misses the ring sleeps for ever, which the checker tells.
        let (kernel, [work, rung, sleepers]) = &*shared;
        loop {
            let seen = rung.load(Ordering::Acquire);
            if work.load(Relaxed) == 1 {
                break;
            }
            bell::wait(kernel, rung, sleepers, seen, Duration::ZERO);
        }
        thread.join().unwrap();
        assert_eq!(sleepers.load(Relaxed), 0);
    });
}

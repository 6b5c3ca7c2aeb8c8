//! The lock, its theft from the dead and the undo log under many schedules, with processes killed at any store.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends with what it found")]

use std::sync::Arc;

use tierkit_model::life::{chance, interleave};
use tierkit_model::shuttle::thread;

#[allow(dead_code, reason = "not every checker needs all of it")]
mod bank;
use bank::Bank;

/// Stores of a life of two payments, so that any of them may be the last.
const STORES: u64 = 60;

/// Processes come three times on each of three threads, with two or three numbers among them.
fn lives() {
    let bank = Arc::new(Bank::new(3, 2));
    let one = |bank: Arc<Bank>| {
        move || {
            for _ in 0..3 {
                let dies_at = (chance(3) > 0).then(|| 1 + chance(STORES));
                bank.process(dies_at, |process| {
                    process.pay(1);
                    process.bury();
                    process.pay(2);
                });
            }
        }
    };
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(one(Arc::clone(&bank)))).collect();
    let looker = Arc::clone(&bank);
    let reader = thread::spawn(move || {
        let seen: Vec<u64> = (0..6).filter_map(|_| looker.look(20)).collect();
        assert!(seen.is_sorted(), "a reader goes back in time: {seen:?}");
    });
    threads.into_iter().chain([reader]).for_each(|thread| thread.join().unwrap());
    bank.close(9);
}

#[test]
fn processes_that_die_at_any_store_leave_whole_payments_and_a_free_lock() {
    interleave(2_000, lives);
}

/// For `make crash`.
#[test]
#[ignore = "long"]
fn many_lives() {
    interleave(200_000, lives);
}

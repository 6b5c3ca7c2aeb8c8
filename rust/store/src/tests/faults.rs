//! Fault L2, exactly: every call of the ledger on its disk fails once, whole or in the middle, and the writer tries again.

use super::chance::Chance;
use super::disk::{Cut, Disk, Failure, Image};
use super::life::{Life, recovered};
use super::vfs::Mounted;

const GROUPS: u64 = 8;

/// Lets each call of a life fail in its turn, then cuts the power: what was acknowledged is there.
fn fail_each(image: &Image, entries: i64, failure: Failure, cut: Cut) {
    let rehearsal = Mounted::new(Disk::holding(image));
    Life::after(entries, Chance(11)).run(&rehearsal, GROUPS);
    for call in 1..=rehearsal.disk.calls() {
        let mounted = Mounted::new(Disk::holding(image));
        mounted.disk.fail_at(call, failure, Chance(call));
        let mut lived = Life::after(entries, Chance(11));
        lived.run(&mounted, GROUPS);
        let left = mounted.disk.after_cut(cut, &mut Chance(call));
        let told = format!("{failure:?} of call {call}, {cut:?}");
        let found = recovered(&left).unwrap_or_else(|fault| unreachable!("{told}: {fault}"));
        assert_eq!(found, lived.acknowledged, "{told}");
    }
}

fn a_used_ledger() -> (Image, i64) {
    let mounted = Mounted::new(Disk::default());
    let mut lived = Life::after(0, Chance(5));
    lived.run(&mounted, GROUPS);
    (mounted.disk.after_cut(Cut::Kept, &mut Chance(5)), lived.acknowledged)
}

#[test]
fn a_call_that_fails_once_loses_nothing() {
    let (used, entries) = a_used_ledger();
    for cut in [Cut::Kept, Cut::Lost] {
        fail_each(&Image::new(), 0, Failure::Error, cut);
        fail_each(&used, entries, Failure::Error, cut);
    }
}

#[test]
fn a_write_that_stops_in_the_middle_loses_nothing() {
    let (used, entries) = a_used_ledger();
    for cut in [Cut::Kept, Cut::Lost] {
        fail_each(&Image::new(), 0, Failure::Short, cut);
        fail_each(&used, entries, Failure::Short, cut);
    }
}

//! Fault L16: the power is cut at any call, and what was not synced is lost, kept, or torn.

use super::chance::Chance;
use super::disk::{Cut, Disk, Failure, Image};
use super::life::{Life, recovered};
use super::vfs::Mounted;

/// Lives of one ledger, each ended by a cut.
const LIVES: u64 = 3;
const GROUPS: u64 = 12;

/// One ledger through several cuts at random calls. Gives how many there were.
fn cut_lives(seed: u64, cut: Cut) -> u64 {
    let mut chance = Chance(seed);
    let (mut image, mut entries, mut cuts) = (Image::new(), 0, 0);
    for life in 0..LIVES {
        // How many calls a whole life makes, so that the cut falls anywhere in it.
        let rehearsal = Mounted::new(Disk::holding(&image));
        Life::after(entries, chance.clone()).run(&rehearsal, GROUPS);
        let at = 1 + chance.clone().below(rehearsal.disk.calls());
        let mounted = Mounted::new(Disk::holding(&image));
        mounted.disk.fail_at(at, Failure::Dead, chance.clone());
        let mut lived = Life::after(entries, chance.clone());
        lived.run(&mounted, GROUPS);
        image = mounted.disk.after_cut(cut, &mut chance);
        let told = format!("seed {seed}, {cut:?}, life {life}, call {at}");
        let found = recovered(&image).unwrap_or_else(|fault| unreachable!("{told}: {fault}"));
        let (least, most) = (lived.acknowledged, lived.acknowledged + lived.under_way);
        // Whole groups only: the entries are a prefix, with all that was acknowledged and at most the group under way.
        assert!(
            found == least || found == most,
            "{told}: {found} entries, {least} acknowledged, {most} with the group under way"
        );
        (entries, cuts) = (found, cuts + 1);
    }
    cuts
}

fn cut_many(cut: Cut, seeds: std::ops::Range<u64>) {
    let cuts: u64 = seeds.map(|seed| cut_lives(seed, cut)).sum();
    assert!(cuts >= LIVES);
}

#[test]
fn unsynced_writes_that_are_lost_take_nothing_acknowledged() {
    cut_many(Cut::Lost, 0..80);
}

#[test]
fn unsynced_writes_that_are_kept_do_no_harm() {
    cut_many(Cut::Kept, 0..30);
}

#[test]
fn unsynced_writes_that_are_torn_take_nothing_acknowledged() {
    cut_many(Cut::Torn, 0..200);
}

/// What `make crash` runs.
#[test]
#[ignore = "takes minutes"]
fn many_cuts_take_nothing_acknowledged() {
    cut_many(Cut::Torn, 1_000..6_000);
    cut_many(Cut::Lost, 1_000..3_000);
}

/// A disk that only says that it syncs loses what was acknowledged, and the model sees it.
#[test]
fn the_model_would_see_a_loss() {
    let disk = Disk::default();
    disk.only_say_so();
    let mounted = Mounted::new(disk);
    let mut lived = Life::after(0, Chance(7));
    lived.run(&mounted, GROUPS);
    let found = recovered(&mounted.disk.after_cut(Cut::Lost, &mut Chance(1)));
    assert!(lived.acknowledged > 0 && found == Ok(0), "{found:?}");
}

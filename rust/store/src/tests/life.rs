//! A gate whose entries are written in groups, as the writer writes them, until the disk ends it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tierkit_core::clock::Now;
use tierkit_core::gate::{Actual, Ask, Bound, Gate, HeapShelf};
use tierkit_core::labels::Labels;
use tierkit_core::ledger::{BudgetSpec, Calendar, Flags, ReservationId};
use tierkit_core::rules::{Matcher, Mode, Rule, RuleKind, Rules};
use tierkit_core::throttle::{Dimension, Units};

use super::chance::Chance;
use super::disk::{Cut, Disk, Image};
use super::vfs::Mounted;
use crate::book::Book;
use crate::row::{Names, Row, Scopes};
use crate::verify::Check;

const START: Now = Now { boot_ns: 0, wall_ns: 1_767_225_600_000_000_000 };
/// Entries of a group at most.
const GROUP: u64 = 6;
/// Pages in the log before SQLite copies them into the file: few, so that a short life sees many copies.
const COPY_PAGES: i64 = 12;

/// Budgets per team and for all.
pub fn rules() -> Arc<Rules> {
    let budget = |name: &str, per: &[&str]| {
        let calendar = Calendar::new("day", "UTC").unwrap_or_else(|error| unreachable!("{error}"));
        let spec = BudgetSpec { limit_nusd: 1_000_000, calendar, downgrade: false, warn_at_permille: vec![] };
        let matcher = Matcher { per: per.iter().map(|label| (*label).into()).collect(), clauses: vec![] };
        Rule { name: name.into(), matcher, kind: RuleKind::Budget(spec), mode: Mode::Enforce, replaces: vec![] }
    };
    Rules::new(vec![budget("teams", &["team"]), budget("all", &[])]).map_or_else(|error| unreachable!("{error}"), Arc::new)
}

/// What a program did, and what of it a successful `write` acknowledged.
pub struct Life {
    gate: Gate,
    scopes: Scopes,
    chance: Chance,
    made: u64,
    open: Vec<ReservationId>,
    /// Entries of the ledger that were acknowledged.
    pub acknowledged: i64,
    /// Entries of the group that was under way at the end.
    pub under_way: i64,
}

impl Life {
    /// A life after one that left so many entries, whose ids it does not use again.
    pub fn after(entries: i64, chance: Chance) -> Self {
        let rules = rules();
        let (scopes, gate) = (Scopes::new(Arc::new(Names::new(&rules))), Gate::new(rules, HeapShelf::new([1, 2], 1_000, true)));
        Self { gate, scopes, chance, made: entries.unsigned_abs() * 1_000, open: Vec::new(), acknowledged: entries, under_way: 0 }
    }

    /// Writes groups until so many are written or the power is off. A group that fails is tried again, as the writer does.
    pub fn run(&mut self, mounted: &Mounted, groups: u64) {
        let path = mounted.ledger();
        for _ in 0..3 {
            let Ok(mut book) = Book::open(&path) else { continue };
            if book.connection().pragma_update(None, "wal_autocheckpoint", COPY_PAGES).is_err() {
                continue;
            }
            for _ in 0..groups {
                let entries = self.group();
                let named = entries.into_iter().map(|entry| Row::new(entry, &mut self.scopes));
                let rows: Vec<(i64, Row)> = (book.last() + 1..).zip(named).collect();
                self.under_way = i64::try_from(rows.len()).unwrap_or(0);
                loop {
                    match book.write(&rows) {
                        Ok(()) => {}
                        Err(_) if mounted.disk.is_dead() => return,
                        Err(_) => continue,
                    }
                    break;
                }
                (self.acknowledged, self.under_way) = (book.last(), 0);
            }
            return;
        }
    }

    /// The entries of a few calls.
    fn group(&mut self) -> Vec<tierkit_core::ledger::Entry> {
        for _ in 0..=self.chance.below(GROUP) {
            self.call();
        }
        let entries = self.gate.shelf_mut().drain_entries();
        if entries.is_empty() { self.group() } else { entries }
    }

    fn call(&mut self) {
        self.made += 1;
        let amount = i64::try_from(self.chance.below(200)).unwrap_or(0);
        let units = Units::default().with(Dimension::Requests, 1).with(Dimension::Usd, amount);
        match self.chance.below(5) {
            0..=2 => {
                let id = id(self.made);
                let team = ["a", "b", "c"][usize::try_from(self.chance.below(3)).unwrap_or(0)];
                let labels = Labels::new([("team".into(), team.into())]).unwrap_or_default();
                let bound = Bound::new(&rules(), labels);
                if matches!(
                    self.gate
                        .admit(&Ask { id: &id, bound: &bound, units, ttl_ns: 1_000_000_000, may_be_unwritten: false }, START),
                    Ok(Ok(_))
                ) {
                    self.open.push(id);
                }
            }
            verb => {
                let Some(id) = self.open.pop() else { return };
                let actual = Actual { units, usage: None, flags: Flags::default(), saved_nusd: 0 };
                let done = if verb == 3 { self.gate.settle(&id, &actual, START) } else { self.gate.cancel(&id, START) };
                assert!(done.is_ok(), "{done:?}");
            }
        }
    }
}

fn id(number: u64) -> ReservationId {
    ReservationId::new(&format!("r{number}")).unwrap_or_else(|error| unreachable!("{error}"))
}

/// A folder of its own that goes with it.
pub struct Folder(PathBuf);

impl Folder {
    /// A folder with the files of an image.
    pub fn of(image: &Image) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("tierkit-cut-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap_or_else(|error| unreachable!("{error}"));
        for (name, bytes) in image {
            std::fs::write(folder.0.join(name), bytes).unwrap_or_else(|error| unreachable!("{error}"));
        }
        folder
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Opens what a cut left behind, as the next start does, and proves it. Gives its last entry.
pub fn recovered(image: &Image) -> Result<i64, String> {
    let mounted = Mounted::new(Disk::holding(image));
    let last = Book::open(&mounted.ledger()).map_err(|error| error.to_string())?.last();
    let folder = Folder::of(&mounted.disk.after_cut(Cut::Kept, &mut Chance(0)));
    let mut check = Check::begin(folder.path()).map_err(|error| error.to_string())?;
    while check.step(1_000) {}
    match check.finding() {
        Some(finding) => Err(format!("{finding:?}")),
        None => Ok(last),
    }
}

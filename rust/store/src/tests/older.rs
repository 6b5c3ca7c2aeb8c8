//! Fault L12: a ledger of the format before is brought up to date, whole or not at all.

use rusqlite::Connection;

use super::chance::Chance;
use super::disk::{Cut, Disk, Failure, Image};
use super::life::{Folder, Life, recovered};
use super::vfs::Mounted;
use crate::schema::{TABLES, open_reader, open_writer};

const GROUPS: u64 = 8;

/// What a writer of format 2 would have left: the same entries, without the column and the table that came later.
fn format_two() -> (Image, i64) {
    let mounted = Mounted::new(Disk::default());
    let mut lived = Life::after(0, Chance(3));
    lived.run(&mounted, GROUPS);
    let folder = Folder::of(&mounted.disk.after_cut(Cut::Kept, &mut Chance(3)));
    let ledger = folder.path().join("ledger.db");
    let older = TABLES.replace(", 'adjust'", "").replace("hash BLOB NOT NULL,\n  adjustment TEXT\n", "hash BLOB NOT NULL\n");
    let copy = |connection: &Connection| {
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")?;
        connection.execute_batch("ATTACH ':memory:' AS held; CREATE TABLE held.entry AS SELECT * FROM main.entry;")?;
        connection.execute_batch("DROP TABLE bucket; DROP TABLE entry; ALTER TABLE held.entry DROP COLUMN adjustment;")?;
        let entry = older.split_inclusive(';').find(|part| part.contains("CREATE TABLE entry")).unwrap_or_default();
        connection.execute_batch(entry)?;
        connection.execute_batch("CREATE INDEX entry_of ON entry(reservation); CREATE INDEX entry_at ON entry(at_ns);")?;
        connection.execute_batch("INSERT INTO entry SELECT * FROM held.entry; PRAGMA user_version = 2;")
    };
    let connection = Connection::open(&ledger).unwrap_or_else(|error| unreachable!("{error}"));
    copy(&connection).unwrap_or_else(|error| unreachable!("{error}"));
    drop(connection);
    let bytes = std::fs::read(&ledger).unwrap_or_else(|error| unreachable!("{error}"));
    (Image::from([("ledger.db".to_owned(), bytes)]), lived.acknowledged)
}

#[test]
fn an_older_ledger_is_brought_up_to_date_and_goes_on() {
    let (older, entries) = format_two();
    let folder = Folder::of(&older);
    let refused = open_reader(&folder.path().join("ledger.db")).map(drop);
    assert!(refused.is_err_and(|error| error.seen.contains("format 2") && error.fix.contains("once with a Governor")));
    assert_eq!(recovered(&older), Ok(entries));
    let mounted = Mounted::new(Disk::holding(&older));
    let mut lived = Life::after(entries, Chance(4));
    lived.run(&mounted, GROUPS);
    assert!(lived.acknowledged > entries);
    assert_eq!(recovered(&mounted.disk.after_cut(Cut::Lost, &mut Chance(4))), Ok(lived.acknowledged));
}

#[test]
fn a_power_cut_while_it_is_brought_up_to_date_leaves_one_of_the_two() {
    let (older, entries) = format_two();
    let rehearsal = Mounted::new(Disk::holding(&older));
    assert!(open_writer(&rehearsal.ledger()).is_ok());
    for call in 1..=rehearsal.disk.calls() {
        for cut in [Cut::Lost, Cut::Torn, Cut::Kept] {
            let mounted = Mounted::new(Disk::holding(&older));
            mounted.disk.fail_at(call, Failure::Dead, Chance(call));
            let _ = open_writer(&mounted.ledger());
            assert_eq!(recovered(&mounted.disk.after_cut(cut, &mut Chance(call))), Ok(entries), "call {call}, {cut:?}");
        }
    }
}

//! Fault L12: a ledger of a format before is brought up to date, whole or not at all.

use rusqlite::Connection;

use super::chance::Chance;
use super::disk::{Cut, Disk, Failure, Image};
use super::life::{Folder, Life, recovered};
use super::vfs::Mounted;
use crate::buckets::{Level, save};
use crate::schema::{APPLICATION_ID, open_reader, open_writer};

const GROUPS: u64 = 8;

/// The tables of format 3.
const THREE: &str = "
CREATE TABLE entry(
  seq INTEGER PRIMARY KEY,
  reservation TEXT NOT NULL,
  kind TEXT NOT NULL CHECK(kind IN ('reserve', 'post', 'void', 'expire', 'adjust')),
  at_ns INTEGER NOT NULL,
  nano_usd INTEGER NOT NULL,
  labels TEXT NOT NULL,
  units TEXT NOT NULL,
  usage TEXT,
  flags INTEGER NOT NULL DEFAULT 0,
  saved_nano_usd INTEGER NOT NULL DEFAULT 0,
  expires_ns INTEGER NOT NULL DEFAULT 0,
  hash BLOB NOT NULL,
  adjustment TEXT
) STRICT;
CREATE INDEX entry_of ON entry(reservation);
CREATE INDEX entry_at ON entry(at_ns);
CREATE TABLE posting(
  seq INTEGER NOT NULL REFERENCES entry(seq),
  rule TEXT NOT NULL,
  scope TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  posted INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  PRIMARY KEY(seq, rule, scope)
) STRICT, WITHOUT ROWID;
CREATE TABLE account(
  rule TEXT NOT NULL,
  scope TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  posted INTEGER NOT NULL,
  pending INTEGER NOT NULL CHECK(pending >= 0),
  PRIMARY KEY(rule, scope, start_ns)
) STRICT, WITHOUT ROWID;
CREATE TABLE open(
  reservation TEXT PRIMARY KEY,
  seq INTEGER NOT NULL REFERENCES entry(seq),
  expires_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE head(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, x'');
CREATE TABLE bucket(
  rule TEXT NOT NULL,
  scope TEXT NOT NULL,
  dimension TEXT NOT NULL,
  level INTEGER NOT NULL,
  at_ns INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY(rule, scope)
) STRICT, WITHOUT ROWID;
";

/// Fills these tables, made beside those of today, from a ledger of today.
const COPY: &str = "
INSERT INTO older.entry SELECT seq, reservation, kind, at_ns, nano_usd, labels, units, usage, flags, saved_nano_usd, expires_ns, hash,
  adjustment FROM main.entry;
INSERT INTO older.posting SELECT * FROM main.posting;
INSERT INTO older.account SELECT rule, scope, start_ns, end_ns, posted, pending FROM main.account;
INSERT INTO older.open SELECT * FROM main.open;
UPDATE older.head SET (seq, hash) = (SELECT seq, hash FROM main.head);
";

/// What a writer of an older format would have left: the same entries, in its tables.
fn older(version: i64) -> (Image, i64) {
    let mounted = Mounted::new(Disk::default());
    let mut lived = Life::after(0, Chance(3));
    lived.run(&mounted, GROUPS);
    let folder = Folder::of(&mounted.disk.after_cut(Cut::Kept, &mut Chance(3)));
    let file = folder.path().join("older.db");
    let make = || -> rusqlite::Result<()> {
        let connection = Connection::open(folder.path().join("ledger.db"))?;
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; ATTACH '{}' AS older;", file.display()))?;
        let mut made = Connection::open(&file)?;
        made.execute_batch(&format!("{THREE} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"))?;
        connection.execute_batch(COPY)?;
        let (rule, scope, dimension) = ("rate".to_owned(), "{}".to_owned(), "requests".to_owned());
        save(&mut made, true, &[Level { rule, scope, dimension, units: 3, at_ns: 5 }], &[])?;
        if version == 2 {
            // It had no adjustments, so the table is made without; what else it lacked changes no row.
            let entry = |text: &str| text.replace(", 'adjust'", "").replace(",\n  adjustment TEXT", "");
            made.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;")?;
            let text: String = made.query_row("SELECT sql FROM sqlite_schema WHERE name = 'entry'", [], |row| row.get(0))?;
            made.execute_batch(
                "DROP TABLE bucket; DROP INDEX entry_of; DROP INDEX entry_at; ALTER TABLE entry RENAME TO later;",
            )?;
            made.execute_batch(&entry(&text))?;
            made.execute_batch(
                "ALTER TABLE later DROP COLUMN adjustment; INSERT INTO entry SELECT * FROM later; DROP TABLE later;",
            )?;
            made.execute_batch("CREATE INDEX entry_of ON entry(reservation); CREATE INDEX entry_at ON entry(at_ns);")?;
        }
        Ok(())
    };
    make().unwrap_or_else(|error| unreachable!("{error}"));
    let bytes = std::fs::read(&file).unwrap_or_else(|error| unreachable!("{error}"));
    (Image::from([("ledger.db".to_owned(), bytes)]), lived.acknowledged)
}

#[test]
fn an_older_ledger_is_brought_up_to_date_and_goes_on() {
    for version in [2, 3] {
        goes_on(version);
    }
}

fn goes_on(version: i64) {
    let (older, entries) = older(version);
    let folder = Folder::of(&older);
    let refused = open_reader(&folder.path().join("ledger.db")).map(drop);
    assert!(
        refused
            .is_err_and(|error| error.seen.contains(&format!("format {version}")) && error.fix.contains("once with a Governor"))
    );
    assert_eq!(recovered(&older), Ok(entries));
    let mounted = Mounted::new(Disk::holding(&older));
    let mut lived = Life::after(entries, Chance(4));
    lived.run(&mounted, GROUPS);
    assert!(lived.acknowledged > entries);
    assert_eq!(recovered(&mounted.disk.after_cut(Cut::Lost, &mut Chance(4))), Ok(lived.acknowledged));
}

#[test]
fn a_power_cut_while_it_is_brought_up_to_date_leaves_one_of_the_two() {
    for version in [2, 3] {
        is_cut_at_every_call(version);
    }
}

fn is_cut_at_every_call(version: i64) {
    let (older, entries) = older(version);
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

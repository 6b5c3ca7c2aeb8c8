//! Ledgers of the formats before: a writer that opens one brings it up to date, whole or not at all.

use rusqlite::Connection;

use crate::schema::{TABLES, VERSION};

/// Format 2 had no adjustments and no levels of buckets; up to 3, `posting` was a table and accounts had no number.
pub const OLDER: std::ops::RangeInclusive<i64> = 2..=3;

/// Takes everything over into tables of today. Numbers and hashes of entries stay what they were.
///
/// # Errors
/// What SQLite says; then nothing has changed.
pub fn bring_up_to_date(connection: &Connection) -> rusqlite::Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // So that what refers to a table does not follow it to the name that it has meanwhile.
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;")?;
    let transaction = connection.unchecked_transaction()?;
    let has_levels = version > 2;
    let tables: &[&str] = if has_levels { &["entry", "posting", "account", "open", "head", "bucket"] } else { &TABLES_OF_TWO };
    transaction.execute_batch("DROP INDEX entry_of; DROP INDEX entry_at;")?;
    tables.iter().try_for_each(|name| transaction.execute_batch(&format!("ALTER TABLE {name} RENAME TO {name}_before;")))?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(ACCOUNTS)?;
    let adjustment = if has_levels { "e.adjustment" } else { "NULL" };
    transaction.execute_batch(&ENTRIES.replace("{adjustment}", adjustment))?;
    transaction.execute_batch(REST)?;
    if has_levels {
        transaction.execute_batch("INSERT INTO bucket SELECT * FROM bucket_before;")?;
    }
    tables.iter().try_for_each(|name| transaction.execute_batch(&format!("DROP TABLE {name}_before;")))?;
    transaction.execute_batch(&format!("PRAGMA user_version = {VERSION};"))?;
    transaction.commit()
}

const TABLES_OF_TWO: [&str; 5] = ["entry", "posting", "account", "open", "head"];

/// Numbered in the order in which they were first changed.
const ACCOUNTS: &str = "
INSERT INTO account(rule, scope, start_ns, end_ns, posted, pending)
SELECT a.rule, a.scope, a.start_ns, a.end_ns, a.posted, a.pending FROM account_before a
LEFT JOIN (SELECT rule, scope, start_ns, min(seq) AS first FROM posting_before GROUP BY rule, scope, start_ns) p
ON p.rule = a.rule AND p.scope = a.scope AND p.start_ns = a.start_ns ORDER BY p.first, a.rule, a.scope;
";

const ENTRIES: &str = "
INSERT INTO entry
SELECT e.seq, e.reservation, e.kind, e.at_ns, e.nano_usd, e.labels, e.units, e.usage, e.flags, e.saved_nano_usd, e.expires_ns,
  e.hash, {adjustment}, (
    SELECT json_group_array(CASE p.end_ns WHEN a.end_ns THEN json_array(a.id, p.posted, p.pending)
      ELSE json_array(a.id, p.posted, p.pending, p.end_ns) END)
    FROM posting_before p JOIN account a ON a.rule = p.rule AND a.scope = p.scope AND a.start_ns = p.start_ns
    WHERE p.seq = e.seq)
FROM entry_before e ORDER BY e.seq;
";

const REST: &str = "
INSERT INTO open SELECT * FROM open_before;
UPDATE head SET (seq, hash) = (SELECT seq, hash FROM head_before);
";

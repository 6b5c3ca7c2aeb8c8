//! Changes of the file as SQL. Each has a number, and whoever follows applies it to its own memory.

use rusqlite::{Connection, Row, params};
use tierkit_core::cache::owner::Tally;
use tierkit_core::cache::semantic::{CUTS, Mark};

use super::times::Kept;

/// Removals that are remembered for followers; one that lags further reads the file again.
const GONE: i64 = 65_536;

/// Which entries a purge takes: those that fit every part and were put before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgeMark {
    /// Of this namespace, as bytes.
    pub namespace: Option<Vec<u8>>,
    /// Kept for the owner of this name.
    pub owner: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
}

impl PurgeMark {
    /// The same for the store in memory.
    pub fn mark(&self, put_before_ns: i64) -> Mark<'_> {
        Mark {
            namespace: self.namespace.as_deref(),
            owner: self.owner.as_deref(),
            tag: self.tag.as_deref(),
            put_before_ns: Some(put_before_ns),
        }
    }
}

/// What removed entries.
#[derive(Debug)]
pub enum Gone {
    /// One left by itself.
    Drop(u64),
    /// One was reported as wrong.
    Cut(u64),
    /// All that fit a mark and were put before an instant.
    Purge(PurgeMark, Kept),
}

/// The number of the last change, and of the last removal that is not remembered any more.
///
/// # Errors
/// What SQLite says.
pub fn head(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let mut select = connection.prepare_cached("SELECT head, trimmed FROM meta")?;
    select.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Notes the number of the last change.
///
/// # Errors
/// What SQLite says.
pub fn set_head(connection: &Connection, head: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE meta SET head = ?")?.execute([head])?;
    Ok(())
}

/// Removes an entry that is not above a number; gives whether there was one.
///
/// # Errors
/// What SQLite says.
pub fn drop_entry(connection: &Connection, id: u64, upto: i64, seq: i64) -> rusqlite::Result<bool> {
    let id = id.cast_signed();
    let gone = connection.prepare_cached("DELETE FROM entry WHERE id = ? AND seq <= ?")?.execute([id, upto])? > 0;
    if gone {
        connection.prepare_cached("INSERT INTO gone(seq, kind, id) VALUES (?, 'drop', ?)")?.execute([seq, id])?;
    }
    Ok(gone)
}

/// Removes a row that is no entry.
///
/// # Errors
/// What SQLite says.
pub fn strike(connection: &Connection, seq: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM entry WHERE seq = ?")?.execute([seq])?;
    Ok(())
}

/// Removes an entry that was reported as wrong, and remembers its number; gives whether there was one.
///
/// # Errors
/// What SQLite says.
pub fn cut(connection: &Connection, id: u64, seq: i64) -> rusqlite::Result<bool> {
    let id = id.cast_signed();
    let held = connection.prepare_cached("DELETE FROM entry WHERE id = ?")?.execute([id])? > 0;
    connection.prepare_cached("INSERT INTO gone(seq, kind, id) VALUES (?, 'cut', ?)")?.execute([seq, id])?;
    Ok(held)
}

/// Counts a good report.
///
/// # Errors
/// What SQLite says.
pub fn praise(connection: &Connection, id: u64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE entry SET praise = min(praise + 1, 3) WHERE id = ?")?.execute([id.cast_signed()])?;
    Ok(())
}

/// Removes all entries that fit a mark and were put before an instant; gives how many.
///
/// # Errors
/// What SQLite says.
pub fn purge(connection: &Connection, mark: &PurgeMark, before: Kept, seq: i64) -> rusqlite::Result<usize> {
    let values = params![mark.namespace, mark.owner, mark.tag, before.epoch, before.ns, before.wall_ns];
    let gone = connection.execute(
        "DELETE FROM entry WHERE (?1 IS NULL OR part = ?1) AND (?2 IS NULL OR owner = ?2) AND (?3 IS NULL OR tag = ?3)
         AND ((epoch = ?4 AND put_ns < ?5) OR (epoch <> ?4 AND put_wall_ns < ?6))",
        values,
    )?;
    connection.execute(
        "INSERT INTO gone(seq, kind, part, owner, tag, epoch, before_ns, before_wall_ns) VALUES (?, 'purge', ?, ?, ?, ?, ?, ?)",
        params![seq, mark.namespace, mark.owner, mark.tag, before.epoch, before.ns, before.wall_ns],
    )?;
    Ok(gone)
}

/// The removals above a number, in order.
///
/// # Errors
/// What SQLite says.
pub fn gone_above(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<(i64, Gone)>> {
    let mut select = connection.prepare_cached(
        "SELECT seq, kind, id, part, owner, tag, epoch, before_ns, before_wall_ns FROM gone WHERE seq > ? ORDER BY seq",
    )?;
    select.query_map([seq], |row| Ok((row.get(0)?, read(row)?)))?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Gone> {
    let kind: String = row.get(1)?;
    if kind == "purge" {
        let mark = PurgeMark { namespace: row.get(3)?, owner: row.get(4)?, tag: row.get(5)? };
        return Ok(Gone::Purge(mark, Kept { epoch: row.get(6)?, ns: row.get(7)?, wall_ns: row.get(8)? }));
    }
    let id = row.get::<_, i64>(2)?.cast_unsigned();
    Ok(if kind == "cut" { Gone::Cut(id) } else { Gone::Drop(id) })
}

/// Adds what hits saved.
///
/// # Errors
/// What SQLite says.
pub fn add_tally(connection: &Connection, tally: &Tally) -> rusqlite::Result<()> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO tally VALUES (?1, ?2, ?3, ?4) ON CONFLICT(owner) DO UPDATE SET
             exact = exact + ?2, semantic = semantic + ?3, saved_nusd = min(saved_nusd, 9223372036854775807 - ?4) + ?4",
        )?
        .execute(params![tally.owner, number(tally.exact), number(tally.semantic), number(tally.saved_nusd)])?;
    Ok(())
}

/// Forgets what nobody needs: entries past their life, removals that all followers have seen long ago, the oldest reports.
///
/// # Errors
/// What SQLite says.
pub fn tidy(connection: &Connection, now: Kept) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM entry WHERE (epoch = ?1 AND expires_ns <= ?2) OR (epoch <> ?1 AND expires_wall_ns <= ?3)",
        params![now.epoch, now.ns, now.wall_ns],
    )?;
    let last: Option<i64> = connection.query_row(
        "SELECT max(seq) FROM (SELECT seq FROM gone WHERE kind <> 'cut' ORDER BY seq DESC LIMIT -1 OFFSET ?)",
        [GONE],
        |row| row.get(0),
    )?;
    if let Some(last) = last {
        connection.execute("DELETE FROM gone WHERE kind <> 'cut' AND seq <= ?", [last])?;
        connection.execute("UPDATE meta SET trimmed = max(trimmed, ?)", [last])?;
    }
    let reports = i64::try_from(CUTS).unwrap_or(i64::MAX);
    connection.execute(
        "DELETE FROM gone WHERE kind = 'cut' AND seq IN (SELECT seq FROM gone WHERE kind = 'cut' ORDER BY seq DESC LIMIT -1 OFFSET ?)",
        [reports],
    )?;
    Ok(())
}

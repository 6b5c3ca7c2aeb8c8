//! The levels of buckets in the ledger file, so that a limit goes on after a reboot where it stood. They are no money: they lie
//! outside the chain of entries, and each row has a hash of its own.

use rusqlite::{Connection, params};
use tierkit_core::clock::Now;
use tierkit_core::gate::Decide;
use tierkit_core::rules::{RuleKind, Rules};

use crate::restore::key_where;

/// How one bucket stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The rule's name.
    pub rule: String,
    /// The scope as JSON.
    pub scope: String,
    /// What it counts.
    pub dimension: String,
    /// What it held; negative in debt.
    pub units: i64,
    /// When, nanoseconds since 1970.
    pub at_ns: i64,
}

impl Level {
    /// What must stand beside it.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for text in [&self.rule, &self.scope, &self.dimension] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&self.units.to_le_bytes());
        hasher.update(&self.at_ns.to_le_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// Keeps levels that changed and forgets those of `idle` scopes (rule and scope), all or nothing. `anew` forgets all others.
///
/// # Errors
/// What SQLite says.
pub fn save(connection: &mut Connection, anew: bool, changed: &[Level], idle: &[(String, String)]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    if anew {
        transaction.execute("DELETE FROM bucket", [])?;
    }
    {
        let mut forget = transaction.prepare_cached("DELETE FROM bucket WHERE rule = ? AND scope = ?")?;
        for (rule, scope) in idle {
            forget.execute(params![rule, scope])?;
        }
        let mut keep = transaction.prepare_cached("INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?, ?, ?)")?;
        for found in changed {
            keep.execute(params![found.rule, found.scope, found.dimension, found.units, found.at_ns, found.hash()])?;
        }
    }
    transaction.commit()
}

/// Every level that is kept, with the hash that stands beside it.
///
/// # Errors
/// What SQLite says.
pub fn load(connection: &Connection) -> rusqlite::Result<Vec<(Level, Vec<u8>)>> {
    let mut select = connection.prepare("SELECT rule, scope, dimension, level, at_ns, hash FROM bucket")?;
    let level = |row: &rusqlite::Row<'_>| {
        let (rule, scope, dimension) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((Level { rule, scope, dimension, units: row.get(3)?, at_ns: row.get(4)? }, row.get(5)?))
    };
    select.query_map([], level)?.collect()
}

/// Puts a level back under the policy of today, with what came in since; nothing where the rule is gone, counts something else,
/// or the row was changed.
pub fn restore(gate: &mut dyn Decide, rules: &Rules, (level, hash): &(Level, Vec<u8>), now: Now) {
    let is_kind = |kind: &RuleKind| matches!(kind, RuleKind::Refill(dimension, _) if dimension.as_str() == level.dimension);
    let found = key_where(rules, &level.rule, &level.scope, is_kind).filter(|_| *hash == level.hash());
    if let Some((rule, key)) = found {
        // A wall clock that was set back gives nothing, and one that was set ahead a full bucket at most.
        let age_ns = u64::try_from(now.wall_ns.saturating_sub(level.at_ns)).unwrap_or(0);
        gate.restore_bucket(rule, &key, level.units, age_ns, now);
    }
}

//! What routing remembers, in words that the processes of a state directory share: needs, pace, talks, quotas, sessions.
//!
//! Held per process, a key's quota would be as many quotas as there are workers, and a pace would count a part of the traffic
//! against the whole of the money.

use super::Table;
use crate::segment::{Log, Plan, Region};
use crate::sync::AtomicU64;

/// Keys of quotas that are remembered, and sessions.
const ROWS: usize = 16_384;

/// Words that a change of a private board may store; one decision stores some 600 when all needs are halved.
const LOG_STORES: usize = 2_048;

/// Tiers whose debts are shared; a policy with more keeps those of the others in its process.
pub(super) const TIERS: usize = 32;

/// Where everything is.
#[derive(Debug, Clone, Copy)]
pub struct Board {
    /// The distribution of needs and what each tier is owed.
    pub(super) needs: Region,
    /// The pace of a budget.
    pub(super) pace: Region,
    /// How long sessions go on.
    pub(super) talks: Region,
    /// Needs now and before, to see them drift.
    pub(super) drift: Region,
    /// What was decided, and what bent it.
    pub(super) counts: Region,
    /// Credits by key.
    pub(super) credits: Table,
    /// Tiers by session.
    pub(super) pins: Table,
}

impl Board {
    /// The next regions of a plan: 2 MiB.
    pub fn take(plan: &mut Plan) -> Self {
        Self {
            needs: plan.take(4 + 256 + TIERS),
            pace: plan.take(160),
            talks: plan.take(8),
            drift: plan.take(48),
            counts: plan.take(16),
            credits: Table::take(plan, ROWS),
            pins: Table::take(plan, ROWS),
        }
    }
}

/// A board in the memory of one process.
#[derive(Debug)]
pub struct OwnBoard {
    /// Where everything is.
    pub board: Board,
    /// The undo log.
    pub log: Log,
    /// The words.
    pub words: Box<[AtomicU64]>,
    /// The key of the digests.
    pub seed: [u8; 32],
}

impl OwnBoard {
    /// An empty board. `seed` is drawn anew by each process.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut plan = Plan::default();
        let log = Log::take(&mut plan, LOG_STORES);
        let board = Board::take(&mut plan);
        Self { board, log, words: memory(plan.words()), seed }
    }
}

/// So many words of zero.
pub(super) fn memory(words: usize) -> Box<[AtomicU64]> {
    (0..words).map(|_| AtomicU64::new(0)).collect()
}

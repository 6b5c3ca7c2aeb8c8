//! Which tier a session is on: it stays there while its prompt cache is warm, and moves upward only for a clear need.
//!
//! # Invariant
//! The tier of a session never falls while nothing of its cache is lost; times are integer nanoseconds, prices integers.

use super::board::Board;
use super::switch::{MOST_TURNS, Talk, TokenPrices, Worth, is_worth, switch_cost_pusd};
use super::table::Digest;
use crate::segment::{Tx, Words};

/// Need above a tier's threshold that moves a session up, at least: a switch costs the prompt cache of the tier that it leaves.
///
/// # Source
/// A target of the routing design: 2 points of rank.
const CLEAR: f64 = 0.02;

/// Words of a row, after its digest.
const TIER: usize = 2;
const USED: usize = 3;
const PREFIX: usize = 4;
const CACHED: usize = 5;

/// Words of the region of talks.
const TURNS: usize = 0;
const SESSIONS: usize = 1;
/// Sessions after which both counts are halved.
const MANY: u64 = 10_000;
/// As if so many sessions of so many turns had been seen before the first.
const PRIOR: (u64, u64) = (2, 8);

/// A session's turn: what was chosen for it, and what a change would cost and bring.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// The session.
    pub session: Digest,
    /// The tier that the need asks for.
    pub chosen: usize,
    /// The need over the threshold of that tier.
    pub above: f64,
    /// What is the same in all turns of a conversation: instructions, tools, first message; 0: unknown.
    pub prefix: u64,
    /// Input and output tokens of this turn.
    pub tokens: (u32, u32),
    /// What a stronger tier is worth, once fitted.
    pub worth: Option<Worth>,
    /// The time.
    pub now_ns: i64,
}

/// How a session went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its tier.
    pub tier: usize,
    /// Whether a clear need was not worth the prompt cache.
    pub too_dear: bool,
}

/// Sessions whose pin ends when they were idle for `idle_ns`, which is how long providers keep a prompt cache warm.
#[derive(Debug, Clone)]
pub struct SessionPins {
    idle_ns: i64,
    prices: Vec<TokenPrices>,
}

impl SessionPins {
    /// Pins of tiers with such prices, cheapest first.
    pub fn new(idle_ns: i64, prices: Vec<TokenPrices>) -> Self {
        Self { idle_ns: idle_ns.max(0), prices }
    }

    /// The tier of a request: the session's, or a higher one that its need clearly asks for and that is worth the cache.
    pub fn keep(&self, board: &Board, tx: &mut Tx<'_>, turn: Turn) -> Kept {
        let (row, new) = board.pins.row(tx, turn.session, last_used);
        let (used_ns, prefix) = (tx.load(row + USED).cast_signed(), tx.load(row + PREFIX));
        let warm = !new && turn.now_ns.saturating_sub(used_ns) <= self.idle_ns && (prefix == turn.prefix || turn.prefix == 0);
        let pinned = tier_of(tx.words(), row).filter(|_| warm);
        let kept = match pinned {
            Some(pinned) => self.rise(board, tx, row, pinned, &turn),
            None => Kept { tier: turn.chosen, too_dear: false },
        };
        count(board, tx, pinned.is_none());
        if pinned.is_none() {
            tx.store(row + CACHED, 0);
        }
        tx.store(row + TIER, kept.tier as u64 + 1);
        tx.store(row + USED, if new { turn.now_ns } else { used_ns.max(turn.now_ns) }.cast_unsigned());
        tx.store(row + PREFIX, turn.prefix);
        kept
    }

    fn rise(&self, board: &Board, tx: &Tx<'_>, row: usize, pinned: usize, turn: &Turn) -> Kept {
        if turn.chosen <= pinned || turn.above < CLEAR || turn.above.is_nan() {
            return Kept { tier: pinned, too_dear: false };
        }
        let cached = u32::try_from(tx.load(row + CACHED)).unwrap_or(u32::MAX);
        let turns = turns_to_come(board, tx.words());
        let talk = Talk { cached, fresh: turn.tokens.0.saturating_sub(cached), output: turn.tokens.1, turns };
        let price = |tier: usize| self.prices.get(tier).copied().unwrap_or_default();
        let cost = switch_cost_pusd(talk, price(pinned), price(turn.chosen));
        let too_dear = turn.worth.is_some_and(|worth| !is_worth(worth, turns, cost));
        Kept { tier: if too_dear { pinned } else { turn.chosen }, too_dear }
    }
}

/// Learns how many tokens the tier of a session has cached now.
pub fn cached(board: &Board, tx: &mut Tx<'_>, session: Digest, tokens: u32) {
    if let Some(row) = board.pins.find(tx.words(), session) {
        tx.store(row + CACHED, u64::from(tokens));
    }
}

/// Moves a session to a tier: the one that served when the pinned one was refused, or a stronger one on evidence.
pub fn move_to(board: &Board, tx: &mut Tx<'_>, session: Digest, tier: usize) {
    if let Some(row) = board.pins.find(tx.words(), session).filter(|row| tier_of(tx.words(), *row) != Some(tier)) {
        tx.store(row + TIER, tier as u64 + 1);
        tx.store(row + CACHED, 0);
    }
}

/// The tier of a session.
pub fn pinned(board: &Board, words: Words<'_>, session: Digest) -> Option<usize> {
    board.pins.find(words, session).and_then(|row| tier_of(words, row))
}

/// Turns that a session is expected to go on for: their mean number, since what has passed says little of what comes.
pub fn turns_to_come(board: &Board, words: Words<'_>) -> u32 {
    let [turns, sessions] = [TURNS, SESSIONS].map(|at| words.load(board.talks.at(at)));
    let mean = turns.saturating_add(PRIOR.1) / sessions.saturating_add(PRIOR.0).max(1);
    u32::try_from(mean).unwrap_or(MOST_TURNS).clamp(1, MOST_TURNS)
}

fn count(board: &Board, tx: &mut Tx<'_>, begins: bool) {
    let (turns, sessions) = (board.talks.at(TURNS), board.talks.at(SESSIONS));
    let halve = u32::from(tx.load(sessions) >= MANY);
    tx.store(turns, (tx.load(turns).saturating_add(1)) >> halve);
    tx.store(sessions, (tx.load(sessions).saturating_add(u64::from(begins))) >> halve);
}

fn tier_of(words: Words<'_>, row: usize) -> Option<usize> {
    usize::try_from(words.load(row + TIER)).ok()?.checked_sub(1)
}

fn last_used(words: Words<'_>, row: usize) -> u64 {
    words.load(row + USED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::route::board::OwnBoard;
    use crate::segment::Memory;

    fn turn(session: u64, chosen: usize, above: f64, now_ns: i64) -> Turn {
        Turn { session: [session, 1], chosen, above, prefix: 0, tokens: (0, 0), worth: None, now_ns }
    }

    #[test]
    fn a_warm_session_never_falls() -> Result<()> {
        let own = OwnBoard::new([1; 32]);
        let pins = SessionPins::new(1_000, Vec::new());
        let mut before = 0;
        for at in 0..5_000_i64 {
            let chosen = usize::try_from((at * 7919) % 4).unwrap_or(0);
            let mut tx = Tx::begin(own.words.view(), own.log)?;
            let tier = pins.keep(&own.board, &mut tx, turn(1, chosen, 0.5, at * 900)).tier;
            tx.commit()?;
            assert!(tier >= before && tier >= chosen);
            before = tier;
        }
        Ok(())
    }
}

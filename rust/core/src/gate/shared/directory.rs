//! The rule directory of a segment: what the rules are, as one text, so that every process decides by the same ones.
//!
//! A new text is written aside as a draft, in changes that the undo log can hold. One small change then puts it in force;
//! before it nothing has happened, after it whoever comes next finishes what is left: scopes go on under the new numbers and
//! the old text is freed. All of it happens under the lock of the segment.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::gate::shared::{Layout, SharedShelf};
use crate::gate::{Gate, Memo};
use crate::rules::Rules;
use crate::segment::{Tx, Words};

/// Bytes of one piece of a text: some 2,800 stores, a sixth of what the undo log holds. Tests kill a switch at every store,
/// and a few short pieces show them what many long ones would.
const PIECE: usize = if cfg!(test) { 256 } else { 16_384 };
/// Pieces of the longest text.
const MOST_PIECES: usize = MOST_TEXT / PIECE + 1;
/// Scopes in one change: 11 stores each at most.
const SCOPES: u32 = 512;

/// Bytes of the longest text.
pub const MOST_TEXT: usize = 4 << 20;

impl Layout {
    /// The version of the rules in force; 0 in a segment that has none yet.
    #[inline]
    pub fn rules_version(&self, words: Words<'_>) -> u64 {
        words.load(self.version())
    }

    /// Whether a switch was begun and is to be finished by [`Layout::finish_switch`].
    pub fn is_switching(&self, words: Words<'_>) -> bool {
        words.load(self.unfinished()) != 0
    }

    /// The version in force and its text, as one that has the lock or [glances](crate::segment::Lock::glance) reads them.
    pub fn rules_text(&self, words: Words<'_>) -> Option<(u64, String)> {
        Some((self.rules_version(words), self.joined(words, words.load(self.directory()))?))
    }

    /// Writes a text aside. A draft that a dead process left is removed first.
    ///
    /// # Errors
    /// `Config` for a text that is too long, `Full` when the segment has no room for it now.
    pub fn draft(&self, words: Words<'_>, text: &str) -> Result<()> {
        if text.len() > MOST_TEXT {
            return Err(Error::config(format!(
                "policy: {} bytes when its rules are written down, and at most {MOST_TEXT} are shared by processes; write \
                 fewer rules, keyed by labels",
                text.len()
            )));
        }
        self.remove_draft(words)?;
        if !self.has_room_for_text(words, text.len()) {
            return Err(Error::Full("the segment has no room for another policy while so many requests run".to_owned()));
        }
        let mut next = 0;
        for piece in pieces(text).into_iter().rev() {
            let mut tx = Tx::begin(words, self.log())?;
            let name = self.put_text(&mut tx, &format!("{next}\n{piece}"));
            next = name.ok_or_else(|| Error::Full("the segment has no block left for the policy".to_owned()))?;
            tx.store(self.draft_word(), next);
            tx.commit()?;
        }
        Ok(())
    }

    /// Puts the draft in force: the one change before which nothing has happened.
    ///
    /// # Errors
    /// `Damaged`.
    pub fn put_in_force(&self, words: Words<'_>, version: u64) -> Result<()> {
        let mut tx = Tx::begin(words, self.log())?;
        let (old, new) = (tx.load(self.directory()), tx.load(self.draft_word()));
        tx.store(self.directory(), new);
        tx.store(self.draft_word(), old);
        tx.store(self.version(), version);
        tx.store(self.unfinished(), 1);
        tx.commit()
    }

    /// Brings the scopes to the numbers of the rules in force and frees the text before. Doing it again changes nothing.
    ///
    /// # Errors
    /// `Damaged`.
    pub fn finish_switch(&self, words: Words<'_>, rules: &Arc<Rules>) -> Result<()> {
        let slots = self.slots();
        for from in (0..slots).step_by(SCOPES as usize) {
            let shelf = SharedShelf::begin(words, self, [0; 32], 0)?;
            let mut gate = Gate::resume(Arc::clone(rules), shelf, Memo::new(rules));
            gate.bring_along(from..slots.min(from + SCOPES));
            gate.into_parts().0.commit()?;
        }
        self.remove_draft(words)?;
        let mut tx = Tx::begin(words, self.log())?;
        tx.store(self.unfinished(), 0);
        tx.commit()
    }

    fn remove_draft(&self, words: Words<'_>) -> Result<()> {
        for _ in 0..MOST_PIECES {
            let name = words.load(self.draft_word());
            if name == 0 {
                break;
            }
            let next = self.text(words, name).and_then(|text| piece_of(&text).map(|(next, _)| next));
            let mut tx = Tx::begin(words, self.log())?;
            self.free_text(&mut tx, name);
            tx.store(self.draft_word(), next.unwrap_or(0));
            tx.commit()?;
        }
        Ok(())
    }

    fn joined(&self, words: Words<'_>, first: u64) -> Option<String> {
        let (mut text, mut next) = (String::new(), first);
        for _ in 0..MOST_PIECES {
            if next == 0 {
                break;
            }
            let piece = self.text(words, next)?;
            let (after, piece) = piece_of(&piece)?;
            text.push_str(piece);
            next = after;
        }
        Some(text)
    }
}

/// The name of the next piece, and what this one holds.
fn piece_of(text: &str) -> Option<(u64, &str)> {
    let (next, piece) = text.split_once('\n')?;
    Some((next.parse().ok()?, piece))
}

/// A text in pieces; an empty one is one piece.
fn pieces(text: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        let cut = (0..=rest.len().min(PIECE)).rev().find(|cut| rest.is_char_boundary(*cut)).unwrap_or(0);
        let (piece, after) = rest.split_at(cut);
        found.push(piece);
        if after.is_empty() {
            return found;
        }
        rest = after;
    }
}

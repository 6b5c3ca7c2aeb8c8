//! A stored question as the guards read it: read when it first lies beside a new one, and kept where there is room.
//!
//! # Invariant
//! What is kept in a partition never exceeds what its entries were accounted for, so bytes stay bounded, and no lookup is
//! faster or slower for what another partition was asked.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::guards::Words;

/// An entry is accounted for so many bytes per byte of its text: enough for about every eighth sketch, since few questions are
/// asked again and again.
const SHARE: usize = 8;
/// Longer texts are accounted for no more.
const MOST: usize = 2048;

/// What an entry with a vector and a text of so many bytes is accounted for.
pub fn allowance(text: usize) -> usize {
    (SHARE * text).min(MOST)
}

/// What the sketches of one partition may take, and take.
#[derive(Debug, Default)]
pub struct Room {
    given: u64,
    taken: AtomicU64,
}

impl Room {
    /// An entry with so long a text came.
    pub fn grow(&mut self, text: usize) {
        self.given += allowance(text) as u64;
    }

    /// It left, with its sketch.
    pub fn shrink(&mut self, text: usize, sketch: &Sketch) {
        self.given -= allowance(text) as u64;
        *self.taken.get_mut() -= sketch.bytes();
    }

    fn take(&self, bytes: u64) -> bool {
        let fits = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= self.given);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The sketch of one entry's text, once there is one.
#[derive(Debug, Default)]
pub struct Sketch(OnceLock<Box<Words>>);

impl Sketch {
    /// The words of the text: those that are kept, or read now, and kept if there is room.
    pub fn words(&self, text: &str, room: &Room) -> Cow<'_, Words> {
        if let Some(words) = self.0.get() {
            return Cow::Borrowed(words);
        }
        let words = Words::of(text);
        let bytes = words.bytes() as u64;
        if !room.take(bytes) {
            return Cow::Owned(words);
        }
        let mut first = false;
        let kept = self.0.get_or_init(|| {
            first = true;
            Box::new(words)
        });
        if !first {
            // Another thread read it at the same moment.
            room.give_back(bytes);
        }
        Cow::Borrowed(kept)
    }

    /// Bytes of what is kept.
    pub fn bytes(&self) -> u64 {
        self.0.get().map_or(0, |words| words.bytes() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sketches_are_kept_within_the_room_of_their_partition() {
        let text = "How do I reset the password of my account?";
        let (mut room, sketches) = (Room::default(), [(); 64].map(|()| Sketch::default()));
        for _ in &sketches {
            room.grow(text.len());
        }
        for _ in 0..2 {
            for sketch in &sketches {
                assert_eq!(sketch.words(text, &room).all, Words::of(text).all);
            }
        }
        let kept = sketches.iter().filter(|sketch| sketch.bytes() > 0).count();
        assert!((4..32).contains(&kept), "{kept} of 64");
        assert!(room.taken.load(Ordering::Relaxed) <= room.given);
        for sketch in &sketches {
            room.shrink(text.len(), sketch);
        }
        assert_eq!((room.given, room.taken.into_inner()), (0, 0));
    }
}

//! What the nearest neighbours say together: a hit that none of them would give alone, or a doubt about one that would.
//!
//! # Invariant
//! Only an answer that several entries of the partition hold has a voice, so a cache whose answers are all different decides as if
//! this were not here.
//!
//! # Source
//! Agreement of the three nearest in the k-nearest-neighbour rule with a reject option (Hellman 1970). Count and cosine are those
//! under which the replay of `training/cache_replay.py` keeps wrong answers under one in a hundred lookups, with both encoders.

use std::collections::HashMap;

use ahash::RandomState;

/// Least cosine of a neighbour that is heard.
pub const NEAR: f32 = 0.77;
const VOICES: usize = 3;

/// How many entries of a partition hold each answer.
#[derive(Debug)]
pub struct Classes {
    holders: HashMap<u64, u32, RandomState>,
    shared: usize,
}

impl Classes {
    /// No answers; the hasher keys the table.
    pub fn new(hasher: RandomState) -> Self {
        Self { holders: HashMap::with_hasher(hasher), shared: 0 }
    }

    /// One more entry holds the answer.
    pub fn add(&mut self, class: u64) {
        let holders = self.holders.entry(class).or_default();
        *holders += 1;
        self.shared += usize::from(*holders == 2);
    }

    /// One entry less holds it.
    pub fn drop(&mut self, class: u64) {
        let Some(holders) = self.holders.get_mut(&class) else { return };
        *holders -= 1;
        self.shared -= usize::from(*holders == 1);
        if *holders == 0 {
            self.holders.remove(&class);
        }
    }

    /// Whether several entries hold some answer.
    pub fn any_shared(&self) -> bool {
        self.shared > 0
    }

    /// The class, if several entries hold it.
    pub fn shared(&self, class: Option<u64>) -> Option<u64> {
        class.filter(|class| self.holders.get(class).is_some_and(|holders| *holders > 1))
    }
}

/// One neighbour that no guard keeps apart from the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voice {
    /// The entry.
    pub owner: u64,
    /// Its cosine to the question.
    pub similarity: f32,
    /// Its answer, if others hold it too.
    pub class: Option<u64>,
}

/// The nearest such neighbours, nearest first.
#[derive(Debug, Default)]
pub struct Jury {
    voices: [Option<Voice>; VOICES],
}

impl Jury {
    /// Whether one more would change nothing.
    pub fn is_full(&self) -> bool {
        self.voices.iter().all(Option::is_some)
    }

    /// Hears one more.
    pub fn hear(&mut self, voice: Voice) {
        if let Some(free) = self.voices.iter_mut().find(|voice| voice.is_none()) {
            *free = Some(voice);
        }
    }

    /// The nearest voice, if all are there and hold one answer.
    pub fn agreed(&self) -> Option<Voice> {
        let first = self.voices[0].filter(|first| first.class.is_some())?;
        self.voices.iter().all(|voice| voice.is_some_and(|voice| voice.class == first.class)).then_some(first)
    }

    /// Whether some voice holds another answer than this.
    pub fn doubts(&self, class: Option<u64>) -> bool {
        self.voices.iter().flatten().any(|voice| voice.class.is_some() && voice.class != class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jury(classes: &[Option<u64>]) -> Jury {
        let mut jury = Jury::default();
        for (owner, class) in (0..).zip(classes) {
            jury.hear(Voice { owner, similarity: 0.8, class: *class });
        }
        jury
    }

    #[test]
    fn three_of_one_answer_agree_and_one_of_another_doubts() {
        let (one, other) = (Some(1), Some(2));
        for (classes, agreed, doubted) in [
            (&[one, one, one][..], true, false),
            (&[one, one, one, other], true, false),
            (&[one, one], false, false),
            (&[one, one, other], false, true),
            (&[one, None, one], false, false),
            (&[None, None, None], false, false),
            (&[], false, false),
        ] {
            let jury = jury(classes);
            assert_eq!((jury.agreed().is_some(), jury.doubts(one)), (agreed, doubted), "{classes:?}");
        }
        assert_eq!(jury(&[one; 3]).agreed().map(|voice| voice.owner), Some(0), "the nearest answers");
        assert!(jury(&[one]).doubts(None) && jury(&[one; 3]).is_full() && !jury(&[one; 2]).is_full());
    }

    #[test]
    fn an_answer_is_shared_while_two_hold_it() {
        let mut classes = Classes::new(RandomState::with_seeds(1, 2, 3, 4));
        for (adds, drops, any) in [(1, 0, false), (1, 0, true), (1, 0, true), (0, 1, true), (0, 1, false), (0, 2, false)] {
            (0..adds).for_each(|_| classes.add(7));
            (0..drops).for_each(|_| classes.drop(7));
            assert_eq!((classes.any_shared(), classes.shared(Some(7)).is_some()), (any, any));
        }
        assert!(classes.holders.is_empty() && classes.shared(None).is_none());
    }
}

//! Hashed grams: words and pairs of words, and runs of 3 and 4 characters inside words.

/// Buckets of words and pairs of words.
pub const WORD_BUCKETS: u32 = 1 << 18;
/// Buckets of character runs; their ids follow those of the words.
pub const CHAR_BUCKETS: u32 = 1 << 17;

/// Public constants of the hash: the fractional parts of the square roots of 2 and 3. Changing them is a new feature version.
const SEED: u64 = 0x6a09_e667_f3bc_c908;
const TWIST: u64 = 0xbb67_ae85_84ca_a73b;

/// Counts up to this one have their `1 + ln` in a table.
const TABLED: usize = 64;

/// How many words a text has, and how many of them differ.
pub struct Words {
    /// Words in the text.
    pub all: u32,
    /// Different words, case folded.
    pub distinct: u32,
}

/// Buffers that are used again from text to text.
pub struct Scratch {
    ids: Vec<u32>,
    words: Vec<u64>,
    logs: [f32; TABLED],
}

impl Default for Scratch {
    fn default() -> Self {
        Self { ids: Vec::with_capacity(1024), words: Vec::with_capacity(256), logs: std::array::from_fn(log_count) }
    }
}

impl Scratch {
    /// Reads one text and forgets the one before.
    pub fn read(&mut self, text: &str) -> Words {
        self.ids.clear();
        self.words.clear();
        let mut run = Run::default();
        for c in text.chars() {
            match folded(c) {
                Some(letter) => run.push(letter, &mut self.ids),
                None => run.end(&mut self.words),
            }
        }
        run.end(&mut self.words);
        let mut before = None;
        for word in &self.words {
            self.ids.push(word_bucket(*word));
            if let Some(before) = before.replace(*word) {
                self.ids.push(word_bucket(mix(before, *word)));
            }
        }
        self.ids.sort_unstable();
        let all = count(self.words.len());
        self.words.sort_unstable();
        self.words.dedup();
        Words { all, distinct: count(self.words.len()) }
    }

    /// The grams of the last text: bucket and `1 + ln(count)`, ascending by bucket.
    pub fn counted(&self) -> impl Iterator<Item = (i64, f32)> + '_ {
        self.ids.chunk_by(|a, b| a == b).map(|same| {
            let tf = self.logs.get(same.len()).copied().unwrap_or_else(|| log_count(same.len()));
            (i64::from(same[0]), tf)
        })
    }
}

/// The word being read: its hash and its last three letters.
#[derive(Default)]
struct Run {
    hash: u64,
    last: u64,
    letters: u32,
}

impl Run {
    fn push(&mut self, letter: u32, ids: &mut Vec<u32>) {
        let letter = u64::from(letter);
        self.hash = mix(self.hash ^ letter, TWIST);
        self.letters += 1;
        if self.letters >= 4 {
            ids.push(char_bucket(mix(self.last, letter | 4 << 32)));
        }
        // Three letters of 21 bits fill 63 bits; the oldest falls out.
        self.last = (self.last << 21 | letter) & ((1 << 63) - 1);
        if self.letters >= 3 {
            ids.push(char_bucket(mix(self.last, 3 << 32)));
        }
    }

    fn end(&mut self, words: &mut Vec<u64>) {
        if self.letters > 0 {
            words.push(self.hash);
            *self = Self::default();
        }
    }
}

/// A letter or digit in lower case, or None for what separates words.
fn folded(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric().then(|| u32::from(c.to_ascii_lowercase()));
    }
    // Only the first letter of a longer lower-case form: the grams stay one letter per letter.
    c.is_alphanumeric().then(|| c.to_lowercase().next().map_or(u32::from(c), u32::from))
}

/// The folded product of two words.
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ SEED) * u128::from(b ^ TWIST.rotate_left(32));
    #[allow(clippy::cast_possible_truncation)] // both halves are wanted
    let folded = (product >> 64) as u64 ^ product as u64;
    folded
}

/// The top 18 bits.
fn word_bucket(hash: u64) -> u32 {
    top(hash, 18)
}

/// The top 17 bits, after the buckets of the words.
fn char_bucket(hash: u64) -> u32 {
    WORD_BUCKETS + top(hash, 17)
}

fn top(hash: u64, bits: u32) -> u32 {
    // A last multiplication: the top bits of the folded product alone are less even.
    #[allow(clippy::cast_possible_truncation)] // at most 18 bits are left
    let bucket = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as u32;
    bucket
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// `1 + ln(count)`, and 0 for nothing.
fn log_count(count: usize) -> f32 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // counts are below 2^24
    let log = (1.0 + (count.max(1) as f64).ln()) as f32;
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grams_of_two_words() {
        let mut scratch = Scratch::default();
        let words = scratch.read("Hello, hello");
        assert_eq!((words.all, words.distinct), (2, 1));
        let grams: Vec<_> = scratch.counted().collect();
        // hello twice, the pair once; hel ell llo hell ello twice each.
        assert_eq!(grams.len(), 7);
        assert_eq!(grams.iter().filter(|(id, _)| *id < i64::from(WORD_BUCKETS)).count(), 2);
        assert_eq!(grams.iter().filter(|(_, tf)| *tf > 1.0).count(), 6);
    }

    #[test]
    fn one_edit_changes_at_most_seven_character_grams() {
        let ids = |text: &str| {
            let mut scratch = Scratch::default();
            scratch.read(text);
            scratch.counted().map(|(id, _)| id).filter(|id| *id >= i64::from(WORD_BUCKETS)).collect::<Vec<_>>()
        };
        let (right, wrong) = (ids("extraordinarily"), ids("extraordenarily"));
        assert!(right.iter().filter(|id| !wrong.contains(id)).count() <= 7);
    }

    #[test]
    fn the_hash_is_pinned() {
        let mut scratch = Scratch::default();
        scratch.read("tier");
        let ids: Vec<_> = scratch.counted().map(|(id, _)| id).collect();
        assert_eq!(ids, PINNED);
    }

    /// Shipped weights depend on these buckets.
    const PINNED: [i64; 4] = [98_325, 299_473, 330_494, 382_048];
}

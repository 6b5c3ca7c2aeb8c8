//! Byte strings in chains of 128-byte blocks.

use super::{Plan, Pool, Tx, Words};

/// Payload words of a block; the header word of its row makes it 128 bytes and links to the next.
const PAYLOAD: usize = 15;
const BLOCK_BYTES: usize = PAYLOAD * 8;

/// Byte strings of any length, known by their first block. The caller keeps the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blobs {
    pool: Pool,
}

impl Blobs {
    /// The next region of the plan as so many blocks of 120 bytes each.
    pub fn take(plan: &mut Plan, blocks: u32) -> Self {
        Self { pool: Pool::take(plan, blocks, PAYLOAD) }
    }

    /// How many blocks a string takes; an empty one takes one, so that every string has a name.
    pub fn blocks_for(bytes: usize) -> usize {
        bytes.div_ceil(BLOCK_BYTES).max(1)
    }

    /// How many blocks there are.
    pub fn capacity(&self) -> usize {
        self.pool.capacity() as usize
    }

    /// How many blocks are free.
    pub fn free_blocks(&self, words: Words<'_>) -> usize {
        (self.pool.capacity() - self.pool.len(words)) as usize
    }

    /// Keeps a string and gives its first block. `None`, and no change, when it does not fit; `None` too when the change has failed.
    pub fn put(&self, tx: &mut Tx<'_>, bytes: &[u8]) -> Option<u32> {
        if Self::blocks_for(bytes.len()) > self.free_blocks(tx.words()) {
            return None;
        }
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES));
        let head = self.block(tx, first)?;
        let mut last = head;
        for chunk in rest.chunks(BLOCK_BYTES) {
            let block = self.block(tx, chunk)?;
            self.pool.set_link(tx, last, Some(block));
            last = block;
        }
        tx.unless_failed(head)
    }

    /// The first `len` bytes of a string; fewer when the chain is shorter. A chain in a circle ends at the pool's size.
    pub fn get(&self, words: Words<'_>, head: u32, len: usize) -> Vec<u8> {
        let len = len.min((self.pool.capacity() as usize).saturating_mul(BLOCK_BYTES));
        let mut out = Vec::with_capacity(len.min(1_024).next_multiple_of(BLOCK_BYTES));
        let mut next = Some(head);
        while let Some(block) = next.filter(|block| out.len() < len && self.pool.is_live(words, *block)) {
            for word in 0..PAYLOAD {
                out.extend_from_slice(&words.load(self.pool.word_index(block, word)).to_le_bytes());
            }
            next = self.pool.link(words, block);
        }
        out.truncate(len);
        out
    }

    /// Gives the blocks of a string back; false when there is none at `head`.
    pub fn free(&self, tx: &mut Tx<'_>, head: u32) -> bool {
        let mut next = Some(head);
        let mut freed = false;
        while let Some(block) = next {
            next = self.pool.link(tx.words(), block);
            // A block that is no longer in use ends the walk, so a chain in a circle ends too.
            if !self.pool.free(tx, block) {
                break;
            }
            freed = true;
        }
        freed
    }

    fn block(&self, tx: &mut Tx<'_>, bytes: &[u8]) -> Option<u32> {
        let Some(block) = self.pool.alloc(tx) else {
            // Room was counted before: with none left now, the count is wrong, unless the change failed otherwise.
            tx.fail_damaged("the pool of blocks counts more free blocks than it has");
            return None;
        };
        for (word, chunk) in bytes.chunks(8).enumerate() {
            tx.store(self.pool.word_index(block, word), to_word(chunk));
        }
        Some(block)
    }
}

/// Up to eight bytes as a word, the first in the lowest place.
fn to_word(chunk: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(bytes)
}

//! The number of a (namespace, key), the same in every process and after every restart of one store.
//!
//! # Invariant
//! Keyed: who does not know the store's secret cannot choose two keys with one number. Whoever finds an entry by its number
//! still compares namespace and key.
//!
//! # Source
//! SipHash-1-3 (Aumasson and Bernstein 2012), written out because the hashes of the standard library and of ahash may change
//! from one version or processor to the next, and files keep these numbers.

/// Numbers under one pair of keys.
#[derive(Debug, Clone, Copy)]
pub struct Ident {
    keys: [u64; 2],
}

impl Ident {
    /// Numbers under these keys.
    pub fn new(keys: [u64; 2]) -> Self {
        Self { keys }
    }

    /// The number of a key in a namespace: 63 bits, so that it fits a signed column.
    pub fn of(&self, namespace: &[u8], key: &[u8]) -> u64 {
        let mut sip = Sip::new(self.keys);
        // The length parts the two: no text can imitate the boundary.
        sip.write(&(namespace.len() as u64).to_le_bytes());
        sip.write(namespace);
        sip.write(key);
        sip.finish() >> 1
    }
}

/// The running state: four words, and the bytes that do not fill a fifth yet.
struct Sip {
    v: [u64; 4],
    tail: u64,
    filled: usize,
    length: u64,
}

impl Sip {
    fn new([k0, k1]: [u64; 2]) -> Self {
        let v = [k0 ^ 0x736f_6d65_7073_6575, k1 ^ 0x646f_7261_6e64_6f6d, k0 ^ 0x6c79_6765_6e65_7261, k1 ^ 0x7465_6462_7974_6573];
        Self { v, tail: 0, filled: 0, length: 0 }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.push(u64::from_le_bytes(word), chunk.len());
        }
    }

    fn push(&mut self, word: u64, len: usize) {
        self.tail |= word << (8 * self.filled);
        let room = 8 - self.filled;
        if len < room {
            self.filled += len;
            return;
        }
        self.compress(self.tail);
        self.tail = word.checked_shr(8 * u32::try_from(room).unwrap_or(8)).unwrap_or(0);
        self.filled = len - room;
    }

    fn compress(&mut self, word: u64) {
        self.v[3] ^= word;
        self.round();
        self.v[0] ^= word;
    }

    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.v;
        a = a.wrapping_add(b);
        c = c.wrapping_add(d);
        b = b.rotate_left(13) ^ a;
        d = d.rotate_left(16) ^ c;
        a = a.rotate_left(32).wrapping_add(d);
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        d = d.rotate_left(21) ^ a;
        self.v = [a, b, c.rotate_left(32), d];
    }

    fn finish(mut self) -> u64 {
        self.compress(self.tail | (self.length & 0xff) << 56);
        self.v[2] ^= 0xff;
        for _ in 0..3 {
            self.round();
        }
        self.v.iter().fold(0, |all, word| all ^ word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{DefaultHasher, Hasher};

    #[test]
    fn every_length_in_any_pieces_is_siphash_1_3() {
        let bytes: Vec<u8> = (0..80).map(|at: u8| at.wrapping_mul(37)).collect();
        for len in 0..bytes.len() {
            let mut known = DefaultHasher::new(); // SipHash-1-3 under keys of zero, today
            known.write(&bytes[..len]);
            let known = known.finish();
            for cut in [0, len / 3, len / 2, len] {
                let mut ours = Sip::new([0, 0]);
                ours.write(&bytes[..cut]);
                ours.write(&bytes[cut..len]);
                assert_eq!(ours.finish(), known, "{len} bytes, cut at {cut}");
            }
        }
    }

    #[test]
    fn numbers_stay_and_boundaries_part() {
        let ident = Ident::new([1, 2]);
        assert_eq!(ident.of(b"acme", b"k"), 0x1282_6a5d_4561_b745, "files keep these numbers");
        assert_ne!(ident.of(b"ab", b"c"), ident.of(b"a", b"bc"));
        assert_ne!(ident.of(b"acme", b"k"), Ident::new([1, 3]).of(b"acme", b"k"));
    }
}

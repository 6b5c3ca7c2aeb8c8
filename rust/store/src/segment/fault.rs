//! What keeps the ledger from being written, as a text in the segment that every process reads.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tierkit_core::gate::Layout;
use tierkit_core::segment::Words;

use crate::error::StateError;

/// The fault of so many bytes; `None` of none. One that is being written meanwhile may show a part of the one before.
pub fn read(path: &Path, layout: &Layout, words: Words<'_>, bytes: u64) -> Option<StateError> {
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)?;
    let region = layout.fault();
    let words = (0..region.words).map(|word| words.load(region.at(word)).to_le_bytes());
    let text: Vec<u8> = words.flatten().take(bytes).collect();
    let text = String::from_utf8_lossy(&text);
    let mut parts = text.splitn(3, '\n');
    let mut part = |otherwise: &'static str| parts.next().filter(|part| !part.is_empty()).unwrap_or(otherwise).to_owned();
    let (name, seen) = (part("ledger.db"), part("the ledger cannot be written"));
    Some(StateError::new(&path.join(name), seen, &part("see what keeps the file from being written")))
}

/// Writes a fault's text, and gives its bytes.
pub fn write(path: &Path, layout: &Layout, words: &[AtomicU64], fault: &StateError) -> u64 {
    let name = fault.path.strip_prefix(path).unwrap_or(&fault.path).display();
    let text = format!("{name}\n{}\n{}", fault.seen, fault.fix);
    let region = layout.fault();
    let bytes = text.as_bytes().get(..text.len().min(region.words * 8)).unwrap_or_default();
    for (word, chunk) in bytes.chunks(8).enumerate() {
        let value = chunk.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        if let Some(cell) = words.get(region.at(word)) {
            cell.store(value, Ordering::Relaxed);
        }
    }
    bytes.len() as u64
}

//! The chain of hashes through the ledger: each entry's hash covers all that it says and the hash of the one before.

use crate::row::{Row, Scope};

/// The change of one account as an entry's hash sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// The scope as JSON.
    pub scope: &'a str,
    /// Start and end of the window (nanoseconds since 1970), change of posted and of pending (nano-USD).
    pub numbers: [i64; 4],
}

/// What the hash of an entry covers, whether it is about to be written or was read back.
#[derive(Debug)]
pub struct Link<'a> {
    /// Its place in the ledger.
    pub seq: i64,
    /// The reservation.
    pub id: &'a str,
    /// `reserve`, `post`, `void`, `expire` or `adjust`.
    pub kind: &'a str,
    /// When, amount, flags, saved and expiry, in the order of the columns' names in `schema`.
    pub numbers: [i64; 5],
    /// Labels and units as JSON.
    pub texts: [&'a str; 2],
    /// Usage as JSON.
    pub usage: Option<&'a str>,
    /// The adjustment's own id.
    pub adjustment: Option<&'a str>,
    /// The accounts that change, sorted: the file keeps them by rule and scope.
    pub parts: Vec<Part<'a>>,
}

impl<'a> Link<'a> {
    /// The link of an entry about to be written.
    pub fn of(seq: i64, row: &'a Row) -> Self {
        let entry = &row.entry;
        let part = |(change, scope): (&tierkit_core::ledger::Posting, &'a std::sync::Arc<Scope>)| Part {
            rule: &scope.rule,
            scope: &scope.key,
            numbers: [change.start_ns, change.end_ns, change.posted, change.pending],
        };
        let mut parts: Vec<Part<'a>> = entry.postings.iter().zip(&row.scopes).map(part).collect();
        parts.sort();
        Self {
            seq,
            id: entry.id.as_str(),
            kind: entry.kind.as_str(),
            numbers: [entry.at_ns, entry.nusd, i64::from(entry.flags.0), entry.saved_nusd, entry.expires_ns],
            texts: [&row.labels, &row.units],
            usage: row.usage.as_deref(),
            adjustment: entry.adjustment.as_ref().map(tierkit_core::ledger::ReservationId::as_str),
            parts,
        }
    }

    /// The hash, given that of the entry before; the first has an empty one before it.
    pub fn hash(&self, previous: &[u8]) -> [u8; 32] {
        // At once: handed over field by field, the hash would cost several times as much.
        let mut all = Vec::with_capacity(1_024);
        let mut field = |bytes: &[u8]| {
            all.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            all.extend_from_slice(bytes);
        };
        field(previous);
        field(&self.seq.to_le_bytes());
        field(self.id.as_bytes());
        field(self.kind.as_bytes());
        self.numbers.iter().for_each(|number| field(&number.to_le_bytes()));
        self.texts.iter().for_each(|text| field(text.as_bytes()));
        // No usage and an empty one are two things.
        field(&[u8::from(self.usage.is_some())]);
        field(self.usage.unwrap_or_default().as_bytes());
        for part in &self.parts {
            field(part.rule.as_bytes());
            field(part.scope.as_bytes());
            part.numbers.iter().for_each(|number| field(&number.to_le_bytes()));
        }
        // Nothing where there is none: the entries of the format before have the hashes that they had.
        if let Some(adjustment) = self.adjustment {
            field(adjustment.as_bytes());
        }
        *blake3::hash(&all).as_bytes()
    }
}

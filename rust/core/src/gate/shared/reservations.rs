//! Reservations as rows of the segment: what is looked at often in words, the rest as bytes.

use crate::error::Error;
use crate::gate::shared::SharedShelf;
use crate::gate::shared::due::Places;
use crate::gate::shelf::{REMEMBER_NS, Standing};
use crate::labels::Labels;
use crate::ledger::{Reservation, ReservationId, State, decode_reservation, encode_body, encode_reservation};
use crate::throttle::Units;

/// Words of a reservation: digests of id and body, state, posted money, its bytes, its owner, its place among the due, and the
/// money on hold.
pub const ROW: usize = 10;
const ID: usize = 0;
const BODY: usize = 2;
const STATE: usize = 4;
const POSTED: usize = 5;
const BYTES: usize = 6;
const OWNER: usize = 7;
const PLACE: usize = 8;
const HELD: usize = 9;

const LOW: u64 = u32::MAX as u64;

/// Ended reservations that one call forgets at most, so that no call takes long.
const FORGET: usize = 8;

impl SharedShelf<'_> {
    fn word(&self, row: u32, word: usize) -> u64 {
        self.words().load(self.layout.reservations.word_index(row, word))
    }

    fn set(&mut self, row: u32, word: usize, value: u64) {
        self.tx.store(self.layout.reservations.word_index(row, word), value);
    }

    fn places(&self) -> Places {
        Places { pool: self.layout.reservations, word: PLACE }
    }

    fn row(&self, id: &ReservationId) -> Option<u32> {
        self.layout.by_id.find(self.words(), self.id_digest(id))
    }

    /// The digest of an id; one call asks for that of its own id again and again.
    fn id_digest(&self, id: &ReservationId) -> [u64; 2] {
        let mut last = self.last_id.borrow_mut();
        match &*last {
            Some((known, digest)) if known == id => *digest,
            _ => last.insert((id.clone(), self.digest(id.as_str().as_bytes()))).1,
        }
    }

    pub(super) fn held_nusd(&self, id: &ReservationId) -> i64 {
        self.row(id).map_or(0, |row| self.word(row, HELD).cast_signed())
    }

    pub(super) fn standing_of(&self, id: &ReservationId, body: Option<(&Labels, &Units)>) -> Option<Standing> {
        let row = self.row(id)?;
        let state = match self.word(row, STATE) {
            0 => State::Open,
            1 => State::Posted(self.word(row, POSTED).cast_signed()),
            2 => State::Void,
            _ => State::Expired,
        };
        let same = |(labels, units)| self.digest(&encode_body(labels, units)) == [self.word(row, BODY), self.word(row, BODY + 1)];
        Some(Standing { state, same_body: body.is_some_and(same) })
    }

    pub(super) fn read(&self, row: u32) -> Option<Reservation> {
        let bytes = self.word(row, BYTES);
        let head = u32::try_from(bytes & LOW).ok()?;
        decode_reservation(&self.layout.blobs.get(self.words(), head, usize::try_from(bytes >> 32).ok()?))
    }

    pub(super) fn read_by_id(&self, id: &ReservationId) -> Option<Reservation> {
        self.read(self.row(id)?)
    }

    pub(super) fn keep(&mut self, reservation: &Reservation) {
        let row = self.row(&reservation.id).or_else(|| self.new_row(reservation));
        let Some(row) = row else {
            return self.tx.fail(Error::Full(format!(
                "all {} reservations of the segment are open; settle or cancel what has ended",
                self.layout.reservations.capacity()
            )));
        };
        let (state, posted) = match reservation.state {
            State::Open => (0, 0),
            State::Posted(nusd) => (1, nusd),
            State::Void => (2, 0),
            State::Expired => (3, 0),
        };
        self.set(row, STATE, state);
        self.set(row, POSTED, posted.cast_unsigned());
        self.write_bytes(row, &encode_reservation(reservation));
        let places = self.places();
        match reservation.state {
            State::Open => self.layout.due.set(&mut self.tx, places, row, reservation.expires_boot_ns),
            _ => self.layout.due.remove(&mut self.tx, places, row),
        }
    }

    fn write_bytes(&mut self, row: u32, bytes: &[u8]) {
        let old = self.word(row, BYTES);
        if old != 0 {
            self.layout.blobs.free(&mut self.tx, u32::try_from(old & LOW).unwrap_or(u32::MAX));
        }
        match self.layout.blobs.put(&mut self.tx, bytes) {
            Some(head) => self.set(row, BYTES, u64::from(head) | (bytes.len() as u64) << 32),
            None => self.tx.fail(Error::Full("the segment has no block left for labels and entries".to_owned())),
        }
    }

    fn new_row(&mut self, reservation: &Reservation) -> Option<u32> {
        if self.layout.reservations.len(self.words()) >= self.layout.reservations.capacity() {
            self.forget_oldest();
        }
        let row = self.layout.reservations.alloc(&mut self.tx)?;
        let id = self.id_digest(&reservation.id);
        if !self.layout.by_id.insert(&mut self.tx, id, row) {
            return None;
        }
        let body = self.digest(&encode_body(&reservation.labels, &reservation.units));
        let (owner, held) = (self.owner, reservation.nusd().cast_unsigned());
        let (named, rest) = ([(ID, id), (BODY, body)], [(BYTES, 0), (OWNER, owner), (PLACE, 0), (HELD, held)]);
        let digests = named.into_iter().flat_map(|(word, [high, low])| [(word, high), (word + 1, low)]);
        for (word, value) in digests.chain(rest) {
            self.set(row, word, value);
        }
        Some(row)
    }

    pub(super) fn first_due(&self, boot_ns: u64) -> Option<ReservationId> {
        let (at, row) = self.layout.due.first(self.words())?;
        if at > boot_ns { None } else { self.read(row).map(|due| due.id) }
    }

    pub(super) fn add_ended(&mut self, id: &ReservationId, boot_ns: u64) {
        let Some(row) = self.row(id) else { return };
        if self.layout.ended.free_slots(self.words()) == 0 {
            self.forget_oldest();
        }
        if self.layout.ended.push(&mut self.tx, &[u64::from(row), boot_ns]).is_none() {
            self.tx.fail(Error::Full("no room to remember an ended reservation".to_owned()));
        }
    }

    /// Forgets what ended long ago, and the oldest while half of the rows or blocks are taken.
    pub(super) fn forget_ended(&mut self, boot_ns: u64) {
        for _ in 0..FORGET {
            let Some(at) = self.oldest_ended().map(|(_, at)| at) else { return };
            let crowded = self.layout.ended.free_slots(self.words()) < self.layout.ended.capacity() / 2
                || self.layout.blobs.free_blocks(self.words()) < self.layout.blobs.capacity() / 2;
            if !crowded && at.saturating_add(REMEMBER_NS) > boot_ns {
                return;
            }
            self.forget_oldest();
        }
    }

    fn oldest_ended(&self) -> Option<(u32, u64)> {
        let mut record = self.layout.ended.get(self.words(), self.layout.ended.tail(self.words()))?;
        Some((u32::try_from(record.next()?).ok()?, record.next()?))
    }

    fn forget_oldest(&mut self) {
        let Some((row, _)) = self.oldest_ended() else { return };
        let next = self.layout.ended.tail(self.words()) + 1;
        self.layout.ended.advance(&mut self.tx, next);
        let id = [self.word(row, ID), self.word(row, ID + 1)];
        self.layout.by_id.remove(&mut self.tx, id);
        let head = u32::try_from(self.word(row, BYTES) & LOW).unwrap_or(u32::MAX);
        self.layout.blobs.free(&mut self.tx, head);
        self.layout.reservations.free(&mut self.tx, row);
    }

    /// Open reservations of an owner.
    pub(super) fn owned(&self, owner: u64) -> Vec<ReservationId> {
        let rows = self.layout.reservations.rows(self.words());
        let theirs = rows.filter(|row| self.word(*row, OWNER) == owner && self.word(*row, STATE) == 0);
        theirs.filter_map(|row| self.read(row)).map(|found| found.id).collect()
    }
}

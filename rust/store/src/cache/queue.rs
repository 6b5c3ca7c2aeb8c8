//! What waits for the disk. Nobody waits to enter: what does not fit is dropped and counted, since a lost row is only a miss.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::changes::PurgeMark;
use super::times::Kept;
use crate::error::StateError;

/// Puts that may wait.
const MOST: usize = 4_096;

/// A change of the file to be made.
#[derive(Debug)]
pub enum Change {
    /// Write an entry as it then is; with the bytes of its value.
    Put(u64, u64),
    /// Remove an entry that left memory, unless the file's is newer than a number.
    Drop(u64, i64),
    /// Remove a row that is no entry.
    Strike(i64),
    /// Remove an entry that was reported as wrong.
    Cut(u64),
    /// Count a good report.
    Praise(u64),
    /// Remove what fits a mark and was put before an instant.
    Purge(PurgeMark, Kept),
}

impl Change {
    fn bytes(&self) -> u64 {
        if let Self::Put(_, bytes) = self { *bytes } else { 0 }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    changes: VecDeque<Change>,
    bytes: u64,
    entered: u64,
    done: u64,
    hurry: bool,
    dropped: u64,
    faults: u64,
    fault: Option<StateError>,
}

/// Changes in order. Every call is made while forks are held up, so that a child finds the lock free.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    most_bytes: u64,
}

impl Queue {
    /// An empty one that holds so many bytes of values.
    pub fn new(most_bytes: u64) -> Self {
        Self { waiting: Mutex::default(), most_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a value of so many bytes can ever wait; if not, it is counted as dropped.
    pub fn could_hold(&self, bytes: u64) -> bool {
        let fits = bytes <= self.most_bytes;
        self.lock().dropped += u64::from(!fits);
        fits
    }

    /// Adds a put if there is room.
    pub fn put(&self, id: u64, bytes: u64) -> bool {
        let mut waiting = self.lock();
        let fits = waiting.changes.len() < MOST && waiting.bytes.saturating_add(bytes) <= self.most_bytes;
        if fits {
            waiting.bytes += bytes;
            waiting.entered += 1;
            waiting.changes.push_back(Change::Put(id, bytes));
        } else {
            waiting.dropped += 1;
        }
        fits
    }

    /// Adds what must not be lost; there is one of these for each entry or call at most.
    pub fn push(&self, changes: impl IntoIterator<Item = Change>) {
        let mut waiting = self.lock();
        for change in changes {
            waiting.entered += 1;
            waiting.changes.push_back(change);
        }
    }

    /// The next changes: at most so many, and so many bytes beyond the first.
    pub fn take(&self, most: usize, most_bytes: u64) -> Vec<Change> {
        let mut waiting = self.lock();
        let (mut taken, mut bytes) = (Vec::new(), 0_u64);
        while taken.len() < most && (taken.is_empty() || bytes < most_bytes) {
            let Some(change) = waiting.changes.pop_front() else { break };
            bytes = bytes.saturating_add(change.bytes());
            taken.push(change);
        }
        taken
    }

    /// Notes that taken changes are in the file.
    pub fn finish(&self, taken: &[Change]) {
        let mut waiting = self.lock();
        waiting.done += taken.len() as u64;
        waiting.bytes -= taken.iter().map(Change::bytes).sum::<u64>();
        waiting.fault = None;
        waiting.hurry &= !waiting.changes.is_empty();
    }

    /// Puts taken changes back in front, for another try.
    pub fn fail(&self, taken: Vec<Change>, fault: StateError) {
        let mut waiting = self.lock();
        for change in taken.into_iter().rev() {
            waiting.changes.push_front(change);
        }
        waiting.faults += 1;
        waiting.fault = Some(fault);
    }

    /// The number to wait for until all that waits now is in the file; whoever asks does not want to wait for a full group.
    pub fn hurry(&self) -> u64 {
        let mut waiting = self.lock();
        waiting.hurry = !waiting.changes.is_empty();
        waiting.entered
    }

    /// Whether so many changes are in the file.
    ///
    /// # Errors
    /// What kept the last group from the disk.
    pub fn reached(&self, entered: u64) -> Result<bool, StateError> {
        let waiting = self.lock();
        if waiting.done >= entered {
            return Ok(true);
        }
        waiting.fault.clone().map_or(Ok(false), Err)
    }

    /// How many wait, and whether somebody waits for them.
    pub fn len(&self) -> (usize, bool) {
        let waiting = self.lock();
        (waiting.changes.len(), waiting.hurry)
    }

    /// Puts dropped, and groups that failed.
    pub fn losses(&self) -> (u64, u64) {
        let waiting = self.lock();
        (waiting.dropped, waiting.faults)
    }

    /// Forgets everything: a parent writes it, or nobody can any more.
    pub fn start_over(&self) {
        let mut waiting = self.lock();
        waiting.changes.clear();
        waiting.bytes = 0;
        waiting.done = waiting.entered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(changes: &[Change]) -> Vec<u64> {
        let id = |change: &Change| if let Change::Put(id, _) = change { Some(*id) } else { None };
        changes.iter().filter_map(id).collect()
    }

    #[test]
    fn puts_are_bounded_in_number_and_bytes_and_order_stays() {
        let queue = Queue::new(100);
        assert!(queue.put(1, 60) && !queue.put(2, 60) && queue.put(3, 40) && !queue.put(4, 1));
        assert_eq!(queue.losses().0, 2);
        let taken = queue.take(10, 50);
        assert_eq!(ids(&taken), [1], "a group ends when its bytes are enough");
        queue.fail(taken, StateError::new(std::path::Path::new("x"), "full", "wait"));
        let upto = queue.hurry();
        assert!(queue.reached(upto).is_err());
        let taken = queue.take(10, 500);
        assert_eq!(ids(&taken), [1, 3]);
        queue.finish(&taken);
        assert_eq!((queue.reached(upto), queue.len()), (Ok(true), (0, false)));
        assert!((0..5_000).filter(|id| queue.put(*id, 0)).count() == MOST && !queue.put(9, 0));
        queue.start_over();
        assert!(queue.put(1, 100));
    }
}

//! The gate of all processes of a state directory.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tierkit_core::clock::{Clock, Now};
use tierkit_core::decision::Refusal;
use tierkit_core::error::Error;
use tierkit_core::gate::{Bound, Decide, Gate, SharedShelf};
use tierkit_core::route::Board;
use tierkit_core::rules::Rules;
use tierkit_core::segment::Tx;
use tierkit_core::throttle::Units;

use crate::clock::SystemClock;
use crate::directory::make_directory;
use crate::error::{StateError, StoreError};
use crate::segment::{Directory, Offer, Segment, Word, bell, fork, open};
use crate::writer::Writer;

/// A caller of `strict` looks this often whether the writer is still there.
const LOOK: Duration = Duration::from_millis(100);
/// A writer that lives and commits nothing for so many looks is stopped.
const LOOKS: u32 = 100;

/// This process's attachment; a forked child makes its own beside it.
#[derive(Debug)]
struct Attachment {
    // The order of the end: a child's own part before what it inherited, since closing the inherited handle drops its locks;
    // and the writer before the segment that it commits from.
    child: OnceLock<Result<Arc<Attachment>, StoreError>>,
    writer: Writer,
    segment: Arc<Segment>,
    path: PathBuf,
    /// Gates that are open on it; the last one that closes ends the writer and gives the directory free.
    users: AtomicUsize,
}

/// Attachments of this process, with their segments, which a writer that the disk keeps may hold for longer. Two Governors on
/// one directory share one, since record locks belong to the process.
static ATTACHED: Mutex<Vec<(Weak<Attachment>, Weak<Segment>)>> = Mutex::new(Vec::new());

/// What is said of a directory whose last writer has not come back from the disk.
fn late(path: &Path) -> StateError {
    let fix = "wait until the disk answers; entries are kept, and whoever opens the directory next writes them";
    StateError::new(path, "closed, and its writer still waits for the disk after 10 s", fix)
}

impl Attachment {
    /// Lets one gate go.
    fn let_go(&self) -> Result<(), StateError> {
        let _unforked = fork::hold();
        let _one_by_one = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget_user()
    }

    fn forget_user(&self) -> Result<(), StateError> {
        if self.users.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        if let Some(Ok(child)) = self.child.get() {
            child.forget_user()?;
        }
        if !self.segment.is_ours() {
            return Ok(());
        }
        self.leave()
    }

    /// Ends the writer, then gives the directory free.
    fn leave(&self) -> Result<(), StateError> {
        if !self.writer.end() {
            return Err(late(&self.path));
        }
        self.segment.leave();
        Ok(())
    }
}

fn attach(path: &Path, offer: &Offer) -> Result<Arc<Attachment>, StoreError> {
    make_directory(path).and_then(|()| path.canonicalize()).map_or_else(
        |error| Err(StateError::new(path, error, "give a directory that this user may write to").into()),
        |path| {
            let _unforked = fork::hold();
            let mut all = ATTACHED.lock().unwrap_or_else(PoisonError::into_inner);
            // A directory that was removed and made again is another one.
            let is_here = |known: &Segment| known.is_ours() && known.path == path && !known.has_left() && known.is_in_place();
            all.retain(|(_, known)| known.strong_count() > 0);
            let found = all.iter().find(|(_, known)| known.upgrade().is_some_and(|known| is_here(&known)));
            if let Some((known, _)) = found {
                let known = known.upgrade().ok_or_else(|| late(&path))?;
                if known.users.load(Ordering::Acquire) > 0 {
                    known.segment.agree(offer)?;
                    known.users.fetch_add(1, Ordering::AcqRel);
                    return Ok(known);
                }
                known.leave()?;
            }
            let segment = Arc::new(open(&path, offer)?);
            let writer = Writer::start(&segment)?;
            let (child, users) = (OnceLock::new(), AtomicUsize::new(1));
            let fresh = Arc::new(Attachment { child, writer, segment, path, users });
            all.push((Arc::downgrade(&fresh), Arc::downgrade(&fresh.segment)));
            Ok(fresh)
        },
    )
}

/// A gate whose state lies in the shared segment.
#[derive(Debug)]
pub struct SharedGate {
    root: Arc<Attachment>,
    offer: Offer,
    strict: bool,
}

impl SharedGate {
    /// Attaches to a directory.
    ///
    /// # Errors
    /// A directory or segment that cannot be used, or a policy that cannot be kept.
    pub fn open(path: &Path, offer: Offer, strict: bool) -> Result<Self, StoreError> {
        Ok(Self { root: attach(path, &offer)?, offer, strict })
    }

    /// Lets the directory go; the last gate of this process on it ends the writer, which writes what is left.
    ///
    /// # Errors
    /// A disk that keeps the writer for more than 10 s.
    pub fn close(&self) -> Result<(), StateError> {
        self.root.let_go()
    }

    /// The attachment of this process, made in a forked child at its first call.
    fn here(&self) -> Result<&Attachment, StateError> {
        let mut here = &*self.root;
        while !here.segment.is_ours() {
            match here.child.get_or_init(|| attach(&here.path, &self.offer)) {
                Ok(child) => here = child,
                Err(StoreError::State(error)) => return Err(error.clone()),
                Err(other) => return Err(StateError::new(&here.path, other, "open the Governor after the fork")),
            }
        }
        Ok(here)
    }

    /// The rules that this process saw last.
    pub fn rules(&self) -> Arc<Rules> {
        self.here().unwrap_or(&self.root).segment.rules()
    }

    /// Puts a policy in force in all processes of the directory, and gives its version.
    ///
    /// # Errors
    /// A policy that cannot be kept, or a segment that cannot be used; the old policy stays in force.
    pub fn reload(&self, offer: &Offer) -> Result<u64, StoreError> {
        let segment = &*self.here()?.segment;
        let version = segment.reload(offer)?;
        // Those who wait in other processes are judged anew.
        bell::ring(segment.word(Word::Freed), segment.word(Word::FreedSleepers));
        Ok(version)
    }

    /// The version of the rules in force; one word is read, no lock taken.
    ///
    /// # Errors
    /// As [`SharedGate::open`], in a forked child.
    pub fn version(&self) -> Result<u64, StateError> {
        let segment = &*self.here()?.segment;
        Ok(segment.layout.rules_version(segment.words()))
    }

    /// The policy in force.
    ///
    /// # Errors
    /// A segment that cannot be used.
    pub fn directory(&self) -> Result<Directory, StateError> {
        self.here()?.segment.directory()
    }

    /// Makes one call under the lock: it happens whole or not at all.
    ///
    /// # Errors
    /// A segment that is full, damaged or held by a stopped process; `Stale` when `version` is given and is not that of the
    /// rules in force.
    pub fn call<R>(&self, version: Option<u64>, call: impl FnOnce(&mut dyn Decide, Now) -> R) -> Result<R, StoreError> {
        self.change(version, |gate| call(gate, SystemClock.now()))
    }

    /// Takes refilling units; the shortest way, with one reading of one clock where all fits.
    ///
    /// # Errors
    /// As [`SharedGate::call`].
    pub fn take(&self, bound: &Bound, units: &Units) -> Result<Result<(), Refusal>, StoreError> {
        self.change(Some(bound.version()), |gate| {
            if gate.take_at_once(bound, units, SystemClock.boot_ns()) {
                return Ok(());
            }
            gate.take(bound, units, SystemClock.now())
        })
    }

    /// Makes a call that may make room, and lets the processes hear of it in which somebody waits for some.
    ///
    /// # Errors
    /// As [`SharedGate::call`].
    pub fn free<R>(&self, call: impl FnOnce(&mut dyn Decide, Now) -> R) -> Result<R, StoreError> {
        let answer = self.call(None, call)?;
        let segment = &*self.here()?.segment;
        bell::ring(segment.word(Word::Freed), segment.word(Word::FreedSleepers));
        Ok(answer)
    }

    /// How often any process made room; [`SharedGate::wait_freed`] waits for the next time.
    ///
    /// # Errors
    /// A directory that a forked child cannot attach to.
    pub fn freed(&self) -> Result<u64, StateError> {
        Ok(self.here()?.segment.word(Word::Freed).load(Ordering::Acquire))
    }

    /// Sleeps until a process makes room after `seen`, or the time is over.
    ///
    /// # Errors
    /// As [`SharedGate::freed`].
    pub fn wait_freed(&self, seen: u64, time: Duration) -> Result<u64, StateError> {
        let segment = &*self.here()?.segment;
        bell::wait(segment.word(Word::Freed), segment.word(Word::FreedSleepers), seen, time);
        self.freed()
    }

    fn change<R>(&self, version: Option<u64>, change: impl FnOnce(&mut Gate<SharedShelf<'_>>) -> R) -> Result<R, StoreError> {
        let here = self.here()?;
        let segment = &*here.segment;
        let before = segment.layout.waiting(segment.words()).end;
        let answer = {
            let mut turn = segment.turn()?;
            if version.is_some_and(|version| version != turn.known.version) {
                return Err(StoreError::Stale);
            }
            let rules = Arc::clone(&turn.known.directory.rules);
            let shelf = SharedShelf::begin(segment.words(), &segment.layout, segment.seed(), segment.me())
                .map_err(|error| broken(segment, error))?;
            let mut gate = Gate::resume(rules, shelf, std::mem::take(&mut turn.known.memo));
            let answer = change(&mut gate);
            let (shelf, memo) = gate.into_parts();
            turn.known.memo = memo;
            shelf.commit().map_err(|error| broken(segment, error))?;
            answer
        };
        // A strict caller of the elected process writes its entries itself.
        let is_writer = self.strict && here.writer.desk().is_elected();
        if !is_writer && segment.layout.waiting(segment.words()).end != before {
            bell::ring(segment.word(Word::Work), segment.word(Word::WorkSleepers));
        }
        Ok(answer)
    }

    /// Changes what routing remembers, under the same lock and undo log.
    ///
    /// # Errors
    /// As [`SharedGate::call`].
    pub fn steer<R>(&self, steer: impl FnOnce(&Board, &mut Tx<'_>, &[u8; 32]) -> R) -> Result<R, StoreError> {
        let segment = &*self.here()?.segment;
        let _turn = segment.turn()?;
        let mut tx = Tx::begin(segment.words(), segment.layout.log()).map_err(|error| broken(segment, error))?;
        let answer = steer(segment.layout.board(), &mut tx, &segment.seed());
        tx.commit().map_err(|error| broken(segment, error))?;
        Ok(answer)
    }

    /// Whether admissions can be made durable.
    ///
    /// # Errors
    /// The fault that keeps the ledger from being written, unless the policy admits then.
    pub fn check(&self, allow_on_fault: bool) -> Result<(), StateError> {
        let segment = &*self.here()?.segment;
        if segment.has_fault() {
            // Who admits all the same has nothing to wait for.
            return segment.fault().filter(|_| !allow_on_fault).map_or(Ok(()), Err);
        }
        if segment.layout.is_crowded(segment.words()) {
            // The disk is behind: a short wait slows the program to its pace, where a refusal would lose requests.
            let done = segment.word(Word::Done);
            bell::wait(done, segment.word(Word::DoneSleepers), done.load(Ordering::Acquire), LOOK);
        }
        Ok(())
    }

    /// What keeps the ledger from being written.
    pub fn fault(&self) -> Option<StateError> {
        self.here().ok()?.segment.fault()
    }

    /// Whether a call may wait for the disk.
    pub fn may_wait(&self) -> bool {
        let crowded = |here: &Attachment| here.segment.layout.is_crowded(here.segment.words());
        self.strict || self.here().is_ok_and(crowded)
    }

    /// With `strict`, waits until the ledger has everything so far.
    ///
    /// # Errors
    /// As [`SharedGate::flush`].
    pub fn wait_if_strict(&self) -> Result<(), StateError> {
        if self.strict { self.flush() } else { Ok(()) }
    }

    /// Waits until the ledger has everything that happened.
    ///
    /// # Errors
    /// The fault that keeps the ledger from being written.
    pub fn flush(&self) -> Result<(), StateError> {
        let here = self.here()?;
        let (segment, desk) = (&*here.segment, here.writer.desk());
        let target = segment.layout.waiting(segment.words()).end;
        let (done, sleepers) = (segment.word(Word::Done), segment.word(Word::DoneSleepers));
        let (mut looks, mut committed) = (0, 0);
        // Where nobody else writes, this thread does: nobody has to be woken, for the group or for its end.
        desk.commit_at_once();
        if segment.layout.waiting(segment.words()).start >= target {
            return Ok(());
        }
        // Counted from here on, so that a writer that is about to gather finds that somebody waits, and one that does hears it.
        let _counted = bell::Counted::new(sleepers);
        bell::ring(segment.word(Word::Hurry), segment.word(Word::HurrySleepers));
        while looks < LOOKS {
            let seen = done.load(Ordering::Acquire);
            let start = segment.layout.waiting(segment.words()).start;
            if start >= target {
                return Ok(());
            }
            if let Some(fault) = segment.fault() {
                return Err(fault);
            }
            if desk.commit_at_once() {
                continue;
            }
            looks = if start == committed { looks + 1 } else { 0 };
            committed = start;
            bell::wait(done, sleepers, seen, LOOK);
        }
        let fix = "let the process that writes it go on, or end it; another one then writes";
        Err(StateError::new(&segment.path, "the ledger was not written for 10 s", fix))
    }
}

fn broken(segment: &Segment, error: Error) -> StoreError {
    let fix = match &error {
        Error::Full(_) => "try again when requests have ended",
        _ => "stop all processes that use it; the next one rebuilds it from the ledger",
    };
    StateError::new(&segment.path, error, fix).into()
}

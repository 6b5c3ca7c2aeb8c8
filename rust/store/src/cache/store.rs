//! `Cache`: the store in memory, and the file beside it that other processes share and that a restart finds again.
//!
//! # Invariant
//! A lookup reads memory; only the value of a hit may come from the file, and its namespace, key and checksum are compared
//! once more. `put` writes no file: what is to be written waits for the keeper, and what does not fit is dropped. No fork
//! passes while a thread is inside, so a child finds every lock free and no open SQLite handle.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use tierkit_core::cache::entry::Put;
use tierkit_core::cache::semantic::{Bounds, Get, Hit, Mark, Store};
use tierkit_core::cache::unit::Unit;

use super::bell::Bell;
use super::changes::PurgeMark;
use super::file;
use super::format::{Wanted, connect};
use super::handle::Handle;
use super::keeper;
use super::queue::{Change, Queue};
use super::rows::Rows;
use super::times::Times;
use crate::error::{StateError, StoreError};
use crate::segment::fork::{self, Unforked};

/// Waits for the disk are looked at so often, and so many times.
const LOOK: Duration = Duration::from_micros(200);
const LOOKS: u32 = 50_000;

/// The file of a cache.
#[derive(Debug, Clone)]
pub struct Home {
    /// Where it is.
    pub path: PathBuf,
    /// The name of what makes the vectors; a file of another one is refused.
    pub encoder: String,
    /// What a clock of one's own shows; None: the machine's.
    pub own_now_ns: Option<i64>,
}

/// A found answer with its value.
#[derive(Debug, Clone)]
pub struct Found {
    /// The hit.
    pub hit: Hit,
    /// Its value.
    pub value: Arc<[u8]>,
}

/// What a lookup in memory comes to.
#[derive(Debug, Clone)]
pub enum Look {
    /// An answer.
    Found(Found),
    /// A hit whose value lies in the file: [`Cache::fetch`] reads it.
    Cold(Hit),
    /// Nothing.
    Miss,
    /// Somebody changes the store just now.
    Busy,
}

/// What callers and the keeper share.
#[derive(Debug)]
pub struct Inner {
    store: RwLock<Store>,
    /// Its clock.
    pub times: Times,
}

impl Inner {
    /// A panic elsewhere leaves counters off at worst, so the lock is taken over.
    pub fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// As `read`, to change it.
    pub fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file's side.
#[derive(Debug)]
pub struct Disk {
    /// Where it is.
    pub path: PathBuf,
    /// Wakes who follows.
    pub bell: Bell,
    /// Entries as rows.
    pub rows: Rows,
    /// The keeper's connection.
    pub writer: Handle,
    /// The connection for values of hits and for following.
    pub reader: Handle,
    /// What waits to be written.
    pub queue: Queue,
    /// The last change that memory knows.
    pub seen: AtomicI64,
    /// Rows that were no entries.
    pub damaged: AtomicU64,
    /// Set when the keeper is to end.
    pub stop: AtomicBool,
    /// Set when the file cannot be used by this process any more.
    pub off: AtomicBool,
    cold: AtomicU64,
    lost: AtomicU64,
}

/// Cached answers, in memory alone or beside a file.
#[derive(Debug)]
pub struct Cache {
    inner: Arc<Inner>,
    disk: Option<Arc<Disk>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    /// Forks when it was opened, and when this process began to use it.
    born: u64,
    forks: AtomicU64,
    secret: [u8; 32],
    notice: Option<String>,
}

impl Cache {
    /// A cache; with a home it holds what the file there holds. The secret counts unless the file has one.
    ///
    /// # Errors
    /// A bound of zero, or a file that cannot be used.
    pub fn open(bounds: Bounds, secret: [u8; 32], home: Option<&Home>) -> Result<Self, StoreError> {
        let times = Times::new(home.and_then(|home| home.own_now_ns));
        let Some(home) = home else {
            let store = Store::new(Bounds { memory_bytes: None, ..bounds }, seeds(&secret))?;
            return Ok(Self::new(Inner { store: RwLock::new(store), times }, None, secret, None));
        };
        let wanted = Wanted { dim: bounds.dim, encoder: home.encoder.clone(), secret, created_ns: times.now().1 };
        let memory_bytes = bounds.memory_bytes.unwrap_or(bounds.capacity_bytes);
        Store::new(bounds, [0; 4])?; // bounds are judged before a file is made
        let file = file::open(&home.path, &wanted, &times)?;
        let store = Store::new(Bounds { memory_bytes: Some(memory_bytes), ..bounds }, seeds(&file.secret))?;
        let disk = Disk {
            rows: Rows::new(file.secret, bounds.dim),
            path: file.path,
            bell: file.bell,
            writer: Handle::new(connect),
            reader: Handle::new(connect),
            queue: Queue::new(memory_bytes),
            seen: AtomicI64::new(0),
            damaged: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            off: AtomicBool::new(false),
            cold: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        };
        let inner = Inner { store: RwLock::new(store), times };
        keeper::look(&inner, &disk).map_err(|fault| fault.as_state(&disk.path))?;
        // Until there is something to write or read, its file handles are free for the ledger.
        disk.reader.close();
        let cache = Self::new(inner, Some(Arc::new(disk)), file.secret, file.notice);
        *cache.keeper() = cache.disk.as_ref().map(|disk| keeper::start(&cache.inner, disk)).transpose()?;
        Ok(cache)
    }

    fn new(inner: Inner, disk: Option<Arc<Disk>>, secret: [u8; 32], notice: Option<String>) -> Self {
        let (inner, keeper, born) = (Arc::new(inner), Mutex::new(None), fork::forks());
        Self { inner, disk, keeper, born, forks: AtomicU64::new(born), secret, notice }
    }

    fn keeper(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secret that keys its digests; whoever makes keys for this cache makes them with it.
    pub fn secret(&self) -> [u8; 32] {
        self.secret
    }

    /// A sentence about a damaged file that was moved aside when this one was opened.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Keeps forks away, and begins anew in a child.
    fn enter(&self) -> Unforked {
        let unforked = fork::hold();
        if self.forks.load(Ordering::Acquire) != fork::forks() {
            self.revive();
        }
        unforked
    }

    /// A child has its parent's memory and not its keeper. What the parent has not written yet is the parent's.
    #[cold]
    fn revive(&self) {
        let mut keeper = self.keeper();
        if self.forks.load(Ordering::Acquire) == fork::forks() {
            return;
        }
        std::mem::forget(keeper.take());
        if let Some(disk) = &self.disk {
            let passed_on = [&disk.writer, &disk.reader].map(Handle::was_passed_on).contains(&true);
            let mut store = self.inner.write();
            store.forget_unwritten();
            drop((store.take_gone(), store.take_tallies()));
            drop(store);
            disk.queue.start_over();
            if passed_on {
                disk.off.store(true, Ordering::Release);
            } else {
                *keeper = keeper::start(&self.inner, disk).ok();
            }
        }
        self.forks.store(fork::forks(), Ordering::Release);
    }

    /// Keeps an answer; see [`Store::put`]. None also when the disk is so far behind that there is no room to wait.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put(&self, new: &Put<'_>, unit: Option<&Unit>, now_ns: i64) -> Result<Option<u64>, StoreError> {
        let _unforked = self.enter();
        self.inner.times.see(now_ns);
        if self.disk.as_ref().is_some_and(|disk| !disk.queue.could_hold(new.value.len() as u64)) {
            return Ok(None);
        }
        let mut store = self.inner.write();
        let id = store.put(new, unit, now_ns)?;
        let (Some(disk), Some(kept)) = (&self.disk, id) else { return Ok(id) };
        let gone = store.take_gone();
        let waits = !disk.off.load(Ordering::Relaxed) && disk.queue.put(kept, new.value.len() as u64);
        if !waits {
            store.discard(kept);
        }
        drop(store);
        let upto = disk.seen.load(Ordering::Acquire);
        disk.queue.push(gone.into_iter().map(|id| Change::Drop(id, upto)));
        disk.bell.ring();
        Ok(id.filter(|_| waits))
    }

    /// The answer, or None; see [`Store::get`].
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn get(&self, ask: &Get<'_>, now_ns: i64) -> Result<Option<Found>, StoreError> {
        let _unforked = self.enter();
        let look = self.looked(&self.inner.read(), ask, now_ns)?;
        Ok(match look {
            Look::Found(found) => Some(found),
            Look::Cold(hit) => self.fetch(hit, now_ns),
            Look::Miss | Look::Busy => None,
        })
    }

    /// The same without waiting for anybody and without the file, for callers who hold what others wait for.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn get_at_once(&self, ask: &Get<'_>, now_ns: i64) -> Result<Look, StoreError> {
        let _unforked = self.enter();
        self.inner.store.try_read().map_or(Ok(Look::Busy), |store| self.looked(&store, ask, now_ns))
    }

    fn looked(&self, store: &Store, ask: &Get<'_>, now_ns: i64) -> Result<Look, StoreError> {
        self.inner.times.see(now_ns);
        let Some(mut hit) = store.get(ask, now_ns)? else { return Ok(Look::Miss) };
        Ok(match hit.value.take() {
            Some(value) => Look::Found(Found { hit, value }),
            None => Look::Cold(hit),
        })
    }

    /// Reads the value of a hit from the file, and compares everything once more.
    pub fn fetch(&self, hit: Hit, now_ns: i64) -> Option<Found> {
        let _unforked = self.enter();
        let disk = self.disk.as_ref()?;
        let known = self.inner.read().record(hit.id)?;
        if let Some(value) = known.value {
            return Some(Found { hit, value });
        }
        disk.cold.fetch_add(1, Ordering::Relaxed);
        let whole = if disk.off.load(Ordering::Relaxed) {
            None
        } else {
            disk.reader.with(&disk.path, |connection| disk.rows.whole(connection, known.seq, &self.inner.times)).ok().flatten()
        };
        let same = |namespace: &[u8], key: &[u8]| *namespace == *known.namespace && *key == *known.key;
        let found =
            whole.filter(|record| record.id == hit.id && same(&record.namespace, &record.key) && now_ns < record.expires_ns);
        let Some(value) = found.and_then(|record| record.value) else {
            disk.lost.fetch_add(1, Ordering::Relaxed);
            self.inner.write().forget(hit.id, known.seq.saturating_add(1));
            return None;
        };
        self.inner.write().warm(hit.id, known.seq, &value);
        Some(Found { hit, value })
    }

    /// Notes whether a hit was right; see [`Store::report`]. A bad report returns when the file has it.
    ///
    /// # Errors
    /// A file that cannot be written; this process knows of the report all the same.
    pub fn report(&self, id: u64, ok: bool) -> Result<bool, StoreError> {
        let held = {
            let _unforked = self.enter();
            let held = self.inner.write().report(id, ok);
            if let Some(disk) = &self.disk {
                disk.queue.push([if ok { Change::Praise(id) } else { Change::Cut(id) }]);
                disk.bell.ring();
            }
            held
        };
        if !ok {
            self.flush()?;
        }
        Ok(held)
    }

    /// Drops what a mark fits, here and in every process of the file; returns when the file has it.
    ///
    /// # Errors
    /// As [`Store::purge`], or a file that cannot be written; this process has dropped the entries all the same.
    pub fn purge(&self, mark: &Mark<'_>, now_ns: i64) -> Result<usize, StoreError> {
        let gone = {
            let _unforked = self.enter();
            self.inner.times.see(now_ns);
            let gone = self.inner.write().purge(mark)?;
            if let Some(disk) = &self.disk {
                let before_ns = mark.put_before_ns.unwrap_or(now_ns.saturating_add(1));
                let owned = PurgeMark {
                    namespace: mark.namespace.map(<[u8]>::to_vec),
                    owner: mark.owner.map(str::to_owned),
                    tag: mark.tag.map(str::to_owned),
                };
                disk.queue.push([Change::Purge(owned, self.inner.times.keep(before_ns))]);
                disk.bell.ring();
            }
            gone
        };
        self.flush()?;
        Ok(gone)
    }

    /// Waits until the file has everything that was put and told so far; does nothing without a file.
    ///
    /// # Errors
    /// What keeps the file from being written.
    pub fn flush(&self) -> Result<(), StateError> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let upto = {
            let _unforked = self.enter();
            disk.queue.hurry()
        };
        disk.bell.ring();
        for _ in 0..LOOKS {
            let reached = {
                let _unforked = fork::hold();
                disk.queue.reached(upto)?
            };
            if reached {
                return Ok(());
            }
            if disk.off.load(Ordering::Acquire) {
                let fix = "open the cache again";
                return Err(StateError::new(&disk.path, "this process does not use the file any more", fix));
            }
            std::thread::sleep(LOOK);
        }
        Err(StateError::new(&disk.path, "not written for 10 s", "look for a process that holds it locked"))
    }

    /// Counts by name, for people.
    pub fn stats(&self) -> Vec<(&'static str, u64)> {
        let _unforked = self.enter();
        let mut stats = self.inner.read().stats();
        if let Some(disk) = &self.disk {
            let (dropped, faults) = disk.queue.losses();
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            stats.extend([
                ("waiting", disk.queue.len().0 as u64),
                ("dropped", dropped),
                ("faults", faults),
                ("damaged", read(&disk.damaged)),
                ("cold_hits", read(&disk.cold)),
                ("lost", read(&disk.lost)),
            ]);
        }
        stats
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        let _unforked = self.enter();
        self.inner.read().len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes what waits and lets the file go; memory answers on.
    pub fn close(&self) {
        let Some(disk) = &self.disk else { return };
        let unforked = self.enter();
        let keeper = self.keeper().take();
        drop(unforked);
        disk.stop.store(true, Ordering::Release);
        disk.bell.ring();
        if let Some(keeper) = keeper {
            let _ = keeper.join();
        }
        disk.off.store(true, Ordering::Release);
        if self.born == fork::forks() {
            // A child shares the lock with its parent, who still uses the file.
            disk.bell.leave();
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let unforked = fork::hold();
        if self.forks.load(Ordering::Acquire) != fork::forks() {
            // A child that never used it: the keeper and the connections are the parent's.
            std::mem::forget(self.keeper().take());
            let handles = self.disk.iter().flat_map(|disk| [&disk.writer, &disk.reader]);
            handles.for_each(|handle| _ = handle.was_passed_on());
            return;
        }
        drop(unforked);
        self.close();
    }
}

fn seeds(secret: &[u8; 32]) -> [u64; 4] {
    let mut seeds = [0; 4];
    for (seed, bytes) in seeds.iter_mut().zip(secret.as_chunks::<8>().0) {
        *seed = u64::from_le_bytes(*bytes);
    }
    seeds
}

//! A thread that is told to end by whoever started it, and is waited for so long and no longer.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::segment::fork;

/// How long the end of a thread is waited for: a disk that does not answer must not keep its program from ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// The handle of a thread.
#[derive(Debug)]
pub struct Worker {
    /// Whoever ends it holds the lock meanwhile. Nothing is ever sent: the channel closes with the thread.
    thread: Mutex<Option<(JoinHandle<()>, Receiver<()>)>>,
    /// Forks before it began: a child does not have it.
    forks: u64,
}

impl Worker {
    /// Starts a thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (alive, ended) = channel();
        let run = move || {
            work();
            drop(alive);
        };
        let thread = Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { thread: Mutex::new(Some((thread, ended))), forks: fork::forks() })
    }

    /// Waits for the end of a thread that was told; false when it still works after 10 s.
    pub fn has_ended(&self) -> bool {
        if self.forks != fork::forks() {
            return true;
        }
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, ended)) = &*thread else { return true };
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            return false;
        }
        if let Some((thread, _)) = thread.take() {
            let _ = thread.join();
        }
        true
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // What would let go of a thread must not be called where there is none.
        if self.forks != fork::forks() {
            std::mem::forget(self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_end_is_seen_once_and_remembered() {
        let (told, heard) = channel::<()>();
        let Ok(worker) = Worker::start("tierkit-test", move || assert!(heard.recv().is_err())) else { unreachable!("no thread") };
        drop(told);
        assert!(worker.has_ended() && worker.has_ended());
    }
}

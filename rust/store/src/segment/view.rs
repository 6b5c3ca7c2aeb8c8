//! A look at the segment from outside: mapped for reading, no number taken, no lock held, no policy needed.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::fs::OFlags;
use tierkit_core::gate::{Layout, Sizes, Stock};
use tierkit_core::labels::Key;
use tierkit_core::segment::{Lock, Memory};

use crate::crowd::Crowd;
use crate::error::StateError;
use crate::segment::map::Map;
use crate::segment::{Directory, Word, fault, header};

/// Looks at one scope before the reader gives up; most succeed at once.
const LOOKS: u32 = 20_000;
/// Looks without a pause.
const SPINS: u32 = 1_000;

/// A segment seen from outside.
#[derive(Debug)]
pub struct View {
    path: PathBuf,
    layout: Layout,
    map: Map,
    /// Its rules.
    pub directory: Directory,
}

impl View {
    /// The segment of a directory; `None` when there is none of this boot and version.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn open(directory: &Path) -> Result<Option<Self>, StateError> {
        let path = directory.join("segment");
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits()).unwrap_or(0);
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::new(&path, error, "run this as the user of the governor")),
        };
        let layout = Layout::new(&Sizes::default());
        let whole = file.metadata().is_ok_and(|found| found.is_file() && found.len() == layout.words() as u64 * 8);
        if !whole {
            return Ok(None);
        }
        let map = Map::read_only(&file, layout.words());
        let map = map.map_err(|error| StateError::new(&path, error, "use a local file system"))?;
        if !header::fits(&map, &layout) {
            return Ok(None);
        }
        let mut view = Self { path, layout, map, directory: Directory::default() };
        let directory = view.steady(|| Directory::read(view.map.view(), &view.layout))?;
        Ok(directory.map(|directory| {
            view.directory = directory;
            view
        }))
    }

    /// The last entry that its processes saw committed, and the first bytes of its hash.
    ///
    /// # Errors
    /// As [`View::scopes`].
    pub fn committed(&self) -> Result<(i64, u64), StateError> {
        let words = self.map.view();
        self.steady(|| {
            let base = self.word(Word::Base).cast_signed();
            (base.saturating_add_unsigned(self.layout.waiting(words).start), self.word(Word::Head))
        })
    }

    /// How full the table is.
    pub fn crowd(&self) -> Crowd {
        let (kept, refused) = self.layout.crowd(self.map.view());
        let folder = self.path.parent().unwrap_or(&self.path);
        let fault = fault::read(folder, &self.layout, self.map.view(), self.word(Word::Fault));
        let unwritten = self.layout.unwritten(self.map.view());
        Crowd { kept, slots: self.layout.slots(), refused, unwritten, fault: fault.map(|fault| fault.to_string()) }
    }

    /// Every scope, each as it is between two calls.
    ///
    /// # Errors
    /// A lock that is never free: its holder is stopped, or died and nobody came since.
    pub fn scopes(&self) -> Result<Vec<(u16, Key, Stock)>, StateError> {
        let mut found = Vec::new();
        for slot in 0..self.layout.slots() {
            found.extend(self.steady(|| self.layout.scope(self.map.view(), slot))?);
        }
        Ok(found)
    }

    /// Reads until no call went on meanwhile.
    fn steady<R>(&self, read: impl Fn() -> R) -> Result<R, StateError> {
        let at = |word: Word| self.layout.header(word as usize);
        let lock = Lock { holder: at(Word::Lock), turns: at(Word::Turns), log: self.layout.log() };
        for look in 0..LOOKS {
            if let Some(seen) = lock.glance(self.map.view(), &read) {
                return Ok(seen);
            }
            if look > SPINS {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
        let fix = "let the process that holds it go on, or start one that undoes what a dead one began";
        Err(StateError::new(&self.path, "its lock is not free", fix))
    }

    fn word(&self, word: Word) -> u64 {
        self.map.words().get(self.layout.header(word as usize)).map_or(0, |word| word.load(Ordering::Acquire))
    }
}

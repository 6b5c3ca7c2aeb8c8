//! SQLite on a [`Disk`]: the production code opens `file:/<number>/ledger.db?vfs=tierkit-test` and knows of nothing.

#![allow(unsafe_code, reason = "SQLite calls its file system through C functions")]

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

use rusqlite::ffi;

use super::disk::{Disk, Done, Failure};

const NAME: &CStr = c"tierkit-test";
const LONGEST_PATH: c_int = 256;
/// As SQLite's own file system for Unix says of a disk.
const SECTOR: c_int = 4_096;

static DISKS: Mutex<Option<HashMap<u64, Arc<Disk>>>> = Mutex::new(None);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A disk that SQLite can open, until it is dropped.
pub struct Mounted {
    number: u64,
    /// The disk.
    pub disk: Arc<Disk>,
}

impl Mounted {
    /// Makes a disk known to SQLite.
    pub fn new(disk: Disk) -> Self {
        register();
        let (number, disk) = (NEXT.fetch_add(1, Ordering::Relaxed), Arc::new(disk));
        let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        disks.get_or_insert_default().insert(number, Arc::clone(&disk));
        Self { number, disk }
    }

    /// What to open the ledger by.
    pub fn ledger(&self) -> PathBuf {
        format!("file:/{}/ledger.db?vfs={}", self.number, NAME.to_string_lossy()).into()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        disks.get_or_insert_default().remove(&self.number);
    }
}

/// A file that is open.
struct Open {
    disk: Arc<Disk>,
    name: String,
    regions: Vec<Box<[u64]>>,
}

#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector),
    xDeviceCharacteristics: Some(device),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default file system exists as long as the process; a copy of its plain struct is made ours and leaked.
        unsafe {
            let mut vfs = *ffi::sqlite3_vfs_find(std::ptr::null());
            vfs.szOsFile = c_int::try_from(size_of::<Handle>()).unwrap_or(c_int::MAX);
            vfs.mxPathname = LONGEST_PATH;
            (vfs.pNext, vfs.zName) = (std::ptr::null_mut(), NAME.as_ptr());
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            vfs.xAccess = Some(access);
            vfs.xFullPathname = Some(full_path);
            ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0);
        }
    });
}

/// The disk and the name within it of `/<number>/<name>`.
fn find(path: *const c_char) -> Option<(Arc<Disk>, String)> {
    // SAFETY: SQLite gives a text that ends with 0.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    let (number, name) = path.strip_prefix('/')?.split_once('/')?;
    let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    Some((Arc::clone(disks.as_ref()?.get(&number.parse().ok()?)?), name.to_owned()))
}

/// What SQLite is told of a call.
fn told(done: Done, failed: c_int) -> c_int {
    match done {
        Ok(()) => ffi::SQLITE_OK,
        Err(Failure::Short) => ffi::SQLITE_FULL,
        Err(Failure::Error | Failure::Dead) => failed,
    }
}

fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: SQLite gives what `open` filled, on one thread at a time, until `close`.
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for a `Handle` and, or not, for the flags.
    unsafe { (*file).pMethods = std::ptr::null() };
    let Some((disk, name)) = find(path) else { return ffi::SQLITE_CANTOPEN };
    if !disk.open(&name, flags & ffi::SQLITE_OPEN_CREATE != 0) {
        return ffi::SQLITE_CANTOPEN;
    }
    let open = Box::into_raw(Box::new(Open { disk, name, regions: Vec::new() }));
    // SAFETY: as above.
    unsafe {
        file.cast::<Handle>().write(Handle { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, open });
        if !out.is_null() {
            *out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` made the box, and SQLite closes a file once.
    drop(unsafe { Box::from_raw((*file.cast::<Handle>()).open) });
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, path: *const c_char, synced: c_int) -> c_int {
    let Some((disk, name)) = find(path) else { return ffi::SQLITE_IOERR_DELETE };
    told(disk.delete(&name, synced != 0), ffi::SQLITE_IOERR_DELETE)
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, path: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    let found = find(path).is_some_and(|(disk, name)| disk.has(&name));
    // SAFETY: SQLite gives room for the answer.
    unsafe { *out = c_int::from(found) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path(_: *mut ffi::sqlite3_vfs, path: *const c_char, size: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite gives a text that ends with 0 and room of `size` bytes.
    unsafe {
        let bytes = CStr::from_ptr(path).to_bytes_with_nul();
        if bytes.len() > usize::try_from(size).unwrap_or(0) {
            return ffi::SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, size: c_int, at: i64) -> c_int {
    let (open, size) = (opened(file), usize::try_from(size).unwrap_or(0));
    let mut bytes = open.disk.read(&open.name, usize::try_from(at).unwrap_or(0), size);
    let short = bytes.len() < size;
    bytes.resize(size, 0);
    // SAFETY: SQLite gives room for `size` bytes.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.cast(), size) };
    if short { ffi::SQLITE_IOERR_SHORT_READ } else { ffi::SQLITE_OK }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, size: c_int, at: i64) -> c_int {
    let open = opened(file);
    // SAFETY: SQLite gives `size` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(size).unwrap_or(0)) };
    told(open.disk.write(&open.name, usize::try_from(at).unwrap_or(0), bytes), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let open = opened(file);
    told(open.disk.truncate(&open.name, usize::try_from(size).unwrap_or(0)), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    let open = opened(file);
    told(open.disk.sync(&open.name), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    let open = opened(file);
    // SAFETY: SQLite gives room for the answer.
    unsafe { *out = i64::try_from(open.disk.size(&open.name)).unwrap_or(i64::MAX) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn is_reserved(_: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives room for the answer. A disk has one connection, so nobody else reserves.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR
}

unsafe extern "C" fn device(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let (open, page) = (opened(file), usize::try_from(page).unwrap_or(0));
    while extend != 0 && open.regions.len() <= page {
        open.regions.push(vec![0; usize::try_from(size).unwrap_or(0) / 8].into());
    }
    let region = open.regions.get_mut(page).map_or(std::ptr::null_mut(), |region| region.as_mut_ptr().cast());
    // SAFETY: SQLite gives room for the answer; a boxed region stays where it is.
    unsafe { *out = region };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(_: *mut ffi::sqlite3_file, _: c_int, _: c_int, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    opened(file).regions.clear();
    ffi::SQLITE_OK
}

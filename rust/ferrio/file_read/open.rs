// SPDX-License-Identifier: GPL-2.0

//! From where a file is to the right to read it.

use super::{LoadError, Stage};
use crate::{digest::Verity, sys, task};
use core::{cell::Cell, ptr::NonNull};
use kernel::{
    bindings,
    error::{from_err_ptr, to_result},
    fs::LocalFile,
    prelude::*,
    sync::aref::ARef,
    time::{Instant, Monotonic},
};

/// Where a file is: the four entry points of `kernel_read_file.h`.
#[derive(Clone, Copy)]
pub enum Source<'p> {
    /// An open file.
    File(&'p LocalFile),
    /// A descriptor of the caller.
    Fd(u32),
    /// A path as the caller sees it: from its root, or its working directory.
    ///
    /// A kernel thread (a work item, a KUnit case) sees an empty file system since Linux 7.0: what
    /// runs there, or may, takes [`InitPath`](Source::InitPath).
    CallerPath(&'p CStr),
    /// An absolute path as PID 1 sees it, whatever root and mounts the caller has. The credentials
    /// are the caller's.
    InitPath(&'p CStr),
}

/// Nanoseconds since `start`.
pub(super) fn since(start: Instant<Monotonic>) -> u64 {
    // The clock does not go back.
    start.elapsed().as_nanos() as u64
}

/// A regular file that is open for reading.
///
/// # Invariants
///
/// It is one: both were looked at, and neither changes.
pub struct Opened<'p> {
    file: ARef<LocalFile>,
    path: Option<&'p CStr>,
    started: Instant<Monotonic>,
}

impl<'p> Opened<'p> {
    /// Opens the file, or looks at an open one.
    ///
    /// Wraps, for paths, `kern_path()` and `dentry_open()`, with what `filp_open()` has besides:
    /// the permission check in between, the hook behind, and a second walk if a network file
    /// system asks for it. Symbolic links are followed; in an [`InitPath`](Source::InitPath)
    /// those of `/proc` that lead to what another task has open, or sees, are not. `->open()` runs
    /// for regular files only. Waits for a lease to be broken, and for what the file system does.
    ///
    /// # Errors
    ///
    /// In [`Stage::Open`]:
    ///
    /// - `EBADF`: no such descriptor, or one of `O_PATH`; a file that is not open for reading.
    /// - `EINVAL`: an empty path; an [`InitPath`](Source::InitPath) that is not absolute; a file
    ///   that is open with `O_DIRECT`.
    /// - `EOPNOTSUPP`: a [`CallerPath`](Source::CallerPath) in a kernel thread.
    /// - `ENOENT`, `EACCES`, `ELOOP`, `ENAMETOOLONG` and what else an open may give.
    ///
    /// In [`Stage::Type`]: `EFTYPE`.
    pub fn new(source: Source<'p>) -> Result<Self, LoadError<'p>> {
        let started = Instant::<Monotonic>::now();
        let path = match source {
            Source::CallerPath(path) | Source::InitPath(path) => Some(path),
            Source::File(_) | Source::Fd(_) => None,
        };
        Self::open(source)
            .map(|file| Opened {
                // INVARIANT: See `open`.
                file,
                path,
                started,
            })
            .map_err(|(stage, errno)| LoadError {
                path,
                ..LoadError::new(stage, errno)
            })
    }

    /// A regular file that is open for reading.
    fn open(source: Source<'p>) -> Result<ARef<LocalFile>, (Stage, Error)> {
        let open = |errno| (Stage::Open, errno);
        let file = match source {
            Source::File(file) => file.into(),
            Source::Fd(_) if !task::has_files() => return Err(open(EBADF)),
            Source::Fd(fd) => LocalFile::fget(fd).map_err(|err| open(err.into()))?,
            Source::CallerPath(_) if task::is_kernel_thread() => return Err(open(EOPNOTSUPP)),
            Source::CallerPath(path) => Self::open_path(path, false)?,
            Source::InitPath(path) if !path.is_empty() && path.to_bytes()[0] != b'/' => {
                return Err(open(EINVAL));
            }
            Source::InitPath(path) => Self::open_path(path, true)?,
        };
        // SAFETY: The file is valid.
        to_result(unsafe { sys::ferrio_file_to_read(file.as_ptr()) }).map_err(open)?;
        // SAFETY: The file is valid, and has an inode.
        if !unsafe { sys::ferrio_file_is_regular(file.as_ptr()) } {
            return Err((Stage::Type, EFTYPE));
        }
        Ok(file)
    }

    fn open_path(path: &CStr, init_fs: bool) -> Result<ARef<LocalFile>, (Stage, Error)> {
        if path.is_empty() {
            return Err((Stage::Open, EINVAL));
        }
        let mut irregular = false;
        // SAFETY: A string that ends in a zero, and a place for the answer. Process context, no
        // lock held, and a task with a root directory if that is asked for: by our documentation
        // and the check of our caller.
        let file = from_err_ptr(unsafe {
            sys::ferrio_open_regular(path.as_char_ptr(), init_fs, &mut irregular)
        })
        .map_err(|errno| match irregular {
            true => (Stage::Type, errno),
            false => (Stage::Open, errno),
        })?;
        // SAFETY: Not an error, so a valid file with one reference, which is ours.
        Ok(unsafe { ARef::from_raw(NonNull::new_unchecked(file).cast::<LocalFile>()) })
    }

    /// The file.
    pub fn file(&self) -> &LocalFile {
        &self.file
    }

    /// The path that it was opened by, or else what the caller would call it now (`d_path()`):
    /// there may be another file of that name, or none, in which case it ends in ` (deleted)`, as
    /// a name may do, too. That of a file which the caller cannot reach from its root looks like
    /// any other. It is for people to read.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENAMETOOLONG`: it has more than 4095 bytes.
    pub fn path(&self) -> Result<KVec<u8>> {
        let mut path = KVec::new();
        if let Some(opened) = self.path {
            path.extend_from_slice(opened.to_bytes(), GFP_KERNEL_ACCOUNT)?;
            return Ok(path);
        }
        let mut room = KVec::<u8>::from_elem(0, bindings::PATH_MAX as usize, GFP_KERNEL)?;
        // SAFETY: An open file, and as many bytes to write to as we say.
        let start = from_err_ptr(unsafe {
            bindings::file_path(
                self.file.as_ptr(),
                room.as_mut_ptr().cast(),
                room.len() as c_int,
            )
        })?;
        // The string lies at the end of the room.
        let at = (start as usize).wrapping_sub(room.as_ptr() as usize);
        let text = room.get(at..).ok_or(EINVAL)?;
        let end = text.iter().position(|byte| *byte == 0).ok_or(EINVAL)?;
        path.extend_from_slice(&text[..end], GFP_KERNEL_ACCOUNT)?;
        Ok(path)
    }

    pub(super) fn fail(&self, stage: Stage, errno: Error) -> LoadError<'p> {
        LoadError {
            path: self.path,
            ..LoadError::new(stage, errno)
        }
    }

    /// The size of now, in bytes.
    pub(super) fn size(&self) -> i64 {
        // SAFETY: An open file.
        unsafe { sys::ferrio_file_size(self.file.as_ptr()) }
    }

    /// Keeps others from opening the file to write to it, and looks how large it is.
    ///
    /// # Errors
    ///
    /// In [`Stage::Busy`]:
    ///
    /// - `ETXTBSY`: the file is open for writing, by whoever it be, or a mapping could write to
    ///   it.
    ///
    /// In [`Stage::Size`]:
    ///
    /// - `EINVAL`: the file is empty, or does not say how large it is, as in `/proc`.
    /// - `EFBIG`: it has more than `cap` bytes.
    /// - what the file system gives when it is asked for the attributes.
    pub fn hold(self, cap: u64) -> Result<Held<'p>, LoadError<'p>> {
        // SAFETY: An open file.
        to_result(unsafe { sys::ferrio_file_deny_write(self.file.as_ptr()) })
            .map_err(|errno| self.fail(Stage::Busy, errno))?;
        // INVARIANT: deny_write_access() was successful; a size of at least 1 is put in below.
        let mut held = Held {
            denied: Cell::new(true),
            opened: self,
            len: 0,
            stamp: Cell::new(Stamp::default()),
            verity: None,
            open_ns: 0,
        };
        let size = held.opened.size();
        held.len = usize::try_from(size).unwrap_or(0);
        if size <= 0 {
            return Err(held.fail(Stage::Size, EINVAL));
        }
        if size as u64 > cap {
            return Err(held.fail(Stage::Size, EFBIG));
        }
        held.look().map_err(|errno| held.fail(Stage::Size, errno))?;
        held.verity = Verity::of(held.file());
        held.open_ns = since(held.opened.started);
        Ok(held)
    }

    fn stamp(&self) -> Result<Stamp> {
        let mut stamp = sys::ferrio_stamp {
            inode: 0,
            mtime_sec: 0,
            mtime_nsec: 0,
            dev_major: 0,
            dev_minor: 0,
        };
        // SAFETY: An open file, and a struct of ours to write to.
        to_result(unsafe { sys::ferrio_file_stamp(self.file.as_ptr(), &mut stamp) })?;
        Ok(Stamp {
            dev_major: stamp.dev_major,
            dev_minor: stamp.dev_minor,
            inode: stamp.inode,
            mtime_sec: stamp.mtime_sec,
            mtime_nsec: stamp.mtime_nsec,
        })
    }
}

/// Which file it is, and when it was written, as `statx()` says it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The device that the file system is on.
    pub dev_major: u32,
    /// The same.
    pub dev_minor: u32,
    /// The number of the inode.
    pub inode: u64,
    /// The last change of the content, in seconds since 1970.
    pub mtime_sec: i64,
    /// And nanoseconds.
    pub mtime_nsec: u32,
}

/// A file that nobody can open for writing, until this is dropped, but for the time in which a
/// [`read`](Self::read) gets its memory.
///
/// That binds whoever goes through this kernel's VFS to this very inode. The server of a network
/// file system, or of FUSE, may change the content all the same; so may who writes to the file that
/// lies below one of overlayfs.
///
/// # Invariants
///
/// If `denied`, `deny_write_access()` has been called for the file, and its counterpart has not.
/// Outside of [`Opened::hold`], `1 <= len <= isize::MAX`.
pub struct Held<'p> {
    denied: Cell<bool>,
    opened: Opened<'p>,
    len: usize,
    stamp: Cell<Stamp>,
    verity: Option<Verity>,
    pub(super) open_ns: u64,
}

impl<'p> Held<'p> {
    /// The file.
    pub fn file(&self) -> &LocalFile {
        self.opened.file()
    }

    /// The size in bytes, at least 1.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The size of now, in bytes, which only a file system of its own mind changes.
    pub(super) fn size(&self) -> i64 {
        self.opened.size()
    }

    /// Which file it is, as it was before the last [`read`](Self::read).
    pub fn stamp(&self) -> Stamp {
        self.stamp.get()
    }

    fn look(&self) -> Result {
        self.stamp.set(self.opened.stamp()?);
        Ok(())
    }

    /// What fs-verity says it is, if it has that.
    pub fn verity(&self) -> Option<Verity> {
        self.verity
    }

    /// Allows writers again. Calls for nothing if they are.
    fn allow(&self) {
        if self.denied.replace(false) {
            // SAFETY: An open file, whose denial is ours by the type invariants.
            unsafe { sys::ferrio_file_allow_write(self.file().as_ptr()) };
        }
    }

    /// Does what may take long, as getting memory does in a full memory cgroup, and keeps nobody
    /// from writing meanwhile: whoever may only read the file could else keep its owner out for as
    /// long as he likes.
    pub(super) fn allowing<T>(
        &self,
        slow: impl FnOnce() -> Result<T>,
    ) -> Result<T, (Stage, Error)> {
        self.allow();
        let done = slow();
        // SAFETY: An open file.
        let denied = to_result(unsafe { sys::ferrio_file_deny_write(self.file().as_ptr()) });
        // INVARIANT: It was not denied before, and is now if the call was successful.
        self.denied.set(denied.is_ok());
        let done = done.map_err(|errno| (Stage::Memory, errno))?;
        denied.map_err(|errno| (Stage::Busy, errno))?;
        // An empty file has an error of its own, by the kernel's call.
        if self.size() > 0 && self.size() != self.len as i64 {
            return Err((Stage::Read, EIO));
        }
        self.look().map_err(|errno| (Stage::Size, errno))?;
        Ok(done)
    }

    /// The error of a step that is the caller's own.
    pub fn fail(&self, stage: Stage, errno: Error) -> LoadError<'p> {
        LoadError {
            bytes: self.len as u64,
            ..self.opened.fail(stage, errno)
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.allow();
    }
}

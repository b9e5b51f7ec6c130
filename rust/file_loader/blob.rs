// SPDX-License-Identifier: GPL-2.0

//! A blob: the content of a file, and where it came from. It never changes.

use crate::{
    request::{address, purpose_number, Kind},
    uapi::{self, ferrio_fl_blob},
};
use core::mem::MaybeUninit;
use ferrio::{
    chardev::{seek_within, set_position, FileOps, Private, Request, SEEK_DATA, SEEK_HOLE},
    contiguous::Frozen,
    digest::{Sha256, Verity, VERITY_MAX},
    file_read::{Loaded, Purpose, Stamp, Times},
    ioctl::ExtArg,
    iov::{IterDest, Moved},
    mapping::{
        frozen::{map_frozen, MappedFrozen},
        NewVma,
    },
    quota::Share,
    splice::{PipeSink, SpliceFlags, Spliced},
    task,
};
use kernel::{
    alloc::AllocError,
    fs::{File, LocalFile},
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    uaccess::{UserPtr, UserSlice},
};

/// What is copied between two looks for a signal, in bytes.
const CHUNK: usize = 256 << 10;

/// Where a blob came from.
pub(crate) struct Origin {
    pub(crate) kind: Kind,
    pub(crate) stamp: Stamp,
    pub(crate) verity: Option<Verity>,
    /// Empty, if there is none.
    pub(crate) path: KVec<u8>,
}

/// The private data of a blob's descriptor.
pub(crate) struct Blob {
    content: Frozen,
    sha256: Sha256,
    purpose: Purpose,
    origin: Origin,
    times: Times,
    /// The real user id of whoever loaded it.
    uid: u32,
    /// Goes back behind the content, as fields are dropped in order.
    _share: Share,
}

/// The memory of a [`Blob`] before there is one.
pub(crate) type Room = KBox<MaybeUninit<Blob>>;

impl Blob {
    /// The memory for one, apart from its content.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn room() -> Result<Room, AllocError> {
        KBox::new_uninit(GFP_KERNEL_ACCOUNT)
    }

    /// Freezes what was loaded.
    pub(crate) fn new(
        room: Room,
        purpose: Purpose,
        sha256: Sha256,
        loaded: Loaded,
        origin: Origin,
        share: Share,
    ) -> KBox<Self> {
        KBox::write(
            room,
            Blob {
                times: loaded.times(),
                content: loaded.freeze(),
                sha256,
                purpose,
                origin,
                uid: task::real_uid(),
                _share: share,
            },
        )
    }

    fn len(&self) -> i64 {
        // No slice is longer than isize::MAX.
        self.content.bytes().len() as i64
    }

    /// The bytes from `position` on, at most `len`.
    #[inline]
    fn rest(&self, position: i64, len: usize) -> &[u8] {
        let rest = usize::try_from(position)
            .ok()
            .and_then(|at| self.content.bytes().get(at..))
            .unwrap_or_default();
        &rest[..rest.len().min(len)]
    }

    /// Copies from `position` on to `iter`. What is short is the iterator's to explain, or a signal
    /// came behind a chunk.
    #[inline]
    fn read(&self, position: i64, iter: &mut IterDest<'_>) {
        let rest = self.rest(position, iter.len());
        if rest.len() <= CHUNK {
            let _ = iter.copy_to(rest);
            return;
        }
        for chunk in rest.chunks(CHUNK) {
            let copied = iter.copy_to(chunk).bytes();
            if copied < chunk.len() || task::interrupted_in_long_call() {
                break;
            }
        }
    }

    fn info(&self, arg: UserPtr) -> Result {
        let mut arg = ExtArg::<ferrio_fl_blob>::read(arg)?;
        if arg.value.pad != 0 {
            return Err(EINVAL);
        }
        let Blob { origin, times, .. } = self;
        let (path, path_room) = (arg.value.path, arg.value.path_room);
        if path != 0 {
            self.put_path(address(path)?, path_room as usize)?;
        }
        let verity = origin.verity.unwrap_or(Verity {
            algorithm: 0,
            len: 0,
            digest: [0; VERITY_MAX],
        });
        arg.value = ferrio_fl_blob {
            size: size_of::<ferrio_fl_blob>() as u32,
            source: origin.kind.number(),
            purpose: purpose_number(self.purpose),
            uid: self.uid,
            bytes: self.len() as u64,
            sha256: self.sha256.0,
            verity: verity.digest,
            verity_algorithm: verity.algorithm.into(),
            verity_bytes: verity.len.into(),
            dev_major: origin.stamp.dev_major,
            dev_minor: origin.stamp.dev_minor,
            inode: origin.stamp.inode,
            mtime_sec: origin.stamp.mtime_sec,
            mtime_nsec: origin.stamp.mtime_nsec,
            pad: 0,
            open_ns: times.open,
            memory_ns: times.memory,
            read_ns: times.read,
            digest_ns: times.digest,
            path,
            path_room,
            // PATH_MAX at most.
            path_bytes: origin.path.len() as u32,
        };
        arg.write()
    }

    /// Writes the path, and a zero behind it.
    fn put_path(&self, at: UserPtr, room: usize) -> Result {
        let path = &self.origin.path;
        if room <= path.len() {
            return Err(ERANGE);
        }
        let mut writer = UserSlice::new(at, path.len() + 1).writer();
        writer.write_slice(path)?;
        writer.write_slice(&[0])
    }
}

#[vtable]
impl FileOps for Blob {
    type Ptr = KBox<Blob>;
    type Device = ();

    const NAME: &'static CStr = c"[file_loader]";
    const WRITABLE: bool = false;
    const ONE_POSITION: bool = true;
    const NOWAIT: bool = true;

    #[inline]
    fn read_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        let position = request.position();
        this.read(position, iter);
        let moved = iter.moved()?;
        request.set_position_behind(position, &moved);
        Ok(moved)
    }

    fn llseek(this: Private<'_, Self>, file: &LocalFile, offset: i64, whence: i32) -> Result<i64> {
        let len = this.len();
        match whence {
            // All of it is data, and behind the end is the one hole, as every file has it.
            SEEK_DATA | SEEK_HOLE if !(0..len).contains(&offset) => Err(ENXIO),
            SEEK_DATA => set_position(file, offset, len),
            SEEK_HOLE => set_position(file, len, len),
            _ => seek_within(file, offset, whence, len),
        }
    }

    fn splice_read<'p>(
        this: Private<'_, Self>,
        _file: &File,
        position: &mut i64,
        pipe: &mut PipeSink<'p>,
        _flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        let most = this.rest(*position, usize::MAX).len();
        if most > 0 {
            let moved = pipe.fill(most, |iter| {
                this.read(*position, iter);
                Ok(())
            })?;
            *position += moved as i64;
        }
        Ok(pipe.spliced())
    }

    fn ioctl(this: Private<'_, Self>, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        match cmd {
            uapi::FERRIO_FL_IOC_BLOB_INFO => this.info(arg).map(|()| 0),
            _ => Err(ENOTTY),
        }
    }

    fn mmap(_this: Private<'_, Self>, _file: &File, vma: NewVma<'_, Self>) -> Result {
        map_frozen(vma)
    }

    fn show_fdinfo(this: Private<'_, Self>, seq: &SeqFile, _file: &File) {
        seq_print!(seq, "fl-bytes:\t{}\n", this.len());
        seq_print!(seq, "fl-source:\t{}\n", this.origin.kind.number());
        seq_print!(seq, "fl-purpose:\t{}\n", purpose_number(this.purpose));
        seq_print!(seq, "fl-sha256:\t");
        for byte in this.sha256.0 {
            seq_print!(seq, "{:02x}", byte);
        }
        seq_print!(seq, "\n");
    }
}

impl MappedFrozen for Blob {
    fn frozen<'a>(this: Private<'a, Self>) -> &'a Frozen {
        let blob: &'a Blob = this;
        &blob.content
    }
}

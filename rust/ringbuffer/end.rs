// SPDX-License-Identifier: GPL-2.0

//! The files of a ring: the plain descriptor and the ends that are minted from it.

use crate::{
    calls::{self, Caller},
    memory::Memory,
    ring::Ring,
    rw::{Rw, OBSERVES},
    stream::Stream,
    uapi,
    users::{Share, Users},
};
use ferrio::{
    chardev::{anon_file, FileOps, OpenFile, Private, Request},
    iov::{IterDest, IterSource, Moved},
    mapping::{self, Mapped, NewVma, Rights},
    pages::PageRef,
    poll::{Mask, PollTable},
    splice::{PipeSink, PipeSource, SpliceFlags, Spliced},
};
use kernel::{
    fs::{file::flags::O_NONBLOCK, File, LocalFile},
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        aref::ARef,
        atomic::{Atomic, Relaxed},
        Arc,
    },
    uaccess::UserPtr,
};

/// What a file of a ring was made as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An open of the device: both ends, as far as its mode allows; makes other ends.
    Plain,
    Consumer,
    Producer,
    /// Maps and polls; holds no end.
    Observer,
}

/// Pages that are mapped as one.
pub(crate) struct Window {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) rights: Rights,
}

impl Kind {
    pub(crate) fn abi(self) -> u32 {
        match self {
            Kind::Plain => uapi::FERRIO_RB_KIND_PLAIN,
            Kind::Consumer => uapi::FERRIO_RB_KIND_CONSUMER,
            Kind::Producer => uapi::FERRIO_RB_KIND_PRODUCER,
            Kind::Observer => uapi::FERRIO_RB_KIND_OBSERVER,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::Consumer => "consumer",
            Kind::Producer => "producer",
            Kind::Observer => "observer",
        }
    }

    /// The windows that a file of this kind gives, of `all` pages of a ring.
    pub(crate) fn windows(self, all: usize) -> [Option<Window>; 2] {
        let window = |first, count, rights| {
            Some(Window {
                first,
                count,
                rights,
            })
        };
        match self {
            Kind::Plain => [None, None],
            Kind::Consumer => [
                window(0, 1, Rights::ReadWrite),
                window(1, all - 1, Rights::Read),
            ],
            Kind::Producer => [
                window(0, 2, Rights::Read),
                window(2, all - 2, Rights::ReadWrite),
            ],
            Kind::Observer => [window(0, all, Rights::Read), None],
        }
    }
}

/// An open file of a ring: a holder of one end or of both.
pub(crate) struct End {
    pub(crate) ring: Arc<Ring>,
    pub(crate) kind: Kind,
    /// The ends that this file holds, bits of [`Rw::bit`], which it only ever loses; and those
    /// that it has given up, [`Rw::given_up_bit`].
    pub(crate) holds: Atomic<u32>,
    /// Of many producers: the number of the slot that the mapping of this file has + 1, or 0; or
    /// that it will never have one, [`crate::slots::give_up`].
    slot: Atomic<u32>,
    /// VMAs that share it: one, or two while a window moves.
    slot_maps: Atomic<u32>,
}

impl End {
    pub(crate) fn stream<'a>(&'a self, file: &'a LocalFile) -> Stream<'a> {
        Stream {
            ring: &self.ring,
            holds: &self.holds,
            file: Some(file),
        }
    }

    /// The file as one that makes an ioctl.
    fn caller<'a>(&'a self, file: &'a LocalFile) -> Caller<'a> {
        let end = Some((&self.ring, &self.holds));
        Caller {
            file,
            kind: self.kind,
            read: end,
            write: end,
            slot: Some(&self.slot),
            keeps: false,
        }
    }

    /// Whether who maps this file with the right to write is one of many producers.
    fn is_of_many(&self) -> bool {
        self.kind == Kind::Producer && self.ring.records() & uapi::FERRIO_RB_RECORDS_MANY != 0
    }

    /// Whether the file holds an end, or observes.
    fn has_any(&self) -> bool {
        self.holds.load(Relaxed) & (Rw::Read.bit() | Rw::Write.bit() | OBSERVES) != 0
    }

    /// A file of its own for one end of `ring` that `holds`, a file's set of ends, has, or for an
    /// observer. `file` is what its memory is made through, if this is the first use.
    ///
    /// # Errors
    ///
    /// `EBADF`: that file does not hold it. `EDQUOT`, `ENOMEM`: at the first use; `ENOMEM`,
    /// `ENFILE`: for the file. `EINTR`: the caller is being killed.
    pub(crate) fn mint(
        ring: &Arc<Ring>,
        holds: &Atomic<u32>,
        kind: Kind,
        file: &LocalFile,
    ) -> Result<ARef<File>> {
        // The box first: from add_holder() on, the new end's drop gives the holder back.
        let mut end = KBox::new(
            End {
                ring: ring.clone(),
                kind,
                holds: Atomic::new(0),
                slot: Atomic::new(0),
                slot_maps: Atomic::new(0),
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        end.holds = Atomic::new(match kind {
            Kind::Plain => return Err(EINVAL),
            Kind::Observer => OBSERVES,
            Kind::Consumer => ring.add_holder(Rw::Read, holds)?,
            Kind::Producer => ring.add_holder(Rw::Write, holds)?,
        });
        ring.use_memory(Some(file), false)?;
        anon_file::<End>(end)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for rw in [Rw::Write, Rw::Read] {
            // EBADF: it does not hold this one.
            let _ = self.ring.drop_holder(rw, &self.holds, 0);
        }
    }
}

fn nonblock(file: &File, flags: SpliceFlags) -> bool {
    flags.nonblock() || file.flags() & O_NONBLOCK != 0
}

#[vtable]
impl FileOps for End {
    type Ptr = KBox<End>;
    type Device = Arc<Users>;

    const NAME: &'static CStr = c"ringbuffer";
    const MODE: u16 = 0o666;
    const STREAM: bool = true;
    const NOWAIT: bool = true;

    fn open(users: &Arc<Users>, file: &OpenFile) -> Result<KBox<End>> {
        let mut held = 0;
        if file.can_read() {
            held |= Rw::Read.bit();
        }
        if file.can_write() {
            held |= Rw::Write.bit();
        }
        let ring = Ring::new(Share::new(users, 0)?, held)?;
        Ok(KBox::new(
            End {
                ring,
                kind: Kind::Plain,
                holds: Atomic::new(held),
                slot: Atomic::new(0),
                slot_maps: Atomic::new(0),
            },
            // Not charged, for the same reason as the ring.
            GFP_KERNEL,
        )?)
    }

    fn read_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        if !iter.is_empty() {
            this.stream(request.file()).read(iter, request.nowait())?;
        }
        iter.moved()
    }

    fn write_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterSource<'i>,
    ) -> Result<Moved<'i>> {
        if !iter.is_empty() {
            let stream = this.stream(request.file());
            // A pipe's worth of memory is made at once, as a pipe does; more may take long, and
            // whoever said so can be asked to come back, if there will be a use. O_NONBLOCK cannot.
            if request.would_come_back()
                && stream.ring.is_slow_to_use()
                && stream.may_write().is_ok()
            {
                return Err(EAGAIN);
            }
            stream.write(iter, request.nowait(), request.nosignal())?;
        }
        iter.moved()
    }

    fn poll<'a>(this: Private<'a, Self>, table: &PollTable<'a>) -> Mask {
        this.stream(table.file()).poll(table)
    }

    fn splice_read<'p>(
        this: Private<'_, Self>,
        file: &File,
        _position: &mut i64,
        pipe: &mut PipeSink<'p>,
        flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        this.stream(file).splice_read(pipe, nonblock(file, flags))
    }

    fn splice_write<'p>(
        this: Private<'_, Self>,
        file: &File,
        _position: &mut i64,
        pipe: &mut PipeSource<'p>,
        flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        this.stream(file).splice_write(pipe, nonblock(file, flags))
    }

    fn ioctl(this: Private<'_, Self>, file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        calls::ioctl(&this.caller(file), cmd, arg).map(|()| 0)
    }

    fn show_fdinfo(this: Private<'_, Self>, seq: &SeqFile, _file: &File) {
        seq_print!(seq, "rb-kind:\t{}\n", this.kind.name());
        this.ring.show(seq, "rb");
    }

    fn mmap(this: Private<'_, Self>, _file: &File, vma: NewVma<'_, Self>) -> Result {
        // An end that was given up is nobody's to move any more.
        if this.kind != Kind::Plain && !this.has_any() {
            return Err(EBADF);
        }
        let all = Memory::window(this.ring.size());
        for window in this.kind.windows(all).into_iter().flatten() {
            if (vma.first(), vma.count()) == (window.first, window.count) {
                if window.rights == Rights::Read || !this.is_of_many() {
                    return mapping::map(vma, window.rights);
                }
                this.ring.claim_slot(&this.slot)?;
                // A child that produced with its parent's slot would take what that has reserved
                // for its own; and while it had the window nobody would discard it.
                vma.set_dontcopy();
                return mapping::map(vma, window.rights)
                    .inspect_err(|_| this.ring.bury_slot(&this.slot));
            }
        }
        // Only ends can be mapped; a plain descriptor has no window at all.
        Err(if this.kind == Kind::Plain {
            ENODEV
        } else {
            EINVAL
        })
    }
}

impl Mapped for End {
    fn page<'a>(this: Private<'a, Self>, index: usize) -> Option<PageRef<'a>> {
        let ring: &'a Ring = &this.ring;
        ring.memory()?.page(index)
    }

    fn opened(this: Private<'_, Self>, writable: bool) {
        this.ring.maps.fetch_add(1, Relaxed);
        if writable && this.is_of_many() {
            this.slot_maps.fetch_add(1, Relaxed);
        }
    }

    fn closed(this: Private<'_, Self>, writable: bool) {
        this.ring.maps.fetch_sub(1, Relaxed);
        if !writable {
            return;
        }
        // Both under the mmap_lock of the only program that has this window.
        if this.is_of_many() && this.slot_maps.fetch_sub(1, Relaxed) == 1 {
            this.ring.bury_slot(&this.slot);
        }
        this.ring.rouse();
    }
}

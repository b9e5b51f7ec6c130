// SPDX-License-Identifier: GPL-2.0

//! The files of a ring: the plain descriptor and the ends that are minted from it.

use crate::{
    calls,
    ring::{Ring, Rw},
    stream::Stream,
    uapi,
    users::{Share, Users},
};
use ferrio::{
    chardev::{anon_file, FileOps, OpenFile, Private, Request},
    iov::{IterDest, IterSource, Moved},
    poll::{Mask, PollTable},
    splice::{PipeSink, PipeSource, SpliceFlags, Spliced},
    word::Word,
};
use kernel::{
    fs::{file::flags::O_NONBLOCK, File, LocalFile},
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        aref::ARef,
        atomic::{Acquire, Atomic, Relaxed},
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
}

impl Kind {
    pub(crate) fn abi(self) -> u32 {
        match self {
            Kind::Plain => uapi::FERRIO_RB_KIND_PLAIN,
            Kind::Consumer => uapi::FERRIO_RB_KIND_CONSUMER,
            Kind::Producer => uapi::FERRIO_RB_KIND_PRODUCER,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::Consumer => "consumer",
            Kind::Producer => "producer",
        }
    }
}

/// An open file of a ring: a holder of one end or of both.
pub(crate) struct End {
    pub(crate) ring: Arc<Ring>,
    pub(crate) kind: Kind,
    /// The ends that this file holds, bits of [`Rw::bit`]; only ever loses bits.
    pub(crate) holds: Atomic<u32>,
}

impl End {
    pub(crate) fn stream<'a>(&'a self, file: &'a LocalFile) -> Stream<'a> {
        Stream {
            ring: &self.ring,
            holds: &self.holds,
            file: Some(file),
        }
    }

    /// A file of its own for one end that this file holds.
    ///
    /// # Errors
    ///
    /// `EBADF`: this file does not hold it. `EDQUOT`, `ENOMEM`: at the first use; `ENOMEM`,
    /// `ENFILE`: for the file. `EINTR`: the caller is being killed.
    pub(crate) fn mint(&self, rw: Rw, file: &LocalFile) -> Result<ARef<File>> {
        let kind = match rw {
            Rw::Read => Kind::Consumer,
            Rw::Write => Kind::Producer,
        };
        // The box first: from add_holder() on, the new end's drop gives the holder back.
        let mut end = KBox::new(
            End {
                ring: self.ring.clone(),
                kind,
                holds: Atomic::new(0),
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        self.ring.add_holder(rw, &self.holds)?;
        end.holds = Atomic::new(rw.bit());
        self.ring.use_memory(Some(file), false)?;
        anon_file::<End>(end)
    }

    /// Gives up an end.
    ///
    /// # Errors
    ///
    /// `EBADF`: this file does not hold it.
    pub(crate) fn shutdown(&self, rw: Rw) -> Result {
        self.ring.drop_holder(rw, &self.holds)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for rw in [Rw::Write, Rw::Read] {
            // EBADF: it does not hold this one.
            let _ = self.shutdown(rw);
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
        let ring = Ring::new(Share::new(users)?, held)?;
        Ok(KBox::new(
            End {
                ring,
                kind: Kind::Plain,
                holds: Atomic::new(held),
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
            // whoever said so can be asked to come back. O_NONBLOCK cannot.
            if request.would_come_back() && stream.ring.is_slow_to_use() {
                stream.must_hold(Rw::Write)?;
                return Err(EAGAIN);
            }
            stream.write(iter, request.nowait(), request.nosignal())?;
        }
        iter.moved()
    }

    fn poll<'a>(this: Private<'a, Self>, table: &PollTable<'a>) -> Mask {
        let ring: &'a Ring = &this.ring;
        // Only where its own events come: others would wake it for nothing, and Linux AIO polls a
        // file with one queue only. An end that is lost later wakes its queue at that time.
        let holds = this.holds.load_relaxed();
        if holds & Rw::Read.bit() != 0 {
            table.register(&ring.consumer.waiters);
        }
        if holds & Rw::Write.bit() != 0 {
            table.register(&ring.producer.waiters);
        }
        this.stream(table.file()).ready()
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
        calls::ioctl(this, file, cmd, arg).map(|()| 0)
    }

    fn show_fdinfo(this: Private<'_, Self>, seq: &SeqFile, _file: &File) {
        let ring = &this.ring;
        // The reader's position first: then the difference is never negative.
        let read = ring.consumer.position.load(Acquire);
        let written = ring.producer.position.load(Relaxed);
        seq_print!(seq, "rb-kind:\t{}\n", this.kind.name());
        seq_print!(seq, "rb-id:\t{}\n", ring.id);
        seq_print!(seq, "rb-size:\t{}\n", ring.size());
        seq_print!(
            seq,
            "rb-allocated:\t{}\n",
            u32::from(ring.memory().is_some())
        );
        seq_print!(seq, "rb-written:\t{}\n", written);
        seq_print!(seq, "rb-read:\t{}\n", read);
        seq_print!(seq, "rb-consumers:\t{}\n", ring.consumer.holders());
        seq_print!(seq, "rb-producers:\t{}\n", ring.producer.holders());
    }
}

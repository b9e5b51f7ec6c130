// SPDX-License-Identifier: GPL-2.0

//! The calls of the files of other drivers: what `ferrio_ring.h` has for each entry of their
//! `struct file_operations`.

use super::Device;
use crate::{
    calls::{self, Caller},
    end::Kind,
    rw::Rw,
    stream::Stream,
};
use ferrio::{
    chardev::{can_read, can_write, Request},
    export::files::{CalledFile, PipeToDrain, PipeToFill, Poller},
    iov::{IterDest, IterSource},
    poll::Mask,
    splice::SpliceFlags,
};
use kernel::{
    fs::{file::flags::O_NONBLOCK, LocalFile},
    prelude::*,
    seq_file::SeqFile,
    uaccess::UserPtr,
};

impl Device {
    /// A file's view of the ring of a direction.
    ///
    /// # Errors
    ///
    /// `EINVAL`: there is none; what the VFS says of a file without that call.
    fn stream<'a>(&'a self, rw: Rw, file: &'a LocalFile) -> Result<Stream<'a>> {
        let (ring, holds) = self.held(rw).ok_or(EINVAL)?;
        Ok(Stream {
            ring,
            holds,
            file: Some(file),
        })
    }

    /// A file as one that makes an ioctl: with the ends for which it is open.
    fn caller<'a>(&'a self, file: &'a LocalFile) -> Caller<'a> {
        let held = |rw, open: bool| self.held(rw).filter(|_| open);
        Caller {
            file,
            kind: Kind::Plain,
            read: held(Rw::Read, can_read(file)),
            write: held(Rw::Write, can_write(file)),
            slot: None,
            keeps: self.shared,
        }
    }
}

pub(crate) fn read_iter(
    device: &Device,
    request: Request<'_>,
    mut iter: IterDest<'_>,
) -> Result<usize> {
    let stream = device.stream(Rw::Read, request.file())?;
    if !iter.is_empty() {
        stream.read(&mut iter, request.nowait())?;
    }
    Ok(iter.moved()?.bytes())
}

pub(crate) fn write_iter(
    device: &Device,
    request: Request<'_>,
    mut iter: IterSource<'_>,
) -> Result<usize> {
    let stream = device.stream(Rw::Write, request.file())?;
    if !iter.is_empty() {
        stream.write(&mut iter, request.nowait(), request.nosignal())?;
    }
    Ok(iter.moved()?.bytes())
}

pub(crate) fn poll<'a>(device: &'a Device, called: CalledFile<'a>, poller: Poller<'a>) -> Mask {
    let table = called.poller(poller);
    let file = called.file();
    let mut mask = Mask::NONE;
    for (rw, open) in [(Rw::Read, can_read(file)), (Rw::Write, can_write(file))] {
        if !open {
            continue;
        }
        if let Ok(stream) = device.stream(rw, file) {
            mask |= stream.poll(&table);
        }
    }
    mask
}

pub(crate) fn ioctl(
    device: &Device,
    called: CalledFile<'_>,
    cmd: u32,
    arg: usize,
) -> Result<usize> {
    let caller = device.caller(called.file());
    calls::ioctl(&caller, cmd, UserPtr::from_addr(arg)).map(|()| 0)
}

fn nonblock(file: &LocalFile, flags: SpliceFlags) -> bool {
    flags.nonblock() || file.flags() & O_NONBLOCK != 0
}

pub(crate) fn splice_read(
    device: &Device,
    called: CalledFile<'_>,
    _position: (),
    pipe: PipeToFill<'_>,
    len: usize,
    flags: u32,
) -> Result<usize> {
    let mut pipe = pipe.sink(len);
    let nowait = nonblock(called.file(), SpliceFlags::from_bits(flags));
    let stream = device.stream(Rw::Read, called.file())?;
    let _ = stream.splice_read(&mut pipe, nowait)?;
    Ok(pipe.count())
}

pub(crate) fn splice_write(
    device: &Device,
    pipe: PipeToDrain<'_>,
    called: CalledFile<'_>,
    _position: (),
    len: usize,
    flags: u32,
) -> Result<usize> {
    let mut pipe = pipe.source(len);
    let nowait = nonblock(called.file(), SpliceFlags::from_bits(flags));
    let stream = device.stream(Rw::Write, called.file())?;
    let _ = stream.splice_write(&mut pipe, nowait)?;
    Ok(pipe.count())
}

pub(crate) fn show_fdinfo(device: &Device, seq: &SeqFile) {
    for (rw, prefix) in [(Rw::Read, "rbr"), (Rw::Write, "rbw")] {
        if let Some((ring, _)) = device.held(rw) {
            ring.show(seq, prefix);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The ioctls. `Documentation/abi/ringbuffer.rst` has the errors, and the order of the checks.

use crate::{
    end::{End, Kind},
    level::WORTH_PART,
    memory::{Memory, HEAD_PAGES},
    ring::Ring,
    rw::Rw,
    size::{RingBytes, DEFAULT_BYTES, MAX_BYTES, MIN_BYTES},
    slots,
    stream::Stream,
    uapi::{
        self, ferrio_rb_info, ferrio_rb_mint, ferrio_rb_shutdown, ferrio_rb_size, ferrio_rb_wait,
        ferrio_rb_wakeup,
    },
    users,
    wish::Wish,
};
use ferrio::{
    ioctl::{put_int, ExtArg},
    wait::{Deadline, Sleep},
};
use kernel::{
    fs::{
        file::{flags::O_CLOEXEC, FileDescriptorReservation},
        LocalFile,
    },
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::{atomic::Atomic, Arc},
    uaccess::UserPtr,
};
use ring::records::HEADER_BYTES;

/// A ring, and the set of its ends that a file holds.
pub(crate) type Held<'a> = (&'a Arc<Ring>, &'a Atomic<u32>);

/// A file that makes a call: a ring's, or one of a driver, which may have two rings.
pub(crate) struct Caller<'a> {
    pub(crate) file: &'a LocalFile,
    pub(crate) kind: Kind,
    /// The ring of the consumer end that is meant by FERRIO_RB_READ.
    pub(crate) read: Option<Held<'a>>,
    /// The ring of the producer end that is meant by FERRIO_RB_WRITE.
    pub(crate) write: Option<Held<'a>>,
    /// The slot of the file's mapping, [`slots::of_file`], if there can be one.
    pub(crate) slot: Option<&'a Atomic<u32>>,
    /// The ends are those of others as well: it cannot give them up.
    pub(crate) keeps: bool,
}

impl<'a> Caller<'a> {
    fn held(&self, rw: Rw) -> Option<Held<'a>> {
        match rw {
            Rw::Read => self.read,
            Rw::Write => self.write,
        }
    }

    /// Both rings, or the only one.
    fn rings(&self) -> impl Iterator<Item = &'a Ring> + '_ {
        [self.read, self.write]
            .into_iter()
            .flatten()
            .map(|(ring, _)| &**ring)
    }

    /// The file's view of the ring that a direction means.
    ///
    /// # Errors
    ///
    /// `EBADF`: it does not hold that end.
    fn stream(&self, rw: Rw) -> Result<Stream<'a>> {
        let (ring, holds) = self.held(rw).ok_or(EBADF)?;
        let stream = Stream {
            ring,
            holds,
            file: Some(self.file),
        };
        stream.must_hold(rw)?;
        Ok(stream)
    }
}

pub(crate) fn ioctl(caller: &Caller<'_>, cmd: u32, arg: UserPtr) -> Result {
    match cmd {
        uapi::FERRIO_RB_IOC_GET_INFO => get_info(caller, arg),
        uapi::FERRIO_RB_IOC_SET_SIZE => set_size(caller, arg),
        uapi::FERRIO_RB_IOC_MINT => mint(caller, arg),
        uapi::FERRIO_RB_IOC_SHUTDOWN => shutdown(caller, arg),
        uapi::FERRIO_RB_IOC_WAIT => wait(caller, arg),
        uapi::FERRIO_RB_IOC_WAKEUP => wakeup(caller, arg),
        uapi::FERRIO_RB_IOC_BLAME => blame(caller, arg),
        uapi::FERRIO_RB_IOC_FIONREAD => {
            let bytes = caller.read.map_or(0, |(ring, _)| ring.readable());
            put_int(arg, i32::try_from(bytes).unwrap_or(i32::MAX))
        }
        _ => Err(ENOTTY),
    }
}

/// What is said of the records of a ring that has some.
const OF_RECORDS: u32 = uapi::FERRIO_RB_RECORDS_MANY | uapi::FERRIO_RB_RECORDS_DROP;

/// Flags and padding that this version does not know.
fn must_be_zero(word: u32) -> Result {
    if word == 0 {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

fn rw_from_abi(rw: u32) -> Result<Rw> {
    match rw {
        uapi::FERRIO_RB_READ => Ok(Rw::Read),
        uapi::FERRIO_RB_WRITE => Ok(Rw::Write),
        _ => Err(EINVAL),
    }
}

/// Only an open of the device configures a ring and makes ends.
fn must_be_plain(caller: &Caller<'_>) -> Result {
    if caller.kind == Kind::Plain {
        Ok(())
    } else {
        Err(EPERM)
    }
}

fn get_info(caller: &Caller<'_>, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_rb_info>::read(arg)?;
    // Those of a driver have one size, and are nobody's.
    let ring = caller.rings().next().ok_or(EBADF)?;
    let limits = users::limits();
    let total = ring.user_total();
    // The state first: if it says that there is memory, the size is fixed.
    let state = caller.rings().fold(0, |state, ring| state | ring.state());
    let corrupt = caller
        .rings()
        .map(Ring::corrupt)
        .find(|reason| *reason != uapi::FERRIO_RB_CORRUPT_NONE);
    let bytes = ring.size();
    let offset = |pages: usize| (pages << PAGE_SHIFT) as u64;
    arg.value = ferrio_rb_info {
        size: size_of::<ferrio_rb_info>() as u32,
        abi_version: uapi::FERRIO_RB_ABI_VERSION,
        features: (uapi::FERRIO_RB_FEAT_BYTES
            | uapi::FERRIO_RB_FEAT_SPLICE
            | uapi::FERRIO_RB_FEAT_MAP
            | uapi::FERRIO_RB_FEAT_RECORDS
            | uapi::FERRIO_RB_FEAT_MANY)
            .into(),
        min_bytes: MIN_BYTES as u64,
        max_bytes: MAX_BYTES as u64,
        default_bytes: DEFAULT_BYTES as u64,
        user_max_rings: limits.objects as u64,
        user_max_bytes: limits.bytes as u64,
        user_rings: total.objects as u64,
        user_bytes: total.bytes as u64,
        ring_bytes: bytes as u64,
        kind: caller.kind.abi(),
        state,
        corrupt: corrupt.unwrap_or(uapi::FERRIO_RB_CORRUPT_NONE),
        page_bytes: PAGE_SIZE as u32,
        map_bytes: offset(Memory::window(bytes)),
        map_consumer: offset(0),
        map_state: offset(1),
        map_producer: offset(2),
        map_data: offset(HEAD_PAGES),
        records: ring.records().into(),
        lost: ring.losses(),
        slot: caller.slot.map_or(0, slots::of_file).into(),
    };
    arg.write()
}

fn set_size(caller: &Caller<'_>, arg: UserPtr) -> Result {
    let arg = ExtArg::<ferrio_rb_size>::read(arg)?.value;
    let records = arg.flags;
    if records != 0 {
        must_be_zero((records ^ uapi::FERRIO_RB_RECORDS) & !OF_RECORDS)?;
    }
    let bytes = RingBytes::try_from(arg.bytes)?;
    must_be_plain(caller)?;
    // Those of a driver have one size, and their memory: the first says EBUSY.
    caller.rings().next().ok_or(EBADF)?.set_size(bytes, records)
}

fn mint(caller: &Caller<'_>, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_rb_mint>::read(arg)?;
    must_be_zero(arg.value.flags)?;
    let (kind, rw) = match arg.value.rw {
        uapi::FERRIO_RB_READ => (Kind::Consumer, Rw::Read),
        uapi::FERRIO_RB_WRITE => (Kind::Producer, Rw::Write),
        // Of what could be read.
        uapi::FERRIO_RB_OBSERVE => (Kind::Observer, Rw::Read),
        _ => return Err(EINVAL),
    };
    must_be_plain(caller)?;
    let (ring, holds) = caller.held(rw).ok_or(EBADF)?;
    let file = End::mint(ring, holds, kind, caller.file)?;
    let fd = FileDescriptorReservation::get_unused_fd_flags(O_CLOEXEC)?;
    arg.value.size = size_of::<ferrio_rb_mint>() as u32;
    // Reserved numbers are below the limit of open files, far from i32::MAX.
    arg.value.fd = fd.reserved_fd() as i32;
    // Only a caller that knows its number gets the descriptor.
    arg.write()?;
    fd.fd_install(file);
    Ok(())
}

fn shutdown(caller: &Caller<'_>, arg: UserPtr) -> Result {
    let arg = ExtArg::<ferrio_rb_shutdown>::read(arg)?.value;
    must_be_zero(arg.flags)?;
    must_be_zero(arg.pad)?;
    let rw = rw_from_abi(arg.rw)?;
    let (ring, holds) = caller.held(rw).ok_or(EBADF)?;
    if let Some(slot) = caller.slot {
        if rw == Rw::Write && !caller.keeps {
            // Before the end goes: from here on it cannot be mapped.
            slots::give_up(slot)?;
        } else if slots::of_file(slot) != 0 {
            return Err(EBUSY);
        }
    }
    if caller.keeps {
        return caller.stream(rw).map(|_| ());
    }
    // A call that waits through this file has EBADF to find, at once. poll() shows it as ready:
    // io_uring's multishot read would not try, and find out, otherwise.
    ring.drop_holder(rw, holds, rw.given_up_bit())
}

/// When a wait ends, and what a signal makes of it: a relative time would begin anew if the call
/// was started again.
fn wait_end(arg: &ferrio_rb_wait) -> Result<(Option<Deadline>, Error)> {
    match arg.flags {
        0 if arg.timeout == 0 => Ok((None, ERESTARTSYS)),
        uapi::FERRIO_RB_WAIT_RELATIVE => Ok((Some(Deadline::after(arg.timeout)), EINTR)),
        uapi::FERRIO_RB_WAIT_ABSOLUTE => Ok((Some(Deadline::of_caller(arg.timeout)), ERESTARTSYS)),
        _ => Err(EINVAL),
    }
}

/// What an end can have at most: between the last record and the first one there is room for a
/// header.
fn most(ring: &Ring, rw: Rw) -> usize {
    match rw {
        Rw::Read if ring.records() != 0 => ring.size() - HEADER_BYTES as usize,
        _ => ring.size(),
    }
}

fn wait(caller: &Caller<'_>, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_rb_wait>::read(arg)?;
    let (deadline, on_signal) = wait_end(&arg.value)?;
    let rw = rw_from_abi(arg.value.rw)?;
    let bytes = usize::try_from(arg.value.min_bytes)
        .map_err(|_| EINVAL)?
        .max(1);
    let (ring, _) = caller.held(rw).ok_or(EBADF)?;
    if bytes > most(ring, rw) {
        return Err(EINVAL);
    }
    let stream = caller.stream(rw)?;
    // A relative time of 0 is only a look: nobody is armed for it.
    let looks = arg.value.flags == uapi::FERRIO_RB_WAIT_RELATIVE && arg.value.timeout == 0;
    let exact = Wish::exact(&stream, rw, bytes);
    let mut granted = exact.is_fulfilled();
    if !granted && !looks {
        let worth = match rw {
            Rw::Read => bytes,
            Rw::Write => ring.size() / WORTH_PART,
        };
        let wish = Wish::new(&stream, rw, bytes, worth);
        let waiters = &ring.side(rw).alarm.waiters;
        granted = waiters
            .wait_until(Sleep::Interruptible, deadline, wish)
            .map_err(|_| on_signal)?
            // The time is over; but what was asked for may be there, though not more.
            || exact.is_fulfilled();
    }
    // What ended it: the reasons first that make the bytes worthless.
    stream.must_hold(rw)?;
    ring.must_be_intact()?;
    if rw == Rw::Write && ring.consumer.is_closed() {
        return Err(EPIPE);
    }
    if bytes > most(ring, rw) {
        return Err(EINVAL);
    }
    if !granted {
        return Err(ETIMEDOUT);
    }
    arg.value.size = size_of::<ferrio_rb_wait>() as u32;
    // The state first: what is there when the producer is gone is all there will be.
    arg.value.state = ring.state();
    arg.value.bytes = ring.available(rw) as u64;
    arg.write()
}

/// The end that a mapped holder speaks for.
fn speaker<'a>(caller: &Caller<'a>, arg: UserPtr) -> Result<(Rw, Stream<'a>)> {
    let arg = ExtArg::<ferrio_rb_wakeup>::read(arg)?.value;
    must_be_zero(arg.flags)?;
    must_be_zero(arg.pad)?;
    let rw = rw_from_abi(arg.rw)?;
    Ok((rw, caller.stream(rw)?))
}

fn wakeup(caller: &Caller<'_>, arg: UserPtr) -> Result {
    let (rw, stream) = speaker(caller, arg)?;
    let (ring, peer) = (stream.ring, rw.peer());
    if rw == Rw::Write {
        // The caller's record may have been in front of one that is to be discarded.
        ring.reap();
    }
    ring.side(peer).alarm.call(ring.news(peer), ring);
    Ok(())
}

fn blame(caller: &Caller<'_>, arg: UserPtr) -> Result {
    let (rw, stream) = speaker(caller, arg)?;
    stream.ring.set_corrupt(match rw {
        Rw::Read => uapi::FERRIO_RB_CORRUPT_PRODUCER_TOLD,
        Rw::Write => uapi::FERRIO_RB_CORRUPT_CONSUMER_TOLD,
    });
    Ok(())
}

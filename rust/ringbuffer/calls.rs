// SPDX-License-Identifier: GPL-2.0

//! The ioctls. `Documentation/abi/ringbuffer.rst` has the errors, and the order of the checks.

use crate::{
    end::{End, Kind},
    memory::{Memory, HEAD_PAGES},
    ring::{RingBytes, DEFAULT_BYTES, MAX_BYTES, MIN_BYTES},
    rw::Rw,
    stream,
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
    uaccess::UserPtr,
};

pub(crate) fn ioctl(end: &End, file: &LocalFile, cmd: u32, arg: UserPtr) -> Result {
    match cmd {
        uapi::FERRIO_RB_IOC_GET_INFO => get_info(end, arg),
        uapi::FERRIO_RB_IOC_SET_SIZE => set_size(end, arg),
        uapi::FERRIO_RB_IOC_MINT => mint(end, file, arg),
        uapi::FERRIO_RB_IOC_SHUTDOWN => shutdown(end, arg),
        uapi::FERRIO_RB_IOC_WAIT => wait(end, file, arg),
        uapi::FERRIO_RB_IOC_WAKEUP => wakeup(end, file, arg),
        uapi::FERRIO_RB_IOC_BLAME => blame(end, file, arg),
        uapi::FERRIO_RB_IOC_FIONREAD => {
            let bytes = end.stream(file).readable();
            put_int(arg, i32::try_from(bytes).unwrap_or(i32::MAX))
        }
        _ => Err(ENOTTY),
    }
}

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
fn must_be_plain(end: &End) -> Result {
    if end.kind == Kind::Plain {
        Ok(())
    } else {
        Err(EPERM)
    }
}

fn get_info(end: &End, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_rb_info>::read(arg)?;
    let ring = &end.ring;
    let limits = users::limits();
    let total = ring.user_total();
    // The state first: if it says that there is memory, the size is fixed.
    let state = ring.state();
    let bytes = ring.size();
    let offset = |pages: usize| (pages << PAGE_SHIFT) as u64;
    arg.value = ferrio_rb_info {
        size: size_of::<ferrio_rb_info>() as u32,
        abi_version: uapi::FERRIO_RB_ABI_VERSION,
        features: (uapi::FERRIO_RB_FEAT_BYTES
            | uapi::FERRIO_RB_FEAT_SPLICE
            | uapi::FERRIO_RB_FEAT_MAP)
            .into(),
        min_bytes: MIN_BYTES as u64,
        max_bytes: MAX_BYTES as u64,
        default_bytes: DEFAULT_BYTES as u64,
        user_max_rings: limits.objects as u64,
        user_max_bytes: limits.bytes as u64,
        user_rings: total.objects as u64,
        user_bytes: total.bytes as u64,
        ring_bytes: bytes as u64,
        kind: end.kind.abi(),
        state,
        corrupt: ring.corrupt(),
        page_bytes: PAGE_SIZE as u32,
        map_bytes: offset(Memory::window(bytes)),
        map_consumer: offset(0),
        map_state: offset(1),
        map_producer: offset(2),
        map_data: offset(HEAD_PAGES),
    };
    arg.write()
}

fn set_size(end: &End, arg: UserPtr) -> Result {
    let arg = ExtArg::<ferrio_rb_size>::read(arg)?.value;
    must_be_zero(arg.flags)?;
    let bytes = RingBytes::try_from(arg.bytes)?;
    must_be_plain(end)?;
    end.ring.set_size(bytes)
}

fn mint(end: &End, opened: &LocalFile, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_rb_mint>::read(arg)?;
    must_be_zero(arg.value.flags)?;
    let kind = match arg.value.rw {
        uapi::FERRIO_RB_READ => Kind::Consumer,
        uapi::FERRIO_RB_WRITE => Kind::Producer,
        uapi::FERRIO_RB_OBSERVE => Kind::Observer,
        _ => return Err(EINVAL),
    };
    must_be_plain(end)?;
    let file = end.mint(kind, opened)?;
    let fd = FileDescriptorReservation::get_unused_fd_flags(O_CLOEXEC)?;
    arg.value.size = size_of::<ferrio_rb_mint>() as u32;
    // Reserved numbers are below the limit of open files, far from i32::MAX.
    arg.value.fd = fd.reserved_fd() as i32;
    // Only a caller that knows its number gets the descriptor.
    arg.write()?;
    fd.fd_install(file);
    Ok(())
}

fn shutdown(end: &End, arg: UserPtr) -> Result {
    let arg = ExtArg::<ferrio_rb_shutdown>::read(arg)?.value;
    must_be_zero(arg.flags)?;
    must_be_zero(arg.pad)?;
    end.shutdown(rw_from_abi(arg.rw)?)
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

fn wait(end: &End, file: &LocalFile, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_rb_wait>::read(arg)?;
    let (deadline, on_signal) = wait_end(&arg.value)?;
    let rw = rw_from_abi(arg.value.rw)?;
    let ring = &end.ring;
    let bytes = usize::try_from(arg.value.min_bytes)
        .map_err(|_| EINVAL)?
        .max(1);
    if bytes > ring.size() {
        return Err(EINVAL);
    }
    let stream = end.stream(file);
    stream.must_hold(rw)?;
    // A relative time of 0 is only a look: nobody is armed for it.
    let looks = arg.value.flags == uapi::FERRIO_RB_WAIT_RELATIVE && arg.value.timeout == 0;
    let exact = Wish::exact(&stream, rw, bytes);
    let mut granted = exact.is_fulfilled();
    if !granted && !looks {
        let worth = match rw {
            Rw::Read => bytes,
            Rw::Write => ring.size() / stream::WORTH_PART,
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
    if bytes > ring.size() {
        return Err(EINVAL);
    }
    if !granted {
        return Err(ETIMEDOUT);
    }
    arg.value.size = size_of::<ferrio_rb_wait>() as u32;
    // The state first: what is there when the producer is gone is all there will be.
    arg.value.state = ring.state();
    arg.value.bytes = stream.available(rw) as u64;
    arg.write()
}

/// The end that a mapped holder speaks for.
fn speaker(end: &End, file: &LocalFile, arg: UserPtr) -> Result<Rw> {
    let arg = ExtArg::<ferrio_rb_wakeup>::read(arg)?.value;
    must_be_zero(arg.flags)?;
    must_be_zero(arg.pad)?;
    let rw = rw_from_abi(arg.rw)?;
    end.stream(file).must_hold(rw)?;
    Ok(rw)
}

fn wakeup(end: &End, file: &LocalFile, arg: UserPtr) -> Result {
    let ring = &end.ring;
    let peer = speaker(end, file, arg)?.peer();
    let news = end.stream(file).news(peer);
    ring.side(peer).alarm.call(news, ring);
    Ok(())
}

fn blame(end: &End, file: &LocalFile, arg: UserPtr) -> Result {
    end.ring.set_corrupt(match speaker(end, file, arg)? {
        Rw::Read => uapi::FERRIO_RB_CORRUPT_PRODUCER_TOLD,
        Rw::Write => uapi::FERRIO_RB_CORRUPT_CONSUMER_TOLD,
    });
    Ok(())
}

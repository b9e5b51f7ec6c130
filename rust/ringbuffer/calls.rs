// SPDX-License-Identifier: GPL-2.0

//! The ioctls. `Documentation/abi/ringbuffer.rst` has the errors, and the order of the checks.

use crate::{
    end::{End, Kind},
    ring::{RingBytes, Rw, DEFAULT_BYTES, MAX_BYTES, MIN_BYTES},
    uapi::{self, ferrio_rb_info, ferrio_rb_mint, ferrio_rb_shutdown, ferrio_rb_size},
    users::Use,
};
use ferrio::ioctl::{put_int, ExtArg};
use kernel::{
    fs::{
        file::{flags::O_CLOEXEC, FileDescriptorReservation},
        LocalFile,
    },
    prelude::*,
    uaccess::UserPtr,
};

pub(crate) fn ioctl(end: &End, file: &LocalFile, cmd: u32, arg: UserPtr) -> Result {
    match cmd {
        uapi::FERRIO_RB_IOC_GET_INFO => get_info(end, arg),
        uapi::FERRIO_RB_IOC_SET_SIZE => set_size(end, arg),
        uapi::FERRIO_RB_IOC_MINT => mint(end, file, arg),
        uapi::FERRIO_RB_IOC_SHUTDOWN => shutdown(end, arg),
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
    let limits = Use::limits();
    let total = ring.user_total();
    let mut state = 0;
    if ring.memory().is_some() {
        state |= uapi::FERRIO_RB_STATE_ALLOCATED;
    }
    if ring.consumer.is_closed() {
        state |= uapi::FERRIO_RB_STATE_READ_CLOSED;
    }
    if ring.producer.is_closed() {
        state |= uapi::FERRIO_RB_STATE_WRITE_CLOSED;
    }
    arg.value = ferrio_rb_info {
        size: size_of::<ferrio_rb_info>() as u32,
        abi_version: uapi::FERRIO_RB_ABI_VERSION,
        features: (uapi::FERRIO_RB_FEAT_BYTES | uapi::FERRIO_RB_FEAT_SPLICE).into(),
        min_bytes: MIN_BYTES as u64,
        max_bytes: MAX_BYTES as u64,
        default_bytes: DEFAULT_BYTES as u64,
        user_max_rings: limits.rings as u64,
        user_max_bytes: limits.bytes as u64,
        user_rings: total.rings as u64,
        user_bytes: total.bytes as u64,
        ring_bytes: ring.size() as u64,
        kind: end.kind.abi(),
        state,
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
    let rw = rw_from_abi(arg.value.rw)?;
    must_be_plain(end)?;
    let file = end.mint(rw, opened)?;
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

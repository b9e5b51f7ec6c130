// SPDX-License-Identifier: GPL-2.0

//! The cases of [`iov_cases`](crate::iov_cases) and [`file_cases`](crate::file_cases), one call
//! each, for kernels without KUnit, and rounds of the [`model`](crate::model).

use crate::{
    iov_cases::Case,
    model::{insist, Run},
    uapi::{ferrio_test_case, ferrio_test_model, ferrio_test_read_into},
};
use ferrio::{
    file_read::{LoadError, Opened, Purpose, Source, Stage},
    ioctl::{ExtArg, ExtStruct},
    task::{capable, signal_pending, Capability},
};
use kernel::{prelude::*, uaccess::UserPtr};

impl ExtStruct for ferrio_test_case {
    const FIRST_SIZE: usize = 256;
}

impl ExtStruct for ferrio_test_model {
    const FIRST_SIZE: usize = 200;
}

impl ExtStruct for ferrio_test_read_into {
    const FIRST_SIZE: usize = 40;
}

/// Copies what fits of a text, and a zero behind it.
fn put_text(to: &mut [u8], text: &str) {
    to.fill(0);
    let room = to.len() - 1;
    // The end of a path tells more than its start.
    let text = &text.as_bytes()[text.len().saturating_sub(room)..];
    to[..text.len()].copy_from_slice(text);
}

fn only_root() -> Result {
    capable(Capability::SYS_ADMIN).then_some(()).ok_or(EPERM)
}

/// Runs one case.
pub(crate) fn case(cases: &[Case], arg: UserPtr) -> Result {
    only_root()?;
    let mut arg = ExtArg::<ferrio_test_case>::read(arg)?;
    let report = &mut arg.value;
    let end = report.name.iter().position(|byte| *byte == 0);
    let name = &report.name[..end.ok_or(EINVAL)?];
    let case = if name.is_empty() {
        cases.get(report.index as usize)
    } else {
        cases.iter().find(|case| case.name.as_bytes() == name)
    };
    let case = case.ok_or(ENOENT)?;
    put_text(&mut report.name, case.name);
    report.cases = cases.len() as u32;
    report.failed = 0;
    if let Err(failure) = (case.run)() {
        report.failed = 1;
        report.line = failure.place.line();
        report.left = failure.left;
        report.right = failure.right;
        put_text(&mut report.file, failure.place.file());
        put_text(&mut report.what, failure.what);
    }
    arg.write()
}

/// The most that is read by [`read_into`], in bytes.
const READ_INTO: usize = 1 << 20;

fn fill(fd: u32, part: bool, to: &mut [u8]) -> Result<(), LoadError<'static>> {
    let opened = Opened::new(Source::Fd(fd))?;
    if part {
        return opened.read_part(Purpose::Firmware, 0, to).map(|_| ());
    }
    let held = opened.hold(u64::MAX)?;
    held.read_into(Purpose::Firmware, to).map(|_| ())
}

/// Reads into memory of our own, and tells what is in it then.
pub(crate) fn read_into(arg: UserPtr) -> Result {
    only_root()?;
    let mut arg = ExtArg::<ferrio_test_read_into>::read(arg)?;
    let report = &mut arg.value;
    let len = usize::try_from(report.len)?;
    if len > READ_INTO {
        return Err(EINVAL);
    }
    let mut bytes = KVVec::from_elem(b'x', len, GFP_KERNEL)?;
    let error = fill(report.fd, report.part != 0, &mut bytes).err();
    report.error = error.map_or(0, |error| error.errno.to_errno().unsigned_abs());
    // The numbers of the ABI are those of the order, from 1 on.
    report.stage = error.map_or(0, |error| {
        Stage::ALL
            .iter()
            .position(|stage| *stage == error.stage)
            .map_or(u32::MAX, |at| at as u32 + 1)
    });
    report.left = bytes.iter().filter(|byte| **byte != 0).count() as u64;
    arg.write()
}

/// Makes rounds until there have been enough calls, or one has failed, or a signal comes.
pub(crate) fn model(arg: UserPtr) -> Result {
    only_root()?;
    let mut arg = ExtArg::<ferrio_test_model>::read(arg)?;
    let report = &mut arg.value;
    let mut run = Run::new(report.injected != 0)?;
    report.failed = 0;
    while run.done < report.steps && !signal_pending() {
        if let Err(failure) = run.round(report.seed) {
            report.failed = 1;
            report.line = failure.place.line();
            report.left = failure.left;
            report.right = failure.right;
            put_text(&mut report.file, failure.place.file());
            put_text(&mut report.what, failure.what);
            break;
        }
        report.seed = report.seed.wrapping_add(1);
    }
    report.steps = run.done;
    // What was found must not be lost to a fault that is injected here.
    insist(|| arg.write())
}

// SPDX-License-Identifier: GPL-2.0

//! Telling why a load failed: to the program, and to the log.

use crate::{
    request::{address, Kind, Request},
    uapi::{self, ferrio_fl_failure},
};
use ferrio::{
    file_read::{LoadError, Stage},
    ioctl::ExtArg,
    log, task,
};
use kernel::{prelude::*, str::BStr};

/// `enum ferrio_fl_stage`.
pub(crate) fn stage_number(stage: Stage) -> u32 {
    match stage {
        Stage::Open => uapi::FERRIO_FL_STAGE_OPEN,
        Stage::Type => uapi::FERRIO_FL_STAGE_TYPE,
        Stage::Busy => uapi::FERRIO_FL_STAGE_BUSY,
        Stage::Size => uapi::FERRIO_FL_STAGE_SIZE,
        Stage::Memory => uapi::FERRIO_FL_STAGE_MEMORY,
        Stage::Lsm => uapi::FERRIO_FL_STAGE_LSM,
        Stage::Read => uapi::FERRIO_FL_STAGE_READ,
        Stage::LsmPost => uapi::FERRIO_FL_STAGE_LSM_POST,
        Stage::Digest => uapi::FERRIO_FL_STAGE_DIGEST,
    }
}

/// The program's struct for it, if it has one.
pub(crate) struct Report(Option<ExtArg<ferrio_fl_failure>>);

impl Report {
    /// Writes that nothing has failed, so that a struct that cannot be written is found before
    /// anything is done.
    ///
    /// # Errors
    ///
    /// Those of [`ExtArg::read`] and [`ExtArg::write`]; `EINVAL`: padding.
    pub(crate) fn new(at: u64) -> Result<Self> {
        if at == 0 {
            return Ok(Report(None));
        }
        let mut arg = ExtArg::<ferrio_fl_failure>::read(address(at)?)?;
        if arg.value.pad != 0 {
            return Err(EINVAL);
        }
        arg.value = ferrio_fl_failure {
            size: size_of::<ferrio_fl_failure>() as u32,
            ..Default::default()
        };
        arg.write()?;
        Ok(Report(Some(arg)))
    }

    /// Writes what failed. The program may have taken the memory away: what it gets to see is the
    /// load's errno in any case.
    pub(crate) fn tell(&mut self, error: &LoadError<'_>) {
        if let Some(arg) = &mut self.0 {
            arg.value.stage = stage_number(error.stage);
            arg.value.error = error.errno.to_errno().unsigned_abs();
            arg.value.bytes = error.bytes;
            let _ = arg.write();
        }
    }
}

/// One line to the log, if there are not too many. `path`: what is known of it.
///
/// What programs choose comes last: the log cuts a line that is too long.
pub(crate) fn log(kind: Kind, request: &Request, path: &[u8], error: &LoadError<'_>) {
    let Some(kept) = log::may_say() else {
        return;
    };
    if kept > 0 {
        pr_notice!("{} more loads failed\n", kept);
    }
    let (purpose, stage) = (request.purpose.name(), error.stage.name());
    // A number: not every kernel has the names.
    let errno = error.errno.to_errno();
    let uid = task::real_uid();
    // BStr escapes what would not be one line.
    let path = BStr::from_bytes(path);
    match kind {
        Kind::Bytes => pr_notice!(
            "load as {} for uid {} failed: {}, error {}: {} bytes\n",
            purpose,
            uid,
            stage,
            errno,
            error.bytes
        ),
        Kind::Fd if path.is_empty() => pr_notice!(
            "load as {} for uid {} failed: {}, error {}: descriptor {}\n",
            purpose,
            uid,
            stage,
            errno,
            request.source as i64
        ),
        _ => pr_notice!(
            "load as {} for uid {} failed: {}, error {}: {}\n",
            purpose,
            uid,
            stage,
            errno,
            path
        ),
    }
}

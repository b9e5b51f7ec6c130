// SPDX-License-Identifier: GPL-2.0

//! What has to be loaded, and nothing else.

use crate::uapi;
use ferrio::{
    digest::{Sha256, Verity, VERITY_MAX},
    file_read::Loaded,
};
use kernel::prelude::*;

/// The digests that are pinned.
pub(crate) struct Pins {
    sha256: Option<Sha256>,
    verity: Option<Verity>,
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What is pinned, if the flag says so; else all of it is zero.
fn pin<T>(flagged: bool, all_zero: bool, value: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    match (flagged, all_zero) {
        (true, _) => value().map(Some),
        (false, true) => Ok(None),
        (false, false) => Err(EINVAL),
    }
}

impl Pins {
    /// Of what a request has: `flags` are `FERRIO_FL_PIN_*`.
    ///
    /// # Errors
    ///
    /// `EINVAL`: it makes no sense, see `Documentation/abi/file_loader.rst`.
    pub(crate) fn new(
        flags: u32,
        sha256: &[u8; 32],
        verity_algorithm: u32,
        verity_bytes: u32,
        verity: &[u8; VERITY_MAX],
    ) -> Result<Self> {
        if flags & !(uapi::FERRIO_FL_PIN_SHA256 | uapi::FERRIO_FL_PIN_VERITY) != 0 {
            return Err(EINVAL);
        }
        Ok(Pins {
            sha256: pin(
                flags & uapi::FERRIO_FL_PIN_SHA256 != 0,
                is_zero(sha256),
                || Ok(Sha256(*sha256)),
            )?,
            verity: pin(
                flags & uapi::FERRIO_FL_PIN_VERITY != 0,
                is_zero(verity) && verity_algorithm == 0 && verity_bytes == 0,
                || Self::verity(verity_algorithm, verity_bytes as usize, verity),
            )?,
        })
    }

    fn verity(algorithm: u32, len: usize, digest: &[u8; VERITY_MAX]) -> Result<Verity> {
        // An algorithm of 0 would be that of a file without fs-verity.
        if algorithm == 0 || len == 0 || len > VERITY_MAX || !is_zero(&digest[len..]) {
            return Err(EINVAL);
        }
        Ok(Verity {
            algorithm: u8::try_from(algorithm).map_err(|_| EINVAL)?,
            len: len as u8,
            digest: *digest,
        })
    }

    /// Whether something is pinned that only files have.
    pub(crate) fn of_a_file(&self) -> bool {
        self.verity.is_some()
    }

    /// Compares what is pinned with what the file has.
    ///
    /// # Errors
    ///
    /// `ENODATA`: it has no fs-verity; `EBADMSG`: another one.
    pub(crate) fn check_verity(&self, has: Option<Verity>) -> Result {
        match (self.verity, has) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(ENODATA),
            (Some(wanted), Some(has)) if wanted == has => Ok(()),
            (Some(_), Some(_)) => Err(EBADMSG),
        }
    }

    /// The digest of what was loaded, compared with what is pinned.
    ///
    /// # Errors
    ///
    /// `EBADMSG`: it is another one; `EINTR`: the caller is being killed.
    pub(crate) fn check_sha256(&self, loaded: &mut Loaded) -> Result<Sha256> {
        let has = loaded.sha256()?;
        match self.sha256 {
            Some(wanted) if wanted != has => Err(EBADMSG),
            _ => Ok(has),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What a file is read for.

use kernel::bindings;

/// What the security modules are told a file is read for.
///
/// Modules and kernels have calls of their own (`finit_module()`, `kexec_file_load()`), which do
/// more than to read them; so these are not here. Nor is `READING_UNKNOWN`: IPE warns of it, and
/// SELinux does not look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For a device or a driver, `READING_FIRMWARE`.
    Firmware,
    /// The text of a policy, `READING_POLICY`.
    Policy,
    /// `READING_X509_CERTIFICATE`.
    X509Certificate,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Purpose; 3] = [Purpose::Firmware, Purpose::Policy, Purpose::X509Certificate];

    /// Its name, as `kernel_read_file_id_str()` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Firmware => "firmware",
            Purpose::Policy => "security-policy",
            Purpose::X509Certificate => "x509-certificate",
        }
    }

    /// For bytes that come from a file.
    pub(crate) const fn reading(self) -> bindings::kernel_read_file_id {
        match self {
            Purpose::Firmware => bindings::kernel_read_file_id_READING_FIRMWARE,
            Purpose::Policy => bindings::kernel_read_file_id_READING_POLICY,
            Purpose::X509Certificate => bindings::kernel_read_file_id_READING_X509_CERTIFICATE,
        }
    }

    /// For bytes that do not.
    pub(super) const fn loading(self) -> bindings::kernel_load_data_id {
        match self {
            Purpose::Firmware => bindings::kernel_load_data_id_LOADING_FIRMWARE,
            Purpose::Policy => bindings::kernel_load_data_id_LOADING_POLICY,
            Purpose::X509Certificate => bindings::kernel_load_data_id_LOADING_X509_CERTIFICATE,
        }
    }
}

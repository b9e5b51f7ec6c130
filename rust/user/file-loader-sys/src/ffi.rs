// SPDX-License-Identifier: MIT OR Apache-2.0

//! The calls, which the compiler cannot check.
//!
//! None of them can know whose driver it asks: a command's number is all that says so. Its type,
//! 0xBE, is nobody else's in the kernel, so a file that is no loader and no blob answers ENOTTY.
//! A file system in a program (FUSE) may answer any number, and fill its argument within the size
//! that the command's number has, but a character device is nobody's who is not root: what makes
//! a descriptor is asked of these alone.

use crate::{abi::*, Blob, Failure, Request};
use rustix::{
    fs::{fstat, FileType},
    io::Errno,
    ioctl::{self, ioctl, Ioctl, IoctlOutput, Opcode, Updater},
};
use std::{
    ffi::{c_void, CStr, OsString},
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    ptr,
};

/// FERRIO_FL_GET_INFO: what the module can do, its limits, and what the caller has of them.
///
/// # Errors
///
/// ENOTTY.
///
/// # Examples
///
/// ```no_run
/// # use std::{fs::File, os::fd::AsFd};
/// # let device = File::options().read(true).write(true).open("/dev/file_loader")?;
/// let info = ferrio_file_loader_sys::get_info(device.as_fd())?;
/// println!("{} of {} bytes", info.user_bytes, info.user_max_bytes);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call.
pub fn get_info(device: BorrowedFd<'_>) -> io::Result<ferrio_fl_info> {
    let mut info = ferrio_fl_info::new();
    // SAFETY: The command, which is the loader's by what is said above of numbers, reads and writes
    // `size` bytes of its argument, which has as many, and integers of any value are valid.
    unsafe {
        let call = Updater::<'_, { FERRIO_FL_IOC_GET_INFO as Opcode }, _>::new(&mut info);
        ioctl(device, call)?;
    }
    Ok(info)
}

/// A load, whose result is a descriptor: what the call returns is its number.
struct Load<'a> {
    opcode: Opcode,
    arg: &'a mut ferrio_fl_load,
}

// SAFETY: The opcode is one of the three commands that load, each of which reads `size` bytes of a
// `ferrio_fl_load`, which `as_ptr` gives: it has as many, and lives as long as `self`. It writes
// nothing there (it is read alone, IS_MUTATING says no more than it has to), but to `failure`,
// which `load` below has put in.
unsafe impl Ioctl for Load<'_> {
    type Output = i32;
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> ioctl::Opcode {
        self.opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        ptr::from_mut(self.arg).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<i32> {
        Ok(out)
    }
}

/// `source` is what the command `opcode` says it is, and valid as long as this runs.
fn load(
    device: BorrowedFd<'_>,
    opcode: u32,
    request: &Request,
    source: u64,
    source_bytes: u64,
) -> Result<OwnedFd, Failure> {
    let mut failure = ferrio_fl_failure::new();
    let mut arg = ferrio_fl_load::new();
    arg.purpose = request.purpose;
    arg.max_bytes = request.max_bytes;
    (arg.source, arg.source_bytes) = (source, source_bytes);
    arg.failure = ptr::from_mut(&mut failure).expose_provenance() as u64;
    if let Some(digest) = request.sha256 {
        arg.flags |= FERRIO_FL_PIN_SHA256;
        arg.sha256 = digest;
    }
    if let Some(pin) = &request.verity {
        let room = arg.verity.get_mut(..pin.digest.len());
        let Some(room) = room else {
            return Err(fails(Errno::INVAL, &failure));
        };
        room.copy_from_slice(&pin.digest);
        arg.flags |= FERRIO_FL_PIN_VERITY;
        arg.verity_algorithm = pin.algorithm;
        arg.verity_bytes = pin.digest.len() as u32;
    }
    let is_device =
        fstat(device).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_char_device());
    if !is_device {
        return Err(fails(Errno::NOTTY, &failure));
    }
    let call = Load {
        opcode: opcode as Opcode,
        arg: &mut arg,
    };
    // SAFETY: The command is the loader's by what is said above of numbers. It reads `arg`, and of
    // `source` what the caller vouches for; it writes `size` bytes of `failure`, which has as
    // many and is not looked at before it is back.
    let number = match unsafe { ioctl(device, call) } {
        Ok(number) => number,
        Err(error) => return Err(fails(error, &failure)),
    };
    if number < 0 {
        return Err(fails(Errno::PROTO, &failure));
    }
    // SAFETY: The call succeeded, and it was the loader's, as it is a character device that knows
    // the command, so this is a descriptor that it has just opened for the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn fails(error: Errno, failure: &ferrio_fl_failure) -> Failure {
    Failure {
        error: error.into(),
        stage: failure.stage,
        bytes: failure.bytes,
    }
}

/// FERRIO_FL_LOAD_FD: a file that the caller has open for reading.
///
/// # Errors
///
/// ETXTBSY: it is open for writing. EFBIG, EINVAL, EFTYPE: its size or type. EDQUOT, ENOMEM.
/// EBADMSG: it is not what is pinned. ENODATA: it has no fs-verity. EACCES, EPERM: a security
/// module. EIO. EINTR: killed. ENOTTY. The whole list, with the stages, is in
/// `Documentation/abi/file_loader.rst`.
///
/// # Examples
///
/// See the crate, and [`Failure`].
///
/// # Cost
///
/// Reads the whole file, and computes its SHA-256: it sleeps.
pub fn load_fd(
    device: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    request: &Request,
) -> Result<OwnedFd, Failure> {
    let source = u64::from(file.as_raw_fd().unsigned_abs());
    load(device, FERRIO_FL_IOC_LOAD_FD, request, source, 0)
}

/// FERRIO_FL_LOAD_PATH: a path, looked up as init would, from its root.
///
/// # Errors
///
/// As [`load_fd`]. EPERM: the caller has no CAP_SYS_ADMIN. ENOENT and others of a lookup.
///
/// # Examples
///
/// ```no_run
/// use ferrio_file_loader_sys::{abi::FERRIO_FL_POLICY, load_path, Request};
/// # use std::{fs::File, os::fd::AsFd};
/// # let device = File::options().read(true).write(true).open("/dev/file_loader")?;
///
/// let blob = load_path(device.as_fd(), c"/etc/mine.policy", &Request::new(FERRIO_FL_POLICY, 4096))
///     .map_err(|failure| failure.error)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// As [`load_fd`].
pub fn load_path(
    device: BorrowedFd<'_>,
    path: &CStr,
    request: &Request,
) -> Result<OwnedFd, Failure> {
    let source = path.as_ptr().expose_provenance() as u64;
    load(device, FERRIO_FL_IOC_LOAD_PATH, request, source, 0)
}

/// FERRIO_FL_LOAD_BYTES: bytes of the caller's memory, as if they came from a file.
///
/// # Errors
///
/// As [`load_fd`], of those that need no file.
///
/// # Examples
///
/// ```no_run
/// use ferrio_file_loader_sys::{abi::FERRIO_FL_POLICY, load_bytes, Request};
/// # use std::{fs::File, os::fd::AsFd};
/// # let device = File::options().read(true).write(true).open("/dev/file_loader")?;
///
/// let blob = load_bytes(device.as_fd(), b"allow all\n", &Request::new(FERRIO_FL_POLICY, 4096))
///     .map_err(|failure| failure.error)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// Copies them, and computes their SHA-256.
pub fn load_bytes(
    device: BorrowedFd<'_>,
    bytes: &[u8],
    request: &Request,
) -> Result<OwnedFd, Failure> {
    let source = bytes.as_ptr().expose_provenance() as u64;
    load(
        device,
        FERRIO_FL_IOC_LOAD_BYTES,
        request,
        source,
        bytes.len() as u64,
    )
}

/// FERRIO_FL_BLOB_INFO, of a blob: where it came from.
///
/// # Errors
///
/// ENOTTY: it is no blob.
///
/// # Examples
///
/// ```no_run
/// # use ferrio_file_loader_sys::{abi::FERRIO_FL_POLICY, blob_info, load_bytes, Request};
/// # use std::{fs::File, os::fd::AsFd};
/// # let device = File::options().read(true).write(true).open("/dev/file_loader")?;
/// # let blob = load_bytes(device.as_fd(), b"a", &Request::new(FERRIO_FL_POLICY, 1))
/// #     .map_err(|failure| failure.error)?;
/// let from = blob_info(blob.as_fd())?;
/// println!("{:?}: {} bytes, inode {}", from.path, from.info.bytes, from.info.inode);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call, and memory for a path.
pub fn blob_info(blob: BorrowedFd<'_>) -> io::Result<Blob> {
    // PATH_MAX: the loader keeps no longer one.
    let mut path = vec![0_u8; 4096];
    let mut info = ferrio_fl_blob::new();
    info.path = path.as_mut_ptr().expose_provenance() as u64;
    info.path_room = path.len() as u32;
    // SAFETY: The command, which is a blob's by what is said above of numbers, reads and writes
    // `size` bytes of its argument, which has as many, and writes at most `path_room` bytes at
    // `path`, which has as many and is looked at behind the call alone.
    unsafe {
        let call = Updater::<'_, { FERRIO_FL_IOC_BLOB_INFO as Opcode }, _>::new(&mut info);
        ioctl(blob, call)?;
    }
    path.truncate(info.path_bytes as usize);
    info.path = 0;
    let path = (!path.is_empty()).then(|| OsString::from_vec(path).into());
    Ok(Blob { info, path })
}

// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio load`.

mod advice;
mod pins;
mod report;

use crate::{
    cli::Cli,
    output::{complain, or_enough, shown},
    progress,
};
use anyhow::{anyhow, Context};
use clap::{error::ErrorKind, CommandFactory};
use ferrio_file_loader_sys::{self as sys, abi, Request};
use pins::{Sha256, Verity};
use rustix::{
    fs::{Mode, OFlags},
    io::retry_on_intr,
};
use std::{
    ffi::CString,
    fs::File,
    io::{self, IsTerminal, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    process::ExitCode,
};

const DEVICE: &str = "/dev/file_loader";

/// What the security modules are told that it is.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Purpose {
    /// For a device or a driver
    Firmware,
    /// The text of a policy
    Policy,
    /// An X.509 certificate
    Certificate,
}

/// Load files by /dev/file_loader, and say where they came from
///
/// The kernel reads each file once, with the security modules looking on, and keeps the bytes. What
/// is printed is what the kernel knows of them, not what the file is by now.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What security modules are told that they are
    #[arg(long, value_enum, default_value = "firmware")]
    purpose: Purpose,

    /// The load fails if a file has more, as 4096, 64K or 256M
    #[arg(long, value_name = "BYTES", default_value = "256M", value_parser = pins::bytes)]
    max: u64,

    /// The load fails unless the content has this digest, of 64 hexadecimal digits
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<Sha256>,

    /// The load fails unless the file has this digest of fs-verity, as "sha256:DIGEST"
    #[arg(long, value_name = "ALGORITHM:DIGEST")]
    verity: Option<Verity>,

    /// The name is looked up by the kernel as init sees it; needs CAP_SYS_ADMIN
    #[arg(long)]
    as_init: bool,

    /// Where the bytes go, as the kernel has them; - is the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What is known of them as JSON, an object a line
    #[arg(long)]
    json: bool,
}

/// Of a ring, on a command line.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let bytes = pins::bytes(text)?;
    usize::try_from(bytes).map_err(|_| format!("{text}: too large"))
}

impl Args {
    fn request(&self) -> Request {
        let purpose = match self.purpose {
            Purpose::Firmware => abi::FERRIO_FL_FIRMWARE,
            Purpose::Policy => abi::FERRIO_FL_POLICY,
            Purpose::Certificate => abi::FERRIO_FL_X509_CERTIFICATE,
        };
        let mut request = Request::new(purpose, self.max);
        request.sha256 = self.sha256.as_ref().map(|pin| pin.0);
        request.verity = self.verity.as_ref().map(|pin| pin.0.clone());
        request
    }

    fn to_stdout(&self) -> bool {
        self.output.as_deref() == Some(Path::new("-"))
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.output.is_some() && args.files.len() > 1 {
        let text = format!("--output takes one file, here are {}", args.files.len());
        Cli::command()
            .error(ErrorKind::ArgumentConflict, text)
            .exit();
    }
    let device = open_device()?;
    let request = args.request();
    let mut failed = false;
    for file in &args.files {
        if let Err(error) = one(args, &device, file, &request) {
            // The others may be as they should.
            complain(format_args!("{error:#}"));
            failed = true;
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn open_device() -> anyhow::Result<File> {
    let device = File::options().read(true).write(true).open(DEVICE);
    device.map_err(|error| anyhow!("{DEVICE}: {error}; {}", advice::of_device(&error)))
}

fn one(args: &Args, device: &File, file: &Path, request: &Request) -> anyhow::Result<()> {
    let blob = load(args, device, file, request)?;
    let from = sys::blob_info(blob.as_fd()).with_context(|| shown(file))?;
    let text = if args.json {
        report::json(&from)?
    } else {
        report::text(&from)
    };
    // Beside the content, if that goes there.
    if args.to_stdout() {
        let _ = io::stderr().write_all(text.as_bytes());
    } else {
        or_enough(io::stdout().write_all(text.as_bytes()))?;
    }
    match &args.output {
        Some(to) => copy(blob, from.info.bytes, to),
        None => Ok(()),
    }
}

fn load(args: &Args, device: &File, file: &Path, request: &Request) -> anyhow::Result<OwnedFd> {
    let name = shown(file);
    // One call, of which nobody tells how far it is.
    let busy = progress::busy(format!("loading {name}"));
    let done = if args.as_init {
        let path = CString::new(file.as_os_str().as_bytes())
            .with_context(|| format!("{name}: no name of a file"))?;
        sys::load_path(device.as_fd(), &path, request)
    } else {
        // Only a regular file can be loaded: what is none is not waited for, and does nothing.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = retry_on_intr(|| rustix::fs::open(file, flags, Mode::empty()))
            .map_err(io::Error::from)
            .map_err(|error| anyhow!("{name}: {error}; {}", advice::of_file(&error)))?;
        sys::load_fd(device.as_fd(), open.as_fd(), request)
    };
    busy.finish_and_clear();
    done.map_err(|failure| anyhow!("{name}: {}", advice::of_failure(&failure, request)))
}

fn copy(blob: OwnedFd, bytes: u64, to: &Path) -> anyhow::Result<()> {
    let mut blob = File::from(blob);
    let copied = if to == Path::new("-") {
        let mut out = io::stdout().lock();
        let terminal = out.is_terminal();
        let bar = progress::of(bytes, terminal);
        let done = io::copy(&mut bar.wrap_read(&mut blob), &mut out).and_then(|_| out.flush());
        bar.finish_and_clear();
        or_enough(done)
    } else {
        let bar = progress::of(bytes, false);
        let done =
            File::create(to).and_then(|mut out| io::copy(&mut bar.wrap_read(&mut blob), &mut out));
        bar.finish_and_clear();
        done.map(|_| ())
    };
    copied.with_context(|| shown(to))
}

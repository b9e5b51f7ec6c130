// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio load`.

use std::{path::PathBuf, process::ExitCode};

/// Load files by /dev/file_loader, and say where they came from
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("load {:?}: not there yet", args.files)
}

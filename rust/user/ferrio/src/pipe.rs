// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio pipe`.

use std::{ffi::OsString, process::ExitCode};

/// Run commands with a ring where a shell has a pipe
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The commands with their arguments, and -- between two of them
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    commands: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("pipe {:?}: not there yet", args.commands)
}

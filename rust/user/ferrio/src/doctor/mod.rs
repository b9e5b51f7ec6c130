// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio doctor`.

use crate::root::Root;
use std::process::ExitCode;

/// Say what keeps ferrio from working here, and what to do
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One object of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, root: &Root) -> anyhow::Result<ExitCode> {
    anyhow::bail!(
        "doctor {} {}: not there yet",
        args.json,
        root.at("/").display()
    )
}

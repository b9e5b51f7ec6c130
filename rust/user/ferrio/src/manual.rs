// SPDX-License-Identifier: MIT OR Apache-2.0

//! Manual pages and completions, both from the command line's definition.

use crate::cli::Cli;
use anyhow::Context;
use clap::CommandFactory;
use std::{fs, io, path::PathBuf, process::ExitCode};

/// Print what a shell needs to complete this command
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct ManArgs {
    /// Where to
    directory: PathBuf,
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    clap_complete::generate(args.shell, &mut Cli::command(), "ferrio", &mut io::stdout());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn pages(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let to = &args.directory;
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    clap_mangen::generate_to(Cli::command(), to).with_context(|| to.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

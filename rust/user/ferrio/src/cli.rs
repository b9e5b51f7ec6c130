// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command line. Options of a subcommand are in its module.

use crate::{cat, doctor, load, manual, pipe, root::Root, status};
use clap::{Parser, Subcommand};

/// Rings, loaded files and modules of ferrio: what there is, what is wrong, and both from a shell
///
/// ferrio is three kernel modules: ringbuffer makes /dev/ringbuffer, a ring between two ends;
/// file_loader makes /dev/file_loader, which reads a file once and serves it unchanged; iov_copy
/// makes /dev/iov_copy, a memory behind every call that reads or writes. This command shows what
/// is there of them, says what is missing and what to do, and uses the first two from a shell.
#[derive(Parser)]
#[command(name = "ferrio", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Where /proc, /sys, /lib, /boot and /dev are looked for
    #[arg(
        long,
        global = true,
        hide = true,
        env = "FERRIO_ROOT_DIR",
        default_value = "/"
    )]
    pub(crate) root: Root,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Status(status::Args),
    Load(load::Args),
    Cat(cat::Args),
    Pipe(pipe::Args),
    Doctor(doctor::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
}

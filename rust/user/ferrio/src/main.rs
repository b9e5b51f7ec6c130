// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio`: what rings, files and modules of ferrio there are, what is wrong with them, and the
//! two devices from a shell. Each subcommand is a module with `Args` and `run`.

mod cat;
mod cli;
mod doctor;
mod load;
mod manual;
mod output;
mod pipe;
mod progress;
mod root;
mod status;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

/// 2, of wrong usage, is clap's.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Status(args) => status::run(&args, &cli.root),
        Command::Load(args) => load::run(&args),
        Command::Cat(args) => cat::run(&args),
        Command::Pipe(args) => pipe::run(&args),
        Command::Doctor(args) => doctor::run(&args, &cli.root),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    };
    done.unwrap_or_else(|error| {
        output::complain(format_args!("{error:#}"));
        ExitCode::from(FAILED)
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio pipe`.

mod forward;

use crate::{
    cli::Cli,
    load::size,
    output::{complain, shown},
};
use anyhow::{anyhow, Context};
use clap::{error::ErrorKind, CommandFactory};
use ferrio_ringbuffer::Ring;
use std::{
    ffi::{OsStr, OsString},
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitCode, ExitStatus},
};

/// As of a shell: nothing of that name, nothing that can be executed, killed by signal 0.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
const KILLED: i32 = 128;

/// Run commands with a ring where a shell has a pipe
///
/// The commands know nothing of it: each reads and writes as ever. The status is that of the last
/// one, as in a shell: 127 if there is no such command, 126 if it cannot be executed, 128 and the
/// number of the signal if it was killed. SIGTERM and SIGHUP go on to all of them.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of each ring: a power of two, of a page at least, as 64K or 1M
    #[arg(long, value_name = "BYTES", default_value = "64K", value_parser = size)]
    size: usize,

    /// The status is that of the last command that failed, 0 if none did
    #[arg(long)]
    pipefail: bool,

    /// The commands with their arguments, and -- between two of them
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    #[arg(value_name = "COMMAND")]
    commands: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let commands: Vec<&[OsString]> = args.commands.split(|word| word == "--").collect();
    if commands.iter().any(|words| words.is_empty()) {
        let text = "a command is missing in front of or behind a --: ferrio pipe seq 3 -- wc -l";
        Cli::command()
            .error(ErrorKind::MissingRequiredArgument, text)
            .exit();
    }
    // Before the first of them runs, so that none is missed.
    let signals = forward::Signals::new()?;
    // Commands that run cannot be taken back, so there are rings for all of them first.
    let rings: anyhow::Result<Vec<_>> = commands.iter().skip(1).map(|_| ring(args.size)).collect();
    let mut rings = rings?.into_iter();
    let mut children = Vec::new();
    let mut input = None;
    for words in &commands {
        let (output, next) = rings.next().unzip();
        // Our copies of the ends go with the Command: a ring whose end nobody has ends.
        children.push(start(words, input.take(), output));
        input = next;
    }
    signals.to(children.iter().flatten());
    let mut status = 0;
    for (at, child) in children.into_iter().enumerate() {
        let ended = match child {
            Ok(mut child) => code(child.wait().context("waiting for a command")?),
            Err(status) => status,
        };
        let counts = at + 1 == commands.len() || args.pipefail;
        if counts && (ended != 0 || !args.pipefail) {
            status = ended;
        }
    }
    Ok(ExitCode::from(status))
}

/// Both ends of a new one, of which nobody else has any.
fn ring(size: usize) -> anyhow::Result<(OwnedFd, OwnedFd)> {
    let ring = Ring::open()?;
    ring.set_size(size)
        .with_context(|| format!("a ring of {size} bytes"))?;
    Ok((ring.producer_fd()?, ring.consumer_fd()?))
}

/// Or the status that a command has which could not be started.
fn start(words: &[OsString], input: Option<OwnedFd>, output: Option<OwnedFd>) -> Result<Child, u8> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    if let Some(input) = input {
        command.stdin(input);
    }
    if let Some(output) = output {
        command.stdout(output);
    }
    command.spawn().map_err(|error| {
        complain(not_started(&words[0], &error));
        if error.kind() == io::ErrorKind::NotFound {
            NOT_FOUND
        } else {
            NOT_EXECUTABLE
        }
    })
}

fn not_started(name: &OsStr, error: &io::Error) -> anyhow::Error {
    anyhow!("{}: {error}", shown(Path::new(name)))
}

fn code(status: ExitStatus) -> u8 {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => KILLED + signal,
        (None, None) => 1,
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_shell_says_it() {
        let codes = [0, 3 << 8, 255 << 8, 9, 13].map(|raw| code(ExitStatus::from_raw(raw)));
        assert_eq!(codes, [0, 3, 255, 137, 141]);
    }

    #[test]
    fn nothing_to_start() {
        let started = |name: &str| start(&[name.into()], None, None).map(|_| ()).unwrap_err();
        assert_eq!(started("/no/such/command"), NOT_FOUND);
        assert_eq!(started("/"), NOT_EXECUTABLE);
    }
}

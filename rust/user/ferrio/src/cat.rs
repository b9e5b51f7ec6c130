// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio cat`.

use crate::{
    load::size,
    output::{complain, shown},
    progress,
};
use anyhow::{anyhow, Context};
use ferrio_ringbuffer::{ringbuffer, Producer};
use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

/// Copy files, or the standard input, to the standard output through a ring
///
/// A thread reads them into the ring, another one writes what is in it; both have mapped it, so
/// that the data moves without a system call of the ring's while neither waits for the other.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The files; -, or none, is the standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Of the ring: a power of two, of a page at least, as 64K or 1M
    #[arg(long, value_name = "BYTES", default_value = "256K", value_parser = size)]
    size: usize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (producer, mut consumer) =
        ringbuffer(args.size).with_context(|| format!("a ring of {} bytes", args.size))?;
    let files = args.files.clone();
    let reader = thread::spawn(move || produce(&files, producer));
    let mut out = io::stdout().lock();
    let bar = progress::endless(out.is_terminal());
    let written = io::copy(&mut bar.wrap_read(&mut consumer), &mut out).and_then(|_| out.flush());
    bar.finish_and_clear();
    // The reader sees the end of the ring when it is gone.
    drop(consumer);
    if let Err(error) = written {
        // It may wait for input for ever, and is not waited for.
        return if error.kind() == io::ErrorKind::BrokenPipe {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(error).context("the standard output")
        };
    }
    reader
        .join()
        .map_err(|_| anyhow!("the thread that reads is gone"))
}

/// Ends the stream when it returns, as it has the only producer.
fn produce(files: &[PathBuf], mut producer: Producer) -> ExitCode {
    let mut failed = false;
    let standard_input = [PathBuf::from("-")];
    let files = if files.is_empty() {
        &standard_input
    } else {
        files
    };
    for file in files {
        let from: io::Result<Box<dyn Read>> = if file == Path::new("-") {
            Ok(Box::new(io::stdin().lock()))
        } else {
            File::open(file).map(|open| Box::new(open) as Box<dyn Read>)
        };
        let done = from.and_then(|mut from| io::copy(&mut from, &mut producer));
        if let Err(error) = done {
            // Who takes it has gone, and says why itself.
            if error.kind() == io::ErrorKind::BrokenPipe {
                break;
            }
            // As cat does: the others may be there.
            complain(format_args!("{}: {error}", shown(file)));
            failed = true;
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

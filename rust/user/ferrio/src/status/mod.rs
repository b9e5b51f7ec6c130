// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio status`: modules, devices, and every ring and loaded file with an open descriptor.

mod device;
mod fdinfo;
mod model;
mod module;
mod processes;
mod rates;
mod text;
mod watch;

use crate::{
    output::{or_enough, plain_json},
    root::Root,
};
pub(crate) use device::look as device;
use model::Status;
use rates::Sample;
use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};
use watch::Ticks;

/// The modules and what each makes in `/dev`.
pub(crate) const MODULES: [&str; 3] = ["ringbuffer", "file_loader", "iov_copy"];

/// Between the two looks that a rate is of, when it is shown once.
const GLANCE: Duration = Duration::from_millis(250);

/// Show modules, devices, and every ring and loaded file with an open descriptor
///
/// Rings and files are found by the descriptors in /proc: those of the caller's own processes, and,
/// for root, of all. What could not be looked at is counted, and said.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// JSON, one object; with --watch one in each line
    #[arg(long)]
    json: bool,

    /// Again every second, or every SECONDS, until SIGINT or SIGTERM; rates are of the time between
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = watch::seconds
    )]
    watch: Option<Duration>,
}

pub(crate) fn run(args: &Args, root: &Root) -> anyhow::Result<ExitCode> {
    let done = match args.watch {
        None => once(args, root),
        Some(period) => watch(args, root, period),
    };
    or_enough(done)?;
    Ok(ExitCode::SUCCESS)
}

fn once(args: &Args, root: &Root) -> io::Result<()> {
    let mut sample = Sample::take(root)?;
    if !sample.status.rings.is_empty() {
        std::thread::sleep(GLANCE);
        sample = Sample::take(root)?.since(&sample);
    }
    show(args, &sample.status, &mut io::stdout().lock())
}

fn watch(args: &Args, root: &Root, period: Duration) -> io::Result<()> {
    let mut ticks = Ticks::new(period)?;
    let mut out = io::stdout().lock();
    let clear = out.is_terminal() && !args.json;
    let mut before: Option<Sample> = None;
    loop {
        let now = Sample::take(root)?;
        let now = match &before {
            Some(before) => now.since(before),
            None => now,
        };
        if clear {
            // To the upper left, and nothing behind it.
            out.write_all(b"\x1b[H\x1b[J")?;
        }
        show(args, &now.status, &mut out)?;
        if !clear && !args.json {
            writeln!(out)?;
        }
        out.flush()?;
        before = Some(now);
        if ticks.end_comes_first()? {
            return Ok(());
        }
    }
}

fn show(args: &Args, status: &Status, out: &mut impl Write) -> io::Result<()> {
    match (args.json, args.watch) {
        (false, _) => text::write(status, out),
        (true, None) => {
            let json = serde_json::to_string_pretty(status)?;
            writeln!(out, "{}", plain_json(&json))
        }
        (true, Some(_)) => {
            let json = serde_json::to_string(status)?;
            writeln!(out, "{}", plain_json(&json))
        }
    }
}

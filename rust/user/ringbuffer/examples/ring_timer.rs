// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ring_timer [RECORDS]`: reads records of `/dev/ring-timer`, whose driver writes one in each
//! interrupt of a timer, by read(); and says how fast they came, in how many periods the timer did
//! not come, and how many records were lost.

use ferrio_ringbuffer_sys as sys;
use std::{
    env,
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
};

const DEVICE: &str = "/dev/ring-timer";
/// Bytes of a word of a record.
const WORD: usize = size_of::<u64>();

/// A record.
struct Sample {
    /// When, by CLOCK_MONOTONIC, in nanoseconds.
    time: u64,
    /// How many periods were before.
    number: u64,
    /// In how many of them the timer did not come.
    overruns: u64,
}

/// The next record; `gaps` counts the places where some were lost.
fn next_sample(mut device: &File, gaps: &mut u64) -> io::Result<Sample> {
    let mut bytes = [0; 3 * WORD];
    loop {
        match device.read(&mut bytes) {
            Ok(len) if len == bytes.len() => break,
            Ok(len) => return Err(io::Error::other(format!("{len} bytes of a record"))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(ENOBUFS) => *gaps += 1,
            Err(error) => return Err(error),
        }
    }
    let word = |at: usize| {
        let mut word = [0; WORD];
        word.copy_from_slice(&bytes[at * WORD..][..WORD]);
        u64::from_ne_bytes(word)
    };
    Ok(Sample {
        time: word(0),
        number: word(1),
        overruns: word(2),
    })
}

/// What read() says where records were lost.
const ENOBUFS: i32 = 105;

fn main() -> io::Result<()> {
    let records: u64 = match env::args().nth(1) {
        Some(text) => text
            .parse()
            .map_err(|_| io::Error::other(format!("ring_timer [RECORDS]: {text} is no number")))?,
        None => 10_000,
    };
    let device = File::open(DEVICE).map_err(|error| {
        let load = "insmod ring_timer_sample.ko or ring_timer_c_sample.ko";
        io::Error::other(format!("{DEVICE}: {error}: {load}"))
    })?;
    let mut gaps = 0;
    let first = next_sample(&device, &mut gaps)?;
    let (mut got, mut latest) = (1, Sample { ..first });
    // On until the kernel has lost nothing behind the latest record.
    let lost = loop {
        let counted: u64 = sys::get_info(device.as_fd())?.lost.lost.iter().sum();
        // Whatever was not read is lost, or the timer did not come.
        let lost = latest.number + 1 - got - latest.overruns;
        if got >= records && lost == counted {
            break lost;
        }
        let sample = next_sample(&device, &mut gaps)?;
        if sample.time < latest.time || sample.number <= latest.number {
            let number = sample.number;
            return Err(io::Error::other(format!(
                "{number} is older than the last one"
            )));
        }
        latest = sample;
        got += 1;
    };
    #[allow(clippy::cast_precision_loss)]
    let seconds = (latest.time - first.time) as f64 / 1e9;
    #[allow(clippy::cast_precision_loss)]
    let rate = (got - 1) as f64 / seconds.max(1e-9);
    let overruns = latest.overruns;
    println!(
        "{got} records, by read(), in {seconds:.3} s: {rate:.0}/s; {overruns} periods without \
         the timer, {lost} records lost, told by {gaps} gaps"
    );
    Ok(())
}

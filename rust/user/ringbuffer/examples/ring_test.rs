// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ring_test [NUMBERS]`: reads the sequence of `/dev/ringbuffer-test`, a driver whose files are
//! rings, checks it, and writes one back, without a system call until one side has to sleep.

use ferrio_ringbuffer::Ring;
use std::{env, fs::OpenOptions, io, os::fd::OwnedFd};

const DEVICE: &str = "/dev/ringbuffer-test";
const BYTES: usize = size_of::<u32>();

fn main() -> io::Result<()> {
    let numbers: u32 = match env::args().nth(1) {
        Some(text) => text
            .parse()
            .map_err(|_| io::Error::other(format!("ring_test [NUMBERS]: {text} is no number")))?,
        None => 1_000_000,
    };
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open(DEVICE)
        .map_err(|error| {
            let load = "insmod ring_test_sample.ko or ring_test_c_sample.ko";
            io::Error::other(format!("{DEVICE}: {error}: {load}"))
        })?;
    // A file of a driver with rings is as an open of /dev/ringbuffer, but with the driver at the
    // other end of each.
    let ring = Ring::from_fd(OwnedFd::from(device))?;
    let (mut consumer, mut producer) = (ring.consumer()?, ring.producer()?);
    for expected in 0..numbers {
        let data = consumer.peek(BYTES)?;
        let mut number = [0; BYTES];
        data.copy_to(0, &mut number);
        data.consume(BYTES)?;
        let number = u32::from_ne_bytes(number);
        if number != expected {
            return Err(io::Error::other(format!("{number} instead of {expected}")));
        }
        let mut space = producer.reserve(BYTES)?;
        space.copy_from(0, &number.to_ne_bytes());
        space.commit(BYTES)?;
    }
    println!("{numbers} numbers read and written, mapped");
    Ok(())
}

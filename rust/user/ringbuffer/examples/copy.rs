// SPDX-License-Identifier: MIT OR Apache-2.0

//! `copy <FROM >TO`: a pipe through a ring, with a thread at each end of it.

use std::{
    io::{self, Write},
    thread,
};

fn main() -> io::Result<()> {
    let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(65536)?;
    let size = producer.size();
    let writer = thread::spawn(move || {
        let mut stdout = io::stdout().lock();
        io::copy(&mut consumer, &mut stdout)?;
        stdout.flush()
    });
    let bytes = io::copy(&mut io::stdin().lock(), &mut producer)?;
    // The end of the stream, for the other thread.
    drop(producer);
    writer.join().expect("it does not panic")?;
    eprintln!("{bytes} bytes through a ring of {size}");
    Ok(())
}

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
    let copied = io::copy(&mut io::stdin().lock(), &mut producer);
    // The end of the stream, for the other thread.  What it says first is the cause: when it
    // cannot write it reads no more, and that is all that the producer can know.
    drop(producer);
    writer.join().expect("it does not panic")?;
    let bytes = copied?;
    eprintln!("{bytes} bytes through a ring of {size}");
    Ok(())
}

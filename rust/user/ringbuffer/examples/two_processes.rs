// SPDX-License-Identifier: MIT OR Apache-2.0

//! `two_processes [MESSAGES]`: a parent that builds messages in the ring, and a child that reads
//! them there. The child has its end as standard input, and could be any program.

use ferrio_ringbuffer::{Consumer, Ring};
use std::{
    env, io,
    os::fd::AsFd,
    process::{Command, Stdio},
};

fn main() -> io::Result<()> {
    match env::args().nth(1).as_deref() {
        Some("--child") => child(),
        messages => parent(messages.unwrap_or("1000")),
    }
}

fn parent(messages: &str) -> io::Result<()> {
    let count: u64 = messages.parse().map_err(|_| {
        io::Error::other(format!("two_processes [MESSAGES]: {messages} is no number"))
    })?;
    let ring = Ring::builder().size(4096).open()?;
    let mut producer = ring.producer()?;
    let mut child = Command::new(env::current_exe()?)
        .arg("--child")
        .stdin(Stdio::from(ring.consumer_fd()?))
        .spawn()?;
    for number in 0..count {
        let mut message = producer.reserve(8)?;
        message.copy_from(0, &number.to_ne_bytes());
        message.commit(8)?;
    }
    // The end of the stream, for the child.
    drop(producer);
    if !child.wait()?.success() {
        return Err(io::Error::other("the child has failed"));
    }
    println!("parent: the child is done");
    Ok(())
}

fn child() -> io::Result<()> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let mut consumer = Consumer::try_from(stdin)?;
    let (mut messages, mut sum) = (0, 0);
    loop {
        let message = consumer.peek(8)?;
        if message.is_empty() {
            break;
        }
        // Fewer than 8, and this says so and ends here.
        let mut number = [0; 8];
        message.copy_to(0, &mut number);
        message.consume(8)?;
        messages += 1;
        sum += u64::from_ne_bytes(number);
    }
    println!("child: {messages} messages, sum {sum}");
    Ok(())
}

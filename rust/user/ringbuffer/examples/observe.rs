// SPDX-License-Identifier: MIT OR Apache-2.0

//! `observe`: prints how full a ring is while data goes through it. The observer's descriptor could
//! as well have been sent to a monitor in another process.

use ferrio_ringbuffer::{Error, Observer, Ring};

const KIB: usize = 1024;

fn print(observer: &Observer) {
    let (used, size) = (observer.used(), observer.size());
    let bar = "#".repeat(16 * used / size);
    println!(
        "written {:7}, read {:7}: {bar:.<16} {:3} %",
        observer.written(),
        observer.read(),
        100 * used / size
    );
}

fn main() -> Result<(), Error> {
    let ring = Ring::builder().size(64 * KIB).open()?;
    let observer = ring.observer()?;
    let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    let mut bytes = vec![0; 24 * KIB];
    // A fast producer and a slow consumer, then the consumer alone.
    for _ in 0..3 {
        producer.write(&bytes)?;
        print(&observer);
        consumer.read(&mut bytes[..8 * KIB])?;
    }
    drop(producer);
    while consumer.read(&mut bytes)? > 0 {
        print(&observer);
    }
    if observer.state().producer_is_gone() {
        println!("the producer is gone");
    }
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! Producers of records in processes of their own, which are killed: on a real device only.

use crate::{
    ktap::Test,
    records::{dropping, gap, is_end, nothing, payload, waiting},
    tools::{fails, until},
};
use ferrio_ringbuffer::{Builder, RecordProducer};
use rustix::{
    fd::{AsFd, OwnedFd},
    io::{write, Errno},
};
use std::{
    io::{stdin, stdout, BufRead, BufReader, Write},
    mem::forget,
    process::{Child, Command, Stdio},
    thread,
};

pub const TESTS: &[Test] = &[
    ("record_dead.while_we_sleep", while_we_sleep),
    ("record_dead.while_we_look", while_we_look),
    ("record_dead.told", told),
    ("record_dead.the_only_one", the_only_one),
    ("record_dead.mapped_twice", mapped_twice),
];

/// The name by which this program is asked to reserve a record, and to wait for its death.
pub const HOLD: &str = "--hold";

/// What that program does: descriptor 0 is its end.
pub fn hold() -> ! {
    let end = stdin().as_fd().try_clone_to_owned().unwrap();
    let mut producer = RecordProducer::from_fd(end).unwrap();
    let mut space = producer.reserve(6).unwrap();
    space.copy_from(0, b"orphan");
    forget(space);
    println!("held");
    stdout().flush().unwrap();
    loop {
        thread::park();
    }
}

/// Such a program, which has reserved its record.
struct Holder(Child);

impl Holder {
    fn start(end: OwnedFd) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(HOLD)
            .stdin(Stdio::from(end))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
        assert_eq!((said.unwrap(), &*line), (5, "held\n"));
        Holder(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn many() -> [Builder; 2] {
    [waiting()[1], dropping()[1]]
}

/// Nobody but the dead one can wake us: what is behind its record was committed before.
fn while_we_sleep() {
    for builder in many() {
        let ring = builder.spin(0).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        for dead in 1..=5 {
            let holder = Holder::start(ring.producer_fd().unwrap());
            let arms = watch.consumer_waits().arms;
            thread::scope(|scope| {
                let reader = scope.spawn(|| payload(&mut consumer));
                until(|| watch.consumer_waits().arms > arms);
                producer.write(b"behind").unwrap();
                assert!(watch.used() > 0);
                holder.kill();
                assert_eq!(reader.join().unwrap(), b"behind");
            });
            assert_eq!((watch.lost().aborted, watch.lost().sum()), (dead, dead));
        }
        drop((ring, producer));
        is_end(&mut consumer);
    }
}

/// A consumer that never sleeps goes on as well.
fn while_we_look() {
    for builder in many() {
        let ring = builder.nonblocking(true).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        let holders = [(); 3].map(|()| Holder::start(ring.producer_fd().unwrap()));
        producer.write(b"behind").unwrap();
        (0..200).for_each(|_| nothing(&mut consumer));
        holders.into_iter().for_each(Holder::kill);
        assert_eq!(payload(&mut consumer), b"behind");
        assert_eq!((watch.lost().aborted, watch.lost().sum()), (3, 3));
        assert_eq!(watch.used(), 0);
    }
}

/// The kernel has counted it, and tells it in front of the next record that it writes.
fn told() {
    let ring = many()[1].nonblocking(true).open().unwrap();
    let mut consumer = ring.record_consumer().unwrap();
    for _ in 0..3 {
        Holder::start(ring.producer_fd().unwrap()).kill();
        Holder::start(ring.producer_fd().unwrap()).kill();
        nothing(&mut consumer);
        assert_eq!(write(&ring, b"teller"), Ok(6));
        let lost = gap(&mut consumer);
        assert_eq!((lost.aborted, lost.sum()), (2, 2));
        assert_eq!(payload(&mut consumer), b"teller");
        nothing(&mut consumer);
    }
}

/// An only producer leaves nothing behind, and what was not committed has not happened.
fn the_only_one() {
    for builder in [waiting()[0], dropping()[0]] {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        Holder::start(ring.producer_fd().unwrap()).kill();
        is_end(&mut consumer);
        assert_eq!((watch.used(), watch.lost().sum()), (0, 0));
    }
}

/// A descriptor has one mapping of many producers; another one is of another end.
fn mapped_twice() {
    let ring = many()[0].open().unwrap();
    let mut producer = ring.record_producer().unwrap();
    let copy = producer.as_fd().try_clone_to_owned().unwrap();
    let text = "this end is mapped already: each producer maps one of its own";
    fails(RecordProducer::from_fd(copy), Errno::BUSY, text);
    let copy = producer.as_fd().try_clone_to_owned().unwrap();
    producer.write(b"still there").unwrap();
    // It goes with its mapping, though somebody has the descriptor.
    let mut consumer = ring.record_consumer().unwrap();
    producer.shutdown().unwrap();
    let error = RecordProducer::from_fd(copy).unwrap_err();
    assert_eq!(error.errno(), Errno::BADF.raw_os_error(), "{error:?}");
    drop(ring);
    assert_eq!(payload(&mut consumer), b"still there");
    is_end(&mut consumer);
}

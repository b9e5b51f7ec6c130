// SPDX-License-Identifier: GPL-2.0

//! Peers in C that die, and that break the protocol.

use crate::{
    ktap::Test,
    tools::{check, events, fails, fdinfo, until, Peer, PAGE},
};
use ferrio_ringbuffer::{ringbuffer, Ring};
use rustix::{event::PollFlags, io::Errno};
use std::{io::ErrorKind, thread, time::Duration};

pub const TESTS: &[Test] = &[
    ("death.of_a_producer", of_a_producer),
    (
        "death.of_a_producer_while_we_sleep",
        of_a_producer_while_we_sleep,
    ),
    ("death.of_a_consumer", of_a_consumer),
    (
        "death.of_a_consumer_while_we_sleep",
        of_a_consumer_while_we_sleep,
    ),
    ("corrupt.producer", corrupt_producer),
    ("corrupt.consumer", corrupt_consumer),
];

const CORRUPT: &str = "the ring is corrupt, as its peer broke the protocol: make another";
const CLOSED: &str = "no consumer is left: nobody will read it";

/// What was published is delivered, what was only reserved never.
fn of_a_producer() {
    let ring = Ring::open().unwrap();
    ring.set_size(PAGE).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut peer = Peer::with(ring.producer_fd().unwrap(), "produce_hang", 1000);
    assert_eq!(consumer.wait(1000, None), Ok(1000));
    peer.kill();
    until(|| events(&consumer) == PollFlags::IN | PollFlags::HUP);
    let mut bytes = [0; PAGE];
    assert_eq!(consumer.peek(PAGE).unwrap().len(), 1000);
    assert_eq!(consumer.read(&mut bytes), Ok(1000));
    check(&bytes[..1000], 0);
    assert_eq!(consumer.read(&mut bytes), Ok(0));
    assert_eq!(consumer.wait(1, None), Ok(0));
}

fn of_a_producer_while_we_sleep() {
    let ring = Ring::open().unwrap();
    let mut consumer = ring.consumer().unwrap();
    consumer.set_spin(0);
    let mut peer = Peer::with(ring.producer_fd().unwrap(), "produce_hang", 1000);
    thread::scope(|scope| {
        let killer = scope.spawn({
            let fd = rustix::io::dup(&consumer).unwrap();
            move || {
                until(|| fdinfo(&fd, "rb-consumer-arms") > 0 && held(&fd) == 1000);
                peer.kill();
            }
        });
        // More than will ever come.
        assert_eq!(consumer.peek(1001).unwrap().len(), 1000);
        killer.join().unwrap();
    });
}

fn held(fd: &rustix::fd::OwnedFd) -> u64 {
    fdinfo(fd, "rb-written") - fdinfo(fd, "rb-read")
}

fn of_a_consumer() {
    let ring = Ring::open().unwrap();
    ring.set_size(PAGE).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut peer = Peer::with(ring.consumer_fd().unwrap(), "consume_hang", 1000);
    producer.write(&[7; 1500]).unwrap();
    until(|| producer.used() == 500);
    peer.kill();
    until(|| events(&producer).contains(PollFlags::HUP));
    fails(producer.write(&[1]), Errno::PIPE, CLOSED);
    fails(producer.reserve(1), Errno::PIPE, CLOSED);
    fails(producer.wait(PAGE, None), Errno::PIPE, CLOSED);
}

fn of_a_consumer_while_we_sleep() {
    let ring = Ring::open().unwrap();
    ring.set_size(PAGE).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.set_spin(0);
    let mut peer = Peer::with(ring.consumer_fd().unwrap(), "consume_hang", 2000);
    thread::scope(|scope| {
        let fd = rustix::io::dup(&producer).unwrap();
        let killer = scope.spawn(move || {
            until(|| fdinfo(&fd, "rb-read") == 2000 && held(&fd) == PAGE as u64);
            until(|| fdinfo(&fd, "rb-producer-arms") > 0);
            peer.kill();
        });
        // All that fits behind what was read, and then nobody is there.
        assert_eq!(producer.write(&[7; 3 * PAGE]), Ok(PAGE + 2000));
        killer.join().unwrap();
    });
    fails(producer.write(&[1]), Errno::PIPE, CLOSED);
}

/// Another ring, which has to go on.
fn innocent() {
    let (mut producer, mut consumer) = ringbuffer(PAGE).unwrap();
    producer.write(&[7; 100]).unwrap();
    assert_eq!(consumer.read(&mut [0; 200]), Ok(100));
}

fn corrupt_producer() {
    let ring = Ring::open().unwrap();
    let mut consumer = ring.consumer().unwrap();
    let _peer = Peer::with(ring.producer_fd().unwrap(), "produce_break", 0);
    // Asleep, or looking: the first to see it tells.
    fails(consumer.peek(1), Errno::BADMSG, CORRUPT);
    fails(consumer.read(&mut [0]), Errno::BADMSG, CORRUPT);
    fails(consumer.read(&mut []), Errno::BADMSG, CORRUPT);
    fails(
        consumer.wait(1, Some(Duration::ZERO)),
        Errno::BADMSG,
        CORRUPT,
    );
    let error = consumer.peek(1).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_corrupt()),
        (ErrorKind::InvalidData, true)
    );
    // The producer's position, told by a mapped consumer.
    assert_eq!(fdinfo(&consumer, "rb-corrupt"), 3);
    assert!(events(&consumer).contains(PollFlags::ERR));
    assert!(consumer.used() <= consumer.size());
    innocent();
}

fn corrupt_consumer() {
    let ring = Ring::open().unwrap();
    let mut producer = ring.producer().unwrap();
    let size = producer.size();
    producer.write(&vec![7; size]).unwrap();
    let _peer = Peer::with(ring.consumer_fd().unwrap(), "consume_break", 0);
    // The kernel takes the ring for full as long as nobody takes a turn, so it is not asked.
    producer.set_nonblocking(true);
    while producer
        .reserve(1)
        .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    {
        thread::sleep(Duration::from_millis(1));
    }
    fails(producer.reserve(1), Errno::BADMSG, CORRUPT);
    fails(producer.write(&[1]), Errno::BADMSG, CORRUPT);
    fails(producer.write(&[]), Errno::BADMSG, CORRUPT);
    fails(
        producer.wait(1, Some(Duration::ZERO)),
        Errno::BADMSG,
        CORRUPT,
    );
    // The consumer's position, told by a mapped producer.
    assert_eq!(fdinfo(&producer, "rb-corrupt"), 4);
    assert!(events(&producer).contains(PollFlags::ERR));
    assert!(producer.used() <= size);
    innocent();
}

// SPDX-License-Identifier: GPL-2.0

//! A checked sequence through a small ring, from C to Rust and back; both sides sleep.

use crate::{
    ktap::Test,
    tools::{check, fdinfo, fill, rounds, until, Peer, Pieces, PAGE},
};
use ferrio_ringbuffer::{ringbuffer, Consumer, Producer, Ring};
use rustix::{
    fd::{AsFd, OwnedFd},
    net::{
        sendmsg, socketpair, AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        SocketFlags, SocketType,
    },
};
use std::{io::IoSlice, mem::MaybeUninit};

pub const TESTS: &[Test] = &[
    ("stream.c_write_to_rust_read", c_write_to_rust_read),
    ("stream.c_commit_to_rust_peek", c_commit_to_rust_peek),
    ("stream.rust_write_to_c_read", rust_write_to_c_read),
    ("stream.rust_commit_to_c_peek", rust_commit_to_c_peek),
    ("stream.from_rust_over_a_socket", from_rust_over_a_socket),
    ("stream.rust_to_rust", rust_to_rust),
    ("stream.ping_pong", ping_pong),
];

fn bytes() -> usize {
    rounds(60_000, 8_000)
}

/// Both ends have slept, and been woken no more often than they armed.
fn both_slept(end: impl AsFd + Copy) {
    for side in ["consumer", "producer"] {
        assert!(fdinfo(end, &format!("rb-{side}-sleeps")) > 0, "{side}");
        let arms = fdinfo(end, &format!("rb-{side}-arms"));
        let wakes = fdinfo(end, &format!("rb-{side}-wakes"));
        assert!(
            wakes <= arms && arms - wakes <= 1,
            "{side}: {wakes}, {arms}"
        );
    }
    assert_eq!(fdinfo(end, "rb-misuse"), 0);
    assert_eq!(fdinfo(end, "rb-corrupt"), 0);
}

/// One end mapped here, the other a descriptor for the peer.
fn consumer_and_fd() -> (Consumer, OwnedFd) {
    let ring = Ring::open().unwrap();
    ring.set_size(PAGE).unwrap();
    let mut consumer = ring.consumer().unwrap();
    consumer.set_spin(0);
    (consumer, ring.producer_fd().unwrap())
}

fn producer_and_fd() -> (Producer, OwnedFd) {
    let ring = Ring::open().unwrap();
    ring.set_size(PAGE).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.set_spin(0);
    (producer, ring.consumer_fd().unwrap())
}

/// Reads to the end; from the first byte on the producer has to have slept.
fn read_all(consumer: &mut Consumer, bytes: usize) {
    let (mut at, mut pieces, mut buf) = (0, Pieces::new(), [0; 3000]);
    loop {
        let most = pieces.next(usize::MAX);
        let read = consumer.read(&mut buf[..most]).unwrap();
        if read == 0 {
            break;
        }
        check(&buf[..read], at);
        if at == 0 {
            until(|| fdinfo(&*consumer, "rb-producer-arms") > 0);
        }
        at += read;
    }
    assert_eq!(at, bytes);
}

fn write_all(producer: &mut Producer, bytes: usize) {
    let (mut at, mut pieces, mut buf) = (0, Pieces::new(), [0; 3000]);
    // The consumer has nothing to read, and has to sleep.
    until(|| fdinfo(&*producer, "rb-consumer-arms") > 0);
    while at < bytes {
        let part = pieces.next(bytes - at);
        fill(&mut buf[..part], at);
        assert_eq!(producer.write(&buf[..part]), Ok(part));
        at += part;
    }
}

fn c_write_to_rust_read() {
    let (mut consumer, end) = consumer_and_fd();
    let peer = Peer::with(end, "produce_write", bytes());
    read_all(&mut consumer, bytes());
    both_slept(&consumer);
    peer.ends_well();
}

fn c_commit_to_rust_peek() {
    let (mut consumer, end) = consumer_and_fd();
    let peer = Peer::with(end, "produce_commit", bytes());
    let (mut at, mut pieces, mut buf) = (0, Pieces::new(), [0; PAGE]);
    while at < bytes() {
        // With the producer's 3000 it fits into the ring, else both would wait.
        let want = pieces.next(bytes() - at).min(1000);
        let data = consumer.peek(want).unwrap();
        let there = data.len();
        assert!(there >= want, "{there} of {want} at {at}");
        data.copy_to(0, &mut buf[..there]);
        check(&buf[..there], at);
        data.consume(want).unwrap();
        if at == 0 {
            until(|| fdinfo(&consumer, "rb-producer-arms") > 0);
        }
        at += want;
    }
    assert!(consumer.peek(1).unwrap().is_empty());
    both_slept(&consumer);
    peer.ends_well();
}

fn rust_write_to_c_read() {
    let (mut producer, end) = producer_and_fd();
    let peer = Peer::with(end, "consume_read", bytes());
    write_all(&mut producer, bytes());
    both_slept(&producer);
    drop(producer);
    peer.ends_well();
}

fn rust_commit_to_c_peek() {
    let (mut producer, end) = producer_and_fd();
    let peer = Peer::with(end, "consume_peek", bytes());
    until(|| fdinfo(&producer, "rb-consumer-arms") > 0);
    let (mut at, mut pieces, mut buf) = (0, Pieces::new(), [0; 3000]);
    while at < bytes() {
        let part = pieces.next(bytes() - at);
        // More than is used: what is not committed has not happened.
        let mut space = producer.reserve(PAGE.min(part + 50)).unwrap();
        fill(&mut buf[..part], at);
        space.copy_from(part / 2, &buf[part / 2..part]);
        space.copy_from(0, &buf[..part / 2]);
        space.commit(part).unwrap();
        at += part;
    }
    both_slept(&producer);
    peer.ends_well();
}

fn from_rust_over_a_socket() {
    let (mut producer, end) = producer_and_fd();
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    let peer = Peer::with_socket(theirs, "consume_read", bytes());
    let fds = [end.as_fd()];
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let sent = sendmsg(
        &ours,
        &[IoSlice::new(b"e")],
        &mut control,
        SendFlags::empty(),
    );
    assert_eq!(sent, Ok(1));
    drop(end);
    write_all(&mut producer, bytes());
    drop(producer);
    peer.ends_well();
}

fn rust_to_rust() {
    let (mut producer, mut consumer) = ringbuffer(PAGE).unwrap();
    producer.set_spin(0);
    consumer.set_spin(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || write_all(&mut producer, bytes()));
        read_all(&mut consumer, bytes());
        both_slept(&consumer);
        writer.join().unwrap();
    });
}

/// The peer sleeps for each message, and so do we for each answer.
fn ping_pong() {
    let rounds = rounds(600, 60);
    let (mut there, there_end) = producer_and_fd();
    let (mut back, back_end) = consumer_and_fd();
    let peer = Peer::between(there_end, back_end, rounds * 8);
    for round in 0..rounds {
        let mut answer = [0; 8];
        assert_eq!(there.write(&round.to_ne_bytes()), Ok(8));
        assert_eq!(back.read(&mut answer), Ok(8));
        assert_eq!(usize::from_ne_bytes(answer), round);
    }
    assert!(fdinfo(&back, "rb-consumer-sleeps") > 0);
    peer.ends_well();
    assert_eq!(back.read(&mut [0]), Ok(0));
}

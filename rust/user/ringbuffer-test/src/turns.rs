// SPDX-License-Identifier: GPL-2.0

//! Single turns, in one process: what each call takes, gives and refuses.

use crate::{
    ktap::Test,
    tools::{check, events, fails, fill, PAGE},
};
use ferrio_ringbuffer::{ringbuffer, Consumer, Producer, Ring, ATOMIC};
use rustix::{event::PollFlags, fd::OwnedFd, io::Errno};
use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

pub const TESTS: &[Test] = &[
    ("turn.in_place_across_the_edge", in_place_across_the_edge),
    ("turn.a_full_ring", a_full_ring),
    ("turn.what_is_not_committed", what_is_not_committed),
    ("turn.whole_or_what_fits", whole_or_what_fits),
    ("turn.nothing_to_do", nothing_to_do),
    ("turn.more_than_there_is", more_than_there_is),
    ("turn.end_of_the_stream", end_of_the_stream),
    ("turn.no_reader", no_reader),
    ("turn.time_is_over", time_is_over),
    ("turn.another_holder", another_holder),
    (
        "turn.poll_and_the_standard_traits",
        poll_and_the_standard_traits,
    ),
];

const AGAIN: &str = "it would have to wait, and must not";
const MORE: &str =
    "more bytes than there are, or than the ring holds (of records: its size less 8)";
const CLOSED: &str = "no consumer is left: nobody will read it";
const OVER: &str = "the time is over";

fn pair() -> (Producer, Consumer) {
    let (mut producer, mut consumer) = ringbuffer(PAGE).unwrap();
    producer.set_nonblocking(true);
    consumer.set_nonblocking(true);
    (producer, consumer)
}

/// Bytes of the stream from `position` on.
fn piece(len: usize, position: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fill(&mut bytes, position);
    bytes
}

fn in_place_across_the_edge() {
    let (mut producer, mut consumer) = pair();
    for at in (0..100 * PAGE).step_by(1500) {
        let mut space = producer.reserve(1500).unwrap();
        assert_eq!((space.len(), space.is_empty()), (1500, false));
        space.copy_from(0, &piece(1500, at));
        space.commit(1500).unwrap();
        assert_eq!((producer.used(), consumer.used()), (1500, 1500));
        let data = consumer.peek(1500).unwrap();
        assert_eq!((data.len(), data.is_empty()), (1500, false));
        let mut bytes = [0; 1500];
        data.copy_to(0, &mut bytes);
        check(&bytes, at);
        data.copy_to(700, &mut bytes[..800]);
        check(&bytes[..800], at + 700);
        data.consume(1500).unwrap();
    }
}

fn a_full_ring() {
    let (mut producer, mut consumer) = pair();
    assert_eq!((producer.size(), consumer.size()), (PAGE, PAGE));
    // From the middle on, so that it wraps.
    assert_eq!(producer.write(&[0; 1000]), Ok(1000));
    assert_eq!(consumer.read(&mut [0; 1000]), Ok(1000));
    assert_eq!(producer.write(&piece(PAGE, 0)), Ok(PAGE));
    fails(producer.reserve(1), Errno::AGAIN, AGAIN);
    assert!(producer.reserve(0).unwrap().is_empty());
    assert_eq!(
        (
            producer.used(),
            producer.wait(1, Some(Duration::ZERO)).is_err()
        ),
        (PAGE, true)
    );
    let mut bytes = [0; PAGE + 10];
    assert_eq!(consumer.read(&mut bytes), Ok(PAGE));
    check(&bytes[..PAGE], 0);
    assert_eq!(producer.wait(1, None), Ok(PAGE));
}

fn what_is_not_committed() {
    let (mut producer, mut consumer) = pair();
    producer.reserve(100).unwrap().copy_from(0, &[1; 100]);
    fails(consumer.peek(1), Errno::AGAIN, AGAIN);
    let mut space = producer.reserve(100).unwrap();
    space.copy_from(0, &piece(100, 0));
    // Several times, and less than was reserved.
    space.commit_part(40).unwrap();
    space.commit(40).unwrap();
    let mut bytes = [0; 100];
    assert_eq!(consumer.read(&mut bytes), Ok(80));
    check(&bytes[..80], 0);
    fails(consumer.peek(1), Errno::AGAIN, AGAIN);
}

fn whole_or_what_fits() {
    let (mut producer, mut consumer) = ringbuffer(4 * PAGE).unwrap();
    producer.set_nonblocking(true);
    assert_eq!(
        producer.write(&piece(3 * PAGE + 100, 0)),
        Ok(3 * PAGE + 100)
    );
    fails(producer.write(&[0; ATOMIC]), Errno::AGAIN, AGAIN);
    assert_eq!(producer.used(), 3 * PAGE + 100);
    assert_eq!(
        producer.write(&piece(ATOMIC + 1, 3 * PAGE + 100)),
        Ok(PAGE - 100)
    );
    fails(producer.write(&[0; ATOMIC + 1]), Errno::AGAIN, AGAIN);
    let mut bytes = [0; 4 * PAGE];
    assert_eq!(consumer.read(&mut bytes), Ok(4 * PAGE));
    check(&bytes, 0);
}

fn nothing_to_do() {
    let (mut producer, mut consumer) = pair();
    fails(consumer.peek(0), Errno::AGAIN, AGAIN);
    fails(consumer.read(&mut [0]), Errno::AGAIN, AGAIN);
    assert_eq!(consumer.read(&mut []), Ok(0));
    assert_eq!(producer.write(&[]), Ok(0));
    assert_eq!(producer.write(&[1, 2]), Ok(2));
    fails(consumer.peek(3), Errno::AGAIN, AGAIN);
    assert_eq!(consumer.peek(0).unwrap().len(), 2);
    assert_eq!(consumer.peek(2).unwrap().len(), 2);
    consumer.wakeup().unwrap();
    producer.wakeup().unwrap();
}

fn more_than_there_is() {
    let (mut producer, mut consumer) = pair();
    fails(producer.reserve(PAGE + 1), Errno::INVAL, MORE);
    fails(producer.reserve(usize::MAX), Errno::INVAL, MORE);
    fails(consumer.peek(PAGE + 1), Errno::INVAL, MORE);
    fails(consumer.peek(usize::MAX), Errno::INVAL, MORE);
    fails(producer.reserve(10).unwrap().commit(11), Errno::INVAL, MORE);
    fails(
        producer.reserve(10).unwrap().commit(PAGE + 1),
        Errno::INVAL,
        MORE,
    );
    fails(consumer.consume(1), Errno::INVAL, MORE);
    fails(consumer.wait(PAGE + 1, None), Errno::INVAL, MORE);
    fails(producer.wait(PAGE + 1, None), Errno::INVAL, MORE);
    assert_eq!(producer.used(), 0);
    producer.write(&[1, 2, 3]).unwrap();
    fails(consumer.peek(1).unwrap().consume(4), Errno::INVAL, MORE);
    consumer.peek(1).unwrap().consume(2).unwrap();
    fails(consumer.consume(2), Errno::INVAL, MORE);
    consumer.consume(1).unwrap();
    assert_eq!(producer.used(), 0);
}

fn end_of_the_stream() {
    let (mut producer, mut consumer) = ringbuffer(PAGE).unwrap();
    producer.write(&piece(10, 0)).unwrap();
    drop(producer);
    // Fewer than asked for, but no wait for more.
    assert_eq!(consumer.wait(100, None), Ok(10));
    let data = consumer.peek(100).unwrap();
    assert_eq!(data.len(), 10);
    let mut bytes = [0; 10];
    data.copy_to(0, &mut bytes);
    check(&bytes, 0);
    data.consume(10).unwrap();
    assert!(consumer.peek(1).unwrap().is_empty());
    assert_eq!(consumer.read(&mut [0]), Ok(0));
    assert_eq!(consumer.wait(1, None), Ok(0));
}

fn no_reader() {
    let (mut producer, consumer) = ringbuffer(PAGE).unwrap();
    drop(consumer);
    fails(producer.reserve(1), Errno::PIPE, CLOSED);
    fails(producer.write(&[1]), Errno::PIPE, CLOSED);
    fails(producer.write(&[]), Errno::PIPE, CLOSED);
    fails(producer.wait(1, None), Errno::PIPE, CLOSED);
    let error = producer.write(&[1]).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_corrupt()),
        (ErrorKind::BrokenPipe, false)
    );
}

fn time_is_over() {
    let (mut producer, consumer) = pair();
    let time = Duration::from_millis(30);
    let start = Instant::now();
    fails(consumer.wait(1, Some(time)), Errno::TIMEDOUT, OVER);
    assert!(start.elapsed() >= time);
    producer.write(&[0; PAGE]).unwrap();
    let start = Instant::now();
    fails(producer.wait(1, Some(time)), Errno::TIMEDOUT, OVER);
    assert!(start.elapsed() >= time);
    assert_eq!(
        producer.wait(1, Some(time)).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    // What is there needs no time.
    assert_eq!(consumer.wait(PAGE, Some(Duration::ZERO)), Ok(PAGE));
    assert_eq!(consumer.wait(0, Some(Duration::MAX)), Ok(PAGE));
}

/// An end goes on where its last holder stopped.
fn another_holder() {
    let (mut producer, mut consumer) = pair();
    for at in (0..50_000).step_by(1000) {
        assert_eq!(producer.write(&piece(1000, at)), Ok(1000));
        producer = Producer::from_fd(OwnedFd::from(producer)).unwrap();
        let mut bytes = [0; 1000];
        assert_eq!(consumer.read(&mut bytes[..300]), Ok(300));
        consumer = Consumer::from_fd(OwnedFd::from(consumer)).unwrap();
        assert_eq!(consumer.read(&mut bytes[300..]), Ok(700));
        check(&bytes, at);
    }
}

fn poll_and_the_standard_traits() {
    let ring = Ring::open().unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut producer = ring.producer().unwrap();
    assert_eq!(consumer.size(), 65536);
    assert_eq!(events(&consumer), PollFlags::empty());
    assert_eq!(events(&producer), PollFlags::OUT);
    writeln!(producer, "{} and {}", 1, 2).unwrap();
    producer.flush().unwrap();
    assert_eq!(events(&consumer), PollFlags::IN);
    drop(producer);
    let mut text = String::new();
    consumer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "1 and 2\n");
    assert_eq!(events(&consumer), PollFlags::HUP);
}

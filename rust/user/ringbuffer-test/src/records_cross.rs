// SPDX-License-Identifier: GPL-2.0

//! The two libraries on one ring of records, in one process.

use crate::{
    ffi::{CNext, CRecords},
    ktap::{limit, Test},
    random::Random,
    records::{dropping, extent, is_end, nothing, payload, waiting, LONGEST},
    tools::{check, fails, fill, rounds, until, PAGE},
};
use ferrio_ringbuffer::{Error, NextRecord, Observer, RecordConsumer, RecordProducer, Ring};
use ferrio_ringbuffer_sys::{
    self as sys,
    abi::{FERRIO_RB_READ, FERRIO_RB_WRITE},
};
use rustix::{fd::AsFd, io::Errno};
use std::{collections::VecDeque, thread};

pub const TESTS: &[Test] = &[
    ("record_cross.turn_by_turn", turn_by_turn),
    ("record_cross.c_to_rust", c_to_rust),
    ("record_cross.rust_to_c", rust_to_c),
    ("record_cross.many_of_both", many_of_both),
    ("record_cross.gaps", gaps),
    ("record_cross.dead_in_c", dead_in_c),
    ("record_cross.corrupt_producer", corrupt_producer),
    ("record_cross.corrupt_header", corrupt_header),
    ("record_cross.corrupt_consumer", corrupt_consumer),
];

/// The longest of those that are sent in numbers.
const MOST: usize = 900;

fn errno<T>(result: Result<T, Error>) -> Result<T, Errno> {
    result.map_err(|error| Errno::from_raw_os_error(error.errno()))
}

/// A producer in one of the languages.
enum Producer {
    C(CRecords),
    Rust(Box<RecordProducer>),
}

impl Producer {
    fn c(ring: &Ring) -> Self {
        let end = sys::mint(ring.as_fd(), FERRIO_RB_WRITE).unwrap();
        Producer::C(CRecords::producer(end).unwrap())
    }

    fn rust(ring: &Ring) -> Self {
        let end = sys::mint(ring.as_fd(), FERRIO_RB_WRITE).unwrap();
        let mut producer = RecordProducer::from_fd(end).unwrap();
        producer.set_spin(0);
        producer.set_timeout(Some(limit() / 3));
        Producer::Rust(Box::new(producer))
    }

    fn set_nonblocking(&mut self) {
        match self {
            Producer::C(c) => c.set_nonblocking(true),
            Producer::Rust(rust) => rust.set_nonblocking(true),
        }
    }

    /// As one copy, or built in place; `reserved` is as much as there is then.
    fn put(&mut self, from: &[u8], reserved: Option<usize>) -> Result<(), Errno> {
        match (self, reserved) {
            (Producer::C(c), None) => c.write(from),
            (Producer::C(c), Some(reserved)) => c.commit(reserved, from),
            (Producer::Rust(rust), None) => errno(rust.write(from)),
            (Producer::Rust(rust), Some(reserved)) => {
                errno(rust.reserve(reserved).and_then(|mut space| {
                    space.copy_from(0, from);
                    space.commit(from.len())
                }))
            }
        }
    }
}

/// A consumer in one of the languages.
enum Consumer {
    C(CRecords),
    Rust(Box<RecordConsumer>),
}

impl Consumer {
    fn c(ring: &Ring) -> Self {
        let end = sys::mint(ring.as_fd(), FERRIO_RB_READ).unwrap();
        Consumer::C(CRecords::consumer(end).unwrap())
    }

    fn rust(ring: &Ring) -> Self {
        let end = sys::mint(ring.as_fd(), FERRIO_RB_READ).unwrap();
        let mut consumer = RecordConsumer::from_fd(end).unwrap();
        consumer.set_spin(0);
        consumer.set_timeout(Some(limit() / 3));
        Consumer::Rust(Box::new(consumer))
    }

    fn set_nonblocking(&mut self) {
        match self {
            Consumer::C(c) => c.set_nonblocking(true),
            Consumer::Rust(rust) => rust.set_nonblocking(true),
        }
    }

    fn next(&mut self) -> Result<CNext, Errno> {
        match self {
            Consumer::C(c) => c.next(),
            Consumer::Rust(rust) => errno(rust.next_record()).map(|next| match next {
                NextRecord::Record(record) => CNext::Record(record.to_vec()),
                NextRecord::Gap(lost) => {
                    CNext::Gap([lost.full, lost.too_large, lost.aborted, lost.peer])
                }
                NextRecord::End => CNext::End,
            }),
        }
    }
}

/// Random calls by random holders: each gives what the model gives, byte by byte and errno by
/// errno, and leaves as much in the ring.
fn turn_by_turn() {
    for builder in waiting() {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producers = [Producer::c(&ring), Producer::rust(&ring)];
        let mut consumers = [Consumer::c(&ring), Consumer::rust(&ring)];
        producers.iter_mut().for_each(Producer::set_nonblocking);
        consumers.iter_mut().for_each(Consumer::set_nonblocking);
        let (mut model, mut random) = (VecDeque::<Vec<u8>>::new(), Random::new(0));
        let (mut used, mut written) = (0, 0);
        for turn in 0..rounds(10_000, 500) {
            let who = random.below(2);
            if random.below(2) == 0 {
                // Now and then nothing, or more than ever fits.
                let len = random.size(LONGEST + 100) - random.below(2);
                let mut bytes = vec![0; len];
                fill(&mut bytes, written);
                let expected = if len > LONGEST {
                    Err(Errno::MSGSIZE)
                } else if used + extent(len) + 8 > PAGE {
                    Err(Errno::AGAIN)
                } else {
                    Ok(())
                };
                let said = producers[who].put(&bytes, [None, Some(len)][random.below(2)]);
                assert_eq!(said, expected, "{turn}: {who} writes {len} behind {used}");
                if said.is_ok() {
                    used += extent(len);
                    written += len;
                    model.push_back(bytes);
                }
            } else {
                let expected = model.pop_front().ok_or(Errno::AGAIN);
                used -= expected.as_ref().map_or(0, |bytes| extent(bytes.len()));
                let said = consumers[who].next();
                assert_eq!(said, expected.map(CNext::Record), "{turn}: {who} reads");
            }
            assert_eq!(watch.used(), used, "{turn}");
        }
        assert!(!watch.state().is_corrupt());
        assert_eq!((watch.lost().sum(), watch.discarded()), (0, 0));
    }
}

fn count() -> usize {
    rounds(10_000, 500)
}

/// Lengths, the same for both sides.
fn lengths() -> impl Iterator<Item = usize> {
    let mut random = Random::new(7);
    (0..count()).map(move |_| random.size(MOST) - 1)
}

fn produce(producer: &mut Producer, watch: &Observer) {
    let (mut random, mut at) = (Random::new(8), 0);
    let mut buf = vec![0; MOST];
    // Nothing is there yet, and the consumer has to sleep.
    until(|| watch.consumer_waits().arms > 0);
    for len in lengths() {
        fill(&mut buf[..len], at);
        let reserved = [None, Some(len), Some(len + random.below(200))][random.below(3)];
        assert_eq!(producer.put(&buf[..len], reserved), Ok(()), "at {at}");
        at += len;
    }
}

fn consume(consumer: &mut Consumer, watch: &Observer) {
    let mut at = 0;
    for (number, len) in lengths().enumerate() {
        match consumer.next() {
            Ok(CNext::Record(bytes)) => {
                assert_eq!(bytes.len(), len, "record {number}");
                check(&bytes, at);
            }
            other => panic!("record {number}: {other:?}"),
        }
        at += len;
        // The producer fills the ring, and has to sleep.
        if number == 0 {
            until(|| watch.producer_waits().arms > 0);
        }
    }
    assert_eq!(consumer.next(), Ok(CNext::End));
}

/// A checked stream of random pieces, which ends; both sides sleep, and no wake is made up.
fn stream(from: fn(&Ring) -> Producer, to: fn(&Ring) -> Consumer) {
    for builder in waiting() {
        let ring = builder.open().unwrap();
        let watch = &ring.observer().unwrap();
        let (mut producer, mut consumer) = (from(&ring), to(&ring));
        drop(ring);
        thread::scope(|scope| {
            scope.spawn(move || produce(&mut producer, watch));
            consume(&mut consumer, watch);
        });
        for waits in [watch.consumer_waits(), watch.producer_waits()] {
            assert!(waits.sleeps > 0, "{waits:?}");
            assert!(waits.wakes > 0 && waits.wakes <= waits.arms, "{waits:?}");
            assert!(waits.arms - waits.wakes <= 1, "{waits:?}");
        }
        assert_eq!(watch.used(), 0);
        assert!(watch.state().producer_is_gone() && !watch.state().is_corrupt());
    }
}

fn c_to_rust() {
    stream(Producer::c, Consumer::rust);
}

fn rust_to_c() {
    stream(Producer::rust, Consumer::c);
}

/// Producers in both languages at once: all records come, whole and in their producer's order.
fn many_of_both() {
    const PRODUCERS: usize = 4;
    for consumer in [Consumer::c, Consumer::rust] {
        let ring = waiting()[1].open().unwrap();
        let watch = ring.observer().unwrap();
        let producers = [Producer::c, Producer::rust, Producer::c, Producer::rust];
        let producers = producers.map(|producer| producer(&ring));
        let mut consumer = consumer(&ring);
        drop(ring);
        let mut next = [0; PRODUCERS];
        thread::scope(|scope| {
            for (id, mut producer) in producers.into_iter().enumerate() {
                scope.spawn(move || {
                    let mut random = Random::new(id as u64);
                    for number in 0..count() / 2 {
                        let mut record = vec![id as u8; 9 + random.size(MOST)];
                        record[1..9].copy_from_slice(&number.to_ne_bytes());
                        let more = [None, Some(record.len() + random.below(99))][random.below(2)];
                        assert_eq!(producer.put(&record, more), Ok(()), "{number} of {id}");
                    }
                });
            }
            loop {
                let record = match consumer.next().unwrap() {
                    CNext::Record(record) => record,
                    CNext::End => break,
                    other => panic!("{other:?}"),
                };
                let id = record[0];
                assert!(record[9..].iter().all(|byte| *byte == id));
                let number = usize::from_ne_bytes(record[1..9].try_into().unwrap());
                assert_eq!(number, next[usize::from(id)], "of {id}");
                next[usize::from(id)] += 1;
            }
        });
        assert_eq!(next, [count() / 2; PRODUCERS]);
        assert_eq!(
            (watch.used(), watch.lost().sum(), watch.discarded()),
            (0, 0, 0)
        );
    }
}

/// What one library counts the other one is told, once.
fn gaps() {
    for builder in dropping() {
        let ring = builder.nonblocking(true).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut consumers = [Consumer::c(&ring), Consumer::rust(&ring)];
        consumers.iter_mut().for_each(Consumer::set_nonblocking);
        for (turn, producer) in [Producer::c, Producer::rust].into_iter().enumerate() {
            let mut producer = producer(&ring);
            let consumer = &mut consumers[1 - turn];
            assert_eq!(producer.put(&[1; LONGEST], None), Ok(()));
            assert_eq!(producer.put(b"", None), Err(Errno::NOBUFS));
            assert_eq!(producer.put(&[3; 80], Some(100)), Err(Errno::NOBUFS));
            assert_eq!(consumer.next(), Ok(CNext::Record(vec![1; LONGEST])));
            assert_eq!(consumer.next(), Err(Errno::AGAIN));
            assert_eq!(producer.put(b"next", None), Ok(()));
            assert_eq!(consumer.next(), Ok(CNext::Gap([2, 0, 0, 0])));
            assert_eq!(consumer.next(), Ok(CNext::Record(b"next".into())));
            // Whoever has the slot of one who is gone counts on, and tells what is its own.
            assert_eq!(watch.lost().full, 2 * (turn as u64 + 1));
        }
        assert_eq!(watch.lost().sum(), 4);
    }
}

/// C's producer goes with a reservation; what is behind it is read.
fn dead_in_c() {
    let ring = waiting()[1].nonblocking(true).open().unwrap();
    let watch = ring.observer().unwrap();
    let mut consumer = ring.record_consumer().unwrap();
    let mut rust = ring.record_producer().unwrap();
    for dead in 1..=100 {
        let end = ring.producer_fd().unwrap();
        let mut c = CRecords::producer(end).unwrap();
        c.reserve(100).unwrap();
        rust.write(b"behind").unwrap();
        nothing(&mut consumer);
        drop(c);
        assert_eq!(payload(&mut consumer), b"behind");
        assert_eq!((watch.lost().aborted, watch.lost().sum()), (dead, dead));
    }
    drop((ring, rust));
    is_end(&mut consumer);
}

const CORRUPT: &str = "the ring is corrupt, as its peer broke the protocol: make another";

/// Both ends of a ring that is corrupt say so.
#[track_caller]
fn both_know(producer: &mut RecordProducer, consumer: &mut RecordConsumer, watch: &Observer) {
    assert!(watch.state().is_corrupt());
    fails(consumer.next_record(), Errno::BADMSG, CORRUPT);
    assert!(consumer.next_record().unwrap_err().is_corrupt());
    fails(consumer.wait(1, None), Errno::BADMSG, CORRUPT);
    fails(producer.reserve(1), Errno::BADMSG, CORRUPT);
    assert!(producer.write(b"").unwrap_err().is_corrupt());
    fails(producer.wait(1, None), Errno::BADMSG, CORRUPT);
}

fn both(ring: &Ring) -> (RecordProducer, RecordConsumer) {
    let mint = |rw| sys::mint(ring.as_fd(), rw).unwrap();
    let producer = RecordProducer::from_fd(mint(FERRIO_RB_WRITE)).unwrap();
    (
        producer,
        RecordConsumer::from_fd(mint(FERRIO_RB_READ)).unwrap(),
    )
}

/// A position that no producer can have.
fn corrupt_producer() {
    for (builder, counted) in [(waiting()[0], 0), (dropping()[0], 3)] {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let (mut producer, mut consumer) = both(&ring);
        let mut c = CRecords::producer(ring.producer_fd().unwrap()).unwrap();
        c.break_position();
        fails(consumer.next_record(), Errno::BADMSG, CORRUPT);
        both_know(&mut producer, &mut consumer, &watch);
        assert_eq!(c.write(b""), Err(Errno::BADMSG));
        // Where records are dropped: two that were offered in Rust, and one in C.
        assert_eq!((watch.lost().peer, watch.lost().sum()), (counted, counted));
    }
}

/// What lies where a header has to be.
fn corrupt_header() {
    for builder in waiting().into_iter().chain(dropping()) {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let (mut producer, mut consumer) = both(&ring);
        let mut c = CRecords::producer(ring.producer_fd().unwrap()).unwrap();
        producer.write(b"first").unwrap();
        c.break_first_header();
        fails(consumer.next_record(), Errno::BADMSG, CORRUPT);
        both_know(&mut producer, &mut consumer, &watch);
    }
}

/// A position that no consumer can have.
fn corrupt_consumer() {
    for builder in waiting().into_iter().chain(dropping()) {
        let ring = builder.nonblocking(true).open().unwrap();
        let watch = ring.observer().unwrap();
        let (mut producer, mut consumer) = both(&ring);
        producer.write(&[7; LONGEST]).unwrap();
        let mut c = CRecords::consumer(ring.consumer_fd().unwrap()).unwrap();
        c.break_position();
        fails(producer.write(b"1"), Errno::BADMSG, CORRUPT);
        both_know(&mut producer, &mut consumer, &watch);
    }
}

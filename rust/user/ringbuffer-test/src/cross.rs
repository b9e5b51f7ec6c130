// SPDX-License-Identifier: GPL-2.0

//! The two libraries on one ring, in one process: each end has two holders, one in C and one in
//! Rust, which take turns.

use crate::{
    ffi::CEnd,
    ktap::{limit, Test},
    random::Random,
    tools::{check, fill, rounds, until, PAGE},
};
use ferrio_ringbuffer::{Builder, Consumer, Error, Observer, Producer, Ring};
use ferrio_ringbuffer_sys::{
    self as sys,
    abi::{FERRIO_RB_READ, FERRIO_RB_WRITE},
};
use rustix::{fd::AsFd, io::Errno};
use std::{collections::VecDeque, thread, time::Duration};

pub const TESTS: &[Test] = &[
    ("cross.turn_by_turn", turn_by_turn),
    ("cross.c_to_rust", c_to_rust),
    ("cross.rust_to_c", rust_to_c),
    ("cross.both_to_both", both_to_both),
    ("cross.end_of_the_stream", end_of_the_stream),
    ("cross.no_consumer", no_consumer),
    ("cross.corrupt_producer", corrupt_producer),
    ("cross.corrupt_consumer", corrupt_consumer),
];

/// The most that is reserved, and the most that is waited for: together they fit into the ring, or
/// both sides would wait.
const RESERVED: usize = 3000;
const WANTED: usize = 1000;

/// Whose call it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    C,
    Rust,
}

/// Which of them are there.
type Whose = &'static [Who];

const C: Whose = &[Who::C];
const RUST: Whose = &[Who::Rust];
const BOTH: Whose = &[Who::C, Who::Rust];

fn errno<T>(result: Result<T, Error>) -> Result<T, Errno> {
    result.map_err(|error| Errno::from_raw_os_error(error.errno()))
}

/// The holders of the producer end.
struct Producers {
    c: CEnd,
    rust: Producer,
}

impl Producers {
    fn new(ring: &Ring) -> Self {
        let mint = || sys::mint(ring.as_fd(), FERRIO_RB_WRITE).unwrap();
        let ends = Producers {
            c: CEnd::producer(mint()).unwrap(),
            rust: Producer::from_fd(mint()).unwrap(),
        };
        sys::shutdown(ring.as_fd(), FERRIO_RB_WRITE).unwrap();
        ends
    }

    fn set_nonblocking(&mut self) {
        self.c.set_nonblocking(true);
        self.rust.set_nonblocking(true);
    }

    fn write(&mut self, who: Who, from: &[u8]) -> Result<usize, Errno> {
        match who {
            Who::C => self.c.write(from),
            Who::Rust => errno(self.rust.write(from)),
        }
    }

    fn commit(&mut self, who: Who, reserved: usize, from: &[u8]) -> Result<usize, Errno> {
        match who {
            Who::C => self.c.commit(reserved, from),
            Who::Rust => errno(self.rust.reserve(reserved).and_then(|mut space| {
                assert_eq!(space.len(), reserved);
                space.copy_from(0, from);
                space.commit(from.len()).map(|()| from.len())
            })),
        }
    }
}

/// The holders of the consumer end.
struct Consumers {
    c: CEnd,
    rust: Consumer,
}

impl Consumers {
    fn new(ring: &Ring) -> Self {
        let mint = || sys::mint(ring.as_fd(), FERRIO_RB_READ).unwrap();
        let ends = Consumers {
            c: CEnd::consumer(mint()).unwrap(),
            rust: Consumer::from_fd(mint()).unwrap(),
        };
        sys::shutdown(ring.as_fd(), FERRIO_RB_READ).unwrap();
        ends
    }

    fn set_nonblocking(&mut self) {
        self.c.set_nonblocking(true);
        self.rust.set_nonblocking(true);
    }

    fn read(&mut self, who: Who, to: &mut [u8]) -> Result<usize, Errno> {
        match who {
            Who::C => self.c.read(to),
            Who::Rust => errno(self.rust.read(to)),
        }
    }

    /// Waits for `min`, consumes `part` of them. How many were there; those that fit are in `to`.
    fn consume(
        &mut self,
        who: Who,
        min: usize,
        to: &mut [u8],
        part: usize,
    ) -> Result<usize, Errno> {
        match who {
            Who::C => self.c.consume(min, to, part),
            Who::Rust => errno(self.rust.peek(min).and_then(|data| {
                let there = data.len();
                data.copy_to(0, &mut to[..there]);
                data.consume(part.min(there)).map(|()| there)
            })),
        }
    }
}

fn ring() -> Ring {
    Builder::new().size(PAGE).open().unwrap()
}

/// A ring as it has to behave.
#[derive(Default)]
struct Model {
    bytes: VecDeque<u8>,
    /// Bytes that went into it.
    written: usize,
}

impl Model {
    fn free(&self) -> usize {
        PAGE - self.bytes.len()
    }

    fn next(&self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        fill(&mut bytes, self.written);
        bytes
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.written += bytes.len();
    }

    /// What a write gives, and does.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let free = self.free();
        // Up to a page whole or not at all.
        if bytes.len() > free && (bytes.len() <= PAGE || free == 0) {
            return Err(Errno::AGAIN);
        }
        let part = bytes.len().min(free);
        self.put(&bytes[..part]);
        Ok(part)
    }

    fn commit(&mut self, reserved: usize, bytes: &[u8]) -> Result<usize, Errno> {
        if reserved > PAGE {
            return Err(Errno::INVAL);
        }
        if reserved > self.free() {
            return Err(Errno::AGAIN);
        }
        self.put(bytes);
        Ok(bytes.len())
    }

    fn read(&mut self, most: usize) -> Result<Vec<u8>, Errno> {
        if most > 0 && self.bytes.is_empty() {
            return Err(Errno::AGAIN);
        }
        let part = most.min(self.bytes.len());
        Ok(self.bytes.drain(..part).collect())
    }

    /// The errno of a wait for so many, if it has one.
    fn wait(&self, min: usize) -> Result<(), Errno> {
        match min.max(1) {
            min if min > PAGE => Err(Errno::INVAL),
            min if min > self.bytes.len() => Err(Errno::AGAIN),
            _ => Ok(()),
        }
    }
}

/// Random calls by random holders: each gives what the model gives, byte by byte and errno by
/// errno, and both libraries see the same ring behind it.
fn turn_by_turn() {
    let ring = ring();
    let observer = ring.observer().unwrap();
    let c_observer = CEnd::observer(ring.observer_fd().unwrap()).unwrap();
    let (mut producers, mut consumers) = (Producers::new(&ring), Consumers::new(&ring));
    producers.set_nonblocking();
    consumers.set_nonblocking();
    let (mut model, mut random) = (Model::default(), Random::new(0));
    let mut buf = vec![0; 2 * PAGE];
    for turn in 0..rounds(20_000, 2000) {
        let who = BOTH[random.below(2)];
        // Now and then nothing, or more than the ring.
        let size = random.size(PAGE + 300) - random.below(2);
        match random.below(4) {
            0 => {
                let bytes = model.next(size);
                let said = producers.write(who, &bytes);
                assert_eq!(said, model.write(&bytes), "{turn}: {who:?} writes {size}");
            }
            1 => {
                let bytes = model.next(random.below(size + 1));
                let said = producers.commit(who, size, &bytes);
                let len = bytes.len();
                assert_eq!(
                    said,
                    model.commit(size, &bytes),
                    "{turn}: {who:?} commits {len} of {size}"
                );
            }
            2 => {
                let said = consumers.read(who, &mut buf[..size]);
                let said = said.map(|len| buf[..len].to_vec());
                assert_eq!(said, model.read(size), "{turn}: {who:?} reads {size}");
            }
            _ => {
                let part = random.below(size + 1);
                let said = consumers.consume(who, size, &mut buf, part);
                let what = format!("{turn}: {who:?} consumes {part} of {size}");
                assert_eq!(said.map(drop), model.wait(size), "{what}");
                let Ok(there) = said else { continue };
                // All that it knows of: there may be more.
                let held = model.bytes.len();
                assert!((size.max(1)..=held).contains(&there), "{what}: {there}");
                let first: Vec<_> = model.bytes.iter().copied().take(there).collect();
                assert_eq!(buf[..there], first, "{what}");
                model.bytes.drain(..part);
            }
        }
        let held = model.bytes.len();
        assert_eq!((observer.used(), c_observer.used()), (held, held as u64));
    }
    assert_eq!(observer.written(), model.written as u64);
    assert_eq!(observer.producer_waits().sleeps, 0);
    assert_eq!(observer.consumer_waits().sleeps, 0);
}

fn total() -> usize {
    rounds(600_000, 60_000)
}

fn produce(ends: &mut Producers, whose: Whose, observer: &Observer) {
    let mut random = Random::new(1);
    let mut buf = vec![0; RESERVED];
    let mut at = 0;
    // Nothing is there yet, and the consumer has to sleep.
    until(|| observer.consumer_waits().arms > 0);
    while at < total() {
        let who = whose[random.below(whose.len())];
        let part = random.size(RESERVED).min(total() - at);
        fill(&mut buf[..part], at);
        let said = match random.below(2) {
            0 => ends.write(who, &buf[..part]),
            _ => ends.commit(who, part + random.below(RESERVED - part + 1), &buf[..part]),
        };
        assert_eq!(said, Ok(part), "{who:?} at {at}");
        at += part;
    }
}

fn consume(ends: &mut Consumers, whose: Whose, observer: &Observer) {
    let mut random = Random::new(2);
    let mut buf = vec![0; 2 * PAGE];
    let mut at = 0;
    loop {
        let who = whose[random.below(whose.len())];
        let size = random.size(WANTED);
        let (read, there) = match random.below(2) {
            0 => {
                let read = ends.read(who, &mut buf[..size]).unwrap();
                (read, read)
            }
            // At the end of the stream there are fewer.
            _ => {
                let min = size.min((total() - at).max(1));
                let part = min.min(total() - at);
                let there = ends.consume(who, min, &mut buf, part).unwrap();
                assert!(there >= part, "{who:?} at {at}: {there} of {part}");
                (part, there)
            }
        };
        check(&buf[..there], at);
        if there == 0 {
            break;
        }
        // The producer fills the ring, and has to sleep.
        if at == 0 {
            until(|| observer.producer_waits().arms > 0);
        }
        at += read;
    }
    assert_eq!(at, total());
}

/// A checked stream of random pieces, which ends; both sides sleep, and no wake is made up.
fn stream(from: Whose, to: Whose) {
    let ring = ring();
    let observer = ring.observer().unwrap();
    let (mut producers, mut consumers) = (Producers::new(&ring), Consumers::new(&ring));
    // A lost wake shows as an error, where it can.
    producers.rust.set_timeout(Some(limit() / 3));
    consumers.rust.set_timeout(Some(limit() / 3));
    producers.rust.set_spin(0);
    consumers.rust.set_spin(0);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut producers = producers;
            produce(&mut producers, from, &observer);
        });
        consume(&mut consumers, to, &observer);
        writer.join().unwrap();
    });
    for waits in [observer.consumer_waits(), observer.producer_waits()] {
        assert!(waits.sleeps > 0, "{waits:?}");
        assert!(waits.wakes > 0 && waits.wakes <= waits.arms, "{waits:?}");
        assert!(waits.arms - waits.wakes <= 1, "{waits:?}");
    }
    assert_eq!(observer.written(), total() as u64);
    assert_eq!(observer.read(), total() as u64);
    assert!(observer.state().producer_is_gone() && !observer.state().is_corrupt());
}

fn c_to_rust() {
    stream(C, RUST);
}

fn rust_to_c() {
    stream(RUST, C);
}

fn both_to_both() {
    stream(BOTH, BOTH);
}

/// The end comes when the last holder of the producer end is gone, in whichever language; what was
/// written before is read by the other one.
fn end_of_the_stream() {
    for last in [Who::C, Who::Rust] {
        let ring = ring();
        let (mut producers, mut consumers) = (Producers::new(&ring), Consumers::new(&ring));
        consumers.set_nonblocking();
        assert_eq!(producers.write(last, b"12345"), Ok(5));
        let Producers { c, rust } = producers;
        let mut held: [Option<Box<dyn std::any::Any>>; 2] =
            [Some(Box::new(c)), Some(Box::new(rust))];
        held[usize::from(last == Who::C)] = None;
        let mut buf = [0; 8];
        for who in [Who::C, Who::Rust] {
            assert_eq!(consumers.consume(who, 6, &mut buf, 1), Err(Errno::AGAIN));
        }
        drop(held);
        // Fewer than asked for, but no wait for more.
        assert_eq!(consumers.consume(Who::C, 6, &mut buf, 1), Ok(5));
        assert_eq!(consumers.consume(Who::Rust, 6, &mut buf, 2), Ok(4));
        assert_eq!(&buf[..4], b"2345");
        assert_eq!(consumers.read(last, &mut buf), Ok(2));
        assert_eq!(&buf[..2], b"45");
        for who in [Who::C, Who::Rust] {
            assert_eq!(consumers.read(who, &mut buf), Ok(0));
            assert_eq!(consumers.consume(who, 1, &mut buf, 0), Ok(0));
        }
    }
}

/// Who writes when the last consumer is gone gets EPIPE, by either library.
fn no_consumer() {
    let ring = ring();
    let (mut producers, consumers) = (Producers::new(&ring), Consumers::new(&ring));
    drop(consumers.c);
    assert_eq!(producers.write(Who::C, b"1"), Ok(1));
    assert_eq!(producers.write(Who::Rust, b"2"), Ok(1));
    drop(consumers.rust);
    for who in [Who::C, Who::Rust] {
        assert_eq!(producers.write(who, b"3"), Err(Errno::PIPE));
        assert_eq!(producers.commit(who, 1, b"3"), Err(Errno::PIPE));
    }
    assert_eq!(producers.rust.used(), 2);
}

/// C's producer breaks the rule: both consumers, and the other producer, are told.
fn corrupt_producer() {
    let ring = ring();
    let observer = ring.observer().unwrap();
    let (mut producers, mut consumers) = (Producers::new(&ring), Consumers::new(&ring));
    producers.c.break_position();
    let mut buf = [0; 8];
    assert_eq!(consumers.read(Who::Rust, &mut buf), Err(Errno::BADMSG));
    assert!(observer.state().is_corrupt());
    assert_eq!(consumers.read(Who::C, &mut buf), Err(Errno::BADMSG));
    assert_eq!(producers.write(Who::Rust, b"1"), Err(Errno::BADMSG));
    assert_eq!(producers.write(Who::C, b"1"), Err(Errno::BADMSG));
    assert_eq!(observer.used(), PAGE);
}

/// C's consumer breaks it: C's producer sees it, and Rust's is told.
fn corrupt_consumer() {
    let ring = ring();
    let observer = ring.observer().unwrap();
    let (mut producers, mut consumers) = (Producers::new(&ring), Consumers::new(&ring));
    producers.set_nonblocking();
    consumers.c.break_position();
    assert_eq!(producers.write(Who::C, b"1"), Err(Errno::BADMSG));
    assert!(observer.state().is_corrupt());
    assert_eq!(producers.write(Who::Rust, b"1"), Err(Errno::BADMSG));
    assert_eq!(
        errno(consumers.rust.wait(1, Duration::ZERO)),
        Err(Errno::BADMSG)
    );
    assert_eq!(consumers.read(Who::Rust, &mut [0]), Err(Errno::BADMSG));
}

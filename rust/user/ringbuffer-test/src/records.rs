// SPDX-License-Identifier: GPL-2.0

//! Ends of rings of records in Rust, both of them.

use crate::{
    ktap::Test,
    tools::{fails, fill, PAGE},
};
use ferrio_ringbuffer::{
    ringbuffer, Builder, Consumer, Deadline, Lost, NextRecord, Producer, RecordConsumer,
    RecordProducer, Ring,
};
use rustix::{fd::OwnedFd, io::Errno};
use std::{io::ErrorKind, mem::forget, time::Duration};

pub const TESTS: &[Test] = &[
    ("record.every_length", every_length),
    ("record.in_parts", in_parts),
    ("record.dropped", dropped),
    ("record.forgotten", forgotten),
    ("record.gaps", gaps),
    ("record.no_room", no_room),
    ("record.end_of_the_stream", end_of_the_stream),
    ("record.no_consumer", no_consumer),
    ("record.observer", observer),
    ("record.slots", slots),
    (
        "record.behind_what_is_taken_back",
        behind_what_is_taken_back,
    ),
    ("record.another_ring", another_ring),
    ("record.there_and_back", there_and_back),
];

pub const LONGEST: usize = PAGE - 16;
const MS: Duration = Duration::from_millis(1);
const LONG: &str = "the record is longer than what is reserved, or than the ring's longest";
const LOST: &str = "no room: the record is lost, and counted";
const WAIT: &str = "it would have to wait, and must not";
pub const OVER: &str = "the time is over";
const NOBODY: &str = "no consumer is left: nobody will read it";

/// What a record takes in the ring.
pub fn extent(len: usize) -> usize {
    (len + 8).next_multiple_of(8)
}

/// Rings that wait, of one producer and of many.
pub fn waiting() -> [Builder; 2] {
    let builder = Builder::new().size(PAGE);
    [builder.records(), builder.many_producers()]
}

/// Those that drop.
pub fn dropping() -> [Builder; 2] {
    waiting().map(Builder::drops)
}

fn all() -> impl Iterator<Item = Builder> {
    let both = waiting().into_iter().chain(dropping());
    both.map(|builder| builder.nonblocking(true))
}

/// The next one has to be a record.
#[track_caller]
pub fn payload(consumer: &mut RecordConsumer) -> Vec<u8> {
    match consumer.next_record().unwrap() {
        NextRecord::Record(record) => record.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// The next one has to be a gap.
#[track_caller]
pub fn gap(consumer: &mut RecordConsumer) -> Lost {
    match consumer.next_record().unwrap() {
        NextRecord::Gap(lost) => lost,
        other => panic!("{other:?}"),
    }
}

/// There has to be none.
#[track_caller]
pub fn nothing(consumer: &mut RecordConsumer) {
    fails(consumer.next_record(), Errno::AGAIN, WAIT);
}

/// The end has to be there.
#[track_caller]
pub fn is_end(consumer: &mut RecordConsumer) {
    let next = consumer.next_record().unwrap();
    assert!(matches!(next, NextRecord::End), "{next:?}");
}

/// Of every length, at every place of the ring; what is reserved is nobody's yet.
fn every_length() {
    for builder in all() {
        let (mut producer, mut consumer) = builder.record_pair().unwrap();
        assert_eq!((producer.longest(), producer.size()), (LONGEST, PAGE));
        let mut expected = vec![0; LONGEST];
        for len in (0..64).chain((64..LONGEST).step_by(61)).chain([LONGEST]) {
            fill(&mut expected[..len], len * 4);
            let mut space = producer.reserve(len).unwrap();
            assert_eq!((space.len(), space.is_empty()), (len, len == 0));
            assert_eq!(space.as_mut_ptr() as usize % 8, 0);
            space.copy_from(len / 2, &expected[len / 2..len]);
            space.copy_from(0, &expected[..len / 2]);
            nothing(&mut consumer);
            space.commit(len).unwrap();
            assert_eq!(consumer.used(), extent(len));
            match consumer.next_record().unwrap() {
                NextRecord::Record(record) => {
                    assert_eq!((record.len(), record.is_empty()), (len, len == 0));
                    assert_eq!(record.as_ptr() as usize % 8, 0);
                    assert_eq!(record.to_vec(), expected[..len]);
                    let mut half = vec![0; len / 2];
                    record.copy_to(len - len / 2, &mut half);
                    assert_eq!(half, expected[len - len / 2..len]);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!((producer.used(), consumer.used()), (0, 0));
        }
        fails(producer.reserve(LONGEST + 1), Errno::MSGSIZE, LONG);
        fails(producer.wait(LONGEST + 1, MS), Errno::MSGSIZE, LONG);
    }
}

/// Less than was reserved, in front of others' records.
fn in_parts() {
    for builder in all() {
        let (mut producer, mut consumer) = builder.record_pair().unwrap();
        for turn in 0..500 {
            let len = turn * 7 % 1000;
            let part = len - len * (turn % 5) / 5;
            let mut bytes = vec![0; part];
            fill(&mut bytes, turn * 1000);
            let mut space = producer.reserve(len).unwrap();
            space.copy_from(0, &bytes);
            space.commit(part).unwrap();
            producer.write(&turn.to_ne_bytes()).unwrap();
            assert_eq!(payload(&mut consumer), bytes);
            assert_eq!(payload(&mut consumer), turn.to_ne_bytes());
        }
        nothing(&mut consumer);
        assert_eq!((producer.lost().sum(), producer.discarded()), (0, 0));
    }
}

/// A guard that is dropped takes its record back, and counts it; so does one that is to commit more
/// than it has.
fn dropped() {
    for builder in all() {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        for turn in 1..=200 {
            let mut space = producer.reserve(100).unwrap();
            space.copy_from(0, b"never");
            drop(space);
            let space = producer.reserve(100).unwrap();
            fails(space.commit(101), Errno::MSGSIZE, LONG);
            producer.reserve(0).unwrap().discard();
            nothing(&mut consumer);
            producer.write(b"seen").unwrap();
            assert_eq!(payload(&mut consumer), b"seen");
            assert_eq!(
                (producer.discarded(), watch.discarded()),
                (3 * turn, 3 * turn)
            );
        }
        nothing(&mut consumer);
        assert_eq!(watch.used(), 0);
        assert_eq!((producer.lost(), watch.lost()), Default::default());
    }
}

/// A guard that nobody drops: its producer can do nothing more, and others go on when it is gone. A
/// record that is not dropped is given back by the next look.
fn forgotten() {
    for (builder, many) in all().zip([false, true, false, true]) {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        producer.write(b"one").unwrap();
        producer.write(b"two").unwrap();
        forget(consumer.next_record().unwrap());
        assert_eq!(watch.used(), 2 * extent(3));
        forget(consumer.next_record().unwrap());
        assert_eq!(watch.used(), extent(3));
        nothing(&mut consumer);
        assert_eq!(watch.used(), 0);
        forget(producer.reserve(8).unwrap());
        let text = "this producer has a record that was neither committed nor dropped";
        fails(producer.reserve(8), Errno::BUSY, text);
        fails(producer.write(b"three"), Errno::BUSY, text);
        // As often as it takes for the kernel to be asked.
        (0..200).for_each(|_| nothing(&mut consumer));
        if many {
            let mut other = ring.record_producer().unwrap();
            other.write(b"behind").unwrap();
            nothing(&mut consumer);
            drop(producer);
            assert_eq!(payload(&mut consumer), b"behind");
        } else {
            drop(producer);
        }
        drop(ring);
        is_end(&mut consumer);
        assert_eq!(watch.lost().aborted, many.into());
        assert_eq!((watch.lost().sum(), watch.discarded()), (many.into(), 0));
    }
}

/// What is lost is told once, in front of what comes next.
fn gaps() {
    for builder in dropping() {
        let ring = builder.nonblocking(true).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        for turn in 1..=100 {
            producer.write(&[1; LONGEST]).unwrap();
            fails(producer.write(b""), Errno::NOBUFS, LOST);
            fails(producer.reserve(10), Errno::NOBUFS, LOST);
            assert_eq!(payload(&mut consumer), [1; LONGEST]);
            // Room for what tells it, but never for this.
            fails(producer.write(&[2; LONGEST + 1]), Errno::MSGSIZE, LONG);
            let lost = gap(&mut consumer);
            assert_eq!((lost.full, lost.too_large, lost.sum()), (2, 0, 2));
            nothing(&mut consumer);
            producer.write(b"next").unwrap();
            let lost = gap(&mut consumer);
            assert_eq!((lost.full, lost.too_large, lost.sum()), (0, 1, 1));
            assert_eq!(payload(&mut consumer), b"next");
            nothing(&mut consumer);
            let lost = producer.lost();
            assert_eq!((lost.full, lost.too_large), (2 * turn, turn));
            assert_eq!((lost.sum(), lost), (3 * turn, watch.lost()));
        }
        assert_eq!(watch.discarded(), 0);
    }
}

/// A ring that waits loses nothing; it is full to the last multiple of 8.
fn no_room() {
    for builder in waiting() {
        let ring = builder.nonblocking(true).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        for turn in 0..300 {
            let len = turn * 13 % 500;
            // 8 bytes stay free for the next header.
            let fits = (PAGE - 8) / extent(len);
            (0..fits).for_each(|_| producer.write(&vec![7; len]).unwrap());
            fails(producer.write(&vec![7; len]), Errno::AGAIN, WAIT);
            let rest = PAGE - 8 - fits * extent(len);
            if rest >= 8 {
                producer.write(&vec![8; rest - 8]).unwrap();
                fails(producer.write(b""), Errno::AGAIN, WAIT);
            }
            assert_eq!((producer.used(), consumer.used()), (PAGE - 8, PAGE - 8));
            fails(producer.wait(0, Duration::ZERO), Errno::TIMEDOUT, OVER);
            (0..fits).for_each(|_| assert_eq!(payload(&mut consumer), vec![7; len]));
            if rest >= 8 {
                assert_eq!(payload(&mut consumer), vec![8; rest - 8]);
            }
            nothing(&mut consumer);
            assert_eq!(producer.wait(LONGEST, Deadline::NEVER), Ok(()));
        }
        assert_eq!((watch.lost(), watch.discarded()), (Lost::default(), 0));
    }
}

/// The last record comes in front of the end, which comes when all producers are gone.
fn end_of_the_stream() {
    for (builder, many) in all().zip([false, true, false, true]) {
        let ring = builder.open().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        producer.write(b"last but one").unwrap();
        if many {
            let mut other = ring.record_producer().unwrap();
            other.shutdown().unwrap();
            other = ring.record_producer().unwrap();
            other.write(b"last").unwrap();
        } else {
            producer.write(b"last").unwrap();
        }
        producer.shutdown().unwrap();
        assert_eq!(consumer.state().producer_is_gone(), !many);
        drop(ring);
        assert!(consumer.state().producer_is_gone());
        assert_eq!(payload(&mut consumer), b"last but one");
        assert_eq!(payload(&mut consumer), b"last");
        is_end(&mut consumer);
        is_end(&mut consumer);
        assert_eq!(consumer.wait(1, Deadline::NEVER), Ok(0));
    }
}

fn no_consumer() {
    for builder in all() {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        ring.record_consumer().unwrap().shutdown().unwrap();
        assert!(producer.state().consumer_is_gone());
        fails(producer.write(b"1"), Errno::PIPE, NOBODY);
        fails(producer.reserve(1), Errno::PIPE, NOBODY);
        // Nobody is left to miss it.
        assert_eq!(watch.lost(), Lost::default());
    }
}

fn observer() {
    for builder in all() {
        let ring = builder.open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        let (mut written, mut read) = (0, 0);
        for turn in 0..100 {
            producer.write(&[7; 700]).unwrap();
            written += extent(700);
            if turn % 2 == 1 {
                payload(&mut consumer);
                payload(&mut consumer);
                read += 2 * extent(700);
            }
            assert_eq!(
                (watch.written(), watch.read()),
                (written as u64, read as u64)
            );
            assert_eq!(
                (watch.used(), consumer.used()),
                (written - read, written - read)
            );
        }
        drop((producer, ring));
        assert!(watch.state().producer_is_gone() && !watch.state().consumer_is_gone());
    }
    // One of bytes has lost none.
    let watch = Ring::open().unwrap().observer().unwrap();
    assert_eq!((watch.lost(), watch.discarded()), (Lost::default(), 0));
}

/// There are 56 producers at a time; a descriptor has one of them.
fn slots() {
    let ring = waiting()[1].nonblocking(true).open().unwrap();
    let mut consumer = ring.record_consumer().unwrap();
    let mut producers: Vec<_> = (0..56).map(|_| ring.record_producer().unwrap()).collect();
    let text = "as many producers as a ring can have are mapped: drop one";
    fails(ring.record_producer(), Errno::NFILE, text);
    for (number, producer) in producers.iter_mut().enumerate() {
        producer.write(&[number as u8]).unwrap();
    }
    drop(producers.remove(20));
    producers.push(ring.record_producer().unwrap());
    producers[55].write(&[56]).unwrap();
    for number in 0..57 {
        assert_eq!(payload(&mut consumer), [number]);
    }
    producers.clear();
    drop(ring);
    is_end(&mut consumer);
}

/// Who does not block goes past all that is taken back: of what is behind it he was told before, if
/// at all.
fn behind_what_is_taken_back() {
    let ring = waiting()[1].size(16 * PAGE).nonblocking(true);
    let (mut producer, mut consumer) = ring.record_pair().unwrap();
    for _ in 0..8000 {
        producer.reserve(0).unwrap().discard();
    }
    nothing(&mut consumer);
    for _ in 0..8000 {
        producer.reserve(0).unwrap().discard();
    }
    producer.write(b"behind").unwrap();
    assert_eq!(payload(&mut consumer), b"behind");
    nothing(&mut consumer);
}

/// What moves bytes moves no records, and the other way round.
fn another_ring() {
    let text = "the ring carries records, and this moves bytes: take a record_producer() or \
                record_consumer()";
    for builder in all() {
        let ring = builder.open().unwrap();
        fails(ring.producer(), Errno::PROTO, text);
        fails(ring.consumer(), Errno::PROTO, text);
        fails(builder.pair(), Errno::PROTO, text);
        fails(
            Producer::from_fd(ring.producer_fd().unwrap()),
            Errno::PROTO,
            text,
        );
        // A size changes nothing of that.
        let ring = builder.open().unwrap();
        ring.set_size(2 * PAGE).unwrap();
        let producer = ring.record_producer().unwrap();
        assert_eq!(producer.longest(), 2 * PAGE - 16);
        fails(
            Consumer::from_fd(ring.consumer_fd().unwrap()),
            Errno::PROTO,
            text,
        );
    }
    let text = "the ring carries no records: Builder::records() makes one that does";
    let ring = Ring::open().unwrap();
    fails(ring.record_producer(), Errno::PROTO, text);
    fails(ring.record_consumer(), Errno::PROTO, text);
    let (producer, _consumer) = ringbuffer(PAGE).unwrap();
    let end = OwnedFd::from(producer);
    fails(RecordProducer::try_from(end), Errno::PROTO, text);
    let text = "this descriptor is no end of that kind: Ring::from_fd() takes a plain open, or a \
                driver's file";
    let ring = waiting()[0].open().unwrap();
    let ends = (ring.producer_fd().unwrap(), ring.consumer_fd().unwrap());
    fails(RecordConsumer::from_fd(ends.0), Errno::BADF, text);
    fails(RecordProducer::from_fd(ends.1), Errno::BADF, text);
    let text = "no ring has 5000 bytes: take a power of two from 4096 to 1073741824";
    fails(
        Builder::new().size(5000).records().open(),
        Errno::INVAL,
        text,
    );
    assert_eq!(
        Builder::new().drops().record_pair().unwrap().0.size(),
        65536
    );
}

/// An end goes from hand to hand, with what is in the ring and with what is counted.
fn there_and_back() {
    for builder in all() {
        let (mut producer, mut consumer) = builder.record_pair().unwrap();
        producer.reserve(8).unwrap().discard();
        for number in 0..300u32 {
            producer.write(&number.to_ne_bytes()).unwrap();
            producer = RecordProducer::try_from(OwnedFd::from(producer)).unwrap();
            producer.write(b"same").unwrap();
            assert_eq!(payload(&mut consumer), number.to_ne_bytes());
            consumer = RecordConsumer::try_from(OwnedFd::from(consumer)).unwrap();
            assert_eq!(payload(&mut consumer), b"same");
        }
        assert_eq!(producer.discarded(), 1);
        // As it begins: it waits.
        consumer.set_timeout(Some(MS));
        let late = consumer.next_record().unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
    }
}

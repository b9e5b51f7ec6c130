// SPDX-License-Identifier: GPL-2.0

//! What the crate's own types promise: guards, time limits, settings, observers, errors.

use crate::{
    ktap::{limit, Test},
    tools::{fails, fill, until, PAGE},
};
use ferrio_ringbuffer::{
    ringbuffer, Builder, Consumer, Deadline, Error, Observer, Producer, Ring, Waits, SPIN_FOREVER,
};
use ferrio_ringbuffer_sys::{
    self as sys,
    abi::{FERRIO_RB_READ, FERRIO_RB_WAIT_RELATIVE, FERRIO_RB_WRITE},
};
use rustix::{
    fd::{AsFd, OwnedFd},
    io::Errno,
};
use std::{
    io::{self, ErrorKind, Read, Write},
    thread,
    time::{Duration, Instant},
};

pub const TESTS: &[Test] = &[
    ("guard.discards", guard_discards),
    ("guard.in_parts", guard_in_parts),
    ("guard.consumed_in_parts", guard_consumed_in_parts),
    ("guard.bounds", guard_bounds),
    ("time.of_each_call", time_of_each_call),
    ("time.as_a_deadline", time_as_a_deadline),
    ("time.enough", time_enough),
    ("builder.settings", builder_settings),
    ("builder.no_such_size", builder_no_such_size),
    ("ring.of_a_descriptor", ring_of_a_descriptor),
    ("shutdown.of_a_producer", shutdown_of_a_producer),
    ("shutdown.of_a_consumer", shutdown_of_a_consumer),
    ("observer.sees_all", observer_sees_all),
    ("observer.of_many_threads", observer_of_many_threads),
    ("observer.is_no_end", observer_is_no_end),
    ("error.of_the_calls", error_of_the_calls),
    ("error.as_io", error_as_io),
    ("error.debug", error_debug),
];

const MORE: &str =
    "more bytes than there are, or than the ring holds (of records: its size less 8)";
const OVER: &str = "the time is over";
const OTHER: &str =
    "this descriptor is no end of that kind: Ring::from_fd() takes a plain open, or a \
                driver's file";
const MS: Duration = Duration::from_millis(1);

fn pair() -> (Producer, Consumer) {
    let builder = Builder::new().size(PAGE).nonblocking(true);
    builder.pair().unwrap()
}

/// Nothing that was not committed is seen, and the place is the same again.
fn guard_discards() {
    let (mut producer, mut consumer) = pair();
    let first = {
        let mut space = producer.reserve(100).unwrap();
        space.copy_from(0, &[1; 100]);
        space.as_mut_ptr()
    };
    assert_eq!((producer.used(), consumer.used()), (0, 0));
    let mut space = producer.reserve(PAGE).unwrap();
    assert_eq!(space.as_mut_ptr(), first);
    space.copy_from(PAGE - 4, b"last");
    space.discard();
    assert_eq!(consumer.peek(1).unwrap_err().errno(), 11);
    let mut space = producer.reserve(8).unwrap();
    space.copy_from(0, b"seen");
    space.commit(4).unwrap();
    let mut buf = [0; 8];
    assert_eq!(consumer.read(&mut buf), Ok(4));
    assert_eq!(&buf[..4], b"seen");
    // What was peeked at and not consumed is there again.
    producer.write(b"abc").unwrap();
    drop(consumer.peek(3).unwrap());
    assert_eq!(consumer.peek(1).unwrap().len(), 3);
}

/// Parts go one behind the other, across the edge of the ring too.
fn guard_in_parts() {
    let (mut producer, mut consumer) = pair();
    for at in (0..20 * PAGE).step_by(1000) {
        let mut space = producer.reserve(1500).unwrap();
        for part in [1, 300, 0, 699] {
            let mut bytes = vec![0; part];
            fill(&mut bytes, at + 1500 - space.len());
            space.copy_from(0, &bytes);
            space.commit_part(part).unwrap();
        }
        assert_eq!((space.len(), space.is_empty()), (500, false));
        drop(space);
        let mut bytes = [0; 1500];
        assert_eq!(consumer.read(&mut bytes), Ok(1000));
        crate::tools::check(&bytes[..1000], at);
    }
}

/// Each part begins where the last one ended, across the edge of the ring too; what is consumed the
/// producer has at once, what is not stays.
fn guard_consumed_in_parts() {
    let (mut producer, mut consumer) = pair();
    for at in (0..20 * PAGE).step_by(1000) {
        let there = consumer.used();
        let mut bytes = vec![0; 1500 - there];
        fill(&mut bytes, at + there);
        assert_eq!(producer.write(&bytes), Ok(bytes.len()));
        let mut data = consumer.peek(1500).unwrap();
        for part in [1, 300, 0, 699] {
            let mut bytes = vec![0; part];
            data.copy_to(0, &mut bytes);
            crate::tools::check(&bytes, at + 1500 - data.len());
            data.consume_part(part).unwrap();
            assert_eq!(producer.used(), data.len());
        }
        assert_eq!((data.len(), data.is_empty()), (500, false));
    }
    let mut data = consumer.peek(500).unwrap();
    data.consume_part(500).unwrap();
    assert!(data.is_empty());
    assert_eq!(consumer.used(), 0);
}

/// No more than was reserved is published, though there is space; none then. Nor is more consumed
/// than was found, though there is data.
fn guard_bounds() {
    let (mut producer, mut consumer) = pair();
    fails(producer.reserve(10).unwrap().commit(11), Errno::INVAL, MORE);
    let mut space = producer.reserve(10).unwrap();
    space.commit_part(6).unwrap();
    fails(space.commit_part(5), Errno::INVAL, MORE);
    assert_eq!(space.len(), 4);
    fails(space.commit(usize::MAX), Errno::INVAL, MORE);
    assert_eq!(consumer.used(), 6);
    let mut data = consumer.peek(1).unwrap();
    producer.write(&[0; 10]).unwrap();
    data.consume_part(4).unwrap();
    fails(data.consume_part(3), Errno::INVAL, MORE);
    assert_eq!(data.len(), 2);
    fails(data.consume(usize::MAX), Errno::INVAL, MORE);
    assert_eq!(consumer.used(), 12);
}

/// That `call` ends by its time limit, and not before.
#[track_caller]
fn times_out<T>(call: impl FnOnce() -> Result<T, Error>) {
    let start = Instant::now();
    fails(call(), Errno::TIMEDOUT, OVER);
    assert!(start.elapsed() >= 20 * MS, "{:?}", start.elapsed());
}

fn time_of_each_call() {
    let builder = Builder::new().size(PAGE).timeout(Some(20 * MS));
    let (mut producer, mut consumer) = builder.pair().unwrap();
    times_out(|| consumer.read(&mut [0]));
    times_out(|| consumer.peek(1).map(drop));
    producer.write(&[7; 100]).unwrap();
    times_out(|| consumer.peek(101).map(drop));
    assert_eq!(consumer.peek(100).unwrap().len(), 100);
    producer.write(&[7; PAGE - 100]).unwrap();
    times_out(|| producer.write(&[7]));
    times_out(|| producer.reserve(1).map(drop));
    assert_eq!(consumer.read(&mut [0; 100]), Ok(100));
    // What has been written counts.
    assert_eq!(producer.write(&[7; 2 * PAGE]), Ok(100));
    let start = Instant::now();
    let error = Read::read_exact(&mut consumer, &mut [0; 2 * PAGE]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= 20 * MS);
    consumer.set_timeout(Some(Duration::ZERO));
    fails(consumer.read(&mut [0]), Errno::TIMEDOUT, OVER);
}

fn time_as_a_deadline() {
    let (mut producer, consumer) = pair();
    times_out(|| consumer.wait(1, Instant::now() + 20 * MS));
    times_out(|| consumer.wait(1, 20 * MS));
    times_out(|| consumer.wait(1, Some(20 * MS)));
    let past = Instant::now();
    fails(consumer.wait(1, past), Errno::TIMEDOUT, OVER);
    fails(consumer.wait(1, Duration::ZERO), Errno::TIMEDOUT, OVER);
    producer.write(&[0; PAGE]).unwrap();
    times_out(|| producer.wait(1, Instant::now() + 20 * MS));
    // What is there needs no time.
    assert_eq!(consumer.wait(PAGE, past), Ok(PAGE));
    assert_eq!(consumer.wait(PAGE, Duration::MAX), Ok(PAGE));
    assert_eq!(consumer.wait(1, None), Ok(PAGE));
    assert_eq!(consumer.wait(1, Deadline::NEVER), Ok(PAGE));
    assert_eq!(Deadline::from(None), Deadline::NEVER);
}

/// A limit that is long enough changes nothing; who sleeps with one is woken.
fn time_enough() {
    let builder = Builder::new().size(PAGE).spin(0).timeout(Some(limit() / 3));
    let ring = builder.open().unwrap();
    let observer = ring.observer().unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            until(|| observer.consumer_waits().arms == 1);
            producer.write(b"hello").unwrap();
            until(|| observer.consumer_waits().arms == 2);
            producer.write(b"again").unwrap();
        });
        let mut text = [0; 5];
        assert_eq!(consumer.read(&mut text), Ok(5));
        assert_eq!(&text, b"hello");
        let late = Instant::now() + limit() / 3;
        assert_eq!(consumer.wait(5, late), Ok(5));
    });
    assert_eq!(observer.consumer_waits().wakes, 2);
}

fn builder_settings() {
    let (producer, consumer) = Builder::new().pair().unwrap();
    assert_eq!((producer.size(), consumer.size()), (65536, 65536));
    let ring = Ring::builder().size(2 * PAGE).nonblocking(true).open();
    let ring = ring.unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_eq!((producer.size(), consumer.size()), (2 * PAGE, 2 * PAGE));
    assert_eq!(consumer.peek(1).unwrap_err().kind(), ErrorKind::WouldBlock);
    producer.write(&[0; 2 * PAGE]).unwrap();
    assert_eq!(
        producer.write(&[0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    // Of the ends that this ring hands out, not of the ring.
    let ring = Builder::new().nonblocking(true).open().unwrap();
    let mut consumer = Consumer::try_from(ring.consumer_fd().unwrap()).unwrap();
    consumer.set_timeout(Some(MS));
    fails(consumer.read(&mut [0]), Errno::TIMEDOUT, OVER);
    // It never sleeps, so it is the other thread that has to be seen.
    let builder = Builder::new().size(PAGE).spin(SPIN_FOREVER);
    let ring = builder.open().unwrap();
    let observer = ring.observer().unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    thread::scope(|scope| {
        let reader = scope.spawn(move || consumer.read(&mut [0; 8]));
        thread::sleep(20 * MS);
        producer.write(b"spin").unwrap();
        assert_eq!(reader.join().unwrap(), Ok(4));
    });
    assert_eq!(observer.consumer_waits(), Waits::default());
}

fn builder_no_such_size() {
    for bytes in [1, 5000, usize::MAX] {
        let builder = Builder::new().size(bytes);
        let text =
            format!("no ring has {bytes} bytes: take a power of two from 4096 to 1073741824");
        fails(builder.open(), Errno::INVAL, &text);
        fails(builder.pair(), Errno::INVAL, &text);
    }
}

/// Only an open of the device makes ends, so nothing else becomes a ring.
fn ring_of_a_descriptor() {
    let ring = Builder::new().size(2 * PAGE).open().unwrap();
    let ends = [
        ring.consumer_fd().unwrap(),
        ring.producer_fd().unwrap(),
        ring.observer_fd().unwrap(),
    ];
    for end in ends {
        let text = "this descriptor is an end, or an observer, which makes no others";
        fails(Ring::try_from(end), Errno::PERM, text);
    }
    let null = std::fs::File::open("/dev/null").unwrap();
    let text = "this descriptor is no ring, nor an end of one";
    fails(Ring::from_fd(null.into()), Errno::NOTTY, text);
    // There and back: the size, and what was handed out, are the ring's.
    let ring = Ring::try_from(OwnedFd::from(ring)).unwrap();
    let text =
        "this open has no such end: it was handed out before, it was not opened for it, or a \
                driver has it";
    fails(ring.producer(), Errno::BADF, text);
    assert_eq!(ring.observer().unwrap().size(), 2 * PAGE);
    let ring = Ring::from_fd(OwnedFd::from(Ring::open().unwrap())).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.write(b"hello").unwrap();
    assert_eq!(consumer.read(&mut [0; 8]), Ok(5));
}

/// Given up, the end is gone for all copies; it cannot be mapped again.
fn shutdown_of_a_producer() {
    let ring = Ring::open().unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut producer = ring.producer().unwrap();
    producer.write(b"last").unwrap();
    producer.shutdown().unwrap();
    assert!(consumer.state().producer_is_gone());
    assert_eq!(consumer.wait(100, None), Ok(4));
    let mut text = String::new();
    consumer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "last");
}

fn shutdown_of_a_consumer() {
    let (mut producer, consumer) = ringbuffer(PAGE).unwrap();
    consumer.shutdown().unwrap();
    assert!(producer.state().consumer_is_gone());
    let text = "no consumer is left: nobody will read it";
    fails(producer.write(&[1]), Errno::PIPE, text);
    fails(producer.wait(1, None), Errno::PIPE, text);
}

fn observer_sees_all() {
    let ring = Builder::new().size(PAGE).nonblocking(true).open().unwrap();
    let observer = ring.observer().unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (mut written, mut read) = (0, 0);
    for turn in 0..100 {
        written += producer.write(&[7; 700]).unwrap() as u64;
        assert_eq!((observer.written(), observer.read()), (written, read));
        assert_eq!(observer.used() as u64, written - read);
        if turn % 2 == 1 {
            read += consumer.read(&mut [0; 1400]).unwrap() as u64;
        }
        assert_eq!((observer.written(), observer.read()), (written, read));
        assert_eq!(observer.used() as u64, written - read);
    }
    assert_eq!((observer.size(), written, read), (PAGE, 70_000, 70_000));
    let state = observer.state();
    assert!(!state.producer_is_gone() && !state.consumer_is_gone() && !state.is_corrupt());
    // One wake that finds nobody, and one wait.
    producer.wakeup().unwrap();
    consumer.wait(1, MS).unwrap_err();
    let waits = observer.consumer_waits();
    assert_eq!((waits.arms, waits.wakes), (1, 0));
    drop(producer);
    assert!(observer.state().producer_is_gone() && !observer.state().consumer_is_gone());
    drop(consumer);
    assert!(observer.state().consumer_is_gone());
    // It stays, behind all others.
    drop(ring);
    assert_eq!(observer.written(), 70_000);
}

fn observer_of_many_threads() {
    let ring = Ring::open().unwrap();
    let observer = &ring.observer().unwrap();
    let mut producer = ring.producer().unwrap();
    thread::scope(|scope| {
        let looking: Vec<_> = (0..3)
            .map(|_| scope.spawn(move || until(|| observer.used() == 1000)))
            .collect();
        (0..1000).for_each(|_| producer.write_all(&[1]).unwrap());
        looking
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

fn observer_is_no_end() {
    let ring = Ring::open().unwrap();
    let observer = || ring.observer_fd().unwrap();
    fails(Producer::try_from(observer()), Errno::BADF, OTHER);
    fails(Consumer::try_from(observer()), Errno::BADF, OTHER);
    fails(
        Observer::try_from(ring.consumer_fd().unwrap()),
        Errno::BADF,
        OTHER,
    );
    fails(
        Observer::try_from(ring.producer_fd().unwrap()),
        Errno::BADF,
        OTHER,
    );
    fails(
        Observer::try_from(OwnedFd::from(Ring::open().unwrap())),
        Errno::BADF,
        OTHER,
    );
    // There and back; nor does it keep an end open.
    let again = Observer::try_from(OwnedFd::from(ring.observer().unwrap())).unwrap();
    assert!(again.state().consumer_is_gone() && again.state().producer_is_gone());
    let null = std::fs::File::open("/dev/null").unwrap();
    let text = "this descriptor is no ring, nor an end of one";
    fails(Observer::try_from(OwnedFd::from(null)), Errno::NOTTY, text);
}

/// The calls alone fail as those of the standard library do.
fn error_of_the_calls() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let errno = |error: io::Error| error.raw_os_error();
    assert_eq!(
        sys::get_info(null.as_fd()).map_err(errno).err(),
        Some(Some(25))
    );
    let ring = Ring::open().unwrap();
    assert_eq!(
        sys::set_size(ring.as_fd(), 5000).map_err(errno),
        Err(Some(22))
    );
    assert_eq!(sys::wakeup(ring.as_fd(), 7).map_err(errno), Err(Some(22)));
    let end = ring.consumer_fd().unwrap();
    let minted = sys::mint(end.as_fd(), FERRIO_RB_READ);
    assert_eq!(minted.map_err(errno).err(), Some(Some(1)));
    let late = sys::wait(end.as_fd(), FERRIO_RB_READ, 1, FERRIO_RB_WAIT_RELATIVE, 1);
    let late = late.map(|there| there.bytes).unwrap_err();
    assert_eq!((late.kind(), errno(late)), (ErrorKind::TimedOut, Some(110)));
    let kept = sys::shutdown(end.as_fd(), FERRIO_RB_WRITE);
    assert_eq!(kept.map_err(errno), Err(Some(9)));
    let blamed = sys::blame(end.as_fd(), FERRIO_RB_WRITE);
    assert_eq!(blamed.map_err(errno), Err(Some(9)));
}

/// The errno is kept, and the kind; the text where the standard library has none.
fn error_as_io() {
    let (mut producer, mut consumer) = pair();
    let again = Write::write(&mut filled(&mut producer), &[1]).unwrap_err();
    assert_eq!(again.raw_os_error(), Some(11));
    assert_eq!(Error::errno_of(&again), Some(11));
    assert_eq!(again.kind(), ErrorKind::WouldBlock);
    consumer.set_nonblocking(false);
    consumer.set_timeout(Some(MS));
    assert_eq!(consumer.read(&mut [0; PAGE]), Ok(PAGE));
    let late = Read::read(&mut consumer, &mut [0]).unwrap_err();
    assert_eq!(
        (late.kind(), Error::errno_of(&late)),
        (ErrorKind::TimedOut, Some(110))
    );
    assert_eq!(late.to_string(), OVER);
    let more = io::Error::from(producer.reserve(PAGE + 1).unwrap_err());
    assert_eq!(
        (more.kind(), Error::errno_of(&more)),
        (ErrorKind::InvalidInput, Some(22))
    );
    assert_eq!(more.to_string(), MORE);
    let inner = more
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    assert_eq!(inner, Some(&producer.reserve(PAGE + 1).unwrap_err()));
    drop(consumer);
    let pipe = Write::write(&mut producer, &[1]).unwrap_err();
    assert_eq!(
        (pipe.kind(), pipe.raw_os_error()),
        (ErrorKind::BrokenPipe, Some(32))
    );
    assert_eq!(Error::errno_of(&io::Error::other("another")), None);
}

fn filled(producer: &mut Producer) -> &mut Producer {
    producer.write(&[0; PAGE]).unwrap();
    producer
}

fn error_debug() {
    let error = pair().1.peek(PAGE + 1).unwrap_err();
    assert_eq!(format!("{error:?}"), format!("Turn: errno 22: {MORE}"));
    let (producer, consumer) = pair();
    for text in [format!("{producer:?}"), format!("{consumer:?}")] {
        assert!(text.contains("size: 4096, used: 0"), "{text}");
    }
}

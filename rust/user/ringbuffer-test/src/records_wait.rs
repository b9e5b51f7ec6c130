// SPDX-License-Identifier: GPL-2.0

//! Ends of rings of records in Rust that wait for each other.

use crate::{
    ktap::{limit, Test},
    random::Random,
    records::{dropping, gap, nothing, payload, waiting, LONGEST, OVER},
    tools::{fails, rounds, until, PAGE},
};
use ferrio_ringbuffer::{
    Builder, Error, NextRecord, Notify, RecordConsumer, RecordProducer, SPIN_FOREVER,
};
use rustix::io::Errno;
use std::{
    thread,
    time::{Duration, Instant},
};

pub const TESTS: &[Test] = &[
    ("record_wait.time", time),
    ("record_wait.notify", notify),
    ("record_wait.behind_a_dropped_one", behind_a_dropped_one),
    ("record_wait.a_gap_wakes", a_gap_wakes),
    ("record_wait.rust_to_rust", rust_to_rust),
    ("record_wait.without_a_sleep", without_a_sleep),
    ("record_wait.many_threads", many_threads),
    ("record_wait.many_that_drop", many_that_drop),
];

const MS: Duration = Duration::from_millis(1);

/// That `call` ends by its time limit, and not before.
#[track_caller]
fn times_out<T>(call: impl FnOnce() -> Result<T, Error>) {
    let start = Instant::now();
    fails(call(), Errno::TIMEDOUT, OVER);
    assert!(start.elapsed() >= 20 * MS, "{:?}", start.elapsed());
}

fn time() {
    for builder in waiting() {
        let builder = builder.timeout(Some(20 * MS));
        let (mut producer, mut consumer) = builder.record_pair().unwrap();
        times_out(|| consumer.next_record().map(drop));
        times_out(|| consumer.wait(1, 20 * MS));
        producer.write(&[7; LONGEST]).unwrap();
        times_out(|| producer.write(&[7]));
        times_out(|| producer.reserve(1).map(drop));
        times_out(|| producer.wait(1, Instant::now() + 20 * MS));
        assert_eq!(consumer.wait(PAGE - 8, 20 * MS), Ok(PAGE - 8));
        assert_eq!(payload(&mut consumer), [7; LONGEST]);
        assert_eq!(producer.wait(LONGEST, MS), Ok(()));
        consumer.set_timeout(None);
        consumer.set_nonblocking(true);
        nothing(&mut consumer);
    }
}

/// Who sleeps for a record is woken by it, unless its producer says otherwise.
fn notify() {
    for builder in waiting().into_iter().chain(dropping()) {
        let ring = builder.spin(0).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        let mut put = |number: u8, how| {
            let before = watch.consumer_waits().wakes;
            let mut space = producer.reserve(1).unwrap();
            space.copy_from(0, &[number]);
            space.commit_with(1, how).unwrap();
            watch.consumer_waits().wakes - before
        };
        thread::scope(|scope| {
            let reader = scope.spawn(|| [(); 3].map(|()| payload(&mut consumer)));
            until(|| watch.consumer_waits().arms == 1);
            put(1, Notify::Default);
            // It is read, and its reader sleeps again.
            until(|| watch.used() == 0);
            until(|| watch.consumer_waits().arms > watch.consumer_waits().wakes);
            thread::sleep(20 * MS);
            assert_eq!(put(2, Notify::Quiet), 0);
            // It is not this one that it sleeps for.
            assert_eq!(put(3, Notify::Forced), 1);
            assert_eq!(reader.join().unwrap(), [[1], [2], [3]]);
        });
    }
}

/// Others' records are behind what is discarded, and their commits have not woken.
fn behind_a_dropped_one() {
    for builder in [waiting()[1], dropping()[1]] {
        let ring = builder.spin(0).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut first = ring.record_producer().unwrap();
        let mut second = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        thread::scope(|scope| {
            let space = first.reserve(100).unwrap();
            let reader = scope.spawn(|| payload(&mut consumer));
            until(|| watch.consumer_waits().arms == 1);
            second.write(b"behind").unwrap();
            assert_eq!(watch.consumer_waits().wakes, 0);
            drop(space);
            assert_eq!(reader.join().unwrap(), b"behind");
        });
    }
}

/// Who sleeps where a gap will be is woken for it, and not by the record behind it.
fn a_gap_wakes() {
    for builder in dropping() {
        let ring = builder.spin(0).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        for turn in 1..=5 {
            producer.write(&[1; LONGEST]).unwrap();
            producer.write(b"lost").unwrap_err();
            assert_eq!(payload(&mut consumer), [1; LONGEST]);
            let arms = watch.consumer_waits().arms;
            thread::scope(|scope| {
                let reader = scope.spawn(|| (gap(&mut consumer), payload(&mut consumer)));
                until(|| watch.consumer_waits().arms > arms);
                producer.write(b"next").unwrap();
                let (lost, record) = reader.join().unwrap();
                assert_eq!((lost.full, lost.sum(), &record[..]), (1, 1, &b"next"[..]));
            });
            assert_eq!(watch.lost().full, turn);
        }
    }
}

fn count() -> u64 {
    rounds(10_000, 500) as u64
}

/// Record `number` of a producer: these two numbers, and the second one again and again.
fn record(id: u64, number: u64, words: usize) -> Vec<u8> {
    let rest = (1..words).flat_map(|_| number.to_ne_bytes());
    id.to_ne_bytes().into_iter().chain(rest).collect()
}

/// The two numbers, of a record that is whole.
fn numbers(record: &[u8]) -> (usize, u64) {
    let mut words = record
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
    let (id, number) = (words.next().unwrap(), words.next().unwrap());
    assert!(words.all(|word| word == number) && record.len() % 8 == 0);
    (id as usize, number)
}

/// The last one is offered until it is taken, so that the consumer knows of it.
fn produce(producer: &mut RecordProducer, id: u64) {
    let mut random = Random::new(id);
    let mut number = 0;
    while number < count() {
        let record = record(id, number, 2 + random.below(38));
        match producer.write(&record) {
            Err(error) if error.errno() == Errno::NOBUFS.raw_os_error() => {
                if number == count() - 1 {
                    thread::sleep(MS);
                    continue;
                }
            }
            said => said.unwrap(),
        }
        number += 1;
    }
}

/// Reads to the end: all are whole, in their producers' order. How many of each, and how many were
/// missed by what the gaps say.
fn consume(consumer: &mut RecordConsumer, producers: usize) -> (Vec<u64>, u64) {
    let (mut next, mut seen, mut missed) = (vec![0; producers], vec![0; producers], 0);
    loop {
        match consumer.next_record().unwrap() {
            NextRecord::Record(record) => {
                let (id, number) = numbers(&record.to_vec());
                assert!(number >= next[id], "{number} of {id}, behind {}", next[id]);
                next[id] = number + 1;
                seen[id] += 1;
            }
            NextRecord::Gap(lost) => {
                assert_eq!(lost.sum(), lost.full);
                missed += lost.full;
            }
            NextRecord::End => break,
        }
    }
    assert!(next.into_iter().all(|next| next == count()));
    (seen, missed)
}

/// So many producers at once; what they offered is read or lost.
fn run(builder: Builder, producers: usize) {
    let ring = builder.open().unwrap();
    let watch = ring.observer().unwrap();
    let mut ends: Vec<_> = (0..producers)
        .map(|_| ring.record_producer().unwrap())
        .collect();
    let mut consumer = ring.record_consumer().unwrap();
    drop(ring);
    let (seen, missed) = thread::scope(|scope| {
        for (id, mut producer) in ends.drain(..).enumerate() {
            scope.spawn(move || produce(&mut producer, id as u64));
        }
        consume(&mut consumer, producers)
    });
    let (seen, lost) = (seen.iter().sum::<u64>(), watch.lost());
    // Each offer of the last one that is refused is lost, and all are told but those at the end.
    assert!(seen + lost.full >= producers as u64 * count());
    assert_eq!(lost.sum(), lost.full);
    assert!(missed <= lost.full, "{missed} of {}", lost.full);
    assert!(watch.state().producer_is_gone() && !watch.state().is_corrupt());
    assert_eq!((watch.used(), watch.discarded()), (0, 0));
    for waits in [watch.consumer_waits(), watch.producer_waits()] {
        assert!(
            waits.wakes <= waits.arms && waits.arms - waits.wakes <= 1,
            "{waits:?}"
        );
    }
}

/// One producer, and both sides sleep.
fn rust_to_rust() {
    for builder in waiting() {
        let ring = builder.spin(0).timeout(Some(limit() / 3)).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        drop(ring);
        thread::scope(|scope| {
            let watch = &watch;
            scope.spawn(move || {
                until(|| watch.consumer_waits().arms > 0);
                produce(&mut producer, 0);
            });
            assert_eq!(numbers(&payload(&mut consumer)), (0, 0));
            // The ring gets full, and the producer has to sleep.
            until(|| watch.producer_waits().arms > 0);
            assert_eq!(consume(&mut consumer, 1), (vec![count() - 1], 0));
        });
        assert!(watch.producer_waits().sleeps > 0);
    }
}

/// Ends that never sleep make no call.
fn without_a_sleep() {
    for builder in waiting() {
        let ring = builder.spin(SPIN_FOREVER).open().unwrap();
        let watch = ring.observer().unwrap();
        let mut producer = ring.record_producer().unwrap();
        let mut consumer = ring.record_consumer().unwrap();
        drop(ring);
        thread::scope(|scope| {
            scope.spawn(move || (0..300).for_each(|_| producer.write(&[7; 1000]).unwrap()));
            (0..300).for_each(|_| assert_eq!(payload(&mut consumer), [7; 1000]));
        });
        assert_eq!(
            watch.consumer_waits().sleeps + watch.producer_waits().sleeps,
            0
        );
        assert_eq!(
            watch.consumer_waits().suppressed + watch.producer_waits().suppressed,
            0
        );
    }
}

fn many_threads() {
    let [one, many] = waiting();
    run(one.timeout(Some(limit() / 3)), 1);
    run(many.spin(0).timeout(Some(limit() / 3)), 4);
    run(many.timeout(Some(limit() / 3)), 3);
}

fn many_that_drop() {
    let [one, many] = dropping();
    run(one.timeout(Some(limit() / 3)), 1);
    run(many.spin(0).timeout(Some(limit() / 3)), 4);
}

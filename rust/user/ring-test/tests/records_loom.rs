// SPDX-License-Identifier: GPL-2.0

//! Records in all orders: producers on several CPUs, interrupted, dead and asleep.

use ferrio_ring::{
    records::{readable, Cause, Kind, Loss, Many, Notify, Reaped, Reaper, Record, Refusal, CAUSES},
    state, Bell, Stop, Word,
};
use ferrio_ring_test::{
    check,
    records::{loss, Store, View},
    LoomWord, Side, Wakers,
};
use loom::{sync::Arc, thread};
use std::cell::Cell;

type Ring = Store<LoomWord>;

const QUIET: Notify = Notify::Quiet;
/// In front of a wrap, and at no multiple of a size.
const START: u64 = 0u64.wrapping_sub(24);

/// Reserves, writes and commits a record of one word; whether there was room.
fn produce<const USERS: bool>(
    ring: &Ring,
    many: &Many<View<'_, LoomWord, USERS>>,
    mark: u64,
) -> bool {
    produce_of(ring, many, 8, mark)
}

/// The same of `len` bytes.
fn produce_of<const USERS: bool>(
    ring: &Ring,
    many: &Many<View<'_, LoomWord, USERS>>,
    len: u64,
    mark: u64,
) -> bool {
    match many.reserve(len) {
        Ok(record) => {
            ring.write(&record, mark);
            assert_eq!(many.commit(record, QUIET), None);
            true
        }
        Err(refusal) => {
            assert_eq!(refusal, Refusal::Full);
            false
        }
    }
}

/// Reads up to `turns` times; the marks that were read.
fn consume(ring: &Ring, turns: usize, mut read: impl FnMut() -> Result<Record, Stop>) -> Vec<u64> {
    let mut marks = Vec::new();
    for _ in 0..turns {
        match read() {
            Ok(record) if record.kind == Kind::Data => marks.extend(ring.read(record)),
            Ok(_) => {}
            Err(stop) => assert_eq!(stop, Stop::Empty),
        }
    }
    marks
}

/// Reads and gives back one record after the other.
fn read_and_free(ring: &Ring, turns: usize) -> Vec<u64> {
    let mut reader = ring.reader_of_many();
    let mut marks = Vec::new();
    for _ in 0..turns {
        match reader.read() {
            Ok(record) => {
                marks.extend(ring.read(record));
                assert_eq!(reader.free(QUIET), None);
            }
            Err(stop) => assert_eq!(stop, Stop::Empty),
        }
    }
    marks
}

/// Two producers and a consumer.
#[test]
fn records_of_two_producers() {
    check(2, || {
        let ring = Arc::new(Ring::new(64, START, true, 0));
        let others: Vec<_> = [1, 2]
            .into_iter()
            .map(|mark| {
                let ring = ring.clone();
                thread::spawn(move || assert!(produce(&ring, &ring.many(), mark)))
            })
            .collect();
        let mut reader = ring.reader_of_many();
        let mut marks = consume(&ring, 2, || reader.read());
        for other in others {
            other.join().unwrap();
        }
        marks.extend(consume(&ring, 2, || reader.read()));
        marks.sort();
        assert_eq!(marks, [1, 2]);
    });
}

/// Two producers in a ring that has room for two records and is full: each needs what the consumer
/// gives back, and the limit moved. What one of them writes then lies where the other one may
/// still be walking.
#[test]
fn records_reuse_what_was_given_back() {
    check(2, || {
        let ring = Arc::new(Ring::new(64, START, true, 0));
        let produce = |ring: &Ring, mark| produce_of(ring, &ring.many(), 16, mark);
        assert!(produce(&ring, 1) && produce(&ring, 2));
        let other = {
            let ring = ring.clone();
            thread::spawn(move || [3, 4].map(|mark| (mark, produce(&ring, mark))))
        };
        let consumer = {
            let ring = ring.clone();
            thread::spawn(move || read_and_free(&ring, 2))
        };
        let one = (5, produce(&ring, 5));
        assert_eq!(consumer.join().unwrap(), [1, 2]);
        let [second, third] = other.join().unwrap();
        let mut made: Vec<_> = [second, third, one]
            .into_iter()
            .filter_map(|(mark, made)| made.then_some(mark))
            .collect();
        let mut marks = read_and_free(&ring, 2);
        marks.sort();
        made.sort();
        assert_eq!(marks, made);
        assert!(produce(&ring, 6) && produce(&ring, 7));
        assert_eq!(read_and_free(&ring, 2), [6, 7]);
    });
}

/// A producer is interrupted in front of each of its accesses by another on the same CPU, which
/// reserves, commits, and needs nothing of it; a consumer looks meanwhile.
#[test]
fn records_of_nested_producers() {
    for at in 0..9 {
        check(2, move || {
            let ring = Arc::new(Ring::new(64, START, true, 0));
            let producers = {
                let ring = ring.clone();
                thread::spawn(move || {
                    let left: Cell<usize> = Cell::new(at);
                    let interrupt = || {
                        if left.replace(left.get().wrapping_sub(1)) == 0 {
                            assert!(produce(&ring, &ring.many(), 2));
                        }
                        true
                    };
                    let [armed, wanted] = &ring.consumer_bell;
                    let view: View<'_, _, false> =
                        ring.view(Bell::new(armed, wanted), 0, &interrupt);
                    assert!(produce(&ring, &Many::new(view, 64).unwrap(), 1));
                    left.get() > usize::MAX / 2
                })
            };
            let mut reader = ring.reader_of_many();
            let mut marks = consume(&ring, 2, || reader.read());
            let nested = producers.join().unwrap();
            marks.extend(consume(&ring, 2, || reader.read()));
            marks.sort();
            assert_eq!(marks.len(), if nested { 2 } else { 1 }, "{marks:?}");
            assert_eq!(nested, at < 8, "an access was not interrupted");
        });
    }
}

/// A producer dies in front of each of its accesses, while another one, with a slot as well,
/// reserves behind it, and the consumer reads. Then the kernel reaps it.
#[test]
fn records_of_a_dead_producer() {
    for at in [10, 12, 13, 14, 15] {
        check(2, move || {
            let ring = Arc::new(Ring::new(64, START, true, 2));
            let books: Arc<Loss<LoomWord, LoomWord>> = Arc::new(loss());
            let dead = {
                let (ring, books) = (ring.clone(), books.clone());
                thread::spawn(move || {
                    let left: Cell<usize> = Cell::new(at);
                    let tap = || left.replace(left.get().saturating_sub(1)) > 0;
                    let [armed, wanted] = &ring.consumer_bell;
                    let view: View<'_, _, true> = ring.view(Bell::new(armed, wanted), 1, &tap);
                    let many = Many::new(view, 64).unwrap();
                    if let Ok(record) = many.reserve(8) {
                        if left.get() > 0 {
                            ring.write(&record, 1);
                        }
                        let _ = many.commit(record, QUIET);
                    }
                    // It is dead: now the kernel.
                    let kernel = ring.mixed(0);
                    let Some(mut reaper) = Reaper::new(&kernel, 1, None) else {
                        return Ok(Reaped::Nothing);
                    };
                    match reaper.step(&kernel, 9, &books) {
                        Reaped::Later => Err(()),
                        reaped => Ok(reaped),
                    }
                })
            };
            let other = {
                let ring = ring.clone();
                thread::spawn(move || assert!(produce(&ring, &ring.mixed(2), 2)))
            };
            let mut reader = ring.reader_of_many();
            let mut marks = consume(&ring, 1, || reader.read());
            let reaped = dead.join().unwrap();
            other.join().unwrap();
            // The other one was about to write its header.
            let reaped = reaped.unwrap_or_else(|()| {
                let kernel = ring.mixed(0);
                let mut reaper = Reaper::new(&kernel, 1, None).expect("it was there");
                reaper.step(&kernel, 9, &books)
            });
            marks.extend(consume(&ring, 3, || reader.read()));
            assert!(marks.contains(&2), "the consumer goes on");
            let discarded = match reaped {
                Reaped::Nothing => 0,
                Reaped::Discarded(None) => 1,
                reaped => panic!("{reaped:?}"),
            };
            assert_eq!(books.lost(Cause::Aborted), discarded);
            assert!(marks.len() as u64 + discarded <= 2);
            let end = ring.producer.load() >> 8;
            assert_eq!(reader.free(QUIET), None);
            let consumed = ring.consumer.load() & !7;
            assert_eq!(consumed << 8 >> 8, end, "all of it was read or skipped");
        });
    }
}

/// One producer, which overwrites what the consumer has given back.
#[test]
fn records_of_one_producer() {
    check(3, || {
        let ring = Arc::new(Ring::new(64, START, false, 0));
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut single = ring.single();
                let mut made = Vec::new();
                for mark in [1, 2, 3] {
                    match single.reserve(16) {
                        Ok(record) => {
                            ring.write(&record, mark);
                            assert_eq!(single.commit(record, QUIET), Ok(None));
                            made.push(mark);
                        }
                        Err(refusal) => assert_eq!(refusal, Refusal::Full),
                    }
                }
                made
            })
        };
        let mut reader = ring.reader_of_single();
        let mut marks = Vec::new();
        let mut turn = || {
            if let Ok(record) = reader.read() {
                marks.extend(ring.read(record));
                assert_eq!(reader.free(QUIET), None);
            }
        };
        (0..2).for_each(|_| turn());
        let made = producer.join().unwrap();
        (0..3).for_each(|_| turn());
        assert_eq!(marks, made);
    });
}

/// A ring whose ends can sleep.
struct Sleeping {
    ring: Ring,
    consumer: Side,
}

impl Sleeping {
    fn new(many: bool) -> Self {
        Sleeping {
            ring: Ring::new(64, START, many, 0),
            consumer: Side::new(0, Wakers::Mapped),
        }
    }

    fn view(&self) -> View<'_, LoomWord, false> {
        self.ring.view(self.consumer.bell(), 0, &|| true)
    }

    fn wait(&self, min: u64, look: impl FnOnce() -> u64) {
        let from = self.ring.consumer.load() & !7;
        let wanted = from.wrapping_add(min);
        self.consumer.wait(0, wanted, || look() >= min);
    }
}

#[test]
fn records_wake_a_consumer_of_one() {
    check(3, || {
        let ring = Arc::new(Sleeping::new(false));
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let view = ring.view();
                let mut single = ferrio_ring::records::Single::new(view, 64).unwrap();
                for mark in [1, 2] {
                    let record = single.reserve(8).unwrap();
                    ring.ring.write(&record, mark);
                    if single.commit(record, Notify::Default).unwrap().is_some() {
                        ring.consumer.wake();
                    }
                }
            })
        };
        let mut reader = ring.ring.reader_of_single();
        for mark in [1, 2] {
            loop {
                match reader.read() {
                    Ok(record) => {
                        assert_eq!(ring.ring.read(record), Some(mark));
                        assert_eq!(reader.free(QUIET), None);
                        break;
                    }
                    Err(stop) => assert_eq!(stop, Stop::Empty),
                }
                ring.wait(1, || readable::<_, false>(reader.ring(), 64, 1));
            }
        }
        producer.join().unwrap();
    });
}

/// A consumer that waits for `min` bytes, and two producers; `left`: of an arm left behind.
fn consumer_of_many_sleeps(preemptions: usize, min: u64, left: Option<u64>) {
    check(preemptions, move || {
        let ring = Arc::new(Sleeping::new(true));
        if let Some(left) = left {
            ring.consumer.arm(START.wrapping_add(left));
        }
        let producers: Vec<_> = [1, 2]
            .into_iter()
            .map(|mark| {
                let ring = ring.clone();
                thread::spawn(move || {
                    let many = Many::new(ring.view(), 64).unwrap();
                    let record = many.reserve(8).unwrap();
                    ring.ring.write(&record, mark);
                    if many.commit(record, Notify::Default).is_some() {
                        ring.consumer.wake();
                    }
                })
            })
            .collect();
        let mut reader = ring.ring.reader_of_many();
        let mut marks = Vec::new();
        while marks.len() < 2 {
            match reader.read() {
                Ok(record) if min == 1 => {
                    marks.extend(ring.ring.read(record));
                    assert_eq!(reader.free(QUIET), None);
                }
                Ok(record) => marks.extend(ring.ring.read(record)),
                Err(stop) => {
                    assert_eq!(stop, Stop::Empty);
                    ring.wait(min, || readable::<_, true>(reader.ring(), 64, min));
                }
            }
        }
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

#[test]
fn records_wake_a_consumer_of_many() {
    consumer_of_many_sleeps(1, 1, None);
}

#[test]
fn records_wake_a_consumer_of_two() {
    consumer_of_many_sleeps(1, 32, None);
}

#[test]
fn records_wake_behind_an_arm_left_behind() {
    consumer_of_many_sleeps(1, 1, Some(0u64.wrapping_sub(8)));
}

/// Two producers share books, and offer more than there is room for: each loss is told once.
#[test]
fn records_lost_are_told_once() {
    check(1, || {
        let ring = Arc::new(Ring::new(128, START, true, 0));
        let books: Arc<Loss<LoomWord, LoomWord>> = Arc::new(loss());
        let other = {
            let (ring, books) = (ring.clone(), books.clone());
            thread::spawn(move || {
                let refused = ring.many().offer(300, &books).unwrap_err();
                assert_eq!(refused.why, Refusal::TooLarge);
                let record = ring.many().offer(0, &books).unwrap();
                assert_eq!(ring.many().commit(record, QUIET), None);
            })
        };
        let refused = ring.many().offer(300, &books).unwrap_err();
        assert_eq!(refused.why, Refusal::TooLarge);
        let record = ring.many().offer(0, &books).unwrap();
        assert_eq!(ring.many().commit(record, QUIET), None);
        other.join().unwrap();
        // What nobody has told yet.
        let record = ring.many().offer(0, &books).unwrap();
        assert_eq!(ring.many().commit(record, QUIET), None);
        let mut reader = ring.reader_of_many();
        let mut told = [0; CAUSES];
        let mut records = 0;
        while let Ok(record) = reader.read() {
            match record.kind {
                Kind::Gap => {
                    let gap = reader.gap(record);
                    assert_ne!(gap, [0; CAUSES]);
                    told.iter_mut()
                        .zip(gap)
                        .for_each(|(told, gap)| *told += gap);
                }
                _ => records += 1,
            }
        }
        assert_eq!((told, records), ([0, 2, 0, 0], 3));
        assert_eq!(books.lost(Cause::TooLarge), 2);
        assert!(!books.owes());
    });
}

/// The producers are gone behind their last record, which is delivered.
#[test]
fn records_come_before_the_end() {
    for closed in [true, false] {
        check(3, move || {
            let ring = Arc::new(Ring::new(64, START, true, 0));
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || {
                    assert!(produce(&ring, &ring.many(), 1));
                    ring.state.store_release(state::WRITE_CLOSED);
                })
            };
            let mut reader = ring.reader_of_many();
            let mut marks = Vec::new();
            loop {
                match reader.read() {
                    Ok(record) => marks.extend(ring.read(record)),
                    Err(Stop::Empty) if closed => thread::yield_now(),
                    Err(Stop::Empty) => break,
                    Err(stop) => {
                        assert_eq!(stop, Stop::End);
                        assert_eq!(marks, [1]);
                        break;
                    }
                }
            }
            producer.join().unwrap();
        });
    }
}

/// Two threads redeem one token: one of them gets it.
#[test]
fn records_end_once() {
    check(4, || {
        let ring = Arc::new(Ring::new(64, START, true, 0));
        let token = ring.many().reserve(8).unwrap().into_token();
        let end = move |ring: &Ring| match ring.many().redeem(token) {
            Ok(record) => {
                ring.write(&record, 1);
                assert_eq!(ring.many().commit(record, QUIET), None);
                1
            }
            Err(_) => 0,
        };
        let other = {
            let ring = ring.clone();
            thread::spawn(move || end(&ring))
        };
        let one = end(&ring);
        assert_eq!(one + other.join().unwrap(), 1);
        assert_eq!(read_and_free(&ring, 1), [1]);
    });
}

// SPDX-License-Identifier: GPL-2.0

//! Sleepers and wakers: no wake is lost, which loom would see as all threads asleep.

use ferrio_ring::{Hope, Stop, Word};
use ferrio_ring_test::{check, Ring, Wakers};
use loom::{sync::Arc, thread};

/// Consumes `count` bytes from `at` on as a mapped holder that sleeps whenever there are fewer
/// than `min` (or fewer than are missing).
fn consume_all(ring: &Ring, who: usize, mut at: u64, mut count: u64, min: u64) {
    let mut consumer = ring.consumer();
    while count > 0 {
        let min = min.min(count);
        match consumer.readable_min(min) {
            Ok(span) if span.len >= min => {
                ring.check_span(span, at);
                ring.read(at, span.len);
                if consumer.consume(span.len).is_some() {
                    ring.producer.wake();
                }
                at = at.wrapping_add(span.len);
                count -= span.len;
            }
            Ok(_) | Err(Stop::Empty) => ring.wait_readable(who, at, min),
            Err(stop) => panic!("{stop:?}"),
        }
    }
}

/// Publishes `count` bytes from `at` on, one at a time, as a mapped holder that sleeps for space.
fn produce_all(ring: &Ring, mut at: u64, count: u64) {
    let mut producer = ring.producer();
    let end = at.wrapping_add(count);
    while at != end {
        match producer.free() {
            Ok(span) => {
                ring.check_span(span, at);
                ring.write(at, 1);
                if producer.publish(1).is_some() {
                    ring.consumer.wake();
                }
                at = at.wrapping_add(1);
            }
            Err(Stop::Full) => ring.wait_writable(at, 1),
            Err(stop) => panic!("{stop:?}"),
        }
    }
}

/// `arms - wakes` is 1 while armed, else 0; more wakes than arms there never are.
fn check_counters(ring: &Ring) {
    for side in [&ring.consumer, &ring.producer] {
        let (arms, wakes) = side.sleepers.arms_and_wakes();
        assert!(arms - wakes <= 1, "{arms} arms, {wakes} wakes");
    }
}

/// A consumer that sleeps for each byte, and a mapped producer that has space for all.
fn consumer_sleeps(start: u64) {
    check(4, move || {
        let ring = Arc::new(Ring::new(2, start, Wakers::Mapped));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || produce_all(&ring, start, 2))
        };
        consume_all(&ring, 0, start, 2, 1);
        writer.join().unwrap();
        check_counters(&ring);
    });
}

#[test]
fn mapped_producer_wakes() {
    consumer_sleeps(0);
}

#[test]
fn wanted_wraps_at_32_bits() {
    consumer_sleeps((1 << 32) - 1);
}

#[test]
fn wanted_wraps_at_64_bits() {
    consumer_sleeps(u64::MAX);
}

#[test]
fn kernel_producer_wakes() {
    check(4, || {
        let ring = Arc::new(Ring::new(2, 0, Wakers::Kernel));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || (0..2).for_each(|_| assert_eq!(ring.write_call(1), 1)))
        };
        let mut seen = 0;
        while seen < 2 {
            match ring.read_call() {
                0 => ring.wait_readable(0, seen, 1),
                len => seen += len,
            }
        }
        writer.join().unwrap();
        check_counters(&ring);
    });
}

/// A mapped producer first, write(2) behind it: the one looks at the page, the other at the
/// kernel's memory, and each arm is in both.
#[test]
fn wakers_of_both_kinds_wake() {
    check(3, || {
        let ring = Arc::new(Ring::new(2, 0, Wakers::Both));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || {
                produce_all(&ring, 0, 1);
                assert_eq!(ring.write_call(1), 1);
            })
        };
        consume_all(&ring, 0, 0, 2, 1);
        writer.join().unwrap();
        check_counters(&ring);
    });
}

/// Full, so that the producer sleeps for space.
#[test]
fn consumer_wakes() {
    check(6, || {
        let ring = Arc::new(Ring::full(1, 0, Wakers::Mapped));
        let reader = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut consumer = ring.consumer();
                ring.read(0, consumer.readable().unwrap().len);
                if consumer.consume(1).is_some() {
                    ring.producer.wake();
                }
            })
        };
        produce_all(&ring, 1, 1);
        reader.join().unwrap();
        assert_eq!(ring.read_call(), 1);
        check_counters(&ring);
    });
}

/// Each end sleeps for the other, in a ring of one byte.
#[test]
fn both_ends_sleep() {
    check(3, || {
        let ring = Arc::new(Ring::new(1, u64::MAX, Wakers::Mapped));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || produce_all(&ring, u64::MAX, 2))
        };
        consume_all(&ring, 0, u64::MAX, 2, 1);
        writer.join().unwrap();
        check_counters(&ring);
    });
}

/// Two waits at one end, for one byte and for two: one arm, the smaller `wanted`, and whoever
/// wakes wakes both; the one for whom it is not enough arms again.
#[test]
fn two_sleepers_of_one_end() {
    check(2, || {
        let ring = Arc::new(Ring::new(2, 0, Wakers::Mapped));
        let sleepers: Vec<_> = [1, 2]
            .into_iter()
            .enumerate()
            .map(|(who, min)| {
                let ring = ring.clone();
                thread::spawn(move || {
                    while ring.producer.position.load_acquire() < min {
                        ring.wait_readable(who, 0, min);
                    }
                    ring.read(0, min);
                })
            })
            .collect();
        for (at, sleeper) in (0..).zip(sleepers) {
            produce_all(&ring, at, 1);
            // No byte more before the one for whom this is enough has seen it.
            sleeper.join().unwrap();
        }
        check_counters(&ring);
    });
}

/// A wait that has ended by its timeout leaves its arm behind. The next one, for more, finds the
/// end armed for less; it is woken for that and arms anew.
#[test]
fn arm_is_left_behind() {
    check(4, || {
        let ring = Arc::new(Ring::new(2, 0, Wakers::Mapped));
        ring.consumer.arm(1);
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || produce_all(&ring, 0, 2))
        };
        consume_all(&ring, 0, 0, 2, 2);
        writer.join().unwrap();
        check_counters(&ring);
    });
}

/// Three of four bytes are there; the consumer waits for the fourth, and the producer, which needs
/// one free byte, for two. Whoever is first to sleep: neither sleeps for ever.
#[test]
fn sleepers_for_each_other() {
    check(4, || {
        let mut ring = Ring::new(4, 0, Wakers::Both);
        ring.write(0, 3);
        ring.producer.position = ferrio_ring_test::LoomWord::new(3);
        let ring = Arc::new(ring);
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let hope = Hope::new(1, 2);
                // Woken by the consumer's arm, or not asleep since it is there.
                ring.wait_hoping(3, hope);
                assert_eq!(ring.write_call(1), 1);
            })
        };
        while ring.producer.position.load_acquire() < 4 {
            ring.wait_readable_and_call(0, 4);
        }
        assert_eq!(ring.read_call(), 4);
        writer.join().unwrap();
        check_counters(&ring);
    });
}

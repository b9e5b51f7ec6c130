// SPDX-License-Identifier: GPL-2.0

//! Peers that die, and peers that write what they like.

use ferrio_ring::{observe, state, Stop, Turn, Word};
use ferrio_ring_test::{check, Ring, Wakers};
use loom::{sync::Arc, thread};

/// Consumes until the end of the stream, without waiting for anything but the scheduler.
fn consume_to_the_end(ring: &Ring, sleep: bool) -> u64 {
    let mut consumer = ring.consumer();
    let mut seen = 0;
    loop {
        match consumer.readable() {
            Ok(span) => {
                ring.check_span(span, seen);
                ring.read(seen, span.len);
                assert_eq!(consumer.consume(span.len), None, "nobody sleeps");
                seen += span.len;
            }
            Err(Stop::End) => return seen,
            Err(Stop::Empty) if sleep => ring.wait_readable(0, seen, 1),
            Err(Stop::Empty) => thread::yield_now(),
            Err(stop) => panic!("{stop:?}"),
        }
    }
}

/// A mapped producer that is killed behind its second byte, with a third one half made.
fn producer_dies(sleep: bool) {
    check(4, move || {
        let ring = Arc::new(Ring::new(4, 0, Wakers::Mapped));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut producer = ring.producer();
                for at in 0..2 {
                    let span = producer.free().unwrap();
                    ring.check_span(span, at);
                    ring.write(at, 1);
                    if producer.publish(1).is_some() {
                        ring.consumer.wake();
                    }
                }
                ring.write(2, 1);
                ring.close(state::WRITE_CLOSED);
            })
        };
        assert_eq!(consume_to_the_end(&ring, sleep), 2);
        writer.join().unwrap();
    });
}

#[test]
fn last_bytes_come_before_the_end() {
    producer_dies(false);
}

#[test]
fn sleeping_consumer_sees_the_end() {
    producer_dies(true);
}

#[test]
fn sleeping_producer_sees_the_end() {
    check(6, || {
        let ring = Arc::new(Ring::full(1, 0, Wakers::Mapped));
        let reader = {
            let ring = ring.clone();
            thread::spawn(move || ring.close(state::READ_CLOSED))
        };
        let mut producer = ring.producer();
        loop {
            match producer.free() {
                Err(Stop::Full) => ring.wait_writable(1, 1),
                Err(Stop::Closed) => break,
                other => panic!("{other:?}"),
            }
        }
        reader.join().unwrap();
    });
}

/// Positions that are one off, a ring off or half the numbers off; `at` is an honest one.
fn impossible(at: u64, size: u64) -> [u64; 4] {
    [
        at.wrapping_sub(1),
        at.wrapping_add(size + 1),
        at.wrapping_add(1 << 63),
        u64::MAX,
    ]
}

/// Whatever is in the words, a span lies in the ring.
fn in_ring(ring: &Ring, span: ferrio_ring::Span) {
    assert!(span.offset < ring.size);
    assert!(1 <= span.len && span.len <= ring.size);
}

#[test]
fn hostile_producer_hurts_no_consumer() {
    const START: u64 = u64::MAX;
    for value in impossible(START, 2) {
        check(3, move || {
            let ring = Arc::new(Ring::new(2, START, Wakers::Mapped));
            let hostile = {
                let ring = ring.clone();
                thread::spawn(move || {
                    ring.producer.scribble(value, value, value);
                    ring.producer.scribble(START.wrapping_add(2), 1, START);
                })
            };
            let mut consumer = ring.consumer();
            let mut calls = Vec::new();
            for _ in 0..2 {
                match consumer.readable() {
                    Ok(span) => {
                        in_ring(&ring, span);
                        calls.extend(consumer.consume(1));
                    }
                    Err(stop) => assert!(matches!(stop, Stop::Empty | Stop::Corrupt)),
                }
            }
            calls.dedup();
            assert!(calls.len() <= 2, "a call for each value at most: {calls:?}");
            let (own, peer) = (&ring.consumer.position, &ring.producer.position);
            if let Ok(turn) = Turn::consume(own, peer, ring.size) {
                assert!(turn.available() <= ring.size);
            }
            assert!(observe(own, peer, ring.size) <= ring.size);
            hostile.join().unwrap();
        });
    }
}

#[test]
fn hostile_consumer_hurts_no_producer() {
    const START: u64 = u64::MAX;
    for value in impossible(START, 2) {
        check(2, move || {
            let ring = Arc::new(Ring::new(2, START, Wakers::Mapped));
            let hostile = {
                let ring = ring.clone();
                thread::spawn(move || {
                    ring.consumer.scribble(value, value, value);
                    ring.consumer.scribble(START.wrapping_add(1), 1, START);
                })
            };
            let mut producer = ring.producer();
            let mut calls = Vec::new();
            for _ in 0..2 {
                match producer.free() {
                    Ok(span) => {
                        in_ring(&ring, span);
                        calls.extend(producer.publish(1));
                    }
                    Err(stop) => assert!(matches!(stop, Stop::Full | Stop::Corrupt)),
                }
            }
            calls.dedup();
            assert!(calls.len() <= 2, "a call for each value at most: {calls:?}");
            let (own, peer) = (&ring.producer.position, &ring.consumer.position);
            if let Ok(turn) = Turn::produce(own, peer, ring.size) {
                assert!(turn.available() <= ring.size);
            }
            hostile.join().unwrap();
        });
    }
}

/// The kernel has been told of a broken rule: mapped holders learn of it, and the bytes that are
/// in the ring are not delivered.
#[test]
fn corrupt_reaches_mapped_holders() {
    check(4, || {
        let ring = Arc::new(Ring::new(2, 0, Wakers::Mapped));
        let kernel = {
            let ring = ring.clone();
            thread::spawn(move || {
                ring.write_call(1);
                ring.close(state::CORRUPT);
            })
        };
        let mut consumer = ring.consumer();
        loop {
            match consumer.readable() {
                Err(Stop::Empty) => {
                    let at = ring.consumer.position.load();
                    ring.wait_readable(0, at, 1);
                }
                Err(Stop::Corrupt) => break,
                // Seen before the state, and delivered.
                Ok(span) => {
                    ring.check_span(span, 0);
                    ring.read(0, 1);
                    assert_eq!(consumer.consume(1), None, "nobody sleeps");
                }
                other => panic!("{other:?}"),
            }
        }
        kernel.join().unwrap();
        assert_eq!(ring.producer().free(), Err(Stop::Corrupt));
        assert_eq!(consumer.readable(), Err(Stop::Corrupt));
    });
}

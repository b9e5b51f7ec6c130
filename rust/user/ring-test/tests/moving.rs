// SPDX-License-Identifier: GPL-2.0

//! Bytes move, and holders of an end change: nothing stale, nothing lost, nothing twice.

use ferrio_ring::{observe, Stop, Turn, Word};
use ferrio_ring_test::{check, Ring, Wakers};
use loom::{sync::Arc, sync::Mutex, thread};

/// Publishes up to `turns` bytes, one at a time, as far as there is space, and says how many.
fn produce(ring: &Ring, mut at: u64, turns: u64) -> u64 {
    let mut producer = ring.producer();
    let mut made = 0;
    for _ in 0..turns {
        match producer.free() {
            Ok(span) => {
                ring.check_span(span, at);
                ring.write(at, 1);
                assert_eq!(producer.publish(1), None, "nobody sleeps");
                at = at.wrapping_add(1);
                made += 1;
            }
            Err(stop) => assert_eq!(stop, Stop::Full),
        }
    }
    made
}

/// Consumes all that is there, `turns` times, and says how much it was.
fn consume(ring: &Ring, mut at: u64, turns: u64) -> u64 {
    let mut consumer = ring.consumer();
    let mut seen = 0;
    for _ in 0..turns {
        match consumer.readable() {
            Ok(span) => {
                ring.check_span(span, at);
                ring.read(at, span.len);
                assert_eq!(consumer.consume(span.len), None, "nobody sleeps");
                at = at.wrapping_add(span.len);
                seen += span.len;
            }
            Err(stop) => assert_eq!(stop, Stop::Empty),
        }
    }
    seen
}

/// Both ends mapped; the producer overwrites what the consumer has given back.
fn both_mapped(start: u64) {
    check(4, move || {
        let ring = Arc::new(Ring::new(2, start, Wakers::Mapped));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || produce(&ring, start, 3))
        };
        let mut seen = consume(&ring, start, 3);
        let made = writer.join().unwrap();
        assert!(seen <= made && made >= 2);
        seen += consume(&ring, start.wrapping_add(seen), 1);
        assert_eq!(seen, made);
    });
}

#[test]
fn bytes_are_behind_the_position() {
    both_mapped(0);
}

#[test]
fn positions_wrap_at_32_bits() {
    both_mapped((1 << 32) - 1);
}

#[test]
fn positions_wrap_at_64_bits() {
    both_mapped(u64::MAX);
}

#[test]
fn calls_move_bytes_from_and_to_mappings() {
    check(4, || {
        let ring = Arc::new(Ring::new(2, u64::MAX, Wakers::Kernel));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || (0..3).map(|_| ring.write_call(1)).sum::<u64>())
        };
        let mut seen = consume(&ring, u64::MAX, 3);
        let made = writer.join().unwrap();
        assert!(seen <= made && made >= 2);
        seen += ring.read_call();
        assert_eq!(seen, made);
    });
    check(4, || {
        let ring = Arc::new(Ring::new(2, u64::MAX, Wakers::Kernel));
        let reader = {
            let ring = ring.clone();
            thread::spawn(move || (0..3).map(|_| ring.read_call()).sum::<u64>())
        };
        let made = produce(&ring, u64::MAX, 3);
        let seen = reader.join().unwrap();
        assert!(seen <= made && made >= 2);
        assert_eq!(seen + ring.read_call(), made);
    });
}

/// A mapped consumer, read(2) in another thread and the first one again: what the mapped one has
/// kept of the producer's position is behind its own by then. The end goes from one to the other
/// under a lock; the producer knows nothing of it.
#[test]
fn consumer_changes_holder() {
    check(3, || {
        let ring = Arc::new(Ring::new(2, 0, Wakers::Mapped));
        ring.write_call(1);
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || 1 + produce(&ring, 1, 3))
        };
        let end = Arc::new(Mutex::new(0));
        let caller = {
            let (ring, end) = (ring.clone(), end.clone());
            thread::spawn(move || {
                let mut end = end.lock().unwrap();
                *end += ring.read_call();
            })
        };
        let mut consumer = ring.consumer();
        for _ in 0..2 {
            let mut seen = end.lock().unwrap();
            match consumer.readable() {
                Ok(span) => {
                    ring.check_span(span, *seen);
                    ring.read(*seen, span.len);
                    assert_eq!(consumer.consume(1), None, "nobody sleeps");
                    *seen += 1;
                }
                Err(stop) => assert_eq!(stop, Stop::Empty),
            }
        }
        caller.join().unwrap();
        let made = writer.join().unwrap();
        let seen = *end.lock().unwrap();
        assert_eq!(seen + ring.read_call(), made);
    });
}

/// The same for the producer end.
#[test]
fn producer_changes_holder() {
    check(3, || {
        let ring = Arc::new(Ring::new(2, 0, Wakers::Mapped));
        let reader = {
            let ring = ring.clone();
            thread::spawn(move || consume(&ring, 0, 2))
        };
        let end = Arc::new(Mutex::new(0));
        let caller = {
            let (ring, end) = (ring.clone(), end.clone());
            thread::spawn(move || {
                let mut end = end.lock().unwrap();
                *end += ring.write_call(2);
            })
        };
        let mut producer = ring.producer();
        for _ in 0..2 {
            let mut made = end.lock().unwrap();
            match producer.free() {
                Ok(span) => {
                    ring.check_span(span, *made);
                    ring.write(*made, 1);
                    assert_eq!(producer.publish(1), None, "nobody sleeps");
                    *made += 1;
                }
                Err(stop) => assert_eq!(stop, Stop::Full),
            }
        }
        caller.join().unwrap();
        let seen = reader.join().unwrap();
        let made = *end.lock().unwrap();
        assert_eq!(seen + ring.read_call(), made);
    });
}

/// Who looks at an end that another holder moves at the same time may see too little, but takes
/// nothing of it for a broken rule.
#[test]
fn moving_end_is_no_corruption() {
    check(3, || {
        let ring = Arc::new(Ring::full(2, 0, Wakers::Mapped));
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || produce(&ring, 2, 2))
        };
        let looker = {
            let ring = ring.clone();
            thread::spawn(move || {
                let (own, peer) = (&ring.consumer.position, &ring.producer.position);
                let turn = Turn::consume(own, peer, ring.size).expect("no corruption");
                assert!(turn.available() <= ring.size);
                turn.position()
            })
        };
        let mut seen = consume(&ring, 0, 2);
        assert!(looker.join().unwrap() <= seen);
        let made = 2 + writer.join().unwrap();
        seen += consume(&ring, seen, 1);
        assert_eq!(seen, made);
        assert_eq!(
            observe(&ring.consumer.position, &ring.producer.position, 2),
            0
        );
    });
}

/// A turn whose end was moved by another holder meanwhile says so and leaves that one's position.
#[test]
fn misuse_is_noticed() {
    check(6, || {
        let ring = Arc::new(Ring::full(2, 0, Wakers::Mapped));
        let turn = |ring: &Ring, moved| {
            let (own, peer) = (&ring.consumer.position, &ring.producer.position);
            let turn = Turn::consume(own, peer, ring.size).expect("no corruption");
            let begun = turn.position();
            (begun, turn.publish(own, moved))
        };
        let other = {
            let ring = ring.clone();
            thread::spawn(move || turn(&ring, 1))
        };
        let one = turn(&ring, 1);
        let other = other.join().unwrap();
        let end = ring.consumer.position.load();
        match (one, other) {
            // One behind the other, in whichever order.
            ((0, true), (1, true)) | ((1, true), (0, true)) => assert_eq!(end, 2),
            ((0, true), (0, false)) | ((0, false), (0, true)) => assert_eq!(end, 1),
            _ => panic!("{one:?}, {other:?}"),
        }
    });
}

// SPDX-License-Identifier: GPL-2.0

//! Arithmetic of positions, in one thread: every boundary, and at random.

use ferrio_ring::{
    called, observe, reached, state, used, Arm, Bell, Books, Consumer, Corrupt, End, Kept,
    Producer, Span, Stop, Turn, Word,
};
use ferrio_ring_test::{Core, CoreWord};
use proptest::prelude::*;

fn word(value: u64) -> CoreWord {
    CoreWord(value.into())
}

/// The words of a ring.
struct Ring {
    consumer: CoreWord,
    producer: CoreWord,
    armed: CoreWord,
    wanted: CoreWord,
    state: CoreWord,
}

impl Ring {
    fn new(consumer: u64, producer: u64) -> Self {
        Ring {
            consumer: word(consumer),
            producer: word(producer),
            armed: word(0),
            wanted: word(0),
            state: word(0),
        }
    }

    fn bell(&self) -> Bell<&CoreWord> {
        Bell::new(&self.armed, &self.wanted)
    }

    fn consumer_end(&self) -> End<'_, CoreWord> {
        End {
            own: &self.consumer,
            peer: &self.producer,
            bell: self.bell(),
            state: &self.state,
        }
    }

    fn producer_end(&self) -> End<'_, CoreWord> {
        End {
            own: &self.producer,
            peer: &self.consumer,
            bell: self.bell(),
            state: &self.state,
        }
    }

    fn consumer(&self, size: u64) -> Option<Consumer<'_, Core>> {
        Consumer::new(self.consumer_end(), size)
    }

    fn producer(&self, size: u64) -> Option<Producer<'_, Core>> {
        Producer::new(self.producer_end(), size)
    }
}

/// Positions before, at and behind each place where something wraps.
fn boundaries(size: u64) -> impl Iterator<Item = u64> {
    [0, size, 1 << 31, 1 << 32, 1 << 63]
        .into_iter()
        .flat_map(move |at: u64| {
            [size + 1, size, size - 1, 1]
                .into_iter()
                .flat_map(move |k| [at.wrapping_sub(k), at, at.wrapping_add(k)])
        })
}

const SIZES: [u64; 5] = [1, 2, 4096, 1 << 16, 1 << 30];

#[test]
fn rule_holds_up_to_the_size() {
    for size in SIZES {
        for consumer in boundaries(size) {
            for there in [0, 1, size - 1, size] {
                let producer = consumer.wrapping_add(there);
                assert_eq!(used(producer, consumer, size), Ok(there));
                let ring = Ring::new(consumer, producer);
                let turn = Turn::consume(&ring.consumer, &ring.producer, size).unwrap();
                assert_eq!((turn.position(), turn.available()), (consumer, there));
                let turn = Turn::produce(&ring.producer, &ring.consumer, size).unwrap();
                assert_eq!(
                    (turn.position(), turn.available()),
                    (producer, size - there)
                );
                assert_eq!(observe(&ring.consumer, &ring.producer, size), there);
            }
        }
    }
}

#[test]
fn rule_breaks_behind_the_size() {
    for size in SIZES {
        for consumer in boundaries(size) {
            for there in [size + 1, size * 2, 1 << 63, u64::MAX - 1, u64::MAX] {
                let producer = consumer.wrapping_add(there);
                assert_eq!(used(producer, consumer, size), Err(Corrupt));
                let ring = Ring::new(consumer, producer);
                assert_eq!(
                    Turn::consume(&ring.consumer, &ring.producer, size),
                    Err(Corrupt)
                );
                assert_eq!(
                    Turn::produce(&ring.producer, &ring.consumer, size),
                    Err(Corrupt)
                );
                assert_eq!(observe(&ring.consumer, &ring.producer, size), size);
                let mut mapped = ring.consumer(size).unwrap();
                assert_eq!(mapped.readable(), Err(Stop::Corrupt));
                let mut mapped = ring.producer(size).unwrap();
                assert_eq!(mapped.free(), Err(Stop::Corrupt));
            }
        }
    }
}

#[test]
fn size_is_a_power_of_two() {
    let ring = Ring::new(0, 0);
    for size in [0, 3, 4095, 4097, u64::MAX] {
        assert!(ring.consumer(size).is_none());
        assert!(ring.producer(size).is_none());
    }
    assert!(ring.consumer(1 << 63).is_some());
}

#[test]
fn wanted_is_reached_across_wraps() {
    for at in boundaries(4096) {
        for behind in [0, 1, 4096, i64::MAX as u64] {
            assert!(reached(at.wrapping_add(behind), at));
        }
        for before in [1, 4096, 1 << 63] {
            assert!(!reached(at.wrapping_sub(before), at));
        }
    }
}

#[test]
fn bell_is_called_once_for_an_arm() {
    let ring = Ring::new(0, 0);
    let bell = ring.bell();
    assert_eq!(called::<Core>(&bell, 7, 0), None);
    bell.arm(Arm {
        sequence: 3,
        wanted: 7,
    });
    assert_eq!(called::<Core>(&bell, 6, 0), None);
    assert_eq!(called::<Core>(&bell, 7, 0), Some(3));
    assert_eq!(called::<Core>(&bell, 7, 2), Some(3));
    assert_eq!(called::<Core>(&bell, 8, 3), None);
    bell.clear();
    assert_eq!(called::<Core>(&bell, 8, 0), None);
}

#[test]
fn mapped_waker_calls_once_for_an_arm() {
    let ring = Ring::new(0, 0);
    let mut producer = ring.producer(8).unwrap();
    let arm = |sequence, wanted| ring.bell().arm(Arm { sequence, wanted });
    arm(1, 2);
    assert_eq!(producer.free().unwrap().len, 8);
    assert_eq!(producer.publish(1), None);
    assert_eq!(producer.publish(1), Some(1));
    assert_eq!(producer.publish(1), None);
    arm(2, 4);
    assert_eq!(producer.publish(1), Some(2));
    ring.bell().clear();
    assert_eq!(producer.publish(1), None);
}

#[test]
fn books_have_one_arm() {
    let mut books = Books::new();
    assert!(!books.take());
    let arm = |sequence, wanted| Some(Arm { sequence, wanted });
    assert_eq!(books.arm(u64::MAX), arm(1, u64::MAX));
    assert_eq!(books.arm(u64::MAX), None);
    assert_eq!(books.arm(5), None, "behind the wrap, so for more");
    assert_eq!(books.arm(u64::MAX - 1), arm(2, u64::MAX - 1));
    assert_eq!(
        (books.is_armed(), books.arms(), books.wakes()),
        (true, 1, 0)
    );
    assert!(books.take());
    assert!(!books.take());
    assert_eq!(
        (books.is_armed(), books.arms(), books.wakes()),
        (false, 1, 1)
    );
    assert_eq!(books.arm(5), arm(3, 5));
}

/// A ring of 4 whose ends are used past each wrap, in pieces.
#[test]
fn spans_and_pieces() {
    for start in boundaries(4) {
        let ring = Ring::new(start, start);
        let (mut from, mut to) = (ring.producer(4).unwrap(), ring.consumer(4).unwrap());
        let span = |at: u64, len| {
            Ok(Span {
                offset: start.wrapping_add(at) % 4,
                len,
            })
        };
        assert_eq!(to.readable(), Err(Stop::Empty));
        assert_eq!(from.free(), span(0, 4));
        assert_eq!((from.publish(1), from.publish(2)), (None, None));
        assert_eq!(to.readable(), span(0, 3));
        assert_eq!((to.consume(1), to.consume(1)), (None, None));
        assert_eq!(from.free(), span(3, 1), "of the kept position");
        assert_eq!(from.free_min(3), span(3, 3), "loaded anew");
        assert_eq!(from.publish(9), None, "as much as there is");
        assert_eq!(from.free(), Err(Stop::Full));
        assert_eq!(to.readable(), span(2, 1), "of the kept position");
        assert_eq!(to.readable_min(2), span(2, 4), "loaded anew");
        assert_eq!(to.consume(9), None, "as much as there is");
        assert_eq!(to.consume(1), None, "nothing is left of the turn");
        assert_eq!(to.readable(), Err(Stop::Empty));
        assert_eq!(ring.consumer.load(), start.wrapping_add(6));
        ring.state.store(state::WRITE_CLOSED);
        assert_eq!(to.readable(), Err(Stop::End));
        assert_eq!(from.free(), Err(Stop::GivenUp));
        ring.state.store(0);
        assert_eq!(from.free_min(5), span(6, 4));
        ring.state.store(state::READ_CLOSED);
        assert_eq!(from.free(), Err(Stop::Closed));
        assert_eq!(to.readable(), Err(Stop::GivenUp));
        ring.state.store(state::READ_CLOSED | state::CORRUPT);
        assert_eq!(from.free(), Err(Stop::Corrupt));
        assert_eq!(to.readable(), Err(Stop::Corrupt));
    }
}

#[test]
fn turn_publishes_what_it_moved() {
    let ring = Ring::new(u64::MAX, 2);
    let turn = || Turn::consume(&ring.consumer, &ring.producer, 4).unwrap();
    let (one, other) = (turn(), turn());
    assert!(one.publish(&ring.consumer, 2));
    assert_eq!(ring.consumer.load(), 1);
    assert!(!other.publish(&ring.consumer, 1), "moved by another");
    assert_eq!(ring.consumer.load(), 1);
    assert!(turn().publish(&ring.consumer, 9), "as much as there is");
    assert_eq!(ring.consumer.load(), 2);
}

/// A step of an end: who holds it for the step, and how much is moved.
#[derive(Clone, Copy, Debug)]
enum Step {
    Mapped { consumer: bool, bytes: u64 },
    Call { consumer: bool, bytes: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    (any::<bool>(), any::<bool>(), 0..40u64).prop_map(|(mapped, consumer, bytes)| {
        if mapped {
            Step::Mapped { consumer, bytes }
        } else {
            Step::Call { consumer, bytes }
        }
    })
}

/// Positions near a boundary half of the time.
fn position() -> impl Strategy<Value = u64> {
    let near = (
        prop::sample::select(vec![0, 1 << 31, 1 << 32, 1 << 63]),
        0..80u64,
    );
    prop_oneof![
        any::<u64>(),
        near.prop_map(|(at, k): (u64, u64)| at.wrapping_add(k).wrapping_sub(40))
    ]
}

proptest! {
    /// Any two words: a length of at most the size, or the rule is broken, by each way of asking.
    #[test]
    fn any_words_give_a_span_or_corrupt(
        consumer in position(),
        producer in position(),
        shift in 0..31u32,
        min in 0..100u64,
    ) {
        let size = 1u64 << shift;
        let there = producer.wrapping_sub(consumer);
        let honest = there <= size;
        prop_assert_eq!(used(producer, consumer, size).ok(), honest.then_some(there));
        let ring = Ring::new(consumer, producer);
        prop_assert_eq!(observe(&ring.consumer, &ring.producer, size), there.min(size));
        let read = ring.consumer(size).unwrap().readable_min(min);
        prop_assert_eq!(read, match there {
            0 => Err(Stop::Empty),
            len if honest => Ok(Span { offset: consumer % size, len }),
            _ => Err(Stop::Corrupt),
        });
        let free = ring.producer(size).unwrap().free_min(min);
        prop_assert_eq!(free, match there {
            there if there == size => Err(Stop::Full),
            there if honest => Ok(Span { offset: producer % size, len: size - there }),
            _ => Err(Stop::Corrupt),
        });
    }

    /// Mapped holders and calls take turns at both ends, in any mix: the positions are those of a
    /// model that counts, and no holder is ever told of more than there is. Also if they are made
    /// anew for each turn, of what they keep.
    #[test]
    fn holders_take_turns(
        start in position(),
        steps in prop::collection::vec(step(), 1..60),
        anew in any::<bool>(),
    ) {
        const SIZE: u64 = 16;
        let ring = Ring::new(start, start);
        let (mut from, mut to) = (ring.producer(SIZE).unwrap(), ring.consumer(SIZE).unwrap());
        let (mut made, mut seen) = (0u64, 0u64);
        for step in steps {
            let there = made - seen;
            match step {
                Step::Mapped { consumer: true, bytes } => match to.readable_min(bytes) {
                    Ok(span) => {
                        prop_assert_eq!(span.offset, start.wrapping_add(seen) % SIZE);
                        prop_assert!(span.len <= there && span.len >= bytes.min(there).min(1));
                        prop_assert!(bytes > SIZE || span.len >= bytes.min(there));
                        prop_assert_eq!(to.consume(bytes), None);
                        seen += bytes.min(span.len);
                    }
                    Err(stop) => prop_assert_eq!((stop, there), (Stop::Empty, 0)),
                },
                Step::Mapped { consumer: false, bytes } => match from.free_min(bytes) {
                    Ok(span) => {
                        let free = SIZE - there;
                        prop_assert_eq!(span.offset, start.wrapping_add(made) % SIZE);
                        prop_assert!(span.len <= free && span.len >= bytes.min(free).min(1));
                        prop_assert!(bytes > SIZE || span.len >= bytes.min(free));
                        prop_assert_eq!(from.publish(bytes), None);
                        made += bytes.min(span.len);
                    }
                    Err(stop) => prop_assert_eq!((stop, there), (Stop::Full, SIZE)),
                },
                Step::Call { consumer: true, bytes } => {
                    let turn = Turn::consume(&ring.consumer, &ring.producer, SIZE).unwrap();
                    prop_assert_eq!(turn.position(), start.wrapping_add(seen));
                    prop_assert_eq!(turn.available(), there);
                    prop_assert!(turn.publish(&ring.consumer, bytes));
                    seen += bytes.min(there);
                }
                Step::Call { consumer: false, bytes } => {
                    let turn = Turn::produce(&ring.producer, &ring.consumer, SIZE).unwrap();
                    prop_assert_eq!(turn.position(), start.wrapping_add(made));
                    prop_assert_eq!(turn.available(), SIZE - there);
                    prop_assert!(turn.publish(&ring.producer, bytes));
                    made += bytes.min(SIZE - there);
                }
            }
            prop_assert_eq!(ring.consumer.load(), start.wrapping_add(seen));
            prop_assert_eq!(ring.producer.load(), start.wrapping_add(made));
            if anew {
                from = Producer::<Core>::resume(ring.producer_end(), from.kept());
                to = Consumer::<Core>::resume(ring.consumer_end(), to.kept());
            }
        }
    }

    /// Whatever is kept: what a turn finds lies within the ring, and what it moves, too.
    #[test]
    fn kept_words_may_be_any(
        at in position(),
        words in any::<(u64, u64)>(),
        ready in any::<u64>(),
    ) {
        const SIZE: u64 = 4096;
        let ring = Ring::new(at, at);
        let kept = Kept::producer(at, SIZE).unwrap().with(words, ready);
        let mut end = Producer::<Core>::resume(ring.producer_end(), kept);
        prop_assert_eq!(end.publish(u64::MAX), None);
        prop_assert_eq!(ring.producer.load(), at.wrapping_add(ready.min(SIZE)));
        let mut end = Producer::<Core>::resume(ring.producer_end(), end.kept());
        prop_assert_eq!(end.publish(1), None);
        prop_assert_eq!(ring.producer.load(), at.wrapping_add(ready.min(SIZE)));
        let kept = Kept::consumer(at, SIZE).unwrap().with(words, 0);
        if let Ok(span) = Consumer::<Core>::resume(ring.consumer_end(), kept).readable() {
            prop_assert!(span.offset < SIZE && span.len <= SIZE && span.len > 0);
        }
        prop_assert!(Kept::consumer(at, SIZE + 1).is_none() && Kept::producer(at, 0).is_none());
    }

    /// The books against a model: a set of sleepers, of whom the smallest is armed for.
    #[test]
    fn books_keep_the_smallest(
        start in position(),
        steps in prop::collection::vec(prop::option::of(0..1000u64), 1..60),
    ) {
        let mut books = Books::new();
        let mut smallest = None;
        let mut sequence = 0;
        for step in steps {
            match step {
                Some(ahead) => {
                    let arm = books.arm(start.wrapping_add(ahead));
                    let news = smallest.is_none_or(|at| ahead < at);
                    prop_assert_eq!(arm.is_some(), news);
                    if let Some(arm) = arm {
                        prop_assert!(arm.sequence > sequence);
                        prop_assert_eq!(arm.wanted, start.wrapping_add(ahead));
                        sequence = arm.sequence;
                        smallest = Some(ahead);
                    }
                }
                None => prop_assert_eq!(books.take(), smallest.take().is_some()),
            }
            prop_assert_eq!(books.arms() - books.wakes(), u64::from(smallest.is_some()));
        }
    }
}

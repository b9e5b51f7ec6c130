// SPDX-License-Identifier: GPL-2.0

//! Records at random: against a model, and with anything in the words.

use ferrio_ring::{
    records::{
        extent, largest, readable, Kind, Notify, Reader, Reaped, Reaper, Records, Refusal,
        Reservation,
    },
    Stop, Word,
};
use ferrio_ring_test::{
    records::{loss, Store},
    CoreWord,
};
use proptest::prelude::*;
use std::collections::VecDeque;

const SIZE: u64 = 256;

/// Positions in front of each wrap half of the time.
fn position() -> impl Strategy<Value = u64> {
    let near = (
        prop::sample::select(vec![0u64, 1 << 19, 1 << 32, 1 << 56]),
        0..64u64,
    );
    prop_oneof![
        any::<u64>().prop_map(|at| at & !7),
        near.prop_map(|(at, k)| at.wrapping_sub(k * 8))
    ]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve { len: u64, owner: u64 },
    Commit { which: usize, cut: u64 },
    Discard { which: usize },
    Read,
    Free,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..100u64, 0..4u64).prop_map(|(len, owner)| Step::Reserve { len, owner }),
        (any::<usize>(), 0..40u64).prop_map(|(which, cut)| Step::Commit { which, cut }),
        any::<usize>().prop_map(|which| Step::Discard { which }),
        Just(Step::Read),
        Just(Step::Read),
        Just(Step::Free),
    ]
}

/// A record of the model: what was reserved, and what became of it.
struct Made {
    number: u64,
    extent: u64,
    /// `None`: busy. Else the length if it is committed.
    ended: Option<Option<u64>>,
}

/// The ring as it has to be.
#[derive(Default)]
struct Model {
    made: VecDeque<Made>,
    /// Read, and not given back.
    unread: u64,
    /// In the ring.
    used: u64,
}

impl Model {
    fn has_room(&self, len: u64) -> bool {
        self.used + extent(len) + 8 <= SIZE
    }

    fn reserve(&mut self, number: u64, len: u64) {
        self.used += extent(len);
        self.made.push_back(Made {
            number,
            extent: extent(len),
            ended: None,
        });
    }

    fn end(&mut self, number: u64, ended: Option<u64>) {
        let made = self.made.iter_mut().find(|made| made.number == number);
        made.unwrap().ended = Some(ended);
    }

    /// The next record that a reader has to see; whether something was skipped on the way.
    fn read(&mut self) -> (Option<(u64, u64)>, bool) {
        let mut skipped = false;
        while let Some(made) = self.made.front() {
            let Some(ended) = made.ended else { break };
            let (number, whole) = (made.number, made.extent);
            self.made.pop_front();
            if let Some(len) = ended {
                self.unread += extent(len);
                if whole > extent(len) {
                    // What fills it up is a record to skip.
                    self.made.push_front(Made {
                        number: 0,
                        extent: whole - extent(len),
                        ended: Some(None),
                    });
                }
                return (Some((number, len)), skipped);
            }
            self.unread += whole;
            skipped = true;
        }
        (None, skipped)
    }

    fn free(&mut self) {
        self.used -= self.unread;
        self.unread = 0;
    }
}

/// Reads what the model says, from the ring.
fn read<R: Records, const MANY: bool>(
    ring: &Store<CoreWord>,
    model: &mut Model,
    reader: &mut Reader<R, MANY>,
) -> Result<(), TestCaseError> {
    let (next, skipped) = model.read();
    loop {
        match (reader.read(), next) {
            (Ok(record), _) if record.kind == Kind::Skip => prop_assert!(skipped),
            (Ok(record), Some((number, len))) => {
                prop_assert_eq!((record.kind, record.len), (Kind::Data, len));
                if let Some(mark) = ring.read(record) {
                    prop_assert_eq!(mark, number);
                }
                return Ok(());
            }
            (Err(stop), None) => {
                prop_assert_eq!(stop, Stop::Empty);
                return Ok(());
            }
            (read, next) => prop_assert!(false, "{:?} {:?} {}", read, next, skipped),
        }
    }
}

proptest! {
    /// Many producers, of the kernel and of slots, which end in any order.
    #[test]
    fn records_of_many_follow_the_model(
        start in position(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let ring = Store::<CoreWord>::new(SIZE, start, true, 3);
        let producers = [0, 1, 2, 3].map(|owner| ring.mixed(owner));
        let mut reader = ring.reader_of_many();
        let mut model = Model::default();
        let mut busy: Vec<(u64, u64, Reservation)> = Vec::new();
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Reserve { len, owner } => {
                    let has_one = owner != 0 && busy.iter().any(|(_, of, _)| *of == owner);
                    match producers[owner as usize].reserve(len) {
                        Ok(record) => {
                            prop_assert!(model.has_room(len) && !has_one);
                            prop_assert_eq!(record.len(), len);
                            model.reserve(number, len);
                            ring.write(&record, number);
                            busy.push((number, owner, record));
                        }
                        Err(Refusal::Reserved) => prop_assert!(has_one),
                        Err(refusal) => {
                            prop_assert_eq!(refusal, Refusal::Full);
                            prop_assert!(!model.has_room(len));
                        }
                    }
                }
                Step::Commit { which, cut: less } if !busy.is_empty() => {
                    let (number, owner, record) = busy.swap_remove(which % busy.len());
                    let many = &producers[owner as usize];
                    let len = record.len().saturating_sub(less);
                    prop_assert_eq!(many.commit_part(record, len, Notify::Default), Ok(None));
                    model.end(number, Some(len));
                }
                Step::Discard { which } if !busy.is_empty() => {
                    let (number, owner, record) = busy.swap_remove(which % busy.len());
                    let many = &producers[owner as usize];
                    prop_assert_eq!(many.discard(record, Notify::Default), None);
                    model.end(number, None);
                }
                Step::Read => read(&ring, &mut model, &mut reader)?,
                Step::Free => {
                    prop_assert_eq!(reader.free(Notify::Default), None);
                    model.free();
                    let there = readable::<_, true>(reader.ring(), SIZE, SIZE);
                    let made = model.made.iter().take_while(|made| made.ended.is_some());
                    prop_assert_eq!(there, made.map(|made| made.extent).sum::<u64>());
                }
                _ => {}
            }
        }
    }

    /// The same of one producer.
    #[test]
    fn records_of_one_follow_the_model(
        start in position(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let ring = Store::<CoreWord>::new(SIZE, start, false, 0);
        let mut single = ring.single();
        let mut reader = ring.reader_of_single();
        let mut model = Model::default();
        let mut busy = None;
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Reserve { len, .. } => match single.reserve(len) {
                    Ok(record) => {
                        prop_assert!(model.has_room(len) && busy.is_none());
                        ring.write(&record, number);
                        busy = Some((number, record));
                    }
                    Err(Refusal::Reserved) => prop_assert!(busy.is_some()),
                    Err(refusal) => {
                        prop_assert_eq!(refusal, Refusal::Full);
                        prop_assert!(!model.has_room(len));
                    }
                },
                Step::Commit { cut: less, .. } => if let Some((number, record)) = busy.take() {
                    let len = record.len().saturating_sub(less);
                    prop_assert_eq!(single.commit_part(record, len, Notify::Default), Ok(None));
                    model.reserve(number, len);
                    model.end(number, Some(len));
                },
                Step::Discard { .. } => if let Some((_, record)) = busy.take() {
                    prop_assert_eq!(single.discard(record), Ok(()));
                },
                Step::Read => read(&ring, &mut model, &mut reader)?,
                Step::Free => {
                    prop_assert_eq!(reader.free(Notify::Default), None);
                    model.free();
                    let there = readable::<_, false>(reader.ring(), SIZE, SIZE);
                    prop_assert_eq!(there, model.used);
                }
            }
        }
    }

    /// Anything in any word: each call ends, and what it gives lies in the ring.
    #[test]
    fn records_of_any_words_lie_in_the_ring(
        words in prop::collection::vec((any::<u64>(), 0..6u32), 8),
        ends in prop::collection::vec((position(), 0..300u64), 3),
        slot in prop::collection::vec(any::<u64>(), 3),
        state in prop::sample::select(vec![0u64, 0, 0, 2, 4, 8]),
        len in 0..80u64,
    ) {
        const SIZE: u64 = 64;
        let start = ends[0].0;
        let near = |i: usize| start.wrapping_add(ends[i].1);
        let fill = |ring: &Store<CoreWord>| {
            for (i, (word, (any, kind))) in ring.words.iter().zip(&words).enumerate() {
                // Headers that fit their place, with any flags and small lengths.
                let like = (near(0) & !(SIZE - 1)) | (i as u64 * 8);
                word.store(match kind {
                    0 => *any,
                    1 => (any & 0x300f_0000_001f) | (like << 45),
                    _ => (any & 0x3000_0000_001f) | (like << 45),
                });
            }
            ring.state.store(state);
        };
        let one = Store::<CoreWord>::new(SIZE, start & !7, false, 0);
        fill(&one);
        one.producer.store(near(1));
        one.consumer.store(near(2));
        let mut reader = one.reader_of_single();
        for _ in 0..12 {
            if let Ok(record) = reader.read() {
                prop_assert!(record.offset < SIZE && record.len <= largest(SIZE));
                reader.gap(record);
            }
        }
        prop_assert!(readable::<_, false>(reader.ring(), SIZE, 1000) <= SIZE);
        let _ = reader.free(Notify::Default);
        let mut single = one.single();
        if let Ok(record) = single.reserve(len) {
            prop_assert!(record.offset(SIZE) < SIZE && record.len() == len && len <= largest(SIZE));
            prop_assert!(single.commit(record, Notify::Default).is_ok());
        }
        let _ = single.room_at(len);

        let many = Store::<CoreWord>::new(SIZE, start & !7, true, 1);
        fill(&many);
        many.producer.store(near(1) << 8 | ends[1].1 % 3);
        many.limit.store(near(0) << 8 | ends[2].1 % 2);
        many.consumer.store(near(2));
        for (word, value) in many.slots[0].iter().zip(&slot) {
            word.store(*value);
        }
        many.slots[0][1].store(near(1).wrapping_sub(slot[1] % 64));
        let mut reader = many.reader_of_many();
        for _ in 0..12 {
            if let Ok(record) = reader.read() {
                prop_assert!(record.offset < SIZE && record.len <= largest(SIZE));
                reader.gap(record);
            }
        }
        prop_assert!(readable::<_, true>(reader.ring(), SIZE, 1000) <= SIZE);
        let books = loss::<CoreWord>();
        for owner in [0, 1] {
            let producer = many.mixed(owner);
            if let Ok(record) = producer.offer(len, &books) {
                prop_assert!(record.offset(SIZE) < SIZE && record.len() == len);
                let _ = producer.commit(record, Notify::Default);
            }
            let _ = producer.room_at(len);
        }
        if let Some(mut reaper) = Reaper::new(&many.mixed(0), 1, None) {
            let steps = (0..12).find(|_| {
                reaper.step(&many.mixed(0), 1, &books) != Reaped::More
            });
            prop_assert!(steps.is_some());
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Records: who wakes, what is lost, and what the dead leave behind, in one thread.

use ferrio_ring::{
    records::{bits, Cause, Kind, Loss, Many, Notify, Reaped, Reaper, Refusal, CAUSES},
    Arm, Bell, Stop, Word,
};
use ferrio_ring_test::{
    records::{loss, Store, View},
    CoreWord,
};
use std::cell::Cell;

type Ring = Store<CoreWord>;

const QUIET: Notify = Notify::Quiet;

fn arm(ring: &Ring, sequence: u64, wanted: u64) {
    let [armed, to] = &ring.consumer_bell;
    Bell::new(armed, to).arm(Arm { sequence, wanted });
}

/// Three records are reserved; which commit wakes whom.
#[test]
fn records_wake_who_has_caught_up() {
    for start in [0, 0u64.wrapping_sub(8), (1 << 56) - 24] {
        let wakes = |wanted: Option<u64>, order: [usize; 3], how: Notify| {
            let ring = Ring::new(128, start, true, 0);
            let many = ring.many();
            let mut records = [8, 8, 8].map(|len| many.reserve(len).ok());
            if let Some(wanted) = wanted {
                arm(&ring, 5, start.wrapping_add(wanted));
            }
            order.map(|i| many.commit(records[i].take().unwrap(), how).is_some())
        };
        let default = Notify::Default;
        assert_eq!(wakes(None, [0, 1, 2], default), [false; 3]);
        assert_eq!(wakes(None, [0, 1, 2], Notify::Forced), [false; 3]);
        assert_eq!(wakes(Some(1), [0, 1, 2], default), [true, false, false]);
        assert_eq!(wakes(Some(1), [2, 1, 0], default), [false, false, true]);
        assert_eq!(wakes(Some(1), [2, 1, 0], QUIET), [false; 3]);
        assert_eq!(wakes(Some(1), [2, 1, 0], Notify::Forced), [true; 3]);
        // Whoever waits for two is woken by the last of them.
        assert_eq!(wakes(Some(17), [0, 1, 2], default), [true, true, false]);
        assert_eq!(wakes(Some(17), [2, 1, 0], default), [false, true, true]);
        // More than is reserved: nobody.
        assert_eq!(wakes(Some(49), [0, 1, 2], default), [false; 3]);
        // Left behind.
        assert_eq!(wakes(Some(0), [1, 0, 2], default), [false, true, false]);
        let before = Some(0u64.wrapping_sub(64));
        assert_eq!(wakes(before, [1, 0, 2], default), [false, true, false]);
    }
}

#[test]
fn records_of_one_producer_wake() {
    let ring = Ring::new(128, 0u64.wrapping_sub(8), false, 0);
    let mut single = ring.single();
    let mut commit = |how| {
        let record = single.reserve(8).unwrap();
        single.commit(record, how).unwrap()
    };
    arm(&ring, 3, 0u64.wrapping_sub(8) + 1);
    assert_eq!(commit(QUIET), None);
    assert_eq!(commit(Notify::Default), None, "the consumer is not there");
    assert_eq!(commit(Notify::Forced), Some(3));
    ring.consumer.store(40);
    arm(&ring, 4, 41);
    assert_eq!(commit(Notify::Default), Some(4));
    ring.consumer.store(56);
    arm(&ring, 5, 56 + 17);
    assert_eq!(commit(Notify::Default), None, "of two the first");
    assert_eq!(commit(Notify::Default), Some(5));
}

#[test]
fn records_given_back_wake_producers() {
    let ring = Ring::new(64, 0, true, 0);
    let (many, mut to) = (ring.many(), ring.reader_of_many());
    for _ in 0..3 {
        let record = many.reserve(8).unwrap();
        assert_eq!(many.commit(record, QUIET), None);
    }
    let Err(wanted) = many.room_at(16) else {
        panic!("there is room");
    };
    assert_eq!(wanted, 16);
    let [armed, to_word] = &ring.producer_bell;
    let bell = Bell::new(armed, to_word);
    bell.arm(Arm {
        sequence: 9,
        wanted,
    });
    to.read().unwrap();
    assert_eq!(to.free(QUIET), None);
    assert_eq!(to.free(Notify::Default), Some(9));
    assert_eq!(many.room_at(16), Ok(()));
    bell.arm(Arm {
        sequence: 10,
        wanted: 48,
    });
    to.read().unwrap();
    assert_eq!(to.free(Notify::Default), None, "not enough");
    assert_eq!(to.free(Notify::Forced), Some(10));
}

/// A record that is refused behind its gap leaves the gap to wake whoever waits for any record.
#[test]
fn records_refused_behind_a_gap_wake() {
    for many in [false, true] {
        let ring = Ring::new(128, 0, many, 0);
        let books = loss::<CoreWord>();
        let [armed, wanted] = &ring.consumer_bell;
        let bell = Bell::new(armed, wanted);
        let (several, mut single) = (ring.many(), ring.single());
        let mut offer = |len| {
            let refused = if many {
                several.offer(len, &books)
            } else {
                single.offer(len, &books)
            };
            let refused = refused.unwrap_err();
            (refused.why, refused.wake)
        };
        bell.arm(Arm {
            sequence: 5,
            wanted: 1,
        });
        assert_eq!(offer(113), (Refusal::TooLarge, None), "no gap yet");
        assert_eq!(offer(80), (Refusal::Full, Some(5)), "the gap alone");
        assert_eq!(offer(113), (Refusal::TooLarge, None), "not the first");
        bell.clear();
        assert_eq!(offer(113), (Refusal::TooLarge, None), "nobody waits");
    }
}

/// A gap wakes who waits where it lies; the record behind it, who waits for that.
#[test]
fn records_behind_a_gap_wake_for_both() {
    for many in [false, true] {
        let ring = Ring::new(128, 0, many, 0);
        let books = loss::<CoreWord>();
        let [armed, wanted] = &ring.consumer_bell;
        let bell = Bell::new(armed, wanted);
        let (several, mut single) = (ring.many(), ring.single());
        // Whom the gap wakes, and whom the record.
        let mut put = |how| {
            if many {
                let too_large = several.offer(113, &books).unwrap_err();
                assert_eq!(too_large.why, Refusal::TooLarge);
                let record = several.offer(0, &books).unwrap();
                (record.wake(), several.commit(record, how))
            } else {
                let too_large = single.offer(113, &books).unwrap_err();
                assert_eq!(too_large.why, Refusal::TooLarge);
                let record = single.offer(0, &books).unwrap();
                (record.wake(), single.commit(record, how).unwrap())
            }
        };
        let next = || ring.consumer.store(ring.consumer.load() + 48);
        let wait = |sequence, wanted| bell.arm(Arm { sequence, wanted });
        wait(5, 1);
        assert_eq!(put(Notify::Default), (Some(5), None), "for any record");
        next();
        wait(6, 48 + 48);
        assert_eq!(put(Notify::Default), (None, Some(6)), "for both of them");
        next();
        wait(7, 96 + 1);
        assert_eq!(put(QUIET), (Some(7), None), "a gap is not put off");
    }
}

/// `[full, too large, aborted, peer]`
fn lost(loss: &Loss<CoreWord, CoreWord>) -> [u64; CAUSES] {
    [Cause::Full, Cause::TooLarge, Cause::Aborted, Cause::Peer].map(|cause| loss.lost(cause))
}

#[test]
fn records_lost_are_counted_and_told() {
    for many in [false, true] {
        let ring = Ring::new(128, 0u64.wrapping_sub(16), many, 0);
        let books = loss::<CoreWord>();
        let (several, mut single) = (ring.many(), ring.single());
        let mut offer = |len| {
            if many {
                let record = several.offer(len, &books).map_err(|no| no.why)?;
                assert_eq!(several.commit(record, QUIET), None);
            } else {
                let record = single.offer(len, &books).map_err(|no| no.why)?;
                assert_eq!(single.commit(record, QUIET), Ok(None));
            }
            Ok(())
        };
        let mut one = ring.reader_of_single();
        let mut other = ring.reader_of_many();
        let mut read = || {
            let read = if many { other.read() } else { one.read() };
            let told = read.map(|record| (record.kind, record.len, one.gap(record)));
            if many {
                assert_eq!(other.free(QUIET), None);
            } else {
                assert_eq!(one.free(QUIET), None);
            }
            told
        };
        let none = [0; CAUSES];
        assert_eq!((offer(72), offer(8)), (Ok(()), Ok(())));
        assert_eq!(offer(24), Err(Refusal::Full));
        assert_eq!(offer(0), Err(Refusal::Full), "room, but not for the gap");
        assert_eq!(read(), Ok((Kind::Data, 72, none)));
        assert_eq!(read(), Ok((Kind::Data, 8, none)));
        assert_eq!(read(), Err(Stop::Empty));
        assert_eq!(offer(113), Err(Refusal::TooLarge));
        assert_eq!(read(), Ok((Kind::Gap, 32, [2, 0, 0, 0])), "told before it");
        assert!(books.owes());
        assert_eq!(offer(72), Ok(()), "behind the gap");
        assert!(!books.owes());
        assert_eq!(offer(24), Err(Refusal::Full));
        assert_eq!(offer(0), Err(Refusal::Full), "no room for the gap");
        assert_eq!(offer(113), Err(Refusal::TooLarge), "in no room ever");
        assert_eq!(lost(&books), [4, 2, 0, 0]);
        assert_eq!(read(), Ok((Kind::Gap, 32, [0, 1, 0, 0])));
        assert_eq!(read(), Ok((Kind::Data, 72, none)));
        assert_eq!(read(), Err(Stop::Empty));
        assert_eq!(offer(80), Err(Refusal::Full), "room for the gap alone");
        assert_eq!(read(), Ok((Kind::Gap, 32, [2, 1, 0, 0])));
        assert_eq!(offer(1), Ok(()));
        assert_eq!(read(), Ok((Kind::Gap, 32, [1, 0, 0, 0])));
        assert_eq!(read(), Ok((Kind::Data, 1, none)));
        assert_eq!(offer(2), Ok(()), "nothing to tell");
        assert_eq!(read(), Ok((Kind::Data, 2, none)));
        ring.state.store(ferrio_ring::state::CORRUPT);
        assert_eq!(offer(1), Err(Refusal::Corrupt));
        assert_eq!(lost(&books), [5, 2, 0, 1]);
        ring.state.store(ferrio_ring::state::READ_CLOSED);
        assert_eq!(offer(1), Err(Refusal::Closed));
        assert_eq!(lost(&books), [5, 2, 0, 1], "nobody misses it");
        books.count_discarded();
        assert_eq!(books.discarded(), 1);
    }
}

/// Words that a program moves all the time.
#[test]
fn records_of_a_scribbled_ring_are_refused() {
    let ring = Ring::new(64, 0, true, 1);
    let [armed, wanted] = &ring.consumer_bell;
    let moving = || {
        // There is room at all three, and the accesses up to the exchange are no multiple of 3.
        ring.producer
            .store(((ring.producer.load() >> 11) + 1) % 3 << 11);
        true
    };
    let view: View<'_, _, true> = ring.view(Bell::new(armed, wanted), 0, &moving);
    let many = Many::new(view, 64).unwrap();
    let books = loss::<CoreWord>();
    assert_eq!(many.offer(8, &books).unwrap_err().why, Refusal::Contended);
    assert_eq!(lost(&books), [0, 0, 0, 1]);
    ring.producer.store(1 << 8);
    assert_eq!(
        ring.mixed(0).offer(0, &books).unwrap_err().why,
        Refusal::Corrupt,
        "no multiple of 8"
    );
    assert_eq!(
        ring.mixed(2).reserve(0),
        Err(Refusal::Reserved),
        "no such slot"
    );
}

#[test]
fn records_of_a_slot_are_one_at_a_time() {
    let ring = Ring::new(128, 0, true, 2);
    let (one, other) = (ring.mixed(1), ring.mixed(2));
    let record = one.reserve(8).unwrap();
    assert_eq!(one.reserve(8), Err(Refusal::Reserved));
    let second = other.reserve(8).unwrap();
    assert_eq!(ring.producer.load(), 32 << 8 | 2);
    assert_eq!(one.commit(record, QUIET), None);
    let record = one.reserve(8).unwrap();
    assert_eq!(one.discard(record, QUIET), None);
    assert_eq!(one.reserve(81), Err(Refusal::Full));
    let record = one.reserve(0).unwrap();
    assert_eq!(one.commit(record, QUIET), None);
    assert_eq!(other.commit(second, QUIET), None);
    assert_eq!(ring.producer.load(), 56 << 8 | 1);
}

/// Runs a reaper to its end, a record at a time.
fn reap(ring: &Ring, owner: u64, books: &Loss<CoreWord, CoreWord>) -> Reaped {
    let many = ring.mixed(0);
    let Some(mut reaper) = Reaper::new(&many, owner, None) else {
        return Reaped::Nothing;
    };
    for _ in 0..100 {
        match reaper.step(&many, 1, books) {
            Reaped::More => {}
            reaped => return reaped,
        }
    }
    panic!("no end");
}

/// A holder of a slot dies in front of its access `n`, as it offers a record; whether it lived.
fn dies(ring: &Ring, owner: u64, n: usize, books: &Loss<CoreWord, CoreWord>) -> bool {
    let left = Cell::new(n);
    let tap = || {
        let alive = left.get() > 0;
        left.set(left.get().saturating_sub(1));
        alive
    };
    let [armed, wanted] = &ring.consumer_bell;
    let view: View<'_, _, true> = ring.view(Bell::new(armed, wanted), owner, &tap);
    let many = Many::new(view, ring.size).unwrap();
    if let Ok(record) = many.offer(8, books) {
        if left.get() > 0 {
            ring.write(&record, 9);
        }
        let _ = many.commit(record, Notify::Default);
    }
    left.get() > 0
}

/// Two producers die in front of each of their accesses, a third lives, and the kernel has records
/// in between: the consumer gets all that was committed, and each reservation is discarded once.
#[test]
fn records_of_the_dead_are_discarded() {
    let mut gaps = 0;
    for (first, second, owed) in (0..30)
        .flat_map(|first| (0..30).map(move |second| (first, second, false)))
        .chain((0..80).map(|first| (first, 7, true)))
    {
        let ring = Ring::new(512, 0u64.wrapping_sub(40), true, 3);
        let (kernel, books, own) = (ring.mixed(0), loss::<CoreWord>(), loss::<CoreWord>());
        let commit = |owner, mark| {
            let many = ring.mixed(owner);
            let record = many.reserve(8).unwrap();
            ring.write(&record, mark);
            assert_eq!(many.commit(record, QUIET), None);
        };
        if owed {
            own.count(Cause::Full);
        }
        commit(0, 1);
        let mut lived = [false; 2];
        lived[0] = dies(&ring, 1, first, &own);
        commit(3, 2);
        lived[1] = dies(&ring, 2, second, &loss::<CoreWord>());
        commit(0, 3);
        let mut reaped = [reap(&ring, 2, &books), reap(&ring, 1, &books)];
        if reaped[0] == Reaped::Later {
            reaped[0] = reap(&ring, 2, &books);
        }
        let what = format!("{first} {second} {owed}: {reaped:?}");
        assert!(!reaped.contains(&Reaped::Later), "{what}");
        assert!(!reaped.contains(&Reaped::Corrupt), "{what}");
        let discarded = |reaped: &Reaped| matches!(reaped, Reaped::Discarded(_));
        let aborted = reaped.iter().filter(|reaped| discarded(reaped)).count() as u64;
        // A gap is no record that somebody misses.
        let gap = ring.slots[0][2].load() & bits::GAP != 0 && discarded(&reaped[1]);
        assert_eq!(
            books.lost(Cause::Aborted),
            aborted - u64::from(gap),
            "{what}"
        );
        gaps += u64::from(gap);
        for owner in [1, 2] {
            assert_eq!(reap(&ring, owner, &books), Reaped::Nothing, "{what}");
        }
        let mut reader = ring.reader_of_many();
        let mut marks = Vec::new();
        let mut extents = 0;
        loop {
            match reader.read() {
                Ok(record) if record.kind == Kind::Data => marks.extend(ring.read(record)),
                Ok(_) => {}
                Err(stop) => {
                    assert_eq!(stop, Stop::Empty, "{what}");
                    break;
                }
            }
            extents += 1;
        }
        assert!(extents >= 3, "{what}");
        let committed = marks.iter().filter(|mark| **mark == 9).count();
        assert!(
            lived.iter().filter(|lived| **lived).count() <= committed,
            "{what}"
        );
        assert!(committed as u64 + aborted <= 3, "{what}");
        marks.retain(|mark| *mark != 9);
        assert_eq!(marks, [1, 2, 3], "{what}");
        assert_eq!(reader.free(QUIET), None);
        assert_eq!(
            ring.consumer.load() & !7,
            (ring.producer.load() as i64 >> 8) as u64
        );
        assert!(kernel.reserve(400).is_ok(), "{what}");
    }
    assert!(gaps > 0, "no gap was left");
}

/// What a slot says that is not so discards nothing.
#[test]
fn records_are_not_reaped_by_a_lie() {
    let ring = Ring::new(256, 0, true, 1);
    let (kernel, user, books) = (ring.mixed(0), ring.mixed(1), loss::<CoreWord>());
    let first = kernel.reserve(24).unwrap();
    let token = user.reserve(8).unwrap().into_token();
    let last = kernel.reserve(9).unwrap();
    let [claim, position, header] = &ring.slots[0];
    let won = claim.load();
    let words = || {
        ring.words
            .iter()
            .map(|word| word.load())
            .collect::<Vec<_>>()
    };
    let before = words();
    let lie = |at: u64, told: u64| {
        claim.store(won);
        position.store(at);
        header.store(told);
        assert_eq!(reap(&ring, 1, &books), Reaped::Nothing, "{at} {told:x}");
        assert_eq!(claim.load() & 3, 0);
        assert_eq!(before, words(), "{at} {told:x}");
    };
    let of = |at: u64, told: u64| told & !(0xffff << 48) | at << 45;
    for at in [0, 8, 16, 24, 40, 48, 64, 256, !7, 33] {
        lie(at, of(at, token.header));
        lie(at, of(at, token.header ^ bits::PHASE));
    }
    for bit in [3, 30, 32, 33, 34, 35, 36, 43, 45, 46, 47, 48, 63] {
        lie(token.position, token.header ^ 1 << bit);
    }
    // So it was, and it is not ended yet.
    claim.store(won);
    position.store(token.position);
    header.store(token.header);
    assert!(matches!(reap(&ring, 1, &books), Reaped::Discarded(_)));
    assert_eq!(books.lost(Cause::Aborted), 1);
    let discarded = token.header | bits::DISCARD;
    assert_eq!(ring.words[token.position as usize / 8].load(), discarded);
    for record in [first, last] {
        assert_eq!(kernel.commit(record, QUIET), None);
    }
    let mut reader = ring.reader_of_many();
    assert_eq!(
        (reader.read().unwrap().len, reader.read().unwrap().len),
        (24, 9)
    );
    assert_eq!(reader.read(), Err(Stop::Empty));
    // A consumer that has gone nowhere makes the ring corrupt, not the kernel.
    claim.store(won);
    ring.consumer.store(1 << 40);
    assert_eq!(reap(&ring, 1, &books), Reaped::Corrupt);
}

/// A consumer that goes to and fro keeps the reaper from its end, though not for ever.
#[test]
fn records_are_not_looked_at_for_ever() {
    for records in [1, 9] {
        let ring = Ring::new(256, 0, true, 1);
        let (kernel, books) = (ring.mixed(0), loss::<CoreWord>());
        for _ in 0..2 {
            let record = kernel.reserve(8).unwrap();
            assert_eq!(kernel.commit(record, QUIET), None);
        }
        ring.mixed(1).reserve(8).unwrap().into_token();
        let before = ring.consumer.load();
        let mut reader = ring.reader_of_many();
        reader.read().unwrap();
        assert_eq!(reader.free(QUIET), None);
        let behind = ring.consumer.load();
        let behind_next = Cell::new(false);
        let tap = || {
            let place = if behind_next.get() { behind } else { before };
            ring.consumer.store(place);
            behind_next.set(!behind_next.get());
            true
        };
        let [armed, wanted] = &ring.consumer_bell;
        let view: View<'_, _, true> = ring.view(Bell::new(armed, wanted), 0, &tap);
        let many = Many::new(view, ring.size).unwrap();
        let mut reaper = Reaper::new(&many, 1, None).unwrap();
        // Each of the headers that fit, twice.
        let most = 256 / 8 * 2 + 2;
        let ends = (0..=most).find_map(|_| match reaper.step(&many, records, &books) {
            Reaped::More => None,
            reaped => Some(reaped),
        });
        assert_eq!(ends, Some(Reaped::Corrupt), "{records}");
        assert_eq!(books.lost(Cause::Aborted), 0);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The rules of Documentation/records.rst, row by row, in one thread.

use ferrio_ring::{
    records::{
        bits, extent, largest, readable, Kind, Misuse, Notify, Record, Refusal, Token, HEADER_BYTES,
    },
    state, Stop, Word,
};
use ferrio_ring_test::{records::Store, CoreWord};

type Ring = Store<CoreWord>;

const QUIET: Notify = Notify::Quiet;

/// Where a ring begins: in front of each place where something wraps.
fn starts() -> impl Iterator<Item = u64> {
    [1 << 19, 1 << 32, 1 << 56, 0u64]
        .into_iter()
        .flat_map(|at| [8, 16, 24, 40, 64].map(|k| at.wrapping_sub(k)))
        .chain([0, 8])
}

#[test]
fn records_extent_and_largest() {
    let extents = [
        (0, 8),
        (1, 16),
        (8, 16),
        (9, 24),
        (0xffff_ffff, (1 << 32) + 8),
    ];
    for (len, bytes) in extents {
        assert_eq!(extent(len), bytes);
    }
    for size in [64, 4096, 1 << 32] {
        assert_eq!(extent(largest(size)) + HEADER_BYTES, size);
    }
    let ring = Ring::new(64, 0, true, 0);
    for size in [0, 8, 32, 63, 65, 1 << 33, u64::MAX] {
        let many = ferrio_ring::records::Many::new(ring.for_producer::<false>(0), size);
        assert!(many.is_none(), "{size}");
    }
}

/// Each bit, as a number.
#[test]
fn records_header_is_as_documented() {
    let ring = Ring::new(64, 1 << 19 | 16, false, 0);
    let mut single = ring.single();
    let record = single.reserve(5).unwrap();
    assert_eq!(single.commit(record, QUIET), Ok(None));
    assert_eq!(ring.words[2].load(), 5 | 1 << 45 | 2 << 48);

    for stale in [0, 1 << 45, !0, !(1 << 45)] {
        for behind in [0, 1 << 45] {
            let ring = Ring::new(64, 1 << 56 | 48, true, 0);
            ring.words[6].store(stale);
            ring.words[0].store(behind);
            let many = ring.many();
            let record = many.reserve(8).unwrap();
            let phase = if stale >> 45 & 1 == 0 { 1 << 45 } else { 0 };
            let header = 8 | behind >> 1 | phase | 6 << 48;
            assert_eq!(ring.words[6].load(), header | 1 << 32);
            assert_eq!(ring.producer.load(), 64 << 8);
            assert_eq!(many.commit(record, QUIET), None);
            assert_eq!(ring.words[6].load(), header);
        }
    }
    let ring = Ring::new(64, 0, true, 0);
    let many = ring.many();
    let held = many.reserve(0).unwrap().into_token();
    let held = many.redeem(held).unwrap();
    assert_eq!(ring.words[0].load() & 0xf_ffff_ffff, 1 << 32 | 1 << 35);
    assert_eq!(many.discard(held, QUIET), None);
    assert_eq!(ring.words[0].load() & 0xf_ffff_ffff, 1 << 33);
}

fn data(offset: u64, len: u64) -> Result<Record, Stop> {
    Ok(Record {
        kind: Kind::Data,
        offset,
        len,
    })
}

#[test]
fn records_of_one_producer_are_private_until_commit() {
    for start in starts() {
        let ring = Ring::new(64, start, false, 0);
        let (mut from, mut to) = (ring.single(), ring.reader_of_single());
        let at = |ahead: u64| start.wrapping_add(ahead + 8) % 64;
        assert_eq!(to.read(), Err(Stop::Empty));
        let record = from.reserve(48).unwrap();
        assert_eq!(from.reserve(1), Err(Refusal::Reserved));
        assert_eq!((to.read(), ring.producer.load()), (Err(Stop::Empty), start));
        assert_eq!(from.discard(record), Ok(()));
        assert_eq!((to.read(), ring.producer.load()), (Err(Stop::Empty), start));
        let record = from.reserve(48).unwrap();
        assert_eq!(from.commit_part(record, 3, QUIET), Ok(None));
        assert_eq!(ring.producer.load(), start.wrapping_add(16));
        let record = from.reserve(32).unwrap();
        ring.write(&record, 7);
        assert_eq!(from.commit(record, QUIET), Ok(None));
        assert_eq!(from.reserve(0), Err(Refusal::Full), "8 bytes stay free");
        assert_eq!(to.read(), data(at(0), 3));
        let second = to.read();
        assert_eq!(second, data(at(16), 32));
        assert_eq!(ring.read(second.unwrap()), Some(7));
        assert_eq!(to.read(), Err(Stop::Empty));
        assert_eq!(ring.consumer.load(), start, "until it is given back");
        assert_eq!(to.free(QUIET), None);
        assert_eq!(ring.consumer.load(), start.wrapping_add(56));
        let record = from.reserve(48).unwrap();
        assert_eq!(from.commit(record, QUIET), Ok(None));
        assert_eq!(to.read(), data(at(56), 48));
        assert_eq!(to.free_exclusive(QUIET), Ok(None));
    }
}

#[test]
fn records_of_many_producers_are_read_in_order() {
    for start in starts() {
        let ring = Ring::new(128, start, true, 0);
        let (many, mut to) = (ring.many(), ring.reader_of_many());
        let at = |ahead: u64| start.wrapping_add(ahead + 8) % 128;
        for _ in 0..3 {
            let [first, second, third] = [8, 40, 16].map(|len| many.reserve(len).unwrap());
            ring.write(&third, 3);
            assert_eq!(many.commit(third, QUIET), None);
            assert_eq!(to.read(), Err(Stop::Empty), "busy");
            assert_eq!(readable::<_, true>(to.ring(), 128, 1), 0);
            ring.write(&first, 1);
            assert_eq!(many.commit(first, QUIET), None);
            assert_eq!(readable::<_, true>(to.ring(), 128, 1), 16);
            assert_eq!(readable::<_, true>(to.ring(), 128, 128), 16);
            let read = to.read().unwrap();
            assert_eq!((read.len, ring.read(read)), (8, Some(1)));
            assert_eq!(to.read(), Err(Stop::Empty), "busy");
            ring.write(&second, 2);
            // 8 and 40 bytes: what is left of the second one is a record to skip.
            assert_eq!(many.commit_part(second, 17, QUIET), Ok(None));
            assert_eq!(readable::<_, true>(to.ring(), 128, 128), 16 + 48 + 24);
            assert_eq!(to.read().unwrap().len, 17);
            let read = to.read().unwrap();
            assert_eq!((read.len, ring.read(read)), (16, Some(3)));
            assert_eq!(to.read(), Err(Stop::Empty));
            assert_eq!(to.free(QUIET), None);
            assert_eq!(readable::<_, true>(to.ring(), 128, 1), 0);
        }
        let gone = ring.consumer.load() & !7;
        assert_eq!(gone, start.wrapping_add(3 * 88));
        let record = many.reserve(8).unwrap();
        assert_eq!(record.offset(128), at(3 * 88));
        assert_eq!(many.commit(record, QUIET), None);
    }
}

/// What lies in the ring looks like the record that is about to be written.
#[test]
fn records_are_not_forged_by_payload() {
    for start in starts() {
        let ring = Ring::new(64, start, true, 0);
        let (many, mut to) = (ring.many(), ring.reader_of_many());
        for turn in 0..64 {
            let record = many.reserve(turn % 3 * 8).unwrap();
            ring.write(&record, 1);
            // Claimed, as if the header was not written yet.
            let token = record.into_token();
            let here = &ring.words[(token.position % 64 / 8) as usize];
            let busy = here.load();
            for lie in [token.header, !0, 0, busy] {
                here.store(lie & !bits::PHASE | (token.header ^ bits::PHASE) & bits::PHASE);
                assert_eq!(to.read(), Err(Stop::Empty));
                assert_eq!(readable::<_, true>(to.ring(), 64, 1), 0);
            }
            here.store(busy);
            let record = many.redeem(token).unwrap();
            assert_eq!(many.commit(record, QUIET), None);
            ring.read(to.read().unwrap());
            assert_eq!(to.free(QUIET), None);
        }
    }
}

#[test]
fn records_fill_all_but_a_header() {
    for start in starts() {
        let ring = Ring::new(64, start, true, 0);
        let (many, mut to) = (ring.many(), ring.reader_of_many());
        assert_eq!(many.reserve(49), Err(Refusal::TooLarge));
        assert_eq!(many.reserve(u64::MAX), Err(Refusal::TooLarge));
        let single = Ring::new(64, start, false, 0);
        assert_eq!(single.single().reserve(49), Err(Refusal::TooLarge));
        for _ in 0..3 {
            assert_eq!(many.room_at(48), Ok(()));
            let record = many.reserve(48).unwrap();
            assert_eq!(many.commit(record, QUIET), None);
            assert_eq!(many.reserve(0), Err(Refusal::Full));
            let wanted = (ring.consumer.load() & !7).wrapping_add(8);
            assert_eq!(many.room_at(0), Err(wanted));
            assert_eq!(to.read().unwrap().len, 48);
            assert_eq!(to.free(QUIET), None);
            let record = many.reserve(16).unwrap();
            assert_eq!(many.commit(record, QUIET), None);
            assert_eq!(many.reserve(25), Err(Refusal::Full));
            let record = many.reserve(24).unwrap();
            assert_eq!(many.commit(record, QUIET), None);
            assert_eq!(many.reserve(0), Err(Refusal::Full));
            assert_eq!((to.read().unwrap().len, to.read().unwrap().len), (16, 24));
            assert_eq!(to.free(QUIET), None);
        }
    }
}

#[test]
fn records_end_once_by_token() {
    let ring = Ring::new(64, 0u64.wrapping_sub(16), true, 0);
    let (many, mut to) = (ring.many(), ring.reader_of_many());
    let token = many.reserve(8).unwrap().into_token();
    for forged in [
        Token {
            position: token.position + 8,
            ..token
        },
        Token {
            position: token.position | 1,
            ..token
        },
        Token {
            position: token.position + 64,
            ..token
        },
        Token {
            header: token.header + 1,
            ..token
        },
        Token {
            header: token.header | bits::BUSY,
            ..token
        },
        Token {
            header: token.header | bits::DISCARD,
            ..token
        },
        Token {
            header: token.header ^ 1 << 40,
            ..token
        },
        Token {
            header: token.header ^ 1 << 48,
            ..token
        },
        Token {
            position: 0,
            header: 0,
        },
    ] {
        assert_eq!(many.redeem(forged), Err(Misuse::Stale), "{forged:x?}");
    }
    let record = many.redeem(token).unwrap();
    assert_eq!(many.redeem(token), Err(Misuse::Stale), "twice");
    let record = many.commit_part(record, 9, QUIET).unwrap_err();
    assert_eq!(many.commit_part(record, 8, QUIET), Ok(None));
    assert_eq!(many.redeem(token), Err(Misuse::Stale), "committed");
    to.read().unwrap();
    assert_eq!(to.free(QUIET), None);
    assert_eq!(many.redeem(token), Err(Misuse::Stale), "consumed");
    // The payload of another record where it was, as if it was busy.
    let other = many.reserve(32).unwrap();
    assert_eq!(many.commit(other, QUIET), None);
    to.read().unwrap();
    assert_eq!(to.free(QUIET), None);
    let other = many.reserve(40).unwrap();
    ring.words[6].store(token.header | bits::BUSY);
    assert_eq!(many.redeem(token), Err(Misuse::Stale), "payload");
    assert_eq!(many.commit(other, QUIET), None);

    let ring = Ring::new(64, 8, false, 0);
    let mut single = ring.single();
    let token = single.reserve(8).unwrap().into_token();
    let forged = Token {
        position: 0,
        ..token
    };
    assert_eq!(single.redeem(forged), Err(Misuse::Stale));
    let (first, second) = (single.redeem(token).unwrap(), single.redeem(token).unwrap());
    assert_eq!(single.commit_part(first, 9, QUIET), Err(Misuse::TooLong));
    assert_eq!(single.commit(second, QUIET), Ok(None));
    assert_eq!(single.redeem(token), Err(Misuse::Stale), "committed");
    let record = single.reserve(8).unwrap();
    let stale = single.redeem(record.into_token()).unwrap();
    single.abandon();
    assert_eq!(single.commit(stale, QUIET), Err(Misuse::Stale), "abandoned");
}

/// Whatever the consumer says, no room is given that is in use.
#[test]
fn records_never_overlap_by_a_lie_of_the_consumer() {
    for start in [64, 0u64.wrapping_sub(32)] {
        for ahead in (0..=128).step_by(8).chain([1 << 55, 1 << 56, 1 << 63, !7]) {
            let ring = Ring::new(64, start, true, 0);
            let many = ring.many();
            let done = many.reserve(8).unwrap();
            assert_eq!(many.commit(done, QUIET), None);
            let live = many.reserve(16).unwrap();
            let claimed = many.reserve(0).unwrap().into_token();
            let stale = ring.consumer.load() & 7;
            ring.consumer.store(start.wrapping_add(ahead) | stale);
            let mut given = 0;
            let refusal = loop {
                match many.reserve(0) {
                    Ok(record) => given += extent(record.len()),
                    Err(refusal) => break refusal,
                }
            };
            // There is room for one header behind the last record; and for the first record, if
            // the consumer is behind it exactly. Of positions producers know 56 bits.
            let ahead = ahead % (1 << 56);
            assert_eq!(given, if ahead == 16 { 24 } else { 8 }, "{ahead}");
            let expected = match ahead {
                0 | 16 => Refusal::Full,
                // Moved back: so much less room.
                _ if ahead == (1 << 56) - 8 => Refusal::Full,
                _ => Refusal::Corrupt,
            };
            assert_eq!(refusal, expected, "{ahead}");
            let live = live.into_token();
            let header = ring.words[(live.position % 64 / 8) as usize].load();
            assert_eq!(header, live.header | bits::BUSY);
            let header = ring.words[(claimed.position % 64 / 8) as usize].load();
            assert_eq!(header, claimed.header | bits::BUSY);
        }
    }
    for ahead in (8..=128).step_by(8).chain([1 << 56, 1 << 63]) {
        let ring = Ring::new(64, 64, false, 0);
        let mut single = ring.single();
        ring.consumer.store(64u64.wrapping_add(ahead));
        assert_eq!(single.reserve(8), Err(Refusal::Corrupt), "{ahead}");
    }
}

/// Each thing that a consumer checks.
#[test]
fn records_are_checked_by_the_reader() {
    let wrong = [
        1 << 36,
        1 << 40,
        1 << 43,
        1 << 46,
        1 << 47,
        1 << 48,
        1 << 63,
    ];
    for many in [false, true] {
        for (wrong, stop) in wrong.map(|bit| (bit, Stop::Corrupt)).into_iter().chain([
            (17 << 1, Stop::Corrupt),
            (bits::LEN ^ 16, Stop::Corrupt),
            (bits::GAP, Stop::Corrupt),
            (bits::BUSY, if many { Stop::Empty } else { Stop::Corrupt }),
            (bits::PHASE, if many { Stop::Empty } else { Stop::Corrupt }),
            (bits::BUSY | 1 << 48, Stop::Corrupt),
        ]) {
            let ring = Ring::new(128, 8, many, 0);
            let header = if many {
                let many = ring.many();
                let record = many.reserve(16).unwrap();
                many.commit(record, QUIET)
            } else {
                let mut single = ring.single();
                let record = single.reserve(16).unwrap();
                single.commit(record, QUIET).unwrap()
            };
            assert_eq!(header, None);
            let header = ring.words[1].load();
            ring.words[1].store(header ^ wrong);
            let read = if many {
                ring.reader_of_many().read()
            } else {
                ring.reader_of_single().read()
            };
            assert_eq!(read, Err(stop), "{wrong:x} {many}");
        }
    }
}

#[test]
fn records_end_with_their_producers() {
    for (bits, many, busy) in [
        (state::WRITE_CLOSED, Stop::End, Stop::Corrupt),
        (state::READ_CLOSED, Stop::GivenUp, Stop::GivenUp),
        (state::CORRUPT, Stop::Corrupt, Stop::Corrupt),
    ] {
        let ring = Ring::new(64, 0, true, 0);
        ring.state.store(bits);
        assert_eq!(ring.reader_of_many().read(), Err(many));
        ring.state.store(0);
        let record = ring.many().reserve(8).unwrap();
        let mut reader = ring.reader_of_many();
        assert_eq!(reader.read(), Err(Stop::Empty));
        ring.state.store(bits);
        assert_eq!(reader.read(), Err(busy));
        ring.state.store(0);
        assert_eq!(ring.many().commit(record, QUIET), None);
        assert_eq!(reader.read(), data(8, 8));
    }
    for (bits, refusal) in [
        (state::WRITE_CLOSED, Refusal::GivenUp),
        (state::READ_CLOSED, Refusal::Closed),
        (state::CORRUPT | state::READ_CLOSED, Refusal::Corrupt),
    ] {
        for many in [false, true] {
            let ring = Ring::new(64, 0, many, 0);
            ring.state.store(bits);
            let refused = if many {
                ring.many().reserve(0)
            } else {
                ring.single().reserve(0)
            };
            assert_eq!(refused, Err(refusal));
        }
    }
}

#[test]
fn records_that_are_skipped_are_given_back() {
    let ring = Ring::new(2048, 0, true, 0);
    let (many, mut to) = (ring.many(), ring.reader_of_many());
    let skip = |count| {
        for _ in 0..count {
            let record = many.reserve(0).unwrap();
            assert_eq!(many.discard(record, QUIET), None);
        }
    };
    skip(3);
    let skipped = to.read().unwrap();
    assert_eq!((skipped.kind, skipped.len), (Kind::Skip, 0));
    assert_eq!(to.free(QUIET), None);
    assert_eq!(ring.consumer.load() & !7, 24);
    assert_eq!(to.read(), Err(Stop::Empty));
    skip(3);
    let record = many.reserve(1).unwrap();
    assert_eq!(many.commit(record, QUIET), None);
    assert_eq!(to.read(), data(56, 1), "behind them");
    assert_eq!(to.free(QUIET), None);
    skip(100);
    assert_eq!(to.read().unwrap().kind, Kind::Skip);
    assert_eq!(to.free(QUIET), None);
    assert_eq!(ring.consumer.load() & !7, 64 + 64 * 8, "64 at most");
    assert_eq!(to.read().unwrap().kind, Kind::Skip);
    assert_eq!(to.read(), Err(Stop::Empty));
    assert_eq!(to.free(QUIET), None);
    // An error behind them comes when they are given back.
    skip(1);
    let record = many.reserve(0).unwrap();
    assert_eq!(many.commit(record, QUIET), None);
    let at = (ring.producer.load() >> 8) as usize - 8;
    let header = ring.words[at / 8].load();
    ring.words[at / 8].store(header ^ 1 << 40);
    assert_eq!(to.read().unwrap().kind, Kind::Skip);
    assert_eq!(to.free(QUIET), None);
    assert_eq!(to.read(), Err(Stop::Corrupt));
}

/// Another holder of the end has been faster.
#[test]
fn records_go_on_where_the_last_holder_stopped() {
    let ring = Ring::new(128, 0, true, 0);
    let many = ring.many();
    for _ in 0..3 {
        let record = many.reserve(8).unwrap();
        assert_eq!(many.commit(record, QUIET), None);
    }
    let (mut one, mut other) = (ring.reader_of_many(), ring.reader_of_many());
    assert_eq!(one.read(), data(8, 8));
    assert_eq!(other.read(), data(8, 8));
    assert_eq!(one.free_exclusive(QUIET), Ok(None));
    assert_eq!(other.free_exclusive(QUIET), Err(Misuse::Stale));
    assert_eq!(ring.reader_of_many().read(), data(24, 8));
    let mut other = ring.reader_of_many();
    assert_eq!(one.read(), data(24, 8));
    assert_eq!(one.free(QUIET), None);
    assert_eq!(other.read(), data(40, 8));
}

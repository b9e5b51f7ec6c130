// SPDX-License-Identifier: GPL-2.0

//! KUnit suite of rings of records: each state of a record, and what is refused.

use kernel::prelude::*;

#[kunit_tests(ringbuffer_records)]
mod tests {
    use crate::{
        rw::Rw,
        size::MIN_BYTES,
        stream_tests::Pair,
        uapi::{self, FERRIO_RB_RECORDS as RECORDS, FERRIO_RB_RECORDS_DROP as DROP},
    };
    use ferrio::poll::Mask;
    use kernel::prelude::*;
    use ring::{
        records::{bits, extent, largest, GAP_BYTES},
        Word,
    };

    const SIZE: u64 = MIN_BYTES as u64;

    /// What a header of so many bytes at a position is, with further bits.
    fn header(at: u64, len: u64, more: u64) -> u64 {
        at / 8 << bits::CHECK_SHIFT | bits::PHASE | more | len
    }

    fn position(pair: &Pair, rw: Rw) -> Result<u64> {
        Ok(pair.ring.memory().ok_or(ENOMEM)?.position(rw).load())
    }

    /// Writes a word of the data, as a mapped producer may.
    fn put_word(pair: &Pair, at: u64, word: u64) -> Result {
        let memory = pair.ring.use_memory(None, false)?;
        memory.word(at & (SIZE - 1)).store(word);
        Ok(())
    }

    /// A ring with records of 504 bytes, a last one of 496, and room for a header alone.
    fn full(records: u32) -> Result<Pair> {
        let pair = Pair::of(MIN_BYTES, records)?;
        let data = [3; 504];
        for _ in 0..SIZE / 512 - 1 {
            assert_eq!(pair.write(&data), (Ok(()), 504));
        }
        assert_eq!(pair.write(&data[..496]), (Ok(()), 496));
        Ok(pair)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        assert_eq!(pair.write(b"first"), (Ok(()), 5));
        assert_eq!(pair.write(b"and second"), (Ok(()), 10));
        assert_eq!(position(&pair, Rw::Write)?, extent(5) + extent(10));
        let memory = pair.ring.memory().ok_or(ENOMEM)?;
        assert_eq!(memory.word(0).load(), header(0, 5, 0));
        assert_eq!(memory.word(16).load(), header(16, 10, 0));
        let mut buf = [0; 64];
        assert_eq!(pair.read(&mut buf), (Ok(()), 5));
        assert_eq!(&buf[..5], b"first");
        assert_eq!(pair.read(&mut buf), (Ok(()), 10));
        assert_eq!(&buf[..10], b"and second");
        assert_eq!(pair.read(&mut buf), (Err(EAGAIN), 0));
        assert_eq!(position(&pair, Rw::Read)?, extent(5) + extent(10));
        Ok(())
    }

    #[test]
    fn a_record_stays_until_there_is_room_to_read_it() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        assert_eq!(pair.write(b"hello"), (Ok(()), 5));
        let mut buf = [0; 5];
        assert_eq!(pair.read(&mut buf[..4]), (Err(EMSGSIZE), 0));
        assert_eq!(position(&pair, Rw::Read)?, 0);
        assert_eq!(pair.read(&mut buf), (Ok(()), 5));
        assert_eq!(&buf, b"hello");
        Ok(())
    }

    #[test]
    fn the_last_record_comes_before_the_end() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        assert_eq!(pair.write(b"last"), (Ok(()), 4));
        pair.close(Rw::Write)?;
        let mut buf = [0; 8];
        assert_eq!(pair.read(&mut buf), (Ok(()), 4));
        assert_eq!(pair.read(&mut buf), (Ok(()), 0));
        Ok(())
    }

    #[test]
    fn nobody_to_write_for_is_epipe() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS | DROP)?;
        assert_eq!(pair.write(b"x"), (Ok(()), 1));
        pair.close(Rw::Read)?;
        assert_eq!(pair.write(b"x"), (Err(EPIPE), 0));
        assert_eq!(pair.ring.losses().lost, [0; 4]);
        Ok(())
    }

    #[test]
    fn the_largest_record_fits_and_one_byte_more_never_does() -> Result {
        let most = largest(SIZE) as usize;
        let mut data = KVec::from_elem(0u8, most + 1, GFP_KERNEL)?;
        let mut back = KVec::from_elem(0u8, most + 1, GFP_KERNEL)?;
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        // At some places of the ring.
        for turn in 0..20u8 {
            data[0] = turn;
            data[most - 1] = !turn;
            assert_eq!(pair.write(&data), (Err(EMSGSIZE), 0));
            assert_eq!(pair.write(&data[..most]), (Ok(()), most));
            assert_eq!(pair.read(&mut back), (Ok(()), most));
            assert_eq!(&back[..most], &data[..most]);
        }
        assert_eq!(pair.ring.losses().lost, [0; 4]);
        let pair = Pair::of(MIN_BYTES, RECORDS | DROP)?;
        assert_eq!(pair.write(&data), (Err(EMSGSIZE), 0));
        assert_eq!(pair.ring.losses().lost, [0, 1, 0, 0]);
        // Now there is a gap to be told.
        assert_eq!(pair.write(&data[..most]), (Err(ENOBUFS), 0));
        assert_eq!(pair.ring.losses().lost, [1, 1, 0, 0]);
        Ok(())
    }

    #[test]
    fn what_has_no_room_waits_or_is_lost() -> Result {
        for (records, refused, lost) in [(RECORDS, EAGAIN, 0), (RECORDS | DROP, ENOBUFS, 1)] {
            let pair = full(records)?;
            assert_eq!(pair.write(b""), (Err(refused), 0));
            let writable = pair.stream().ready().contains(Mask::OUT);
            assert_eq!(writable, lost > 0);
            assert_eq!(pair.ring.losses().lost, [lost, 0, 0, 0]);
        }
        Ok(())
    }

    #[test]
    fn a_gap_tells_what_was_lost_where_it_was() -> Result {
        let pair = full(RECORDS | DROP)?;
        let mut buf = [0; 504];
        for _ in 0..2 {
            assert_eq!(pair.write(b"x"), (Err(ENOBUFS), 0));
        }
        assert_eq!(pair.read(&mut buf), (Ok(()), 504));
        // Room for the record and for its gap, which goes round the end of the data.
        let at = position(&pair, Rw::Write)?;
        assert_eq!(at, SIZE - 8);
        assert_eq!(pair.write(b"behind"), (Ok(()), 6));
        let memory = pair.ring.memory().ok_or(ENOMEM)?;
        assert_eq!(memory.word(at).load(), header(at, GAP_BYTES, bits::GAP));
        assert_eq!(memory.word(0).load(), 2);
        assert_eq!(memory.word(8).load(), 0);
        for _ in 1..SIZE / 512 - 1 {
            assert_eq!(pair.read(&mut buf), (Ok(()), 504));
        }
        assert_eq!(pair.read(&mut buf), (Ok(()), 496));
        assert_eq!(pair.read(&mut buf), (Err(ENOBUFS), 0));
        assert_eq!(pair.read(&mut buf), (Ok(()), 6));
        assert_eq!(&buf[..6], b"behind");
        assert_eq!(pair.write(b"told once"), (Ok(()), 9));
        assert_eq!(pair.read(&mut buf), (Ok(()), 9));
        Ok(())
    }

    #[test]
    fn what_a_producer_discarded_is_skipped() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        let mut buf = [0; 16];
        put_word(&pair, 0, header(0, 100, bits::DISCARD))?;
        pair.put(0, extent(100))?;
        // Given back, with nothing behind it.
        assert_eq!(pair.read(&mut buf), (Err(EAGAIN), 0));
        assert_eq!(position(&pair, Rw::Read)?, extent(100));
        let at = extent(100);
        put_word(&pair, at, header(at, 0, bits::DISCARD))?;
        pair.put(at, at + 8)?;
        assert_eq!(pair.write(b"next"), (Ok(()), 4));
        assert_eq!(pair.read(&mut buf), (Ok(()), 4));
        assert_eq!(&buf[..4], b"next");
        Ok(())
    }

    #[test]
    fn an_empty_record_reads_as_nothing() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        let mut buf = [0; 16];
        put_word(&pair, 0, header(0, 0, 0))?;
        pair.put(0, 8)?;
        assert_eq!(pair.write(b"next"), (Ok(()), 4));
        assert_eq!(pair.read(&mut buf), (Ok(()), 0));
        assert_eq!(pair.read(&mut buf), (Ok(()), 4));
        Ok(())
    }

    #[test]
    fn what_is_no_record_is_the_end_of_the_ring() -> Result {
        for word in [
            // Not there, busy, of another position, too long, with unknown bits, no gap.
            0,
            header(0, 8, bits::BUSY),
            header(0, 8, bits::BUSY | bits::HELD),
            header(8, 8, 0),
            header(0, 17, 0),
            header(0, bits::LEN, 0),
            header(0, 8, 1 << 36),
            header(0, 8, 1 << 47),
            header(0, GAP_BYTES - 8, bits::GAP),
            header(0, 8, bits::PHASE) ^ bits::PHASE,
            u64::MAX,
        ] {
            let pair = Pair::of(MIN_BYTES, RECORDS)?;
            put_word(&pair, 0, word)?;
            pair.put(0, 24)?;
            assert_eq!(pair.read(&mut [0; 16]), (Err(EBADMSG), 0));
            assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_PRODUCER);
            assert_eq!(pair.write(b"x"), (Err(EBADMSG), 0));
        }
        Ok(())
    }

    #[test]
    fn an_impossible_position_is_the_end_of_the_ring() -> Result {
        for (consumer, producer) in [(0, SIZE + 8), (8, 0), (u64::MAX - 7, SIZE), (0, 1 << 63)] {
            let pair = Pair::of(MIN_BYTES, RECORDS)?;
            pair.put(consumer, producer)?;
            assert_eq!(pair.read(&mut [0]), (Err(EBADMSG), 0));
            assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_PRODUCER);
            let pair = Pair::of(MIN_BYTES, RECORDS | DROP)?;
            pair.put(consumer, producer)?;
            assert_eq!(pair.write(b"x"), (Err(EBADMSG), 0));
            assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_CONSUMER);
            assert_eq!(pair.ring.losses().lost, [0, 0, 0, 1]);
        }
        Ok(())
    }

    #[test]
    fn whoever_waits_for_a_record_is_woken_by_it() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        let waits = |rw| pair.ring.side(rw).alarm.counters();
        assert_eq!(pair.write(b"x"), (Ok(()), 1));
        let mut buf = [0; 8];
        assert_eq!(pair.read(&mut buf), (Ok(()), 1));
        assert_eq!(pair.stream().ready_or_armed(false), Mask::OUT);
        assert_eq!((waits(Rw::Read).arms, waits(Rw::Read).wakes), (1, 0));
        assert_eq!(pair.write(b"y"), (Ok(()), 1));
        assert_eq!((waits(Rw::Read).arms, waits(Rw::Read).wakes), (1, 1));
        // Less than PIPE_BUF is free: the next who waits for that is woken by the read.
        assert_eq!(pair.stream().ready_or_armed(false), Mask::IN);
        assert_eq!((waits(Rw::Write).arms, waits(Rw::Write).wakes), (1, 0));
        assert_eq!(pair.read(&mut buf), (Ok(()), 1));
        assert_eq!((waits(Rw::Write).arms, waits(Rw::Write).wakes), (1, 1));
        Ok(())
    }

    #[test]
    fn records_go_round_the_end_of_the_data() -> Result {
        let pair = Pair::of(MIN_BYTES, RECORDS)?;
        let mut data = [0; 377];
        let mut back = [0; 377];
        for turn in 0..64 {
            for (i, byte) in data.iter_mut().enumerate() {
                *byte = (i * 7 + turn * 13) as u8;
            }
            let len = 377 - turn;
            assert_eq!(pair.write(&data[..len]), (Ok(()), len));
            assert_eq!(pair.read(&mut back), (Ok(()), len));
            assert_eq!(&back[..len], &data[..len]);
        }
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! KUnit suite of rings of records: each state of a record, and what is refused.

use kernel::prelude::*;

#[kunit_tests(ringbuffer_records)]
mod tests {
    use crate::{
        rw::Rw,
        size::MIN_BYTES,
        slots,
        stream_tests::Pair,
        uapi::{self, FERRIO_RB_RECORDS as RECORDS, FERRIO_RB_RECORDS_DROP as DROP},
        view::View,
        words::KernelWords,
    };
    use ferrio::poll::Mask;
    use kernel::{
        prelude::*,
        sync::atomic::{Atomic, Relaxed},
    };
    use ring::{
        records::{
            bits, extent, largest, Many, Notify, Producers, Records, Slot, GAP_BYTES, SLOTS,
        },
        Bell, Word,
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

    const MANY: u32 = RECORDS | uapi::FERRIO_RB_RECORDS_MANY;

    /// The holder of a slot, as a program that has mapped it.
    struct Mapped<'a>(View<'a>, u64);

    impl Records for Mapped<'_> {
        type Words = KernelWords;

        fn consumer(&self) -> impl Word {
            self.0.consumer()
        }
        fn producer(&self) -> impl Word {
            self.0.producer()
        }
        fn state(&self) -> impl Word {
            self.0.state()
        }
        fn bell(&self) -> Bell<impl Word> {
            self.0.bell()
        }
        fn word(&self, offset: u64) -> impl Word {
            self.0.word(offset)
        }
    }

    impl Producers for Mapped<'_> {
        const USERS: bool = true;

        fn limit(&self) -> impl Word {
            self.0.limit()
        }
        fn owner(&self) -> u64 {
            self.1
        }
        fn slot(&self, owner: u64) -> Option<Slot<impl Word>> {
            self.0.slot(owner)
        }
    }

    /// A file that has mapped its producer end.
    fn map<'a>(pair: &'a Pair, file: &Atomic<u32>) -> Result<Many<Mapped<'a>>> {
        let memory = pair.ring.use_memory(None, false)?;
        pair.ring.claim_slot(file)?;
        let view = View::of(&pair.ring, memory);
        let size = memory.len() as u64;
        Many::new(Mapped(view, file.load(Relaxed).into()), size).ok_or(EINVAL)
    }

    #[test]
    fn records_of_many_are_read_in_order() -> Result {
        let pair = Pair::of(MIN_BYTES, MANY)?;
        let file = Atomic::new(0);
        let mapped = map(&pair, &file)?;
        let mut buf = [0; 16];
        // More than twice around.
        for turn in 0..2 * SIZE / 32 {
            let record = mapped.reserve(8).map_err(|_| EBUSY)?;
            assert_eq!(pair.write(b"behind"), (Ok(()), 6));
            assert_eq!(pair.read(&mut buf), (Err(EAGAIN), 0));
            assert!(!pair.stream().ready().contains(Mask::IN));
            put_word(&pair, record.offset(SIZE), turn)?;
            assert_eq!(mapped.commit(record, Notify::Quiet), None);
            assert_eq!(pair.ring.readable() as u64, extent(8) + extent(6));
            assert_eq!(pair.read(&mut buf), (Ok(()), 8));
            assert_eq!(buf[..8], turn.to_ne_bytes());
            assert_eq!(pair.read(&mut buf), (Ok(()), 6));
        }
        assert_eq!(pair.ring.position(Rw::Read), pair.ring.position(Rw::Write));
        Ok(())
    }

    #[test]
    fn a_slot_is_one_file_s() -> Result {
        let pair = Pair::of(MIN_BYTES, MANY)?;
        let files: [_; SLOTS as usize] = core::array::from_fn(|_| Atomic::new(0));
        let more = Atomic::new(0);
        for (i, file) in files.iter().enumerate() {
            pair.ring.claim_slot(file)?;
            assert_eq!(file.load(Relaxed), i as u32 + 1);
            assert_eq!(pair.ring.claim_slot(file), Err(EBUSY));
        }
        assert_eq!(pair.ring.claim_slot(&more), Err(ENFILE));
        pair.ring.use_memory(None, false)?;
        pair.ring.bury_slot(&files[7]);
        assert_eq!(files[7].load(Relaxed), 0);
        pair.ring.claim_slot(&more)?;
        assert_eq!(more.load(Relaxed), 8);
        Ok(())
    }

    #[test]
    fn what_the_dead_have_reserved_is_discarded() -> Result {
        let pair = Pair::of(MIN_BYTES, MANY | DROP)?;
        let file = Atomic::new(0);
        let mapped = map(&pair, &file)?;
        let mut buf = [0; 16];
        let _ = mapped.reserve(100).map_err(|_| EBUSY)?;
        assert_eq!(pair.write(b"behind"), (Ok(()), 6));
        assert_eq!(pair.read(&mut buf), (Err(EAGAIN), 0));
        assert_eq!(pair.stream().ready_or_armed(false), Mask::OUT);
        assert_eq!(pair.ring.consumer.alarm.counters().wakes, 0);
        pair.ring.bury_slot(&file);
        assert_eq!(pair.ring.consumer.alarm.counters().wakes, 1);
        assert_eq!(pair.ring.losses().lost, [0, 0, 1, 0]);
        assert_eq!(pair.read(&mut buf), (Ok(()), 6));
        // The next one in the kernel tells.
        assert_eq!(pair.write(b"next"), (Ok(()), 4));
        assert_eq!(pair.read(&mut buf), (Err(ENOBUFS), 0));
        assert_eq!(pair.read(&mut buf), (Ok(()), 4));
        Ok(())
    }

    #[test]
    fn the_dead_wait_for_who_has_not_written_its_header() -> Result {
        let pair = Pair::of(MIN_BYTES, MANY)?;
        let files = [Atomic::new(0), Atomic::new(0)];
        let (first, second) = (map(&pair, &files[0])?, map(&pair, &files[1])?);
        let mut buf = [0; 16];
        let record = first.reserve(8).map_err(|_| EBUSY)?;
        let _ = second.reserve(8).map_err(|_| EBUSY)?;
        assert_eq!(pair.write(b"behind"), (Ok(()), 6));
        let memory = pair.ring.memory().ok_or(ENOMEM)?;
        let header = memory.word(0).load();
        put_word(&pair, 0, 0)?;
        pair.ring.bury_slot(&files[1]);
        assert_eq!(pair.ring.losses().lost, [0; 4]);
        // Whoever lives goes on, and whoever reads finds the other.
        put_word(&pair, 0, header)?;
        assert_eq!(first.commit(record, Notify::Quiet), None);
        assert_eq!(pair.read(&mut buf), (Ok(()), 8));
        assert_eq!(pair.read(&mut buf), (Ok(()), 6));
        assert_eq!(pair.ring.losses().lost, [0, 0, 1, 0]);
        pair.ring.bury_slot(&files[0]);
        assert_eq!(pair.ring.losses().lost, [0, 0, 1, 0]);
        Ok(())
    }

    /// More records than one call looks at, and fewer than two; then one whose header is missing.
    const FAR: u64 = 64 * 64 + 100;
    const LARGE: usize = 128 << 10;

    /// Takes the header at a position away; says what it was.
    fn unmake(pair: &Pair, at: u64) -> Result<u64> {
        let word = pair.ring.memory().ok_or(ENOMEM)?.word(at);
        let header = word.load();
        word.store(header ^ bits::PHASE);
        Ok(header)
    }

    #[test]
    fn one_call_reaps_no_more_than_it_may() -> Result {
        let pair = Pair::of(LARGE, MANY)?;
        let file = Atomic::new(0);
        let mapped = map(&pair, &file)?;
        for _ in 0..FAR {
            assert_eq!(pair.write(b""), (Ok(()), 0));
        }
        let _ = mapped.reserve(8).map_err(|_| EBUSY)?;
        pair.ring.bury_slot(&file);
        assert!(pair.ring.is_reaping());
        assert_eq!(pair.ring.losses().lost, [0; 4]);
        // Nothing has ended before this is at its end.
        pair.close(Rw::Write)?;
        assert!(!pair.ring.is_finished());
        assert!(!pair.stream().ready().contains(Mask::HUP));
        assert!(!pair.ring.is_reaping());
        assert!(pair.ring.is_finished());
        assert_eq!(pair.ring.losses().lost, [0, 0, 1, 0]);
        Ok(())
    }

    #[test]
    fn the_dead_behind_a_hole_are_not_looked_for() -> Result {
        let pair = Pair::of(LARGE, MANY)?;
        let files: [_; 3] = core::array::from_fn(|_| Atomic::new(0));
        let (first, second) = (map(&pair, &files[0])?, map(&pair, &files[1])?);
        let third = map(&pair, &files[2])?;
        for _ in 0..FAR {
            assert_eq!(pair.write(b""), (Ok(()), 0));
        }
        let record = first.reserve(8).map_err(|_| EBUSY)?;
        let _ = second.reserve(8).map_err(|_| EBUSY)?;
        let _ = third.reserve(8).map_err(|_| EBUSY)?;
        let header = unmake(&pair, FAR * 8)?;
        pair.ring.bury_slot(&files[1]);
        assert!(pair.ring.is_reaping());
        assert!(!pair.ring.reap());
        assert!(!pair.ring.is_reaping());
        // From the hole on, not from the consumer.
        pair.ring.bury_slot(&files[2]);
        assert!(!pair.ring.is_reaping());
        assert!(!pair.ring.reap());
        assert_eq!(pair.ring.losses().lost, [0; 4]);
        pair.ring
            .memory()
            .ok_or(ENOMEM)?
            .word(FAR * 8)
            .store(header);
        assert!(pair.ring.reap());
        assert_eq!(pair.ring.losses().lost, [0, 0, 2, 0]);
        assert_eq!(first.commit(record, Notify::Quiet), None);
        pair.ring.bury_slot(&files[0]);
        assert_eq!(pair.ring.losses().lost, [0, 0, 2, 0]);
        assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_NONE);
        Ok(())
    }

    #[test]
    fn a_file_that_gave_its_end_up_has_no_slot() -> Result {
        let pair = Pair::of(MIN_BYTES, MANY)?;
        let file = Atomic::new(0);
        pair.ring.use_memory(None, false)?;
        pair.ring.claim_slot(&file)?;
        assert_eq!(slots::give_up(&file), Err(EBUSY));
        pair.ring.bury_slot(&file);
        slots::give_up(&file)?;
        slots::give_up(&file)?;
        assert_eq!(pair.ring.claim_slot(&file), Err(EBADF));
        assert_eq!(slots::of_file(&file), 0);
        pair.ring.bury_slot(&file);
        // None is taken.
        let more = Atomic::new(0);
        pair.ring.claim_slot(&more)?;
        assert_eq!(slots::of_file(&more), 1);
        Ok(())
    }

    #[test]
    fn what_nobody_can_commit_is_the_end_of_the_ring() -> Result {
        let pair = Pair::of(MIN_BYTES, MANY)?;
        let file = Atomic::new(0);
        let mapped = map(&pair, &file)?;
        let _ = mapped.reserve(8).map_err(|_| EBUSY)?;
        // Its slot does not tell.
        let memory = pair.ring.memory().ok_or(ENOMEM)?;
        memory.slot(0).ok_or(EINVAL)?.claim.store(0);
        pair.ring.bury_slot(&file);
        pair.close(Rw::Write)?;
        assert_eq!(pair.read(&mut [0; 16]), (Err(EBADMSG), 0));
        assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_PRODUCER);
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! KUnit suite of rings of records of many producers: slots, and what the dead leave.

use kernel::prelude::*;

#[kunit_tests(ringbuffer_records_many)]
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
        records::{bits, extent, Many, Notify, Producers, Records, Slot, SLOTS},
        Bell, Word,
    };

    const SIZE: u64 = MIN_BYTES as u64;

    fn position(pair: &Pair, rw: Rw) -> Result<u64> {
        Ok(pair.ring.memory().ok_or(ENOMEM)?.position(rw).load())
    }

    /// Writes a word of the data, as a mapped producer may.
    fn put_word(pair: &Pair, at: u64, word: u64) -> Result {
        let memory = pair.ring.use_memory(None, false)?;
        memory.word(at & (SIZE - 1)).store(word);
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

    /// For these, and one behind them, two calls take all their steps but one.
    const NEARLY_TWICE: u64 = 64 * (2 * 64 - 2);

    #[test]
    fn the_dead_may_be_the_hole() -> Result {
        let pair = Pair::of(LARGE, MANY)?;
        let files: [_; 3] = core::array::from_fn(|_| Atomic::new(0));
        let (first, second) = (map(&pair, &files[0])?, map(&pair, &files[1])?);
        let third = map(&pair, &files[2])?;
        for _ in 0..NEARLY_TWICE {
            assert_eq!(pair.write(b""), (Ok(()), 0));
        }
        for mapped in [&first, &second, &third] {
            let _ = mapped.reserve(8).map_err(|_| EBUSY)?;
        }
        unmake(&pair, NEARLY_TWICE * 8 + extent(8))?;
        pair.ring.bury_slot(&files[2]);
        assert!(!pair.ring.reap());
        assert!(!pair.ring.is_reaping());
        pair.ring.bury_slot(&files[0]);
        assert!(pair.ring.is_reaping());
        // Its last step discards the hole; who waits there does not any more.
        pair.ring.bury_slot(&files[1]);
        assert_eq!(pair.ring.losses().lost, [0, 0, 2, 0]);
        assert!(pair.ring.is_reaping());
        pair.close(Rw::Write)?;
        assert!(!pair.ring.is_finished());
        assert!(pair.ring.reap());
        assert!(pair.ring.is_finished());
        assert_eq!(pair.ring.losses().lost, [0, 0, 3, 0]);
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

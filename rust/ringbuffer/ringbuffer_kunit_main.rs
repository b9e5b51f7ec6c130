// SPDX-License-Identifier: GPL-2.0

//! KUnit suites of the ring, as a module of their own: the same sources, no device.

// The device's side of the sources is compiled but not used here.
#![allow(dead_code)]

mod alarm;
mod calls;
mod end;
mod fdinfo;
mod level;
mod memory;
mod polling;
mod records_kunit;
mod records_many_kunit;
mod ring;
mod rw;
mod size;
mod slots;
mod splice;
mod stream;
mod uapi;
mod users;
mod view;
mod wish;
mod words;

use kernel::prelude::*;

module! {
    type: RingbufferKunit,
    name: "ringbuffer_kunit",
    authors: ["The ferrio developers"],
    description: "KUnit suites of ringbuffer.ko",
    license: "GPL",
}

struct RingbufferKunit;

impl kernel::Module for RingbufferKunit {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(RingbufferKunit)
    }
}

#[kunit_tests(ringbuffer_stream)]
mod stream_tests {
    use crate::{
        memory::HEAD_PAGES,
        ring::Ring,
        rw::Rw,
        size::{RingBytes, MAX_BYTES, MIN_BYTES},
        stream::Stream,
        uapi,
        users::{self, Share, Use},
    };
    use ferrio::{
        iov::{IterDest, IterSource, PIPE_BUF},
        pages::live_pages,
        poll::Mask,
    };
    use kernel::{
        prelude::*,
        sync::{atomic::Atomic, Arc},
    };
    use ring::Word as _;

    #[test]
    fn what_is_written_is_read() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        assert_eq!(pair.write(b"hello"), (Ok(()), 5));
        let mut buf = [0; 8];
        assert_eq!(pair.read(&mut buf), (Ok(()), 5));
        assert_eq!(&buf[..5], b"hello");
        Ok(())
    }

    #[test]
    fn empty_is_eagain_and_closed_is_the_end() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        let mut buf = [0; 8];
        assert_eq!(pair.read(&mut buf), (Err(EAGAIN), 0));
        pair.close(Rw::Write)?;
        assert_eq!(pair.read(&mut buf), (Ok(()), 0));
        Ok(())
    }

    #[test]
    fn the_last_bytes_come_before_the_end() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        assert_eq!(pair.write(b"last"), (Ok(()), 4));
        pair.close(Rw::Write)?;
        let mut buf = [0; 8];
        assert_eq!(pair.read(&mut buf), (Ok(()), 4));
        assert_eq!(pair.read(&mut buf), (Ok(()), 0));
        Ok(())
    }

    #[test]
    fn nobody_to_write_for_is_epipe() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        pair.close(Rw::Read)?;
        assert_eq!(pair.write(b"x"), (Err(EPIPE), 0));
        Ok(())
    }

    #[test]
    fn an_end_that_is_not_held_is_ebadf() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        pair.close(Rw::Write)?;
        assert_eq!(pair.close(Rw::Write), Err(EBADF));
        assert_eq!(pair.write(b"x"), (Err(EBADF), 0));
        Ok(())
    }

    #[test]
    fn a_full_ring_holds_its_size() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        let data = pattern(MIN_BYTES + 1, 3)?;
        // Longer than PIPE_BUF, so it may be done in part: exactly what fits.
        assert_eq!(pair.write(&data), (Ok(()), MIN_BYTES));
        assert_eq!(pair.write(&data[..1]), (Err(EAGAIN), 0));
        assert_eq!(pair.stream().ring.readable(), MIN_BYTES);
        let mut back = pattern(MIN_BYTES, 0)?;
        assert_eq!(pair.read(&mut back), (Ok(()), MIN_BYTES));
        assert_eq!(&back[..], &data[..MIN_BYTES]);
        Ok(())
    }

    #[test]
    fn pipe_buf_bytes_go_whole_or_not_at_all() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        assert_eq!(pair.write(b"x"), (Ok(()), 1));
        let data = pattern(PIPE_BUF, 5)?;
        assert_eq!(pair.write(&data), (Err(EAGAIN), 0));
        assert_eq!(pair.write(&data[1..]), (Ok(()), PIPE_BUF - 1));
        Ok(())
    }

    #[test]
    fn data_is_the_same_behind_every_wrap() -> Result {
        let pair = Pair::new(2 * MIN_BYTES)?;
        let mut turn = 0;
        // 4093 is prime to the size, so that the wrap comes at many offsets.
        while turn < 300 {
            let data = pattern(4093, turn)?;
            assert_eq!(pair.write(&data), (Ok(()), 4093));
            let mut back = pattern(4093, 0)?;
            assert_eq!(pair.read(&mut back), (Ok(()), 4093));
            assert_eq!(&back[..], &data[..]);
            turn += 1;
        }
        Ok(())
    }

    #[test]
    fn positions_pass_two_to_the_32_and_64() -> Result {
        for start in [u64::from(u32::MAX) - 2000, u64::MAX - 2000] {
            let pair = Pair::new(MIN_BYTES)?;
            pair.put(start, start)?;
            let data = pattern(MIN_BYTES, 7)?;
            assert_eq!(pair.write(&data), (Ok(()), MIN_BYTES));
            assert_eq!(pair.write(b"x"), (Err(EAGAIN), 0));
            let mut back = pattern(MIN_BYTES, 0)?;
            assert_eq!(pair.read(&mut back), (Ok(()), MIN_BYTES));
            assert_eq!(&back[..], &data[..]);
            let mut one = [0];
            assert_eq!(pair.read(&mut one), (Err(EAGAIN), 0));
        }
        Ok(())
    }

    #[test]
    fn an_impossible_position_is_the_end_of_the_ring() -> Result {
        let size = MIN_BYTES as u64;
        for (consumer, producer) in [
            (0, size + 1),
            (1, 0),
            (u64::MAX, size),
            (5, 4),
            (0, 1 << 63),
        ] {
            let pair = Pair::new(MIN_BYTES)?;
            pair.put(consumer, producer)?;
            // Who holds neither end sees no more than a ring can hold, and changes nothing.
            assert_eq!(pair.stream().ring.readable(), MIN_BYTES);
            assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_NONE);
            assert_eq!(pair.read(&mut [0]), (Err(EBADMSG), 0));
            assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_PRODUCER);
            // For both ends, and for ever; the first reason stays.
            pair.put(0, 0)?;
            assert_eq!(pair.write(b"x"), (Err(EBADMSG), 0));
            assert_eq!(pair.read(&mut [0]), (Err(EBADMSG), 0));
            assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_PRODUCER);
            assert_eq!(pair.stream().ready(), Mask::ERR | Mask::OUT);

            let pair = Pair::new(MIN_BYTES)?;
            pair.put(consumer, producer)?;
            assert_eq!(pair.write(b"x"), (Err(EBADMSG), 0));
            assert_eq!(pair.ring.corrupt(), uapi::FERRIO_RB_CORRUPT_CONSUMER);
        }
        Ok(())
    }

    #[test]
    fn whoever_waits_is_armed_once_and_woken_once() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        let waits = |rw| pair.ring.side(rw).alarm.counters();
        // A poller that finds the ring writable only.
        assert_eq!(pair.stream().ready_or_armed(false), Mask::OUT);
        assert_eq!(pair.stream().ready_or_armed(false), Mask::OUT);
        assert_eq!((waits(Rw::Read).arms, waits(Rw::Read).wakes), (1, 0));
        assert_eq!(waits(Rw::Write).arms, 0);
        assert_eq!(pair.write(b"x"), (Ok(()), 1));
        assert_eq!(pair.write(b"x"), (Ok(()), 1));
        assert_eq!((waits(Rw::Read).arms, waits(Rw::Read).wakes), (1, 1));
        // Less than PIPE_BUF is free now; one byte more does not wake, all of them do.
        assert_eq!(pair.stream().ready_or_armed(false), Mask::IN);
        assert_eq!((waits(Rw::Write).arms, waits(Rw::Write).wakes), (1, 0));
        assert_eq!(pair.read(&mut [0]), (Ok(()), 1));
        assert_eq!((waits(Rw::Write).arms, waits(Rw::Write).wakes), (1, 0));
        assert_eq!(pair.read(&mut [0]), (Ok(()), 1));
        assert_eq!((waits(Rw::Write).arms, waits(Rw::Write).wakes), (1, 1));
        // With EPOLLET both are armed for although one is ready; what is final wakes all.
        assert_eq!(pair.stream().ready_or_armed(true), Mask::OUT);
        assert_eq!((waits(Rw::Read).arms, waits(Rw::Write).arms), (2, 2));
        pair.close(Rw::Write)?;
        assert_eq!((waits(Rw::Read).wakes, waits(Rw::Write).wakes), (2, 2));
        Ok(())
    }

    #[test]
    fn poll_says_what_the_calls_would_do() -> Result {
        let pair = Pair::new(MIN_BYTES)?;
        assert_eq!(pair.stream().ready(), Mask::OUT);
        assert_eq!(pair.write(b"x"), (Ok(()), 1));
        // Less than PIPE_BUF is free: not writable, though small writes would go.
        assert_eq!(pair.stream().ready(), Mask::IN);
        let mut one = [0];
        assert_eq!(pair.read(&mut one), (Ok(()), 1));
        pair.close(Rw::Write)?;
        // A write fails instead of waiting.
        assert_eq!(pair.stream().ready(), Mask::HUP | Mask::OUT);
        assert_eq!(pair.write(b"x"), (Err(EBADF), 0));
        Ok(())
    }

    #[test]
    fn sizes_are_powers_of_two_in_the_limits() -> Result {
        let ring = Ring::new(Share::new(&users::nobody()?, 0)?, 3)?;
        for bad in [
            0,
            1,
            MIN_BYTES as u64 - 1,
            MIN_BYTES as u64 + 1,
            3 * MIN_BYTES as u64,
            MAX_BYTES as u64 + 1,
            2 * MAX_BYTES as u64,
            1 << 32,
            1 << 63,
            u64::MAX,
        ] {
            assert_eq!(RingBytes::try_from(bad).err(), Some(EINVAL));
        }
        assert_eq!(ring.set_size((MAX_BYTES as u64).try_into()?, 0), Ok(()));
        assert_eq!(ring.set_size((MIN_BYTES as u64).try_into()?, 0), Ok(()));
        ring.use_memory(None, false)?;
        assert_eq!(ring.set_size((MIN_BYTES as u64).try_into()?, 0), Err(EBUSY));
        Ok(())
    }

    #[test]
    fn a_ring_counts_while_it_lives() -> Result {
        let before = live_pages();
        let users = users::nobody()?;
        let share = Share::new(&users, 0)?;
        assert!(
            share.total()
                == Use {
                    objects: 1,
                    bytes: 0
                }
        );
        let ring = Ring::new(share, 3)?;
        ring.set_size((4 * MIN_BYTES as u64).try_into()?, 0)?;
        ring.use_memory(None, false)?;
        assert_eq!(live_pages(), before + HEAD_PAGES + 4);
        assert!(
            ring.user_total()
                == Use {
                    objects: 1,
                    bytes: 4 * MIN_BYTES
                }
        );
        drop(ring);
        assert_eq!(live_pages(), before);
        assert!(
            Share::new(&users, 0)?.total()
                == Use {
                    objects: 1,
                    bytes: 0
                }
        );
        Ok(())
    }

    /// A ring with memory, and one file's view of both its ends.
    pub(crate) struct Pair {
        pub(crate) ring: Arc<Ring>,
        holds: Atomic<u32>,
    }

    impl Pair {
        fn new(bytes: usize) -> Result<Self> {
            Pair::of(bytes, 0)
        }

        /// With FERRIO_RB_RECORDS* bits.
        pub(crate) fn of(bytes: usize, records: u32) -> Result<Self> {
            let held = Rw::Read.bit() | Rw::Write.bit();
            let ring = Ring::new(Share::new(&users::nobody()?, 0)?, held)?;
            ring.set_size((bytes as u64).try_into()?, records)?;
            Ok(Pair {
                ring,
                holds: Atomic::new(held),
            })
        }

        /// Puts both ends somewhere, as mapped holders may.
        pub(crate) fn put(&self, consumer: u64, producer: u64) -> Result {
            let memory = self.ring.use_memory(None, false)?;
            memory.position(Rw::Read).store(consumer);
            memory.position(Rw::Write).store(producer);
            Ok(())
        }

        pub(crate) fn stream(&self) -> Stream<'_> {
            Stream {
                ring: &self.ring,
                holds: &self.holds,
                file: None,
            }
        }

        pub(crate) fn close(&self, rw: Rw) -> Result {
            self.ring.drop_holder(rw, &self.holds, rw.given_up_bit())
        }

        pub(crate) fn write(&self, data: &[u8]) -> (Result, usize) {
            IterSource::with_slice(data, |iter| self.stream().write(iter, true, true))
        }

        pub(crate) fn read(&self, buf: &mut [u8]) -> (Result, usize) {
            IterDest::with_slice(buf, |iter| self.stream().read(iter, true))
        }
    }

    /// Bytes that tell their place and their turn.
    fn pattern(len: usize, turn: usize) -> Result<KVec<u8>> {
        let mut data = KVec::with_capacity(len, GFP_KERNEL)?;
        for i in 0..len {
            data.push((i * 7 + turn * 13) as u8, GFP_KERNEL)?;
        }
        Ok(data)
    }
}

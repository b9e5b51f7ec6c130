// SPDX-License-Identifier: GPL-2.0

//! A ring: its memory, its two ends, their holders.
//!
//! # Who writes what
//!
//! | word | written by | under |
//! |---|---|---|
//! | the positions, in mapped pages | calls, for one turn; whoever has mapped that end | the end's
//! token; nothing |
//! | holders of an end, a file's ends, `generation` | open, mint, shutdown, release | `ends` |
//! | `corrupt` | whoever finds it first | `ends` |
//! | `finished` | whoever finds the producer closed and idle | its token; a driver's: nothing |
//! | `open` | a driver's calls for records | nothing: any number may |
//! | the state page | all of these | `ends` |
//! | who is armed, and the counters | sleepers and wakers | the end's alarm |
//! | `bytes`, `records` | SET_SIZE, before the first use | `first_use` |
//! | `loss` | writes of records, and who reaps | nothing: any number may |
//! | `slots` | mmap, munmap, who reaps | its lock |
//! | `memory` | the first use, once | `first_use` |
//!
//! `Documentation/mapped-ring.rst` says how an end is used: its position and its peer's are loaded
//! once a turn, their difference is checked, the copies are worked with, and the own one is
//! published behind the copy of the data.
//!
//! # Lock order
//!
//! `first_use` → `account` → the users' table; the misc core's lock → the users' table (open). A
//! token → nothing of ours, but the other end's token may be tried; user memory may be copied under
//! it, so token → `mmap_lock`. `pipe->mutex` → the consumer's token (`splice_read`); the producer's
//! token is only tried there (`splice_write`). `ends` is a spin lock, as a sleeper that looks once
//! more may have to print: held for a few instructions, and nothing is taken under it; an alarm's
//! lock as well. Both are taken in interrupts, too, for a driver that must not wake anybody itself.
//! The lock of the slots is like them, but for interrupts.
//! `first_use` is held while the memory is made, which may be long for a large ring:
//! who waits for it can be killed, and only the first use and SET_SIZE do.

mod finish;

use crate::{
    alarm::Alarm,
    memory::Memory,
    rw::Rw,
    size::{RingBytes, DEFAULT_BYTES},
    slots::Slots,
    uapi,
    users::{Share, Use},
    words::OwnWord,
};
use core::array::from_fn;
use ferrio::{
    memcg::MemCgroup, new_token, new_wait_queue, once::Once, poll::Mask, token::Token, word::Word,
};
use kernel::{
    fs::LocalFile,
    new_mutex, new_spinlock_irq,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed, Release},
        Arc, Mutex, SpinLockIrq,
    },
};
use ring::records::Loss;

/// One end of a ring. Its position is in the ring's memory.
#[pin_data]
pub(crate) struct Side {
    /// How many open files hold it. 0 is final.
    holders: Atomic<u32>,
    /// Whoever reads or writes has it, also while user memory is copied.
    #[pin]
    pub(crate) token: Token,
    /// Who waits at this end.
    #[pin]
    pub(crate) alarm: Alarm,
}

impl Side {
    /// Whether nobody holds this end. Acquire: what its holders published before is seen.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.holders.load_acquire() == 0
    }

    pub(crate) fn holders(&self) -> u32 {
        self.holders.load(Relaxed)
    }
}

/// Whom the ring belongs to.
struct Account {
    /// What it counts for; a driver's ring counts for nobody.
    share: Option<Share>,
    /// Whom the memory will be charged to; only until it is, so as not to keep a dead group.
    memcg: Option<MemCgroup>,
}

/// What the lock of the ends protects besides their holders.
struct Ends {
    /// Changes with each holder that comes or goes.
    generation: u64,
}

/// See the module.
#[pin_data]
pub(crate) struct Ring {
    /// Tells the rings apart in fdinfo.
    pub(crate) id: u64,
    /// The size; fixed once there is memory.
    bytes: Atomic<usize>,
    /// FERRIO_RB_RECORDS* bits; fixed once there is memory.
    records: Atomic<u32>,
    /// What writes of records have lost.
    pub(crate) loss: Loss<OwnWord, OwnWord>,
    /// Of many producers: whose mapping has which.
    #[pin]
    pub(crate) slots: Slots,
    memory: Once<Memory>,
    #[pin]
    first_use: Token,
    #[pin]
    account: Mutex<Account>,
    #[pin]
    ends: SpinLockIrq<Ends>,
    /// FERRIO_RB_CORRUPT_*; not 0 is final.
    corrupt: Atomic<u32>,
    /// Not 0: nothing more will be published; final.
    finished: Atomic<u32>,
    /// A driver's records that are reserved, or about to be: the stream does not end before them.
    open: Atomic<u32>,
    /// The driver's end.
    driver: Option<Rw>,
    /// Turns of a call that met another holder of the same end.
    misuse: Atomic<u64>,
    /// Mappings of any of its pages.
    pub(crate) maps: Atomic<u32>,
    #[pin]
    pub(crate) consumer: Side,
    #[pin]
    pub(crate) producer: Side,
}

/// The `id` of the next ring.
static NEXT_ID: Atomic<u64> = Atomic::new(1);

impl Ring {
    /// A ring of the default size without memory, with one holder for each end in `held`.
    ///
    /// It belongs to the caller, and to the caller's cgroup.
    ///
    /// # Errors
    ///
    /// `EDQUOT`, `ENOMEM`.
    pub(crate) fn new(share: Share, held: u32) -> Result<Arc<Self>> {
        Self::of_account(Some(share), held, None)
    }

    /// The same for a driver, which has the end `rw`: with one holder for both ends, and for no
    /// user.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn of_driver(rw: Rw) -> Result<Arc<Self>> {
        Self::of_account(None, Rw::Read.bit() | Rw::Write.bit(), Some(rw))
    }

    fn of_account(share: Option<Share>, held: u32, driver: Option<Rw>) -> Result<Arc<Self>> {
        let account = Account {
            share,
            memcg: Some(MemCgroup::current()),
        };
        let readers = u32::from(held & Rw::Read.bit() != 0);
        let writers = u32::from(held & Rw::Write.bit() != 0);
        Arc::pin_init(
            pin_init!(Self {
                id: NEXT_ID.fetch_add(1, Relaxed),
                bytes: Atomic::new(DEFAULT_BYTES),
                records: Atomic::new(0),
                loss: Loss::new(
                    from_fn(|_| OwnWord::new(0)),
                    OwnWord::new(0),
                    from_fn(|_| OwnWord::new(0)),
                ),
                slots <- Slots::new(),
                memory: Once::new(),
                first_use <- new_token!("ringbuffer_first_use"),
                account <- new_mutex!(account, "ringbuffer_account"),
                ends <- new_spinlock_irq!(Ends { generation: 1 }, "ringbuffer_ends"),
                corrupt: Atomic::new(uapi::FERRIO_RB_CORRUPT_NONE),
                finished: Atomic::new(u32::from(writers == 0)),
                open: Atomic::new(0),
                driver,
                misuse: Atomic::new(0),
                maps: Atomic::new(0),
                // Two initialisers, not one function called twice: each gives its locks a class of
                // its own, as pipe->mutex orders the two tokens differently.
                consumer <- pin_init!(Side {
                    holders: Atomic::new(readers),
                    token <- new_token!("ringbuffer_consumer"),
                    alarm <- Alarm::new(Rw::Read, new_wait_queue!("ringbuffer_readers")),
                }),
                producer <- pin_init!(Side {
                    holders: Atomic::new(writers),
                    token <- new_token!("ringbuffer_producer"),
                    alarm <- Alarm::new(Rw::Write, new_wait_queue!("ringbuffer_writers")),
                }),
            }),
            // Not charged: open() runs under the misc core's lock, and a charge could reclaim, or
            // kill, there. Below 1 KiB, and the limit of rings bounds it.
            GFP_KERNEL,
        )
    }

    pub(crate) fn side(&self, rw: Rw) -> &Side {
        match rw {
            Rw::Read => &self.consumer,
            Rw::Write => &self.producer,
        }
    }

    /// The ring's memory, if it has been used.
    #[inline]
    pub(crate) fn memory(&self) -> Option<&Memory> {
        self.memory.get()
    }

    /// Whether the first use is still to come and takes longer than a pipe's would.
    pub(crate) fn is_slow_to_use(&self) -> bool {
        self.size() > DEFAULT_BYTES && self.memory.get().is_none()
    }

    /// The ring's memory; allocates it at the first use. Sleeps. `file` is what it is used through.
    ///
    /// # Errors
    ///
    /// `EDQUOT`, `ENOMEM`; `EINTR` if the caller is being killed; `EAGAIN` if `nowait` and somebody
    /// else is making it.
    pub(crate) fn use_memory(&self, file: Option<&LocalFile>, nowait: bool) -> Result<&Memory> {
        if let Some(memory) = self.memory.get() {
            return Ok(memory);
        }
        // Who got EAGAIN for this may wait for an event now.
        let _first = self
            .first_use
            .take(nowait, || self.producer.alarm.wake(Mask::NONE))?;
        match self.memory.get() {
            Some(memory) => Ok(memory),
            None => self.make_memory(file),
        }
    }

    /// Allocates the memory; with `first_use` held.
    fn make_memory(&self, file: Option<&LocalFile>) -> Result<&Memory> {
        let (bytes, records) = (self.bytes.load(Relaxed), self.records());
        let memcg = {
            let mut account = self.account.lock();
            if let Some(share) = &mut account.share {
                share.add_bytes(bytes, file)?;
            }
            account.memcg.take()
        };
        let made = match &memcg {
            Some(memcg) => memcg.charge(|| Memory::new(bytes, records)),
            None => Memory::new(bytes, records),
        };
        match made {
            Ok(made) => {
                self.memory.set(made);
                // Whoever closes from now on prints that himself; what was before is printed here.
                self.print_state(&self.ends.lock());
                // Whoever arms from now on is seen by those who map it; who is armed has to again.
                self.wake_everybody();
                self.memory.get().ok_or(ENOMEM)
            }
            Err(err) => {
                let mut account = self.account.lock();
                if let Some(share) = &mut account.share {
                    share.sub_bytes();
                }
                account.memcg = memcg;
                Err(err)
            }
        }
    }

    /// Sets the size, and whether there are records (FERRIO_RB_RECORDS* bits), before the first
    /// use.
    ///
    /// # Errors
    ///
    /// `EBUSY`: in use. `EINTR`: killed while it waited for a first use that is under way.
    pub(crate) fn set_size(&self, bytes: RingBytes, records: u32) -> Result {
        // A writer that is refused for this gets its EPOLLOUT as it does for another first use.
        let _first = self
            .first_use
            .take(false, || self.producer.alarm.wake(Mask::NONE))?;
        if self.memory.get().is_some() {
            return Err(EBUSY);
        }
        self.bytes.store(bytes.get(), Relaxed);
        self.records.store(records, Relaxed);
        // Who waits may wait for more than it holds now.
        self.wake_everybody();
        Ok(())
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// FERRIO_RB_RECORDS* bits; 0 for a ring of bytes.
    pub(crate) fn records(&self) -> u32 {
        self.records.load(Relaxed)
    }

    /// What the ring's user has in all; nothing, if it is nobody's.
    pub(crate) fn user_total(&self) -> Use {
        let account = self.account.lock();
        account.share.as_ref().map(Share::total).unwrap_or_default()
    }

    /// Adds a holder to an end that `holds`, a file's set of ends, has; returns the set of the new
    /// holder.
    ///
    /// # Errors
    ///
    /// `EBADF`: the file does not hold that end (any more). `ENFILE`: more holders than can be
    /// counted.
    pub(crate) fn add_holder(&self, rw: Rw, holds: &Atomic<u32>) -> Result<u32> {
        let mut ends = self.ends.lock();
        if holds.load(Relaxed) & rw.bit() == 0 {
            return Err(EBADF);
        }
        let holders = &self.side(rw).holders;
        // A file that holds the end keeps it from being closed: this never goes up from 0.
        let more = holders.load(Relaxed).checked_add(1).ok_or(ENFILE)?;
        holders.store(more, Relaxed);
        ends.generation += 1;
        self.print_state(&ends);
        Ok(rw.bit())
    }

    /// Takes an end away from a file's set, and leaves `instead` there; wakes those who sleep at
    /// that end, and everybody if it was the last holder.
    ///
    /// Nobody is told a bit: what is new to the one who gives up is nothing to the others.
    ///
    /// # Errors
    ///
    /// `EBADF`: the file does not hold that end (any more).
    pub(crate) fn drop_holder(&self, rw: Rw, holds: &Atomic<u32>, instead: u32) -> Result {
        let last = {
            let mut ends = self.ends.lock();
            let held = holds.load(Relaxed);
            if held & rw.bit() == 0 {
                return Err(EBADF);
            }
            holds.store(held & !rw.bit() | instead, Relaxed);
            let holders = &self.side(rw).holders;
            let left = holders.load(Relaxed) - 1;
            // Release: whoever sees the end closed sees all that its holders published, and that
            // this file has lost it.
            holders.store(left, Release);
            ends.generation += 1;
            self.print_state(&ends);
            left == 0
        };
        let alarm = &self.side(rw).alarm;
        if last {
            if rw == Rw::Write {
                self.finish();
            }
            self.side(rw.peer()).alarm.wake_all(self);
            alarm.wake_all(self);
        } else {
            // Exclusive ones, too: it is this file's pollers who have to look.
            alarm.waiters.wake_all(Mask::NONE);
        }
        Ok(())
    }

    /// At both ends, armed or not: they look for what it was.
    fn wake_everybody(&self) {
        self.consumer.alarm.wake_all(self);
        self.producer.alarm.wake_all(self);
    }

    /// FERRIO_RB_STATE_* bits of now.
    pub(crate) fn state(&self) -> u32 {
        let mut state = 0;
        if self.memory().is_some() {
            state |= uapi::FERRIO_RB_STATE_ALLOCATED;
        }
        if self.consumer.is_closed() {
            state |= uapi::FERRIO_RB_STATE_READ_CLOSED;
        }
        // Not while a turn is under way: what it publishes comes before the end.
        if self.finished.load_acquire() != 0 {
            state |= uapi::FERRIO_RB_STATE_WRITE_CLOSED;
        }
        if self.corrupt() != uapi::FERRIO_RB_CORRUPT_NONE {
            state |= uapi::FERRIO_RB_STATE_CORRUPT;
        }
        state
    }

    /// For mapped holders.
    fn print_state(&self, ends: &Ends) {
        if let Some(memory) = self.memory() {
            memory.print_state(self.state(), self.corrupt(), ends.generation);
        }
    }

    /// FERRIO_RB_CORRUPT_*.
    #[inline]
    pub(crate) fn corrupt(&self) -> u32 {
        self.corrupt.load_relaxed()
    }

    /// `EBADMSG` for a ring that is corrupt.
    #[inline]
    pub(crate) fn must_be_intact(&self) -> Result {
        if self.corrupt() == uapi::FERRIO_RB_CORRUPT_NONE {
            Ok(())
        } else {
            Err(EBADMSG)
        }
    }

    /// A position is impossible: nobody can go on. The first reason stays.
    #[cold]
    pub(crate) fn set_corrupt(&self, reason: u32) {
        {
            let ends = self.ends.lock();
            if self.corrupt() == uapi::FERRIO_RB_CORRUPT_NONE {
                self.corrupt.store(reason, Release);
            }
            self.print_state(&ends);
        }
        self.wake_everybody();
    }

    /// A call met another holder of its own end.
    #[cold]
    pub(crate) fn count_misuse(&self) {
        self.misuse.fetch_add(1, Relaxed);
    }

    pub(crate) fn misuse(&self) -> u64 {
        self.misuse.load(Relaxed)
    }
}

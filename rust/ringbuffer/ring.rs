// SPDX-License-Identifier: GPL-2.0

//! A ring: its memory, its two positions, its holders.
//!
//! # Who writes what
//!
//! | word | written by | under |
//! |---|---|---|
//! | `written` | the producer end | `producer.token` |
//! | `read` | the consumer end | `consumer.token` |
//! | holders of an end, a file's ends | open, mint, shutdown, release | `ends` |
//! | `bytes` | SET_SIZE, before the first use | `first_use` |
//! | `memory` | the first use, once | `first_use` |
//!
//! Positions count bytes since the ring was made and are stored unmasked; their difference is what
//! is in the ring. Each end loads its own position and its peer's once a turn, checks the
//! difference, works on the copies and publishes its own by a release store, behind the copy of the
//! data; the peer's acquire load sees the data with it.
//!
//! # Lock order
//!
//! `first_use` → `account` → the users' table; the misc core's lock → the users' table (open). A
//! token → nothing of ours, but the other end's token may be tried; user memory may be copied under
//! it, so token → `mmap_lock`. `pipe->mutex` → the consumer's token (`splice_read`); the producer's
//! token is only tried there (`splice_write`). `ends` is held for a few instructions, and nothing
//! is taken under it. `first_use` is held while the memory is made, which may be long for a large
//! ring: who waits for it can be killed, and only the first use and SET_SIZE do.

use crate::users::{Share, Use};
use ferrio::{
    memcg::MemCgroup, new_token, new_wait_queue, pages::PageVec, poll::Mask, token::Token,
    wait::WaitQueue, word::Word,
};
use kernel::{
    fs::LocalFile,
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed, Release},
        Arc, Mutex, SetOnce,
    },
};

/// The smallest ring, in bytes.
pub(crate) const MIN_BYTES: usize = PAGE_SIZE;
/// The largest ring, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 30;
/// The size of a ring that nobody gave one, in bytes; a pipe's.
pub(crate) const DEFAULT_BYTES: usize = 64 << 10;

/// A size that a ring may have.
///
/// # Invariants
///
/// A power of two in [`MIN_BYTES`]`..=`[`MAX_BYTES`].
#[derive(Clone, Copy)]
pub(crate) struct RingBytes(usize);

impl TryFrom<u64> for RingBytes {
    type Error = Error;

    /// `EINVAL` for a size that no ring may have.
    fn try_from(bytes: u64) -> Result<Self> {
        let bytes = usize::try_from(bytes).map_err(|_| EINVAL)?;
        if !bytes.is_power_of_two() || !(MIN_BYTES..=MAX_BYTES).contains(&bytes) {
            return Err(EINVAL);
        }
        // INVARIANT: Just checked.
        Ok(RingBytes(bytes))
    }
}

/// The direction of data, seen by the holder of an end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rw {
    Read,
    Write,
}

impl Rw {
    /// The end's bit in a set of ends.
    pub(crate) fn bit(self) -> u32 {
        match self {
            Rw::Read => 1,
            Rw::Write => 2,
        }
    }
}

/// One end of a ring.
#[pin_data]
pub(crate) struct Side {
    /// Bytes that went through this end since the ring was made.
    pub(crate) position: Atomic<u64>,
    /// How many open files hold it. 0 is final.
    holders: Atomic<u32>,
    /// Whoever reads or writes has it, also while user memory is copied.
    #[pin]
    pub(crate) token: Token,
    /// Who waits for the *other* end to move, or to close.
    #[pin]
    pub(crate) waiters: WaitQueue,
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
    share: Share,
    /// Whom the memory will be charged to; only until it is, so as not to keep a dead group.
    memcg: Option<MemCgroup>,
}

/// See the module.
#[pin_data]
pub(crate) struct Ring {
    /// Tells the rings apart in fdinfo.
    pub(crate) id: u64,
    /// The size; fixed once there is memory.
    bytes: Atomic<usize>,
    memory: SetOnce<PageVec>,
    #[pin]
    first_use: Token,
    #[pin]
    account: Mutex<Account>,
    #[pin]
    ends: Mutex<()>,
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
                memory: SetOnce::new(),
                first_use <- new_token!("ringbuffer_first_use"),
                account <- new_mutex!(account, "ringbuffer_account"),
                ends <- new_mutex!((), "ringbuffer_ends"),
                // Two initialisers, not one function called twice: each gives its locks a class of
                // its own, as pipe->mutex orders the two tokens differently.
                consumer <- pin_init!(Side {
                    position: Atomic::new(0),
                    holders: Atomic::new(readers),
                    token <- new_token!("ringbuffer_consumer"),
                    waiters <- new_wait_queue!("ringbuffer_readers"),
                }),
                producer <- pin_init!(Side {
                    position: Atomic::new(0),
                    holders: Atomic::new(writers),
                    token <- new_token!("ringbuffer_producer"),
                    waiters <- new_wait_queue!("ringbuffer_writers"),
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

    /// Whether nobody holds the producer end and no turn is under way in it: nothing more will be
    /// published.
    ///
    /// A file that gives its end up while another thread is inside of a copy through it is no
    /// holder any more, but what that copy publishes is not lost. Taking the token orders us behind
    /// the last turn, and a later one sees that its file has lost the end. If it is taken, whoever
    /// has it sees that we were refused, and wakes us; so do we, as others may ask at the same
    /// time.
    pub(crate) fn is_finished(&self) -> bool {
        if !self.producer.is_closed() {
            return false;
        }
        self.producer
            .token
            .try_take(|| self.make_up(Rw::Write))
            .is_some()
    }

    /// For those who were refused an end's token: EAGAIN, or "not finished yet". Whatever they wait
    /// for by now, it is the end of the turn that they met.
    pub(crate) fn make_up(&self, rw: Rw) {
        match rw {
            Rw::Read => self.consumer.waiters.wake(Mask::IN),
            Rw::Write => {
                self.producer.waiters.wake(Mask::OUT);
                if self.producer.is_closed() {
                    self.consumer.waiters.wake_all(Mask::IN | Mask::HUP);
                }
            }
        }
    }

    /// The ring's memory, if it has been used.
    pub(crate) fn memory(&self) -> Option<&PageVec> {
        self.memory.as_ref()
    }

    /// Whether the first use is still to come and takes longer than a pipe's would.
    pub(crate) fn is_slow_to_use(&self) -> bool {
        self.size() > DEFAULT_BYTES && self.memory.as_ref().is_none()
    }

    /// The ring's memory; allocates it at the first use. Sleeps. `file` is what it is used through.
    ///
    /// # Errors
    ///
    /// `EDQUOT`, `ENOMEM`; `EINTR` if the caller is being killed; `EAGAIN` if `nowait` and somebody
    /// else is making it.
    pub(crate) fn use_memory(&self, file: Option<&LocalFile>, nowait: bool) -> Result<&PageVec> {
        if let Some(memory) = self.memory.as_ref() {
            return Ok(memory);
        }
        // Who got EAGAIN for this may wait for an event now.
        let _first = self
            .first_use
            .take(nowait, || self.producer.waiters.wake(Mask::OUT))?;
        match self.memory.as_ref() {
            Some(memory) => Ok(memory),
            None => self.make_memory(file),
        }
    }

    /// Allocates the memory; with `first_use` held.
    fn make_memory(&self, file: Option<&LocalFile>) -> Result<&PageVec> {
        let bytes = self.bytes.load(Relaxed);
        let memcg = {
            let mut account = self.account.lock();
            account.share.add_bytes(bytes, file)?;
            account.memcg.take()
        };
        let pages = match &memcg {
            Some(memcg) => memcg.charge(|| PageVec::new(bytes)),
            None => PageVec::new(bytes),
        };
        match pages {
            Ok(pages) => {
                self.memory.populate(pages);
                self.memory.as_ref().ok_or(ENOMEM)
            }
            Err(err) => {
                let mut account = self.account.lock();
                account.share.sub_bytes();
                account.memcg = memcg;
                Err(err)
            }
        }
    }

    /// Sets the size, before the first use.
    ///
    /// # Errors
    ///
    /// `EBUSY`: in use. `EINTR`: killed while it waited for a first use that is under way.
    pub(crate) fn set_size(&self, bytes: RingBytes) -> Result {
        // A writer that is refused for this gets its EPOLLOUT as it does for another first use.
        let _first = self
            .first_use
            .take(false, || self.producer.waiters.wake(Mask::OUT))?;
        if self.memory.as_ref().is_some() {
            return Err(EBUSY);
        }
        self.bytes.store(bytes.0, Relaxed);
        Ok(())
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// What the ring's user has in all.
    pub(crate) fn user_total(&self) -> Use {
        self.account.lock().share.total()
    }

    /// Adds a holder to an end that `holds`, a file's set of ends, has.
    ///
    /// # Errors
    ///
    /// `EBADF`: the file does not hold that end (any more). `ENFILE`: more holders than can be
    /// counted.
    pub(crate) fn add_holder(&self, rw: Rw, holds: &Atomic<u32>) -> Result {
        let _ends = self.ends.lock();
        if holds.load(Relaxed) & rw.bit() == 0 {
            return Err(EBADF);
        }
        let holders = &self.side(rw).holders;
        // A file that holds the end keeps it from being closed: this never goes up from 0.
        let more = holders.load(Relaxed).checked_add(1).ok_or(ENFILE)?;
        holders.store(more, Relaxed);
        Ok(())
    }

    /// Takes an end away from a file's set; wakes those who sleep at that end, and everybody if it
    /// was the last holder.
    ///
    /// # Errors
    ///
    /// `EBADF`: the file does not hold that end (any more).
    pub(crate) fn drop_holder(&self, rw: Rw, holds: &Atomic<u32>) -> Result {
        let last = {
            let _ends = self.ends.lock();
            let held = holds.load(Relaxed);
            if held & rw.bit() == 0 {
                return Err(EBADF);
            }
            holds.store(held & !rw.bit(), Relaxed);
            let holders = &self.side(rw).holders;
            let left = holders.load(Relaxed) - 1;
            // Release: whoever sees the end closed sees all that its holders published, and that
            // this file has lost it.
            holders.store(left, Release);
            left == 0
        };
        let all = Mask::IN | Mask::OUT | Mask::ERR | Mask::HUP;
        if last {
            self.consumer.waiters.wake_all(all);
            self.producer.waiters.wake_all(all);
        } else {
            self.side(rw).waiters.wake(all);
        }
        Ok(())
    }
}

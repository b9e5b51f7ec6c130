// SPDX-License-Identifier: GPL-2.0

//! Who waits at an end, and for what: the kernel's books, and their prints in the mapped pages.
//!
//! `Documentation/mapped-ring.rst` has the protocol; the steps S1 to W5 below are its.

use crate::{
    memory::Memory,
    ring::Ring,
    rw::Rw,
    words::{KernelWords, OwnWord, PageWord},
};
use ferrio::{new_wait_queue, poll::Mask, shared::fence, wait::WaitQueue};
use kernel::{
    new_spinlock_irq,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        SpinLockIrq,
    },
};
use ring::{called, Bell, Books, Word};

/// How often the waits of one end did what; see the document.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) arms: u64,
    pub(crate) wakes: u64,
    pub(crate) suppressed: u64,
    pub(crate) sleeps: u64,
    pub(crate) spurious: u64,
}

/// What the lock protects.
#[derive(Default)]
struct Inner {
    books: Books,
    sleeps: u64,
    spurious: u64,
}

/// The sleepers of one end.
///
/// The lock is taken for a few instructions, in interrupts, too; nothing is taken under it, and
/// nobody is woken.
#[pin_data]
pub(crate) struct Alarm {
    /// Whose sleepers.
    rw: Rw,
    /// Who waits for the *other* end to move, or to close.
    #[pin]
    pub(crate) waiters: WaitQueue,
    /// Third parties that poll for the same. Not in one queue with those who hold the end: an
    /// exclusive wake that one of them takes would be lost for the holders.
    #[pin]
    pub(crate) onlookers: WaitQueue,
    #[pin]
    inner: SpinLockIrq<Inner>,
    /// `armed` and `wanted` where only the kernel writes, for wakers in the kernel.
    armed: OwnWord,
    wanted: OwnWord,
    /// Not 0 while one who is armed would do with less than he is armed for: [`ring::Hope`].
    hoping: OwnWord,
    /// Not 0: somebody has polled who does not ask again before the next event. For good, as with
    /// `poll_usage` of a pipe: who leaves a queue does not say so.
    edges: Atomic<u32>,
    /// Counted without the lock: calls for nothing, by whoever likes, must not keep it from those
    /// who need it.
    suppressed: Atomic<u64>,
}

impl Alarm {
    /// `waiters` with a lock class of its own.
    pub(crate) fn new(rw: Rw, waiters: impl PinInit<WaitQueue>) -> impl PinInit<Self> {
        pin_init!(Self {
            rw,
            waiters <- waiters,
            onlookers <- new_wait_queue!("ringbuffer_onlookers"),
            inner <- new_spinlock_irq!(Inner::default(), "ringbuffer_alarm"),
            armed: OwnWord::new(0),
            wanted: OwnWord::new(0),
            hoping: OwnWord::new(0),
            edges: Atomic::new(0),
            suppressed: Atomic::new(0),
        })
    }

    /// The kernel's own bell, as a waker needs it who has other words in pages.
    #[inline]
    pub(crate) fn words(&self) -> (PageWord<'_>, PageWord<'_>) {
        (self.armed.as_page_word(), self.wanted.as_page_word())
    }

    /// The kernel's own bell, for wakers in the kernel.
    #[inline]
    pub(crate) fn bell(&self) -> Bell<&OwnWord> {
        Bell::new(&self.armed, &self.wanted)
    }

    fn counters_of(&self, inner: &Inner) -> Counters {
        Counters {
            arms: inner.books.arms(),
            wakes: inner.books.wakes(),
            suppressed: self.suppressed.load(Relaxed),
            sleeps: inner.sleeps,
            spurious: inner.spurious,
        }
    }

    fn print_counters(&self, inner: &Inner, memory: Option<&Memory>) {
        if let Some(memory) = memory {
            memory.print_counters(self.rw, &self.counters_of(inner));
        }
    }

    /// S2: somebody waits until the peer's position is `wanted`. The caller is queued, and has a
    /// full barrier between this and his look at the positions. `hoping`: less would do.
    pub(crate) fn arm(&self, wanted: u64, hoping: bool, ring: &Ring) {
        let mut inner = self.inner.lock();
        // Under the lock: either there is memory already, or whoever makes it wakes us.
        let memory = ring.memory();
        if hoping {
            self.hoping.store(1);
        }
        if let Some(arm) = inner.books.arm(wanted) {
            self.bell().arm(arm);
            if let Some(memory) = memory {
                memory.bell(self.rw).arm(arm);
            }
            self.print_counters(&inner, memory);
        }
    }

    /// A poller is queued here that does not ask again before the next event.
    pub(crate) fn expect_edges(&self) {
        self.edges.store(1, Relaxed);
    }

    /// Whether such a poller has been queued here.
    ///
    /// To be asked behind the full barrier that follows what was published,
    /// [`is_called`](Self::is_called) of the other end has one: the poller says so, has a full
    /// barrier, too, and looks, so that one of the two sees the other.
    #[inline]
    pub(crate) fn expects_edges(&self) -> bool {
        self.edges.load(Relaxed) != 0
    }

    /// W2 to W4, for a waker in the kernel that has just published `position` of the other end:
    /// whether it has to go on with [`wake_armed`](Self::wake_armed).
    ///
    /// Costs a full barrier and a load if nobody waits.
    #[inline]
    pub(crate) fn is_called(&self, position: u64) -> bool {
        called::<KernelWords>(&self.bell(), position, 0).is_some()
    }

    /// Not 0: somebody waits at this end, or has not been woken since he did.
    pub(crate) fn armed(&self) -> &impl Word {
        &self.armed
    }

    /// Not 0: somebody is armed here who would do with less.
    pub(crate) fn hoping(&self) -> &impl Word {
        &self.hoping
    }

    /// W5; says whether anybody was armed.
    #[cold]
    pub(crate) fn wake_armed(&self, mask: Mask, ring: &Ring) -> bool {
        let armed = self.disarm(ring);
        if armed {
            // All who sleep: for whom it is not enough arms again. Of the exclusive pollers the
            // first, who arms for the next one when he comes to ask.
            self.wake(mask);
        }
        armed
    }

    /// Wakes who sleeps, and pollers of `mask`, which has to be true, armed or not.
    ///
    /// Not told why if some of them do not ask before the next event: then io_uring looks for them,
    /// and that arms for the next one.
    pub(crate) fn wake(&self, mask: Mask) {
        let mask = if self.expects_edges() {
            Mask::NONE
        } else {
            mask
        };
        self.waiters.wake(mask);
        self.onlookers.wake(mask);
    }

    fn disarm(&self, ring: &Ring) -> bool {
        let mut inner = self.inner.lock();
        let memory = ring.memory();
        let armed = inner.books.take();
        if armed {
            self.bell().clear();
            self.hoping.store(0);
            if let Some(memory) = memory {
                memory.bell(self.rw).clear();
            }
            self.print_counters(&inner, memory);
        }
        armed
    }

    /// W5 for a mapped waker, FERRIO_RB_WAKEUP.
    pub(crate) fn call(&self, mask: Mask, ring: &Ring) {
        // W2, as the caller may not have had one.
        fence();
        if self.armed.load() != 0 && self.wake_armed(mask, ring) {
            return;
        }
        self.suppressed.fetch_add(1, Relaxed);
        // Whoever has the lock prints, too; this count a little later.
        if let Some(inner) = self.inner.try_lock() {
            self.print_counters(&inner, ring.memory());
        }
    }

    /// Wakes everybody, armed or not: for what is final, and when the ring has got its memory.
    /// They find out themselves what it is.
    pub(crate) fn wake_all(&self, ring: &Ring) {
        self.disarm(ring);
        self.waiters.wake_all(Mask::NONE);
        self.onlookers.wake_all(Mask::NONE);
    }

    /// Whether anybody sleeps or polls here, behind a full barrier.
    pub(crate) fn has_sleeper(&self) -> bool {
        self.waiters.has_sleeper() || self.onlookers.has_sleeper()
    }

    /// A task has slept at this end.
    pub(crate) fn slept(&self, for_nothing: bool, ring: &Ring) {
        let mut inner = self.inner.lock();
        inner.sleeps += 1;
        if for_nothing {
            inner.spurious += 1;
        }
        self.print_counters(&inner, ring.memory());
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters_of(&self.inner.lock())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Wait queues.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)
//!
//! The rule of every wait here: the waiter queues itself, then looks at the condition; the waker
//! changes the condition, then looks at the queue. Each has a full barrier in between
//! (`prepare_to_wait_event()` by `set_current_state()`, [`WaitQueue::wake`] by `wq_has_sleeper()`),
//! so one of the two sees the other.

use crate::{poll::Mask, sys, task};
use kernel::{
    bindings,
    prelude::*,
    sync::{
        barrier::{smp_mb, Full},
        LockClassKey,
    },
    types::Opaque,
};

/// How a waiter may be disturbed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sleep {
    /// Any signal ends the wait with `ERESTARTSYS`.
    Interruptible,
    /// Only a signal that kills the task ends the wait, with `EINTR`.
    Killable,
}

/// The end of a bounded wait: nanoseconds of `CLOCK_MONOTONIC` since boot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(i64);

impl Deadline {
    /// A point in time, in nanoseconds of `CLOCK_MONOTONIC`.
    pub fn at(nanoseconds: i64) -> Self {
        Deadline(nanoseconds)
    }

    /// A point in time as the caller's clock has it, in nanoseconds of the `CLOCK_MONOTONIC` of its
    /// time namespace. Process context. A time that does not fit is the end of time.
    pub fn of_caller(nanoseconds: u64) -> Self {
        let at = i64::try_from(nanoseconds).unwrap_or(i64::MAX);
        // SAFETY: Process context, as the caller has a time namespace only there.
        Deadline(unsafe { sys::ferrio_timens_to_host(at) })
    }

    /// So many nanoseconds from now; any context but NMI. A time that does not fit is the end of
    /// time.
    pub fn after(nanoseconds: u64) -> Self {
        // SAFETY: ktime_get() may be called in any context but NMI, where nobody waits.
        let now = unsafe { bindings::ktime_get() };
        Deadline(now.saturating_add(i64::try_from(nanoseconds).unwrap_or(i64::MAX)))
    }
}

/// What a sleeper waits for, and what it tells others about it.
///
/// The closures of [`WaitQueue::wait`] are the simplest ones.
pub trait Wish {
    /// Whether the wait is over.
    ///
    /// Asked several times, also while the task's state says that it sleeps: it must not sleep.
    fn is_granted(&mut self) -> bool;

    /// Says somewhere that somebody waits, for a waker that does not look at the queue.
    ///
    /// Called before each sleep, with the task queued already and a full barrier between it and
    /// [`is_granted`](Self::is_granted), so that a waker that does not find what is said here has
    /// done what is looked at there. It must not sleep.
    fn announce(&mut self) {}

    /// The task has slept; `for_nothing` if it was woken, and still its wish was not granted.
    fn slept(&mut self, _for_nothing: bool) {}
}

impl<F: FnMut() -> bool> Wish for F {
    fn is_granted(&mut self) -> bool {
        self()
    }
}

/// A queue of tasks and pollers that wait for a condition.
///
/// Sleepers borrow the queue, and pollers register through a [`PollTable`](crate::poll::PollTable)
/// that ties the queue to the open file, so none is left when it is dropped.
///
/// # Invariants
///
/// `head` is an initialised `struct wait_queue_head`.
#[pin_data]
pub struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A wait_queue_head belongs to no task or CPU.
unsafe impl Send for WaitQueue {}
// SAFETY: Its own spin lock serialises every access.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    /// Initialises a queue. `name` and `key` are lockdep's; see [`new_wait_queue!`].
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        // INVARIANT: __init_waitqueue_head() initialises the whole head.
        pin_init!(Self {
            // SAFETY: The slot is valid for writes; name and key live for ever. The head is pinned,
            // as it holds a list head that points to itself.
            head <- Opaque::ffi_init(|slot| unsafe {
                bindings::__init_waitqueue_head(slot, name.as_char_ptr(), key.as_ptr())
            }),
        })
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::wait_queue_head {
        self.head.get()
    }

    /// Whether anybody is queued, after a full memory barrier.
    ///
    /// Call it behind the store that makes the condition true. Any context.
    #[inline]
    pub fn has_sleeper(&self) -> bool {
        // SAFETY: The head is initialised by the type invariants.
        unsafe { sys::ferrio_wq_has_sleeper(self.as_ptr()) }
    }

    /// Wakes everybody who waits, and pollers that asked for `mask`, if there are any;
    /// [`Mask::NONE`] wakes all of them.
    ///
    /// `mask` has to be true: io_uring's poll and Linux AIO's tell their users the bits of the wake
    /// and do not look (`io_poll_wake()`, `aio_poll_wake()`).
    ///
    /// Waits are not exclusive: all sleepers wake and look, and all but one may sleep again.
    ///
    /// Costs a full barrier and a load when nobody waits. May be called in any context that may
    /// take the queue's lock; not from within a waker's callback.
    #[inline]
    pub fn wake(&self, mask: Mask) {
        if self.has_sleeper() {
            // SAFETY: The head is initialised by the type invariants.
            unsafe { sys::ferrio_wake(self.as_ptr(), mask.bits()) };
        }
    }

    /// Wakes as [`wake`](Self::wake) does, and every exclusive poller as well: for what stays true.
    pub fn wake_all(&self, mask: Mask) {
        if self.has_sleeper() {
            // SAFETY: The head is initialised by the type invariants.
            unsafe { sys::ferrio_wake_all(self.as_ptr(), mask.bits()) };
        }
    }

    /// Sleeps until `condition` is true.
    ///
    /// `condition` is a [`Wish`]; a closure will do. Process context.
    ///
    /// # Errors
    ///
    /// - `ERESTARTSYS`: a signal, in [`Sleep::Interruptible`].
    /// - `EINTR`: the task is being killed, in [`Sleep::Killable`].
    pub fn wait(&self, sleep: Sleep, condition: impl Wish) -> Result {
        self.wait_until(sleep, None, condition).map(|_| ())
    }

    /// Sleeps until `condition` is true or the deadline has passed; says whether it is true.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_until(
        &self,
        sleep: Sleep,
        deadline: Option<Deadline>,
        mut condition: impl Wish,
    ) -> Result<bool> {
        // The common case takes no lock.
        if condition.is_granted() {
            return Ok(true);
        }
        let state = match sleep {
            Sleep::Interruptible => bindings::TASK_INTERRUPTIBLE,
            Sleep::Killable => bindings::TASK_KILLABLE,
        } as c_int;
        let entry = Opaque::<bindings::wait_queue_entry>::uninit();
        // SAFETY: `entry` is valid for writes and stays where it is until finish_wait() below has
        // taken it off the queue; it does not autoremove anything but itself.
        unsafe { bindings::init_wait_entry(entry.get(), 0) };

        let result = loop {
            // SAFETY: Head and entry are initialised; we are in process context.
            let signal =
                unsafe { bindings::prepare_to_wait_event(self.as_ptr(), entry.get(), state) };
            condition.announce();
            smp_mb(Full);
            if condition.is_granted() {
                break Ok(true);
            }
            if signal != 0 {
                // For a killable wait only a fatal signal comes here, and the task never returns
                // to user space: nothing can be restarted.
                break Err(match sleep {
                    Sleep::Interruptible => ERESTARTSYS,
                    Sleep::Killable => EINTR,
                });
            }
            let on_time = self.sleep_once(deadline);
            let granted = condition.is_granted();
            condition.slept(on_time && !granted && !task::signal_pending());
            if granted || !on_time {
                break Ok(granted);
            }
        };
        // SAFETY: Head and entry are initialised. Sets the task running and unlinks the entry,
        // whoever unlinked it before.
        unsafe { bindings::finish_wait(self.as_ptr(), entry.get()) };
        result
    }

    /// Gives the CPU away once; says whether there is time left.
    fn sleep_once(&self, deadline: Option<Deadline>) -> bool {
        let Some(Deadline(mut at)) = deadline else {
            // SAFETY: Process context, and prepare_to_wait_event() has set the task's state.
            unsafe { bindings::schedule() };
            return true;
        };
        // SAFETY: As above; `at` outlives the call. Returns 0 when the timer has expired.
        unsafe {
            bindings::schedule_hrtimeout_range(&mut at, 0, bindings::hrtimer_mode_HRTIMER_MODE_ABS)
                != 0
        }
    }
}

/// Initialises a [`WaitQueue`] with a lock class of its own.
#[macro_export]
macro_rules! new_wait_queue {
    ($name:literal) => {
        $crate::wait::WaitQueue::new(
            ::kernel::optional_name!($name),
            ::kernel::static_lock_class!(),
        )
    };
}
pub use new_wait_queue;

// SPDX-License-Identifier: GPL-2.0

//! A sleeping lock whose waiters can be killed.
//!
//! C header: [`include/linux/mutex.h`](srctree/include/linux/mutex.h)
//!
//! `kernel::sync::Mutex` waits uninterruptibly, which is wrong for a lock that its owner holds
//! across a copy to user memory: the copy may stall for as long as user space likes.

use crate::sys;
use kernel::{
    bindings,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        barrier::{smp_mb, Full},
        LockClassKey,
    },
    types::{NotThreadSafe, Opaque},
};

/// The right to use one end of something. Taken for one call at a time.
///
/// Who tries and fails leaves a mark, and whoever gives the token back next sees it and runs the
/// function that came with the guard: so somebody who was refused, and waits for an event instead,
/// can be given one.
///
/// # Invariants
///
/// `mutex` is an initialised `struct mutex`.
#[pin_data]
pub struct Token {
    #[pin]
    mutex: Opaque<bindings::mutex>,
    /// 1: somebody has been refused since the mark was last cleared.
    refused: Atomic<i32>,
}

// SAFETY: A mutex that nobody holds belongs to no task, and a guard borrows it.
unsafe impl Send for Token {}
// SAFETY: A mutex is made to be used by several tasks; the mark is atomic.
unsafe impl Sync for Token {}

impl Token {
    /// Initialises a token. `name` and `key` are lockdep's; see [`new_token!`].
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        // INVARIANT: __mutex_init() initialises the whole mutex.
        pin_init!(Self {
            // SAFETY: The slot is valid for writes and pinned; name and key live for ever.
            mutex <- Opaque::ffi_init(|slot| unsafe {
                bindings::__mutex_init(slot, name.as_char_ptr(), key.as_ptr())
            }),
            refused: Atomic::new(0),
        })
    }

    #[inline]
    fn guard<F: Fn()>(&self, refused: F) -> TokenGuard<'_, F> {
        TokenGuard {
            token: self,
            refused,
            _not_send: NotThreadSafe,
        }
    }

    /// Takes the token; waits for it, unless told not to, until the task is killed.
    ///
    /// `refused` runs when it is given back, behind that, if somebody was refused meanwhile.
    /// Process context. A task that has the token already waits for itself, until it is killed.
    ///
    /// # Errors
    ///
    /// - `EAGAIN`: somebody else has it, and `nowait`.
    /// - `EINTR`: the task was killed while it waited.
    #[inline]
    pub fn take<F: Fn()>(&self, nowait: bool, refused: F) -> Result<TokenGuard<'_, F>> {
        if nowait {
            return self.try_take(refused).ok_or(EAGAIN);
        }
        #[cfg(not(CONFIG_DEBUG_LOCK_ALLOC))]
        use bindings::mutex_lock_killable as lock_killable;
        #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
        use sys::ferrio_mutex_lock_killable as lock_killable;

        // SAFETY: Initialised by the type invariants; process context.
        match unsafe { lock_killable(self.mutex.get()) } {
            0 => Ok(self.guard(refused)),
            // A killed task never sees it.
            _ => Err(EINTR),
        }
    }

    /// Takes the token as [`take`](Self::take) does; waits for it until any signal comes.
    ///
    /// # Errors
    ///
    /// `ERESTARTSYS`: a signal.
    pub fn take_interruptible<F: Fn()>(&self, refused: F) -> Result<TokenGuard<'_, F>> {
        // SAFETY: Initialised by the type invariants; process context.
        match unsafe { sys::ferrio_mutex_lock_interruptible(self.mutex.get()) } {
            0 => Ok(self.guard(refused)),
            _ => Err(ERESTARTSYS),
        }
    }

    /// Takes the token if nobody has it, else leaves a mark. Does not sleep; process context.
    #[inline]
    pub fn try_take<F: Fn()>(&self, refused: F) -> Option<TokenGuard<'_, F>> {
        if self.lock_now() || self.mark_and_lock() {
            Some(self.guard(refused))
        } else {
            None
        }
    }

    #[inline]
    fn lock_now(&self) -> bool {
        // SAFETY: Initialised by the type invariants; process context.
        unsafe { bindings::mutex_trylock(self.mutex.get()) != 0 }
    }

    /// Mark, barrier, look again: pairs with ferrio_mutex_unlock_check(). Either we see the token
    /// free, or its holder sees the mark when it gives the token back.
    #[cold]
    fn mark_and_lock(&self) -> bool {
        self.refused.store(1, Relaxed);
        smp_mb(Full);
        self.lock_now()
    }
}

/// Gives the token back when dropped, and then makes up to those who were refused.
#[must_use = "the token goes back at once when the guard is dropped"]
pub struct TokenGuard<'a, F: Fn()> {
    token: &'a Token,
    refused: F,
    // A mutex is unlocked by the task that locked it.
    _not_send: NotThreadSafe,
}

impl<F: Fn()> TokenGuard<'_, F> {
    #[cold]
    fn make_up(&self) {
        if self.token.refused.xchg(0, Relaxed) != 0 {
            (self.refused)();
        }
    }
}

impl<F: Fn()> Drop for TokenGuard<'_, F> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: A guard exists only while its task holds the mutex. The mark is read once, as an
        // s32 that others store to atomically.
        let marked = unsafe {
            sys::ferrio_mutex_unlock_check(self.token.mutex.get(), self.token.refused.as_ptr())
        };
        if marked {
            self.make_up();
        }
    }
}

/// Initialises a [`Token`] with a lock class of its own.
#[macro_export]
macro_rules! new_token {
    ($name:literal) => {
        $crate::token::Token::new(
            ::kernel::optional_name!($name),
            ::kernel::static_lock_class!(),
        )
    };
}
pub use new_token;

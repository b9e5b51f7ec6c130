// SPDX-License-Identifier: GPL-2.0

//! A sleeping lock whose waiters can be killed.
//!
//! C header: [`include/linux/mutex.h`](srctree/include/linux/mutex.h)
//!
//! `kernel::sync::Mutex` waits uninterruptibly, which is wrong for a lock that its owner holds
//! across a copy to user memory: the copy may stall for as long as user space likes.

#[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
use crate::sys;
use kernel::{
    bindings,
    prelude::*,
    sync::LockClassKey,
    types::{NotThreadSafe, Opaque},
};

/// The right to use one end of something. Taken for one call at a time.
///
/// # Invariants
///
/// `mutex` is an initialised `struct mutex`.
#[pin_data]
pub struct Token {
    #[pin]
    mutex: Opaque<bindings::mutex>,
}

// SAFETY: A mutex that nobody holds belongs to no task, and a guard borrows it.
unsafe impl Send for Token {}
// SAFETY: A mutex is made to be used by several tasks.
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
        })
    }

    /// Takes the token; waits for it, unless told not to.
    ///
    /// Process context.
    ///
    /// # Errors
    ///
    /// - `EAGAIN`: somebody else has it, and `nowait`.
    /// - `EINTR`: the task was killed while it waited.
    #[inline]
    pub fn take(&self, nowait: bool) -> Result<TokenGuard<'_>> {
        if nowait {
            return self.try_take().ok_or(EAGAIN);
        }
        #[cfg(not(CONFIG_DEBUG_LOCK_ALLOC))]
        use bindings::mutex_lock_killable as lock_killable;
        #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
        use sys::ferrio_mutex_lock_killable as lock_killable;

        // SAFETY: Initialised by the type invariants; process context; the task does not hold it,
        // as a guard does not outlive the call that made it.
        kernel::error::to_result(unsafe { lock_killable(self.mutex.get()) })?;
        Ok(TokenGuard {
            token: self,
            _not_send: NotThreadSafe,
        })
    }

    /// Takes the token if nobody has it. Does not sleep; process context.
    #[inline]
    pub fn try_take(&self) -> Option<TokenGuard<'_>> {
        // SAFETY: Initialised by the type invariants; process context.
        (unsafe { bindings::mutex_trylock(self.mutex.get()) } != 0).then(|| TokenGuard {
            token: self,
            _not_send: NotThreadSafe,
        })
    }
}

/// Gives the token back when dropped.
#[must_use = "the token goes back at once when the guard is dropped"]
pub struct TokenGuard<'a> {
    token: &'a Token,
    // A mutex is unlocked by the task that locked it.
    _not_send: NotThreadSafe,
}

impl Drop for TokenGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: A guard exists only while its task holds the mutex.
        unsafe { bindings::mutex_unlock(self.token.mutex.get()) };
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

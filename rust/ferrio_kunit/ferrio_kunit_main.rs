// SPDX-License-Identifier: GPL-2.0

//! KUnit suites of the shared crate.

#[path = "../ferrio_test/file_read/mod.rs"]
mod file_cases;
#[path = "../ferrio_test/iov/mod.rs"]
mod iov_cases;

use file_cases::file_cases;
use iov_cases::{iov_cases, Case};
use kernel::prelude::*;

module! {
    type: FerrioKunit,
    name: "ferrio_kunit",
    authors: ["The ferrio developers"],
    description: "KUnit suites of the crate that the ferrio modules share",
    license: "GPL",
}

struct FerrioKunit;

impl kernel::Module for FerrioKunit {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(FerrioKunit)
    }
}

/// Runs one of the cases that are shared with `ferrio_test.ko`.
fn run(cases: &[Case], name: &str) -> Result {
    let case = cases.iter().find(|case| case.name == name).ok_or(ENOENT)?;
    (case.run)().map_err(|failure| {
        pr_err!(
            "{}: {}:{}: {}: left {}, right {}\n",
            name,
            failure.place.file(),
            failure.place.line(),
            failure.what,
            failure.left,
            failure.right
        );
        EINVAL
    })
}

macro_rules! suite {
    ($($name:ident: $module:ident::$function:ident,)*) => {
        #[kunit_tests(ferrio_iov_iter)]
        mod iov_iter_tests {
            use kernel::prelude::*;

            $(
                #[test]
                fn $name() -> Result {
                    crate::run(crate::iov_cases::CASES, stringify!($name))
                }
            )*
        }
    };
}
iov_cases!(suite);

macro_rules! file_suite {
    ($($name:ident: $module:ident::$function:ident,)*) => {
        #[kunit_tests(ferrio_file_read)]
        mod file_read_tests {
            use kernel::prelude::*;

            $(
                #[test]
                fn $name() -> Result {
                    crate::run(crate::file_cases::CASES, stringify!($name))
                }
            )*
        }
    };
}
file_cases!(file_suite);

#[kunit_tests(ferrio_iov)]
mod iov_tests {
    use ferrio::iov::{IterDest, IterSource};
    use ferrio::pages::{live_pages, PageVec};
    use kernel::{page::PAGE_SIZE, prelude::*};

    #[test]
    fn moved_is_what_the_iterator_advanced() {
        let mut buf = [0; 8];
        let (bytes, count) = IterDest::with_slice(&mut buf, |iter| {
            assert_eq!(iter.copy_to(b"abc").bytes(), 3);
            assert_eq!(iter.len(), 5);
            iter.moved().map(|moved| moved.bytes())
        });
        assert_eq!(bytes, Ok(3));
        assert_eq!(count, 3);
        assert_eq!(&buf[..4], b"abc\0");
    }

    #[test]
    fn nothing_moved_without_a_fault_is_ok() {
        let mut buf = [0; 1];
        let (bytes, _) = IterDest::with_slice(&mut buf, |iter| iter.moved().map(|m| m.bytes()));
        assert_eq!(bytes, Ok(0));
    }

    #[test]
    fn a_copy_ends_with_the_iterator() {
        let mut buf = [0; 2];
        let (faulted, count) = IterDest::with_slice(&mut buf, |iter| {
            assert_eq!(iter.copy_to(b"abc").bytes(), 2);
            iter.faulted()
        });
        // The end of the buffer is no fault.
        assert_eq!(faulted, false);
        assert_eq!(count, 2);
    }

    #[test]
    fn rollback_takes_back_what_was_moved() {
        let mut buf = [0; 8];
        let (_, count) = IterDest::with_slice(&mut buf, |iter| {
            let _ = iter.copy_to(b"ab");
            let mark = iter.checkpoint();
            let _ = iter.copy_to(b"cdef");
            iter.rollback(mark);
            assert_eq!(iter.len(), 6);
            // A mark that lies ahead asks for nothing.
            let ahead = iter.checkpoint();
            iter.rollback(mark);
            iter.rollback(ahead);
            let _ = iter.copy_to(b"X");
        });
        assert_eq!(count, 3);
        assert_eq!(&buf, b"abXdef\0\0");
    }

    #[test]
    fn a_kernel_thread_has_no_user_memory() {
        use kernel::uaccess::UserPtr;

        // But it may run on the page tables of a process.
        let at = UserPtr::from_addr(0x1000);
        assert_eq!(IterDest::import_buf(at, 1, |_| ()).err(), Some(EFAULT));
        assert_eq!(IterSource::import(at, 0, |_| ()).err(), Some(EFAULT));
    }

    #[test]
    fn pages_go_on_at_the_start() -> Result {
        let pages = PageVec::new(2 * PAGE_SIZE)?;
        let data = [7; 100];
        let (copied, _) =
            IterSource::with_slice(&data, |iter| pages.copy_from(2 * PAGE_SIZE - 60, 100, iter));
        assert_eq!(copied.bytes(), 100);
        let mut back = [0; 104];
        let (copied, _) = IterDest::with_slice(&mut back, |iter| {
            pages.copy_to(2 * PAGE_SIZE - 62, 104, iter)
        });
        assert_eq!(copied.bytes(), 104);
        assert_eq!(&back[..2], &[0, 0]);
        assert_eq!(&back[2..102], &data);
        assert_eq!(&back[102..], &[0, 0]);
        Ok(())
    }

    #[test]
    fn pages_are_counted() -> Result {
        let before = live_pages();
        let pages = PageVec::new(3 * PAGE_SIZE - 1)?;
        assert_eq!(pages.len(), 3 * PAGE_SIZE);
        assert_eq!(live_pages(), before + 3);
        drop(pages);
        assert_eq!(live_pages(), before);
        Ok(())
    }
}

#[kunit_tests(ferrio_sync)]
mod sync_tests {
    use ferrio::{
        new_token, new_wait_queue,
        token::Token,
        wait::{Deadline, Sleep, WaitQueue},
    };
    use kernel::{
        prelude::*,
        sync::atomic::{Atomic, Relaxed},
    };

    #[test]
    fn a_token_is_taken_once() -> Result {
        let token: Pin<KBox<Token>> = KBox::pin_init(new_token!("kunit_token"), GFP_KERNEL)?;
        let told = Atomic::<i32>::new(0);
        let tell = || told.store(told.load(Relaxed) + 1, Relaxed);
        let guard = token.take(false, tell)?;
        assert!(token.try_take(|| ()).is_none());
        assert_eq!(token.take(true, || ()).err(), Some(EAGAIN));
        assert_eq!(told.load(Relaxed), 0);
        drop(guard);
        // Two were refused, and its holder made up to them once, behind giving it back.
        assert_eq!(told.load(Relaxed), 1);
        drop(token.take(true, tell)?);
        assert_eq!(told.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn a_true_condition_does_not_wait() -> Result {
        let queue: Pin<KBox<WaitQueue>> =
            KBox::pin_init(new_wait_queue!("kunit_queue"), GFP_KERNEL)?;
        assert_eq!(queue.wait(Sleep::Interruptible, || true), Ok(()));
        assert_eq!(queue.wait(Sleep::Killable, || true), Ok(()));
        assert_eq!(queue.has_sleeper(), false);
        Ok(())
    }

    #[test]
    fn a_wait_ends_at_its_deadline() -> Result {
        let queue: Pin<KBox<WaitQueue>> =
            KBox::pin_init(new_wait_queue!("kunit_queue"), GFP_KERNEL)?;
        let end = Deadline::after(2_000_000);
        let done = queue.wait_until(Sleep::Killable, Some(end), || false);
        assert_eq!(done, Ok(false));
        // Not before: the clock has reached it.
        assert!(Deadline::after(0) >= end);
        assert_eq!(queue.has_sleeper(), false);
        Ok(())
    }

    #[test]
    fn the_condition_is_looked_at_once_more_at_the_deadline() -> Result {
        let queue: Pin<KBox<WaitQueue>> =
            KBox::pin_init(new_wait_queue!("kunit_queue"), GFP_KERNEL)?;
        let end = Deadline::after(1_000_000);
        // True from the deadline on, with nobody to wake us.
        let done = queue.wait_until(Sleep::Killable, Some(end), || Deadline::after(0) >= end);
        assert_eq!(done, Ok(true));
        Ok(())
    }
}

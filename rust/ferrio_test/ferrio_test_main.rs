// SPDX-License-Identifier: GPL-2.0

//! `/dev/ferrio_test`: the promises of the shared crate, where a program can try them.
//!
//! A driver that does what this one does on purpose must not be able to hurt the kernel or to
//! deceive a program. `selftests/chardev` asserts what arrives; `ferrio_test.h` has the calls.
//! `/dev/ferrio_test_map`, in [`map`], is for mappings, `/dev/ferrio_test_iov`, in [`iov_file`],
//! for iterators.

#[path = "file_read/mod.rs"]
mod file_cases;
#[path = "iov/mod.rs"]
mod iov_cases;
mod iov_file;
mod map;
mod model;
mod selftest;

use ferrio::{
    chardev::{FileOps, OpenFile, Private, Registration, Request},
    ioctl::{ExtArg, ExtStruct},
    iov::{IterDest, IterSource, Moved},
    new_wait_queue,
    pages::LivePages,
    poll::Mask,
    wait::{Deadline, Sleep, WaitQueue},
};
use kernel::{
    debugfs,
    fs::{File, LocalFile},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    uaccess::UserPtr,
};
use uapi::{ferrio_test_ext, ferrio_test_wait};

mod uapi {
    #![allow(
        dead_code,
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        unreachable_pub,
        clippy::all,
        clippy::undocumented_unsafe_blocks
    )]
    include!(concat!(
        env!("FERRIO_GEN"),
        "/rust/ferrio_test/uapi_generated.rs"
    ));
}

module! {
    type: FerrioTest,
    name: "ferrio_test",
    authors: ["The ferrio developers"],
    description: "A device that shows what the ferrio crate promises",
    license: "GPL",
}

#[pin_data]
struct FerrioTest {
    #[pin]
    device: Registration<TestFile>,
    #[pin]
    maps: Registration<map::MapFile>,
    #[pin]
    iterators: Registration<iov_file::IovFile>,
    /// `/sys/kernel/debug/ferrio_test/live_pages`.
    #[pin]
    live_pages: debugfs::File<LivePages>,
    debugfs: debugfs::Dir,
}

impl kernel::InPlaceModule for FerrioTest {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let dir = debugfs::Dir::new(c"ferrio_test");
        try_pin_init!(Self {
            live_pages <- dir.read_only_file(c"live_pages", LivePages),
            debugfs: dir.clone(),
            maps <- Registration::new(()),
            iterators <- Registration::new(()),
            device <- Registration::new(()),
        })
    }
}

impl ExtStruct for ferrio_test_ext {
    const FIRST_SIZE: usize = 8;
}

impl ExtStruct for ferrio_test_wait {
    const FIRST_SIZE: usize = 16;
}

/// An open file.
#[pin_data]
struct TestFile {
    /// One of `enum ferrio_test_behave`.
    behaviour: Atomic<u32>,
    /// 1 from FERRIO_TEST_WAKE on.
    happened: Atomic<u32>,
    #[pin]
    waiters: WaitQueue,
}

#[vtable]
impl FileOps for TestFile {
    type Ptr = Pin<KBox<TestFile>>;
    type Device = ();

    const NAME: &'static CStr = c"ferrio_test";

    fn open(_device: &(), _file: &OpenFile) -> Result<Self::Ptr> {
        KBox::pin_init(
            pin_init!(TestFile {
                behaviour: Atomic::new(uapi::FERRIO_TEST_PLAIN),
                happened: Atomic::new(0),
                waiters <- new_wait_queue!("ferrio_test"),
            }),
            GFP_KERNEL,
        )
    }

    fn read_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        // The text as C has it, without its final zero.
        let text = &uapi::FERRIO_TEST_TEXT[..uapi::FERRIO_TEST_TEXT.len() - 1];
        let from = usize::try_from(request.position()).map_err(|_| EINVAL)?;
        let rest = text.get(from..).unwrap_or_default();
        let behaviour = this.behaviour.load(Relaxed);
        match behaviour {
            uapi::FERRIO_TEST_NOTHING => return iter.moved(),
            uapi::FERRIO_TEST_QUEUED => return Err(EIOCBQUEUED),
            _ => (),
        }
        let start = iter.checkpoint();
        let copied = iter.copy_to(rest).bytes();
        let proof = iter.moved();
        match behaviour {
            uapi::FERRIO_TEST_FAIL => Err(ENOSPC),
            uapi::FERRIO_TEST_ROLLBACK => {
                // The proof says `copied`; what counts is where the iterator stands at the end.
                iter.rollback(start);
                proof
            }
            _ => {
                request.set_position((from + copied) as i64);
                proof
            }
        }
    }

    fn write_iter<'i>(
        this: Private<'_, Self>,
        _request: &mut Request<'_>,
        iter: &mut IterSource<'i>,
    ) -> Result<Moved<'i>> {
        let mut buf = [0; 64];
        let behaviour = this.behaviour.load(Relaxed);
        match behaviour {
            uapi::FERRIO_TEST_NOTHING => return iter.moved(),
            uapi::FERRIO_TEST_QUEUED => return Err(EIOCBQUEUED),
            _ => (),
        }
        let start = iter.checkpoint();
        let _ = iter.copy_from(&mut buf);
        let proof = iter.moved();
        match behaviour {
            uapi::FERRIO_TEST_FAIL => Err(ENOSPC),
            uapi::FERRIO_TEST_ROLLBACK => {
                iter.rollback(start);
                proof
            }
            _ => proof,
        }
    }

    fn llseek(
        _this: Private<'_, Self>,
        _file: &LocalFile,
        offset: i64,
        whence: i32,
    ) -> Result<i64> {
        // Only SEEK_SET, and only to show that the offset arrives.
        if whence == 0 && offset >= 0 {
            Ok(offset)
        } else {
            Err(EINVAL)
        }
    }

    fn ioctl(this: Private<'_, Self>, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        match cmd {
            uapi::FERRIO_TEST_IOC_BEHAVE => {
                let number = u32::try_from(arg.as_const_ptr() as usize).map_err(|_| EINVAL)?;
                if number >= uapi::FERRIO_TEST_BEHAVIOURS {
                    return Err(EINVAL);
                }
                this.behaviour.store(number, Relaxed);
            }
            uapi::FERRIO_TEST_IOC_EXT => {
                let mut arg = ExtArg::<ferrio_test_ext>::read(arg)?;
                let ferrio_test_ext { size, a, b, c } = arg.value;
                arg.value = ferrio_test_ext {
                    size,
                    a: a.wrapping_add(1),
                    b: b.wrapping_add(1),
                    c: c.wrapping_add(1),
                };
                arg.write()?;
            }
            uapi::FERRIO_TEST_IOC_WAIT => {
                let arg = ExtArg::<ferrio_test_wait>::read(arg)?.value;
                let sleep = if arg.killable != 0 {
                    Sleep::Killable
                } else {
                    Sleep::Interruptible
                };
                let deadline = (arg.nanoseconds > 0).then(|| Deadline::after(arg.nanoseconds));
                if !this
                    .waiters
                    .wait_until(sleep, deadline, || this.happened.load(Relaxed) != 0)?
                {
                    return Err(ETIMEDOUT);
                }
            }
            uapi::FERRIO_TEST_IOC_WAKE => {
                this.happened.store(1, Relaxed);
                this.waiters.wake(Mask::IN);
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `/dev/ferrio_test_iov`: what iterators promise, where a program is needed to see it.

use crate::{
    file_cases, iov_cases, selftest,
    uapi::{self, ferrio_test_kernel_io, ferrio_test_pin},
};
use ferrio::{
    chardev::{FileOps, OpenFile, Private, Request},
    ioctl::{ExtArg, ExtStruct},
    iov::{pinned_pages, IterDest, IterSource, Moved, ScatterDest},
    kernel_io, new_wait_queue,
    poll::Mask,
    splice::{PipeSink, SpliceFlags, Spliced},
    wait::{Sleep, WaitQueue},
};
use kernel::{
    fs::{File, LocalFile},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    uaccess::{UserPtr, UserSlice},
};

const HEAD: usize = uapi::FERRIO_TEST_IOV_HEAD as usize;
const MIDDLE: usize = uapi::FERRIO_TEST_IOV_MIDDLE as usize;

/// What a guard of this device holds at most.
const PAGES: usize = 16;

impl ExtStruct for ferrio_test_pin {
    const FIRST_SIZE: usize = 32;
}

impl ExtStruct for ferrio_test_kernel_io {
    const FIRST_SIZE: usize = 40;
}

/// What one `kernel_read()` moves at most, in bytes.
const KERNEL_IO: usize = 1 << 20;

/// An open file.
#[pin_data]
pub(crate) struct IovFile {
    /// One of `enum ferrio_test_iov_behave`.
    behaviour: Atomic<u32>,
    /// 1 from FERRIO_TEST_UNPIN on.
    let_go: Atomic<u32>,
    #[pin]
    waiters: WaitQueue,
}

impl IovFile {
    /// Moves all of it, but writes to both ends alone.
    fn give(&self, iter: &mut IterDest<'_>) -> Result {
        let _ = iter.copy_to(&[b'x'; HEAD]);
        match self.behaviour.load(Relaxed) {
            uapi::FERRIO_TEST_IOV_ADVANCE => {
                iter.advance(MIDDLE);
            }
            uapi::FERRIO_TEST_IOV_SCATTER => {
                let _ = ScatterDest::new(PAGES)?.fill(iter, MIDDLE, PAGES)?;
            }
            _ => {
                // A guard ends with a segment.
                let end = iter.count() + MIDDLE;
                while iter.count() < end && !iter.is_empty() {
                    let _ = iter.extract::<2>(end - iter.count())?;
                }
            }
        }
        let _ = iter.copy_to(&[b'y'; HEAD]);
        Ok(())
    }

    fn pin(&self, arg: &mut ferrio_test_pin) -> Result {
        let at = UserPtr::from_addr(arg.address as usize);
        let len = arg.len as usize;
        let fill = arg.fill as usize;
        let (result, _) = IterDest::import_buf(at, len, |iter| -> Result<(usize, usize)> {
            let mut held = iter.extract::<PAGES>(len)?;
            self.waiters
                .wait(Sleep::Interruptible, || self.let_go.load(Relaxed) != 0)?;
            let bytes = KVVec::from_elem(arg.value as u8, held.len().min(fill), GFP_KERNEL)?;
            let (copied, _) =
                IterSource::with_slice(&bytes, |from| held.copy_from(0, from.len(), from));
            Ok((held.len(), copied.bytes()))
        })?;
        let (len, filled) = result?;
        arg.len = len as u64;
        arg.fill = filled as u64;
        Ok(())
    }
}

/// Between memory of the caller and a file, through a buffer of the kernel's.
fn kernel_io(arg: &mut ferrio_test_kernel_io) -> Result {
    let len = usize::try_from(arg.len)?;
    if len > KERNEL_IO {
        return Err(EINVAL);
    }
    let mut buf = KVVec::from_elem(0, len, GFP_KERNEL)?;
    let user = UserSlice::new(UserPtr::from_addr(arg.address as usize), len);
    let mut position = arg.position as i64;
    let file = LocalFile::fget(arg.fd)?;
    let moved = if arg.write != 0 {
        user.reader().read_slice(&mut buf)?;
        kernel_io::write(&file, &buf, &mut position)?
    } else {
        let moved = kernel_io::read(&file, &mut buf, &mut position)?;
        user.writer().write_slice(&buf[..moved])?;
        moved
    };
    arg.position = position as u64;
    arg.len = moved as u64;
    Ok(())
}

#[vtable]
impl FileOps for IovFile {
    type Ptr = Pin<KBox<IovFile>>;
    type Device = ();

    const NAME: &'static CStr = c"ferrio_test_iov";

    fn open(_device: &(), _file: &OpenFile) -> Result<Self::Ptr> {
        KBox::pin_init(
            pin_init!(IovFile {
                behaviour: Atomic::new(uapi::FERRIO_TEST_IOV_ADVANCE),
                let_go: Atomic::new(0),
                waiters <- new_wait_queue!("ferrio_test_iov"),
            }),
            GFP_KERNEL,
        )
    }

    fn read_iter<'i>(
        this: Private<'_, Self>,
        _request: &mut Request<'_>,
        iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        this.give(iter)?;
        iter.moved()
    }

    fn splice_read<'p>(
        this: Private<'_, Self>,
        _file: &File,
        _position: &mut i64,
        pipe: &mut PipeSink<'p>,
        _flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        pipe.fill(2 * HEAD + MIDDLE, |iter| this.give(iter))?;
        Ok(pipe.spliced())
    }

    fn ioctl(this: Private<'_, Self>, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        match cmd {
            uapi::FERRIO_TEST_IOC_CASE => selftest::case(iov_cases::CASES, arg)?,
            uapi::FERRIO_TEST_IOC_FILE_CASE => selftest::case(file_cases::CASES, arg)?,
            uapi::FERRIO_TEST_IOC_READ_INTO => selftest::read_into(arg)?,
            uapi::FERRIO_TEST_IOC_MODEL => selftest::model(arg)?,
            uapi::FERRIO_TEST_IOC_IOV_BEHAVE => {
                let number = u32::try_from(arg.as_const_ptr() as usize).map_err(|_| EINVAL)?;
                if number >= uapi::FERRIO_TEST_IOV_BEHAVIOURS {
                    return Err(EINVAL);
                }
                this.behaviour.store(number, Relaxed);
            }
            uapi::FERRIO_TEST_IOC_PIN => {
                let mut arg = ExtArg::<ferrio_test_pin>::read(arg)?;
                this.pin(&mut arg.value)?;
                arg.write()?;
            }
            uapi::FERRIO_TEST_IOC_KERNEL_IO => {
                let mut arg = ExtArg::<ferrio_test_kernel_io>::read(arg)?;
                kernel_io(&mut arg.value)?;
                arg.write()?;
            }
            uapi::FERRIO_TEST_IOC_UNPIN => {
                this.let_go.store(1, Relaxed);
                this.waiters.wake(Mask::IN);
            }
            uapi::FERRIO_TEST_IOC_PINNED => return Ok(pinned_pages() as isize),
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

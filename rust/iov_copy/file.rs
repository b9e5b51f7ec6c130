// SPDX-License-Identifier: GPL-2.0

//! The file operations: every call finds its position, and ends at the memory.

use crate::{calls, memory::Memory};
use ferrio::{
    chardev::{
        seek_within, set_position, FileOps, OpenFile, Private, Request, SEEK_DATA, SEEK_HOLE,
    },
    iov::{IterDest, IterSource, Moved},
    mapping::{self, Mapped, NewVma, Rights},
    pages::PageRef,
    splice::{PipeSink, PipeSource, SpliceFlags, Spliced},
};
use kernel::{
    fs::{file::flags::O_NONBLOCK, File, LocalFile},
    page::PAGE_SHIFT,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    uaccess::UserPtr,
};

#[vtable]
impl FileOps for Memory {
    type Ptr = KBox<Memory>;
    type Device = ();

    const NAME: &'static CStr = c"iov_copy";
    const ONE_POSITION: bool = true;
    const NOWAIT: bool = true;
    const FSYNC: bool = true;

    fn open(_device: &(), _file: &OpenFile) -> Result<KBox<Memory>> {
        // Not charged: see `FileOps::open`.
        Ok(KBox::new(Memory::new(), GFP_KERNEL)?)
    }

    #[inline]
    fn read_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        let position = request.position();
        this.read(position, iter);
        let moved = iter.moved()?;
        request.set_position_behind(position, &moved);
        Ok(moved)
    }

    #[inline]
    fn write_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterSource<'i>,
    ) -> Result<Moved<'i>> {
        let position = if request.append() && !iter.is_empty() {
            // What changes behind this would not be the end.
            this.size.fix() as i64
        } else {
            request.position()
        };
        this.write(position, iter, || request.would_come_back())?;
        let moved = iter.moved()?;
        request.set_position_behind(position, &moved);
        Ok(moved)
    }

    fn llseek(this: Private<'_, Self>, file: &LocalFile, offset: i64, whence: i32) -> Result<i64> {
        let size = this.size.get() as i64;
        match whence {
            SEEK_DATA | SEEK_HOLE => set_position(file, this.next(offset, whence)?, size),
            _ => seek_within(file, offset, whence, size),
        }
    }

    fn splice_read<'p>(
        this: Private<'_, Self>,
        _file: &File,
        position: &mut i64,
        pipe: &mut PipeSink<'p>,
        _flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        let left = (this.size.get() as i64).saturating_sub(*position);
        let most = usize::try_from(left).unwrap_or(0);
        if most > 0 {
            let moved = pipe.fill(most, |iter| {
                this.read(*position, iter);
                Ok(())
            })?;
            *position += moved as i64;
        }
        Ok(pipe.spliced())
    }

    fn splice_write<'p>(
        this: Private<'_, Self>,
        file: &File,
        position: &mut i64,
        pipe: &mut PipeSource<'p>,
        flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        let wait = !flags.nonblock() && file.flags() & O_NONBLOCK == 0;
        let mut at = *position;
        let result = pipe.feed(wait, |iter| {
            let result = this.write(at, iter, || false);
            at += iter.count() as i64;
            result
        });
        *position = at;
        result?;
        Ok(pipe.spliced())
    }

    fn ioctl(this: Private<'_, Self>, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        calls::ioctl(this, cmd, arg).map(|()| 0)
    }

    fn mmap(this: Private<'_, Self>, _file: &File, vma: NewVma<'_, Self>) -> Result {
        let end = vma.first() + vma.count();
        let fits = |bytes: u64| end <= (bytes >> PAGE_SHIFT) as usize;
        if !fits(this.size.get()) {
            return Err(EINVAL);
        }
        mapping::map_on_demand(vma, Rights::ReadWrite)?;
        // A mapping that is refused fixes no size; it may have been set meanwhile.
        if !fits(this.size.fix()) {
            return Err(EINVAL);
        }
        Ok(())
    }

    fn show_fdinfo(this: Private<'_, Self>, seq: &SeqFile, _file: &File) {
        seq_print!(seq, "ic-bytes:\t{}\n", this.size.get());
        seq_print!(seq, "ic-fixed:\t{}\n", u32::from(this.size.is_fixed()));
        seq_print!(seq, "ic-stored:\t{}\n", this.stored());
    }
}

impl Mapped for Memory {
    fn page<'a>(this: Private<'a, Self>, index: usize) -> Option<PageRef<'a>> {
        let memory: &'a Memory = this;
        memory.page(index)
    }
}

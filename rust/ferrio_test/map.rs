// SPDX-License-Identifier: GPL-2.0

//! `/dev/ferrio_test_map`: files whose pages can be mapped, by a driver that misbehaves on request.

use crate::uapi::{self, ferrio_test_maps, ferrio_test_word};
use ferrio::{
    chardev::{FileOps, OpenFile, Private, Request},
    ioctl::{ExtArg, ExtStruct},
    iov::{IterDest, IterSource, Moved},
    mapping::{self, Mapped, NewVma, Rights},
    pages::{live_pages, PageRef, PageVec},
    shared::{fence, SharedPage},
};
use kernel::{
    fs::File,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        SetOnce,
    },
    uaccess::UserPtr,
};

/// The offsets of `ferrio_test.h`, in pages.
const WORDS: usize = 0;
const FIXED: usize = 1;
const DATA: usize = 2;

/// More would only make a test slow.
const MAX_PAGES: usize = 4096;

impl ExtStruct for ferrio_test_maps {
    const FIRST_SIZE: usize = 32;
}

impl ExtStruct for ferrio_test_word {
    const FIRST_SIZE: usize = 32;
}

struct Memory {
    words: SharedPage,
    fixed: SharedPage,
    data: PageVec,
}

/// An open file.
pub(crate) struct MapFile {
    /// One of `enum ferrio_test_map_behave`.
    behaviour: Atomic<u32>,
    /// 1 while a lazy `mmap` runs.
    hidden: Atomic<u32>,
    maps: Atomic<usize>,
    writable: Atomic<usize>,
    memory: SetOnce<Memory>,
}

impl MapFile {
    fn memory(&self) -> Result<&Memory> {
        self.memory.as_ref().ok_or(ENXIO)
    }

    fn lookup(&self, index: usize) -> Option<PageRef<'_>> {
        let memory = self.memory.as_ref()?;
        let count = memory.data.len() / PAGE_SIZE;
        match index {
            WORDS => Some(memory.words.page()),
            FIXED => Some(memory.fixed.page()),
            _ => {
                let index = index.checked_sub(DATA)?;
                // Behind the second turn there is nothing.
                memory.data.page(index.checked_sub(count).unwrap_or(index))
            }
        }
    }

    fn make_pages(&self, count: usize) -> Result {
        if count == 0 || count > MAX_PAGES {
            return Err(EINVAL);
        }
        let memory = Memory {
            words: SharedPage::new()?,
            fixed: SharedPage::new()?,
            data: PageVec::new(count * PAGE_SIZE)?,
        };
        if self.memory.populate(memory) {
            Ok(())
        } else {
            Err(EBUSY)
        }
    }

    /// What is left of the data behind the position, and where that is.
    fn rest(&self, request: &Request<'_>) -> Result<(&PageVec, usize, usize)> {
        let data = &self.memory()?.data;
        let from = usize::try_from(request.position()).map_err(|_| EINVAL)?;
        Ok((data, from, data.len().saturating_sub(from)))
    }

    fn word(&self, arg: &mut ferrio_test_word) -> Result<isize> {
        let memory = self.memory()?;
        let page = match arg.page as usize {
            WORDS => &memory.words,
            FIXED => &memory.fixed,
            _ => return Err(EINVAL),
        };
        let word = page.word_at(arg.offset as usize).ok_or(EINVAL)?;
        match arg.how {
            uapi::FERRIO_TEST_LOAD => arg.value = word.load(),
            uapi::FERRIO_TEST_LOAD_ACQUIRE => arg.value = word.load_acquire(),
            uapi::FERRIO_TEST_STORE => {
                word.store(arg.value);
                fence();
            }
            uapi::FERRIO_TEST_STORE_RELEASE => word.store_release(arg.value),
            uapi::FERRIO_TEST_CMPXCHG => {
                return Ok(word.cmpxchg_release(arg.old, arg.value).into());
            }
            _ => return Err(EINVAL),
        }
        Ok(0)
    }
}

impl Mapped for MapFile {
    fn page<'a>(this: Private<'a, Self>, index: usize) -> Option<PageRef<'a>> {
        if this.hidden.load(Relaxed) != 0
            || this.behaviour.load(Relaxed) == uapi::FERRIO_TEST_MAP_HIDE
        {
            return None;
        }
        this.lookup(index)
    }

    fn opened(this: Private<'_, Self>, writable: bool) {
        this.maps.fetch_add(1, Relaxed);
        this.writable.fetch_add(writable.into(), Relaxed);
    }

    fn closed(this: Private<'_, Self>, writable: bool) {
        this.maps.fetch_sub(1, Relaxed);
        this.writable.fetch_sub(writable.into(), Relaxed);
    }
}

#[vtable]
impl FileOps for MapFile {
    type Ptr = KBox<MapFile>;
    type Device = ();

    const NAME: &'static CStr = c"ferrio_test_map";

    fn open(_device: &(), _file: &OpenFile) -> Result<Self::Ptr> {
        Ok(KBox::new(
            MapFile {
                behaviour: Atomic::new(uapi::FERRIO_TEST_MAP_PLAIN),
                hidden: Atomic::new(0),
                maps: Atomic::new(0),
                writable: Atomic::new(0),
                memory: SetOnce::new(),
            },
            GFP_KERNEL,
        )?)
    }

    fn read_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        let (data, from, rest) = this.rest(request)?;
        let copied = data.copy_to(from, rest.min(iter.len()), iter).bytes();
        request.set_position((from + copied) as i64);
        iter.moved()
    }

    fn write_iter<'i>(
        this: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterSource<'i>,
    ) -> Result<Moved<'i>> {
        let (data, from, rest) = this.rest(request)?;
        let copied = data.copy_from(from, rest.min(iter.len()), iter).bytes();
        request.set_position((from + copied) as i64);
        iter.moved()
    }

    fn mmap(this: Private<'_, Self>, _file: &File, vma: NewVma<'_, Self>) -> Result {
        let window = vma.first()..vma.first() + vma.count();
        let rights = if window.contains(&FIXED) {
            Rights::Read
        } else {
            Rights::ReadWrite
        };
        match this.behaviour.load(Relaxed) {
            uapi::FERRIO_TEST_MAP_FORGET => Ok(()),
            uapi::FERRIO_TEST_MAP_FAIL => {
                mapping::map(vma, rights)?;
                Err(ENOSPC)
            }
            uapi::FERRIO_TEST_MAP_LAZY => {
                this.hidden.store(1, Relaxed);
                // EINVAL: it finds no page.
                let _ = mapping::map(vma, rights);
                this.hidden.store(0, Relaxed);
                Ok(())
            }
            _ => mapping::map(vma, rights),
        }
    }

    fn ioctl(this: Private<'_, Self>, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        let number = arg.as_const_ptr() as usize;
        match cmd {
            uapi::FERRIO_TEST_IOC_PAGES => this.make_pages(number)?,
            uapi::FERRIO_TEST_IOC_MAP_BEHAVE => {
                let number = u32::try_from(number).map_err(|_| EINVAL)?;
                if number >= uapi::FERRIO_TEST_MAP_BEHAVIOURS {
                    return Err(EINVAL);
                }
                this.behaviour.store(number, Relaxed);
            }
            uapi::FERRIO_TEST_IOC_MAPS => {
                let mut arg = ExtArg::<ferrio_test_maps>::read(arg)?;
                let page = this.lookup(arg.value.page as usize).ok_or(EINVAL)?;
                arg.value.maps = this.maps.load(Relaxed) as u32;
                arg.value.writable = this.writable.load(Relaxed) as u32;
                arg.value.references = page.references() as u64;
                arg.value.live_pages = live_pages() as u64;
                arg.write()?;
            }
            uapi::FERRIO_TEST_IOC_WORD => {
                let mut arg = ExtArg::<ferrio_test_word>::read(arg)?;
                let result = this.word(&mut arg.value)?;
                arg.write()?;
                return Ok(result);
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The calls of `ferrio_ring.h`, what is inline in `ferrio_ring_turn.h`, and the calls of the
//! kernel that a device of rings needs: the only place of this crate with `unsafe`, with the part
//! that is for records.

use crate::{abi, device::RingFile, ends::Form, import_ns, misc::Misc};
use abi::{ferrio_ring, ferrio_ring_end, ferrio_ring_params};
use core::{marker::PhantomData, ptr::NonNull};
#[cfg(not(CONFIG_X86_64))]
use kernel::sync::{
    atomic::{atomic_store, Release},
    barrier::{smp_mb, Full},
};
use kernel::{
    bindings,
    error::{from_err_ptr, to_result},
    fs::File,
    prelude::*,
    types::ForeignOwnable,
    uaccess::UserPtr,
};

mod record;

pub(crate) use record::{alloc_records, Payload, RecordEnd};

/// `MODULE_IMPORT_NS()` of the header.
#[used]
#[link_section = ".modinfo"]
static IMPORT_NS: [u8; import_ns::len(abi::FERRIO_RING_API)] =
    import_ns::line(abi::FERRIO_RING_API);

/// A reference.
///
/// # Invariants
///
/// Of `ferrio_ring_alloc()` or `ferrio_ring_get()`, and put by nobody else.
struct Reference(NonNull<ferrio_ring>);

// SAFETY: Rings belong to no task.
unsafe impl Send for Reference {}
// SAFETY: The calls that take a shared one may run at once.
unsafe impl Sync for Reference {}

impl Reference {
    #[inline]
    fn as_ptr(&self) -> *mut ferrio_ring {
        self.0.as_ptr()
    }
}

impl Clone for Reference {
    fn clone(&self) -> Self {
        // SAFETY: Alive by the type invariants.
        unsafe { abi::ferrio_ring_get(self.as_ptr()) };
        // INVARIANT: The one that was just taken.
        Reference(self.0)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariants, and not used any more. Process context, by the
        // documentation of those that have one.
        unsafe { abi::ferrio_ring_put(self.as_ptr()) };
    }
}

/// What the files of a driver have of its rings; to be dropped in process context, where it may
/// sleep. Then the ends that they hold are given up (`ferrio_ring_leave()`); programs may have
/// further ones.
pub struct Rings(Reference);

impl Drop for Rings {
    fn drop(&mut self) {
        // SAFETY: Alive, as we have a reference. Process context, by our documentation.
        unsafe { abi::ferrio_ring_leave(self.0.as_ptr()) };
    }
}

/// The driver's end of one direction; dropping it gives it up, in process context.
///
/// # Invariants
///
/// - The only one of its direction.
/// - `end` is the rings' own of that direction: it is alive while they are, as are the words and
///   the `mask + 1` bytes of data, twice in a row, that it points to. Its limit changes in calls
///   for this end alone, is not behind the own position, and at most `mask + 1` in front of it.
/// - `room` are the bytes that are reserved, of which nobody else writes any; none if none are.
pub(crate) struct DriverEnd {
    end: NonNull<ferrio_ring_end>,
    ring: Reference,
    direction: u32,
    room: NonNull<[u8]>,
}

const NO_ROOM: NonNull<[u8]> = NonNull::slice_from_raw_parts(NonNull::dangling(), 0);

// SAFETY: The room is memory of the ring, which belongs to no task.
unsafe impl Send for DriverEnd {}
// SAFETY: A shared one can only look at the room.
unsafe impl Sync for DriverEnd {}

fn make(params: &ferrio_ring_params) -> Result<Reference> {
    // SAFETY: A struct that lives until it returns. Process context, by our callers' documentation.
    let ring = from_err_ptr(unsafe { abi::ferrio_ring_alloc(params) })?;
    // INVARIANT: Just made. The header says that it is never NULL.
    Ok(Reference(NonNull::new(ring).ok_or(ENOMEM)?))
}

/// Makes rings: what files have of them, and the driver's ends of the two directions.
pub(crate) fn alloc(
    params: &ferrio_ring_params,
) -> Result<(Rings, Option<DriverEnd>, Option<DriverEnd>)> {
    let ring = make(params)?;
    // SAFETY: Alive; these do not change.
    let (read, write) = unsafe { ((*ring.as_ptr()).read, (*ring.as_ptr()).write) };
    let end = |direction, end| {
        // INVARIANT: Once for each direction, of rings that nobody knows yet; nothing reserved.
        NonNull::new(end).map(|end| DriverEnd {
            end,
            ring: ring.clone(),
            direction,
            room: NO_ROOM,
        })
    };
    let producer = end(abi::FERRIO_RING_READ, read);
    let consumer = end(abi::FERRIO_RING_WRITE, write);
    Ok((Rings(ring), producer, consumer))
}

impl Drop for DriverEnd {
    fn drop(&mut self) {
        // SAFETY: Alive, as we have a reference. Process context, by our documentation.
        unsafe { abi::ferrio_ring_shutdown(self.ring.as_ptr(), self.direction) };
    }
}

/// Where a turn of the driver's own code is.
struct Turn {
    own: *mut u64,
    position: u64,
    bytes: usize,
    start: *mut u8,
}

// What the inline functions of the header do, which Rust cannot call, step by step the same.
impl DriverEnd {
    /// `ferrio_ring_begin()`; if so, with all bytes that are known to be there.
    #[inline(always)]
    fn begin(&mut self, stops: u32, len: usize) -> Option<Turn> {
        let end = self.end.as_ptr();
        // SAFETY: Alive by the type invariants, and no call changes the limit meanwhile. A volatile
        // load of an aligned word is READ_ONCE(). The masked position lies within the data.
        unsafe {
            if (*end).state.read_volatile() & u64::from(stops) != 0 {
                return None;
            }
            let own = (*end).own;
            let position = own.read_volatile();
            let bytes = (*end).limit.wrapping_sub(position);
            // Their distance has a sign; a slice is never longer than that can say.
            (bytes as i64 >= len as i64).then(|| Turn {
                own,
                position,
                bytes: bytes as usize,
                start: (*end).data.add((position & (*end).mask) as usize),
            })
        }
    }

    /// `ferrio_ring_publish()`: whether the rings have to be told.
    ///
    /// # Safety
    ///
    /// `turn` must have been begun at this end, with `len` bytes that have been moved.
    #[inline(always)]
    unsafe fn publish(&mut self, turn: Turn, len: usize) -> bool {
        let end = self.end.as_ptr();
        // SAFETY: Alive by our contract and the type invariants: words that are only used
        // atomically, and two pointers to such, which are as well.
        unsafe {
            store_and_fence(turn.own, turn.position.wrapping_add(len as u64));
            let armed = (&raw const (*end).armed).read_volatile();
            if armed.read_volatile() == 0 {
                return false;
            }
            // On x86 loads are not exchanged, nor are volatile ones by the compiler.
            #[cfg(not(CONFIG_X86_64))]
            smp_mb(Full);
            let wanted = (&raw const (*end).wanted).read_volatile();
            // Only this end writes its position.
            let position = turn.own.read_volatile();
            position.wrapping_sub(wanted.read_volatile()) as i64 >= 0
        }
    }

    #[cold]
    fn tell(&mut self, form: Form) -> Result {
        let ring = self.ring.as_ptr();
        // SAFETY: As for `write`.
        to_result(unsafe {
            match form {
                Form::MaySleep => abi::ferrio_ring_wake(ring, self.direction),
                Form::Atomic => abi::ferrio_ring_wake_atomic(ring, self.direction),
            }
        })
    }

    #[inline]
    pub(crate) fn write(&mut self, from: &[u8], form: Form) -> Result {
        if let Some(turn) = self.begin(abi::FERRIO_RING_STOPS_WRITE, from.len()) {
            // SAFETY: So many bytes are free, and mapped wherever they begin. The slice is none of
            // them: who has borrowed such has borrowed the end as well. Then they have been moved.
            let tell = unsafe {
                from.as_ptr().copy_to_nonoverlapping(turn.start, from.len());
                self.publish(turn, from.len())
            };
            return if tell { self.tell(form) } else { Ok(()) };
        }
        let (ring, start) = (self.ring.as_ptr(), from.as_ptr().cast());
        // SAFETY: Alive, as we have a reference. Bytes of a slice, until it returns. By the type
        // invariants, and as it is borrowed mutably, no other call of this end runs. The context is
        // that of the form, by the documentation of the type that has the end.
        to_result(unsafe {
            match form {
                Form::MaySleep => abi::ferrio_ring_write_slow(ring, start, from.len()),
                Form::Atomic => abi::ferrio_ring_write_atomic_slow(ring, start, from.len()),
            }
        })
    }

    #[inline]
    pub(crate) fn reserve(&mut self, len: usize, form: Form) -> Result {
        let ring = self.ring.as_ptr();
        // SAFETY: As for `write`.
        let room = from_err_ptr(unsafe {
            match form {
                Form::MaySleep => abi::ferrio_ring_reserve(ring, len),
                Form::Atomic => abi::ferrio_ring_reserve_atomic(ring, len),
            }
        })?;
        let room = NonNull::new(room.cast()).ok_or(ENOMEM)?;
        // INVARIANT: Just reserved; the header says that programs only read there.
        self.room = NonNull::slice_from_raw_parts(room, len);
        Ok(())
    }

    #[inline]
    pub(crate) fn room(&self) -> &[u8] {
        // SAFETY: By the type invariants, so many bytes, which live as long as the ring; they are
        // initialised, as its pages were zeroed.
        unsafe { self.room.as_ref() }
    }

    #[inline]
    pub(crate) fn room_mut(&mut self) -> &mut [u8] {
        // SAFETY: As for `room`; nobody else writes there.
        unsafe { self.room.as_mut() }
    }

    #[inline]
    pub(crate) fn commit(&mut self, len: usize, form: Form) -> Result {
        // INVARIANT: Whatever it returns, nobody looks at the room any more.
        self.room = NO_ROOM;
        let ring = self.ring.as_ptr();
        // SAFETY: As for `write`.
        to_result(unsafe {
            match form {
                Form::MaySleep => abi::ferrio_ring_commit(ring, len),
                Form::Atomic => abi::ferrio_ring_commit_atomic(ring, len),
            }
        })
    }

    #[inline]
    pub(crate) fn discard(&mut self) {
        // INVARIANT: Nothing reserved.
        self.room = NO_ROOM;
        // SAFETY: As for `write`; any context.
        unsafe { abi::ferrio_ring_discard(self.ring.as_ptr()) };
    }

    #[inline]
    pub(crate) fn read(&mut self, to: &mut [u8], min: usize, form: Form) -> Result<usize> {
        let turn = match min > 0 && min <= to.len() {
            true => self.begin(abi::FERRIO_RING_STOPS_READ, min),
            false => None,
        };
        if let Some(turn) = turn {
            let len = turn.bytes.min(to.len());
            // SAFETY: So many bytes are there, mapped wherever they begin. A program may write to
            // them meanwhile: they are copied by the way, and what counts is the copy. Then they
            // have been moved.
            let tell = unsafe {
                turn.start.copy_to_nonoverlapping(to.as_mut_ptr(), len);
                self.publish(turn, len)
            };
            if tell {
                self.tell(form)?;
            }
            return Ok(len);
        }
        let (ring, start) = (self.ring.as_ptr(), to.as_mut_ptr().cast());
        // SAFETY: As for `write`; bytes that are borrowed mutably.
        let read = unsafe {
            match form {
                Form::MaySleep => abi::ferrio_ring_read_slow(ring, start, min, to.len()),
                Form::Atomic => abi::ferrio_ring_read_atomic_slow(ring, start, min, to.len()),
            }
        };
        // An errno fits.
        usize::try_from(read).map_err(|_| Error::from_errno(read as c_int))
    }
}

/// `smp_store_release()` and `smp_mb()`; an exchange is both.
///
/// # Safety
///
/// `word` must be valid for writes, aligned, and only used atomically.
#[inline(always)]
unsafe fn store_and_fence(word: *mut u64, value: u64) {
    #[cfg(CONFIG_X86_64)]
    // SAFETY: Our contract. The compiler takes all memory as read and changed.
    unsafe {
        core::arch::asm!("xchg qword ptr [{}], {}", in(reg) word, inout(reg) value => _);
    }
    #[cfg(not(CONFIG_X86_64))]
    // SAFETY: Our contract.
    unsafe {
        atomic_store(word, value, Release);
        smp_mb(Full);
    }
}

/// A registered misc device, `/dev/NAME`, whose files are rings.
#[pin_data]
pub struct Registration<T: RingFile> {
    #[pin]
    misc: Misc<T::Shared>,
}

impl<T: RingFile> Registration<T> {
    /// Registers the device. It can be opened before this returns.
    ///
    /// Process context, sleeps.
    ///
    /// # Errors
    ///
    /// `EBUSY`: no minor is free. `EEXIST`: there is a device of this name. `ENOMEM`.
    pub fn new(shared: T::Shared) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: The table of `T` is for files whose `->open` finds a `Misc<T::Shared>`.
            misc <- unsafe { Misc::new(T::NAME, T::MODE, &Fops::<T>::OPS, shared) },
        })
    }
}

/// Functions that pass on to those of the rings what they are called with, or give the last of the
/// three if there are none. The VFS's contract is that of the other side, too: the rings live until
/// release, as nothing but `&T` leads to them, which is shared until then.
macro_rules! forward {
    ($(
        $name:ident($($arg:ident: $ty:ty),*) -> $result:ty:
            $file:expr, $none:expr, $to:ident($($pass:ident),*);
    )*) => { $(
        /// # Safety
        ///
        /// The VFS's contract.
        pub(crate) unsafe extern "C" fn $name($($arg: $ty),*) -> $result {
            // SAFETY: The VFS's contract.
            unsafe {
                match Self::ring($file) {
                    Some(ring) => abi::$to(ring, $($pass),*),
                    None => $none,
                }
            }
        }
    )* };
}

/// The `struct file_operations` of `T`.
///
/// Each function is called by the VFS with the arguments of its name in `include/linux/fs.h`, on a
/// file whose private data is a `Pin<KBox<T>>`, from `open` until `release`: "the VFS's contract"
/// below.
pub(crate) struct Fops<T: RingFile>(PhantomData<T>);

impl<T: RingFile> Fops<T> {
    /// # Safety
    ///
    /// `file` must be an open file of `T` that is not released for `'a`.
    unsafe fn data<'a>(file: *mut bindings::file) -> &'a T {
        // SAFETY: A foreign Pin<KBox<T>> until release, and only borrowed, by our contract.
        unsafe { <Pin<KBox<T>>>::borrow((*file).private_data) }.get_ref()
    }

    /// # Safety
    ///
    /// As for `data`.
    unsafe fn ring(file: *mut bindings::file) -> Option<*mut ferrio_ring> {
        // SAFETY: Our contract.
        let rings = unsafe { Self::data(file) }.rings()?;
        Some(rings.0.as_ptr())
    }

    /// # Safety
    ///
    /// `inode` and `file` are those of a device of `T` that is being opened.
    pub(crate) unsafe extern "C" fn open(
        inode: *mut bindings::inode,
        file: *mut bindings::file,
    ) -> c_int {
        // SAFETY: misc_open() has left the miscdevice there, of a `Misc<T::Shared>`, and holds the
        // lock that keeps it registered. Nobody uses the position of a file that is being opened.
        let (shared, opened) = unsafe {
            (
                Misc::<T::Shared>::shared((*file).private_data.cast()),
                File::from_raw_file(file),
            )
        };
        match T::open(shared, opened) {
            Ok(data) => {
                // SAFETY: During open the private data is ours to replace.
                unsafe { (*file).private_data = data.into_foreign() };
                // SAFETY: The VFS's contract.
                unsafe { abi::ferrio_ring_open(inode, file) }
            }
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// `file` is an open file of `T` whose last reference is gone.
    pub(crate) unsafe extern "C" fn release(
        _: *mut bindings::inode,
        file: *mut bindings::file,
    ) -> c_int {
        // SAFETY: From into_foreign() in `open`; nobody uses it any more.
        drop(unsafe { <Pin<KBox<T>>>::from_foreign((*file).private_data) });
        0
    }

    /// # Safety
    ///
    /// The VFS's contract.
    pub(crate) unsafe extern "C" fn ioctl(
        file: *mut bindings::file,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_long {
        // SAFETY: The VFS's contract.
        let ours = unsafe {
            Self::ring(file).map_or(ENOTTY.to_errno() as c_long, |ring| {
                abi::ferrio_ring_ioctl(ring, file, cmd, arg)
            })
        };
        if ours != ENOTTY.to_errno() as c_long {
            return ours;
        }
        // SAFETY: The VFS's contract; ioctl() is not called inside of fdget_pos().
        let (data, file) = unsafe { (Self::data(file), File::from_raw_file(file)) };
        data.ioctl(file, cmd, UserPtr::from_addr(arg))
            .unwrap_or_else(|error| error.to_errno() as c_long)
    }

    forward! {
        read_iter(iocb: *mut bindings::kiocb, to: *mut bindings::iov_iter) -> isize:
            (*iocb).ki_filp, ENODEV.to_errno() as isize,
            ferrio_ring_read_iter(iocb, to);
        write_iter(iocb: *mut bindings::kiocb, from: *mut bindings::iov_iter) -> isize:
            (*iocb).ki_filp, ENODEV.to_errno() as isize,
            ferrio_ring_write_iter(iocb, from);
        poll(file: *mut bindings::file, table: *mut bindings::poll_table_struct)
            -> bindings::__poll_t:
            file, bindings::POLLERR, ferrio_ring_poll(file, table);
        mmap(file: *mut bindings::file, vma: *mut bindings::vm_area_struct) -> c_int:
            file, ENODEV.to_errno(), ferrio_ring_mmap(file, vma);
        splice_read(
            file: *mut bindings::file, pos: *mut bindings::loff_t,
            pipe: *mut bindings::pipe_inode_info, len: usize, flags: c_uint
        ) -> isize:
            file, ENODEV.to_errno() as isize,
            ferrio_ring_splice_read(file, pos, pipe, len, flags);
        splice_write(
            pipe: *mut bindings::pipe_inode_info, file: *mut bindings::file,
            pos: *mut bindings::loff_t, len: usize, flags: c_uint
        ) -> isize:
            file, ENODEV.to_errno() as isize,
            ferrio_ring_splice_write(pipe, file, pos, len, flags);
        show_fdinfo(m: *mut bindings::seq_file, file: *mut bindings::file) -> ():
            file, (), ferrio_ring_show_fdinfo(m);
    }
}

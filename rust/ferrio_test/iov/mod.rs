// SPDX-License-Identifier: GPL-2.0

//! What `ferrio::iov` promises, as test cases that need no test framework.
//!
//! `ferrio_kunit.ko` runs them as a KUnit suite on kernels that have KUnit, `ferrio_test.ko` by an
//! ioctl on any. The first nine are twins of the cases of `lib/tests/kunit_iov_iter.c` for
//! kvec, bvec and ubuf, and have their names.

mod copies;
mod imports;
mod kinds;
mod nofault;
mod others;
mod pins;
mod position;
mod sums;
mod twins;
mod twins_pages;

use core::panic::Location;
use ferrio::iov::Copied;
use kernel::{alloc::AllocError, prelude::*};

/// The first check of a case that did not hold.
pub(crate) struct Failure {
    pub(crate) place: &'static Location<'static>,
    pub(crate) what: &'static str,
    pub(crate) left: i64,
    pub(crate) right: i64,
}

pub(crate) type Verdict = core::result::Result<(), Failure>;

impl Failure {
    #[track_caller]
    pub(crate) fn new(what: &'static str, left: i64, right: i64) -> Self {
        Failure {
            place: Location::caller(),
            what,
            left,
            right,
        }
    }
}

impl From<Error> for Failure {
    #[track_caller]
    fn from(err: Error) -> Self {
        Failure::new("no error", err.to_errno().into(), 0)
    }
}

impl From<AllocError> for Failure {
    #[track_caller]
    fn from(_: AllocError) -> Self {
        Failure::from(ENOMEM)
    }
}

/// A value as a number, for the report.
pub(crate) trait Shown {
    fn shown(&self) -> i64;
}

macro_rules! shown {
    ($($number:ty),*) => {
        $(impl Shown for $number {
            fn shown(&self) -> i64 {
                i64::from(*self)
            }
        })*
    };
}

shown!(u8, u16, u32, i32, bool);

impl Shown for usize {
    fn shown(&self) -> i64 {
        *self as i64
    }
}

impl Shown for () {
    fn shown(&self) -> i64 {
        0
    }
}

/// The first; a failure of the second alone shows two that are the same.
impl<A: Shown, B> Shown for (A, B) {
    fn shown(&self) -> i64 {
        self.0.shown()
    }
}

impl Shown for Copied {
    /// The bytes; one less than nothing is a fault at once.
    fn shown(&self) -> i64 {
        if self.faulted() {
            !(self.bytes() as i64)
        } else {
            self.bytes() as i64
        }
    }
}

impl<T: Shown> Shown for Result<T> {
    fn shown(&self) -> i64 {
        match self {
            Ok(value) => value.shown(),
            Err(err) => err.to_errno().into(),
        }
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> i64 {
        self.as_ref().map_or(-1, Shown::shown)
    }
}

/// Ends the case unless both are the same.
macro_rules! same {
    ($left:expr, $right:expr) => {{
        let (left, right) = ($left, $right);
        if left != right {
            return Err($crate::iov_cases::Failure::new(
                stringify!($left == $right),
                $crate::iov_cases::Shown::shown(&left),
                $crate::iov_cases::Shown::shown(&right),
            ));
        }
    }};
}
pub(crate) use same;

/// Ends the case unless it is true.
macro_rules! holds {
    ($what:expr) => {
        if !$what {
            return Err($crate::iov_cases::Failure::new(stringify!($what), 0, 1));
        }
    };
}
pub(crate) use holds;

/// Ends the case unless both have the same bytes; the numbers are the place and the byte there.
#[track_caller]
pub(crate) fn same_bytes(got: &[u8], want: &[u8]) -> Verdict {
    if got.len() != want.len() {
        return Err(Failure::new(
            "as many bytes",
            got.len() as i64,
            want.len() as i64,
        ));
    }
    if got == want {
        return Ok(());
    }
    let at = got.iter().zip(want).take_while(|(a, b)| a == b).count();
    Err(Failure::new(
        "the byte at (left) is not (right)",
        at as i64,
        want[at].into(),
    ))
}

/// `len` bytes of zero, in memory that does not lie in one piece.
fn buffer(len: usize) -> Result<VVec<u8>> {
    Ok(VVec::from_elem(0, len, GFP_KERNEL)?)
}

/// The byte at `x` of a pattern that is not the same in any two pages of a MiB.
fn pattern(x: usize) -> u8 {
    (x as u8)
        .wrapping_add((x >> 8) as u8)
        .wrapping_add((x >> 16) as u8)
}

/// `len` bytes of the pattern.
fn patterned(len: usize) -> Result<VVec<u8>> {
    let mut buf = buffer(len)?;
    for (x, byte) in buf.iter_mut().enumerate() {
        *byte = pattern(x);
    }
    Ok(buf)
}

/// Hands the names of all cases, and their functions, to the macro `$then`.
macro_rules! iov_cases {
    ($then:ident) => {
        $then! {
            iov_kunit_copy_to_kvec: twins::copy_to_kvec,
            iov_kunit_copy_from_kvec: twins::copy_from_kvec,
            iov_kunit_copy_to_bvec: twins::copy_to_bvec,
            iov_kunit_copy_from_bvec: twins::copy_from_bvec,
            iov_kunit_extract_pages_kvec: twins_pages::extract_pages_kvec,
            iov_kunit_extract_pages_bvec: twins_pages::extract_pages_bvec,
            iov_kunit_iter_to_sg_kvec: twins_pages::iter_to_sg_kvec,
            iov_kunit_iter_to_sg_bvec: twins_pages::iter_to_sg_bvec,
            iov_kunit_iter_to_sg_ubuf: twins_pages::iter_to_sg_ubuf,
            copy_to_ubuf: copies::to_ubuf,
            copy_from_ubuf: copies::from_ubuf,
            copy_to_iovec: copies::to_iovec,
            copy_from_iovec: copies::from_iovec,
            copy_across_a_folio: copies::across_a_folio,
            copy_ends_with_the_page: copies::ends_with_the_page,
            copy_ends_with_the_iterator: copies::ends_with_the_iterator,
            copy_ends_at_a_fault: copies::ends_at_a_fault,
            copy_ends_in_a_segment: copies::ends_in_a_segment,
            copy_to_what_is_read_only: copies::to_what_is_read_only,
            copy_exactly_or_not: copies::exactly_or_not,
            copy_around_the_cache: copies::around_the_cache,
            copy_around_the_cache_with_a_hole: copies::around_the_cache_with_a_hole,
            append_no_more_than_allowed: copies::append_no_more_than_allowed,
            discard_keeps_nothing: copies::discard_keeps_nothing,
            rollback_across_segments: position::rollback_across_segments,
            peek_moves_nothing: position::peek_moves_nothing,
            limited_comes_back: position::limited_comes_back,
            limited_does_not_go_back_behind: position::limited_does_not_go_back_behind,
            advance_stops_at_the_end: position::advance_stops_at_the_end,
            zero_every_kind: position::zero_every_kind,
            queries_every_kind: position::queries_every_kind,
            lengths_do_not_wrap: position::lengths_do_not_wrap,
            nofault_brings_nothing_in: nofault::brings_nothing_in,
            nofault_after_prefault: nofault::after_prefault,
            prefault_says_what_is_missing: nofault::prefault_says_what_is_missing,
            import_every_count: imports::every_count,
            import_bad_arrays: imports::bad_arrays,
            import_bad_segments: imports::bad_segments,
            import_cuts_the_sum: imports::cuts_the_sum,
            import_one_buffer: imports::one_buffer,
            duplicates_go_their_own_way: others::duplicates_go_their_own_way,
            duplicates_in_any_order: others::duplicates_in_any_order,
            chunks_of_slices: others::chunks_of_slices,
            copy_behind_the_cache: others::copy_behind_the_cache,
            copy_of_what_may_be_broken: others::copy_of_what_may_be_broken,
            sum_crc32c: sums::crc32c,
            sum_internet: sums::internet,
            sum_of_what_faults: sums::of_what_faults,
            pins_are_given_back: pins::are_given_back,
            pins_to_write_to: pins::to_write_to,
            pins_end_at_a_hole: pins::end_at_a_hole,
            pins_of_nothing: pins::of_nothing,
            scatterlist_to_write_to: pins::scatterlist_to_write_to,
            scatterlist_that_is_full: pins::scatterlist_that_is_full,
            scatterlist_keeps_what_it_has: pins::scatterlist_keeps_what_it_has,
        }
    };
}
pub(crate) use iov_cases;

/// One case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Verdict,
}

macro_rules! table {
    ($($name:ident: $module:ident::$function:ident,)*) => {
        /// All cases.
        pub(crate) const CASES: &[Case] = &[
            $(Case { name: stringify!($name), run: $module::$function },)*
        ];
    };
}
iov_cases!(table);

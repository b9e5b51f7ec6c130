// SPDX-License-Identifier: GPL-2.0

//! What `ferrio::file_read` promises, as test cases that need no test framework.
//!
//! `ferrio_kunit.ko` runs them as a KUnit suite, in a kernel thread, on kernels that have KUnit;
//! `ferrio_test.ko` by an ioctl, in a program, on any.

mod changes;
mod digests;
mod held;
mod meanwhile;
mod parts;
mod paths;
mod twins;
mod user_bytes;
mod whole;
mod wiped;

use crate::iov_cases::{same, Case, Failure, Verdict};
use ferrio::{
    file_read::{LoadError, Loaded, Opened, Purpose, Source, Stage},
    test_file::TestFile,
};
use kernel::prelude::*;

/// More than any file here has.
const CAP: u64 = 64 << 20;

/// A text attribute: it says that it has 4096 bytes, and has a few.
const LIAR: &CStr = c"/sys/kernel/uevent_seqnum";

/// An attribute that is as long as it says.
const BINARY: &CStr = c"/sys/kernel/btf/vmlinux";

/// Ends the case unless it is this error.
#[track_caller]
fn failed<T>(result: Result<T, LoadError<'_>>, stage: Stage, errno: Error) -> Verdict {
    let at = |stage: Stage| Stage::ALL.iter().position(|other| *other == stage);
    let (got, got_errno) = match result {
        Ok(_) => (None, Ok(())),
        Err(error) => (at(error.stage), Err(error.errno)),
    };
    if got_errno != Err(errno) {
        let got = got_errno.err().map_or(0, Error::to_errno);
        return Err(Failure::new(
            "the errno",
            got.into(),
            errno.to_errno().into(),
        ));
    }
    if got != at(stage) {
        return Err(Failure::new(
            "the stage",
            got.map_or(-1, |n| n as i64),
            at(stage).map_or(-1, |n| n as i64),
        ));
    }
    Ok(())
}

/// An error as the cases' own: the place of the call counts.
#[track_caller]
fn loaded<T>(result: Result<T, LoadError<'_>>) -> Result<T, Failure> {
    match result {
        Ok(value) => Ok(value),
        // No closure: it would be the place.
        Err(error) => Err(Failure::new(
            error.stage.name(),
            error.errno.to_errno().into(),
            0,
        )),
    }
}

/// Loads an open file as firmware.
fn load(file: &kernel::fs::LocalFile) -> Result<Loaded, LoadError<'_>> {
    ferrio::file_read::load(Source::File(file), Purpose::Firmware, CAP)
}

/// A file that is open for reading.
fn opened(file: &TestFile) -> Result<Opened<'_>, LoadError<'_>> {
    Opened::new(Source::File(file.file()))
}

/// `len` bytes, no two neighbours of which are the same, and no two pages of a MiB.
fn patterned(len: usize) -> Result<VVec<u8>> {
    let mut bytes = VVec::from_elem(0, len, GFP_KERNEL)?;
    for (x, byte) in bytes.iter_mut().enumerate() {
        *byte = (x as u8)
            .wrapping_add((x >> 8) as u8)
            .wrapping_add((x >> 16) as u8);
    }
    Ok(bytes)
}

/// All of them are zero.
#[track_caller]
fn zero(bytes: &[u8]) -> Verdict {
    same!(bytes.iter().position(|byte| *byte != 0), None);
    Ok(())
}

/// Hands the names of all cases, and their functions, to the macro `$then`.
macro_rules! file_cases {
    ($then:ident) => {
        $then! {
            load_is_the_content: whole::is_the_content,
            load_for_each_purpose: whole::for_each_purpose,
            load_of_a_binary_attribute: whole::of_a_binary_attribute,
            load_of_a_file_that_lies: whole::of_a_file_that_lies,
            load_up_to_the_cap: whole::up_to_the_cap,
            load_of_nothing: whole::of_nothing,
            load_of_more_than_there_is: whole::of_more_than_there_is,
            load_into_memory: whole::into_memory,
            load_into_too_little: whole::into_too_little,
            load_says_how_long: whole::says_how_long,
            load_of_a_file_that_grows: changes::grows,
            load_of_a_file_that_shrinks: changes::shrinks,
            load_of_a_file_that_is_emptied: changes::is_emptied,
            wiped_when_not_frozen: wiped::buffer,
            wiped_when_not_wanted: wiped::content,
            path_is_no_file: paths::is_no_file,
            path_is_none: paths::is_none,
            path_of_the_caller: paths::of_the_caller,
            path_is_told: paths::is_told,
            fd_is_none: paths::fd_is_none,
            file_is_not_for_reading: paths::file_is_not_for_reading,
            busy_with_a_writer: held::busy_with_a_writer,
            busy_is_not_a_memfd: held::busy_is_not_a_memfd,
            held_from_writers: held::from_writers,
            held_and_given_back: held::and_given_back,
            held_knows_the_file: held::knows_the_file,
            meanwhile_writers_come_and_go: meanwhile::writers_come_and_go,
            meanwhile_writers_stay: meanwhile::writers_stay,
            meanwhile_it_changes_its_size: meanwhile::it_changes_its_size,
            meanwhile_it_is_written_to: meanwhile::it_is_written_to,
            meanwhile_it_fails: meanwhile::it_fails,
            parts_are_the_whole: parts::are_the_whole,
            parts_at_the_end: parts::at_the_end,
            parts_that_are_whole: parts::that_are_whole,
            parts_of_nothing: parts::of_nothing,
            parts_are_wiped: parts::are_wiped,
            parts_of_a_busy_file: parts::of_a_busy_file,
            twins_of_a_file: twins::of_a_file,
            twins_of_paths: twins::of_paths,
            twins_of_descriptors: twins::of_descriptors,
            twins_but_for_the_type: twins::but_for_the_type,
            twins_of_an_offset: twins::of_an_offset,
            twins_of_a_cap_with_a_size: twins::of_a_cap_with_a_size,
            twins_of_what_is_left: twins::of_what_is_left,
            twins_of_a_file_for_programs: twins::of_a_file_for_programs,
            twins_of_writers: twins::of_writers,
            bytes_of_a_program: user_bytes::of_a_program,
            bytes_that_are_not_there: user_bytes::that_are_not_there,
            bytes_of_the_wrong_size: user_bytes::of_the_wrong_size,
            digest_sha256: digests::sha256,
            digest_of_many: digests::of_many,
            digest_of_no_verity: digests::of_no_verity,
        }
    };
}
pub(crate) use file_cases;

macro_rules! table {
    ($($name:ident: $module:ident::$function:ident,)*) => {
        /// All cases.
        pub(crate) const CASES: &[Case] = &[
            $(Case { name: stringify!($name), run: $module::$function },)*
        ];
    };
}
file_cases!(table);

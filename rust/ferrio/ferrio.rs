// SPDX-License-Identifier: GPL-2.0

//! Safe abstractions for kernel I/O modules that the `kernel` crate lacks.
//!
//! This crate is the only place of the project's kernel side with `unsafe`. Each module links its
//! own copy, so that every `.ko` loads alone; statics are per module.
//!
//! | module | wraps |
//! |---|---|
//! | [`chardev`] | `struct file_operations`, misc devices, anonymous files |
//! | [`contiguous`] | memory in a row, that is filled, and then not changed any more |
//! | [`digest`] | SHA-256, and what fs-verity says |
//! | [`export`](mod@export) | `EXPORT_SYMBOL()`: functions for other modules |
//! | [`file_read`] | `kernel_read_file()`: files that the kernel reads |
//! | [`folio`] | several pages that are one |
//! | [`ioctl`] | extensible structs, as `copy_struct_from_user()` |
//! | [`iov`] | `struct iov_iter`, and the proof of what was moved |
//! | [`irq_work`] | `irq_work_queue()`: a wake that has to come later |
//! | [`kernel_io`] | `kernel_read()` and `kernel_write()` of an open file |
//! | [`kthread`] | threads that are stopped when they are dropped |
//! | [`log`] | how much may be said |
//! | [`mapping`] | `mmap()`: `struct vm_operations_struct`, faults, rights |
//! | [`memcg`] | charging memory to the opener's cgroup |
//! | [`misc`] | misc devices |
//! | [`once`] | a value that is set once and looked at without a call |
//! | [`pages`] | vectors of order-0 pages |
//! | [`param`] | module parameters in sysfs |
//! | [`poll`] | `struct poll_table_struct` |
//! | [`quota`] | what each user may have |
//! | [`shared`] | words in a page that user space maps |
//! | [`sparse`] | sparse memory, found without a lock |
//! | [`splice`] | both ways between a pipe and an iterator |
//! | [`task`] | the caller: signals, user, capabilities |
//! | [`test_file`] | files without a name, for tests |
//! | [`test_read`] | kernel_read_file() as C calls it, for tests |
//! | [`token`] | a mutex whose waiters can be killed |
//! | [`user_area`] | memory of the caller, for tests |
//! | [`wait`] | wait queues with interruptible, killable and bounded waits |
//! | [`word`] | loads and stores of atomic words without a call |

/// The prefix of log lines that come from this crate and not from a module.
const __LOG_PREFIX: &[u8] = b"ferrio\0";

pub mod chardev;
pub mod contiguous;
pub mod digest;
pub mod export;
pub mod file_read;
pub mod folio;
pub mod ioctl;
pub mod iov;
pub mod irq_work;
pub mod kernel_io;
pub mod kthread;
pub mod log;
pub mod mapping;
pub mod memcg;
pub mod misc;
pub mod once;
pub mod pages;
pub mod param;
pub mod poll;
pub mod quota;
pub mod shared;
pub mod sparse;
pub mod splice;
mod sys;
pub mod task;
pub mod test_file;
pub mod test_page;
pub mod test_read;
pub mod token;
pub mod user_area;
pub mod wait;
pub mod word;

// SPDX-License-Identifier: MIT OR Apache-2.0

//! Ends of a ferrio ring, mapped into the process: data moves without a system call, until somebody
//! has to sleep.
//!
//! A ring carries bytes from a [`Producer`] to a [`Consumer`], and an [`Observer`] looks on.
//! [`ringbuffer`] makes both ends, [`Builder`] those of a size and behaviour of their own; [`Ring`]
//! makes them one by one, mapped or as descriptors for other processes, which may be written in C
//! (`ferrio/ring.h`) or know nothing of rings and call read(2) and write(2): neither end can tell
//! what the other one is. A descriptor that somebody sent becomes an end by `try_from`.
//!
//! ```
//! use ferrio_ringbuffer::{ringbuffer, Error};
//!
//! fn main() -> Result<(), Error> {
//!     let (mut producer, mut consumer) = ringbuffer(65536)?;
//!     // Built where the consumer reads it.
//!     let mut space = producer.reserve(5)?;
//!     space.copy_from(0, b"hello");
//!     space.commit(5)?;
//!
//!     let mut text = [0; 5];
//!     let data = consumer.peek(5)?;
//!     data.copy_to(0, &mut text);
//!     data.consume(5)
//! }
//! ```
//!
//! # Records
//!
//! A ring can carry records, too: each is whole or not there at all, of one producer or of many at
//! once, which wait for room or drop what has none. [`records`] makes such a ring, [`Builder`]
//! those with more to say, and [`Ring`] gives a [`RecordProducer`] and a [`RecordConsumer`]. In C
//! it is `ferrio/ring-records.h`; read(2) and write(2) move a record with each call.
//!
//! ```
//! use ferrio_ringbuffer::{records, NextRecord};
//!
//! fn main() -> Result<(), ferrio_ringbuffer::Error> {
//!     let (mut producer, mut consumer) = records(65536)?;
//!     let mut space = producer.reserve(100)?;
//!     space.copy_from(0, b"hello");
//!     space.commit(5)?;
//!
//!     match consumer.next_record()? {
//!         NextRecord::Record(record) => assert_eq!(record.to_vec(), b"hello"),
//!         NextRecord::Gap(lost) => println!("{} records are lost", lost.sum()),
//!         NextRecord::End => println!("no producer is left"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Examples
//!
//! Programs to begin with are in `examples/`: `copy` (a pipe through a ring), `two_processes`, and
//! `observe`. What is not `no_run` in these pages was run, with the module or with a ring in user
//! space in its place.
//!
//! # Trust
//!
//! The peer may write the data at any time, and its position as it likes. What is copied out of the
//! ring is the caller's to check, once it is copied. An impossible position ends in EBADMSG at both
//! ends, for ever: [`Error::is_corrupt`]. A peer that is silent is what [`Consumer::set_timeout`]
//! is for.
//!
//! # Processes and threads
//!
//! An end is used by one thread at a time, and held by one process at a time; it can be moved to
//! another of either. A child of fork(2) inherits mapping and descriptor and keeps the end alive
//! until it drops or execs: descriptors are close-on-exec. Many producers of records have an end
//! each, whose mapping no child inherits.
//!
//! The protocol is that of the kernel module, from the same files (`ferrio-ring`); all else that
//! the compiler cannot check is in `ffi.rs` and `ffi/`.

#![deny(unsafe_code)]

mod builder;
mod consumer;
mod data;
mod deadline;
mod end;
mod error;
#[allow(unsafe_code)]
mod ffi;
mod observer;
mod producer;
mod records;
mod ring;
mod space;
mod state;

pub use builder::Builder;
pub use consumer::Consumer;
pub use data::Data;
pub use deadline::Deadline;
pub use end::{SPIN, SPIN_FOREVER};
pub use error::{Error, Result};
pub use observer::Observer;
pub use producer::{Producer, ATOMIC};
pub use records::{
    records, Lost, NextRecord, Notify, Record, RecordConsumer, RecordProducer, RecordSpace,
};
pub use ring::{ringbuffer, Ring};
pub use space::Space;
pub use state::{State, Waits};

// SPDX-License-Identifier: GPL-2.0

//! Rings for the files of a driver: the driver's side of `ringbuffer.ko`.
//!
//! C header: `ferrio_ring.h`, whose functions these are.
//!
//! ```ignore
//! let (rings, mut producer) = Params::new(65536).read()?;
//! producer.write(&sample)?;
//! ```
//!
//! What a program reads from a file, or writes to it, goes through a ring that it can map. The
//! driver has the other end: a [`Producer`] for read(2), a [`Consumer`] for write(2), whose calls
//! may sleep, or an [`AtomicProducer`], an [`AtomicConsumer`], whose calls never do; of a ring of
//! records, a [`Recorder`] or an [`AtomicRecorder`], which many contexts may use at once. [`Rings`]
//! is what its files have; a [`Registration`] makes such files, and a [`Thread`] moves bytes.
//!
//! A module that calls these depends on `ringbuffer.ko`, which cannot be removed before it. The
//! memory is charged to the memory cgroup of whoever makes the rings, and counts for no limit of a
//! user.

/// The prefix of log lines that come from this crate and not from a module.
const __LOG_PREFIX: &[u8] = b"ferrio_ring\0";

mod abi;
mod device;
mod ends;
mod ffi;
#[path = "../import_ns.rs"]
mod import_ns;
#[path = "../kthread.rs"]
mod kthread;
// Public where it is a part of a library.
#[allow(unreachable_pub)]
#[path = "../misc.rs"]
mod misc;
mod record;

pub use device::RingFile;
pub use ends::{
    AtomicConsumer, AtomicProducer, AtomicReservation, Consumer, Producer, Reservation,
};
pub use ffi::{Registration, Rings};
pub use kthread::{Body, Stop, Thread};
pub use record::{AtomicRecord, AtomicRecorder, Record, Recorder};

use abi::ferrio_ring_params;
use kernel::prelude::*;

/// Rings that are to be made.
pub struct Params(ferrio_ring_params);

impl Params {
    /// Rings of `bytes` each: a power of two from 4096 to 1 GiB.
    pub fn new(bytes: u64) -> Self {
        Params(ferrio_ring_params {
            bytes,
            ..Default::default()
        })
    }

    /// They are those of all files of a device: none of them can give an end up.
    pub fn shared(mut self) -> Self {
        self.0.flags |= abi::FERRIO_RING_SHARED;
        self
    }

    fn make(
        mut self,
        directions: u32,
    ) -> Result<(Rings, Option<ffi::DriverEnd>, Option<ffi::DriverEnd>)> {
        self.0.directions = directions;
        ffi::alloc(&self.0)
    }

    /// Makes a ring for read(2), at whose other end the driver produces.
    ///
    /// Process context, sleeps for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL`: no such size. `ENOMEM`: no memory, or the cgroup is full; nobody is killed for it.
    /// `EINTR`: the caller is being killed.
    pub fn read(self) -> Result<(Rings, Producer)> {
        let (rings, producer, _) = self.make(abi::FERRIO_RING_READ)?;
        Ok((rings, Producer::new(producer.ok_or(EINVAL)?)))
    }

    /// Makes a ring of records for read(2), at whose other end any number of calls of the driver
    /// produce at once. `drops`: a record that has no room is lost, and counted; else its producer
    /// waits.
    ///
    /// Context and errors: as of [`read`](Self::read).
    pub fn records(mut self, drops: bool) -> Result<(Rings, Recorder)> {
        self.0.directions = abi::FERRIO_RING_READ;
        self.0.flags |= abi::FERRIO_RING_RECORDS;
        if drops {
            self.0.flags |= abi::FERRIO_RING_DROP;
        }
        let (rings, end) = ffi::alloc_records(&self.0)?;
        Ok((rings, Recorder::new(end)))
    }

    /// Makes a ring for write(2), at whose other end the driver consumes.
    ///
    /// Context and errors: as of [`read`](Self::read).
    pub fn write(self) -> Result<(Rings, Consumer)> {
        let (rings, _, consumer) = self.make(abi::FERRIO_RING_WRITE)?;
        Ok((rings, Consumer::new(consumer.ok_or(EINVAL)?)))
    }

    /// Makes a ring for each of them.
    ///
    /// Context and errors: as of [`read`](Self::read).
    pub fn both(self) -> Result<(Rings, Producer, Consumer)> {
        let both = abi::FERRIO_RING_READ | abi::FERRIO_RING_WRITE;
        let (rings, producer, consumer) = self.make(both)?;
        Ok((
            rings,
            Producer::new(producer.ok_or(EINVAL)?),
            Consumer::new(consumer.ok_or(EINVAL)?),
        ))
    }
}

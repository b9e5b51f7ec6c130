// SPDX-License-Identifier: GPL-2.0

//! `/dev/ferrio_rings_rust`: the crate `ferrio_ring`, as a driver calls it. `selftests/ring_driver`
//! asserts what comes of it, as of `rings_c.c`.

use ferrio::{
    ioctl::ExtArg,
    task::{capable, Capability},
};
use ferrio_ring::{
    Body, Consumer, Params, Producer, Recorder, Registration, RingFile, Rings, Stop, Thread,
};
use kernel::{
    fs::File,
    interrupt::local_interrupt_disable,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        Arc, Mutex, SetOnce,
    },
    uaccess::{UserPtr, UserSlice},
};
use uapi::{ferrio_test_ring, FERRIO_TEST_IOC_RING_CALL};

mod records;

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
        "/rust/ferrio_rings/uapi_generated.rs"
    ));
}

ferrio::ioctl::ext_structs!(ferrio_test_ring: FERRIO_TEST_IOC_RING_CALL);

module! {
    type: RingsModule,
    name: "ferrio_rings_rust",
    authors: ["The ferrio developers"],
    description: "The crate ferrio_ring, called",
    license: "GPL",
}

/// Directions of `ferrio_ring.h`.
const READ: u32 = 1;
const WRITE: u32 = 2;
/// Flags of it.
const SHARED: u32 = 1;
const RECORDS: u32 = 2;
const DROP: u32 = 4;

/// What a thread does.
enum Work {
    Write(Producer, KVec<u8>),
    Read(Consumer, KVec<u8>, usize),
    Record(Recorder, usize),
}

struct Job {
    work: Work,
    /// What its last call gave.
    result: Arc<Atomic<i64>>,
}

impl Body for Job {
    fn run(self, stop: &Stop) {
        let result = match self.work {
            Work::Write(mut producer, bytes) => loop {
                let written = producer.write(&bytes);
                if written.is_err() || stop.is_requested() {
                    break number(written.map(|()| 0));
                }
            },
            Work::Read(mut consumer, mut bytes, min) => number(consumer.read(&mut bytes, min)),
            Work::Record(recorder, len) => loop {
                let written = records::zeros(&recorder, len);
                if written.is_err() || stop.is_requested() {
                    break number(written.map(|()| 0));
                }
            },
        };
        self.result.store(result, Release);
    }
}

/// The driver's ends, as far as there are any.
#[derive(Default)]
struct Ends {
    producer: Option<Producer>,
    consumer: Option<Consumer>,
    recorder: Option<Recorder>,
    thread: Option<(Thread<Job>, Arc<Atomic<i64>>)>,
}

/// An open file.
#[pin_data]
struct RingsFile {
    #[pin]
    ends: Mutex<Ends>,
    rings: SetOnce<Rings>,
}

fn number(result: Result<usize>) -> i64 {
    result.map_or_else(|error| error.to_errno().into(), |count| count as i64)
}

fn bytes(len: usize) -> Result<KVec<u8>> {
    Ok(KVec::from_elem(0, len, GFP_KERNEL)?)
}

impl RingsFile {
    fn alloc(&self, arg: &ferrio_test_ring) -> Result {
        let mut params = Params::new(arg.len);
        if arg.flags & SHARED != 0 {
            params = params.shared();
        }
        let mut ends = Ends::default();
        let rings = match arg.directions {
            READ if arg.flags & RECORDS != 0 => {
                let (rings, recorder) = params.records(arg.flags & DROP != 0)?;
                ends.recorder = Some(recorder);
                rings
            }
            READ => {
                let (rings, producer) = params.read()?;
                ends.producer = Some(producer);
                rings
            }
            WRITE => {
                let (rings, consumer) = params.write()?;
                ends.consumer = Some(consumer);
                rings
            }
            _ => {
                let (rings, producer, consumer) = params.both()?;
                ends.producer = Some(producer);
                ends.consumer = Some(consumer);
                rings
            }
        };
        let mut held = self.ends.lock();
        if !self.rings.populate(rings) {
            return Err(EBUSY);
        }
        *held = ends;
        Ok(())
    }

    fn write(&self, from: &[u8], atomic: bool) -> Result {
        let mut ends = self.ends.lock();
        let producer = ends.producer.take().ok_or(EBADF)?;
        let (result, producer) = if atomic {
            let mut producer = producer.into_atomic();
            let interrupts = local_interrupt_disable();
            let result = producer.write(from);
            drop(interrupts);
            (result, producer.into_sleeping())
        } else {
            let mut producer = producer;
            (producer.write(from), producer)
        };
        ends.producer = Some(producer);
        result
    }

    fn build(&self, from: &[u8], commit: usize, atomic: bool) -> Result {
        let mut ends = self.ends.lock();
        let mut producer = ends.producer.take().ok_or(EBADF)?;
        let result;
        if atomic {
            let mut end = producer.into_atomic();
            let interrupts = local_interrupt_disable();
            result = end.reserve(from.len()).and_then(|mut room| {
                room.copy_from_slice(from);
                room.commit(commit)
            });
            drop(interrupts);
            producer = end.into_sleeping();
        } else {
            result = producer.reserve(from.len()).and_then(|mut room| {
                room.copy_from_slice(from);
                room.commit(commit)
            });
        }
        ends.producer = Some(producer);
        result
    }

    fn read(&self, to: &mut [u8], min: usize, atomic: bool) -> Result<usize> {
        let mut ends = self.ends.lock();
        let mut consumer = ends.consumer.take().ok_or(EBADF)?;
        let result;
        if atomic {
            let mut end = consumer.into_atomic();
            let interrupts = local_interrupt_disable();
            result = end.read(to, min);
            drop(interrupts);
            consumer = end.into_sleeping();
        } else {
            result = consumer.read(to, min);
        }
        ends.consumer = Some(consumer);
        result
    }

    fn shutdown(&self, directions: u32) {
        let mut ends = self.ends.lock();
        if directions & READ != 0 {
            ends.producer = None;
            ends.recorder = None;
        }
        if directions & WRITE != 0 {
            ends.consumer = None;
        }
    }

    fn start(&self, arg: &ferrio_test_ring) -> Result {
        let room = bytes(arg.len as usize)?;
        let result = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let mut ends = self.ends.lock();
        if ends.thread.is_some() {
            return Err(EBUSY);
        }
        let work = if let Some(recorder) = ends.recorder.take() {
            Work::Record(recorder, arg.len as usize)
        } else if arg.min == 0 {
            Work::Write(ends.producer.take().ok_or(EBADF)?, room)
        } else {
            Work::Read(ends.consumer.take().ok_or(EBADF)?, room, arg.min as usize)
        };
        let job = Job {
            work,
            result: result.clone(),
        };
        ends.thread = Some((Thread::new(c"ferrio_rings", job)?, result));
        Ok(())
    }

    fn stop(&self) -> Result<i64> {
        let (thread, result) = self.ends.lock().thread.take().ok_or(ESRCH)?;
        drop(thread);
        Ok(result.load(Acquire))
    }

    /// The data of a call, at most a ring's.
    fn data(arg: &ferrio_test_ring) -> Result<KVec<u8>> {
        let len = usize::try_from(arg.len)?.min(uapi::FERRIO_TEST_RING_MAX as usize);
        let mut data = KVec::new();
        if arg.data == 0 {
            return bytes(len);
        }
        UserSlice::new(UserPtr::from_addr(arg.data as usize), len)
            .reader()
            .read_all(&mut data, GFP_KERNEL)?;
        Ok(data)
    }

    fn call(&self, arg: UserPtr) -> Result {
        let mut arg = ExtArg::<ferrio_test_ring>::read(arg)?;
        let value = &mut arg.value;
        let atomic = value.where_ == uapi::FERRIO_TEST_RING_ATOMIC;
        if value.how != uapi::FERRIO_TEST_RING_ALLOC && self.rings().is_none() {
            return Err(ENODEV);
        }
        let min = value.min as usize;
        value.result = match value.how {
            uapi::FERRIO_TEST_RING_ALLOC => number(self.alloc(value).map(|()| 0)),
            uapi::FERRIO_TEST_RING_WRITE => {
                number(self.write(&Self::data(value)?, atomic).map(|()| 0))
            }
            uapi::FERRIO_TEST_RING_BUILD => {
                number(self.build(&Self::data(value)?, min, atomic).map(|()| 0))
            }
            uapi::FERRIO_TEST_RING_READ => {
                let mut data = bytes(value.len as usize)?;
                let result = self.read(&mut data, min, atomic);
                if let Ok(read) = result {
                    let to = UserPtr::from_addr(value.data as usize);
                    let read = data.get(..read).ok_or(EINVAL)?;
                    UserSlice::new(to, read.len()).writer().write_slice(read)?;
                }
                number(result)
            }
            uapi::FERRIO_TEST_RING_RECORD => {
                let record = Self::data(value)?;
                number(self.record(&record, Some(min), atomic).map(|()| 0))
            }
            uapi::FERRIO_TEST_RING_TAKE_BACK => {
                number(self.record(&Self::data(value)?, None, atomic).map(|()| 0))
            }
            uapi::FERRIO_TEST_RING_TWO => number(self.two_records(&Self::data(value)?).map(|()| 0)),
            uapi::FERRIO_TEST_RING_SHUTDOWN => {
                self.shutdown(value.directions);
                0
            }
            uapi::FERRIO_TEST_RING_THREAD => number(self.start(value).map(|()| 0)),
            uapi::FERRIO_TEST_RING_STOP => self.stop()?,
            _ => return Err(ENOTTY),
        };
        arg.write()
    }
}

#[vtable]
impl RingFile for RingsFile {
    type Shared = ();

    const NAME: &'static CStr = c"ferrio_rings_rust";

    fn open(_shared: &(), _file: &File) -> Result<Pin<KBox<Self>>> {
        if !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }
        KBox::pin_init(
            pin_init!(RingsFile {
                ends <- new_mutex!(Ends::default(), "ferrio_rings_ends"),
                rings: SetOnce::new(),
            }),
            GFP_KERNEL,
        )
    }

    fn rings(&self) -> Option<&Rings> {
        self.rings.as_ref()
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        match cmd {
            FERRIO_TEST_IOC_RING_CALL => self.call(arg).map(|()| 0),
            _ => Err(ENOTTY),
        }
    }
}

/// What exists while the module is loaded.
#[pin_data]
struct RingsModule {
    #[pin]
    device: Registration<RingsFile>,
}

impl kernel::InPlaceModule for RingsModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            device <- Registration::new(()),
        })
    }
}

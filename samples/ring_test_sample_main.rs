// SPDX-License-Identifier: GPL-2.0

//! `/dev/ringbuffer-test`: each open file is an endless sequence of numbers, `u32`, to be read, and
//! checks the sequence that is written to it, four numbers at a time; by read() and write(), or
//! through rings that the program maps. `ring_test_c_sample.c` is the same in C.

use ferrio_ring::{Body, Consumer, Params, Producer, Registration, RingFile, Rings, Stop, Thread};
use kernel::{fs::File, prelude::*};

module! {
    type: RingTestSample,
    name: "ring_test_sample",
    authors: ["The ferrio developers"],
    description: "A sample driver in Rust whose files are rings",
    license: "GPL",
}

/// The size of each ring.
const RING_BYTES: u64 = 65536;

/// How many numbers are moved at a time.
const NUMBERS: u32 = 4;

/// So many numbers of the sequence, from `first` on.
fn message(first: u32) -> [u8; size_of::<u32>() * NUMBERS as usize] {
    let mut bytes = [0; size_of::<u32>() * NUMBERS as usize];
    for (number, place) in (0..NUMBERS).zip(bytes.chunks_exact_mut(size_of::<u32>())) {
        place.copy_from_slice(&first.wrapping_add(number).to_ne_bytes());
    }
    bytes
}

/// Writes the sequence.
struct Produce(Producer);

impl Body for Produce {
    fn run(mut self, _stop: &Stop) {
        let mut next = 0_u32;
        // Ends with an error when it is to stop, or nobody can read any more.
        while self.0.write(&message(next)).is_ok() {
            next = next.wrapping_add(NUMBERS);
        }
    }
}

/// Checks the sequence.
struct Consume(Consumer);

impl Body for Consume {
    fn run(mut self, _stop: &Stop) {
        let mut expected = 0_u32;
        let mut bytes = message(expected);
        let len = bytes.len();
        while self.0.read(&mut bytes, len) == Ok(len) {
            if bytes != message(expected) {
                // A copy, so that the number itself can stay in a register.
                let first = expected;
                pr_err!("{bytes:x?} instead of the numbers from {first} on\n");
                // That drops its end: what is written from now on is EPIPE.
                return;
            }
            expected = expected.wrapping_add(NUMBERS);
        }
    }
}

/// An open file. Fields are dropped in order: the threads have ended when the rings go.
struct RingTest {
    _producer: Thread<Produce>,
    _consumer: Thread<Consume>,
    rings: Rings,
}

#[vtable]
impl RingFile for RingTest {
    type Shared = ();

    const NAME: &'static CStr = c"ringbuffer-test";

    fn open(_shared: &(), _file: &File) -> Result<Pin<KBox<Self>>> {
        let (rings, producer, consumer) = Params::new(RING_BYTES).both()?;
        let test = RingTest {
            _producer: Thread::new(c"ring_test", Produce(producer))?,
            _consumer: Thread::new(c"ring_test", Consume(consumer))?,
            rings,
        };
        Ok(KBox::pin(test, GFP_KERNEL)?)
    }

    fn rings(&self) -> Option<&Rings> {
        Some(&self.rings)
    }
}

#[pin_data]
struct RingTestSample {
    #[pin]
    device: Registration<RingTest>,
}

impl kernel::InPlaceModule for RingTestSample {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            device <- Registration::new(()),
        })
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `/dev/ringbuffer-test`: each open file is an endless sequence of numbers, `u32`, to be read, and
//! checks the sequence that is written to it; by read() and write(), or through rings that the
//! program maps. `ring_test_c_sample.c` is the same in C.

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

/// Writes the sequence.
struct Produce(Producer);

impl Body for Produce {
    fn run(mut self, _stop: &Stop) {
        let mut number = 0_u32;
        // Ends with an error when it is to stop, or nobody can read any more.
        while self.0.write(&number.to_ne_bytes()).is_ok() {
            number = number.wrapping_add(1);
        }
    }
}

/// Checks the sequence.
struct Consume(Consumer);

impl Body for Consume {
    fn run(mut self, _stop: &Stop) {
        let mut expected = 0_u32;
        let mut number = [0; size_of::<u32>()];
        while self.0.read(&mut number, size_of::<u32>()) == Ok(number.len()) {
            let number = u32::from_ne_bytes(number);
            if number != expected {
                pr_err!("{number} instead of {expected}\n");
                // That drops its end: what is written from now on is EPIPE.
                return;
            }
            expected = expected.wrapping_add(1);
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

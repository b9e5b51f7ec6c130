// SPDX-License-Identifier: GPL-2.0

//! `/dev/ring-timer`: each open file is a ring of records, of which a timer's interrupt writes one
//! each period: when it was, and the how manieth. What the program is too slow for is lost, and
//! counted. `ring_timer_c_sample.c` is the same in C.

use ferrio_ring::{AtomicRecorder, Params, Registration, RingFile, Rings};
use kernel::{
    fs::File,
    impl_has_hr_timer,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, ArcBorrow,
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle, HrTimer, HrTimerCallback, HrTimerCallbackContext, HrTimerPointer,
            HrTimerRestart, RelativeHardMode,
        },
        ClockSource, Delta, Monotonic,
    },
};

module! {
    type: RingTimerSample,
    name: "ring_timer_sample",
    authors: ["The ferrio developers"],
    description: "A sample driver in Rust that writes records in a timer's interrupt",
    license: "GPL",
    params: {
        period_ns: i64 {
            default: 100_000,
            description: "nanoseconds from one record to the next, at least 1000",
        },
    },
}

/// The size of each ring.
const RING_BYTES: u64 = 65536;

/// Bytes of a record: two `u64`, CLOCK_MONOTONIC in ns, and the number of the period, from 0 on,
/// also of those that were missed.
const RECORD_BYTES: usize = 16;

/// What the timer has.
#[pin_data]
struct Ticker {
    #[pin]
    timer: HrTimer<Self>,
    recorder: AtomicRecorder,
    number: Atomic<u64>,
}

impl Ticker {
    fn sample(&self) -> Result {
        let mut record = self.recorder.reserve(RECORD_BYTES)?;
        let (first, second) = record.split_at_mut(8);
        first.copy_from_slice(&Monotonic::ktime_get().to_ne_bytes());
        second.copy_from_slice(&self.number.load(Relaxed).to_ne_bytes());
        record.commit(RECORD_BYTES)
    }
}

fn period() -> Delta {
    Delta::from_nanos(module_parameters::period_ns.value())
}

impl HrTimerCallback for Ticker {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        // What fails is counted, if somebody could miss it.
        let _ = this.sample();
        let gone = context.forward_now(period());
        this.number.fetch_add(gone, Relaxed);
        HrTimerRestart::Restart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Ticker {
        mode: RelativeHardMode<Monotonic>, field: self.timer
    }
}

/// An open file. Fields are dropped in order: the timer has been cancelled when the rings go.
struct RingTimer {
    _timer: ArcHrTimerHandle<Ticker>,
    rings: Rings,
}

#[vtable]
impl RingFile for RingTimer {
    type Shared = ();

    const NAME: &'static CStr = c"ring-timer";

    fn open(_shared: &(), _file: &File) -> Result<Pin<KBox<Self>>> {
        let (rings, recorder) = Params::new(RING_BYTES).records(true)?;
        let ticker = Arc::pin_init(
            pin_init!(Ticker {
                timer <- HrTimer::new(),
                recorder: recorder.into_atomic(),
                number: Atomic::new(0),
            }),
            GFP_KERNEL,
        )?;
        let timer = RingTimer {
            _timer: ticker.start(period()),
            rings,
        };
        Ok(KBox::pin(timer, GFP_KERNEL)?)
    }

    fn rings(&self) -> Option<&Rings> {
        Some(&self.rings)
    }
}

#[pin_data]
struct RingTimerSample {
    #[pin]
    device: Registration<RingTimer>,
}

impl kernel::InPlaceModule for RingTimerSample {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _: {
                if module_parameters::period_ns.value() < 1000 {
                    return Err(EINVAL);
                }
            },
            device <- Registration::new(()),
        })
    }
}

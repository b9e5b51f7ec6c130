// SPDX-License-Identifier: GPL-2.0

//! `/dev/ring-timer`: each open file is a ring of records, of which a timer's interrupt writes one
//! each period: when it was, and of which period. What the program is too slow for is lost, and
//! counted; what the timer is too late for is in the next record. `ring_timer_c_sample.c` is the
//! same in C.

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
            description: "nanoseconds from one record to the next, 1000 to a second's",
        },
    },
}

/// The size of each ring.
const RING_BYTES: u64 = 65536;

/// What `period_ns` may be.
const PERIODS: core::ops::RangeInclusive<i64> = 1_000..=1_000_000_000;

/// Bytes of a record, three `u64`: CLOCK_MONOTONIC in ns; the number of periods before this one, of
/// all kinds; and of these, in how many the timer did not come.
const RECORD_BYTES: usize = 24;

/// What the timer has.
#[pin_data]
struct Ticker {
    #[pin]
    timer: HrTimer<Self>,
    recorder: AtomicRecorder,
    number: Atomic<u64>,
    overruns: Atomic<u64>,
}

impl Ticker {
    fn sample(&self) -> Result {
        let mut record = self.recorder.reserve(RECORD_BYTES)?;
        let words = [
            Monotonic::ktime_get() as u64,
            self.number.load(Relaxed),
            self.overruns.load(Relaxed),
        ];
        for (word, place) in words.iter().zip(record.chunks_exact_mut(size_of::<u64>())) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        record.commit(RECORD_BYTES)
    }
}

impl HrTimerCallback for Ticker {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        // If it fails it is counted, and a gap tells the program of it.
        let _ = this.sample();
        let period = Delta::from_nanos(module_parameters::period_ns.value());
        let gone = context.forward_now(period);
        this.number.fetch_add(gone, Relaxed);
        this.overruns.fetch_add(gone.saturating_sub(1), Relaxed);
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
                overruns: Atomic::new(0),
            }),
            GFP_KERNEL,
        )?;
        let first = Delta::from_nanos(module_parameters::period_ns.value());
        let _timer = ticker.start(first);
        Ok(KBox::pin(RingTimer { _timer, rings }, GFP_KERNEL)?)
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
                if !PERIODS.contains(&module_parameters::period_ns.value()) {
                    return Err(EINVAL);
                }
            },
            device <- Registration::new(()),
        })
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A ring under the model checker: the words, the data, and the part of the kernel that sleeps.
//!
//! What is checked is `rust/ring`, unchanged; what stands here is what its holders bring. Loom runs
//! a model once for each order in which its threads' accesses can fall, and for each older value
//! that a load may give by the orderings asked for. It reports a byte that is touched by two
//! threads without an order between them, a failed assertion, and a state in which all threads
//! sleep: a lost wake.
//!
//! Bytes are [`loom::cell::Cell`]s, so a position that is published too early is found even if the
//! value happens to be right. Nothing in a model is sequentially consistent but the fence.

mod core_words;
mod kernel;
pub mod records;

pub use core_words::{Core, CoreWord};

use ferrio_ring::{Bell, Consumer, End, Producer, Word, Words};
use kernel::Sleepers;
use loom::{
    cell::Cell,
    sync::{
        atomic::{
            fence, AtomicU64,
            Ordering::{Acquire, Relaxed, Release, SeqCst},
        },
        Condvar,
    },
};
use std::sync::Arc;

/// At most so many threads are in a model.
const THREADS: usize = 3;

/// Loom's 64-bit word.
pub struct LoomWord {
    value: AtomicU64,
    orders: [Condvar; THREADS],
}

impl LoomWord {
    /// A word that holds `value`.
    pub fn new(value: u64) -> Self {
        LoomWord {
            value: AtomicU64::new(value),
            orders: std::array::from_fn(|_| Condvar::new()),
        }
    }

    /// The value, for a load: tried in every order with the stores of others.
    ///
    /// Loom orders a store only against the last access before it. If that is a load of the same
    /// thread, as when a holder loads its own position and stores it, the loads of others in
    /// front of it are forgotten, and most orders are never tried. So each access is preceded by
    /// one that loom does try in all orders and that orders no memory: of a condition variable on
    /// which nobody waits. There is one for the loads of each thread.
    fn to_load(&self) -> &AtomicU64 {
        self.orders[this_thread()].notify_one();
        &self.value
    }

    /// The value, for a store: tried in every order with the loads and stores of others.
    fn to_store(&self) -> &AtomicU64 {
        for order in &self.orders {
            order.notify_one();
        }
        &self.value
    }
}

/// The number of the thread in its model.
fn this_thread() -> usize {
    let id = format!("{:?}", loom::thread::current().id());
    let digits = id.trim_matches(|c: char| !c.is_ascii_digit());
    digits.parse().expect("a number in a thread's id")
}

impl Word for LoomWord {
    fn load(&self) -> u64 {
        self.to_load().load(Relaxed)
    }

    fn load_acquire(&self) -> u64 {
        self.to_load().load(Acquire)
    }

    fn store(&self, value: u64) {
        self.to_store().store(value, Relaxed)
    }

    fn store_release(&self, value: u64) {
        self.to_store().store(value, Release)
    }

    fn cmpxchg_release(&self, old: u64, new: u64) -> bool {
        self.to_store()
            .compare_exchange(old, new, Release, Relaxed)
            .is_ok()
    }
}

/// The words of every holder in a model.
pub struct Loom;

impl Words for Loom {
    type Word = LoomWord;

    fn fence() {
        fence(SeqCst)
    }
}

/// Who writes an end's bells into which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wakers {
    /// Only the page, as only a mapped peer looks: fewer states.
    Mapped,
    /// Only the kernel's memory, as only a peer in the kernel looks: fewer states.
    Kernel,
    /// Both, as the module does.
    Both,
}

/// One end.
pub struct Side {
    /// The holder's word, in the end's page.
    pub position: LoomWord,
    armed: LoomWord,
    wanted: LoomWord,
    /// The kernel's memory.
    pub sleepers: Sleepers,
}

impl Side {
    /// An end at `position`, at which nobody sleeps.
    pub fn new(position: u64, wakers: Wakers) -> Self {
        Side {
            position: LoomWord::new(position),
            armed: LoomWord::new(0),
            wanted: LoomWord::new(0),
            sleepers: Sleepers::new(wakers),
        }
    }

    /// The bell in the end's page.
    pub fn bell(&self) -> Bell<&LoomWord> {
        Bell::new(&self.armed, &self.wanted)
    }

    /// What a hostile holder of the end can do to its page.
    pub fn scribble(&self, position: u64, armed: u64, wanted: u64) {
        self.armed.store(armed);
        self.wanted.store(wanted);
        self.position.store(position);
    }
}

/// A ring whose bytes hold their own position, so that a stale or a lost one is seen.
pub struct Ring {
    /// In bytes.
    pub size: u64,
    /// The consumer end.
    pub consumer: Side,
    /// The producer end.
    pub producer: Side,
    /// The kernel's state word.
    pub state: LoomWord,
    data: Vec<Cell<u64>>,
}

impl Ring {
    /// An empty ring both of whose positions are `start`.
    pub fn new(size: u64, start: u64, wakers: Wakers) -> Self {
        Ring {
            size,
            consumer: Side::new(start, wakers),
            producer: Side::new(start, wakers),
            state: LoomWord::new(0),
            data: (0..size).map(|_| Cell::new(0)).collect(),
        }
    }

    /// A ring of `size` bytes from `start` on, all of them written.
    pub fn full(size: u64, start: u64, wakers: Wakers) -> Self {
        let mut ring = Ring::new(size, start, wakers);
        ring.write(start, size);
        ring.producer.position = LoomWord::new(start.wrapping_add(size));
        ring
    }

    /// Its consumer end, mapped.
    pub fn consumer(&self) -> Consumer<'_, Loom> {
        let end = End {
            own: &self.consumer.position,
            peer: &self.producer.position,
            bell: self.producer.bell(),
            state: &self.state,
        };
        Consumer::new(end, self.size).expect("a power of two")
    }

    /// Its producer end, mapped.
    pub fn producer(&self) -> Producer<'_, Loom> {
        let end = End {
            own: &self.producer.position,
            peer: &self.consumer.position,
            bell: self.consumer.bell(),
            state: &self.state,
        };
        Producer::new(end, self.size).expect("a power of two")
    }

    fn cell(&self, position: u64) -> &Cell<u64> {
        &self.data[(position % self.size) as usize]
    }

    /// Writes `len` bytes from `position` on, without publishing them.
    pub fn write(&self, position: u64, len: u64) {
        for i in 0..len {
            let at = position.wrapping_add(i);
            self.cell(at).set(at);
        }
    }

    /// Reads `len` bytes from `position` on: each has to be the one that belongs there.
    pub fn read(&self, position: u64, len: u64) {
        for i in 0..len {
            let at = position.wrapping_add(i);
            assert_eq!(self.cell(at).get(), at, "a stale or a lost byte");
        }
    }

    /// Where the model's next byte lies is the holder's to know; that it has to lie there, ours.
    pub fn check_span(&self, span: ferrio_ring::Span, position: u64) {
        assert_eq!(span.offset, position % self.size);
        assert!(
            1 <= span.len && span.len <= self.size,
            "a span of {}",
            span.len
        );
    }
}

/// Checks a model in all orders in which no more than `preemptions` times a thread is made to stop
/// where it could go on; with `FERRIO_LONG` set, once more. Without a bound the larger models would
/// take hours.
pub fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let long = std::env::var_os("FERRIO_LONG").is_some_and(|long| long != "0");
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions + usize::from(long));
    builder.max_branches = 10_000;
    let orders = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = orders.clone();
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    let orders = orders.load(Relaxed);
    // One order alone is no model of two threads.
    assert!(orders > 1);
    println!("{orders} orders");
}

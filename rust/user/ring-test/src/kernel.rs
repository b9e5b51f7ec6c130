// SPDX-License-Identifier: GPL-2.0

//! What the kernel does for those who sleep and those who wake, as the protocol has it: a wait
//! queue and the books of an end, each under a lock of its own.

use crate::{Loom, LoomWord, Ring, Side, Wakers};
use ferrio_ring::{arm_and_call, called, must_sleep, Bell, Books, Hope, Turn, Word};
use loom::sync::{Condvar, Mutex};

/// How many can sleep at one end.
const SLEEPERS: usize = 2;

/// Those who sleep at an end, in the kernel's memory.
pub struct Sleepers {
    wakers: Wakers,
    books: Mutex<Books>,
    armed: LoomWord,
    wanted: LoomWord,
    /// Of a producer: it is armed for more than it needs.
    pub hoping: LoomWord,
    /// The wait queue: who has been woken since he queued.
    woken: Mutex<[bool; SLEEPERS]>,
    sleep: Condvar,
}

impl Sleepers {
    pub(crate) fn new(wakers: Wakers) -> Self {
        Sleepers {
            wakers,
            books: Mutex::new(Books::new()),
            armed: LoomWord::new(0),
            wanted: LoomWord::new(0),
            hoping: LoomWord::new(0),
            woken: Mutex::new([false; SLEEPERS]),
            sleep: Condvar::new(),
        }
    }

    /// The bell in the kernel's memory.
    pub fn bell(&self) -> Bell<&LoomWord> {
        Bell::new(&self.armed, &self.wanted)
    }

    /// Wakes the queue, armed or not.
    pub fn wake_all(&self) {
        *self.woken.lock().unwrap() = [true; SLEEPERS];
        self.sleep.notify_all();
    }

    /// The times that somebody armed, and that somebody was woken for it.
    pub fn arms_and_wakes(&self) -> (u64, u64) {
        let books = self.books.lock().unwrap();
        (books.arms(), books.wakes())
    }
}

impl Side {
    fn bells(&self) -> impl Iterator<Item = Bell<&LoomWord>> {
        let page = (self.sleepers.wakers != Wakers::Kernel).then(|| self.bell());
        let kernel = (self.sleepers.wakers != Wakers::Mapped).then(|| self.sleepers.bell());
        page.into_iter().chain(kernel)
    }

    /// Step S2, for who waits until the peer's position is `wanted`.
    pub fn arm(&self, wanted: u64) {
        self.arm_for(wanted, false);
    }

    /// The same; `hoping`: less would do.
    fn arm_for(&self, wanted: u64, hoping: bool) {
        let mut books = self.sleepers.books.lock().unwrap();
        if hoping {
            self.sleepers.hoping.store(1);
        }
        if let Some(arm) = books.arm(wanted) {
            self.bells().for_each(|bell| bell.arm(arm));
        }
    }

    /// Steps S1 to S5: FERRIO_RB_WAIT of the sleeper number `who`, once.
    pub fn wait(&self, who: usize, wanted: u64, enough: impl FnOnce() -> bool) {
        self.wait_armed(who, || self.arm(wanted), enough);
    }

    fn wait_armed(&self, who: usize, arm: impl FnOnce(), enough: impl FnOnce() -> bool) {
        self.sleepers.woken.lock().unwrap()[who] = false;
        if must_sleep::<Loom>(arm, enough) {
            let mut woken = self.sleepers.woken.lock().unwrap();
            while !woken[who] {
                woken = self.sleepers.sleep.wait(woken).unwrap();
            }
        }
    }

    /// Step W5: FERRIO_RB_WAKEUP by a holder of the other end. Whether somebody was armed.
    pub fn wake(&self) -> bool {
        {
            let mut books = self.sleepers.books.lock().unwrap();
            if !books.take() {
                return false;
            }
            self.bells().for_each(|bell| bell.clear());
            self.sleepers.hoping.store(0);
        }
        self.sleepers.wake_all();
        true
    }
}

impl Ring {
    /// One read(2) that does not wait: what it read.
    pub fn read_call(&self) -> u64 {
        let turn = Turn::consume(&self.consumer.position, &self.producer.position, self.size)
            .expect("the peer keeps to the rule");
        let (at, len) = (turn.position(), turn.available());
        if len > 0 {
            self.read(at, len);
            assert!(turn.publish(&self.consumer.position, len), "a misuse");
            self.wake_from_kernel(&self.producer, at.wrapping_add(len));
        }
        len
    }

    /// One write(2) of up to `len` bytes that does not wait: what it wrote.
    pub fn write_call(&self, len: u64) -> u64 {
        let turn = Turn::produce(&self.producer.position, &self.consumer.position, self.size)
            .expect("the peer keeps to the rule");
        let (at, len) = (turn.position(), turn.available().min(len));
        if len > 0 {
            self.write(at, len);
            assert!(turn.publish(&self.producer.position, len), "a misuse");
            self.wake_from_kernel(&self.consumer, at.wrapping_add(len));
        }
        len
    }

    fn wake_from_kernel(&self, peer: &Side, position: u64) {
        if called::<Loom>(&peer.sleepers.bell(), position, 0).is_some() {
            peer.wake();
        }
    }

    /// The last holder of an end is gone: its bit, and everybody is woken.
    pub fn close(&self, bit: u64) {
        // One bit in a model, so that no read-modify-write is needed.
        self.state.store_release(bit);
        self.consumer.sleepers.wake_all();
        self.producer.sleepers.wake_all();
    }

    /// Sleeps, as number `who`, until there are `min` bytes to read from `position` on, or until
    /// the producer is gone.
    pub fn wait_readable(&self, who: usize, position: u64, min: u64) {
        let wanted = position.wrapping_add(min);
        self.consumer.wait(who, wanted, || {
            self.state.load_acquire() != 0
                || ferrio_ring::reached(self.producer.position.load_acquire(), wanted)
        });
    }

    /// The same, of a consumer that calls a producer that hopes.
    pub fn wait_readable_and_call(&self, position: u64, min: u64) {
        let wanted = position.wrapping_add(min);
        let producer = &self.producer;
        self.consumer.wait_armed(
            0,
            || {
                arm_and_call::<Loom>(
                    || self.consumer.arm(wanted),
                    &producer.sleepers.hoping,
                    || {
                        producer.wake();
                    },
                )
            },
            || ferrio_ring::reached(self.producer.position.load_acquire(), wanted),
        );
    }

    /// Sleeps until the free bytes from `position` on are enough for `hope`.
    pub fn wait_hoping(&self, position: u64, hope: Hope) {
        let armed = &self.consumer.sleepers.armed;
        self.producer.wait_armed(
            0,
            || {
                let (bytes, hoping) = hope.bytes(armed);
                let wanted = position.wrapping_add(bytes).wrapping_sub(self.size);
                self.producer.arm_for(wanted, hoping);
            },
            || {
                let used = position.wrapping_sub(self.consumer.position.load_acquire());
                hope.is_enough(self.size - used, armed)
            },
        );
    }

    /// Sleeps until there are `min` free bytes from `position` on, or until the consumer is gone.
    pub fn wait_writable(&self, position: u64, min: u64) {
        let wanted = position.wrapping_add(min).wrapping_sub(self.size);
        self.producer.wait(0, wanted, || {
            self.state.load_acquire() != 0
                || ferrio_ring::reached(self.consumer.position.load_acquire(), wanted)
        });
    }
}

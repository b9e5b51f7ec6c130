// SPDX-License-Identifier: GPL-2.0

//! The driver's end of a ring.
//!
//! A turn is that of a mapped holder, [`ring::Producer`] or [`ring::Consumer`]: without a token, as
//! nobody else can hold this end, and with the peer's position kept from one turn to the next. The
//! path of a message of a few bytes is shorter yet, [`ring::quick`]: a look at the state and the
//! own position, the copy, a store, a fence and a look at the peer's bell, without a call.

use super::later::Later;
use crate::{
    calls::Held,
    memory::Memory,
    ring::Ring,
    rw::Rw,
    size::RingBytes,
    stream::Stream,
    uapi,
    wish::Wish,
    words::{DriverWords, OwnWord, PageWord},
};
use core::marker::PhantomData;
use ferrio::{
    irq_work::IrqWork,
    task,
    wait::{self, Sleep},
};
use kernel::{
    prelude::*,
    sync::{atomic::Atomic, Arc},
};
use ring::{quick, Bell, Kept, Stop, Word};

/// What a call may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// Sleep, and wake sleepers itself.
    MaySleep,
    /// Neither, nor take a lock.
    Atomic,
}

/// Which end the driver has.
pub(crate) trait Side: Send + Sync + 'static {
    /// That end.
    const RW: Rw;

    /// What is wrong when the other one is impossible: FERRIO_RB_CORRUPT_*.
    const CORRUPT: u32;

    /// What is kept before the first turn.
    fn kept(size: u64) -> Option<Kept>;
}

/// The producer's, of a ring that programs read.
pub(crate) struct Produces;

impl Side for Produces {
    const RW: Rw = Rw::Write;
    const CORRUPT: u32 = uapi::FERRIO_RB_CORRUPT_CONSUMER;

    fn kept(size: u64) -> Option<Kept> {
        Kept::producer(0, size)
    }
}

/// The consumer's, of a ring that programs write.
pub(crate) struct Consumes;

impl Side for Consumes {
    const RW: Rw = Rw::Read;
    const CORRUPT: u32 = uapi::FERRIO_RB_CORRUPT_PRODUCER;

    fn kept(size: u64) -> Option<Kept> {
        Kept::consumer(0, size)
    }
}

/// One ring of a driver, with both its ends; `S` says which is the driver's.
#[pin_data]
pub(crate) struct Direction<S: Side> {
    pub(super) ring: Arc<Ring>,
    /// The set with that end, while the driver has not given it up.
    driver: Atomic<u32>,
    /// The set with the other end, which is that of the driver's files.
    files: Atomic<u32>,
    /// In bytes.
    pub(super) size: u64,
    /// What is kept between two turns: the size, too,
    kept: Kept,
    /// the peer's position,
    pub(super) peer: OwnWord,
    /// and the last sequence that the peer was woken for.
    woken: OwnWord,
    /// Bytes that are reserved.
    pub(super) reserved: OwnWord,
    _side: PhantomData<S>,
    /// Wakes the other end, and whatever else an atomic call cannot do.
    #[pin]
    later: IrqWork<Later>,
}

/// The words of a ring, as the driver's end uses them.
pub(super) struct EndWords<'m> {
    pub(super) own: PageWord<'m>,
    peer: PageWord<'m>,
    armed: PageWord<'m>,
    wanted: PageWord<'m>,
    pub(super) state: PageWord<'m>,
}

impl<'m> EndWords<'m> {
    #[inline]
    pub(super) fn end(&self) -> ring::End<'_, PageWord<'m>> {
        ring::End {
            own: &self.own,
            peer: &self.peer,
            bell: self.bell(),
            state: &self.state,
        }
    }

    #[inline]
    fn bell(&self) -> Bell<&PageWord<'m>> {
        Bell::new(&self.armed, &self.wanted)
    }
}

impl<S: Side> Direction<S> {
    /// A ring of `bytes`, of which the driver holds its end.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINTR`: the caller is being killed.
    pub(super) fn new(bytes: RingBytes) -> Result<Pin<KBox<Self>>> {
        let ring = Ring::of_driver()?;
        ring.set_size(bytes, 0)?;
        ring.use_memory(None, false)?.data.map()?;
        let size = bytes.get() as u64;
        let kept = S::kept(size).ok_or(EINVAL)?;
        let (peer, woken) = kept.words();
        KBox::pin_init(
            pin_init!(Self {
                driver: Atomic::new(S::RW.bit()),
                files: Atomic::new(S::RW.peer().bit()),
                size,
                kept,
                peer: OwnWord::new(peer),
                woken: OwnWord::new(woken),
                reserved: OwnWord::new(0),
                _side: PhantomData,
                later <- IrqWork::new(Later::new(ring.clone(), S::RW.peer())),
                ring,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// The ring, and the files' set of its ends.
    pub(super) fn held(&self) -> Held<'_> {
        (&self.ring, &self.files)
    }

    /// The driver gives its end up.
    pub(super) fn shutdown(&self) {
        // EBADF: it has before.
        let _ = self.ring.drop_holder(S::RW, &self.driver, 0);
    }

    /// No file of the driver has the other end any more.
    pub(super) fn leave(&self) {
        // EBADF: they have given it up before.
        let _ = self.ring.drop_holder(S::RW.peer(), &self.files, 0);
    }

    #[inline]
    pub(super) fn memory(&self) -> Result<&Memory> {
        // Made with the ring.
        self.ring.memory().ok_or(EBADF)
    }

    #[inline]
    pub(super) fn words<'m>(&'m self, memory: &'m Memory) -> EndWords<'m> {
        let peer = S::RW.peer();
        let (armed, wanted) = self.ring.side(peer).alarm.words();
        EndWords {
            own: memory.position(S::RW),
            peer: memory.position(peer),
            armed,
            wanted,
            state: memory.state(),
        }
    }

    #[inline]
    pub(super) fn kept(&self, ready: u64) -> Kept {
        self.kept.with((self.peer.load(), self.woken.load()), ready)
    }

    #[inline]
    pub(super) fn keep(&self, kept: Kept) {
        let (peer, woken) = kept.words();
        self.peer.store(peer);
        self.woken.store(woken);
    }

    /// Step W5: somebody is armed at the other end for what was just published.
    #[cold]
    pub(super) fn wake(&self, context: Context) {
        let (ring, peer): (&Ring, Rw) = (&self.ring, S::RW.peer());
        match context {
            Context::MaySleep => {
                ring.side(peer).alarm.wake_armed(ring.news(peer), ring);
            }
            Context::Atomic => self.later.queue(),
        }
    }

    /// Steps 5 and 6 of a turn that needed nothing else, whose result is `result`.
    #[inline(always)]
    pub(super) fn publish_at<T>(
        &self,
        words: &EndWords<'_>,
        position: u64,
        context: Context,
        result: T,
    ) -> T {
        if quick::publish::<DriverWords<'_>>(&words.own, &words.bell(), position) {
            return self.called(position, context, result);
        }
        result
    }

    /// Step W4: somebody is armed; for this? Gives back `result`, so that it is a last call.
    #[cold]
    fn called<T>(&self, position: u64, context: Context, result: T) -> T {
        if let Ok(memory) = self.memory() {
            let words = self.words(memory);
            if let Some(sequence) = words.bell().called(position, self.woken.load()) {
                self.woken.store(sequence);
                self.wake(context);
            }
        }
        result
    }

    /// Why a turn has nothing to move, as an error.
    #[cold]
    pub(super) fn stopped(&self, stop: Stop, context: Context) -> Error {
        match stop {
            Stop::Empty | Stop::Full | Stop::End => return EAGAIN,
            Stop::Closed => return EPIPE,
            Stop::GivenUp => return ESHUTDOWN,
            Stop::Corrupt => (),
        }
        if self.ring.must_be_intact().is_ok() {
            match context {
                Context::MaySleep => self.ring.set_corrupt(S::CORRUPT),
                Context::Atomic => {
                    self.later.target().blame(S::CORRUPT);
                    self.later.queue();
                }
            }
        }
        EBADMSG
    }

    /// After an EAGAIN: waits until `need` bytes can be moved, or until there is a reason not to.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE`: they never can. `ERESTARTSYS`: a signal. `EINTR`: a kernel thread that is to
    /// end.
    #[cold]
    fn wait(&self, need: usize) -> Result {
        if need > self.ring.size() {
            return Err(EMSGSIZE);
        }
        // A mapped peer can make bytes come and go: neither a signal nor others are to wait.
        if task::interrupted_in_long_call() {
            return Err(ERESTARTSYS);
        }
        let stream = Stream {
            ring: &self.ring,
            holds: &self.driver,
            file: None,
        };
        let worth = self.ring.worth(S::RW);
        let wish = OrStop(Wish::new(&stream, S::RW, need, worth));
        let waiters = &self.ring.side(S::RW).alarm.waiters;
        waiters.wait(Sleep::Interruptible, wish)?;
        if task::should_stop() {
            return Err(EINTR);
        }
        Ok(())
    }

    /// `try_it`, again and again until it says something else than "not now".
    #[inline]
    pub(super) fn until_done<T>(
        &self,
        need: usize,
        context: Context,
        mut try_it: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        loop {
            match try_it() {
                Err(err) if err == EAGAIN => match context {
                    Context::MaySleep => self.wait(need)?,
                    Context::Atomic if need > self.ring.size() => return Err(EMSGSIZE),
                    Context::Atomic => return Err(EAGAIN),
                },
                result => return result,
            }
        }
    }
}

/// A wish of a kernel thread, which may be told to end.
struct OrStop<'s, 'a>(Wish<'s, 'a>);

impl wait::Wish for OrStop<'_, '_> {
    fn is_granted(&mut self) -> bool {
        self.0.is_granted() || task::should_stop()
    }

    fn announce(&mut self) {
        self.0.announce();
    }

    fn slept(&mut self, for_nothing: bool) {
        self.0.slept(for_nothing);
    }
}

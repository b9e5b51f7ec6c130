// SPDX-License-Identifier: GPL-2.0

//! The driver's end of a ring.
//!
//! A turn is that of a mapped holder, [`ring::Producer`] or [`ring::Consumer`]: without a token, as
//! nobody else can hold this end, and with the peer's position kept from one turn to the next. On
//! the path of every message is one look at the state, one or two at positions, a copy in one
//! piece, a store, a fence, and one look at the peer's bell.

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
use core::{mem::MaybeUninit, ptr::NonNull};
use ferrio::{
    irq_work::IrqWork,
    task,
    wait::{self, Sleep},
};
use kernel::{
    prelude::*,
    sync::{atomic::Atomic, Arc},
};
use ring::{state, Bell, Consumer, Kept, Producer, Span, Stop, Word};

/// What a call may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// Sleep, and wake sleepers itself.
    MaySleep,
    /// Neither, nor take a lock.
    Atomic,
}

/// One ring of a driver, with both its ends.
#[pin_data]
pub(crate) struct Direction {
    ring: Arc<Ring>,
    /// The driver's end.
    rw: Rw,
    /// The set with that end, while the driver has not given it up.
    driver: Atomic<u32>,
    /// The set with the other end, which is that of the driver's files.
    files: Atomic<u32>,
    /// What is kept between two turns: the size,
    kept: Kept,
    /// the peer's position,
    peer: OwnWord,
    /// and the last sequence that the peer was woken for.
    woken: OwnWord,
    /// Bytes that are reserved.
    reserved: OwnWord,
    /// Wakes the other end, and whatever else an atomic call cannot do.
    #[pin]
    later: IrqWork<Later>,
}

/// The words of a ring, as the driver's end uses them.
struct EndWords<'m> {
    own: PageWord<'m>,
    peer: PageWord<'m>,
    armed: PageWord<'m>,
    wanted: PageWord<'m>,
    state: PageWord<'m>,
}

impl<'m> EndWords<'m> {
    #[inline]
    fn end(&self) -> ring::End<'_, PageWord<'m>> {
        ring::End {
            own: &self.own,
            peer: &self.peer,
            bell: Bell::new(&self.armed, &self.wanted),
            state: &self.state,
        }
    }
}

impl Direction {
    /// A ring of `bytes`, of which the driver holds the end `rw`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINTR`: the caller is being killed.
    pub(super) fn new(bytes: RingBytes, rw: Rw) -> Result<Pin<KBox<Self>>> {
        let ring = Ring::of_driver()?;
        ring.set_size(bytes)?;
        ring.use_memory(None, false)?.data.map()?;
        let size = bytes.get() as u64;
        let kept = match rw {
            Rw::Read => Kept::consumer(0, size),
            Rw::Write => Kept::producer(0, size),
        };
        let kept = kept.ok_or(EINVAL)?;
        let (peer, woken) = kept.words();
        KBox::pin_init(
            pin_init!(Self {
                rw,
                driver: Atomic::new(rw.bit()),
                files: Atomic::new(rw.peer().bit()),
                kept,
                peer: OwnWord::new(peer),
                woken: OwnWord::new(woken),
                reserved: OwnWord::new(0),
                later <- IrqWork::new(Later::new(ring.clone(), rw.peer())),
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
        let _ = self.ring.drop_holder(self.rw, &self.driver, 0);
    }

    /// No file of the driver has the other end any more.
    pub(super) fn leave(&self) {
        // EBADF: they have given it up before.
        let _ = self.ring.drop_holder(self.rw.peer(), &self.files, 0);
    }

    #[inline]
    fn memory(&self) -> Result<&Memory> {
        // Made with the ring.
        self.ring.memory().ok_or(EBADF)
    }

    #[inline]
    fn words<'m>(&'m self, memory: &'m Memory) -> EndWords<'m> {
        let peer = self.rw.peer();
        let (armed, wanted) = self.ring.side(peer).alarm.words();
        EndWords {
            own: memory.position(self.rw),
            peer: memory.position(peer),
            armed,
            wanted,
            state: memory.state(),
        }
    }

    #[inline]
    fn kept(&self, ready: u64) -> Kept {
        self.kept.with((self.peer.load(), self.woken.load()), ready)
    }

    #[inline]
    fn keep(&self, kept: Kept) {
        let (peer, woken) = kept.words();
        self.peer.store(peer);
        self.woken.store(woken);
    }

    /// Step W5: somebody is armed at the other end for what was just published.
    #[cold]
    fn wake(&self, context: Context) {
        let (ring, peer): (&Ring, Rw) = (&self.ring, self.rw.peer());
        match context {
            Context::MaySleep => {
                ring.side(peer).alarm.wake_armed(ring.news(peer), ring);
            }
            Context::Atomic => self.later.queue(),
        }
    }

    /// Why a turn has nothing to move, as an error.
    #[cold]
    fn stopped(&self, stop: Stop, context: Context) -> Error {
        match stop {
            Stop::Empty | Stop::Full | Stop::End => return EAGAIN,
            Stop::Closed => return EPIPE,
            Stop::GivenUp => return ESHUTDOWN,
            Stop::Corrupt => (),
        }
        if self.ring.must_be_intact().is_ok() {
            let reason = match self.rw {
                Rw::Read => uapi::FERRIO_RB_CORRUPT_PRODUCER,
                Rw::Write => uapi::FERRIO_RB_CORRUPT_CONSUMER,
            };
            match context {
                Context::MaySleep => self.ring.set_corrupt(reason),
                Context::Atomic => {
                    self.later.target().blame(reason);
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
        let worth = self.ring.worth(self.rw);
        let wish = OrStop(Wish::new(&stream, self.rw, need, worth));
        let waiters = &self.ring.side(self.rw).alarm.waiters;
        waiters.wait(Sleep::Interruptible, wish)?;
        if task::should_stop() {
            return Err(EINTR);
        }
        Ok(())
    }

    /// `try_it`, again and again until it says something else than "not now".
    #[inline]
    fn until_done<T>(
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

    /// Begins a turn of the producer with `need` bytes, and goes on with where they are.
    #[inline]
    fn produce<T>(
        &self,
        need: usize,
        context: Context,
        body: impl FnOnce(&Memory, Producer<'_, DriverWords<'_>>, Span) -> Result<T>,
    ) -> Result<T> {
        let memory = self.memory()?;
        let words = self.words(memory);
        let mut end = Producer::resume(words.end(), self.kept(0));
        match end.free_min(need as u64) {
            Ok(span) if span.len >= need as u64 => body(memory, end, span),
            Ok(_) => {
                self.keep(end.kept());
                Err(EAGAIN)
            }
            Err(stop) => Err(self.stopped(stop, context)),
        }
    }

    #[inline]
    fn publish(&self, mut end: Producer<'_, DriverWords<'_>>, bytes: u64, context: Context) {
        let called = end.publish(bytes);
        self.keep(end.kept());
        if called.is_some() {
            self.wake(context);
        }
    }

    /// ferrio_ring_write().
    #[inline]
    pub(crate) fn write(&self, from: &[u8], context: Context) -> Result {
        self.reserved.store(0);
        self.until_done(from.len(), context, || {
            self.produce(from.len(), context, |memory, end, span| {
                let piece = memory.data.piece(span.offset as usize, from.len());
                piece.ok_or(EMSGSIZE)?.fill(from);
                self.publish(end, from.len() as u64, context);
                Ok(())
            })
        })
    }

    /// ferrio_ring_reserve().
    #[inline]
    pub(crate) fn reserve(&self, len: usize, context: Context) -> Result<NonNull<u8>> {
        if len == 0 {
            return Err(EINVAL);
        }
        self.until_done(len, context, || {
            self.produce(len, context, |memory, end, span| {
                let piece = memory.data.piece(span.offset as usize, len);
                let start = piece.ok_or(EMSGSIZE)?.start();
                self.keep(end.kept());
                self.reserved.store(len as u64);
                Ok(start)
            })
        })
    }

    /// ferrio_ring_commit().
    #[inline]
    pub(crate) fn commit(&self, len: usize, context: Context) -> Result {
        let reserved = self.reserved.load();
        if reserved == 0 || len as u64 > reserved {
            return Err(EINVAL);
        }
        self.reserved.store(0);
        if len > 0 {
            let words = self.words(self.memory()?);
            let end = Producer::resume(words.end(), self.kept(reserved));
            self.publish(end, len as u64, context);
        }
        Ok(())
    }

    /// ferrio_ring_discard().
    #[inline]
    pub(crate) fn discard(&self) {
        self.reserved.store(0);
    }

    /// ferrio_ring_read().
    #[inline]
    pub(crate) fn read(
        &self,
        to: &mut [MaybeUninit<u8>],
        min: usize,
        context: Context,
    ) -> Result<usize> {
        if min == 0 || min > to.len() {
            return Err(EINVAL);
        }
        self.until_done(min, context, || self.try_read(to, min, context))
    }

    #[inline]
    fn try_read(&self, to: &mut [MaybeUninit<u8>], min: usize, context: Context) -> Result<usize> {
        let memory = self.memory()?;
        let words = self.words(memory);
        // In each turn: what was published before the end was given up is not read any more.
        if words.state.load() & (state::CORRUPT | state::READ_CLOSED) != 0 {
            return Err(self.given_up(context));
        }
        let mut end = Consumer::resume(words.end(), self.kept(0));
        let span = match end.readable_min(min as u64) {
            Ok(span) if span.len >= min as u64 => span,
            Ok(_) | Err(Stop::Empty | Stop::End) => match self.rest(&mut end, context)? {
                Some(span) => span,
                None => return Ok(0),
            },
            Err(stop) => return Err(self.stopped(stop, context)),
        };
        let (ready, room) = (span.len as usize, to.len());
        let to = to.get_mut(..ready.min(room)).ok_or(EINVAL)?;
        let piece = memory.data.piece(span.offset as usize, to.len());
        piece.ok_or(EMSGSIZE)?.read(to);
        let called = end.consume(to.len() as u64);
        self.keep(end.kept());
        if called.is_some() {
            self.wake(context);
        }
        Ok(to.len())
    }

    #[cold]
    fn given_up(&self, context: Context) -> Error {
        if self.ring.must_be_intact().is_err() {
            return EBADMSG;
        }
        self.stopped(Stop::GivenUp, context)
    }

    /// There are too few bytes: what there is, if no more will come.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: some may come. `EBADMSG`.
    #[cold]
    fn rest(
        &self,
        end: &mut Consumer<'_, DriverWords<'_>>,
        context: Context,
    ) -> Result<Option<Span>> {
        // First: then all that is published is seen below. The print of it may be a little late,
        // which a sleeper must not go round for; to ask takes a lock.
        let over = match context {
            Context::MaySleep => self.ring.is_finished(),
            Context::Atomic => self.memory()?.state().load_acquire() & state::WRITE_CLOSED != 0,
        };
        let looked = end.readable_min(u64::MAX);
        self.keep(end.kept());
        match looked {
            _ if !over => match looked {
                Err(stop @ (Stop::Corrupt | Stop::GivenUp)) => Err(self.stopped(stop, context)),
                _ => Err(EAGAIN),
            },
            Ok(span) => Ok(Some(span)),
            Err(Stop::Empty | Stop::End) => Ok(None),
            Err(stop) => Err(self.stopped(stop, context)),
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

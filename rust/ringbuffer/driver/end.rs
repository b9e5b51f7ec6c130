// SPDX-License-Identifier: GPL-2.0

//! The driver's end of a ring.
//!
//! A turn is that of a mapped holder, [`ring::Producer`] or [`ring::Consumer`]: without a token, as
//! nobody else can hold this end, and with the peer's position kept from one turn to the next. As
//! far as that is enough the turn is the driver's own code, of `ferrio_ring_turn.h`, by [`InLine`].

use super::later::Later;
use crate::{
    calls::Held,
    export::abi::ferrio_ring_end,
    memory::Memory,
    ring::Ring,
    rw::Rw,
    size::RingBytes,
    stream::Stream,
    uapi,
    wish::Wish,
    words::{OwnWord, PageWord},
};
use core::{marker::PhantomData, mem::offset_of};
use ferrio::{
    irq_work::IrqWork,
    shared::fence,
    task,
    wait::{self, Sleep},
};
use kernel::{
    prelude::*,
    sync::{atomic::Atomic, Arc},
};
use ring::{Bell, Kept, Stop, Word};

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

    /// How far the own position can be in front of the peer's.
    fn lead(size: u64) -> u64;
}

/// The producer's, of a ring that programs read.
pub(crate) struct Produces;

impl Side for Produces {
    const RW: Rw = Rw::Write;
    const CORRUPT: u32 = uapi::FERRIO_RB_CORRUPT_CONSUMER;

    fn kept(size: u64) -> Option<Kept> {
        Kept::producer(0, size)
    }

    fn lead(size: u64) -> u64 {
        size
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

    fn lead(_size: u64) -> u64 {
        0
    }
}

/// `struct ferrio_ring_end`: what the driver's own code knows of the end. Addresses are of what
/// lives as long as the ring.
#[repr(C)]
struct InLine {
    own: usize,
    state: usize,
    armed: OwnWord,
    wanted: OwnWord,
    data: usize,
    mask: u64,
    /// Where the own position has to stop: the peer's, as kept, and the lead.
    limit: OwnWord,
}

const _: () = {
    assert!(size_of::<InLine>() == size_of::<ferrio_ring_end>());
    assert!(offset_of!(InLine, own) == offset_of!(ferrio_ring_end, own));
    assert!(offset_of!(InLine, state) == offset_of!(ferrio_ring_end, state));
    assert!(offset_of!(InLine, armed) == offset_of!(ferrio_ring_end, armed));
    assert!(offset_of!(InLine, wanted) == offset_of!(ferrio_ring_end, wanted));
    assert!(offset_of!(InLine, data) == offset_of!(ferrio_ring_end, data));
    assert!(offset_of!(InLine, mask) == offset_of!(ferrio_ring_end, mask));
    assert!(offset_of!(InLine, limit) == offset_of!(ferrio_ring_end, limit));
    assert!(size_of::<OwnWord>() == size_of::<usize>());
    // Where `struct ferrio_ring` points to.
    assert!(offset_of!(Direction<Produces>, in_line) == 0);
    assert!(offset_of!(Direction<Consumes>, in_line) == 0);
};

/// One ring of a driver, with both its ends; `S` says which is the driver's.
#[repr(C)]
#[pin_data]
pub(crate) struct Direction<S: Side> {
    in_line: InLine,
    pub(super) ring: Arc<Ring>,
    /// The set with that end, while the driver has not given it up.
    driver: Atomic<u32>,
    /// The set with the other end, which is that of the driver's files.
    files: Atomic<u32>,
    /// What is kept between two turns: the size, too, the peer's position by the limit,
    kept: Kept,
    lead: u64,
    /// and the last sequence that the peer was woken for.
    woken: OwnWord,
    /// The bytes that are reserved, from which position on.
    pub(super) reserved: [OwnWord; 2],
    /// Not 0 from the beginning of a shutdown on.
    given_up: OwnWord,
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
    /// A ring of `bytes`, of which the driver holds its end; `records`: FERRIO_RB_RECORDS* bits.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINTR`: the caller is being killed.
    pub(super) fn new(bytes: RingBytes, records: u32) -> Result<Pin<KBox<Self>>> {
        let ring = Ring::of_driver(S::RW)?;
        ring.set_size(bytes, records)?;
        let memory = ring.use_memory(None, false)?;
        memory.data.map()?;
        let size = bytes.get() as u64;
        let kept = S::kept(size).ok_or(EINVAL)?;
        let lead = S::lead(size);
        let (peer, woken) = kept.words();
        let (armed, wanted) = ring.side(S::RW.peer()).alarm.words();
        let data = memory.data.piece(0, 0).ok_or(ENOMEM)?;
        let in_line = InLine {
            own: memory.position(S::RW).0.address(),
            state: memory.state().0.address(),
            armed: OwnWord::new(armed.0.address() as u64),
            wanted: OwnWord::new(wanted.0.address() as u64),
            data: data.start().as_ptr() as usize,
            mask: size - 1,
            limit: OwnWord::new(peer.wrapping_add(lead)),
        };
        KBox::pin_init(
            pin_init!(Self {
                in_line,
                driver: Atomic::new(S::RW.bit()),
                files: Atomic::new(S::RW.peer().bit()),
                kept,
                lead,
                woken: OwnWord::new(woken),
                reserved: [OwnWord::new(0), OwnWord::new(0)],
                given_up: OwnWord::new(0),
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
    ///
    /// A call that publishes meanwhile is to know whether it was in time. So before anybody can see
    /// the end closed the driver's own code is led to a word that says "armed", and to the own
    /// position as what is wanted: it calls then, see [`called`](Self::called). It looks behind a
    /// full fence, as [`in_time`](Self::in_time) does. Either it sees this, or its position is in
    /// front of our fence, and so of all that says that the end is closed.
    pub(super) fn shutdown(&self) {
        self.given_up.store(1);
        self.in_line.wanted.store(self.in_line.own as u64);
        let given_up = core::ptr::from_ref(&self.given_up) as usize;
        self.in_line.armed.store_release(given_up as u64);
        fence();
        // EBADF: it has before.
        let _ = self.ring.drop_holder(S::RW, &self.driver, 0);
    }

    /// The driver is gone, behind [`shutdown`](Self::shutdown), and with it all its calls.
    pub(super) fn forget(&self) {
        self.ring.forget_records();
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
        let peer = self.in_line.limit.load().wrapping_sub(self.lead);
        self.kept.with((peer, self.woken.load()), ready)
    }

    #[inline]
    pub(super) fn keep(&self, kept: Kept) {
        let (peer, woken) = kept.words();
        self.in_line.limit.store(peer.wrapping_add(self.lead));
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

    /// Steps W4 and W5 of a turn of the driver's own code, which has found somebody armed.
    ///
    /// # Errors
    ///
    /// `ESHUTDOWN`: see [`in_time`](Self::in_time).
    pub(super) fn called(&self, context: Context) -> Result {
        if let Ok(memory) = self.memory() {
            let words = self.words(memory);
            if let Some(sequence) = words.bell().called(words.own.load(), self.woken.load()) {
                self.woken.store(sequence);
                self.wake(context);
            }
        }
        self.in_time()
    }

    /// Whether what has been published, behind which there was a full fence, was in front of a
    /// shutdown.
    ///
    /// # Errors
    ///
    /// `ESHUTDOWN`: perhaps not, so that programs may see the end of the stream without it.
    #[inline]
    pub(super) fn in_time(&self) -> Result {
        if self.given_up.load() != 0 {
            return Err(ESHUTDOWN);
        }
        Ok(())
    }

    /// What held the end open behind a shutdown is over: others may wait for the end.
    #[cold]
    pub(super) fn finish(&self, context: Context) {
        match context {
            Context::MaySleep => self.ring.make_up(S::RW),
            Context::Atomic => {
                self.later.target().finish();
                self.later.queue();
            }
        }
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
        // Also if it need not sleep this time. Without the check this would be a call for nothing:
        // records are short, and whoever waits for room schedules.
        #[cfg(CONFIG_DEBUG_ATOMIC_SLEEP)]
        if matches!(context, Context::MaySleep) {
            kernel::task::might_sleep();
        }
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

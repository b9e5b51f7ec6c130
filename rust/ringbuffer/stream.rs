// SPDX-License-Identifier: GPL-2.0

//! The ring as a byte stream: what read(), write() and poll() do; `records.rs` has what is other in
//! a ring of records.
//!
//! Both directions have the same shape: take the end's token, look once, move what can be moved,
//! publish, give the token back, wake the peer; if nothing could be moved, wait without the token.

mod records;

use crate::{
    memory::Memory,
    ring::Ring,
    rw::{Rw, OBSERVES},
    uapi,
    wish::Wish,
    words::KernelWords,
};
use ferrio::{
    iov::{IterDest, IterSource, PIPE_BUF},
    poll::Mask,
    task,
    token::TokenGuard,
    wait::Sleep,
    word::Word,
};
use kernel::{fs::LocalFile, prelude::*, sync::atomic::Atomic};
use ring::{must_sleep, Turn};

/// A file's view of its ring for the time of one call.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'a> {
    pub(crate) ring: &'a Ring,
    /// The ends that the file holds, and has given up; may lose one at any time.
    pub(crate) holds: &'a Atomic<u32>,
    /// The file, if there is one: whose opener pays for the first use.
    pub(crate) file: Option<&'a LocalFile>,
}

impl<'a> Stream<'a> {
    pub(crate) fn holds(&self, rw: Rw) -> bool {
        self.holds.load_relaxed() & rw.bit() != 0
    }

    pub(crate) fn has_given_up(&self, rw: Rw) -> bool {
        self.holds.load_relaxed() & rw.given_up_bit() != 0
    }

    /// Begins a turn of an end, for a file that holds it.
    ///
    /// # Errors
    ///
    /// - `EBADF`: the file does not hold this end.
    /// - `EAGAIN`: somebody else's turn, and `nowait`.
    /// - `EBADMSG`: the ring is corrupt.
    /// - `EINTR`: killed while waiting for the turn.
    #[inline]
    fn turn(&self, rw: Rw, nowait: bool) -> Result<TokenGuard<'a, impl Fn() + 'a>> {
        let ring = self.ring;
        // Before the token: who has no right to it must not wait for it.
        self.must_hold(rw)?;
        let turn = ring.side(rw).token.take(nowait, move || ring.make_up(rw))?;
        // And under it: the end may have been given up meanwhile.
        self.must_hold(rw)?;
        ring.must_be_intact()?;
        Ok(turn)
    }

    /// Looks at both positions, with the end's token.
    ///
    /// # Errors
    ///
    /// `EBADMSG`: they are impossible; the ring is corrupt from now on.
    #[inline]
    fn look(&self, rw: Rw, memory: &Memory) -> Result<Turn> {
        let (own, size) = (memory.position(rw), memory.len() as u64);
        match rw {
            Rw::Read => Turn::consume(&own, &memory.position(Rw::Write), size),
            Rw::Write => Turn::produce(&own, &memory.position(Rw::Read), size),
        }
        .map_err(|_| {
            self.ring.set_corrupt(match rw {
                Rw::Read => uapi::FERRIO_RB_CORRUPT_PRODUCER,
                Rw::Write => uapi::FERRIO_RB_CORRUPT_CONSUMER,
            });
            EBADMSG
        })
    }

    /// Publishes an end's position behind the bytes that it moved, and gives its token back; then
    /// wakes the other end, if somebody waits for this there.
    #[inline]
    fn publish(
        &self,
        rw: Rw,
        memory: &Memory,
        looked: Turn,
        moved: usize,
        turn: TokenGuard<'a, impl Fn()>,
    ) {
        let position = looked.position().wrapping_add(moved as u64);
        if !looked.publish(&memory.position(rw), moved as u64) {
            self.ring.count_misuse();
        }
        drop(turn);
        if self.ring.side(rw.peer()).alarm.is_called(position) {
            self.wake(rw.peer());
        }
    }

    /// Wakes who is armed at an end, and tells pollers what is there.
    #[cold]
    fn wake(&self, rw: Rw) {
        let alarm = &self.ring.side(rw).alarm;
        alarm.wake_armed(self.ring.news(rw), self.ring);
    }

    /// Stands in line for a turn once, until a signal comes.
    pub(crate) fn stand_in_line(&self, rw: Rw) -> Result {
        let ring = self.ring;
        let token = &ring.side(rw).token;
        drop(token.take_interruptible(move || ring.make_up(rw))?);
        Ok(())
    }

    /// `EBADF` for a file that does not hold the end (any more).
    #[inline]
    pub(crate) fn must_hold(&self, rw: Rw) -> Result {
        if self.holds(rw) {
            Ok(())
        } else {
            Err(EBADF)
        }
    }

    /// Waits until an end has something to look at: enough bytes, or no peer, or no right.
    ///
    /// `need` bytes would do; more may be worth waiting for.
    ///
    /// # Errors
    ///
    /// `ERESTARTSYS`: a signal. Also if there is something: a mapped peer can make that come and go
    /// again and again, between this look and the caller's.
    pub(crate) fn wait(&self, rw: Rw, need: usize) -> Result {
        if task::signal_pending() {
            return Err(ERESTARTSYS);
        }
        let wish = Wish::new(self, rw, need, self.ring.worth(rw));
        let side = self.ring.side(rw);
        side.alarm.waiters.wait(Sleep::Interruptible, wish)
    }

    /// After an EAGAIN: says whether to look once more.
    ///
    /// A poller that does not ask again before the next event (`EPOLLET`, io_uring's multishot
    /// poll and read) must get one, so it is armed for; and then there may be something already.
    #[cold]
    pub(crate) fn rearm(&self, rw: Rw) -> bool {
        if !self.ring.side(rw).alarm.has_sleeper() {
            return false;
        }
        let wish = Wish::exact(self, rw, self.ring.enough(rw));
        !must_sleep::<KernelWords>(|| wish.arm(), || wish.is_fulfilled())
    }

    /// A turn has left nothing, or less space than an event needs: whoever was told of it by an
    /// event may know that, and wait for the next one without an EAGAIN.
    ///
    /// epoll arms for that when it is asked, and io_uring looks for its multishot poll at each
    /// event. A poller in the kernel that stays queued and only looks (9p's) is armed for here; or
    /// gets its event at once, if there is something again.
    ///
    /// For an end that expects edges.
    #[cold]
    fn used_up(&self, rw: Rw) {
        let alarm = &self.ring.side(rw).alarm;
        if self.rearm(rw) {
            let news = self.ring.news(rw);
            // What is final has been told to everybody.
            if news != Mask::NONE {
                alarm.wake_armed(news, self.ring);
            }
        }
    }

    /// One turn of the consumer, without waiting for data: moves what is there to `iter`.
    ///
    /// Nothing moved and `Ok` is the end of the stream, or a fault that `iter` knows of.
    ///
    /// # Errors
    ///
    /// - `EAGAIN`: empty; or the token is taken, and `nowait`.
    /// - `EBADF`: the file does not hold this end.
    /// - `EBADMSG`: the ring is corrupt.
    /// - `EINTR`: killed while waiting for the token.
    pub(crate) fn read_once(&self, iter: &mut IterDest<'_>, nowait: bool) -> Result {
        let ring = self.ring;
        let turn = self.turn(Rw::Read, nowait)?;
        let memory = match ring.memory() {
            Some(memory) => memory,
            None => {
                self.nothing_to_read()?;
                // Finished, and that orders us behind all that was done: look once more.
                match ring.memory() {
                    Some(memory) => memory,
                    None => return Ok(()),
                }
            }
        };
        if memory.has_records() {
            return self.read_record(memory, iter, turn);
        }
        let mut looked = self.look(Rw::Read, memory)?;
        if looked.available() == 0 {
            self.nothing_to_read()?;
            // Finished, and that orders us behind all that was published: look once more.
            looked = self.look(Rw::Read, memory)?;
        }
        let offset = (looked.position() as usize) & (memory.len() - 1);
        let ready = (looked.available() as usize).min(iter.len());
        let moved = memory.data.copy_to(offset, ready, iter).bytes();
        if moved > 0 {
            self.publish(Rw::Read, memory, looked, moved, turn);
            if ring.consumer.alarm.expects_edges() && looked.available() == moved as u64 {
                self.used_up(Rw::Read);
            }
        }
        Ok(())
    }

    /// What an empty ring means: the end if the producer is gone, else `EAGAIN`.
    fn nothing_to_read(&self) -> Result {
        if self.ring.is_finished() {
            Ok(())
        } else {
            Err(EAGAIN)
        }
    }

    /// read(): waits for data unless `nowait`, then moves what is there.
    pub(crate) fn read(&self, iter: &mut IterDest<'_>, nowait: bool) -> Result {
        let result = self.read_once(iter, nowait);
        if result != Err(EAGAIN) {
            return result;
        }
        if nowait {
            if self.rearm(Rw::Read) {
                return self.read_once(iter, nowait);
            }
            return result;
        }
        loop {
            self.wait(Rw::Read, 1)?;
            match self.read_once(iter, nowait) {
                Err(err) if err == EAGAIN => (),
                result => return result,
            }
        }
    }

    /// One turn of the producer, without waiting for space: moves what fits from `iter`.
    ///
    /// With `whole` it is all of `iter` or nothing.
    ///
    /// # Errors
    ///
    /// - `EAGAIN`: no space; or the token is taken, and `nowait`.
    /// - `EBADF`: the file does not hold this end.
    /// - `EBADMSG`: the ring is corrupt.
    /// - `EFAULT`: with `whole`, if not all could be copied; nothing was moved.
    /// - `EINTR`: killed while waiting for the token.
    /// - `EPIPE`: the consumer end is closed.
    pub(crate) fn write_once(
        &self,
        memory: &Memory,
        iter: &mut IterSource<'_>,
        whole: bool,
        nowait: bool,
    ) -> Result {
        let ring = self.ring;
        let turn = self.turn(Rw::Write, nowait)?;
        if ring.consumer.is_closed() {
            return Err(EPIPE);
        }
        let looked = self.look(Rw::Write, memory)?;
        let free = looked.available() as usize;
        let wanted = iter.len();
        if free == 0 || (whole && free < wanted) {
            return Err(EAGAIN);
        }
        let offset = (looked.position() as usize) & (memory.len() - 1);
        let start = iter.checkpoint();
        let data = &memory.data;
        let moved = data.copy_from(offset, wanted.min(free), iter).bytes();
        if whole && moved < wanted {
            // Bytes behind the position that is published are nobody's: no need to clear them.
            iter.rollback(start);
            return Err(EFAULT);
        }
        if moved > 0 {
            self.publish(Rw::Write, memory, looked, moved, turn);
            if ring.producer.alarm.expects_edges() && free - moved < self.ring.enough(Rw::Write) {
                self.used_up(Rw::Write);
            }
        }
        Ok(())
    }

    /// write(): up to PIPE_BUF bytes whole; more in as many turns as it takes.
    ///
    /// What was moved before an error counts: see [`IterSource::moved`].
    pub(crate) fn write(&self, iter: &mut IterSource<'_>, nowait: bool, nosignal: bool) -> Result {
        let result = self.write_turns(iter, nowait);
        if result == Err(EPIPE) && !nosignal {
            task::send_sigpipe();
        }
        if iter.count() > 0 {
            return Ok(());
        }
        result
    }

    /// Whether a write could ever do something: `EBADF`, `EBADMSG`, `EPIPE`.
    pub(crate) fn may_write(&self) -> Result {
        self.must_hold(Rw::Write)?;
        self.ring.must_be_intact()?;
        if self.ring.consumer.is_closed() {
            return Err(EPIPE);
        }
        Ok(())
    }

    /// The memory, made now if this is the first use: only for a file that holds the producer end
    /// of a ring that somebody can read, so that nobody pays for what cannot be used.
    ///
    /// # Errors
    ///
    /// Those of [`may_write`](Self::may_write); `EDQUOT`, `ENOMEM`, `EINTR`; `EAGAIN` if `nowait`
    /// and it is being made.
    pub(crate) fn memory_to_write(&self, nowait: bool) -> Result<&'a Memory> {
        if let Some(memory) = self.ring.memory() {
            return Ok(memory);
        }
        self.may_write()?;
        self.ring.use_memory(self.file, nowait)
    }

    fn write_turns(&self, iter: &mut IterSource<'_>, nowait: bool) -> Result {
        let memory = self.memory_to_write(nowait)?;
        if memory.has_records() {
            return self.write_record(memory, iter, nowait);
        }
        let whole = iter.len() <= PIPE_BUF;
        let mut rearmed = false;
        while !iter.is_empty() {
            match self.write_once(memory, iter, whole, nowait) {
                Ok(()) if iter.faulted() => break,
                // A consumer that keeps up would keep us here for gigabytes.
                Ok(()) if !iter.is_empty() && task::is_dying() => break,
                Ok(()) => (),
                Err(err) if err == EAGAIN && !nowait => {
                    self.wait(Rw::Write, if whole { iter.len() } else { 1 })?;
                }
                Err(err) if err == EAGAIN && !rearmed && self.rearm(Rw::Write) => rearmed = true,
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Waits for space for `splice_write`, and for its turn, without having either.
    pub(crate) fn wait_for_turn(&self) -> Result {
        self.wait(Rw::Write, 1)?;
        // Space is there, so the turn may have been what was missing.
        self.stand_in_line(Rw::Write)
    }

    /// Whether a reader finds the end of the stream, as a third party sees it.
    pub(crate) fn is_at_end(&self) -> bool {
        // Finished first: then nothing can be published behind our back.
        self.ring.is_finished() && self.ring.readable() == 0
    }

    /// Whether the file sees what the consumer sees: it holds that end, or observes.
    pub(crate) fn watches_data(&self) -> bool {
        self.holds.load_relaxed() & (Rw::Read.bit() | OBSERVES) != 0
    }
}

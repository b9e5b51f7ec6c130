// SPDX-License-Identifier: GPL-2.0

//! The ring as a byte stream: what read(), write() and poll() do.
//!
//! Both directions have the same shape: take the end's token, look once, move what can be moved,
//! publish, give the token back, wake the peer; if nothing could be moved, wait without the token.

use crate::ring::{Ring, Rw, Side};
use ferrio::{
    iov::{IterDest, IterSource, PIPE_BUF},
    pages::PageVec,
    poll::Mask,
    task,
    token::TokenGuard,
    wait::Sleep,
    word::Word,
};
use kernel::{fs::LocalFile, prelude::*, sync::atomic::Atomic};

/// A file's view of its ring for the time of one call.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'a> {
    pub(crate) ring: &'a Ring,
    /// The ends that the file holds; may lose one at any time.
    pub(crate) holds: &'a Atomic<u32>,
    /// The file, if there is one: whose opener pays for the first use.
    pub(crate) file: Option<&'a LocalFile>,
}

impl<'a> Stream<'a> {
    fn holds(&self, rw: Rw) -> bool {
        self.holds.load_relaxed() & rw.bit() != 0
    }

    /// How many free bytes wake a writer, and mean EPOLLOUT.
    fn enough(&self, size: usize) -> usize {
        PIPE_BUF.min(size)
    }

    fn used(&self) -> usize {
        // Two moving words, read by somebody who holds neither end: the reader's first, so that the
        // difference cannot be negative; it can be too large by what went through meanwhile.
        let read = self.ring.consumer.position.load_acquire();
        let written = self.ring.producer.position.load_acquire();
        written.wrapping_sub(read) as usize
    }

    /// Bytes that can be read now, as a third party sees it: at most the size.
    pub(crate) fn readable(&self) -> usize {
        self.used().min(self.ring.memory().map_or(0, PageVec::len))
    }

    /// Free bytes, as a third party sees it.
    fn writable(&self) -> usize {
        match self.ring.memory() {
            Some(memory) => memory.len().saturating_sub(self.used()),
            // Nothing has been used yet, so all of it is free.
            None => usize::MAX,
        }
    }

    /// Wakes readers for data that has been published.
    fn wake_readers(&self) {
        self.ring.consumer.waiters.wake(Mask::IN);
    }

    /// Wakes writers for space that has been published, once it is worth it: a writer that is woken
    /// for every byte sleeps again after every byte.
    fn wake_writers(&self, size: usize) {
        let writers = &self.ring.producer.waiters;
        if writers.has_sleeper() && self.writable() >= self.enough(size) {
            writers.wake(Mask::OUT);
        }
    }

    /// Begins a turn of an end, for a file that holds it.
    ///
    /// # Errors
    ///
    /// - `EBADF`: the file does not hold this end.
    /// - `EAGAIN`: somebody else's turn, and `nowait`.
    /// - `EINTR`: killed while waiting for the turn.
    #[inline]
    fn turn(&self, rw: Rw, nowait: bool) -> Result<TokenGuard<'a, impl Fn() + 'a>> {
        let ring = self.ring;
        // Before the token: who has no right to it must not wait for it.
        self.must_hold(rw)?;
        let turn = ring.side(rw).token.take(nowait, move || ring.make_up(rw))?;
        // And under it: the end may have been given up meanwhile.
        self.must_hold(rw)?;
        Ok(turn)
    }

    /// Stands in line for a turn once, until a signal comes.
    pub(crate) fn stand_in_line(&self, rw: Rw) -> Result {
        let ring = self.ring;
        let token = &ring.side(rw).token;
        drop(token.take_interruptible(move || ring.make_up(rw))?);
        Ok(())
    }

    /// Publishes an end's position behind the bytes that it moved.
    #[inline]
    fn publish(&self, side: &Side, from: u64, moved: usize) {
        side.position.store_release(from.wrapping_add(moved as u64));
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

    /// Waits until the consumer has something to look at.
    pub(crate) fn wait_readable(&self) -> Result {
        let ring = self.ring;
        ring.consumer.waiters.wait(Sleep::Interruptible, || {
            self.used() > 0 || ring.is_finished() || !self.holds(Rw::Read)
        })
    }

    /// Waits until the producer has enough space, or nobody to write for.
    fn wait_writable(&self, size: usize) -> Result {
        let ring = self.ring;
        ring.producer.waiters.wait(Sleep::Interruptible, || {
            self.writable() >= self.enough(size)
                || ring.consumer.is_closed()
                || !self.holds(Rw::Write)
        })
    }

    /// One turn of the consumer, without waiting for data: moves what is there to `iter`.
    ///
    /// Nothing moved and `Ok` is the end of the stream, or a fault that `iter` knows of.
    ///
    /// # Errors
    ///
    /// - `EAGAIN`: empty; or the token is taken, and `nowait`.
    /// - `EBADF`: the file does not hold this end.
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
        let size = memory.len();
        let own = ring.consumer.position.load_relaxed();
        let mut ready = ring.producer.position.load_acquire().wrapping_sub(own) as usize;
        if ready == 0 {
            self.nothing_to_read()?;
            // Finished, and that orders us behind all that was published: look once more.
            ready = ring.producer.position.load_acquire().wrapping_sub(own) as usize;
        }
        let offset = (own as usize) & (size - 1);
        let moved = memory.copy_to(offset, ready.min(iter.len()), iter);
        self.publish(&ring.consumer, own, moved);
        drop(turn);
        if moved > 0 {
            self.wake_writers(size);
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
        loop {
            match self.read_once(iter, nowait) {
                Err(err) if err == EAGAIN && !nowait => self.wait_readable()?,
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
    /// - `EFAULT`: with `whole`, if not all could be copied; nothing was moved.
    /// - `EINTR`: killed while waiting for the token.
    /// - `EPIPE`: the consumer end is closed.
    pub(crate) fn write_once(
        &self,
        memory: &PageVec,
        iter: &mut IterSource<'_>,
        whole: bool,
        nowait: bool,
    ) -> Result {
        let ring = self.ring;
        let size = memory.len();
        let turn = self.turn(Rw::Write, nowait)?;
        if ring.consumer.is_closed() {
            return Err(EPIPE);
        }
        let own = ring.producer.position.load_relaxed();
        let free = size - own.wrapping_sub(ring.consumer.position.load_acquire()) as usize;
        let wanted = iter.len();
        if free == 0 || (whole && free < wanted) {
            return Err(EAGAIN);
        }
        let offset = (own as usize) & (size - 1);
        let start = iter.checkpoint();
        let moved = memory.copy_from(offset, wanted.min(free), iter);
        if whole && moved < wanted {
            // Bytes behind the position that is published are nobody's: no need to clear them.
            iter.rollback(start);
            return Err(EFAULT);
        }
        self.publish(&ring.producer, own, moved);
        drop(turn);
        if moved > 0 {
            self.wake_readers();
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

    /// The memory, made now if this is the first use: only for a file that holds the producer end
    /// of a ring that somebody can read, so that nobody pays for what cannot be used.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EPIPE`, `EDQUOT`, `ENOMEM`, `EINTR`; `EAGAIN` if `nowait` and it is being made.
    pub(crate) fn memory_to_write(&self, nowait: bool) -> Result<&'a PageVec> {
        if let Some(memory) = self.ring.memory() {
            return Ok(memory);
        }
        self.must_hold(Rw::Write)?;
        if self.ring.consumer.is_closed() {
            return Err(EPIPE);
        }
        self.ring.use_memory(self.file, nowait)
    }

    fn write_turns(&self, iter: &mut IterSource<'_>, nowait: bool) -> Result {
        let memory = self.memory_to_write(nowait)?;
        let whole = iter.len() <= PIPE_BUF;
        while !iter.is_empty() {
            match self.write_once(memory, iter, whole, nowait) {
                Ok(()) if iter.faulted() => break,
                Ok(()) => (),
                Err(err) if err == EAGAIN && !nowait => self.wait_writable(memory.len())?,
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Waits for space for `splice_write`, and for its turn, without having either.
    pub(crate) fn wait_for_turn(&self, memory: &PageVec) -> Result {
        self.wait_writable(memory.len())?;
        // Space is there, so the turn may have been what was missing.
        self.stand_in_line(Rw::Write)
    }

    /// Whether a reader finds the end of the stream, as a third party sees it.
    pub(crate) fn is_at_end(&self) -> bool {
        // Finished first: then nothing can be published behind our back.
        self.ring.is_finished() && self.used() == 0
    }

    /// The bits of poll() for the ends that the file holds.
    pub(crate) fn ready(&self) -> Mask {
        let ring = self.ring;
        let mut mask = Mask::NONE;
        if self.holds(Rw::Read) {
            // Finished first: all that was ever published is then seen below.
            if ring.is_finished() {
                mask |= Mask::HUP;
            }
            if self.used() > 0 {
                mask |= Mask::IN;
            }
        }
        if self.holds(Rw::Write) {
            if ring.consumer.is_closed() {
                mask |= Mask::ERR | Mask::HUP;
            }
            let size = ring.memory().map_or(PIPE_BUF, PageVec::len);
            if self.writable() >= self.enough(size) {
                mask |= Mask::OUT;
            }
        }
        mask
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The ring and pipes.
//!
//! splice_read runs under `pipe->mutex` (the VFS takes it) and may wait for data there, as every
//! `->splice_read` may, and for its turn; any signal ends either. The copy itself sleeps for
//! nobody.
//!
//! splice_write waits with the pipe unlocked and moves with it locked, so it only tries the
//! producer's token, and waits for that with the pipe unlocked, too.
//!
//! A ring of records is refused: a pipe would not keep them apart.

use crate::{rw::Rw, stream::Stream};
use ferrio::{
    splice::{PipeSink, PipeSource, Spliced},
    task,
};
use kernel::prelude::*;

impl Stream<'_> {
    /// `splice(ring, pipe)`: waits for data unless `nowait`, then moves what is there.
    ///
    /// # Errors
    ///
    /// `EAGAIN`, `EBADF`, `EINVAL` (records), `EPIPE` (the pipe has no reader), `ENOMEM`,
    /// `ERESTARTSYS`.
    pub(crate) fn splice_read<'p>(
        &self,
        pipe: &mut PipeSink<'p>,
        nowait: bool,
    ) -> Result<Spliced<'p>> {
        let mut rearmed = false;
        loop {
            self.must_hold(Rw::Read)?;
            self.must_have_bytes()?;
            self.ring.must_be_intact()?;
            if task::signal_pending() {
                return Err(ERESTARTSYS);
            }
            // Data first: pages for the pipe are not made for nothing.
            let ready = self.ring.readable();
            if ready == 0 {
                if self.is_at_end() {
                    return Ok(pipe.spliced());
                }
                if nowait {
                    // Once: a mapped peer could go on for ever.
                    if rearmed || !self.rearm(Rw::Read) {
                        return Err(EAGAIN);
                    }
                    rearmed = true;
                    continue;
                }
                self.wait(Rw::Read, 1)?;
                continue;
            }
            match pipe.fill(ready, |iter| self.read_once(iter, true)) {
                Ok(_) => return Ok(pipe.spliced()),
                // Another reader was faster, or it is its turn: stand in line for that once.
                Err(err) if err == EAGAIN && !nowait => {
                    self.stand_in_line(Rw::Read)?;
                }
                Err(err) => return Err(err),
            }
        }
    }

    /// `splice(pipe, ring)`: moves until the length is reached or the pipe is empty.
    ///
    /// # Errors
    ///
    /// As write(), and `EAGAIN` for an empty pipe with `SPLICE_F_NONBLOCK`.
    pub(crate) fn splice_write<'p>(
        &self,
        pipe: &mut PipeSource<'p>,
        nowait: bool,
    ) -> Result<Spliced<'p>> {
        let result = self.splice_turns(pipe, nowait);
        if result == Err(EPIPE) {
            task::send_sigpipe();
        }
        if pipe.count() == 0 {
            result?;
        }
        Ok(pipe.spliced())
    }

    fn must_have_bytes(&self) -> Result {
        if self.ring.records() == 0 {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    fn splice_turns(&self, pipe: &mut PipeSource<'_>, nowait: bool) -> Result {
        // Before waiting for the pipe, which may be for long.
        self.may_write()?;
        self.must_have_bytes()?;
        let memory = self.memory_to_write(nowait)?;
        let mut rearmed = false;
        while pipe.left() > 0 {
            // Why `feed` stopped: the ring's fault or the pipe's.
            let mut ring_says = Ok(());
            // Wait for the pipe only while there is nothing to return.
            let wait = !nowait && pipe.count() == 0;
            let fed = pipe.feed(wait, |iter| {
                ring_says = self.write_once(memory, iter, false, true);
                ring_says
            });
            match (fed, ring_says) {
                // The ring has no space, or its token is taken; the pipe has more.
                (_, Err(err)) if err == EAGAIN && !nowait => self.wait_for_turn()?,
                (_, Err(err)) if err == EAGAIN && !rearmed && self.rearm(Rw::Write) => {
                    rearmed = true;
                }
                (_, Err(err)) => return Err(err),
                // The pipe is at its end, or empty for now.
                (Ok(_), Ok(())) => return Ok(()),
                (Err(err), Ok(())) => return Err(err),
            }
        }
        Ok(())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What a driver does at the consumer end.

use super::end::{Consumes, Context, Direction};
use crate::words::DriverWords;
use core::mem::MaybeUninit;
use kernel::prelude::*;
use ring::{state, Consumer, Span, Stop, Word};

impl Direction<Consumes> {
    /// ferrio_ring_read().
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
        let piece = memory.data.piece(span.offset, to.len());
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

// SPDX-License-Identifier: GPL-2.0

//! What a driver does at the producer end.

use super::end::{Context, Direction, Produces};
use crate::{memory::Memory, words::DriverWords};
use core::ptr::NonNull;
use kernel::prelude::*;
use ring::{Producer, Span, Word};

impl Direction<Produces> {
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
    fn publish(
        &self,
        mut end: Producer<'_, DriverWords<'_>>,
        bytes: u64,
        context: Context,
    ) -> Result {
        let called = end.publish(bytes);
        self.keep(end.kept());
        if called.is_some() {
            self.wake(context);
        }
        self.in_time()
    }

    /// ferrio_ring_write().
    pub(crate) fn write(&self, from: &[u8], context: Context) -> Result {
        self.until_done(from.len(), context, || {
            self.produce(from.len(), context, |memory, end, span| {
                let piece = memory.data.piece(span.offset, from.len());
                piece.ok_or(EMSGSIZE)?.fill(from);
                self.publish(end, from.len() as u64, context)
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
                let piece = memory.data.piece(span.offset, len);
                let start = piece.ok_or(EMSGSIZE)?.start();
                let [bytes, position] = &self.reserved;
                position.store(self.words(memory).own.load());
                bytes.store(len as u64);
                self.keep(end.kept());
                Ok(start)
            })
        })
    }

    /// ferrio_ring_commit().
    #[inline]
    pub(crate) fn commit(&self, len: usize, context: Context) -> Result {
        let [bytes, position] = &self.reserved;
        let reserved = bytes.load();
        let words = self.words(self.memory()?);
        // A write in between has moved the position, and written where the room was.
        if reserved == 0 || len as u64 > reserved || position.load() != words.own.load() {
            return Err(EINVAL);
        }
        bytes.store(0);
        if len == 0 {
            return Ok(());
        }
        let end = Producer::resume(words.end(), self.kept(reserved));
        self.publish(end, len as u64, context)
    }

    /// ferrio_ring_discard().
    #[inline]
    pub(crate) fn discard(&self) {
        self.reserved[0].store(0);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The functions of `rust/driver/include/ferrio_ring.h`, where their documentation is.
//! `export_symbols.c` exports them.

use crate::driver::{
    files::{ioctl, poll, read_iter, show_fdinfo, splice_read, splice_write, write_iter},
    map::mmap,
    Context, Device,
};
use abi::ferrio_ring_params;
use core::ptr::NonNull;
use ferrio::export::{
    files::{Called, Dest, FromPipe, Iocb, Lines, NoPosition, Polls, Source, ToPipe, Vma},
    memory::{Address, BytesAt, Len, Length, ReadAt, RoomAt, WriteAt},
    In, Put, Shared, Used,
};
use ferrio::poll::Mask;
use kernel::{
    prelude::*,
    sync::{Arc, ArcBorrow},
};

pub(crate) mod abi {
    #![allow(
        dead_code,
        improper_ctypes,
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        unreachable_pub,
        clippy::all,
        clippy::undocumented_unsafe_blocks
    )]
    include!(concat!(env!("FERRIO_GEN"), "/ferrio_ring_generated.rs"));
}

fn alloc(params: Option<&ferrio_ring_params>) -> Result<Arc<Device>> {
    Device::new(params.ok_or(EINVAL)?)
}

fn get(device: ArcBorrow<'_, Device>) -> Result<Arc<Device>> {
    Ok(device.into())
}

fn free(device: Option<Arc<Device>>) {
    if let Some(device) = device {
        device.go();
    }
}

fn write_in<'a>(device: &Device, at: ReadAt<'a>, len: Length<'a>, context: Context) -> Result {
    let end = device.producer()?;
    end.write(len.bytes(at).ok_or(EINVAL)?, context)
}

fn write<'a>(device: &Device, at: ReadAt<'a>, len: Length<'a>) -> Result {
    write_in(device, at, len, Context::MaySleep)
}

fn write_atomic<'a>(device: &Device, at: ReadAt<'a>, len: Length<'a>) -> Result {
    write_in(device, at, len, Context::Atomic)
}

fn wake(device: &Device, directions: u32) -> Result {
    device.called(directions, Context::MaySleep)
}

fn wake_atomic(device: &Device, directions: u32) -> Result {
    device.called(directions, Context::Atomic)
}

#[inline]
fn reserve(device: &Device, len: usize) -> Result<NonNull<u8>> {
    device.producer()?.reserve(len, Context::MaySleep)
}

#[inline]
fn reserve_atomic(device: &Device, len: usize) -> Result<NonNull<u8>> {
    device.producer()?.reserve(len, Context::Atomic)
}

#[inline]
fn commit(device: &Device, len: usize) -> Result {
    device.producer()?.commit(len, Context::MaySleep)
}

#[inline]
fn commit_atomic(device: &Device, len: usize) -> Result {
    device.producer()?.commit(len, Context::Atomic)
}

fn discard(device: &Device) {
    if let Ok(end) = device.producer() {
        end.discard();
    }
}

#[inline]
fn reserve_record(device: &Device, len: usize) -> Result<NonNull<u8>> {
    device.recorder()?.reserve_record(len, Context::MaySleep)
}

#[inline]
fn reserve_record_atomic(device: &Device, len: usize) -> Result<NonNull<u8>> {
    device.recorder()?.reserve_record(len, Context::Atomic)
}

#[inline]
fn commit_record(device: &Device, record: usize, len: usize) -> Result {
    let recorder = device.recorder()?;
    recorder.commit_record(record, len, Context::MaySleep)
}

#[inline]
fn commit_record_atomic(device: &Device, record: usize, len: usize) -> Result {
    let recorder = device.recorder()?;
    recorder.commit_record(record, len, Context::Atomic)
}

fn discard_record(device: &Device, record: usize) -> Result {
    device.recorder()?.discard_record(record)
}

fn read_in<'a>(
    device: &Device,
    at: WriteAt<'a>,
    min: usize,
    len: Length<'a>,
    context: Context,
) -> Result<usize> {
    let end = device.consumer()?;
    end.read(len.room(at).ok_or(EINVAL)?, min, context)
}

fn read<'a>(device: &Device, at: WriteAt<'a>, min: usize, len: Length<'a>) -> Result<usize> {
    read_in(device, at, min, len, Context::MaySleep)
}

fn read_atomic<'a>(device: &Device, at: WriteAt<'a>, min: usize, len: Length<'a>) -> Result<usize> {
    read_in(device, at, min, len, Context::Atomic)
}

ferrio::export! {
    abi {
        /// See [`Device::new`].
        fn ferrio_ring_alloc(params: In<ferrio_ring_params>) -> Result<Arc<Device>> = alloc;

        /// Another reference.
        fn ferrio_ring_get(ring: Shared<Device>) -> Result<Arc<Device>> = get;

        /// A reference less.
        fn ferrio_ring_put(ring: Put<Device>) = drop;

        /// See [`Device::shutdown`].
        fn ferrio_ring_shutdown(ring: Used<Device>, directions: u32) = Device::shutdown;

        /// See [`Device::leave`].
        fn ferrio_ring_leave(ring: Used<Device>) = Device::leave;

        /// Both ends, and a reference less.
        fn ferrio_ring_free(ring: Put<Device>) = free;

        /// All bytes, or none.
        fn ferrio_ring_write_slow(ring: Used<Device>, from: BytesAt, len: Len) -> Result = write;

        /// The same without sleeping.
        fn ferrio_ring_write_atomic_slow(ring: Used<Device>, from: BytesAt, len: Len) -> Result
            = write_atomic;

        /// Wakes who sleeps for what the driver's own code has published.
        fn ferrio_ring_wake(ring: Used<Device>, directions: u32) -> Result = wake;

        /// The same in any context.
        fn ferrio_ring_wake_atomic(ring: Used<Device>, directions: u32) -> Result = wake_atomic;

        /// Room in one piece.
        fn ferrio_ring_reserve(ring: Used<Device>, len: usize) -> Result<NonNull<u8>> = reserve;

        /// The same without sleeping.
        fn ferrio_ring_reserve_atomic(ring: Used<Device>, len: usize) -> Result<NonNull<u8>>
            = reserve_atomic;

        /// Publishes the first bytes of it.
        fn ferrio_ring_commit(ring: Used<Device>, len: usize) -> Result = commit;

        /// The same without sleeping.
        fn ferrio_ring_commit_atomic(ring: Used<Device>, len: usize) -> Result = commit_atomic;

        /// None of it.
        fn ferrio_ring_discard(ring: Used<Device>) = discard;

        /// Room for a record, for one of many producers.
        fn ferrio_ring_record_reserve(ring: Used<Device>, len: usize) -> Result<NonNull<u8>>
            = reserve_record;

        /// The same without sleeping.
        fn ferrio_ring_record_reserve_atomic(ring: Used<Device>, len: usize)
            -> Result<NonNull<u8>> = reserve_record_atomic;

        /// Publishes the first bytes of it.
        fn ferrio_ring_record_commit(ring: Used<Device>, record: Address, len: usize) -> Result
            = commit_record;

        /// The same without taking a lock.
        fn ferrio_ring_record_commit_atomic(ring: Used<Device>, record: Address, len: usize)
            -> Result = commit_record_atomic;

        /// None of it.
        fn ferrio_ring_record_discard(ring: Used<Device>, record: Address) -> Result
            = discard_record;

        /// As many bytes as there are, and at least some.
        fn ferrio_ring_read_slow(ring: Used<Device>, to: RoomAt, min: usize, len: Len)
            -> Result<usize> = read;

        /// The same without sleeping.
        fn ferrio_ring_read_atomic_slow(ring: Used<Device>, to: RoomAt, min: usize, len: Len)
            -> Result<usize> = read_atomic;

        /// `->read_iter`.
        fn ferrio_ring_read_iter(ring: Used<Device>, iocb: Iocb, to: Dest) -> Result<usize>
            = read_iter;

        /// `->write_iter`.
        fn ferrio_ring_write_iter(ring: Used<Device>, iocb: Iocb, from: Source) -> Result<usize>
            = write_iter;

        /// `->poll`.
        fn ferrio_ring_poll(ring: Used<Device>, file: Called, table: Polls) -> Mask = poll;

        /// `->unlocked_ioctl`.
        fn ferrio_ring_ioctl(ring: Used<Device>, file: Called, cmd: u32, arg: usize)
            -> Result<usize> = ioctl;

        /// `->mmap`.
        fn ferrio_ring_mmap(ring: Used<Device>, file: Called, vma: Vma) -> Result = mmap;

        /// `->splice_read`.
        fn ferrio_ring_splice_read(
            ring: Used<Device>,
            file: Called,
            pos: NoPosition,
            pipe: ToPipe,
            len: usize,
            flags: u32,
        ) -> Result<usize> = splice_read;

        /// `->splice_write`.
        fn ferrio_ring_splice_write(
            ring: Used<Device>,
            pipe: FromPipe,
            file: Called,
            pos: NoPosition,
            len: usize,
            flags: u32,
        ) -> Result<usize> = splice_write;

        /// `->show_fdinfo`.
        fn ferrio_ring_show_fdinfo(ring: Used<Device>, m: Lines) = show_fdinfo;
    }
}

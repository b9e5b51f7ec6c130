// SPDX-License-Identifier: GPL-2.0

//! Ends that go from hand to hand, and what a user without rights is told: on a real device only.

use crate::{
    ktap::Test,
    tools::{fails, PAGE},
};
use ferrio_ringbuffer::{ringbuffer, Builder, Consumer, Observer, Producer, Ring};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::{
        recvmsg, sendmsg, socketpair, AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage,
        RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    },
    process::{getrlimit, setrlimit, Resource, Rlimit},
};
use std::{
    io::{IoSlice, IoSliceMut, Read},
    mem::MaybeUninit,
    os::unix::process::CommandExt,
    process::Command,
};

pub const TESTS: &[Test] = &[
    ("handed.over_a_socket", over_a_socket),
    ("handed.copies_see_a_shutdown", copies_see_a_shutdown),
    ("handed.given_up_is_not_mapped", given_up_is_not_mapped),
    ("handed.limits_are_named", limits_are_named),
];

/// The name by which this program is asked to run into the limits of a user.
pub const LIMIT: &str = "--limit";

fn send(socket: BorrowedFd<'_>, fds: &[BorrowedFd<'_>]) {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
    let sent = sendmsg(
        socket,
        &[IoSlice::new(b"e")],
        &mut control,
        SendFlags::empty(),
    );
    assert_eq!(sent, Ok(1));
}

fn receive(socket: BorrowedFd<'_>) -> Vec<OwnedFd> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        flags,
    );
    assert_eq!(got.unwrap().bytes, 1);
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    fds
}

/// Both ends and an observer, while data is in the ring; the old holders are gone meanwhile.
fn over_a_socket() {
    let ring = Builder::new().size(PAGE).open().unwrap();
    let observer = ring.observer().unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.write(b"one, two").unwrap();
    consumer.read(&mut [0; 5]).unwrap();
    let unix = (
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
    );
    let (here, there) = socketpair(unix.0, unix.1, unix.2, None).unwrap();
    send(
        here.as_fd(),
        &[producer.as_fd(), consumer.as_fd(), observer.as_fd()],
    );
    drop((ring, observer, producer, consumer));
    let mut fds = receive(there.as_fd());
    let observer = Observer::try_from(fds.pop().unwrap()).unwrap();
    let mut consumer = Consumer::try_from(fds.pop().unwrap()).unwrap();
    let mut producer = Producer::try_from(fds.pop().unwrap()).unwrap();
    assert_eq!(
        (observer.written(), observer.read(), observer.used()),
        (8, 5, 3)
    );
    producer.write(b", three").unwrap();
    drop(producer);
    let mut text = String::new();
    consumer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "two, three");
}

fn copies_see_a_shutdown() {
    let (mut producer, mut consumer) = ringbuffer(PAGE).unwrap();
    let copy = producer.as_fd().try_clone_to_owned().unwrap();
    producer.write(b"1").unwrap();
    producer.shutdown().unwrap();
    assert_eq!(consumer.read(&mut [0; 8]), Ok(1));
    assert_eq!(consumer.read(&mut [0; 8]), Ok(0));
    drop(copy);
}

fn given_up_is_not_mapped() {
    let ring = Ring::open().unwrap();
    let producer = ring.producer().unwrap();
    let copy = producer.as_fd().try_clone_to_owned().unwrap();
    producer.shutdown().unwrap();
    let error = Producer::try_from(copy).unwrap_err();
    assert_eq!(error.errno(), Errno::BADF.raw_os_error());
    // Who has it mapped still cannot use it.
    let mut producer = Ring::open().unwrap().producer().unwrap();
    let copy = Producer::try_from(producer.as_fd().try_clone_to_owned().unwrap()).unwrap();
    copy.shutdown().unwrap();
    let text = "this end was given up by a shutdown";
    fails(producer.write(&[1]), Errno::BADF, text);
    fails(producer.reserve(1), Errno::BADF, text);
    fails(producer.wait(1, None), Errno::BADF, text);
    fails(producer.wakeup(), Errno::BADF, text);
    fails(producer.shutdown(), Errno::BADF, text);
}

/// The program again, as a user without any right.
fn limits_are_named() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .arg(LIMIT)
        .uid(65534)
        .gid(65534)
        .output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    assert_eq!(
        said,
        "122: too much ring memory of this user: close some, or raise user_max_bytes of \
         ringbuffer.ko\n\
         24: this process has too many open files: close some, or raise ulimit -n\n\
         24: this process has too many open files: close some, or raise ulimit -n\n\
         122: too many rings of this user: close some, or raise user_max_rings of ringbuffer.ko\n"
    );
}

fn say<T>(result: Result<T, ferrio_ringbuffer::Error>) {
    match result {
        Ok(_) => println!("0: no limit"),
        Err(error) => println!("{}: {error}", error.errno()),
    }
}

fn limit_files(current: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: Some(current),
        maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// What the program says that [`limits_are_named`] starts.
pub fn say_limit() {
    // Twice what a user may have.
    say(Builder::new().size(128 << 20).pair());
    let ring = Ring::open().unwrap();
    let next = OwnedFd::from(Ring::open().unwrap());
    limit_files(std::os::fd::AsRawFd::as_raw_fd(&next) as u64);
    drop(next);
    say(Ring::open());
    say(ring.producer());
    limit_files(2000);
    let rings: Result<Vec<_>, _> = (0..1024).map(|_| Ring::open()).collect();
    say(rings);
}

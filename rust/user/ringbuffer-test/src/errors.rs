// SPDX-License-Identifier: GPL-2.0

//! What the making of a ring can fail with, and what is said then.

use crate::{
    ktap::Test,
    tools::{fails, until, PAGE},
};
use ferrio_ringbuffer::{ringbuffer, Consumer, Producer, Ring};
use rustix::{
    fs::{chmod, open, Mode, OFlags},
    io::Errno,
    system::{delete_module, finit_module},
};
use std::{fs::File, os::unix::process::CommandExt, path::Path, process::Command};

pub const TESTS: &[Test] = &[
    ("error.no_such_size", no_such_size),
    ("error.another_size", another_size),
    ("error.handed_out_twice", handed_out_twice),
    ("error.another_end", another_end),
    ("error.no_ring", no_ring),
    ("error.no_right", no_right),
    ("error.no_module", no_module),
];

const NODE: &str = "/dev/ringbuffer";
/// The name by which this program is asked to do nothing but open the device.
pub const OPEN: &str = "--open";

fn no_such_size() {
    let ring = Ring::open().unwrap();
    for bytes in [0, 1, 2048, 5000, 4095, 4097, usize::MAX, 1 << 40] {
        let text =
            format!("no ring has {bytes} bytes: take a power of two from 4096 to 1073741824");
        fails(ring.set_size(bytes), Errno::INVAL, &text);
        if bytes > 0 {
            fails(ringbuffer(bytes), Errno::INVAL, &text);
        }
    }
    ring.set_size(2 * PAGE).unwrap();
    assert_eq!(ring.producer().unwrap().size(), 2 * PAGE);
    assert_eq!(ringbuffer(0).unwrap().0.size(), 65536);
}

fn another_size() {
    let ring = Ring::open().unwrap();
    ring.set_size(PAGE).unwrap();
    let _end = ring.producer_fd().unwrap();
    // What it has already is as good as set.
    ring.set_size(PAGE).unwrap();
    let text =
        "the ring has 4096 bytes, not 8192: its size is set before its first use, or by its \
                driver";
    fails(ring.set_size(2 * PAGE), Errno::BUSY, text);
}

fn handed_out_twice() {
    let ring = Ring::open().unwrap();
    let _ends = (ring.producer().unwrap(), ring.consumer_fd().unwrap());
    let text =
        "this open has no such end: it was handed out before, it was not opened for it, or a \
                driver has it";
    fails(ring.producer(), Errno::BADF, text);
    fails(ring.producer_fd(), Errno::BADF, text);
    fails(ring.consumer(), Errno::BADF, text);
    fails(ring.consumer_fd(), Errno::BADF, text);
}

fn another_end() {
    let text = "this descriptor is no end of that kind: Ring::from_fd() takes a plain open, or a \
                driver's file";
    let ring = Ring::open().unwrap();
    fails(
        Producer::from_fd(ring.consumer_fd().unwrap()),
        Errno::BADF,
        text,
    );
    fails(
        Consumer::from_fd(ring.producer_fd().unwrap()),
        Errno::BADF,
        text,
    );
    let plain = open(NODE, OFlags::RDWR, Mode::empty()).unwrap();
    fails(Producer::from_fd(plain), Errno::BADF, text);
}

fn no_ring() {
    let file = File::open("/dev/null").unwrap();
    let text = "this descriptor is no ring, nor an end of one";
    fails(Consumer::from_fd(file.into()), Errno::NOTTY, text);
}

/// The program again, without any right.
fn no_right() {
    let again = || {
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program)
            .arg(OPEN)
            .uid(65534)
            .gid(65534)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert_eq!(again(), "0: open\n");
    chmod(NODE, Mode::from_raw_mode(0o600)).unwrap();
    let said = again();
    chmod(NODE, Mode::from_raw_mode(0o666)).unwrap();
    assert_eq!(
        said,
        format!(
            "{}: no right to open /dev/ringbuffer: ask for its group or its mode\n",
            Errno::ACCESS.raw_os_error()
        )
    );
}

/// What the program says that [`no_right`] starts.
pub fn say_open() {
    match Ring::open() {
        Ok(_) => println!("0: open"),
        Err(error) => println!("{}: {error}", error.errno()),
    }
}

fn no_module() {
    let directory = std::env::var("FERRIO_MODULES").unwrap_or("/lib/ferrio".into());
    let image = File::open(Path::new(&directory).join("ringbuffer.ko"))
        .expect("ringbuffer.ko: set FERRIO_MODULES to where the modules are");
    // The ends of the test before may be released a jiffy late.
    until(
        || match delete_module(c"ringbuffer", OFlags::NONBLOCK.bits() as i32) {
            Ok(()) => true,
            Err(Errno::AGAIN) => false,
            Err(errno) => panic!("delete_module: {errno}"),
        },
    );
    let without = (Ring::open(), ringbuffer(PAGE));
    finit_module(&image, c"", 0).unwrap();
    let text = "no /dev/ringbuffer: insmod ringbuffer.ko";
    fails(without.0, Errno::NOENT, text);
    fails(without.1, Errno::NOENT, text);
    ringbuffer(PAGE).unwrap();
}

// SPDX-License-Identifier: MIT OR Apache-2.0

//! What shows that something long goes on: on the standard error, if that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal},
    time::Duration,
};

/// Below it is over before anybody looks.
const LONG: u64 = 8 << 20;

/// Of `total` bytes; none if they go to a terminal, through which it would be drawn.
pub(crate) fn of(total: u64, to_terminal: bool) -> ProgressBar {
    if total < LONG || to_terminal || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    bar.with_style(style(
        "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta}",
    ))
}

/// Of something whose end is not known: bytes so far.
pub(crate) fn endless(to_terminal: bool) -> ProgressBar {
    if to_terminal || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.with_style(style("{spinner} {bytes}, {bytes_per_sec}"))
}

/// Of something that tells nothing until it is done.
pub(crate) fn busy(what: String) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style("{spinner} {msg} {elapsed}"))
        .with_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

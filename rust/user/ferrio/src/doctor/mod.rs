// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio doctor`: what keeps ferrio from working here, and what to do.

mod config;
mod devices;
mod kernel;
mod limits;
mod modules;
mod system;
mod tree;

use crate::{
    output::{or_enough, plain},
    root::Root,
};
use config::Config;
use serde::Serialize;
use std::{
    io::{self, Write},
    process::ExitCode,
};
use system::System;

/// Say what keeps ferrio from working here, and what to do
///
/// Looks at the kernel and its configuration, at the tree that modules are built in, at the
/// modules, their devices and permissions, and at limits. Changes nothing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One object of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// What was found out by one look.
#[derive(Debug, PartialEq, Serialize)]
struct Finding {
    check: String,
    verdict: Verdict,
    found: String,
    /// What to do, unless nothing has to be done.
    advice: Option<String>,
}

impl Finding {
    fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Finding {
            check: check.into(),
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warn(check: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding {
            verdict: Verdict::Warn,
            advice: Some(advice.into()),
            ..Finding::ok(check, found)
        }
    }

    fn fail(check: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding {
            verdict: Verdict::Fail,
            ..Finding::warn(check, found, advice)
        }
    }
}

/// What `ferrio doctor --json` prints. The names are stable.
#[derive(Serialize)]
struct Report {
    format: u32,
    release: String,
    findings: Vec<Finding>,
    warnings: usize,
    failures: usize,
}

const FORMAT: u32 = 1;

pub(crate) fn run(args: &Args, root: &Root) -> anyhow::Result<ExitCode> {
    let report = examine(&System::here(root));
    let mut out = io::stdout().lock();
    or_enough(if args.json {
        serde_json::to_writer_pretty(&mut out, &report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        write(&report, &mut out)
    })?;
    Ok(if report.failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn examine(system: &System) -> Report {
    let config = Config::read(system);
    let mut findings = kernel::look(system, &config);
    findings.extend(tree::look(system, &config));
    findings.extend(modules::look(system));
    findings.extend(devices::look(system));
    findings.extend(limits::look(system));
    let count = |verdict| {
        findings
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    };
    Report {
        format: FORMAT,
        release: system.release.clone(),
        warnings: count(Verdict::Warn),
        failures: count(Verdict::Fail),
        findings,
    }
}

fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for finding in &report.findings {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        writeln!(
            out,
            "{verdict:<4}  {:<22} {}",
            finding.check,
            plain(&finding.found)
        )?;
        if let Some(advice) = &finding.advice {
            writeln!(out, "      -> {}", plain(advice))?;
        }
    }
    let counted = |count: usize, what: &str| match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let failures = counted(report.failures, "failure");
    writeln!(out, "{failures}, {}", counted(report.warnings, "warning"))
}

#[cfg(test)]
mod tests {
    use super::{system::tests::sound, *};
    use crate::root::tests::Tree;

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        write(report, &mut out).expect("a vector takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_sound_system_has_nothing_to_do() {
        let tree = sound();
        let report = examine(&tree.system());
        assert_eq!(
            (report.failures, report.warnings),
            (0, 0),
            "{}",
            text(&report)
        );
        let checks: Vec<_> = report
            .findings
            .iter()
            .map(|finding| &*finding.check)
            .collect();
        let expected = "kernel config rust modules signature kunit build-tree metadata rustc \
                        bindgen module-ringbuffer module-file_loader module-iov_copy \
                        device-ringbuffer device-file_loader device-iov_copy group \
                        limits-ringbuffer limits-file_loader memory";
        assert_eq!(checks.join(" "), expected);
    }

    #[test]
    fn an_empty_one_has_a_lot() {
        let tree = Tree::new();
        let root = tree.root();
        let report = examine(&System::of(&root));
        let failed: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Fail)
            .map(|finding| &*finding.check)
            .collect();
        let expected = "kernel build-tree rustc bindgen module-ringbuffer module-file_loader \
                        module-iov_copy";
        assert_eq!(failed.join(" "), expected);
        assert_eq!(report.failures, failed.len());
    }

    #[test]
    fn what_is_printed() {
        let report = Report {
            format: 1,
            release: "7".into(),
            findings: vec![
                Finding::ok("kernel", "7\x1b"),
                Finding::warn("group", "none", "make one"),
                Finding::fail("rustc", "not there", "install it"),
            ],
            warnings: 1,
            failures: 0,
        };
        let expected = "\
ok    kernel                 7\\u{1b}
warn  group                  none
      -> make one
FAIL  rustc                  not there
      -> install it
no failures, 1 warning
";
        assert_eq!(text(&report), expected);
    }

    #[test]
    fn json_has_stable_names() {
        let report = Report {
            format: 1,
            release: "7".into(),
            findings: vec![Finding::fail("rustc", "not there", "do it")],
            warnings: 2,
            failures: 3,
        };
        let finding = r#"{"check":"rustc","verdict":"fail","found":"not there","advice":"do it"}"#;
        let expected = format!(
            r#"{{"format":1,"release":"7","findings":[{finding}],"warnings":2,"failures":3}}"#
        );
        assert_eq!(serde_json::to_string(&report).expect("JSON"), expected);
    }
}

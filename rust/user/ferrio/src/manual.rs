// SPDX-License-Identifier: MIT OR Apache-2.0

//! Manual pages and completions, both from the command line's definition. What a page says beyond
//! options is in `manual/NAME.man`.

use crate::{cli::Cli, output::or_enough};
use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;
use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Of the pages: the day on which their words changed last.
const DATE: &str = "2026-11-23";

/// The page of each command, and the sections that are written by hand.
const SECTIONS: [(&str, &str); 7] = [
    ("ferrio", include_str!("manual/ferrio.man")),
    ("ferrio-status", include_str!("manual/status.man")),
    ("ferrio-load", include_str!("manual/load.man")),
    ("ferrio-cat", include_str!("manual/cat.man")),
    ("ferrio-pipe", include_str!("manual/pipe.man")),
    ("ferrio-doctor", include_str!("manual/doctor.man")),
    ("ferrio-completions", include_str!("manual/completions.man")),
];

/// Print what a shell needs to complete this command
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct ManArgs {
    /// Where to
    directory: PathBuf,
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ferrio", &mut text);
    or_enough(io::stdout().write_all(&text))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn pages(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let to = &args.directory;
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for (name, text) in all()? {
        let file = to.join(name + ".1");
        fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Each page's name and text.
fn all() -> io::Result<Vec<(String, String)>> {
    // "ferrio help status" is what "ferrio status --help" is.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let subcommands = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    std::iter::once(&command)
        .chain(subcommands)
        .map(page)
        .collect()
}

fn page(command: &clap::Command) -> io::Result<(String, String)> {
    let name = command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    // In front of a list of values, where neither a break nor an empty line belongs.
    let text = text.replace("\n.br\n\n.br\n", "\n.sp\n");
    let lines = text
        .lines()
        // Ours says it with the date.
        .filter(|line| !line.starts_with(".TH "))
        .take_while(|line| *line != ".SH VERSION");
    let mut page = format!(
        ".\\\" SPDX-License-Identifier: MIT OR Apache-2.0\n.TH {name} 1 {DATE} \"ferrio {}\"\n",
        env!("CARGO_PKG_VERSION")
    );
    for line in lines {
        page += line.trim_end();
        page.push('\n');
    }
    let sections = SECTIONS.iter().find(|(of, _)| *of == name);
    let (_, sections) = sections.ok_or_else(|| io::Error::other(format!("{name}: no sections")))?;
    // Behind the comment that names the licence, once more.
    page += sections.split_once('\n').map_or("", |(_, text)| text);
    Ok((name, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_each_subcommand() {
        let pages = all().expect("all pages");
        let names: Vec<_> = pages.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, SECTIONS.map(|(name, _)| name));
    }

    #[test]
    fn each_page_is_complete() {
        for (name, text) in all().expect("all pages") {
            let headings: Vec<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix(".SH "))
                .collect();
            for wanted in [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "EXIT STATUS",
                "FILES",
                "EXAMPLES",
                "SEE ALSO",
            ] {
                let count = headings
                    .iter()
                    .filter(|&&heading| heading == wanted)
                    .count();
                assert_eq!(count, 1, "{name}: {wanted}");
            }
            assert!(!text.contains("--root"), "{name} has what is for tests");
        }
    }

    #[test]
    fn each_option_of_status_is_in_its_page() {
        let pages = all().expect("all pages");
        let (_, status) = pages
            .iter()
            .find(|(name, _)| name == "ferrio-status")
            .expect("its page");
        for option in ["\\-\\-json", "\\-\\-watch", "SECONDS"] {
            assert!(status.contains(option), "{option}");
        }
    }
}

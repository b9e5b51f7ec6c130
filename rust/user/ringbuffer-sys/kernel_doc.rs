// SPDX-License-Identifier: MIT OR Apache-2.0

//! Puts what headers say of their items in front of the same items in a mirror of them. bindgen
//! knows comments of whole structs and functions alone; here members and numbers have their own.

use std::fmt::Write;

/// A mirror, and what has been put in front of its items.
pub(crate) struct Mirror(String);

impl Mirror {
    /// What bindgen has written, without a formatter: a space between any two tokens.
    pub(crate) fn new(text: &str) -> Self {
        let mut types = text.split("pub type ");
        let mut mirror = types.next().unwrap_or_default().to_owned();
        for text in types {
            let name = text.split(' ').next().unwrap_or_default();
            mirror += &attribute(&format!("C's `{name}`."));
            mirror += "pub type ";
            mirror += text;
        }
        Mirror(mirror)
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// Takes the words from `header`: kernel-doc of structs and functions, and what stands in front
    /// of numbers and behind them. What the mirror does not have is left out.
    pub(crate) fn document(&mut self, header: &str) {
        for comment in header.split("/**\n").skip(1) {
            if let Some((comment, _)) = comment.split_once("*/") {
                self.block(comment);
            }
        }
        self.numbers(header);
    }

    /// A block of kernel-doc: the name and what it is; members or arguments; all else.
    fn block(&mut self, comment: &str) {
        let mut lines = comment
            .lines()
            .map(|line| line.trim_start_matches(" *"))
            .peekable();
        let first = lines.next().unwrap_or_default().trim();
        let Some((name, what)) = first.split_once(" - ") else {
            return;
        };
        let mut members = Vec::new();
        while let Some((member, text)) = lines
            .peek()
            .and_then(|line| line.trim().strip_prefix('@')?.split_once(": "))
        {
            let mut text = text.to_owned();
            lines.next();
            while let Some(more) =
                lines.next_if(|line| line.starts_with([' ', '\t']) && continues(line))
            {
                text = text + " " + more.trim();
            }
            members.push((member, text));
        }
        let rest: Vec<_> = lines.map(str::trim).collect();
        let rest = rest.join("\n");
        if let Some(name) = name.strip_prefix("struct ") {
            let head = format!("pub struct {name} {{");
            self.members(&head, &members);
            self.put(&head, &format!("{what}\n\n{rest}"));
        } else if let Some(name) = name.strip_suffix("()") {
            let mut text = format!("{what}\n\n");
            for (member, of_it) in &members {
                writeln!(text, "- `{member}`: {of_it}").expect("a String takes all");
            }
            self.put(&format!("pub fn {name} ("), &format!("{text}\n{rest}"));
        }
    }

    fn members(&mut self, head: &str, members: &[(&str, String)]) {
        let Some(start) = self.0.find(head) else {
            return;
        };
        let end = start + self.0[start..].find('}').expect("a struct ends");
        let mut body = self.0[start..end].to_owned();
        for (member, text) in members {
            let member = format!("pub {member} :");
            body = body.replacen(&member, &format!("{} {member}", attribute(text)), 1);
        }
        self.0.replace_range(start..end, &body);
    }

    /// Macros, and an enum's names for those that bindgen cannot expand. A comment in front of
    /// several holds up to the next empty line.
    fn numbers(&mut self, header: &str) {
        let (mut above, mut is_comment) = (String::new(), false);
        for line in header.lines() {
            if line.starts_with("/*") && !line.starts_with("/**") {
                above.clear();
                is_comment = true;
            }
            if is_comment {
                let words = line.trim_start_matches(['/', '*', ' ']);
                above = above + " " + words.trim_end_matches(['/', '*', ' ']);
                is_comment = !line.ends_with("*/");
            } else if line.is_empty() {
                above.clear();
            } else if let Some(define) = line.strip_prefix("#define ") {
                let name = define.split_whitespace().next().unwrap_or_default();
                let behind = define.split_once("/*").map(|(_, text)| text);
                let behind = behind.unwrap_or_default().trim_end_matches("*/").trim();
                self.number(name, &format!("{behind}\n\n{}", above.trim()));
            } else if let Some((name, of)) = line.trim().split_once(" = ") {
                let text = format!("C's `{}`.", of.trim_end_matches(','));
                self.number(name, &text);
            }
        }
    }

    fn number(&mut self, name: &str, text: &str) {
        self.put(&format!("pub const {name} :"), text);
    }

    /// Puts `text` in front of `item`, if it is there and there is something to say.
    fn put(&mut self, item: &str, text: &str) {
        if let Some(at) = self.0.find(item).filter(|_| !text.trim().is_empty()) {
            self.0.insert_str(at, &attribute(text));
        }
    }
}

/// Whether a line goes on with what the line above has said of a member.
fn continues(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('@')
}

/// Kernel-doc names members by `@`.
fn attribute(text: &str) -> String {
    let mut plain = String::new();
    let mut words = text.trim().split('@');
    plain.push_str(words.next().unwrap_or_default());
    for word in words {
        let end = word.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, rest) = word.split_at(end.unwrap_or(word.len()));
        write!(plain, "`{name}`{rest}").expect("a String takes all");
    }
    format!("#[doc = {plain:?}] ")
}

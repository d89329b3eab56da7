//! The one place that prints. Results go to stdout, as text or as JSON; everything else goes to
//! stderr, so that `voting … --output json | jq` never meets a word that is not JSON.
//!
//! Text from servers and files is stripped of control characters before it reaches a terminal.
#![allow(clippy::print_stdout, reason = "every line that the command prints goes through this module")]

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::exit::{CliError, Result};

/// A line under the headings and nothing else: what people read, and `grep` too.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON value on stdout.
    Json,
    /// A page to print and sign: `voting count` only.
    Html,
}

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    verbose: u8,
}

impl Output {
    pub(crate) const fn new(format: Format, quiet: bool, verbose: u8) -> Self {
        Self { format, quiet, verbose }
    }

    /// The command's result: the value as JSON, or the text for people.
    pub(crate) fn answer(&self, value: &impl Serialize, human: impl FnOnce() -> String) -> Result<()> {
        let text = match self.format {
            Format::Table | Format::Html => clean(&human()),
            Format::Json => serde_json::to_string_pretty(value)
                .map_err(|error| CliError::failure(format!("the result cannot be written as JSON: {error}"), "report this"))?,
        };
        let text = text.trim_end();
        if text.is_empty() { Ok(()) } else { write_stdout(format!("{text}\n").as_bytes()) }
    }

    /// A result that more may follow: JSON stands in one line.
    pub(crate) fn line(&self, value: &impl Serialize, human: impl FnOnce() -> String) -> Result<()> {
        let text = match self.format {
            Format::Table | Format::Html => clean(&human()),
            Format::Json => serde_json::to_string(value)
                .map_err(|error| CliError::failure(format!("the result cannot be written as JSON: {error}"), "report this"))?,
        };
        write_stdout(format!("{text}\n").as_bytes())
    }

    /// How results are to be printed.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Bytes as they are: completions, manual pages, files made on request.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<()> {
        write_stdout(bytes)
    }

    /// What is happening, for people; not with `--quiet`.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            write_stderr(&clean(text.as_ref()));
        }
    }

    /// What only the curious want to know: with `-v`.
    pub(crate) fn detail(&self, text: impl AsRef<str>) {
        if self.verbose > 0 {
            write_stderr(&clean(text.as_ref()));
        }
    }

    /// What must not be overlooked; even with `--quiet`.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        write_stderr(&format!("warning: {}", clean(text.as_ref())));
    }

    /// How the command failed.
    pub(crate) fn error(&self, error: &CliError) {
        match self.format {
            Format::Table | Format::Html => write_stderr(&format!("error: {}\n next: {}", clean(&error.what), clean(&error.next))),
            Format::Json => write_stderr(&error.to_json().to_string()),
        }
    }

    /// A progress bar on stderr; invisible with `--quiet` and where stderr is no terminal.
    pub(crate) fn progress(&self, length: u64, template: &str) -> ProgressBar {
        let target = if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Whether a person can be asked: both ends are a terminal.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a person; anything but yes is no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        matches!(self.ask(&format!("{question} [y/N] ")).as_deref(), Some("y" | "yes"))
    }

    /// Asks a person; the answer in lower case.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        let mut stderr = io::stderr();
        write!(stderr, "{}", clean(question)).and_then(|()| stderr.flush()).ok()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim().to_lowercase())
    }
}

/// Rows under headings.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(RULED).set_header(headings);
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    let mut numbers = [true; N];
    for row in rows {
        for (cell, number) in row.iter().zip(&mut numbers) {
            *number &=
                cell.starts_with(|c: char| c.is_ascii_digit()) && cell.chars().all(|c| c.is_ascii_digit() || " .%".contains(c));
        }
        table.add_row(row.map(|cell| clean(&cell)));
    }
    for (column, _) in table.column_iter_mut().zip(numbers).filter(|(_, number)| *number) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Rows under headings, as many columns as there are headings; all but the first and the last on the right.
pub(crate) fn grid(headings: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let columns = headings.len();
    let mut table = Table::new();
    table.load_style(RULED).set_header(headings.iter().map(|cell| clean(cell)));
    for row in rows {
        table.add_row(row.iter().map(|cell| clean(cell)));
    }
    for column in table.column_iter_mut().take(columns.saturating_sub(1)).skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Aligned `label  value` lines.
pub(crate) fn fields(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(label, value)| format!("{label:<width$}  {value}\n")).collect()
}

/// `1 vote`, `2 votes`.
pub(crate) fn count(number: impl Into<u64>, one: &str, many: &str) -> String {
    let number = number.into();
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Without control characters, which could rewrite what stands on a terminal, and without the
/// characters that reverse the direction of text.
pub(crate) fn clean(text: &str) -> String {
    let harmful = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// A reader that went away (`| head`) is no error of ours.
fn write_stdout(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::failure(
            format!("the result cannot be printed: {error}"),
            "check where the output goes, e.g. a full disk",
        )),
        _ => Ok(()),
    }
}

/// Where stderr is closed there is nobody left to tell.
fn write_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_told_what_to_do_by_servers() {
        assert_eq!(clean("Ada\u{1b}[2K\r\u{202e}Bob\nEve"), "Ada\u{fffd}[2K\u{fffd}\u{fffd}Bob\nEve");
        let table = table(["name"], [["\u{7}Ada".to_owned()]]);
        assert!(table.contains("\u{fffd}Ada") && !table.contains('\u{7}'));
    }

    #[test]
    fn numbers_stand_on_the_right() {
        let rows = [["Ada".to_owned(), "7".to_owned(), "a".to_owned()], ["Bob".to_owned(), "12".to_owned(), "1".to_owned()]];
        let table = table(["name", "votes", "x"], rows);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], " name   votes   x");
        assert_eq!(&lines[2..], [" Ada        7   a", " Bob       12   1"]);
    }

    #[test]
    fn fields_are_aligned() {
        assert_eq!(fields(&[("id", "1".into()), ("title", "x".into())]), "id     1\ntitle  x\n");
    }
}

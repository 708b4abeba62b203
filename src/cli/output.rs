//! Everything that is printed: data on standard output, talk on standard error. The only place that
//! writes to either.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use serde_json::Value;

/// How a piece of text stands out on a terminal. The text says the same without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Of little weight.
    Faint,
    /// A heading.
    Strong,
}

/// Writes a line of data.
pub(super) fn data(line: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    // Whoever follows through a pipe wants the line now.
    out.flush()?;
    Ok(())
}

/// Writes a value as JSON that people can read too.
pub(super) fn json(value: &Value) -> anyhow::Result<()> {
    data(&serde_json::to_string_pretty(value)?)
}

/// Writes a value as one line of JSON.
pub(super) fn json_line(value: &Value) -> anyhow::Result<()> {
    data(&value.to_string())
}

/// Says something that is not data.
pub(super) fn talk(line: &str) {
    // Where nobody listens there is nobody to tell that nobody listens.
    let _ = writeln!(stderr().lock(), "{line}");
}

/// Whether colour is wanted on standard output.
pub(super) fn colour_on_stdout() -> bool {
    stdout().is_terminal() && colour_wanted()
}

/// Whether colour is wanted on standard error.
pub(super) fn colour_on_stderr() -> bool {
    stderr().is_terminal() && colour_wanted()
}

/// <https://no-color.org>: any value but an empty one turns colour off.
#[expect(
    clippy::disallowed_methods,
    reason = "a convention of all terminals, not a setting of ours"
)]
fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Colours a piece of text, if colour is wanted.
pub(super) fn paint(style: Style, text: &str) -> String {
    if !colour_on_stdout() {
        return text.to_owned();
    }
    let code = match style {
        Style::Good => "32",
        Style::Bad => "31",
        Style::Faint => "2",
        Style::Strong => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Rows under headings, each column as wide as its widest cell.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> anyhow::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> =
            cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    data(&paint(Style::Strong, &line(&mut headings.iter().copied())))?;
    for row in rows {
        data(&line(&mut row.iter().map(String::as_str)))?;
    }
    Ok(())
}

/// Text from the wire without the control characters that would drive a terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' | '\t' => letter,
            letter if letter.is_control() => char::REPLACEMENT_CHARACTER,
            letter => letter,
        })
        .collect()
}

/// A member as text for people: strings bare, nothing as a dash.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

/// A text member, if it is there and says something.
pub(super) fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The items of a list.
pub(super) fn items(list: &Value) -> &[Value] {
    list.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_over_the_wire_cannot_drive_a_terminal() {
        assert_eq!(harmless("a\x1b[31mb\r\n\tc"), "a\u{fffd}[31mb\u{fffd}\n\tc");
    }
}

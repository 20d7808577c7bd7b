//! A document for a terminal.

use std::fmt::Write;

use super::document::{Block, Document, Line, Span, Table};
use super::formula::plain;

/// The width of lines of words, and of formulas that can be broken.
const WIDTH: usize = 110;

/// The document as text.
pub fn text(document: &Document) -> String {
    let mut text = document.title.clone() + "\n";
    let mut before: Option<&Block> = None;
    for block in &document.blocks {
        let follows = matches!(
            (before, block),
            (Some(Block::Steps { .. }), Block::Steps { .. })
                | (Some(Block::Subheading(_)), _)
                | (Some(Block::Heading(_)), _)
                | (_, Block::LeftOut(_))
        );
        if !follows && !matches!(block, Block::Figure(_)) {
            text.push('\n');
        }
        text += &match block {
            Block::Heading(line) => {
                let line = words(line);
                format!("{line}\n{}\n", "-".repeat(line.chars().count()))
            }
            Block::Subheading(line) => words(line) + "\n",
            Block::Paragraph(line) => wrapped(&sentence(line), " ", "", ""),
            Block::Steps { of, steps } => self::steps(of, steps),
            Block::Table(table) => self::table(table),
            Block::Figure(_) => String::new(),
            Block::LeftOut(what) => format!("  ... {what}\n"),
        };
        if !matches!(block, Block::Figure(_)) {
            before = Some(block);
        }
    }
    text
}

/// A line as text.
pub fn words(line: &Line) -> String {
    line.0.iter().map(span).collect()
}

/// A line in which names are marked.
fn sentence(line: &Line) -> String {
    let marked = |part: &Span| match part {
        Span::Name(_) => format!("`{}`", span(part)),
        _ => span(part),
    };
    line.0.iter().map(marked).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Words(words) => words.clone(),
        // Somebody else's words could move the cursor.
        Span::Name(name) => name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        Span::Formula(formula) => plain(formula),
    }
}

/// Whether the steps of a formula fit on one line.
pub fn fit_on_one_line(of: &str, steps: &[String]) -> bool {
    /// As much as is read at a glance.
    const MOST: usize = 80;
    let length = |formula: &str| plain(formula).chars().count();
    length(of) + steps.iter().map(|step| " = ".len() + length(step)).sum::<usize>() <= MOST
}

/// `of = step`, with the equals signs of further steps beside the first or below it.
fn steps(of: &str, steps: &[String]) -> String {
    if fit_on_one_line(of, steps) {
        let steps: String = steps.iter().map(|step| format!(" = {}", plain(step))).collect();
        return format!("  {}{steps}\n", plain(of));
    }
    let of = format!("  {}", plain(of));
    let indent = " ".repeat(of.chars().count());
    let step = |(place, step): (usize, &String)| {
        let before = if place == 0 { format!("{of} = ") } else { format!("{indent} = ") };
        wrapped(&plain(step), " + ", &before, &format!("{indent}   + "))
    };
    steps.iter().enumerate().map(step).collect()
}

/// Broken at some of its separators where it is longer than the width: `first` stands before the first line, `other` before
/// others.
fn wrapped(text: &str, separator: &str, first: &str, other: &str) -> String {
    let mut lines = first.to_owned();
    let mut length = first.chars().count();
    for (place, word) in text.split(separator).enumerate() {
        let wide = word.chars().count();
        if place > 0 && length + separator.len() + wide > WIDTH {
            lines = lines + "\n" + other + word;
            length = other.chars().count() + wide;
        } else {
            lines = lines + if place > 0 { separator } else { "" } + word;
            length += if place > 0 { separator.len() } else { 0 } + wide;
        }
    }
    lines + "\n"
}

fn table(Table { header, rows, words: left }: &Table) -> String {
    let rows: Vec<Vec<String>> = [header].into_iter().chain(rows).map(|row| row.iter().map(words).collect()).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a string does not fail.
            let _ = match column < *left {
                true => write!(line, "  {cell:<width$}"),
                false => write!(line, "  {cell:>width$}"),
            };
        }
        text = text + line.trim_end() + "\n";
    }
    text
}

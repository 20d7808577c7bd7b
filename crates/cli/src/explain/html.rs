//! A document as one page of HTML that loads nothing.

use maud::{Markup, html};

use super::document::{Block, Document, Line, Span, Table};
use super::formula::markup;
use super::plain::fit_on_one_line;

/// The page.
pub fn page(document: &Document) -> String {
    // Each heading begins a section; what stands before the first is the head of the page.
    let sections = document.blocks.chunk_by(|_, next| !matches!(next, Block::Heading(_)));
    let body = html! {
        h1 { (document.title) }
        @for section in sections {
            @match section.first() {
                Some(Block::Heading(_)) => { section { @for block in section { (set(block)) } } },
                _ => { @for block in section { (set(block)) } },
            }
        }
    };
    page::page(&document.title, include_str!("style.css"), body)
}

fn set(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Heading(line) => { h2 { (words(line)) } },
            Block::Subheading(line) => { h3 { (words(line)) } },
            Block::Paragraph(line) => { p { (words(line)) } },
            Block::Steps { of, steps } => {
                div.steps {
                    @if fit_on_one_line(of, steps) {
                        div { (markup(of)) }
                        div { @for step in steps { "= " (markup(step)) " " } }
                    } @else { @for (place, step) in steps.iter().enumerate() {
                        div { @if place == 0 { (markup(of)) } }
                        div { "= " (markup(step)) }
                    } }
                }
            },
            Block::Table(table) => (self::table(table)),
            Block::Figure(figure) => (figure),
            Block::LeftOut(what) => { p.faint { "\u{2026} " (what) } },
        }
    }
}

fn words(line: &Line) -> Markup {
    html! {
        @for span in &line.0 {
            @match span {
                Span::Words(words) => (words),
                Span::Name(name) => { code { (name) } },
                Span::Formula(formula) => { span.formula { (markup(formula)) } },
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let class = |column: usize| (column >= table.words).then_some("number");
    html! {
        table {
            thead { tr { @for (column, cell) in table.header.iter().enumerate() { th class=[class(column)] { (words(cell)) } } } }
            tbody {
                @for row in &table.rows {
                    tr { @for (column, cell) in row.iter().enumerate() { td class=[class(column)] { (words(cell)) } } }
                }
            }
        }
    }
}

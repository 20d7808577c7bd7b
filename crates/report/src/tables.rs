//! Pieces of tables.

use maud::{Markup, html};

use crate::text;

/// A metric with four digits after the point; machines find all of it in the attribute.
pub fn score(value: Option<f64>) -> Markup {
    html! {
        @match value {
            Some(value) if value.abs() >= 1e5 => data value=(value) { (text::significant(value, 7)) },
            Some(value) => data value=(value) { (format!("{value:.4}")) },
            None => span.faint { "none" },
        }
    }
}

/// A name or label, cut where it is too long for a table.
pub fn name(name: &str) -> Markup {
    html! { span.name title=(name) { (name) } }
}

/// A table that is folded away if it has more than so many rows.
pub fn folded(title: &str, rows: usize, most: usize, table: Markup) -> Markup {
    html! {
        @if rows > most { details { summary { (title) } (table) } } @else { (table) }
    }
}

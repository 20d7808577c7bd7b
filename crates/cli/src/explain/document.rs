//! What is explained, said once: a document that `plain.rs` sets for a terminal and `html.rs` as a page of HTML.

use maud::Markup;

/// A title and what stands below it.
pub struct Document {
    pub title: String,
    pub blocks: Vec<Block>,
}

/// A part of a document.
pub enum Block {
    /// The heading of what follows.
    Heading(Line),
    /// A smaller one, within it.
    Subheading(Line),
    Paragraph(Line),
    /// A formula: what is computed, and the steps from the formula to the number, each after an equals sign.
    Steps {
        of: String,
        steps: Vec<String>,
    },
    Table(Table),
    /// A drawing, which a terminal goes without.
    Figure(Markup),
    /// What was left out.
    LeftOut(String),
}

/// Rows of cells below a header.
pub struct Table {
    pub header: Vec<Line>,
    pub rows: Vec<Vec<Line>>,
    /// The first columns, which hold words; the other ones hold numbers.
    pub words: usize,
}

/// A line of words and formulas.
#[derive(Clone, Default)]
pub struct Line(pub Vec<Span>);

/// A part of a line.
#[derive(Clone)]
pub enum Span {
    Words(String),
    /// A name or a label from the table, as it is.
    Name(String),
    /// In the notation of `formula.rs`.
    Formula(String),
}

impl Line {
    /// Words of ours, in which formulas stand between dollar signs.
    pub fn new(text: impl AsRef<str>) -> Self {
        Line::default().and(text)
    }

    /// A formula alone.
    pub fn formula(formula: impl Into<String>) -> Self {
        Line(vec![Span::Formula(formula.into())])
    }

    /// Somebody else's words alone.
    pub fn name(name: impl Into<String>) -> Self {
        Line::default().and_name(name)
    }

    /// More words of ours.
    pub fn and(mut self, text: impl AsRef<str>) -> Self {
        for (place, part) in text.as_ref().split('$').enumerate().filter(|(_, part)| !part.is_empty()) {
            let part = part.to_owned();
            self.0.push(if place % 2 == 0 { Span::Words(part) } else { Span::Formula(part) });
        }
        self
    }

    /// Somebody else's words, which stay as they are.
    pub fn and_name(mut self, name: impl Into<String>) -> Self {
        self.0.push(Span::Name(name.into()));
        self
    }
}

impl Document {
    pub fn heading(&mut self, line: impl AsRef<str>) {
        self.blocks.push(Block::Heading(Line::new(line)));
    }

    pub fn subheading(&mut self, line: Line) {
        self.blocks.push(Block::Subheading(line));
    }

    pub fn paragraph(&mut self, line: Line) {
        self.blocks.push(Block::Paragraph(line));
    }

    pub fn steps(&mut self, of: impl Into<String>, steps: impl Into<Vec<String>>) {
        self.blocks.push(Block::Steps { of: of.into(), steps: steps.into() });
    }

    pub fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table(table));
    }

    /// Says how many were left out, if any were: `what` in the plural.
    pub fn left_out(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.blocks.push(Block::LeftOut(format!("and {count} more {what}")));
        }
    }
}

/// A number as it is shown: five digits, with an exponent where it is very small or large.
pub fn number(number: impl Into<f64>) -> String {
    let number: f64 = number.into();
    let magnitude = number.abs();
    match magnitude {
        0.0 => "0".to_owned(),
        1e-4..1e6 => {
            // Of a number such as 0.99999999 that is one digit too many.
            let digits = 4 - (magnitude.log10().floor() as i32);
            let text = format!("{number:.*}", digits.max(0) as usize);
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        _ if number.is_finite() => format!("{number:.4e}"),
        _ => number.to_string(),
    }
}

/// A number as a factor or as what is taken away: a negative one in brackets.
pub fn factor(value: impl Into<f64>) -> String {
    let text = number(value);
    if text.starts_with('-') { format!("({text})") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_five_digits() {
        let shown = [0.0, 1.0, -0.5, 0.123456789, 12345.678, 0.00012345678, 1.5e-7, 2.5e9, 0.999999999].map(number);
        assert_eq!(shown, ["0", "1", "-0.5", "0.12346", "12346", "0.00012346", "1.5000e-7", "2.5000e9", "1"]);
        assert_eq!([f64::NAN, f64::NEG_INFINITY].map(number), ["NaN", "-inf"]);
        assert_eq!((factor(-2.0), factor(2.0)), ("(-2)".to_owned(), "2".to_owned()));
    }
}

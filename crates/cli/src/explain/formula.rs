//! Formulas, written in a small part of TeX's notation and set for a terminal or for a page of HTML.
//!
//! | written | terminal | page |
//! |---|---|---|
//! | `\delta \sigma \Phi \phi` | `delta sigma Phi phi` | δ σ Φ φ |
//! | `\partial \sum \cdot` | `d sum *` | ∂ ∑ · |
//! | `\partial w` | `dw` | ∂w; the blank between ends the name of the sign |
//! | `w_{3,1}^{(2)}` | `w_3,1^(2)` | w with an index and an exponent, one above the other |
//! | `z` | `z` | a letter that stands alone is a variable, in italics |

use maud::{Markup, html};

/// Names of signs: in the notation, on a terminal, on a page.
const SIGNS: [(&str, &str, &str); 7] = [
    ("Phi", "Phi", "Φ"),
    ("phi", "phi", "φ"),
    ("delta", "delta", "δ"),
    ("sigma", "sigma", "σ"),
    ("partial", "d", "∂"),
    ("sum", "sum", "∑"),
    ("cdot", "* ", "· "),
];

/// A piece of a formula.
enum Piece<'a> {
    /// A sign of the table.
    Sign(&'a (&'static str, &'static str, &'static str)),
    /// Letters.
    Word(&'a str),
    /// Anything else.
    Other(&'a str),
    /// What stands below and above the piece before.
    Scripts { below: &'a str, above: &'a str },
}

/// The pieces of a formula, in order.
fn pieces(formula: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), formula);
    while let Some(first) = rest.chars().next() {
        let letters = |text: &str| text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
        let end = match first {
            '\\' => {
                let end = 1 + letters(&rest[1..]);
                let sign = SIGNS.iter().find(|(name, ..)| *name == &rest[1..end]).expect("a sign of the table");
                pieces.push(Piece::Sign(sign));
                // The blank before what it applies to only ends its name.
                end + usize::from(matches!(sign.0, "partial" | "cdot") && rest[end..].starts_with(' '))
            }
            '_' | '^' => {
                let (below, after) = braced(rest, "_{");
                let (above, end) = braced(after, "^{");
                pieces.push(Piece::Scripts { below, above });
                rest.len() - end.len()
            }
            letter if letter.is_ascii_alphabetic() => {
                let end = letters(rest);
                let is_after_digit =
                    matches!(pieces.last(), Some(Piece::Other(text)) if text.ends_with(|c: char| c.is_ascii_digit()));
                pieces.push(match &rest[..end] {
                    // Of an exponent, as in 1e-7.
                    "e" if is_after_digit => Piece::Other("e"),
                    word => Piece::Word(word),
                });
                end
            }
            _ => {
                let is_other = |c: char| !c.is_ascii_alphabetic() && !matches!(c, '\\' | '_' | '^');
                let end = rest.find(|c| !is_other(c)).unwrap_or(rest.len());
                pieces.push(Piece::Other(&rest[..end]));
                end
            }
        };
        assert!(end > 0, "braces after `_` and `^` in `{formula}`");
        rest = &rest[end..];
    }
    pieces
}

/// What stands in braces after `opening`, if that is the beginning, and the rest.
fn braced<'a>(text: &'a str, opening: &str) -> (&'a str, &'a str) {
    text.strip_prefix(opening).and_then(|inner| inner.split_once('}')).unwrap_or(("", text))
}

/// The formula for a terminal.
pub fn plain(formula: &str) -> String {
    let mut text = String::new();
    for piece in pieces(formula) {
        match piece {
            Piece::Sign((_, sign, _)) => text += sign,
            Piece::Word(letters) | Piece::Other(letters) => text += letters,
            Piece::Scripts { below, above } => {
                for (mark, script) in [('_', below), ('^', above)].into_iter().filter(|(_, script)| !script.is_empty())
                {
                    text.push(mark);
                    text += &plain(script);
                }
            }
        }
    }
    text
}

/// The formula for a page.
pub fn markup(formula: &str) -> Markup {
    html! {
        @for piece in pieces(formula) {
            @match piece {
                Piece::Sign((.., sign)) => (sign),
                Piece::Word(letter) if letter.len() == 1 => { var { (letter) } },
                Piece::Word(word) => (word),
                Piece::Other(text) => (text.replace('-', "\u{2212}")),
                Piece::Scripts { below, above } => {
                    span.scripts { sup { (markup(above)) } sub { (markup(below)) } }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_set_for_both() {
        let formula = r"\partial L/\partial w_{i,0}^{(l-1)} = \delta_{i} \cdot z^{(0)} - exp(-a), \delta = 1";
        assert_eq!(plain(formula), "dL/dw_i,0^(l-1) = delta_i * z^(0) - exp(-a), delta = 1");
        let page = markup(r"w_{i,0}^{(1)} - 2").into_string();
        let scripts = "<span class=\"scripts\"><sup>(1)</sup><sub><var>i</var>,0</sub></span>";
        assert_eq!(page, format!("<var>w</var>{scripts} \u{2212} 2"));
    }
}

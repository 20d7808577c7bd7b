//! The colours of the figures: drawn for a light page, and exchanged by a style sheet on a dark one.

use std::fmt::Write;

use plotters::style::RGBColor;

/// A colour on a light and on a dark page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// The colour that figures are drawn with.
    pub light: RGBColor,
    dark: RGBColor,
}

/// Words and axes.
pub const TEXT: Ink = Ink { light: RGBColor(0x24, 0x2A, 0x31), dark: RGBColor(0xE3, 0xE8, 0xED) };
/// Words and lines that matter less.
pub const FAINT: Ink = Ink { light: RGBColor(0x6A, 0x73, 0x7D), dark: RGBColor(0x97, 0xA1, 0xAB) };
/// The lines of a grid.
pub const GRID: Ink = Ink { light: RGBColor(0xE1, 0xE5, 0xE9), dark: RGBColor(0x32, 0x38, 0x40) };
/// What stands beside coloured things.
pub const GREY: Ink = Ink { light: RGBColor(0x8A, 0x8F, 0x98), dark: RGBColor(0x8B, 0x93, 0x9D) };
/// Colours of things to be told apart, also by the colour-blind: blue, orange, green, vermilion, purple.
pub const SERIES: [Ink; 5] = [
    Ink { light: RGBColor(0x00, 0x6F, 0xB3), dark: RGBColor(0x5C, 0xB3, 0xF0) },
    Ink { light: RGBColor(0xD9, 0x8A, 0x00), dark: RGBColor(0xF0, 0xB0, 0x3F) },
    Ink { light: RGBColor(0x00, 0x8F, 0x6B), dark: RGBColor(0x35, 0xC9, 0x9D) },
    Ink { light: RGBColor(0xBF, 0x3B, 0x0F), dark: RGBColor(0xF2, 0x77, 0x4A) },
    Ink { light: RGBColor(0x92, 0x4A, 0x9B), dark: RGBColor(0xD3, 0x93, 0xDB) },
];

/// Rules that exchange the colours of the figures, for a dark page.
pub(crate) fn dark_rules() -> String {
    let mut rules = String::new();
    for Ink { light, dark } in [TEXT, FAINT, GRID, GREY].into_iter().chain(SERIES) {
        let (light, dark) = (hexadecimal(light), hexadecimal(dark));
        for attribute in ["fill", "stroke"] {
            // Writing to a string does not fail.
            let _ = writeln!(rules, "svg [{attribute}=\"{light}\"] {{ {attribute}: {dark} }}");
        }
    }
    rules
}

/// As the figures have it: `#RRGGBB`.
pub fn hexadecimal(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

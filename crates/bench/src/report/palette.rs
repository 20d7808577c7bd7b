//! The colours of the figures: drawn for a light page, and exchanged by a style sheet on a dark one.

use std::fmt::Write;

use kernels::Level;
use plotters::style::RGBColor;

/// A colour on a light and on a dark page.
#[derive(Clone, Copy)]
pub struct Ink {
    pub light: RGBColor,
    dark: RGBColor,
}

/// Words and axes.
pub const TEXT: Ink = Ink { light: RGBColor(0x24, 0x2A, 0x31), dark: RGBColor(0xE3, 0xE8, 0xED) };
/// Words and lines that matter less.
pub const FAINT: Ink = Ink { light: RGBColor(0x6A, 0x73, 0x7D), dark: RGBColor(0x97, 0xA1, 0xAB) };
/// The lines of a grid.
pub const GRID: Ink = Ink { light: RGBColor(0xE1, 0xE5, 0xE9), dark: RGBColor(0x32, 0x38, 0x40) };
/// The levels, in the order of their names; all of them can be told apart by the colour-blind.
const LEVELS: [Ink; 4] = [
    Ink { light: RGBColor(0x8A, 0x8F, 0x98), dark: RGBColor(0x8B, 0x93, 0x9D) },
    Ink { light: RGBColor(0xD9, 0x8A, 0x00), dark: RGBColor(0xF0, 0xB0, 0x3F) },
    Ink { light: RGBColor(0x00, 0x6F, 0xB3), dark: RGBColor(0x5C, 0xB3, 0xF0) },
    Ink { light: RGBColor(0x00, 0x8F, 0x6B), dark: RGBColor(0x35, 0xC9, 0x9D) },
];

/// The colour of a level.
pub fn of_level(level: &str) -> Ink {
    let place = Level::NAMES.iter().position(|name| *name == level);
    place.and_then(|place| LEVELS.get(place)).copied().unwrap_or(FAINT)
}

/// Rules that exchange the colours of the figures, for a dark page.
pub fn dark_rules() -> String {
    let mut rules = String::new();
    for Ink { light, dark } in [TEXT, FAINT, GRID].into_iter().chain(LEVELS) {
        let (light, dark) = (hexadecimal(light), hexadecimal(dark));
        for attribute in ["fill", "stroke"] {
            // Writing to a string does not fail.
            let _ = writeln!(rules, "svg [{attribute}=\"{light}\"] {{ {attribute}: {dark} }}");
        }
    }
    rules
}

/// As the figures have it.
pub fn hexadecimal(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

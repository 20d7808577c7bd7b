//! Horizontal bars: a group for each network, a bar for each level.

use page::palette::{FAINT, GRID, Ink, TEXT};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::levels;
use crate::error::Error;

/// The bars of one network.
pub struct Group {
    /// What stands beside them.
    pub name: String,
    pub bars: Vec<Bar>,
}

/// One bar.
pub struct Bar {
    pub level: String,
    pub value: f64,
    /// What stands at its end.
    pub label: String,
}

const WIDTH: i32 = 960;
const LEFT: i32 = 220;
/// Room for the words at the end of the longest bar.
const RIGHT: i32 = 190;
const TOP: i32 = 8;
const BAR: i32 = 15;
const GAP: i32 = 14;
const BOTTOM: i32 = 30;

/// Draws the groups below each other, with a line at each of `ticks`, the last of which is where the scale ends.
pub fn bars(groups: &[Group], ticks: &[(f64, String)]) -> Result<String, Error> {
    let height = groups.iter().map(|group| BAR * group.bars.len() as i32 + GAP).sum::<i32>() + TOP + BOTTOM;
    let mut svg = String::new();
    draw(&mut svg, height, groups, ticks).map_err(|error| Error::Drawing(error.to_string()))?;
    Ok(svg)
}

fn draw(
    svg: &mut String,
    height: i32,
    groups: &[Group],
    ticks: &[(f64, String)],
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, (WIDTH as u32, height as u32)).into_drawing_area();
    let text = |ink: Ink, size: i32, horizontal, vertical| {
        ("sans-serif", size).into_font().color(&ink.light).pos(Pos::new(horizontal, vertical))
    };
    let longest = ticks.last().map_or(1.0, |(value, _)| *value);
    let x = |value: f64| LEFT + (value / longest * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
    let bottom = height - BOTTOM;
    for (value, label) in ticks {
        area.draw(&PathElement::new([(x(*value), TOP), (x(*value), bottom)], GRID.light))?;
        let style = text(FAINT, 13, HPos::Center, VPos::Top);
        area.draw(&Text::new(label.as_str(), (x(*value), bottom + 8), style))?;
    }
    let mut y = TOP + GAP / 2;
    for Group { name, bars } in groups {
        let middle = y + BAR * bars.len() as i32 / 2;
        area.draw(&Text::new(name.as_str(), (LEFT - 12, middle), text(TEXT, 14, HPos::Right, VPos::Center)))?;
        for Bar { level, value, label } in bars {
            let colour = levels::ink(level).light;
            let end = x(*value).max(LEFT + 1);
            area.draw(&Rectangle::new([(LEFT, y + 1), (end, y + BAR - 1)], colour.filled()))?;
            let style = text(FAINT, 13, HPos::Left, VPos::Center);
            area.draw(&Text::new(label.as_str(), (end + 6, y + BAR / 2), style))?;
            y += BAR;
        }
        y += GAP;
    }
    area.present()?;
    drop(area);
    Ok(())
}

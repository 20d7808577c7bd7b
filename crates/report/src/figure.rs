//! Axes and lines of the figures.

use std::ops::Range;

use maud::{Markup, PreEscaped, html};
use page::palette::{FAINT, GRID, Ink, TEXT, hexadecimal};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::error::Error;
use crate::text;

pub type Failure = Box<dyn std::error::Error>;
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A point of a figure.
pub type Place = (f64, f64);

/// A figure of this size in pixels, and what it shows in words.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(
    size: (u32, u32),
    about: &str,
    draw: impl FnOnce(&Area<'_>) -> Result<(), Failure>,
) -> Result<Markup, Error> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    let drawn = draw(&area).and_then(|()| Ok(area.present()?));
    drop(area);
    drawn.map_err(|error| Error::Drawing(error.to_string()))?;
    Ok(html! { figure role="img" aria-label=(about) { (PreEscaped(svg)) } })
}

/// What a figure's axes show.
pub struct Axes<'a> {
    pub x: Range<f64>,
    pub y: Range<f64>,
    pub x_title: &'a str,
    pub y_title: &'a str,
    /// Numbers along the axes, at most.
    pub ticks: (usize, usize),
}

impl<'a> Axes<'a> {
    /// Both from 0 to 1.
    pub fn of_shares(x_title: &'a str, y_title: &'a str) -> Self {
        Axes { x: 0.0..1.0, y: 0.0..1.0, x_title, y_title, ticks: (6, 6) }
    }

    /// Draws them.
    pub fn draw<'b, 'c>(&self, area: &'c Area<'b>) -> Result<Chart<'c, 'b>, Failure> {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(20)
            .x_label_area_size(if self.x_title.is_empty() { 26 } else { 46 })
            .y_label_area_size(if self.y_title.is_empty() { 52 } else { 66 })
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .bold_line_style(GRID.light)
            .light_line_style(TRANSPARENT)
            .axis_style(FAINT.light)
            .label_style(("sans-serif", 13).into_font().color(&FAINT.light))
            .axis_desc_style(("sans-serif", 14).into_font().color(&TEXT.light))
            .x_labels(self.ticks.0)
            .y_labels(self.ticks.1)
            .x_desc(self.x_title)
            .y_desc(self.y_title)
            .x_label_formatter(&text::tick)
            .y_label_formatter(&text::tick)
            .draw()?;
        Ok(chart)
    }
}

/// A line through points.
pub fn line(chart: &mut Chart, points: Vec<Place>, ink: Ink, width: u32, opacity: f64) -> Result<(), Failure> {
    let style = ShapeStyle::from(ink.light.mix(opacity)).stroke_width(width);
    chart.draw_series([PathElement::new(points, style)])?;
    Ok(())
}

/// A circle around a point.
pub fn mark(chart: &mut Chart, place: Place, ink: Ink) -> Result<(), Failure> {
    chart.draw_series([Circle::new(place, 5, ShapeStyle::from(ink.light).stroke_width(2))])?;
    Ok(())
}

/// A range that holds all numbers, with a little room on both sides.
pub fn range(numbers: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) =
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(x), most.max(x)));
    let room = if most > least { (most - least) * 0.03 } else { most.abs().max(1.0) * 0.5 };
    least - room..most + room
}

/// Which colour is what.
pub fn legend<'a>(entries: impl IntoIterator<Item = (Ink, &'a str)>) -> Markup {
    html! {
        ul.legend {
            @for (ink, text) in entries {
                li {
                    svg viewBox="0 0 14 14" { rect width="14" height="14" rx="3" fill=(hexadecimal(ink.light)) {} }
                    (text)
                }
            }
        }
    }
}

//! The roofline (S. Williams, A. Waterman and D. Patterson 2009): how fast one core computes, over how many operations it
//! does for each byte that it has to move. Nothing can be above the roof: on the left the rate of reading, on the right the
//! multiply-add peak.

use page::palette::{FAINT, GRID, Ink, TEXT};
use plotters::coord::Shift;
use plotters::coord::combinators::LogCoord;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::levels;
use super::numbers::rounded;
use crate::error::Error;
use crate::results::{Kind, Results};

const SIZE: (u32, u32) = (960, 620);

/// Something that computes: shapes tell what, colours tell at which level.
struct Point {
    shape: Shape,
    level: String,
    flop_per_byte: f64,
    gflop_per_second: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Kernel,
    Training,
    Prediction,
}

/// Draws the roofs of one core, and under them its kernels and networks.
pub fn roofline(results: &Results) -> Result<String, Error> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(&area, results).map_err(|error| Error::Drawing(error.to_string()))?;
    drop(area);
    Ok(svg)
}

fn points(results: &Results) -> Vec<Point> {
    let kernels = results.kernels.iter().filter(|kernel| kernel.kind != Kind::Elementwise).filter_map(|kernel| {
        let gflop_per_second = kernel.gflop_per_second?;
        let flop_per_byte = gflop_per_second / kernel.gigabytes_per_second;
        Some(Point { shape: Shape::Kernel, level: kernel.level.clone(), flop_per_byte, gflop_per_second })
    });
    let networks = [(Shape::Training, &results.training), (Shape::Prediction, &results.many_rows)];
    let networks = networks.into_iter().flat_map(|(shape, networks)| {
        networks.iter().filter(|network| network.threads == 1).map(move |network| Point {
            shape,
            level: network.level.clone(),
            flop_per_byte: network.flop_per_byte,
            gflop_per_second: network.gflop_per_second,
        })
    });
    kernels.chain(networks).collect()
}

type Failure = Box<dyn std::error::Error>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

/// What the figure shows of the plane.
struct Window {
    left: f64,
    right: f64,
    bottom: f64,
    top: f64,
}

impl Window {
    /// All points, and the roof above them.
    fn new(points: &[Point], peak: f64) -> Self {
        let least = |of: fn(&Point) -> f64| points.iter().map(of).fold(f64::INFINITY, f64::min);
        // On the left there is room for the names of the rates.
        let left = least(|point| point.flop_per_byte).clamp(1e-3, 0.25) / 2.8;
        let right = points.iter().map(|point| point.flop_per_byte).fold(100.0, f64::max) * 1.5;
        let bottom = least(|point| point.gflop_per_second).clamp(1e-3, peak) / 1.5;
        Window { left, right, bottom, top: 1.6 * peak }
    }
}

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, results: &Results) -> Result<(), Failure> {
    let points = points(results);
    let window = Window::new(&points, results.highest_peak());
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(20)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d((window.left..window.right).log_scale(), (window.bottom..window.top).log_scale())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID.light)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT.light)
        .label_style(("sans-serif", 14).into_font().color(&FAINT.light))
        .axis_desc_style(("sans-serif", 15).into_font().color(&TEXT.light))
        .x_desc("operations for each byte that has to be moved (FLOP/byte)")
        .y_desc("GFLOP/s of one core")
        .x_label_formatter(&|x| shortest(*x))
        .y_label_formatter(&|y| shortest(*y))
        .draw()?;
    let roofs = roofs(&window, results);
    draw_roofs(&mut chart, &roofs)?;
    draw_points(&mut chart, &points)?;
    draw_names(&mut chart, &window, &roofs, results)?;
    area.present()?;
    Ok(())
}

/// A part of the roof: from where to where, and its name.
struct Roof {
    from: (f64, f64),
    to: (f64, f64),
    ink: Ink,
    name: String,
    is_level: bool,
}

/// The rates of reading, each up to the highest peak, and the peak of each level from the fastest rate on.
fn roofs(window: &Window, results: &Results) -> Vec<Roof> {
    let peak = results.highest_peak();
    let rates = results.reading.iter().filter(|reading| reading.threads == 1);
    let fastest = rates.clone().map(|reading| reading.gigabytes_per_second).fold(f64::MIN_POSITIVE, f64::max);
    let rates = rates.map(|reading| {
        let rate = reading.gigabytes_per_second;
        let left = window.left.max(window.bottom / rate);
        let name = format!("{} {} GB/s", reading.place, rounded(rate));
        Roof { from: (left, rate * left), to: (peak / rate, peak), ink: FAINT, name, is_level: false }
    });
    let levels = results.peaks.iter().map(|level| {
        let (ink, roof) = (levels::ink(&level.level), level.gflop_per_second);
        let left = (roof / fastest).clamp(window.left, window.right);
        let name = format!("{} {} GFLOP/s", level.level, rounded(roof));
        Roof { from: (left, roof), to: (window.right, roof), ink, name, is_level: true }
    });
    rates.filter(|roof| roof.from.0 < roof.to.0).chain(levels).collect()
}

fn draw_roofs(chart: &mut Chart, roofs: &[Roof]) -> Result<(), Failure> {
    let line = |roof: &Roof| PathElement::new([roof.from, roof.to], roof.ink.light.stroke_width(2));
    chart.draw_series(roofs.iter().map(line))?;
    Ok(())
}

fn draw_points(chart: &mut Chart, points: &[Point]) -> Result<(), Failure> {
    for point in points {
        let (place, colour) = ((point.flop_per_byte, point.gflop_per_second), levels::ink(&point.level).light);
        match point.shape {
            Shape::Kernel => chart.draw_series([Circle::new(place, 3, colour.mix(0.75).filled())])?,
            Shape::Training => chart.draw_series([Circle::new(place, 7, colour.stroke_width(2))])?,
            Shape::Prediction => chart.draw_series([TriangleMarker::new(place, 8, colour.filled())])?,
        };
    }
    Ok(())
}

/// Writes the names of the roofs, and that of each network in training below its points, upwards.
fn draw_names(chart: &mut Chart, window: &Window, roofs: &[Roof], results: &Results) -> Result<(), Failure> {
    for Roof { from, to, ink, name, is_level } in roofs {
        let style = ("sans-serif", 14).into_font().color(&ink.light);
        let (place, position) = match is_level {
            true => ((to.0 / 1.03, to.1 * 1.03), Pos::new(HPos::Right, VPos::Bottom)),
            false => ((from.0 * 1.12, from.1), Pos::new(HPos::Left, VPos::Top)),
        };
        chart.draw_series([Text::new(name.clone(), place, style.pos(position))])?;
    }
    let one_thread = results.training.iter().filter(|network| network.threads == 1);
    let mut networks: Vec<_> =
        one_thread.map(|network| (&network.network, network.batch, network.flop_per_byte)).collect();
    networks.dedup();
    for (network, batch, flop_per_byte) in networks {
        let font = ("sans-serif", 13).into_font().transform(FontTransform::Rotate270);
        let style = font.color(&FAINT.light).pos(Pos::new(HPos::Left, VPos::Center));
        let name = format!("{network}, batch {batch}");
        chart.draw_series([Text::new(name, (flop_per_byte, window.bottom * 1.06), style)])?;
    }
    Ok(())
}

/// A number without digits that say nothing.
fn shortest(number: f64) -> String {
    if number >= 1.0 { format!("{number:.0}") } else { format!("{number:.3}").trim_end_matches('0').to_owned() }
}

//! A drawing of the network with the row's numbers in it.

use maud::{Markup, html};

use super::document::number;
use super::sample::Sample;

/// The most units of a layer that are drawn.
const MOST: usize = 10;
const WIDTH: f64 = 860.0;
/// Between units at least, and the radius of one.
const STEP: f64 = 56.0;
const RADIUS: f64 = 13.0;
/// For names on the left and words on the right.
const MARGIN: f64 = 130.0;

/// A unit on the drawing.
struct Unit {
    x: f64,
    y: f64,
    /// Its number, from 1.
    number: usize,
}

/// The network: a column for each layer, lines for weights (the larger, the thicker; one colour for each sign), units filled
/// by how large their z is within the layer.
pub fn drawing(sample: &Sample) -> Markup {
    let explanation = &sample.explanation;
    let sizes: Vec<usize> = (0..=explanation.layers.len()).map(|layer| explanation.z(layer).len()).collect();
    let tallest = sizes.iter().map(|size| rows(*size)).max().unwrap_or(1);
    let height = STEP * tallest as f64 + 40.0;
    let columns: Vec<Vec<Unit>> =
        sizes.iter().enumerate().map(|(layer, size)| column(layer, sizes.len(), *size, height)).collect();
    html! {
        p.faint {
            "A line is a weight: the thicker, the larger in its layer; blue ones are positive, orange ones negative. Above a unit "
            "stands its z, and the larger that is in its layer, the fuller the unit"
            @if explanation.loss.is_some() { "; below it, its \u{3b4}" }
            "."
        }
        svg.net viewBox=(format!("0 0 {WIDTH} {height}")) role="img" {
            title { "The network: " (sample.network().shape().to_string()) }
            @for (layer, pair) in explanation.layers.iter().zip(columns.windows(2)) { (weights(&layer.w, layer.layer, &pair[0], &pair[1])) }
            @for (layer, units) in columns.iter().enumerate() {
                (self::units(sample, layer, units))
                (heading(layer, sizes.len() - 1, sizes[layer], units))
            }
        }
    }
}

/// The places that a layer takes: of many units the first ones are drawn, and dots.
fn rows(size: usize) -> usize {
    size.min(MOST)
}

fn column(layer: usize, layers: usize, size: usize, height: f64) -> Vec<Unit> {
    let x = MARGIN + (WIDTH - 2.0 * MARGIN) * layer as f64 / (layers - 1) as f64;
    let places = rows(size);
    let drawn = if size > MOST { MOST - 1 } else { size };
    // A layer of few units has more room for each.
    let step = ((height - 40.0) / places as f64).min(1.6 * STEP);
    let top = 20.0 + (height - 20.0 - step * places as f64) / 2.0;
    (0..drawn).map(|place| Unit { x, y: top + step * (place as f64 + 0.5), number: place + 1 }).collect()
}

fn weights(w: &[Vec<f32>], layer: usize, before: &[Unit], after: &[Unit]) -> Markup {
    let drawn = after.iter().flat_map(|to| before.iter().map(|from| w[to.number - 1][from.number]));
    let greatest = drawn.fold(f32::MIN_POSITIVE, |greatest, w| greatest.max(w.abs()));
    html! {
        @for to in after {
            @for from in before {
                @let w = w[to.number - 1][from.number];
                @let share = w.abs() / greatest;
                line class=(if w < 0.0 { "down" } else { "up" })
                    x1=(tenths(from.x + RADIUS)) y1=(tenths(from.y)) x2=(tenths(to.x - RADIUS)) y2=(tenths(to.y))
                    stroke-width=(tenths(0.4 + 3.0 * f64::from(share))) stroke-opacity=(tenths(0.2 + 0.6 * f64::from(share))) {
                    title { "w " (to.number) "," (from.number) " of layer " (layer) " = " (number(w)) }
                }
            }
        }
    }
}

fn units(sample: &Sample, layer: usize, units: &[Unit]) -> Markup {
    let z = sample.explanation.z(layer);
    let greatest = z.iter().fold(f32::MIN_POSITIVE, |greatest, z| greatest.max(z.abs()));
    let delta = |unit: &Unit| {
        let backward = sample.explanation.layers.get(layer.wrapping_sub(1))?.backward.as_ref();
        backward.map(|backward| backward.delta[unit.number - 1])
    };
    html! {
        @for unit in units {
            @let value = z[unit.number - 1];
            circle.unit cx=(tenths(unit.x)) cy=(tenths(unit.y)) r=(RADIUS) {}
            circle.lit cx=(tenths(unit.x)) cy=(tenths(unit.y)) r=(RADIUS - 1.5) fill-opacity=(tenths(0.9 * f64::from(value.abs() / greatest))) {
                title { "z of unit " (unit.number) " = " (number(value)) }
            }
            text x=(tenths(unit.x)) y=(tenths(unit.y - RADIUS - 3.0)) text-anchor="middle" { (short(value)) }
            @if let Some(delta) = delta(unit) {
                text.delta x=(tenths(unit.x)) y=(tenths(unit.y + RADIUS + 11.0)) text-anchor="middle" { "δ " (short(delta)) }
            }
            @if layer == 0 {
                text.name x=(tenths(unit.x - RADIUS - 8.0)) y=(tenths(unit.y + 4.0)) text-anchor="end" { (clipped(sample.name_of_input(unit.number))) }
            }
        }
    }
}

/// What stands above a layer, and the dots below it.
fn heading(layer: usize, last: usize, size: usize, units: &[Unit]) -> Markup {
    let words = match layer {
        0 => format!("{size} inputs"),
        _ if layer == last => "output".to_owned(),
        _ => format!("layer {layer}, {size} units"),
    };
    let x = units.first().map_or(0.0, |unit| unit.x);
    let below = units.last().map_or(0.0, |unit| unit.y + STEP);
    html! {
        text.name x=(tenths(x)) y="12" text-anchor="middle" { (words) }
        @if size > units.len() {
            text.name x=(tenths(x)) y=(tenths(below - 4.0)) text-anchor="middle" { "⋮" }
            text.name x=(tenths(x)) y=(tenths(below + 10.0)) text-anchor="middle" { (size - units.len()) " more" }
        }
    }
}

/// A name that fits beside a unit.
fn clipped(name: &str) -> String {
    /// The most characters.
    const MOST: usize = 15;
    match name.chars().count() {
        0..=MOST => name.to_owned(),
        _ => name.chars().take(MOST - 1).chain(['…']).collect(),
    }
}

/// Two digits, or all those before the point and two behind it.
fn short(value: f32) -> String {
    let text = match value.abs() {
        0.0 => "0".to_owned(),
        ..1e-3 => format!("{value:.0e}"),
        ..1e-2 => format!("{value:.4}"),
        ..1e-1 => format!("{value:.3}"),
        _ => format!("{value:.2}"),
    };
    text.replace('-', "\u{2212}")
}

fn tenths(number: f64) -> String {
    format!("{number:.1}")
}

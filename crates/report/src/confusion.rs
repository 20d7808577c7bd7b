//! Which class was taken for which, and what follows from it for each class.

use maud::{Markup, PreEscaped, html};
use net::metrics::ConfusionMatrix;
use page::palette::{SERIES, hexadecimal};

use crate::curves::OneAgainstRest;
use crate::error::Error;
use crate::tables::{folded, name, score};
use crate::text;

/// The most classes of a matrix with numbers in it, and of one with shades alone.
const MOST_WITH_NUMBERS: usize = 30;
const MOST_WITH_SHADES: usize = 200;
/// More classes stand closer together.
const MOST_WIDE: usize = 14;
/// The most classes and confusions that are listed.
const MOST_CLASSES: usize = 1000;
const MOST_CONFUSIONS: usize = 20;
/// Shades of a matrix without numbers.
const SHADES: usize = 8;

/// The matrix of the classes with these labels and, of several classes, how good each of them is.
pub fn section(
    title: &str,
    labels: &[String],
    matrix: &ConfusionMatrix,
    classes: &[OneAgainstRest],
) -> Result<Markup, Error> {
    Ok(html! {
        section {
            h2 { (title) }
            p.faint {
                "A row for each true class, a column for each predicted one. "
                @match labels.len() {
                    ..=MOST_WITH_NUMBERS => "The shade is the share of the row.",
                    ..=MOST_WITH_SHADES => { "The shade is the square root of the share of the row, in " (SHADES) " steps." }
                    _ => {}
                }
            }
            @if labels.len() <= MOST_WITH_NUMBERS {
                (with_numbers(labels, matrix))
            } @else {
                @if labels.len() <= MOST_WITH_SHADES { (with_shades(matrix)) }
                (confusions(labels, matrix))
            }
            @if !classes.is_empty() {
                (folded("Each class", labels.len(), MOST_WITH_NUMBERS, of_each(labels, matrix, classes)))
            }
        }
    })
}

/// The share of the rows of a class that were taken for another one; 0 if it has none.
fn share(matrix: &ConfusionMatrix, class: usize, predicted: usize) -> f64 {
    match matrix.of_class(class) {
        0.0 => 0.0,
        rows => matrix.count(class, predicted) / rows,
    }
}

fn with_numbers(labels: &[String], matrix: &ConfusionMatrix) -> Markup {
    html! {
        table.matrix.dense[labels.len() > MOST_WIDE] #confusion {
            thead { tr { th.faint { "true \\ predicted" } @for label in labels { th.number { (name(label)) } } th.number { "all" } } }
            tbody {
                @for (class, label) in labels.iter().enumerate() {
                    tr {
                        th { (name(label)) }
                        @for predicted in 0..labels.len() {
                            td.number title=(text::percent(share(matrix, class, predicted)))
                                style=(format!("--share:{:.3}", share(matrix, class, predicted))) {
                                (text::count(matrix.count(class, predicted)))
                            }
                        }
                        td.number.faint { (text::count(matrix.of_class(class))) }
                    }
                }
            }
        }
    }
}

/// A square for each pair that occurs, all those of a shade in one path.
fn with_shades(matrix: &ConfusionMatrix) -> Markup {
    let classes = matrix.classes();
    let mut paths = vec![String::new(); SHADES];
    for class in 0..classes {
        for predicted in (0..classes).filter(|predicted| matrix.count(class, *predicted) > 0.0) {
            let shade = (share(matrix, class, predicted).sqrt() * SHADES as f64).ceil() as usize;
            paths[shade.clamp(1, SHADES) - 1] += &format!("M{predicted} {class}h1v1h-1z");
        }
    }
    html! {
        figure role="img" aria-label="Confusion matrix" {
            svg.square viewBox=(format!("0 0 {classes} {classes}")) {
                @for (shade, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                    path d=(PreEscaped(path)) fill=(hexadecimal(SERIES[0].light)) fill-opacity=(format!("{:.2}", 0.15 + 0.85 * (shade + 1) as f64 / SHADES as f64)) {}
                }
            }
        }
        p.faint { "Classes in the order of the table below, from the left and from the top." }
    }
}

/// The pairs of classes that are confused most.
fn confusions(labels: &[String], matrix: &ConfusionMatrix) -> Markup {
    let all = (0..labels.len()).flat_map(|class| (0..labels.len()).map(move |predicted| (class, predicted)));
    let mut pairs: Vec<(usize, usize)> =
        all.filter(|(class, predicted)| class != predicted && matrix.count(*class, *predicted) > 0.0).collect();
    pairs.sort_by(|a, b| matrix.count(b.0, b.1).total_cmp(&matrix.count(a.0, a.1)));
    html! {
        h3 { "Most frequent confusions" }
        @if pairs.is_empty() { p { "There are none." } } @else {
            table {
                thead { tr { th { "class" } th { "taken for" } th.number { "rows" } th.number { "of the class" } } }
                tbody {
                    @for (class, predicted) in pairs.iter().take(MOST_CONFUSIONS) {
                        tr {
                            td { (name(&labels[*class])) }
                            td { (name(&labels[*predicted])) }
                            td.number { (text::count(matrix.count(*class, *predicted))) }
                            td.number { (text::percent(share(matrix, *class, *predicted))) }
                        }
                    }
                }
            }
        }
    }
}

fn of_each(labels: &[String], matrix: &ConfusionMatrix, classes: &[OneAgainstRest]) -> Markup {
    html! {
        @if labels.len() > MOST_CLASSES { p.faint { "The first " (MOST_CLASSES) " of " (labels.len()) "." } }
        table {
            thead {
                tr {
                    th { "class" } th.number { "rows" } th.number { "precision" } th.number { "recall" } th.number { "F1" }
                    th.number { "ROC AUC" } th.number { "average precision" }
                }
            }
            tbody {
                @for (class, (label, curves)) in labels.iter().zip(classes).take(MOST_CLASSES).enumerate() {
                    tr {
                        td { (name(label)) }
                        td.number { (text::count(matrix.of_class(class))) }
                        td.number { (score(Some(matrix.precision(class)))) }
                        td.number { (score(Some(matrix.recall(class)))) }
                        td.number { (score(Some(matrix.f1(class)))) }
                        td.number { (score(curves.roc_auc)) }
                        td.number { (score(Some(curves.average_precision))) }
                    }
                }
            }
        }
    }
}

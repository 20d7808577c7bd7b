//! ROC and precision-recall curves, and the scores of each class: of two classes those of t = 1, of several each against the
//! rest.

use maud::{Markup, html};
use net::metrics::{BinaryPredictions, ConfusionMatrix, CurvePoint, thinned};
use page::palette::{GREY, Ink, SERIES};

use crate::error::Error;
use crate::figure::{Axes, Place, figure, legend, line, mark};
use crate::histogram::Histogram;
use crate::{Judged, text};

/// Steps of the axis for which a curve has points: the pixels of the figure, or fewer if many curves are drawn.
const STEPS: usize = 480;
const STEPS_OF_MANY: usize = 60;
/// The bins of a histogram of scores.
const BINS: usize = 40;
/// The most classes with a histogram of their own.
const MOST_HISTOGRAMS: usize = 12;

/// A class against all others.
pub struct OneAgainstRest {
    pub label: String,
    /// The area under the ROC curve, if there are rows of the class and others.
    pub roc_auc: Option<f64>,
    pub average_precision: f64,
    /// The share of the class among all rows.
    share: f64,
    roc: Vec<CurvePoint>,
    precision_recall: Vec<CurvePoint>,
    /// The class's probability in rows of the class, and in the others.
    scores: [Histogram; 2],
}

impl OneAgainstRest {
    /// From whether each row is of the class, and the probability of it.
    pub fn new(label: &str, judged: &Judged, of_row: impl Fn(usize) -> (bool, f32)) -> Result<Self, Error> {
        let rows = judged.examples.targets.len();
        let (targets, probabilities): (Vec<f32>, Vec<f32>) =
            (0..rows).map(&of_row).map(|(is_class, p)| (f32::from(u8::from(is_class)), p)).unzip();
        let mut predictions = BinaryPredictions::new(&targets, &probabilities)?;
        if let Some(weights) = judged.weights() {
            predictions = predictions.with_weights(weights)?;
        }
        let mut scores = [Histogram::new(0.0..1.0, BINS), Histogram::new(0.0..1.0, BINS)];
        for row in 0..rows {
            scores[usize::from(targets[row] != 1.0)].add(f64::from(probabilities[row]), judged.weight(row));
        }
        let [of_class, of_others] = [scores[0].total(), scores[1].total()];
        // A class without rows, or without others, has no curve.
        let thin = |curve: Vec<CurvePoint>| thinned(&curve, STEPS);
        Ok(OneAgainstRest {
            label: label.to_owned(),
            roc_auc: predictions.roc_auc().ok(),
            average_precision: predictions.average_precision(),
            share: of_class / (of_class + of_others),
            roc: predictions.roc_curve().map(thin).unwrap_or_default(),
            precision_recall: predictions.precision_recall_curve().map(thin).unwrap_or_default(),
            scores,
        })
    }
}

/// The places of the classes by rising area, those without one last.
fn worst_first(classes: &[OneAgainstRest]) -> Vec<usize> {
    let area = |class: &usize| classes[*class].roc_auc.unwrap_or(f64::INFINITY);
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by(|a, b| area(a).total_cmp(&area(b)));
    order
}

/// Both curves, side by side. Of two classes, the threshold and what it leads to are marked.
pub fn section(classes: &[OneAgainstRest], chosen: Option<(f32, &ConfusionMatrix)>) -> Result<Markup, Error> {
    // Those in colour are drawn last, over the grey ones.
    let mut drawn: Vec<(usize, Ink)> = match classes.len() {
        0..=5 => (0..classes.len()).zip(SERIES).collect(),
        _ => worst_first(classes).into_iter().zip(SERIES.into_iter().chain(std::iter::repeat(GREY))).collect(),
    };
    let entries: Vec<(Ink, String)> = drawn
        .iter()
        .take(SERIES.len())
        .map(|(class, ink)| {
            let class = &classes[*class];
            let area = class.roc_auc.map_or_else(|| "none".to_owned(), |area| format!("{area:.4}"));
            (*ink, format!("{}: ROC AUC {area}, average precision {:.4}", class.label, class.average_precision))
        })
        .collect();
    drawn.reverse();
    let steps = |ink: Ink| if ink == GREY { STEPS_OF_MANY } else { STEPS };
    let style = |ink: Ink| if ink == GREY { (1, 0.5) } else { (2, 1.0) };

    let roc = figure((520, 430), "Receiver operating characteristic", |area| {
        let mut chart = Axes::of_shares("false positive rate", "true positive rate").draw(area)?;
        line(&mut chart, vec![(0.0, 0.0), (1.0, 1.0)], GREY, 1, 0.8)?;
        for (class, ink) in &drawn {
            let points = thinned(&classes[*class].roc, steps(*ink)).iter().map(|point| (point.x, point.y)).collect();
            line(&mut chart, points, *ink, style(*ink).0, style(*ink).1)?;
        }
        if let Some((_, matrix)) = chosen {
            mark(&mut chart, (1.0 - matrix.recall(0), matrix.recall(1)), SERIES[3])?;
        }
        Ok(())
    })?;
    let precision_recall = figure((520, 430), "Precision and recall", |area| {
        let mut chart = Axes::of_shares("recall", "precision").draw(area)?;
        if let [class] = classes {
            line(&mut chart, vec![(0.0, class.share), (1.0, class.share)], GREY, 1, 0.8)?;
        }
        for (class, ink) in &drawn {
            let points = in_steps(&thinned(&classes[*class].precision_recall, steps(*ink)));
            line(&mut chart, points, *ink, style(*ink).0, style(*ink).1)?;
        }
        if let Some((_, matrix)) = chosen {
            mark(&mut chart, (matrix.recall(1), matrix.precision(1)), SERIES[3])?;
        }
        Ok(())
    })?;
    Ok(html! {
        section {
            h2 { "ROC and precision-recall curves" }
            p.faint {
                @match classes {
                    [_] => "The grey lines are what guessing would reach. ",
                    _ => "Each class against all others. ",
                }
                @if classes.len() > SERIES.len() {
                    "The " (SERIES.len()) " classes of the smallest area are in colour, and the others grey. "
                }
                @if let Some((threshold, _)) = chosen { "The circles are at the threshold " (threshold) ". " }
                "Every score is a threshold; drawn are at most four points for each of " (STEPS) " steps of the axis"
                @if classes.len() > SERIES.len() { ", " (STEPS_OF_MANY) " in grey" }
                ", its extremes among them."
            }
            (legend(entries.iter().map(|(ink, text)| (*ink, &**text))))
            div.pair { (roc) (precision_recall) }
        }
    })
}

/// Precision is not linear between two thresholds: it is that of the next one.
fn in_steps(points: &[CurvePoint]) -> Vec<Place> {
    let corners = points.windows(2).flat_map(|pair| [(pair[0].x, pair[1].y), (pair[1].x, pair[1].y)]);
    points.iter().take(1).map(|point| (point.x, point.y)).chain(corners).collect()
}

/// What probabilities the rows of each class and the other rows got.
pub fn score_section(classes: &[OneAgainstRest]) -> Result<Markup, Error> {
    let mut shown: Vec<usize> = worst_first(classes).into_iter().take(MOST_HISTOGRAMS).collect();
    shown.sort_unstable();
    let size = if let [_] = classes { (960, 300) } else { (460, 210) };
    let panel = |class: &OneAgainstRest| {
        let [of_class, of_others] = &class.scores;
        let drawing = figure(size, "Histogram of scores", |area| {
            let highest = of_class.highest_share().max(of_others.highest_share()).max(1e-9);
            let axes =
                Axes { x: 0.0..1.0, y: 0.0..100.0 * highest * 1.05, x_title: "", y_title: "% of rows", ticks: (6, 5) };
            let mut chart = axes.draw(area)?;
            of_others.draw(&mut chart, SERIES[1], 100.0, 0.6)?;
            of_class.draw(&mut chart, SERIES[0], 100.0, 0.6)?;
            Ok(())
        })?;
        let counts = [of_class, of_others].map(|rows| text::count(rows.total()));
        Ok::<_, Error>(html! {
            div {
                h3 { "Probability of " (class.label) }
                (legend([
                    (SERIES[0], &*format!("rows of {} ({})", class.label, counts[0])),
                    (SERIES[1], &*format!("other rows ({})", counts[1])),
                ]))
                (drawing)
            }
        })
    };
    let panels = shown.iter().map(|class| panel(&classes[*class])).collect::<Result<Vec<_>, _>>()?;
    Ok(html! {
        section {
            h2 { "Scores of each class" }
            p.faint {
                "How often the rows of a class, and all others, got which probability of it; each in percent of its own rows."
                @if classes.len() > shown.len() {
                    " Shown are the " (shown.len()) " of " (classes.len()) " classes with the smallest ROC AUC."
                }
            }
            div.pair[classes.len() > 1] { @for panel in panels { (panel) } }
        }
    })
}

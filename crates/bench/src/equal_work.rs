//! The starting weights and rows that every program of the side-by-side comparison gets, as `peers/README.md` defines them.

use net::{Activation, Dataset, Level, Network, Predictor, Shape, Trainer};

use crate::throughput;
use crate::workload::Workload;

const FEATURES: u64 = 1000;
const TARGETS: u64 = 1001;
const ROWS: u64 = 1002;

/// Half the width of the interval around 0 on which a uniform number has variance 1: the root of 3.
const UNIT_VARIANCE: f32 = 1.732_050_8;

/// Steps whose losses are compared.
const STEPS: usize = 3;

/// What a program that does equal work computes.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The mean loss of minibatch k before step k.
    pub losses: Vec<f64>,
    /// The mean of p(target = 1) over the rows to predict, at the starting weights.
    pub mean_prediction: f64,
}

/// Trains three steps and predicts.
///
/// The comparison's networks put out p(target = 1), and ours p(t = 0): so t is 1 less the target.
///
/// # Errors
/// If the training diverges.
pub fn figures(workload: &Workload, level: Level) -> Result<Figures, net::Error> {
    let (inputs, batch) = (workload.widths[0], workload.batch_size);
    let hidden = &workload.widths[1..workload.widths.len() - 1];
    let layers: Vec<Vec<f32>> =
        workload.widths.windows(2).enumerate().map(|(i, w)| layer(i as u64, w[0], w[1])).collect();
    let network = Network::from_weights(Shape::new(inputs, hidden, Activation::Sigmoid)?, &layers)?;

    let rows: Vec<f32> = symmetric(ROWS, UNIT_VARIANCE).take(batch * inputs).collect();
    let mut predictions = vec![0.0; batch];
    Predictor::new(&network).with_level(level).prob_t0(&rows, &mut predictions)?;
    let mean_prediction = predictions.iter().map(|y| f64::from(*y)).sum::<f64>() / batch as f64;

    let features = symmetric(FEATURES, UNIT_VARIANCE).take(STEPS * batch * inputs).collect();
    let targets = uniform(TARGETS).map(|u| if u >= 0.5 { 0.0 } else { 1.0 }).take(STEPS * batch).collect();
    let data = Dataset::new(inputs, features, targets)?;
    let mut trainer = Trainer::new(network, throughput::options(workload, level, 1))?;
    let order: Vec<usize> = (0..data.rows()).collect();
    let losses = order.chunks(batch).map(|indices| trainer.step(&data, indices)).collect::<Result<_, _>>()?;
    Ok(Figures { losses, mean_prediction })
}

/// The starting weights of one layer in book order.
fn layer(index: u64, inputs: usize, outputs: usize) -> Vec<f32> {
    let scale = (1.0 / (inputs as f64).sqrt()) as f32;
    let (mut weights, biases) = (symmetric(2 * index, scale), symmetric(2 * index + 1, scale));
    biases
        .take(outputs)
        .flat_map(|bias| [bias].into_iter().chain(weights.by_ref().take(inputs)).collect::<Vec<_>>())
        .collect()
}

/// The numbers of a stream, stretched from 0..1 to -scale..scale.
fn symmetric(stream: u64, scale: f32) -> impl Iterator<Item = f32> {
    uniform(stream).map(move |u| (2.0 * u - 1.0) * scale)
}

/// The numbers of a stream in 0..1: the upper 24 bits of SplitMix64 (G. L. Steele and others 2014).
fn uniform(stream: u64) -> impl Iterator<Item = f32> {
    let start = mixed(stream);
    (1u64..).map(move |i| {
        let bits = mixed(start.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        (bits >> 40) as f32 * (1.0 / (1 << 24) as f32)
    })
}

/// The finaliser of SplitMix64.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests of the other programs expect the same figures.
    #[test]
    fn the_numbers_are_those_of_the_other_programs() {
        assert_eq!(layer(0, 3, 2)[1..3], [0.442_609_16, -0.079_064_69]);
        let features: Vec<f32> = symmetric(FEATURES, UNIT_VARIANCE).take(2).collect();
        assert_eq!(features, [1.596_647_7, 1.538_109_2]);
    }

    #[test]
    fn losses_are_near_those_of_a_fair_coin() {
        let workload = Workload::named("3-2-1", 64).expect("a network");
        let figures = figures(&workload, Level::best()).expect("training goes on");
        assert_eq!(figures.losses.len(), 3);
        assert!(figures.losses.iter().all(|loss| (0.5..1.0).contains(loss)), "{figures:?}");
    }
}

//! Results against the specification, and those of networks against the textbook.

use kernels::{Level, reference};
use net::textbook::Textbook;
use net::{Dataset, Network, Trainer};

use crate::error::Error;
use crate::prediction::Prediction;
use crate::throughput::{self, SHORT_EPOCH, Training};
use crate::workload::Workload;

/// Samples or rows that are compared with the textbook's: more than a tile has rows, and few, since that is slow.
const COMPARED: usize = 19;

/// A number that is not what its level promises.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what} at level {level}, place {place}: {found:e}, not {expected:e}")]
pub struct Disagreement {
    what: String,
    level: Level,
    place: usize,
    found: f32,
    expected: f32,
}

/// Whether `found` is what `level` promises: the bits of `expected` where it fuses, and else at most 16 rounding errors
/// away for each of the `steps` of the longest chain.
///
/// # Errors
/// If it is not, with the level and the first such place.
///
/// # Panics
/// If the lengths differ.
pub fn compare(level: Level, what: &str, found: &[f32], expected: &[f32], steps: usize) -> Result<(), Disagreement> {
    assert_eq!(found.len(), expected.len(), "{what} at level {level}");
    let tolerance = if level.is_fused() { 0.0 } else { 16.0 * f32::EPSILON * (steps + 8) as f32 };
    for (place, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let agrees = found.to_bits() == expected.to_bits()
            || (found - expected).abs() <= tolerance * expected.abs().max(1.0) && !level.is_fused();
        if !agrees {
            return Err(Disagreement { what: what.to_owned(), level, place, found, expected });
        }
    }
    Ok(())
}

/// Takes one step at each level and with each number of threads, and compares the weights with the textbook's.
///
/// # Errors
/// If they differ, or the threads cannot be had.
pub fn check_training(workload: &Workload, levels: &[Level], threads: &[usize]) -> Result<(), Error> {
    let network = workload.network();
    let (data, compared) = (workload.data(COMPARED), (0..COMPARED).collect::<Vec<_>>());
    let level = Level::best();
    let mut textbook = Textbook::new(&network, level);
    textbook.step(throughput::options(workload, level, 1).optimizer, &data, &compared);
    let expected = weights(&textbook.to_network()?);
    for &threads in threads {
        for &level in levels {
            let mut trainer = Trainer::new(network.clone(), throughput::options(workload, level, threads))?;
            trainer.step(&data, &compared)?;
            let what = format!("weights of {}, threads {threads},", workload.name());
            let longest = workload.widths.iter().copied().max().unwrap_or(1);
            compare(level, &what, &weights(trainer.network()), &expected, longest)?;
        }
    }
    Ok(())
}

/// Trains for an epoch of whole minibatches at each level that fuses, but for the scalar one, which takes seconds for wide
/// networks, and with each number of threads, and compares the weights with those of the first.
///
/// # Errors
/// If they differ, or the threads cannot be had.
pub fn check_epoch(workload: &Workload, levels: &[Level], threads: &[usize]) -> Result<(), Error> {
    let compared = levels.iter().filter(|level| level.is_fused() && !matches!(level, Level::Scalar(_)));
    let mut expected = None;
    for (&threads, &level) in threads.iter().flat_map(|threads| compared.clone().map(move |level| (threads, level))) {
        let mut training = Training::in_epochs_of(SHORT_EPOCH, workload, level, threads)?;
        training.session(|epoch| epoch())?;
        let found = weights(training.network());
        let what = format!("weights of {} after an epoch, threads {threads},", workload.name());
        compare(level, &what, &found, expected.get_or_insert_with(|| found.clone()), 1)?;
    }
    Ok(())
}

/// All weights, layer by layer.
fn weights(network: &Network) -> Vec<f32> {
    (1..=network.shape().layers().len()).flat_map(|layer| network.weights(layer)).collect()
}

/// Predicts `rows` rows of `data` at each level and with each number of threads, and compares y with the textbook's.
///
/// # Errors
/// If they differ, or the threads cannot be had.
pub fn check_prediction(
    network: &Network,
    data: &Dataset,
    rows: usize,
    levels: &[Level],
    threads: &[usize],
) -> Result<(), Error> {
    let textbook = Textbook::new(network, Level::best());
    let y = |row| reference::sigmoid(textbook.propagate(data.row(row)).output_preactivation());
    let expected: Vec<f32> = (0..rows.min(COMPARED)).map(y).collect();
    for &threads in threads {
        for &level in levels {
            let mut prediction = Prediction::new(network, data, rows, level, threads)?;
            prediction.run()?;
            let what = format!("y of {}, threads {threads},", network.shape());
            let shape = network.shape();
            let longest = shape.layers().map(|layer| layer.inputs).max().unwrap_or(1);
            compare(level, &what, &prediction.y()[..expected.len()], &expected, longest)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_off_is_found_and_named() {
        let level = Level::available()[0];
        let expected = [0.5f32, 1.0];
        assert!(compare(level, "sums", &expected, &expected, 1).is_ok());
        let error = compare(level, "sums", &[0.5, 1.0f32.next_up()], &expected, 1).expect_err("one bit is off");
        assert!(error.to_string().starts_with("sums at level scalar, place 1: "), "{error}");
    }
}

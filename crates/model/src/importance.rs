//! Permutation importance: how much worse a model gets when one column is shuffled.

use net::random::Random;
use serde::Serialize;

use crate::scores::main_loss;
use crate::{Compute, Examples, Model, Result, jobs};

/// The stream of random numbers that belongs to the first column; those of the next ones follow.
const STREAM: u64 = u64::from_be_bytes(*b"import\0\0");

/// How much a model depends on a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Importance {
    /// The column's name.
    pub column: String,
    /// By how much the loss on the rows rises when the column's cells are shuffled among them, on the mean over the
    /// repeats: the log loss, or of numbers the root mean squared error.
    pub mean: f64,
    /// The standard deviation over the repeats; nothing if there is one.
    pub standard_deviation: Option<f64>,
}

/// The importance of each column that the model uses, in its order (L. Breiman 2001): the inputs that come of a column are
/// shuffled among the rows together, `repeats` times, at least once. The same seed gives the same bits with any number of
/// threads.
///
/// # Errors
/// If there are no rows, or an answer is not finite.
pub fn importance(
    model: &Model,
    examples: &Examples,
    repeats: usize,
    seed: u64,
    compute: Compute,
) -> Result<Vec<Importance>> {
    let (target, width) = (model.pipeline.target(), model.pipeline.inputs());
    let baseline = main_loss(target, examples, &model.predictor(compute)?.predict(&examples.inputs)?)?;
    let mut places = Vec::new();
    let mut first = 0;
    for feature in model.pipeline.features() {
        let end = first + feature.encoder.inputs();
        places.push((&feature.name, first..end));
        first = end;
    }
    jobs::run(places.len(), compute, |number, compute| {
        let (name, place) = &places[number];
        let mut predictor = model.predictor(compute)?;
        let mut inputs = examples.inputs.clone();
        let mut order: Vec<usize> = (0..examples.targets.len()).collect();
        let mut random = Random::new(seed, STREAM.wrapping_add(number as u64));
        let mut rises = Vec::new();
        for _ in 0..repeats.max(1) {
            random.shuffle(&mut order);
            for (row, from) in order.iter().enumerate() {
                let source = &examples.inputs[from * width..][place.clone()];
                inputs[row * width..][place.clone()].copy_from_slice(source);
            }
            rises.push(main_loss(target, examples, &predictor.predict(&inputs)?)? - baseline);
        }
        let count = rises.len() as f64;
        let mean = rises.iter().sum::<f64>() / count;
        let squares: f64 = rises.iter().map(|rise| (rise - mean) * (rise - mean)).sum();
        let standard_deviation = (rises.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        Ok(Importance { column: (*name).clone(), mean, standard_deviation })
    })
}

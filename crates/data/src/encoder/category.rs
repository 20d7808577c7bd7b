//! Labels to inputs.

use serde::{Deserialize, Serialize};

use super::{MANY_ROWS, Reason, Sample, is_named_as_identifier};
use crate::Dictionary;
use crate::same_label::LabelFinder;

/// The most labels of a column that get an input of their own.
pub const MAX_LEVELS: usize = 100;

/// What becomes of a label: an input for each level, which is 1 for that level and else 0.
///
/// Levels are the labels that enough training rows have (1 % of them, but at least 2 rows, and 5 are always enough); at
/// most the 100 most frequent ones. Missing is a level like others. If training rows have labels besides, these share
/// one more input, which unknown labels get, too. If none has, an unknown label gives each level its share of the
/// training rows, as the average of all that it could be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryEncoder {
    levels: Vec<String>,
    has_missing: bool,
    has_other: bool,
    /// The share of the training rows that each input is 1 for.
    shares: Vec<f32>,
}

impl CategoryEncoder {
    pub(crate) fn fit(sample: &Sample<'_>, labels: &[String]) -> Result<Self, Reason> {
        let rows = sample.cells.len();
        let mut counts = vec![0_usize; labels.len()];
        let (mut missing, mut other) = (0, 0);
        for cell in sample.cells {
            match cell {
                cell if cell.is_nan() => missing += 1,
                cell if *cell == Dictionary::OTHER => other += 1,
                cell => counts[*cell as usize] += 1,
            }
        }
        let present = rows - missing;
        if present == 0 {
            return Err(Reason::Empty);
        }
        // Labels beyond the dictionary count as different ones.
        let different = counts.iter().filter(|count| **count > 0).count() + other;
        if different == 1 && missing == 0 {
            return Err(Reason::Constant);
        }
        if different == present && (present >= MANY_ROWS || (present > 2 && is_named_as_identifier(sample.name))) {
            return Err(Reason::Identifier);
        }
        let enough = (rows / 100).clamp(2, 5);
        let mut order: Vec<usize> = (0..labels.len()).filter(|code| counts[*code] >= enough).collect();
        order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| labels[a].cmp(&labels[b])));
        order.truncate(MAX_LEVELS);
        let has_missing = missing >= enough;
        let mut covered: Vec<usize> = order.iter().map(|code| counts[*code]).collect();
        covered.extend(has_missing.then_some(missing));
        let rest = rows - covered.iter().sum::<usize>();
        covered.extend((rest > 0).then_some(rest));
        // One input is 1 for every row.
        if covered.len() < 2 {
            return Err(if order.is_empty() { Reason::Rare } else { Reason::Constant });
        }
        Ok(Self {
            levels: order.into_iter().map(|code| labels[code].clone()).collect(),
            has_missing,
            has_other: rest > 0,
            shares: covered.into_iter().map(|count| (count as f64 / rows as f64) as f32).collect(),
        })
    }

    /// The labels with an input of their own, the most frequent one first.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// The place of each of these labels in [`CategoryEncoder::levels`], found by its text or else by its value: 1.0 is 1.
    pub fn places(&self, labels: &[String]) -> Vec<Option<usize>> {
        let levels = LabelFinder::new(&self.levels);
        labels.iter().map(|label| levels.find(label)).collect()
    }

    /// Whether missing has an input of its own, after the levels.
    pub fn has_missing(&self) -> bool {
        self.has_missing
    }

    /// Whether all other labels have an input together, the last one.
    pub fn has_other(&self) -> bool {
        self.has_other
    }

    /// The number of inputs, at least two.
    pub fn inputs(&self) -> usize {
        self.levels.len() + usize::from(self.has_missing) + usize::from(self.has_other)
    }

    /// Appends the inputs of a cell, which is missing or has a label; `level` is the place of the label in
    /// [`CategoryEncoder::levels`], if it is there.
    pub fn encode(&self, level: Option<usize>, missing: bool, inputs: &mut Vec<f32>) {
        let known = if missing { self.has_missing.then_some(self.levels.len()) } else { level };
        match known.or(self.has_other.then(|| self.inputs() - 1)) {
            Some(one) => inputs.extend((0..self.inputs()).map(|input| if input == one { 1.0 } else { 0.0 })),
            None => inputs.extend_from_slice(&self.shares),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        let shares = self.shares.iter().all(|share| (0.0..=1.0).contains(share));
        shares && self.shares.len() == self.inputs() && self.inputs() > 0
    }
}

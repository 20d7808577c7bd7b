//! Numbers to inputs.

use serde::{Deserialize, Serialize};

use super::{MANY_ROWS, Pieces, Reason, Sample, is_named_as_identifier};
use crate::scale::{distinct, quantile};
use crate::{Scale, Scaling};

/// What becomes of a number: an input on a common scale and, if asked for, one for each of some [`Pieces`] of its range.
///
/// A missing one is replaced by the median, and marked by an input of its own if the training rows have missing ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberEncoder {
    median: f64,
    /// Nothing if all values are the same, and only the mark tells rows apart.
    scale: Option<Scale>,
    pieces: Option<Pieces>,
    marks_missing: bool,
}

impl NumberEncoder {
    pub(crate) fn fit(sample: &Sample<'_>, scaling: Scaling, pieces: usize) -> Result<Self, Reason> {
        let present = sample.present();
        if present.is_empty() {
            return Err(Reason::Empty);
        }
        let scale = Scale::fit(&present, scaling);
        let marks_missing = present.len() < sample.cells.len();
        if scale.is_none() && !marks_missing {
            return Err(Reason::Constant);
        }
        let pieces = Pieces::fit(&present, pieces);
        let mut values = present;
        Ok(Self { median: quantile(&mut values, 0.5), scale, pieces, marks_missing })
    }

    /// The value that a missing one is replaced by.
    pub fn median(&self) -> f64 {
        self.median
    }

    /// The scale, unless all values are the same.
    pub fn scale(&self) -> Option<&Scale> {
        self.scale.as_ref()
    }

    /// The pieces of the range that have inputs of their own, if any.
    pub fn pieces(&self) -> Option<&Pieces> {
        self.pieces.as_ref()
    }

    /// Whether there is an input that is 1 where the value is missing, and else 0.
    pub fn marks_missing(&self) -> bool {
        self.marks_missing
    }

    /// The number of inputs, at least one.
    pub fn inputs(&self) -> usize {
        let pieces = self.pieces.as_ref().map_or(0, Pieces::inputs);
        usize::from(self.scale.is_some()) + pieces + usize::from(self.marks_missing)
    }

    pub(super) fn encode(&self, cell: f32, inputs: &mut Vec<f32>) {
        let value = if cell.is_nan() { self.median } else { f64::from(cell) };
        inputs.extend(self.scale.as_ref().map(|scale| scale.apply(value)));
        if let Some(pieces) = &self.pieces {
            pieces.encode(value, inputs);
        }
        if self.marks_missing {
            inputs.push(if cell.is_nan() { 1.0 } else { 0.0 });
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        let sound_pieces = self.pieces.as_ref().is_none_or(|pieces| self.scale.is_some() && pieces.is_sound());
        self.median.is_finite() && self.scale.as_ref().is_none_or(Scale::is_sound) && sound_pieces && self.inputs() > 0
    }
}

/// Whether whole numbers only tell which row it is: they count the rows; or they all differ, and the column is named
/// like an identifier.
pub(super) fn is_identifier(sample: &Sample<'_>) -> bool {
    let cells = sample.cells;
    // A missing number has no whole part, either.
    if cells.iter().any(|value| value.fract() != 0.0) {
        return false;
    }
    let offset = |(row, value): (&usize, &f32)| *row as f64 - f64::from(*value);
    let mut offsets = sample.rows.iter().zip(cells).map(offset);
    let first = offsets.next();
    if cells.len() >= MANY_ROWS && offsets.all(|offset| Some(offset) == first) {
        return true;
    }
    /// From here on, different whole numbers may be the same f32.
    const EXACT: f32 = (1 << 24) as f32;
    let inexact = cells.iter().any(|value| value.abs() >= EXACT);
    is_named_as_identifier(sample.name) && (inexact || distinct(cells) == cells.len())
}

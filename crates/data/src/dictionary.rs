//! The labels of a column of categories, each kept once.

use std::collections::HashMap;

use crate::same_label::Values;

/// The most labels that a column keeps, so that free text does not fill the memory.
pub const MAX_LABELS: usize = 1 << 16;

/// The most bytes of labels that a column keeps.
const MAX_BYTES: usize = 1 << 22;

/// Labels and their codes: a code is the place of its label, as a whole f32.
///
/// A dictionary grows until it has 65,536 labels or 4 MiB of them, or has its labels from the beginning. Every other label
/// has the code [`Dictionary::OTHER`]. Of labels that were there from the beginning, one is found by its value, too: 1 as 1.0.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    labels: Vec<String>,
    codes: HashMap<String, f32>,
    bytes: usize,
    complete: bool,
    /// Of the labels from the beginning alone: those of a table that is trained on are told apart by their text.
    values: Values,
}

impl Dictionary {
    /// The code of labels that are not in the dictionary.
    pub const OTHER: f32 = -1.0;

    /// A dictionary of these labels, and no others.
    pub fn of(labels: &[String]) -> Self {
        let mut dictionary = Self::default();
        for label in labels {
            dictionary.insert(label);
        }
        Self { complete: true, values: Values::of(labels), ..dictionary }
    }

    /// The labels, in the order of their codes.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The code of a label, which is taken into the dictionary if there is room.
    pub(crate) fn code(&mut self, label: &str) -> f32 {
        match self.codes.get(label) {
            Some(code) => *code,
            None if self.complete || self.labels.len() == MAX_LABELS || self.bytes + label.len() > MAX_BYTES => {
                self.complete = true;
                self.values.find(label).map_or(Self::OTHER, |place| place as f32)
            }
            None => self.insert(label),
        }
    }

    fn insert(&mut self, label: &str) -> f32 {
        let code = self.labels.len() as f32;
        self.labels.push(label.to_owned());
        self.codes.insert(label.to_owned(), code);
        self.bytes += label.len();
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_get_codes_in_the_order_of_their_appearance() {
        let mut dictionary = Dictionary::default();
        assert_eq!(["b", "a", "b"].map(|label| dictionary.code(label)), [0.0, 1.0, 0.0]);
        assert_eq!(dictionary.labels(), ["b", "a"]);
    }

    #[test]
    fn known_labels_are_found_by_their_value() {
        let mut known = Dictionary::of(&["2.0", "1", "a", "3", "3.0"].map(str::to_owned));
        let codes = ["2", "1.0", "1", "a", "3.00", "3.0", "4"].map(|label| known.code(label));
        assert_eq!(codes, [0.0, 1.0, 1.0, 2.0, Dictionary::OTHER, 4.0, Dictionary::OTHER]);
        let mut grown = Dictionary::default();
        assert_eq!(["1", "1.0", "1"].map(|label| grown.code(label)), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_full_dictionary_knows_no_more_labels() {
        let mut dictionary = Dictionary::default();
        for number in 0..MAX_LABELS {
            assert_eq!(dictionary.code(&number.to_string()), number as f32);
        }
        assert_eq!((dictionary.code("new"), dictionary.code("7")), (Dictionary::OTHER, 7.0));
        let mut dictionary = Dictionary::of(&["a".to_owned()]);
        assert_eq!((dictionary.code("a"), dictionary.code("b")), (0.0, Dictionary::OTHER));
        let long = "x".repeat(MAX_BYTES);
        let mut dictionary = Dictionary::default();
        assert_eq!((dictionary.code(&long), dictionary.code("y")), (0.0, Dictionary::OTHER));
    }
}

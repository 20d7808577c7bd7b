//! The target: the labels in its column, and which of them is t = 1.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The labels of all rows, each name kept once.
#[derive(Debug, Clone)]
pub struct Labels {
    file: String,
    column: String,
    names: Vec<String>,
    codes: Vec<u32>,
    code_of: HashMap<String, u32>,
}

impl Labels {
    pub(crate) fn new(file: &str, column: &str) -> Self {
        let (file, column) = (file.to_owned(), column.to_owned());
        Self { file, column, names: Vec::new(), codes: Vec::new(), code_of: HashMap::new() }
    }

    pub(crate) fn push(&mut self, label: &str) {
        let code = match self.code_of.get(label) {
            Some(code) => *code,
            None => {
                let code = self.names.len() as u32;
                self.names.push(label.to_owned());
                self.code_of.insert(label.to_owned(), code);
                code
            }
        };
        self.codes.push(code);
    }

    /// The file that the labels were read from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The name of the target column.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The different labels, in the order in which they first appear.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// For each row, the place of its label in [`Labels::names`].
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The number of rows with a label, given by its place in [`Labels::names`].
    pub fn count(&self, code: usize) -> usize {
        self.codes.iter().filter(|&&other| other as usize == code).count()
    }
}

/// The two classes of a target: the label of t = 0, and the label of t = 1, which is the positive class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes([String; 2]);

impl Classes {
    /// Decides which label is t = 1: `positive` if it is given; else 1 if the labels are 0 and 1; else the rarer one;
    /// else, of two equally frequent ones, the later one in sorted order.
    ///
    /// # Errors
    /// If there are not exactly two labels, or none of them is `positive`.
    pub fn choose(labels: &Labels, positive: Option<&str>) -> Result<Self> {
        let (file, column) = (labels.file().to_owned(), labels.column().to_owned());
        let [first, second] = labels.names() else {
            return Err(match labels.names() {
                [] => Error::NoRows { file },
                [label] => Error::OneClass { file, column, label: label.clone() },
                names => Error::ManyClasses { file, column, labels: names.to_vec() },
            });
        };
        let first_is_positive = match positive {
            Some(label) if label == first || label == second => label == first,
            Some(label) => {
                let (label, labels) = (label.to_owned(), [first.clone(), second.clone()]);
                return Err(Error::UnknownPositive { label, column, labels });
            }
            None => match (first.parse::<f64>(), second.parse::<f64>()) {
                (Ok(1.0), Ok(0.0)) => true,
                (Ok(0.0), Ok(1.0)) => false,
                _ => (labels.count(1), first) > (labels.count(0), second),
            },
        };
        let (negative, positive) = if first_is_positive { (second, first) } else { (first, second) };
        Ok(Self([negative.clone(), positive.clone()]))
    }

    /// The label of the class t, which is 0 or 1.
    ///
    /// # Panics
    /// If `t` is another number.
    pub fn label(&self, t: usize) -> &str {
        &self.0[t]
    }

    /// The class t of every row, 0.0 or 1.0.
    pub fn targets(&self, labels: &Labels) -> Vec<f32> {
        let target_of: Vec<f32> =
            labels.names().iter().map(|name| if *name == self.0[1] { 1.0 } else { 0.0 }).collect();
        labels.codes().iter().map(|&code| target_of[code as usize]).collect()
    }

    /// The label that a row gets: that of t = 1 if p(t = 1) reaches the threshold.
    pub fn decide(&self, prob_t1: f32, threshold: f32) -> &str {
        self.label(usize::from(prob_t1 >= threshold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Labels {
        let mut labels = Labels::new("t.csv", "kind");
        names.iter().for_each(|name| labels.push(name));
        labels
    }

    fn positive(names: &[&str]) -> String {
        Classes::choose(&labels(names), None).unwrap().label(1).to_owned()
    }

    #[test]
    fn the_positive_class_by_default() {
        assert_eq!(positive(&["0", "1", "1", "1"]), "1");
        assert_eq!(positive(&["1", "1", "0"]), "1");
        assert_eq!(positive(&["1.0", "0.0", "1.0"]), "1.0");
        assert_eq!(positive(&["no", "yes", "no"]), "yes");
        assert_eq!(positive(&["yes", "no", "no"]), "yes");
        assert_eq!(positive(&["a", "b"]), "b");
        assert_eq!(positive(&["b", "a"]), "b");
    }

    #[test]
    fn the_positive_class_can_be_chosen() {
        let labels = labels(&["no", "yes", "no"]);
        let classes = Classes::choose(&labels, Some("no")).unwrap();
        assert_eq!((classes.label(0), classes.label(1)), ("yes", "no"));
        assert_eq!(classes.targets(&labels), [1.0, 0.0, 1.0]);
        assert_eq!((classes.decide(0.5, 0.5), classes.decide(0.49, 0.5)), ("no", "yes"));
    }

    #[test]
    fn faults_name_the_column_and_the_labels() {
        for (names, choice, complaint) in [
            (&["a", "a"][..], None, "every row of `t.csv` has the label `a` in its target column `kind`"),
            (&["a", "b", "c", "d"], None, "has 4 different labels (`a`, `b`, `c`, ...)"),
            (
                &["a", "b"],
                Some("c"),
                "no row has the label `c` in the target column `kind`: its labels are `a` and `b`",
            ),
        ] {
            let error = Classes::choose(&labels(names), choice).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }
}

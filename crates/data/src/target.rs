//! The target: what is to be predicted, and how it is told to the network.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::infer::Inferred;
use crate::same_label::{LabelFinder, is_number};
use crate::{Column, Error, Kind, Result, Scale, Scaling, Table};

/// What is to be predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Which label a row has.
    Classification,
    /// A number.
    Regression,
}

impl Task {
    /// The target column as it has to be read: [`Task::kind`] says what it holds. Where all labels are numbers, a word such as
    /// `NA` is a missing one.
    ///
    /// # Errors
    /// As [`Task::kind`].
    pub fn to_read(task: Option<Self>, column: &Inferred, file: &str) -> Result<Column> {
        let target = Column::target(&column.name, Self::kind(task, column, file)?);
        Ok(if column.kind == Kind::Number { target.of_numbers() } else { target })
    }

    /// What the target column holds. Without a task, text is labels; numbers are labels, too, if there are
    /// two of them, or at most 20 and all are whole.
    ///
    /// # Errors
    /// If `column` of `file` cannot be a target of this task.
    pub fn kind(task: Option<Self>, column: &Inferred, file: &str) -> Result<Kind> {
        let wrong = |wanted: &str| Error::WrongType {
            file: file.to_owned(),
            column: column.name.clone(),
            wanted: wanted.to_owned(),
            found: column.kind.to_string(),
        };
        match (task, column.kind) {
            (Some(Task::Classification), Kind::Date(_)) | (None, Kind::Date(_)) => Err(wrong("classes or numbers")),
            (Some(Task::Classification), _) | (None, Kind::Category) => Ok(Kind::Category),
            (Some(Task::Regression), Kind::Number) => Ok(Kind::Number),
            (Some(Task::Regression), _) => Err(wrong("numbers")),
            (None, Kind::Number) if column.classes.is_some() => Ok(Kind::Category),
            (None, Kind::Number) => Ok(Kind::Number),
        }
    }
}

/// The labels of all rows, each name kept once.
#[derive(Debug, Clone)]
pub struct Labels {
    file: String,
    column: String,
    names: Vec<String>,
    codes: Vec<u32>,
}

impl Labels {
    /// Every code is the place of a name.
    pub(crate) fn new(file: &str, column: &str, names: Vec<String>, codes: Vec<u32>) -> Self {
        let (file, column) = (file.to_owned(), column.to_owned());
        Self { file, column, names, codes }
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
            Some(label) => match LabelFinder::new(labels.names()).find(label) {
                Some(place) => place == 0,
                None => {
                    let (label, labels) = (label.to_owned(), [first.clone(), second.clone()]);
                    return Err(Error::UnknownPositive { label, column, labels });
                }
            },
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

    /// The label that a row gets: that of t = 1 if p(t = 1) reaches the threshold.
    pub fn decide(&self, prob_t1: f32, threshold: f32) -> &str {
        self.label(usize::from(prob_t1 >= threshold))
    }
}

/// The target column, and how its values and the network's outputs belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Two classes.
    Binary {
        /// The name of the target column.
        column: String,
        /// The labels of t = 0 and t = 1.
        classes: Classes,
    },
    /// Several classes, numbered from 0.
    Classes {
        /// The name of the target column.
        column: String,
        /// The labels: in numeric order if all are numbers, else sorted as text.
        labels: Vec<String>,
    },
    /// A number, which is standardised.
    Number {
        /// The name of the target column.
        column: String,
        /// From the column's own unit to mean 0 and standard deviation 1 in the rows to train on.
        scale: Scale,
    },
}

impl Target {
    /// What is to be predicted in a column of `table`: two classes or several if it holds labels, else a number, whose
    /// scale is that of the rows to train on. `positive` is as for [`Classes::choose`].
    ///
    /// # Errors
    /// If there is no such column; if there is one class only; if there is a `positive` class, but not two classes, one
    /// of which it is; or if all numbers are the same.
    pub fn fit(table: &Table, column: &str, positive: Option<&str>, rows: &[usize]) -> Result<Self> {
        let position = table.position(column)?;
        let (file, column) = (table.file().to_owned(), column.to_owned());
        if table.columns()[position].kind() == Kind::Number {
            if let Some(label) = positive {
                return Err(Error::NoClasses { column, label: label.to_owned() });
            }
            let values = table.gather(position, rows);
            return match Scale::fit(&values, Scaling::Standard) {
                Some(scale) => Ok(Target::Number { column, scale }),
                None => {
                    let label = values.first().map_or_else(String::new, f32::to_string);
                    Err(Error::OneClass { file, column, label })
                }
            };
        }
        let labels = table.labels(&column)?;
        if labels.names().len() <= 2 || positive.is_some() {
            return Ok(Target::Binary { column, classes: Classes::choose(&labels, positive)? });
        }
        let mut labels = labels.names().to_vec();
        let numbers: Option<Vec<f64>> = labels.iter().map(|label| label.parse().ok()).collect();
        match numbers {
            Some(_) => labels.sort_by(|a, b| {
                let number = |label: &str| label.parse::<f64>().unwrap_or(f64::NAN);
                number(a).total_cmp(&number(b)).then_with(|| a.cmp(b))
            }),
            None => labels.sort(),
        }
        Ok(Target::Classes { column, labels })
    }

    /// The name of the target column.
    pub fn column(&self) -> &str {
        match self {
            Target::Binary { column, .. } | Target::Classes { column, .. } | Target::Number { column, .. } => column,
        }
    }

    /// Its column as it has to be read from another table. Every row must have a value.
    pub fn to_read(&self) -> Column {
        let labels = match self {
            Target::Number { column, .. } => return Column::target(column, Kind::Number),
            Target::Binary { classes, .. } => &classes.0[..],
            Target::Classes { labels, .. } => &labels[..],
        };
        let column = Column::target(self.column(), Kind::Category);
        if labels.iter().all(|label| is_number(label)) { column.of_numbers() } else { column }
    }

    /// The number of outputs that a network needs for it.
    pub fn outputs(&self) -> usize {
        match self {
            Target::Binary { .. } | Target::Number { .. } => 1,
            Target::Classes { labels, .. } => labels.len(),
        }
    }

    /// The target of every row of a table: t, which is 0 or 1; the number of the class, from 0; or the standardised
    /// number. Labels that are numbers are the same if their values are: 1 and 1.0.
    ///
    /// # Errors
    /// If the table lacks the column, or it has a label that is none of the classes.
    pub fn values(&self, table: &Table) -> Result<Vec<f32>> {
        let position = table.position(self.column())?;
        let names = match self {
            Target::Number { scale, .. } => {
                return Ok(table.cells(position).map(|value| scale.apply(f64::from(value))).collect());
            }
            Target::Binary { classes, .. } => &classes.0[..],
            Target::Classes { labels, .. } => &labels[..],
        };
        let (classes, labels) = (LabelFinder::new(names), table.labels(self.column())?);
        let value = |label: &String| classes.find(label).map(|class| class as f32);
        let values: Vec<Option<f32>> = labels.names().iter().map(value).collect();
        let codes = labels.codes().iter().enumerate();
        codes
            .map(|(row, &code)| {
                values[code as usize].ok_or_else(|| Error::UnknownLabel {
                    place: table.place(row),
                    label: labels.names()[code as usize].clone(),
                    column: self.column().to_owned(),
                    labels: names.to_vec(),
                })
            })
            .collect()
    }

    /// Whether everything is such as fitting gives.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Target::Binary { classes, .. } => classes.0[0] != classes.0[1],
            Target::Classes { labels, .. } => {
                let different: HashSet<&String> = labels.iter().collect();
                labels.len() >= 2 && different.len() == labels.len()
            }
            Target::Number { scale, .. } => scale.is_sound() && !scale.is_clipped(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{Column, ReadOptions, Source, TableReader};

    fn table(cells: &[&str], kind: Kind) -> Table {
        let text = format!("kind\n{}\n", cells.join("\n"));
        let reader = TableReader::open(Source::memory("t.csv", text.into_bytes()), &ReadOptions::default()).unwrap();
        reader.read(vec![Column::target("kind", kind)]).unwrap()
    }

    fn labels(names: &[&str]) -> Labels {
        table(names, Kind::Category).labels("kind").unwrap()
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
        let table = table(&["no", "yes", "no"], Kind::Category);
        let target = Target::fit(&table, "kind", Some("no"), &[0]).unwrap();
        assert_eq!((target.values(&table).unwrap(), target.outputs()), (vec![1.0, 0.0, 1.0], 1));
        let Target::Binary { classes, .. } = target else { panic!("{target:?}") };
        assert_eq!((classes.label(0), classes.label(1)), ("yes", "no"));
        assert_eq!(Classes::choose(&labels(&["0.0", "1.0"]), Some("0")).unwrap().label(1), "0.0");
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

    #[test]
    fn several_classes_have_a_stable_order() {
        for (cells, order, values) in [
            (&["c", "a", "b", "a"][..], ["a", "b", "c"], [2.0, 0.0, 1.0, 0.0]),
            (&["10", "9", "-1", "9"], ["-1", "9", "10"], [2.0, 1.0, 0.0, 1.0]),
        ] {
            let table = table(cells, Kind::Category);
            let target = Target::fit(&table, "kind", None, &[0]).unwrap();
            assert_eq!((target.values(&table).unwrap(), target.outputs()), (values.to_vec(), 3));
            let Target::Classes { labels, .. } = target else { panic!("{target:?}") };
            assert_eq!(labels, order);
        }
    }

    #[test]
    fn another_table_may_write_numbers_otherwise() {
        let several = table(&["1", "0.0", "1.0", "0"], Kind::Category);
        assert_eq!(several.labels("kind").unwrap().names(), ["1", "0.0"]);
        let target = Target::fit(&several, "kind", None, &[0]).unwrap();
        assert_eq!((target.values(&several).unwrap(), target.outputs()), (vec![1.0, 0.0, 1.0, 0.0], 1));
        for cells in [&["1", "0", "1"][..], &["2", "0", "1"]] {
            let target = Target::fit(&table(cells, Kind::Category), "kind", None, &[0]).unwrap();
            assert_eq!(target.values(&table(&["1.0", "0.0", "1"], Kind::Category)).unwrap(), [1.0, 0.0, 1.0]);
            let error = target.values(&table(&["1.0", "0.5"], Kind::Category)).unwrap_err().to_string();
            assert!(error.contains("row 2") && error.contains("`0.5`"), "{error}");
        }
    }

    #[test]
    fn numbers_are_standardised_by_the_rows_to_train_on() {
        let table = table(&["1", "3", "7"], Kind::Number);
        let target = Target::fit(&table, "kind", None, &[0, 1]).unwrap();
        assert_eq!(target.values(&table).unwrap(), [-1.0, 1.0, 5.0]);
        let error = Target::fit(&table, "kind", Some("1"), &[0, 1]).unwrap_err().to_string();
        assert!(error.contains("no class `1`"), "{error}");
        assert!(matches!(Target::fit(&table, "kind", None, &[2]), Err(Error::OneClass { .. })));
    }

    #[test]
    fn labels_that_look_missing_are_labels() {
        assert_eq!(labels(&["None", "NA", "?"]).names(), ["None", "NA", "?"]);
    }

    #[test]
    fn among_numbers_no_word_is_a_label() {
        for (cells, is_missing) in [(["0", "1", "NA"], true), (["no", "yes", "NA"], false)] {
            let text = format!("kind\n{}\n", cells.join("\n"));
            let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
            let inferred = reader.infer(&["kind".to_owned()]).unwrap();
            let known = Target::fit(&table(&cells[..2], Kind::Category), "kind", None, &[0]).unwrap();
            for column in [Task::to_read(None, &inferred[0], "t.csv").unwrap(), known.to_read()] {
                let error = reader.read(vec![column]).err().map(|error| error.to_string());
                let words = "row 3 (line 4), target column `kind` is empty";
                assert_eq!(error.as_ref().is_some_and(|error| error.contains(words)), is_missing, "{error:?}");
                assert_eq!(error.is_some(), is_missing, "{error:?}");
            }
        }
    }

    #[test]
    fn the_task_follows_from_the_column() {
        let inferred = |kind, classes| Inferred { name: "a".to_owned(), kind, classes, note: None };
        let kind = |task, column: &Inferred| Task::kind(task, column, "t").ok();
        let (text, few, many) =
            (inferred(Kind::Category, None), inferred(Kind::Number, Some(3)), inferred(Kind::Number, None));
        assert_eq!(
            [&text, &few, &many].map(|column| kind(None, column)),
            [Some(Kind::Category), Some(Kind::Category), Some(Kind::Number)]
        );
        assert_eq!(
            [&text, &few, &many].map(|column| kind(Some(Task::Regression), column)),
            [None, Some(Kind::Number), Some(Kind::Number)]
        );
        assert_eq!(
            [&text, &few, &many].map(|column| kind(Some(Task::Classification), column)),
            [Some(Kind::Category); 3]
        );
    }
}

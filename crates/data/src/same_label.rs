//! When two labels are the same: if their text is or, of numbers, their value. One program writes 1, and another one 1.0.

use std::collections::HashMap;

/// Finds labels among those that are known.
pub(crate) struct LabelFinder<'a> {
    by_text: HashMap<&'a str, usize>,
    by_value: Values,
}

/// The places of labels that are numbers, by their value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    /// None where several labels have the value.
    places: HashMap<u64, Option<usize>>,
}

impl Values {
    pub(crate) fn of(names: &[String]) -> Self {
        let mut places = HashMap::new();
        for (place, name) in names.iter().enumerate() {
            if let Some(value) = value(name) {
                places.entry(value).and_modify(|place| *place = None).or_insert(Some(place));
            }
        }
        Self { places }
    }

    /// The place of the one label that has the value of this one.
    pub(crate) fn find(&self, label: &str) -> Option<usize> {
        // Most columns have none, and every unknown label of a table would be parsed.
        if self.places.is_empty() { None } else { self.places.get(&value(label)?).copied().flatten() }
    }
}

impl<'a> LabelFinder<'a> {
    /// Of these labels, which are all different.
    pub(crate) fn new(names: &'a [String]) -> Self {
        Self { by_text: names.iter().map(String::as_str).zip(0..).collect(), by_value: Values::of(names) }
    }

    /// The place of the label of this text or else, if there is one alone, of this value.
    pub(crate) fn find(&self, label: &str) -> Option<usize> {
        self.by_text.get(label).copied().or_else(|| self.by_value.find(label))
    }
}

/// The different labels, each as it is first written, and for each of `names` the place of its label among them. Where not
/// all are numbers, all of `names` are different.
pub(crate) fn different(names: &[String]) -> (Vec<String>, Vec<u32>) {
    let values: Option<Vec<u64>> = names.iter().map(|name| value(name)).collect();
    let Some(values) = values else { return (names.to_vec(), (0..names.len() as u32).collect()) };
    let (mut kept, mut places) = (Vec::new(), HashMap::new());
    let place_of = |(name, value): (&String, u64)| {
        *places.entry(value).or_insert_with(|| {
            kept.push(name.clone());
            kept.len() as u32 - 1
        })
    };
    let places = names.iter().zip(values).map(place_of).collect();
    (kept, places)
}

/// Whether a label is a number.
pub(crate) fn is_number(label: &str) -> bool {
    value(label).is_some()
}

/// The bits of a number, the same ones for both zeros.
fn value(label: &str) -> Option<u64> {
    let number: f64 = label.parse().ok()?;
    number.is_finite().then(|| (number + 0.0).to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_same_value_are_one_label() {
        let different = |names: &[&str]| different(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            different(&["1", "0.0", "1.0", "0", "2"]),
            (["1", "0.0", "2"].map(str::to_owned).into(), vec![0, 1, 0, 1, 2])
        );
        let text = ["1", "1.0", "one"];
        assert_eq!(different(&text), (text.map(str::to_owned).into(), vec![0, 1, 2]));
        assert_eq!(different(&[]), (vec![], vec![]));
    }

    #[test]
    fn numbers_are_found_by_their_value() {
        let names = ["0", "1.0", "one", "2", "2.0", "inf"].map(str::to_owned);
        let finder = LabelFinder::new(&names);
        for (label, place) in [
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("1.0", Some(1)),
            ("1", Some(1)),
            ("1e0", Some(1)),
            ("one", Some(2)),
            ("One", None),
            ("2", Some(3)),
            ("2.0", Some(4)),
            ("2.00", None),
            ("inf", Some(5)),
            ("infinity", None),
            ("3", None),
            ("", None),
        ] {
            assert_eq!(finder.find(label), place, "{label}");
        }
    }
}

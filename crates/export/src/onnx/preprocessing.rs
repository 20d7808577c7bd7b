//! From columns to the inputs of a network, as `data::Encoder` does it: in double precision, each input rounded once.
//!
//! All numbers are put side by side, so that each kind of input (scaled numbers, pieces, marks of missing ones, waves) is
//! computed for all columns at once; a column of labels is looked up in a table of the inputs that its labels become.

use data::{CategoryEncoder, Encoder, Feature, NumberEncoder, Pipeline};

use super::graph::{Graph, Value, int, ints, strings};
use super::proto::DataType;

/// Adds an input of the graph for each column, and what makes of them the inputs of the networks, (rows, inputs).
pub(super) fn add(graph: &mut Graph, pipeline: &Pipeline) -> Value {
    let (mut columns, mut numbers, mut labels) = (Vec::new(), Numbers::default(), Vec::new());
    let mut place = 0;
    for Feature { name, encoder } in pipeline.features() {
        let (element, meaning) = match encoder {
            Encoder::Number(_) => (DataType::Float, "a number; NaN where it is missing"),
            Encoder::Category(_) => (DataType::String, "a label without blanks around it; empty where it is missing"),
            Encoder::Date(..) => {
                (DataType::Float, "days since 1970-01-01, the time of day a fraction; NaN where it is missing")
            }
        };
        let column = graph.input(name, element, 1, meaning);
        match encoder {
            Encoder::Number(number) => {
                numbers.add(number, place);
                columns.push(column);
            }
            Encoder::Date(_, date) => {
                numbers.add(date.days(), place);
                numbers.add_cycles(date.cycles(), place + date.days().inputs());
                columns.push(column);
            }
            Encoder::Category(category) => labels.push((category, column, place)),
        }
        place += encoder.inputs();
    }
    let mut parts = Parts::default();
    if !columns.is_empty() {
        numbers.encode(graph, &columns, &mut parts);
    }
    for (category, column, first) in labels {
        let inputs = encode_labels(graph, category, &column);
        parts.add(inputs, first..first + category.inputs());
    }
    parts.in_order(graph)
}

/// Inputs of networks, and their places.
#[derive(Default)]
struct Parts {
    values: Vec<Value>,
    places: Vec<usize>,
}

impl Parts {
    fn add(&mut self, value: Value, places: impl IntoIterator<Item = usize>) {
        self.values.push(value);
        self.places.extend(places);
    }

    /// All of them side by side, each in its place.
    fn in_order(self, graph: &mut Graph) -> Value {
        let all = concatenated(graph, &self.values);
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by_key(|part| self.places[*part]);
        chosen(graph, &all, &order, self.places.len())
    }
}

/// Values side by side.
fn concatenated(graph: &mut Graph, values: &[Value]) -> Value {
    match values {
        [value] => value.clone(),
        _ => graph.node("Concat", &values.iter().collect::<Vec<_>>(), vec![int("axis", 1)]),
    }
}

/// These columns of `width` columns.
fn chosen(graph: &mut Graph, value: &Value, columns: &[usize], width: usize) -> Value {
    if columns.iter().copied().eq(0..width) {
        return value.clone();
    }
    let columns: Vec<i64> = columns.iter().map(|column| *column as i64).collect();
    let columns = graph.constant("columns", &[columns.len()], &columns);
    graph.node("Gather", &[value, &columns], vec![int("axis", 1)])
}

/// Inputs of one kind: the column of each among those of numbers, its place, and its `N` constants.
struct Group<const N: usize> {
    columns: Vec<usize>,
    places: Vec<usize>,
    constants: [Vec<f64>; N],
}

impl<const N: usize> Default for Group<N> {
    fn default() -> Self {
        Self { columns: Vec::new(), places: Vec::new(), constants: [const { Vec::new() }; N] }
    }
}

impl<const N: usize> Group<N> {
    fn push(&mut self, column: usize, place: usize, constants: [f64; N]) {
        self.columns.push(column);
        self.places.push(place);
        self.constants.iter_mut().zip(constants).for_each(|(list, constant)| list.push(constant));
    }

    /// Adds the inputs, if there are any: those that `make` makes of the columns and the constants, which are rows.
    fn encode(
        self,
        graph: &mut Graph,
        (value, width): (&Value, usize),
        names: [&str; N],
        parts: &mut Parts,
        make: impl FnOnce(&mut Graph, Value, [Value; N]) -> Value,
    ) {
        if self.columns.is_empty() {
            return;
        }
        let value = chosen(graph, value, &self.columns, width);
        let mut names = names.into_iter();
        let constants = self
            .constants
            .map(|constants| graph.constant(names.next().expect("a name for each"), &[1, constants.len()], &constants));
        let inputs = make(graph, value, constants);
        let inputs = graph.cast(&inputs, DataType::Float);
        parts.add(inputs, self.places);
    }
}

/// What becomes of the columns of numbers.
#[derive(Default)]
struct Numbers {
    medians: Vec<f64>,
    /// Centre and spread.
    scaled: Group<2>,
    clipped: Group<2>,
    /// Where a piece begins, and how long it is.
    pieces: Group<2>,
    marks: Group<0>,
    /// The length of a cycle, and the phase at which the wave begins.
    waves: Group<2>,
}

impl Numbers {
    /// Adds a column, whose inputs begin at this place.
    fn add(&mut self, number: &NumberEncoder, mut place: usize) {
        let column = self.medians.len();
        self.medians.push(number.median());
        if let Some(scale) = number.scale() {
            let group = if scale.is_clipped() { &mut self.clipped } else { &mut self.scaled };
            group.push(column, place, [scale.center(), scale.spread()]);
            place += 1;
        }
        for ends in number.pieces().into_iter().flat_map(|pieces| pieces.knots().windows(2)) {
            let (from, to) = (f64::from(ends[0]), f64::from(ends[1]));
            self.pieces.push(column, place, [from, to - from]);
            place += 1;
        }
        if number.marks_missing() {
            self.marks.push(column, place, []);
        }
    }

    /// Adds the cycles of the column that was added last.
    fn add_cycles(&mut self, cycles: &[f64], mut place: usize) {
        for cycle in cycles {
            for phase in [0.0, 0.25] {
                self.waves.push(self.medians.len() - 1, place, [*cycle, phase]);
                place += 1;
            }
        }
    }

    fn encode(self, graph: &mut Graph, columns: &[Value], parts: &mut Parts) {
        let width = columns.len();
        let cells = concatenated(graph, columns);
        let missing = graph.apply("IsNaN", &[&cells]);
        let cells = graph.cast(&cells, DataType::Double);
        let medians = graph.constant("medians", &[1, width], &self.medians);
        let present = graph.apply("Where", &[&missing, &medians, &cells]);

        self.scaled.encode(graph, (&present, width), ["centers", "spreads"], parts, |graph, value, constants| {
            let scaled = standardized(graph, &value, constants);
            clipped(graph, &scaled, [f64::from(f32::MIN), f64::from(f32::MAX)])
        });
        // u / sqrt(1 + (u / 3)^2)
        self.clipped.encode(graph, (&present, width), ["centers", "spreads"], parts, |graph, value, constants| {
            let scaled = standardized(graph, &value, constants);
            let [bound, one] = [data::Scale::CLIP, 1.0].map(|number| scalar(graph, number));
            let share = graph.apply("Div", &[&scaled, &bound]);
            let square = graph.apply("Mul", &[&share, &share]);
            let sum = graph.apply("Add", &[&one, &square]);
            let root = graph.apply("Sqrt", &[&sum]);
            graph.apply("Div", &[&scaled, &root])
        });
        self.pieces.encode(graph, (&present, width), ["knots", "lengths"], parts, |graph, value, constants| {
            let filled = standardized(graph, &value, constants);
            clipped(graph, &filled, [0.0, 1.0])
        });
        self.marks.encode(graph, (&missing, width), [], parts, |_, missing, []| missing);
        let waving = self.waves.columns.clone();
        self.waves.encode(graph, (&present, width), ["cycles", "phases"], parts, |graph, value, [cycles, phases]| {
            // 4 |phase - floor(phase) - 1/2| - 1
            let phase = graph.apply("Div", &[&value, &cycles]);
            let phase = graph.apply("Add", &[&phase, &phases]);
            let floor = graph.apply("Floor", &[&phase]);
            let phase = graph.apply("Sub", &[&phase, &floor]);
            let [half, four, one, none] = [0.5, 4.0, 1.0, 0.0].map(|number| scalar(graph, number));
            let distance = graph.apply("Sub", &[&phase, &half]);
            let distance = graph.apply("Abs", &[&distance]);
            let wave = graph.apply("Mul", &[&four, &distance]);
            let wave = graph.apply("Sub", &[&wave, &one]);
            let missing = chosen(graph, &missing, &waving, width);
            graph.apply("Where", &[&missing, &none, &wave])
        });
    }
}

/// (value - from) / length
fn standardized(graph: &mut Graph, value: &Value, [from, length]: [Value; 2]) -> Value {
    let distance = graph.apply("Sub", &[value, &from]);
    graph.apply("Div", &[&distance, &length])
}

fn clipped(graph: &mut Graph, value: &Value, bounds: [f64; 2]) -> Value {
    let [least, most] = bounds.map(|bound| scalar(graph, bound));
    graph.apply("Clip", &[value, &least, &most])
}

fn scalar(graph: &mut Graph, number: f64) -> Value {
    graph.constant("constant", &[], &[number])
}

/// The inputs of a column of labels: the row of a table that its label has, or of those for missing and for unknown ones.
fn encode_labels(graph: &mut Graph, category: &CategoryEncoder, column: &Value) -> Value {
    let levels = category.levels();
    let (missing, unknown) = (levels.len() as i64, levels.len() as i64 + 1);
    let mut table = Vec::with_capacity((levels.len() + 2) * category.inputs());
    (0..levels.len()).for_each(|level| category.encode(Some(level), false, &mut table));
    category.encode(None, true, &mut table);
    category.encode(None, false, &mut table);

    // What means missing never is a label.
    let levels = levels.iter().map(String::as_str).zip(0..).filter(|(level, _)| !data::MISSING.contains(level));
    let rows = levels.chain(data::MISSING.map(|word| (word, missing)));
    let (keys, values) = rows.map(|(key, row)| (key.as_bytes().to_vec(), row)).unzip();
    let attributes = vec![strings("keys_strings", keys), ints("values_int64s", values), int("default_int64", unknown)];
    let row = graph.node("LabelEncoder", &[column], attributes);
    let table = graph.constant("labels", &[unknown as usize + 1, category.inputs()], &table);
    let inputs = graph.node("Gather", &[&table, &row], vec![int("axis", 0)]);
    // From (rows, 1, inputs).
    graph.node("Flatten", &[&inputs], vec![int("axis", 1)])
}

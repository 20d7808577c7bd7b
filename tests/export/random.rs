//! Random models, each with rows to predict: tables with numbers, dates, labels and missing values of all kinds, and networks
//! of many shapes.

use data::{
    Column, Kind, NumberEncoding, PieceCount, Pipeline, ReadOptions, Scaling, Source, Table, TableReader, Target,
};
use model::{Compute, Model, Recipe, Training};
use net::random::Random;
use net::{Activation, Network, OutputLayer, Shape};

/// Rows that the pipeline is fitted on, and rows to predict.
const TRAINING: usize = 120;
const ROWS: usize = 40;

/// A model with a table or, without one, networks alone.
pub enum Exported {
    Model(Box<Model>),
    Networks(Vec<Network>),
}

/// An input of a graph.
pub struct Input {
    pub name: String,
    pub cells: Cells,
}

/// The numbers of an input, in row-major order, or its labels.
pub enum Cells {
    Numbers(Vec<f32>),
    Labels(Vec<String>),
}

/// A model, rows, and its predictions for them: p(t = 0) and p(t = 1), the probabilities of classes, or means, each (rows,
/// outputs) in row-major order.
pub struct Case {
    pub exported: Exported,
    pub rows: usize,
    pub inputs: Vec<Input>,
    pub predictions: Vec<(&'static str, Vec<f32>)>,
    pub classes: Option<Vec<String>>,
}

/// The case of a seed; every third one has no table.
pub fn case(seed: u64) -> Case {
    let random = &mut Random::new(seed, 0);
    if seed % 3 == 2 { networks_alone(random) } else { with_table(random) }
}

fn pick<T: Copy>(random: &mut Random, items: &[T]) -> T {
    items[random.below(items.len() as u32) as usize]
}

fn between(random: &mut Random, least: u32, most: u32) -> usize {
    (least + random.below(most - least + 1)) as usize
}

/// A number from about -2 to 2, mostly small.
fn bell(random: &mut Random) -> f32 {
    (0..6).map(|_| random.unit()).sum::<f32>() * 1.5 - 4.5
}

/// Networks of one shape, with biases, and weights of the size that training leaves.
fn networks(random: &mut Random, inputs: usize, output_layer: OutputLayer, outputs: usize) -> Vec<Network> {
    let layers = between(random, 0, 4);
    let hidden: Vec<usize> =
        (0..layers).map(|_| pick(random, &[1, 2, 3, 5, 8, 16, 31, 32, 33, 64, 100, 128])).collect();
    let activation = pick(random, &Activation::ALL);
    let factor = 0.5 + random.unit();
    let member = |random: &mut Random| {
        let builder = Network::builder(inputs).hidden(&hidden).activation(activation);
        let network = builder.output_layer(output_layer, outputs).seed(random.below(u32::MAX).into()).build().unwrap();
        let shape: Shape = network.shape().clone();
        let layers: Vec<Vec<f32>> = (1..=shape.layers().len())
            .zip(shape.layers())
            .map(|(layer, widths)| {
                let mut weights = network.weights(layer);
                for row in weights.chunks_exact_mut(1 + widths.inputs) {
                    row[0] = random.unit() - 0.5;
                    row[1..].iter_mut().for_each(|weight| *weight *= factor);
                }
                weights
            })
            .collect();
        Network::from_weights(shape, &layers).unwrap()
    };
    (0..pick(random, &[1, 1, 2, 3, 6])).map(|_| member(random)).collect()
}

fn networks_alone(random: &mut Random) -> Case {
    let inputs = between(random, 1, 200);
    let output_layer = pick(random, &OutputLayer::ALL);
    let outputs = if output_layer == OutputLayer::Softmax { between(random, 2, 12) } else { between(random, 1, 5) };
    let networks = networks(random, inputs, output_layer, outputs);
    let features: Vec<f32> = (0..ROWS * inputs).map(|_| bell(random)).collect();
    let predictions = predictions(&networks, &features, None);
    let inputs = vec![Input { name: "features".to_owned(), cells: Cells::Numbers(features) }];
    Case { exported: Exported::Networks(networks), rows: ROWS, inputs, predictions, classes: None }
}

/// The mean predictions of networks, as [`model::Predictor`] averages them.
fn predictions(networks: &[Network], inputs: &[f32], target: Option<&Target>) -> Vec<(&'static str, Vec<f32>)> {
    let shape = networks[0].shape();
    let count = inputs.len() / shape.inputs() * shape.outputs();
    let mean = |predict: &dyn Fn(&mut net::Predictor<&Network>, &mut [f32])| -> Vec<f32> {
        let mut sums = vec![0.0; count];
        for network in networks {
            let mut predictions = vec![0.0; count];
            predict(&mut net::Predictor::new(network), &mut predictions);
            sums.iter_mut().zip(predictions).for_each(|(sum, prediction)| *sum += f64::from(prediction));
        }
        let scaled = |mean: f64| match target {
            Some(Target::Number { scale, .. }) => scale.invert(mean),
            _ => mean,
        };
        sums.into_iter().map(|sum| scaled(sum / networks.len() as f64) as f32).collect()
    };
    match shape.output_layer() {
        OutputLayer::Sigmoid => vec![
            ("prob_t0", mean(&|predictor, out| predictor.prob_t0(inputs, out).unwrap())),
            ("prob_t1", mean(&|predictor, out| predictor.prob_t1(inputs, out).unwrap())),
        ],
        OutputLayer::Softmax => {
            vec![("probabilities", mean(&|predictor, out| predictor.class_probabilities(inputs, out).unwrap()))]
        }
        OutputLayer::Identity => vec![("prediction", mean(&|predictor, out| predictor.means(inputs, out).unwrap()))],
    }
}

/// What a column of a random table looks like.
#[derive(Clone, Copy)]
enum Look {
    /// Around a centre.
    Numbers {
        center: f32,
        spread: f32,
        missing: f32,
    },
    /// A few different numbers.
    Counts,
    Labels {
        count: u32,
        missing: f32,
    },
    Dates {
        missing: f32,
    },
}

impl Look {
    fn of(random: &mut Random) -> Look {
        let missing = pick(random, &[0.0, 0.0, 0.1, 0.5]);
        match random.below(6) {
            0 => Look::Counts,
            1 | 2 => Look::Labels { count: 2 + random.below(60), missing },
            3 => Look::Dates { missing },
            _ => Look::Numbers {
                center: pick(random, &[0.0, 1.0, -300.0, 1e6]),
                spread: pick(random, &[1e-6, 1.0, 50.0, 1e9]),
                missing,
            },
        }
    }

    /// A cell; one of a row to predict may be what no training row is.
    fn cell(self, random: &mut Random, is_new: bool) -> String {
        let word = |random: &mut Random| pick(random, &data::MISSING).to_owned();
        match self {
            Look::Numbers { missing, .. } | Look::Labels { missing, .. } | Look::Dates { missing }
                if random.unit() < missing =>
            {
                word(random)
            }
            Look::Numbers { .. } if is_new && random.below(20) == 0 => word(random),
            Look::Numbers { center, spread, .. } => {
                let far = if is_new && random.below(10) == 0 { 10.0 } else { 1.0 };
                (center + far * spread * bell(random)).to_string()
            }
            Look::Counts => random.below(4).to_string(),
            Look::Labels { count, .. } => {
                let label = (random.unit() * random.unit() * count as f32) as u32;
                if is_new && random.below(10) == 0 { format!("neu {label}") } else { format!("größe \"{label}\"") }
            }
            Look::Dates { .. } => format!(
                "{}-{:02}-{:02} {:02}:30",
                1960 + random.below(70),
                1 + random.below(12),
                1 + random.below(28),
                random.below(24)
            ),
        }
    }
}

fn with_table(random: &mut Random) -> Case {
    let mut looks: Vec<Look> = (0..between(random, 1, 12)).map(|_| Look::of(random)).collect();
    // One column at least is of use.
    looks.push(Look::Numbers { center: 5.0, spread: 2.0, missing: 0.0 });
    // The last name is one that outputs want.
    let name = |place: usize| if place + 1 < looks.len() { format!("column {place}") } else { "class".to_owned() };
    let names: Vec<String> = (0..looks.len()).map(name).collect();
    let classes = pick(random, &[0, 2, 2, 3, 7]);
    let mut training = vec![Vec::new(); looks.len()];
    let mut rows = training.clone();
    for (column, look) in looks.iter().enumerate() {
        training[column] = (0..TRAINING).map(|_| look.cell(random, false)).collect();
        rows[column] = (0..ROWS).map(|_| look.cell(random, true)).collect();
    }
    let target: Vec<String> = (0..TRAINING as u32)
        .map(|row| if classes == 0 { (1e3 + bell(random)).to_string() } else { format!("\u{fc}{}", row % classes) })
        .collect();

    let all_names = [&names[..], &["the target".to_owned()]].concat();
    let table = read(&all_names, &[&training[..], &[target]].concat(), None);
    let every_row: Vec<usize> = (0..TRAINING).collect();
    let target = Target::fit(&table, "the target", None, &every_row).unwrap();
    let pieces = pick(random, &[PieceCount::None, PieceCount::UpTo(2), PieceCount::UpTo(20)]);
    let numbers = NumberEncoding { scaling: pick(random, &[Scaling::Standard, Scaling::Robust]), pieces };
    let (pipeline, _) = Pipeline::fit(&table, &names, &every_row, target, numbers).unwrap();

    let table = read(&names, &rows, Some(pipeline.columns()));
    let encoded = pipeline.apply(&table, &(0..ROWS).collect::<Vec<_>>()).unwrap();
    let target = pipeline.target();
    let (output_layer, labels) = match target {
        Target::Binary { classes, .. } => {
            (OutputLayer::Sigmoid, Some([0, 1].map(|t| classes.label(t).to_owned()).to_vec()))
        }
        Target::Classes { labels, .. } => (OutputLayer::Softmax, Some(labels.clone())),
        Target::Number { .. } => (OutputLayer::Identity, None),
    };
    let members = networks(random, pipeline.inputs(), output_layer, target.outputs());
    let predictions = predictions(&members, &encoded, Some(target));
    let inputs = pipeline.features().iter().map(|feature| {
        let position = table.position(&feature.name).unwrap();
        let column = names.iter().position(|name| *name == feature.name).unwrap();
        let cells = match table.columns()[position].kind() {
            Kind::Category => Cells::Labels(rows[column].clone()),
            _ => Cells::Numbers(table.cells(position).collect()),
        };
        Input { name: feature.name.clone(), cells }
    });
    let inputs = inputs.collect();
    let training =
        Training { settings: Recipe::default().resolve(TRAINING).unwrap(), curves: Vec::new(), provenance: None };
    let model = Model { pipeline, members, training };
    let (_, last) = predictions.last().unwrap();
    assert_eq!(model.predictor(Compute::default()).unwrap().predict(&encoded).unwrap(), *last);
    Case { exported: Exported::Model(Box::new(model)), rows: ROWS, inputs, predictions, classes: labels }
}

/// A table of these columns; the types are found out unless the columns are given.
fn read(names: &[String], columns: &[Vec<String>], wanted: Option<Vec<Column>>) -> Table {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let mut text = line(names.iter().map(quoted).collect());
    for row in 0..columns[0].len() {
        text += &line(columns.iter().map(|column| quoted(&column[row])).collect());
    }
    let reader = TableReader::open(Source::memory("random.csv", text.into_bytes()), &ReadOptions::default()).unwrap();
    let wanted = wanted.unwrap_or_else(|| {
        let inferred = reader.infer(reader.header().columns()).unwrap();
        inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect()
    });
    reader.read(wanted).unwrap()
}

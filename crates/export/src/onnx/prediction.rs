//! From the preactivations of several networks to predictions: the mean over the networks, in double precision, rounded once.

use data::{Scale, Target};
use net::OutputLayer;

use super::graph::{Graph, Value, int};
use super::proto::DataType;

/// What a network's outputs mean to the user of a graph.
pub(super) struct Meaning<'a> {
    pub(super) output_layer: OutputLayer,
    /// Output units.
    pub(super) outputs: usize,
    /// The labels, if the classes have some: those of t = 0 and t = 1, or of the classes 0, 1, ...
    pub(super) labels: Option<Vec<String>>,
    /// From the unit of a number to what the networks predict.
    pub(super) scale: Option<&'a Scale>,
}

impl<'a> Meaning<'a> {
    pub(super) fn of(target: &'a Target) -> Self {
        let (output_layer, labels, scale) = match target {
            Target::Binary { classes, .. } => {
                (OutputLayer::Sigmoid, Some([0, 1].map(|t| classes.label(t).to_owned()).to_vec()), None)
            }
            Target::Classes { labels, .. } => (OutputLayer::Softmax, Some(labels.clone()), None),
            Target::Number { scale, .. } => (OutputLayer::Identity, None, Some(scale)),
        };
        Self { output_layer, outputs: target.outputs(), labels, scale }
    }

    /// Adds the outputs of the graph.
    pub(super) fn add(&self, graph: &mut Graph, preactivations: &[Value]) {
        let a: Vec<Value> = preactivations.iter().map(|value| graph.cast(value, DataType::Double)).collect();
        match self.output_layer {
            OutputLayer::Sigmoid => {
                self.add_mean(graph, &a, "prob_t0", "p(t = 0)", |graph, a| graph.apply("Sigmoid", &[a]));
                let prob_t1 = self.add_mean(graph, &a, "prob_t1", "p(t = 1)", |graph, a| {
                    // Not 1 - p(t = 0), so that a small one keeps its digits.
                    let a = graph.apply("Neg", &[a]);
                    graph.apply("Sigmoid", &[&a])
                });
                self.add_class(graph, |graph| {
                    let threshold = graph.constant("threshold", &[], &[0.5_f32]);
                    let is_t1 = graph.apply("GreaterOrEqual", &[&prob_t1, &threshold]);
                    graph.cast(&is_t1, DataType::Int64)
                });
            }
            OutputLayer::Softmax => {
                let softmax = |graph: &mut Graph, a: &Value| graph.node("Softmax", &[a], vec![int("axis", -1)]);
                let probabilities = self.add_mean(graph, &a, "probabilities", "p(class) of each class", softmax);
                self.add_class(graph, |graph| {
                    graph.node("ArgMax", &[&probabilities], vec![int("axis", 1), int("keepdims", 1)])
                });
            }
            OutputLayer::Identity => {
                self.add_mean(graph, &a, "prediction", "the number", |_, a| a.clone());
            }
        }
    }

    /// Adds an output: the mean of what `make` makes of each network's preactivations.
    fn add_mean(
        &self,
        graph: &mut Graph,
        a: &[Value],
        name: &str,
        meaning: &str,
        make: impl Fn(&mut Graph, &Value) -> Value,
    ) -> Value {
        let predictions: Vec<Value> = a.iter().map(|a| make(graph, a)).collect();
        let mut mean = match &predictions[..] {
            [prediction] => prediction.clone(),
            _ => {
                let sum = graph.apply("Sum", &predictions.iter().collect::<Vec<_>>());
                let count = graph.constant("networks", &[], &[predictions.len() as f64]);
                graph.apply("Div", &[&sum, &count])
            }
        };
        if let Some(scale) = self.scale {
            let [center, spread] = [("center", scale.center()), ("spread", scale.spread())]
                .map(|(name, number)| graph.constant(name, &[], &[number]));
            mean = graph.apply("Mul", &[&mean, &spread]);
            mean = graph.apply("Add", &[&mean, &center]);
        }
        let mean = graph.cast(&mean, DataType::Float);
        graph.output(mean, name, DataType::Float, self.outputs, meaning)
    }

    /// Adds an output, the label of the class whose number `make` makes, if classes have labels.
    fn add_class(&self, graph: &mut Graph, make: impl FnOnce(&mut Graph) -> Value) {
        let Some(labels) = &self.labels else { return };
        let class = make(graph);
        let labels = graph.strings("classes", labels);
        let label = graph.node("Gather", &[&labels, &class], vec![int("axis", 0)]);
        graph.output(label, "class", DataType::String, 1, "the label of the class that is predicted");
    }
}

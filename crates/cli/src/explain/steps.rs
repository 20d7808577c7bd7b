//! The four steps of backpropagation with the numbers of the row in the formulas.

use data::Target;
use net::explanation::{BackwardNumbers, LayerNumbers};
use net::{Activation, OutputLayer};

use super::document::{Document, Line, Table, factor, number};
use super::sample::{Answer, Sample};

/// Step 1, the prediction and, if the row has an answer, the loss and steps 2 to 4; with at most `limit` units of a layer
/// and terms of a sum.
pub fn explain(sample: &Sample, limit: usize, document: &mut Document) {
    let steps = Steps { sample, layers: &sample.explanation.layers, limit };
    steps.forward(document);
    steps.prediction(document);
    if steps.loss(document) {
        steps.output_deltas(document);
        steps.hidden_deltas(document);
        steps.gradients(document);
    }
}

struct Steps<'a> {
    sample: &'a Sample,
    layers: &'a [LayerNumbers],
    limit: usize,
}

/// The place of the largest number, the first of several.
fn largest(numbers: &[f32]) -> usize {
    (0..numbers.len()).rev().max_by(|i, j| numbers[*i].total_cmp(&numbers[*j])).unwrap_or(0)
}

/// `name` with the index `below` of layer `layer`.
fn symbol(name: &str, below: impl std::fmt::Display, layer: usize) -> String {
    format!("{name}_{{{below}}}^{{({layer})}}")
}

fn weight(unit: usize, input: usize, layer: usize) -> String {
    symbol("w", format!("{unit},{input}"), layer)
}

/// Products `left * right`, with at most `limit` of them written out.
fn products(pairs: impl ExactSizeIterator<Item = (f32, f32)>, limit: usize) -> String {
    let count = pairs.len();
    // To leave out a single one would not make the sum shorter.
    let shown = if count == limit.saturating_add(1) { count } else { limit };
    let (mut terms, mut rest) = (Vec::new(), 0.0);
    for (place, (left, right)) in pairs.enumerate() {
        match place < shown {
            true => terms.push(format!(r"{} \cdot {}", factor(left), factor(right))),
            false => rest += f64::from(left) * f64::from(right),
        }
    }
    if count > shown {
        terms.push(format!("[{} more: {}]", count - shown, number(rest)));
    }
    terms.join(" + ")
}

/// What stands for the activation function in a formula.
fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Sigmoid => r"\sigma",
        Activation::Tanh => "tanh",
        Activation::Relu => "relu",
        Activation::Silu => "silu",
        Activation::Gelu => "gelu",
    }
}

/// z with the number `a` put in.
fn activation_of(activation: Activation, a: f32) -> String {
    match activation {
        Activation::Sigmoid => format!("1 / (1 + exp(-{}))", factor(a)),
        Activation::Tanh => format!("tanh({})", number(a)),
        Activation::Relu => format!("max(0, {})", number(a)),
        Activation::Silu => format!("{} / (1 + exp(-{}))", number(a), factor(a)),
        Activation::Gelu => format!(r"{} \cdot \Phi({})", number(a), number(a)),
    }
}

/// dz/da: the formula, and the same with numbers.
fn slope_of(activation: Activation, (i, l): (usize, usize), layer: &LayerNumbers) -> [String; 2] {
    let (a, z) = (layer.a[i - 1], layer.z[i - 1]);
    let [of_a, of_z] = ["a", "z"].map(|name| symbol(name, i, l));
    match activation {
        Activation::Sigmoid => [format!("{of_z} (1 - {of_z})"), format!(r"{} \cdot (1 - {})", number(z), number(z))],
        Activation::Tanh => [format!("(1 - ({of_z})^{{2}})"), format!("(1 - {}^{{2}})", factor(z))],
        Activation::Relu => {
            let side = if a > 0.0 { "1" } else { "0" };
            [format!("(1 if {of_a} > 0, else 0)"), side.to_owned()]
        }
        Activation::Silu => {
            let sigma = number(complement(-a));
            let formula = format!(r"\sigma({of_a}) (1 + {of_a} (1 - \sigma({of_a})))");
            [formula, format!(r"{sigma} \cdot (1 + {} \cdot (1 - {sigma}))", factor(a))]
        }
        Activation::Gelu => {
            let a = f64::from(a);
            let density = (-a * a / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let distribution = if a == 0.0 { 0.5 } else { f64::from(z) / a };
            let formula = format!(r"(\Phi({of_a}) + {of_a} \cdot \phi({of_a}))");
            [formula, format!(r"({} + {} \cdot {})", number(distribution), factor(a), number(density))]
        }
    }
}

impl Steps<'_> {
    fn activation(&self) -> Activation {
        self.sample.network().shape().activation()
    }

    fn output_layer(&self) -> OutputLayer {
        self.sample.network().shape().output_layer()
    }

    fn output(&self) -> &LayerNumbers {
        &self.layers[self.layers.len() - 1]
    }

    fn backward<'a>(&self, layer: &'a LayerNumbers) -> &'a BackwardNumbers {
        layer.backward.as_ref().expect("a row with an answer")
    }

    /// The units of a layer that are shown, counted from 1.
    fn shown(&self, layer: &LayerNumbers) -> std::ops::RangeInclusive<usize> {
        1..=layer.a.len().min(self.limit)
    }

    fn left_out(&self, layer: &LayerNumbers, document: &mut Document) {
        document.left_out(layer.a.len().saturating_sub(self.limit), "units");
    }

    fn forward(&self, document: &mut Document) {
        document.heading("Step 1: forward, layer by layer");
        document.paragraph(Line::new(
            r"Unit $i$ of layer $l$ adds up its bias and the weighted outputs of the layer before: $a_{i}^{(l)} = w_{i,0}^{(l)} + \sum_{j} w_{i,j}^{(l)} \cdot z_{j}^{(l-1)}$. Then $z_{i}^{(l)}$ is what its activation function makes of that.",
        ));
        if self.activation() == Activation::Gelu {
            document.paragraph(Line::new(
                r"$\Phi$ is the distribution function of the standard normal distribution, and $\phi$ its density.",
            ));
        }
        for layer in self.layers {
            let (l, units, inputs) = (layer.layer, layer.a.len(), layer.w[0].len() - 1);
            document.subheading(Line::new(format!("Layer {l}: {inputs} inputs, {units} {}", plural(units, "unit"))));
            for i in self.shown(layer) {
                let (w, a) = (&layer.w[i - 1], layer.a[i - 1]);
                let before = self.sample.explanation.z(l - 1);
                let pairs = w[1..].iter().copied().zip(before.iter().copied());
                let sum = format!("{} + {}", number(w[0]), products(pairs, self.limit));
                let formula = format!(
                    r"{} + \sum_{{j}} {} \cdot {}",
                    weight(i, 0, l),
                    symbol("w", format!("{i},j"), l),
                    symbol("z", "j", l - 1)
                );
                document.steps(symbol("a", i, l), [formula, sum, number(a)]);
                document.steps(symbol("z", i, l), self.postactivation(layer, i));
            }
            self.left_out(layer, document);
        }
    }

    /// z of a unit: the formula, with numbers, and the result.
    fn postactivation(&self, layer: &LayerNumbers, i: usize) -> Vec<String> {
        let (l, a, z) = (layer.layer, layer.a[i - 1], number(layer.z[i - 1]));
        let of = symbol("a", i, l);
        if l < self.layers.len() {
            let activation = self.activation();
            return vec![format!("{}({of})", activation_name(activation)), activation_of(activation, a), z];
        }
        match self.output_layer() {
            OutputLayer::Sigmoid => {
                vec![format!(r"\sigma({of})"), activation_of(Activation::Sigmoid, a), z]
            }
            OutputLayer::Softmax => {
                let shown = layer.a.len().min(self.limit.max(2));
                let mut terms: Vec<String> =
                    layer.a.iter().take(shown).map(|a| format!("exp({})", number(*a))).collect();
                if layer.a.len() > shown {
                    terms.push(format!("[{} more]", layer.a.len() - shown));
                }
                let sum = terms.join(" + ");
                let formula = format!(r"exp({of}) / \sum_{{j}} exp({})", symbol("a", "j", l));
                vec![formula, format!("exp({}) / ({sum})", number(a)), z]
            }
            OutputLayer::Identity => vec![of, z],
        }
    }

    fn prediction(&self, document: &mut Document) {
        let (output, count) = (self.output(), self.sample.model.members.len());
        let z = symbol("z", 1, output.layer);
        document.heading("The prediction");
        let model = |what: String| format!("The model predicts the mean over its {count} networks: {what}.");
        match self.sample.target() {
            Target::Binary { classes, .. } => {
                let line = Line::new("The output is the probability of class 0, which is ");
                document.paragraph(
                    line.and_name(classes.label(0)).and("; class 1 is ").and_name(classes.label(1)).and("."),
                );
                document.steps("y", [z, "p(t = 0 given x)".to_owned(), number(output.z[0])]);
                let prob_t1 = complement(output.a[0]);
                document.steps("p(t = 1 given x)", ["1 - y".to_owned(), number(prob_t1)]);
                if count > 1 {
                    document.paragraph(Line::new(model(format!(
                        "$p(t = 1 given x) = {}$",
                        number(self.sample.prediction[0])
                    ))));
                }
            }
            Target::Classes { labels, .. } => {
                let say = |p: &[f32], line: Line| {
                    let class = largest(p);
                    line.and_name(&labels[class]).and(format!(" with probability {}", number(p[class])))
                };
                let first = Line::new("Output $k$ is the probability of class $k$. The most probable one is class ");
                let first = first.and(format!("{}, ", largest(&output.z) + 1));
                document.paragraph(say(&output.z, first).and("."));
                if count > 1 {
                    let line = Line::new(format!("The model predicts the mean over its {count} networks: "));
                    document.paragraph(say(&self.sample.prediction, line).and("."));
                }
            }
            Target::Number { column, scale } => {
                let line = Line::new("The network predicts a standardised number; in the unit of the column ");
                document.paragraph(line.and_name(column).and(" that is"));
                let (center, spread) = (scale.center(), scale.spread());
                let with = format!(r"{} \cdot {} + {}", number(output.z[0]), number(spread), factor(center));
                let formula = format!(r"{z} \cdot spread + mean");
                document.steps("prediction", [formula, with, number(scale.invert(output.z[0].into()))]);
                if count > 1 {
                    document.paragraph(Line::new(model(number(self.sample.prediction[0]))));
                }
            }
        }
    }

    /// The loss; or why there is none, and then false.
    fn loss(&self, document: &mut Document) -> bool {
        let (column, output) = (self.sample.target().column(), self.output());
        document.heading("The loss $L$");
        let nothing = " Without it there is no loss, and nothing to propagate back: this is the forward pass alone.";
        let label = match &self.sample.answer {
            Answer::NoColumn => {
                document.paragraph(Line::new("The table has no column ").and_name(column).and(".").and(nothing));
                return false;
            }
            Answer::Missing => {
                document
                    .paragraph(Line::new("The row has no value in the column ").and_name(column).and(".").and(nothing));
                return false;
            }
            Answer::Given(label) => label,
        };
        let t = self.sample.explanation.t.as_deref().expect("a row with an answer");
        let loss = self.sample.explanation.loss.expect("a row with an answer");
        let line = Line::new("The row's value in the column ").and_name(column).and(" is ").and_name(label);
        let smoothing = self.sample.model.training.settings.label_smoothing;
        let smoothed = match self.sample.target() {
            Target::Number { .. } => String::new(),
            _ if smoothing == 0.0 => String::new(),
            _ => format!(", smoothed by {} as in training", number(smoothing)),
        };
        match self.sample.target() {
            Target::Binary { .. } => {
                document.paragraph(line.and(format!(": $t = {}${smoothed}.", number(t[0]))));
                let (y, prob_t1) = (number(output.z[0]), number(complement(output.a[0])));
                let t = number(t[0]);
                document.steps(
                    "L",
                    [
                        r"-(1 - t) \cdot ln y - t \cdot ln(1 - y)".to_owned(),
                        format!(r"-(1 - {t}) \cdot ln {y} - {t} \cdot ln {prob_t1}"),
                        number(loss),
                    ],
                );
            }
            Target::Classes { .. } => {
                // By its target, since the label may be written in another way than in training.
                let class = largest(t);
                let (own, other) = (number(t[class]), number(t[(class + 1) % t.len()]));
                let class = class + 1;
                let what = format!(": class {class}, so that $t_{{{class}}} = {own}$, and {other} for the others");
                document.paragraph(line.and(what).and(smoothed).and("."));
                let terms = t.iter().zip(&output.z).filter(|(t, _)| **t != 0.0);
                let mut terms: Vec<String> =
                    terms.map(|(t, z)| format!(r"{} \cdot ln {}", number(*t), number(*z))).collect();
                if terms.len() > self.limit {
                    let more = format!("[{} more]", terms.len() - self.limit);
                    terms.truncate(self.limit);
                    terms.push(more);
                }
                let formula = format!(r"-\sum_{{k}} t_{{k}} \cdot ln {}", symbol("z", "k", output.layer));
                document.steps("L", [formula, format!("-{}", terms.join(" - ")), number(loss)]);
            }
            Target::Number { scale, .. } => {
                let with = format!(
                    "$t = ({label} - {}) / {} = {}$",
                    factor(scale.center()),
                    number(scale.spread()),
                    number(t[0])
                );
                document.paragraph(line.and(format!(", standardised {with}.")));
                let z = symbol("z", 1, output.layer);
                let with = format!("({} - {})^{{2}} / 2", number(output.z[0]), factor(t[0]));
                document.steps("L", [format!("({z} - t)^{{2}} / 2"), with, number(loss)]);
            }
        }
        true
    }

    fn output_deltas(&self, document: &mut Document) {
        let (output, l) = (self.output(), self.output().layer);
        let t = self.sample.explanation.t.as_deref().expect("a row with an answer");
        document.heading(r"Step 2: $\delta = \partial L/\partial a$ of the output layer");
        for i in self.shown(output) {
            let (z, result) = (symbol("z", i, l), number(self.backward(output).delta[i - 1]));
            let numbers = |t: String| format!("{} - {t}", number(output.z[i - 1]));
            let steps = match self.output_layer() {
                OutputLayer::Sigmoid => [format!("{z} - (1 - t)"), numbers(format!("(1 - {})", number(t[0])))],
                OutputLayer::Softmax => [format!("{z} - t_{{{i}}}"), numbers(number(t[i - 1]))],
                OutputLayer::Identity => [format!("{z} - t"), numbers(factor(t[0]))],
            };
            document.steps(symbol(r"\delta", i, l), steps.into_iter().chain([result]).collect::<Vec<_>>());
        }
        self.left_out(output, document);
    }

    fn hidden_deltas(&self, document: &mut Document) {
        if self.layers.len() == 1 {
            return;
        }
        document.heading(r"Step 3: $\delta$ of the hidden layers, from the last to the first");
        document.paragraph(Line::new(
            r"A unit has its part in the deltas of all units that its output goes to, and passes on what its activation function lets through: $\delta_{i}^{(l-1)} = (\sum_{j} \delta_{j}^{(l)} \cdot w_{j,i}^{(l)}) \cdot \partial z/\partial a$.",
        ));
        for pair in self.layers.windows(2).rev() {
            let (layer, after) = (&pair[0], &pair[1]);
            let (l, numbers) = (layer.layer, self.backward(layer));
            document.subheading(Line::new(format!("Layer {l}")));
            for i in self.shown(layer) {
                let [formula, slope] = slope_of(self.activation(), (i, l), layer);
                let pairs = self.backward(after).delta.iter().zip(&after.w).map(|(delta, w)| (*delta, w[i]));
                let of = format!(
                    r"(\sum_{{j}} {} \cdot {}) \cdot {formula}",
                    symbol(r"\delta", "j", l + 1),
                    symbol("w", format!("j,{i}"), l + 1)
                );
                let sum = numbers.sum.as_ref().map_or(0.0, |sum| sum[i - 1]);
                let passed = numbers.slope.as_ref().map_or(0.0, |slope| slope[i - 1]);
                document.steps(
                    symbol(r"\delta", i, l),
                    [
                        of,
                        format!(r"({}) \cdot {slope}", products(pairs, self.limit)),
                        format!(r"{} \cdot {}", factor(sum), factor(passed)),
                        number(numbers.delta[i - 1]),
                    ],
                );
            }
            self.left_out(layer, document);
        }
    }

    fn gradients(&self, document: &mut Document) {
        document.heading(r"Step 4: the gradient $\partial L/\partial w$");
        document.paragraph(Line::new(
            r"Each weight's derivative is the delta of its unit times what comes in through it: $\partial L/\partial w_{i,j}^{(l)} = \delta_{i}^{(l)} \cdot z_{j}^{(l-1)}$, and for a bias $\partial L/\partial w_{i,0}^{(l)} = \delta_{i}^{(l)}$.",
        ));
        for layer in self.layers {
            let (l, backward) = (layer.layer, self.backward(layer));
            let before = self.sample.explanation.z(l - 1);
            document.subheading(Line::new(format!("Layer {l}")));
            let inputs = before.len().min(self.limit);
            // Of those that are shown, the largest: others may be 0.
            let largest = |numbers: &[f32]| {
                let places = (0..numbers.len().min(self.limit)).rev();
                places.max_by(|i, j| numbers[*i].abs().total_cmp(&numbers[*j].abs())).unwrap_or(0)
            };
            let (i, j) = (largest(&backward.delta), largest(before));
            let derivative = format!(r"\partial L/\partial {}", weight(i + 1, j + 1, l));
            let formula = format!(r"{} \cdot {}", symbol(r"\delta", i + 1, l), symbol("z", j + 1, l - 1));
            let with = format!(r"{} \cdot {}", factor(backward.delta[i]), factor(before[j]));
            document.steps(derivative, [formula, with, number(backward.gradient[i][j + 1])]);
            let mut header =
                vec![Line::formula("i"), Line::formula(symbol(r"\delta", "i", l)), Line::new("$j = 0$, bias")];
            header.extend((1..=inputs).map(|j| Line::new(format!("$j = {j}$, $z = {}$", number(before[j - 1])))));
            let rows = self.shown(layer).map(|i| {
                let gradient = backward.gradient[i - 1].iter().take(1 + inputs).copied();
                let numbers = [backward.delta[i - 1]].into_iter().chain(gradient).map(|g| Line::formula(number(g)));
                [Line::new(i.to_string())].into_iter().chain(numbers).collect()
            });
            document.table(Table { header, rows: rows.collect(), words: 1 });
            self.left_out(layer, document);
            document.left_out(before.len() - inputs, "inputs of each unit");
        }
    }
}

/// 1 - sigma(a) = sigma(-a), which keeps its digits.
fn complement(a: f32) -> f64 {
    1.0 / (1.0 + f64::from(a).exp())
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

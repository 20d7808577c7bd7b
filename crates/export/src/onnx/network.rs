//! From the inputs of a network to the preactivations of its output layer, in single precision.

use net::{Activation, Network};

use super::graph::{Graph, Value, int};

/// Adds the layers of a network: (rows, inputs) to (rows, outputs). The names of its weights begin with `prefix`.
pub(super) fn add(graph: &mut Graph, network: &Network, prefix: &str, inputs: &Value) -> Value {
    let mut value = inputs.clone();
    let hidden = network.shape().hidden().len();
    for (layer, widths) in (1..).zip(network.shape().layers()) {
        let book_order = network.weights(layer);
        let rows = || book_order.chunks_exact(1 + widths.inputs);
        let bias: Vec<f32> = rows().map(|row| row[0]).collect();
        let weight: Vec<f32> = rows().flat_map(|row| &row[1..]).copied().collect();
        let bias = graph.constant(&format!("{prefix}layer{layer}.bias"), &[widths.outputs], &bias);
        let weight = graph.constant(&format!("{prefix}layer{layer}.weight"), &[widths.outputs, widths.inputs], &weight);
        value = graph.node("Gemm", &[&value, &weight, &bias], vec![int("transB", 1)]);
        if layer <= hidden {
            value = activated(graph, network.shape().activation(), &value);
        }
    }
    value
}

fn activated(graph: &mut Graph, activation: Activation, a: &Value) -> Value {
    match activation {
        Activation::Sigmoid => graph.apply("Sigmoid", &[a]),
        Activation::Tanh => graph.apply("Tanh", &[a]),
        Activation::Relu => graph.apply("Relu", &[a]),
        Activation::Silu => {
            let sigmoid = graph.apply("Sigmoid", &[a]);
            graph.apply("Mul", &[a, &sigmoid])
        }
        // a (1 + erf(a / sqrt(2))) / 2: there is an operator for it, but not in older versions of the format.
        Activation::Gelu => {
            let [root, one, half] =
                [std::f32::consts::SQRT_2, 1.0, 0.5].map(|number| graph.constant("constant", &[], &[number]));
            let scaled = graph.apply("Div", &[a, &root]);
            let erf = graph.apply("Erf", &[&scaled]);
            let sum = graph.apply("Add", &[&erf, &one]);
            let product = graph.apply("Mul", &[a, &sum]);
            graph.apply("Mul", &[&product, &half])
        }
    }
}

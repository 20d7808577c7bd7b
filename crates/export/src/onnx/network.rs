//! From the inputs of a network to the preactivations of its output layer, in single precision.

use net::{Activation, Network};

use super::graph::{Graph, Value, int};

/// Adds the layers of a network: (rows, inputs) to (rows, outputs). The names of its weights begin with `prefix`.
///
/// A bias is the weight of an input that is 1, before the other ones. A runtime that adds in the order of the inputs, as ONNX
/// Runtime does for up to 256 of them, so computes the very sums that `predict` computes, which begin with the bias; a bias of
/// its own would be added last.
pub(super) fn add(graph: &mut Graph, network: &Network, prefix: &str, inputs: &Value) -> Value {
    let mut value = inputs.clone();
    let hidden = network.shape().hidden().len();
    // Numbers to add before and after rows, then columns.
    let one_column_before = graph.constant("one_column_before", &[4], &[0i64, 1, 0, 0]);
    let one = graph.constant("one", &[], &[1.0f32]);
    for (layer, widths) in (1..).zip(network.shape().layers()) {
        let shape = [widths.outputs, 1 + widths.inputs];
        let weights = graph.constant(&format!("{prefix}layer{layer}.weights"), &shape, &network.weights(layer));
        let with_one = graph.apply("Pad", &[&value, &one_column_before, &one]);
        value = graph.node("Gemm", &[&with_one, &weights], vec![int("transB", 1)]);
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

//! The network: its shape and its weights.

use crate::digest::{Digest, Digester};
use crate::parameters::Parameters;
use crate::{Activation, Error, OutputLayer, Predictor, Shape, memory};

/// A multilayer perceptron with hidden layers of one [`Activation`] and an [`OutputLayer`]: by default one sigmoid unit,
/// y = p(t = 0 given x).
///
/// ```
/// use net::{Activation, Network, OutputLayer};
///
/// let network = Network::builder(2).hidden(&[3]).activation(Activation::Tanh).seed(1).build()?;
/// assert_eq!(network.shape().to_string(), "2-3-1");
/// let (p0, p1) = (network.prob_t0(&[0.5, -1.0])?, network.prob_t1(&[0.5, -1.0])?);
/// assert!((p0 + p1 - 1.0).abs() < 1e-6);
///
/// let network = Network::builder(2).hidden(&[3]).output_layer(OutputLayer::Softmax, 4).build()?;
/// let p = network.class_probabilities(&[0.5, -1.0])?;
/// assert!(p.len() == 4 && (p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
/// # Ok::<(), net::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) shape: Shape,
    pub(crate) parameters: Parameters,
}

impl Network {
    /// Starts a network of `inputs` features. Without more it is logistic regression: no hidden layer.
    pub fn builder(inputs: usize) -> NetworkBuilder {
        NetworkBuilder {
            inputs,
            hidden: Vec::new(),
            activation: Activation::default(),
            output_layer: (OutputLayer::default(), 1),
            seed: 0,
        }
    }

    /// A network with these weights: for each layer, (outputs, 1 + inputs) in book order, the bias first.
    ///
    /// # Errors
    /// If a layer has another number of weights than the shape wants, or one that is not finite.
    pub fn from_weights(shape: Shape, layers: &[Vec<f32>]) -> Result<Network, Error> {
        let count = shape.layers().len();
        if layers.len() != count {
            return Err(Error::Shape(format!(
                "there are weights of {} layers, but the network has {count}",
                layers.len()
            )));
        }
        for (layer, (widths, weights)) in shape.layers().zip(layers).enumerate() {
            let expected = widths.outputs * (1 + widths.inputs);
            if weights.len() != expected {
                return Err(Error::Length { what: "a layer's weights", found: weights.len(), expected });
            }
            if let Some(weight) = weights.iter().find(|weight| !weight.is_finite()) {
                return Err(Error::Data(format!("layer {} has a weight that is not finite: {weight}", layer + 1)));
            }
        }
        Ok(Network::with_book_order(shape, layers))
    }

    /// A network with these weights in book order, which fit.
    pub(crate) fn with_book_order(shape: Shape, layers: &[Vec<f32>]) -> Network {
        let mut parameters = Parameters::zeros(&shape);
        layers.iter().enumerate().for_each(|(layer, weights)| parameters.set_book_order(layer, weights));
        Network { shape, parameters }
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Weights and biases.
    pub fn parameter_count(&self) -> usize {
        self.shape.parameter_count()
    }

    /// The weights of layer `layer` (1 is the first with weights, as in the book) in book order: (outputs, 1 + inputs), row
    /// i = unit i, first the bias w_i0 and then w_i1, w_i2, ...
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn weights(&self, layer: usize) -> Vec<f32> {
        self.parameters.book_order(layer.checked_sub(1).expect("layers with weights are counted from 1"))
    }

    /// Multiplies the preactivations of the output by `factor`: the weights and biases of the last layer, each rounded once.
    /// [`Temperature`](crate::temperature::Temperature) finds a good one.
    ///
    /// # Errors
    /// If the factor is not above 0 and finite, or a weight would not be finite. The network is as it was then.
    pub fn scale_output(&mut self, factor: f32) -> Result<(), Error> {
        if !(factor > 0.0 && factor.is_finite()) {
            let (name, range) = ("factor of the output", "above 0 and finite");
            return Err(Error::Setting { name, value: factor.to_string(), range });
        }
        let layer = self.shape.layers().len();
        let mut weights = self.weights(layer);
        for weight in &mut weights {
            *weight *= factor;
        }
        if weights.iter().any(|weight| !weight.is_finite()) {
            return Err(Error::Data(format!("layer {layer} has a weight that would not be finite times {factor}")));
        }
        self.parameters.set_book_order(layer - 1, &weights);
        Ok(())
    }

    /// A digest of the shape and of every bit of the weights: networks with the same one predict the same.
    ///
    /// It is the SHA-256 of the shape as a line of text, such as `30-16-1 tanh sigmoid` and a line feed (widths, activation,
    /// output layer), and then of the weights layer by layer in book order, each as the four bytes of an f32, the lowest one
    /// first.
    pub fn fingerprint(&self) -> Digest {
        let Network { shape, .. } = self;
        let mut digester = Digester::default();
        digester.bytes(format!("{shape} {} {}\n", shape.activation(), shape.output_layer()).as_bytes());
        for layer in 0..shape.layers().len() {
            digester.numbers(&self.parameters.book_order(layer));
        }
        digester.digest()
    }

    /// y = p(t = 0 given x), for the features `x` of one sample. [`Predictor`] does it for many, without allocating, and for
    /// several labels.
    ///
    /// # Errors
    /// If `x` has not the network's number of features, or the output layer is not one sigmoid unit.
    pub fn prob_t0(&self, x: &[f32]) -> Result<f32, Error> {
        let mut y = [0.0];
        Predictor::new(self).prob_t0(x, &mut y)?;
        Ok(y[0])
    }

    /// 1 - y = p(t = 1 given x), for the features `x` of one sample, computed as sigma(-a), so that a small probability
    /// keeps its digits.
    ///
    /// # Errors
    /// As [`Network::prob_t0`].
    pub fn prob_t1(&self, x: &[f32]) -> Result<f32, Error> {
        let mut p = [0.0];
        Predictor::new(self).prob_t1(x, &mut p)?;
        Ok(p[0])
    }

    /// p(class k given x) of each class k, for the features `x` of one sample.
    ///
    /// # Errors
    /// If `x` has not the network's number of features, or the output layer is no softmax.
    pub fn class_probabilities(&self, x: &[f32]) -> Result<Vec<f32>, Error> {
        let mut p = vec![0.0; self.shape.outputs()];
        Predictor::new(self).class_probabilities(x, &mut p)?;
        Ok(p)
    }

    /// The means of the real targets given x, for the features `x` of one sample.
    ///
    /// # Errors
    /// If `x` has not the network's number of features, or the output layer is not the identity.
    pub fn means(&self, x: &[f32]) -> Result<Vec<f32>, Error> {
        let mut means = vec![0.0; self.shape.outputs()];
        Predictor::new(self).means(x, &mut means)?;
        Ok(means)
    }
}

/// Builds a [`Network`] with random weights.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct NetworkBuilder {
    inputs: usize,
    hidden: Vec<usize>,
    activation: Activation,
    output_layer: (OutputLayer, usize),
    seed: u64,
}

impl NetworkBuilder {
    /// The widths of the hidden layers, from the inputs on. Default: none.
    pub fn hidden(mut self, widths: &[usize]) -> Self {
        self.hidden = widths.to_vec();
        self
    }

    /// The activation of the hidden layers. Default: sigmoid.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// The kind of the output layer, and its units. Default: one sigmoid unit.
    pub fn output_layer(mut self, output_layer: OutputLayer, units: usize) -> Self {
        self.output_layer = (output_layer, units);
        self
    }

    /// The seed of the random weights. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The network, with random weights suited to the activation and biases of zero.
    ///
    /// # Errors
    /// If a width is 0, a softmax has one unit, or the weights would not fit in memory.
    pub fn build(self) -> Result<Network, Error> {
        let (output_layer, units) = self.output_layer;
        let shape = Shape::new(self.inputs, &self.hidden, self.activation)?.with_output_layer(output_layer, units)?;
        memory::check("the network's weights", Some(shape.bytes()))?;
        let mut parameters = Parameters::zeros(&shape);
        parameters.randomize(&shape, self.seed);
        Ok(Network { shape, parameters })
    }
}

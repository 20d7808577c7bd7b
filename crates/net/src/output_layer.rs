//! The output layer: what its units mean, and the loss that belongs to it.

use std::fmt;
use std::str::FromStr;

/// The kind of the output layer, and with it the loss.
///
/// With a_k the preactivation of output unit k, each kind pairs with the negative log likelihood L under which
/// dL/da_k, step 2 of backpropagation, is "prediction minus target":
///
/// | kind | prediction | loss of a sample | dL/da_k |
/// |---|---|---|---|
/// | [`Sigmoid`](Self::Sigmoid) | y_k = sigma(a_k) = **p(t_k = 0)** | L = sum_k -(1 - t_k) ln y_k - t_k ln(1 - y_k) | y_k - (1 - t_k) |
/// | [`Softmax`](Self::Softmax) | p_k = exp(a_k) / sum_j exp(a_j) = p(class k) | L = -sum_k t_k ln p_k | p_k - t_k |
/// | [`Identity`](Self::Identity) | a_k, the mean of t_k | L = sum_k (a_k - t_k)^2 / 2 | a_k - t_k |
///
/// All losses are computed from the preactivations: no logarithm of zero can occur. (J. S. Bridle 1990 for softmax; C. M.
/// Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.6, for why the three derivatives agree.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutputLayer {
    /// Logistic sigmoids with log loss: one unit for two classes, or several for as many labels that do not exclude each
    /// other. Mind that unit k gives the probability that label k is **0**.
    #[default]
    Sigmoid,
    /// Softmax with cross entropy: K units for K classes, of which each sample has one.
    Softmax,
    /// The preactivations themselves with half the squared error: real targets.
    Identity,
}

impl OutputLayer {
    /// All of them.
    pub const ALL: [OutputLayer; 3] = [OutputLayer::Sigmoid, OutputLayer::Softmax, OutputLayer::Identity];

    fn name(self) -> &'static str {
        match self {
            OutputLayer::Sigmoid => "sigmoid",
            OutputLayer::Softmax => "softmax",
            OutputLayer::Identity => "identity",
        }
    }

    /// What it predicts of each sample, in the words of an error.
    pub(crate) fn predictions(self) -> &'static str {
        match self {
            OutputLayer::Sigmoid => "prob_t0 and prob_t1",
            OutputLayer::Softmax => "class_probabilities",
            OutputLayer::Identity => "means",
        }
    }
}

impl fmt::Display for OutputLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A name that is no [`OutputLayer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no output layer '{0}', only sigmoid, softmax and identity")]
pub struct UnknownOutputLayer(String);

impl FromStr for OutputLayer {
    type Err = UnknownOutputLayer;

    fn from_str(name: &str) -> Result<OutputLayer, UnknownOutputLayer> {
        let named = OutputLayer::ALL.into_iter().find(|kind| kind.name() == name);
        named.ok_or_else(|| UnknownOutputLayer(name.to_owned()))
    }
}

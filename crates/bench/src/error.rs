//! What can go wrong while the machine is measured.

use crate::agreement::Disagreement;

/// Why a measurement or its report failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was to be timed computes something else than the specification.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),

    /// A network cannot be trained or cannot predict.
    #[error(transparent)]
    Network(#[from] net::Error),

    /// A figure cannot be drawn.
    #[error("cannot draw the report: {0}")]
    Drawing(String),
}

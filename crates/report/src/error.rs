//! What can go wrong while a page is made.

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be judged by the rows.
    #[error(transparent)]
    Model(#[from] model::Error),

    /// The predictions cannot be judged.
    #[error(transparent)]
    Metric(#[from] net::metrics::MetricError),

    /// A figure cannot be drawn.
    #[error("cannot draw the report: {0}")]
    Drawing(String),
}

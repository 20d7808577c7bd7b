//! What can go wrong, each with one line that says what to do.

/// The result of most functions here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a model cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A graph that is too large for its format.
    #[error(
        "the model would take {bytes} bytes as ONNX, and {most} are possible: export a narrower network or a smaller ensemble"
    )]
    TooLarge {
        /// What it would take.
        bytes: usize,
        /// The most.
        most: usize,
    },
}

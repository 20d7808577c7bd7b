//! The kernels of a minibatch: forward, backward and gradient, as three uses of one register [`tile`](self).
//!
//! # How numbers lie in memory
//!
//! Everything is cut into **panels** of [`PANEL`] = 32 units, so that a row of a panel is two cache lines whatever the
//! width of a layer: no leading dimension can alias in the cache, and all strides inside a tile are constants.
//!
//! - The activations (and deltas) of a layer are [`Panels`]: panel p holds units 32 p .. 32 p + 31 as (samples, 32). From one
//!   panel to the next it is a row more ([`Panels::stride`]), lest the panels of one sample share a few sets of the cache.
//! - The weights of a layer are a grid of **blocks**, one for each output panel and input panel. There are two copies of
//!   each, in the order in which a kernel reads it: 33 rows of 32 for the forward sweep (row 0 is the bias, row 1 + j the
//!   weights from input j to the 32 outputs), and 32 rows of 32 for the backward sweep (row i: the weights to output i from
//!   the 32 inputs). The weight sweep updates one copy and refreshes the other. The copies lie in memory of their own, lest
//!   a sweep that fetches ahead, as cores do, fills the cache with weights that it does not use.
//! - The output layer's activations and deltas are **columns** as well ([`panels_to_columns`]): the numbers of a unit for
//!   all samples side by side, so that a sum over the units runs in one lane.
//! - Places beyond the last unit of a layer hold zero in weights, and in deltas up to the end of a vector, so that whole
//!   vectors can be used everywhere.
//!
//! # The chains
//!
//! In the tile, C(m, n) += A(m, k) B(k, n): A is broadcast, B is a row of vectors, and k runs in order. A panel is covered by
//! columns of tiles; where vectors are short, rows that full tiles leave over share one that is as wide as the panel.
//!
//! | kernel | m | n | k | starts from |
//! |---|---|---|---|---|
//! | [`forward`] | sample | output | input | bias |
//! | [`backward`] | sample | input | output | 0 |
//! | [`BlockGradient`] | input (row 0: the bias, whose input is 1) | output | sample | 0 |
//! | [`forward_narrow`] | output | sample | input | bias |
//! | [`BlockGradient`] of few units | output | input | sample | 0 |
//!
//! Features that nothing is propagated back to, as in predictions, need not become panels: [`forward_table`] reads the rows
//! where they lie.
//!
//! One sample has no tile: [`forward_row`] runs as many chains side by side as hide a multiply-add's latency.
//!
//! A long chain is computed in stretches ([`long_stretch`](crate::simd::Simd::long_stretch)) where the caches are small, or the
//! layer is large: its sum is put down in memory and taken up again, which changes no bit.
//!
//! A layer of at most [`NARROW`] units would waste most lanes of vectors that run across its units; the last two rows of
//! the table let them run across samples and inputs; the last row also where the last panel of a wider layer has so few
//! units. [`backward_and_descend`] goes back through a narrow layer and down its gradient in one pass over the samples. Each
//! number's chain is the same in all forms, and so its bits.

mod activate;
mod backward;
mod book_order;
mod columns;
mod cost;
mod few;
mod forward;
mod gather;
mod gradient;
mod layout;
mod narrow;
mod narrow_backward;
mod order;
mod row;
mod samples;
mod stretch;
mod tile;
mod update;

pub use activate::activate_with_slopes;
pub use backward::backward;
pub use book_order::{read_blocks, read_gradient, write_blocks, write_gradient};
pub use columns::{columns_len, columns_to_panels, panels_to_columns};
pub use forward::{forward, forward_table};
pub use gather::gather_rows;
pub use gradient::{BackwardReaders, BlockGradient, BlockMut};
pub use layout::{
    BACKWARD_BLOCK, Blocks, FORWARD_BLOCK, GRADIENT, LayerShape, NARROW, PANEL, Panels, PanelsMut, ROW_MULTIPLE, Table,
};
pub use narrow::forward_narrow;
pub use narrow_backward::{WayBack, backward_and_descend};
pub use row::{Row, RowMut, forward_row};
pub use update::{gradient_squares, update_block};

//! Times the `gemm` crate's matrix products alone: those of a training step or of a prediction, and nothing else.
//!
//! No sigmoid, no bias, no loss, no update. So this is not a network that learns, but what a step made of library
//! products could reach at best.

use std::ops::Range;

use anyhow::{Result, ensure};
use gemm::Parallelism;
use peers::workload::Workload;

fn main() -> Result<()> {
    peers::run::<Products>()
}

struct Products {
    layers: Vec<Layer>,
    batch: usize,
    parallelism: Parallelism,
    minibatches: Vec<Vec<f32>>,
    rows: Vec<f32>,
}

/// One layer's matrices, all row-major.
struct Layer {
    inputs: usize,
    outputs: usize,
    /// (inputs, outputs)
    weights: Vec<f32>,
    /// (inputs, outputs)
    gradient: Vec<f32>,
    /// (batch, outputs): what the layer gives upwards.
    values: Vec<f32>,
    /// (batch, outputs): what comes down to it.
    deltas: Vec<f32>,
}

impl peers::Peer for Products {
    const NAME: &'static str = "gemm products";
    const PACKAGE: &'static str = "gemm";
    type Predictions = ();

    fn new(workload: &Workload) -> Result<Self> {
        let batch = workload.batch;
        let layers = workload.layers.iter().map(|layer| {
            let (inputs, outputs) = (layer.inputs, layer.outputs);
            let transposed = |k| layer.weights[k % outputs * inputs + k / outputs];
            Layer {
                inputs,
                outputs,
                weights: (0..inputs * outputs).map(transposed).collect(),
                gradient: vec![0.0; inputs * outputs],
                values: vec![0.0; batch * outputs],
                deltas: vec![0.01; batch * outputs],
            }
        });
        // Rayon's pool has as many threads as the job asks for; see `peers::run`.
        let parallelism = match std::env::var("RAYON_NUM_THREADS")?.parse()? {
            1 => Parallelism::None,
            threads => Parallelism::Rayon(threads),
        };
        let mut products = Products {
            layers: layers.collect(),
            batch,
            parallelism,
            minibatches: workload.minibatches.iter().map(|it| it.features.clone()).collect(),
            rows: workload.rows.clone(),
        };
        products.agree_with_plain_loops()?;
        Ok(products)
    }

    fn step(&mut self, minibatch: usize) -> Result<()> {
        let Products { layers, batch, parallelism, minibatches, .. } = self;
        forward(layers, &minibatches[minibatch], *batch, *parallelism);
        backward(layers, &minibatches[minibatch], *batch, *parallelism);
        Ok(())
    }

    fn predict(&mut self) -> Result<()> {
        forward(&mut self.layers, &self.rows, self.batch, self.parallelism);
        Ok(())
    }

    fn loss(&mut self, _minibatch: usize) -> Result<Option<f64>> {
        Ok(None)
    }

    fn mean(_predictions: ()) -> Result<Option<f64>> {
        Ok(None)
    }
}

impl Products {
    /// The first layer's values and the last layer's gradient, once, against the definition of a product.
    fn agree_with_plain_loops(&mut self) -> Result<()> {
        use peers::Peer as _;
        self.step(0)?;
        let (first, last) = (&self.layers[0], &self.layers[self.layers.len() - 1]);
        let value = dot(0..first.inputs, |j| (self.minibatches[0][j], first.weights[j * first.outputs]));
        let below = match self.layers.len() {
            1 => &self.minibatches[0],
            count => &self.layers[count - 2].values,
        };
        let gradient = dot(0..self.batch, |row| (below[row * last.inputs], last.deltas[row * last.outputs]));
        for (ours, theirs) in [(value, first.values[0]), (gradient, last.gradient[0])] {
            ensure!((ours - f64::from(theirs)).abs() < 1e-4, "a product is {theirs} and should be {ours}");
        }
        Ok(())
    }
}

fn dot(indices: Range<usize>, pair: impl Fn(usize) -> (f32, f32)) -> f64 {
    indices.map(pair).map(|(a, b)| f64::from(a) * f64::from(b)).sum()
}

fn forward(layers: &mut [Layer], rows: &[f32], batch: usize, parallelism: Parallelism) {
    let mut below = rows;
    for layer in layers {
        let weights = Matrix::new(&layer.weights, layer.outputs);
        multiply(Matrix::new(below, layer.inputs), weights, &mut layer.values, batch, parallelism);
        below = &layer.values;
    }
}

fn backward(layers: &mut [Layer], rows: &[f32], batch: usize, parallelism: Parallelism) {
    for index in (0..layers.len()).rev() {
        let (lower, upper) = layers.split_at_mut(index);
        let layer = &mut upper[0];
        let deltas = Matrix::new(&layer.deltas, layer.outputs);
        let below = match lower.last_mut() {
            None => rows,
            Some(lower) => {
                let weights = Matrix::new(&layer.weights, layer.outputs).transposed();
                multiply(deltas, weights, &mut lower.deltas, batch, parallelism);
                &lower.values
            }
        };
        let below = Matrix::new(below, layer.inputs).transposed();
        multiply(below, deltas, &mut layer.gradient, layer.inputs, parallelism);
    }
}

/// A matrix as `gemm` sees it: numbers and the strides between rows and between columns.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    fn new(data: &'a [f32], columns: usize) -> Self {
        Matrix { data, rows: data.len() / columns, columns, row_stride: columns, column_stride: 1 }
    }

    fn transposed(self) -> Self {
        let Matrix { data, rows, columns, row_stride, column_stride } = self;
        Matrix { data, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }
}

/// product = left right, the product row-major with `rows` rows.
fn multiply(left: Matrix<'_>, right: Matrix<'_>, product: &mut [f32], rows: usize, parallelism: Parallelism) {
    assert_eq!((left.rows, left.columns), (rows, right.rows));
    assert_eq!(product.len(), rows * right.columns);
    // SAFETY: each matrix's strides stay within its slice, because `Matrix::new` takes its shape from the slice's
    // length, and the assertions make the three shapes fit.
    unsafe {
        gemm::gemm(
            rows,
            right.columns,
            left.columns,
            product.as_mut_ptr(),
            1,
            right.columns as isize,
            false,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

//! The matrix kernels of a minibatch: forward, backward, gradient and descent; and between panels and columns.

use kernels::matrix::{
    self, BACKWARD_BLOCK, BackwardReaders, BlockGradient, BlockMut, Blocks, FORWARD_BLOCK, GRADIENT, LayerShape, PANEL,
    Panels, PanelsMut, ROW_MULTIPLE, Row, RowMut, Table, WayBack,
};
use kernels::simd::Simd;
use kernels::{Activation, Dropout, Level, Sgd, Slope, dispatch, reference};
use proptest::prelude::*;

use super::{assert_agrees, numbers, width};

/// A layer, and a minibatch cut into groups of samples, as the matrix kernels read them.
#[derive(Clone, Debug)]
struct Layer {
    shape: LayerShape,
    samples: usize,
    group_samples: usize,
    activation: Activation,
    weights: Vec<f32>,
    z: Vec<f32>,
    delta: Vec<f32>,
}

fn layer() -> impl Strategy<Value = Layer> {
    let small = (width(), width(), 1usize..=50, 1usize..=50);
    // Long chains along inputs, outputs, and samples: some tiers compute them in stretches, some of those only on some machines.
    let (few, many) = (1usize..=9, 97usize..=290);
    let sizes = prop_oneof![
        3 => small,
        1 => (many.clone(), width(), few.clone(), few.clone()),
        1 => (width(), many.clone(), few.clone(), few.clone()),
        1 => (width(), few, many.clone(), many),
    ];
    let activation = prop::sample::select(Activation::ALL.to_vec());
    (sizes, activation).prop_flat_map(|((inputs, outputs, samples, group_samples), activation)| {
        let parts = (numbers(outputs * (1 + inputs)), numbers(samples * inputs), numbers(samples * outputs));
        parts.prop_map(move |(weights, z, delta)| Layer {
            shape: LayerShape { inputs, outputs },
            samples,
            group_samples,
            activation,
            weights,
            z,
            delta,
        })
    })
}

fn in_panels(rows_of_units: &[f32], units: usize, rows: usize) -> Vec<f32> {
    let mut numbers = vec![0.0; Panels::len(units, rows)];
    let panels = PanelsMut::new(&mut numbers, units, rows);
    let samples: Vec<usize> = (0..rows_of_units.len() / units).collect();
    gather_at(Level::best(), Table::new(rows_of_units, units), &samples, panels);
    numbers
}

fn from_panels(numbers: &[f32], units: usize, rows: usize, samples: usize) -> Vec<f32> {
    let at = |sample: usize, unit: usize| numbers[unit / PANEL * Panels::stride(rows) + sample * PANEL + unit % PANEL];
    (0..samples).flat_map(|sample| (0..units).map(move |unit| at(sample, unit))).collect()
}

// The kernels at a level, each in one place: every place where a kernel is dispatched compiles it for all levels.

/// Returns the level's lanes.
fn gather_at(level: Level, table: Table<'_>, indices: &[usize], panels: PanelsMut<'_>) -> usize {
    fn lanes<S: Simd>(_: S) -> usize {
        S::LANES
    }
    dispatch!(level, simd => {
        matrix::gather_rows(simd, table, indices.len(), |sample| indices[sample], panels);
        lanes(simd)
    })
}

fn forward_at(
    level: Level,
    weights: Blocks<'_>,
    z: Panels<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: PanelsMut<'_>,
) {
    dispatch!(level, simd => matrix::forward(simd, weights, z, samples, activation, z_out));
}

fn forward_table_at(
    level: Level,
    weights: Blocks<'_>,
    table: Table<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: PanelsMut<'_>,
) {
    dispatch!(level, simd => matrix::forward_table(simd, weights, table, samples, activation, z_out));
}

fn backward_at(
    level: Level,
    weights: Blocks<'_>,
    delta: Panels<'_>,
    samples: usize,
    slope: Slope,
    z: Panels<'_>,
    delta_in: PanelsMut<'_>,
) {
    dispatch!(level, simd => matrix::backward(simd, weights, delta, samples, slope, z, (delta_in, 0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Short rows are copied one by one, others side by side, and what is no unit of a sample stays as it was, but for zeros up
    /// to the end of the last vector.
    #[test]
    fn rows_of_a_table((units, table, indices) in (1usize..=290, 1usize..=20).prop_flat_map(|(units, rows)| {
        (Just(units), numbers(units * rows), prop::collection::vec(0..rows, 0..=40))
    })) {
        let rows = (1 + indices.len()).next_multiple_of(ROW_MULTIPLE);
        for level in Level::available() {
            let mut panels = vec![f32::NAN; Panels::len(units, rows)];
            let lanes = gather_at(level, Table::new(&table, units), &indices, PanelsMut::new(&mut panels, units, rows));
            for (place, number) in panels.into_iter().enumerate() {
                let (panel, in_panel) = (place / Panels::stride(rows), place % Panels::stride(rows));
                let (sample, unit) = (in_panel / PANEL, panel * PANEL + in_panel % PANEL);
                let expected = match indices.get(sample) {
                    Some(row) if unit < units => table[row * units + unit],
                    Some(_) if unit < units.next_multiple_of(lanes) => 0.0,
                    _ => f32::NAN,
                };
                prop_assert_eq!(number.to_bits(), expected.to_bits(), "{}: {} of {}", level, unit, sample);
            }
        }
    }

    #[test]
    fn panels_and_columns((units, samples, z) in (width(), 1usize..=50).prop_flat_map(|(units, samples)| {
        (Just(units), Just(samples), numbers(units * samples))
    })) {
        let rows = samples.next_multiple_of(ROW_MULTIPLE);
        let panels = in_panels(&z, units, rows);
        for level in Level::available() {
            let mut columns = vec![f32::NAN; matrix::columns_len(units, rows)];
            let from = Panels::new(&panels, units, rows);
            dispatch!(level, simd => matrix::panels_to_columns(simd, from, samples, &mut columns));
            for (sample, row) in z.chunks(units).enumerate() {
                for (unit, z) in row.iter().enumerate() {
                    assert_eq!(columns[unit * rows + sample], *z, "unit {unit} of sample {sample} at level {level}");
                }
            }
            let mut back = vec![f32::NAN; panels.len()];
            let to = PanelsMut::new(&mut back, units, rows);
            dispatch!(level, simd => matrix::columns_to_panels(simd, &columns, samples, to));
            assert_eq!(from_panels(&back, units, rows, samples), z, "back again at level {level}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_minibatch(layer in layer()) {
        let Layer { shape, samples, group_samples, activation, weights, z, delta } = layer;
        let LayerShape { inputs, outputs } = shape;

        // The specification, one plain loop after the other.
        let mut a = vec![0.0; samples * outputs];
        reference::forward(&weights, inputs, &z, &mut a);
        let expected_z: Vec<f32> = a.iter().map(|a| reference::activate(activation, *a)).collect();
        let dropout = (samples % 2 == 0).then(|| Dropout::new(0.4, 3, 8).of_layer(1, 5));
        let factors: Vec<f32> = (0..samples * outputs)
            .map(|at| dropout.map_or(1.0, |dropout| dropout.of_sample(at / outputs).of_unit(at % outputs)))
            .collect();
        let expected_kept_z: Vec<f32> = expected_z.iter().zip(&factors).map(|(z, factor)| z * factor).collect();
        let expected_slopes: Vec<f32> =
            a.iter().zip(&factors).map(|(a, factor)| reference::derivative(activation, *a) * factor).collect();
        let mut expected_delta = vec![0.0; samples * inputs];
        reference::backward(&weights, inputs, &delta, &mut expected_delta);
        for (delta, z) in expected_delta.iter_mut().zip(&z) {
            *delta *= reference::derivative_from(activation.slope(), *z);
        }
        let mut expected_gradient = vec![0.0; weights.len()];
        reference::gradient(inputs, &delta, &z, &mut expected_gradient);
        let steps = [0.0, 0.5].map(|momentum| Sgd { learning_rate: 0.5, momentum, scale: 1.0 / samples as f32 });
        let expected_weights = steps.map(|sgd| {
            let (mut weights, mut velocity) = (weights.clone(), vec![0.0; weights.len()]);
            for _step in 0..2 {
                reference::sgd_step(sgd, &expected_gradient, &mut weights, &mut velocity);
            }
            weights
        });

        let mut forward = vec![0.0; shape.blocks() * FORWARD_BLOCK];
        let mut backward = vec![0.0; shape.blocks() * BACKWARD_BLOCK];
        matrix::write_blocks(shape, &weights, &mut forward, &mut backward);
        let blocks = Blocks::new(&forward, &backward, shape);
        let rows = samples.next_multiple_of(ROW_MULTIPLE);
        let (z_panels, delta_panels) = (in_panels(&z, inputs, rows), in_panels(&delta, outputs, rows));
        let group_rows = group_samples.next_multiple_of(ROW_MULTIPLE);
        let groups: Vec<[Vec<f32>; 2]> = z
            .chunks(group_samples * inputs)
            .zip(delta.chunks(group_samples * outputs))
            .map(|(z, delta)| [in_panels(z, inputs, group_rows), in_panels(delta, outputs, group_rows)])
            .collect();
        let gradient_of = |group: usize, block| {
            let [z, delta] = &groups[group];
            let (z, delta) = (Panels::new(z, inputs, group_rows), Panels::new(delta, outputs, group_rows));
            BlockGradient { shape, block, z, delta, samples: group_samples.min(samples - group * group_samples) }
        };

        for level in Level::available() {
            let mut z_out = vec![f32::NAN; Panels::len(outputs, rows)];
            let (z_panels, panels) = (Panels::new(&z_panels, inputs, rows), PanelsMut::new(&mut z_out, outputs, rows));
            forward_at(level, blocks, z_panels, samples, Some(activation), panels);
            assert_agrees(level, "forward", &from_panels(&z_out, outputs, rows, samples), &expected_z, inputs);

            z_out.fill(f32::NAN);
            let panels = PanelsMut::new(&mut z_out, outputs, rows);
            forward_table_at(level, blocks, Table::new(&z, inputs), samples, Some(activation), panels);
            assert_agrees(level, "forward_table", &from_panels(&z_out, outputs, rows, samples), &expected_z, inputs);

            for (z, expected_z) in z.chunks(inputs).zip(expected_z.chunks(outputs)).take(3) {
                let mut z_out = vec![f32::NAN; outputs.next_multiple_of(PANEL)];
                dispatch!(level, simd => matrix::forward_row(
                    simd, blocks, Row::new(z), Some(activation), RowMut::new(&mut z_out, outputs),
                ));
                assert_agrees(level, "forward_row", &z_out[..outputs], expected_z, inputs);
            }

            let (mut kept_z, mut slopes) = (in_panels(&a, outputs, rows), vec![f32::NAN; Panels::len(outputs, rows)]);
            dispatch!(level, simd => matrix::activate_with_slopes(
                simd, activation, dropout, samples, 0,
                [PanelsMut::new(&mut kept_z, outputs, rows), PanelsMut::new(&mut slopes, outputs, rows)],
            ));
            let (kept_z, slopes) = (&from_panels(&kept_z, outputs, rows, samples), &from_panels(&slopes, outputs, rows, samples));
            assert_agrees(level, "z of activate_with_slopes", kept_z, &expected_kept_z, 1);
            assert_agrees(level, "slopes of activate_with_slopes", slopes, &expected_slopes, 1);

            if shape.is_narrow() {
                let mut units = vec![f32::NAN; outputs * rows];
                dispatch!(level, simd => matrix::forward_narrow(
                    simd, blocks, z_panels, samples, Some(activation), &mut units,
                ));
                let found: Vec<f32> =
                    (0..samples).flat_map(|s| units.chunks(rows).map(move |unit| unit[s])).collect();
                assert_agrees(level, "forward_narrow", &found, &expected_z, inputs);
            }

            let mut delta_in = vec![f32::NAN; Panels::len(inputs, rows)];
            let delta_panels = Panels::new(&delta_panels, outputs, rows);
            let panels = PanelsMut::new(&mut delta_in, inputs, rows);
            backward_at(level, blocks, delta_panels, samples, activation.slope(), z_panels, panels);
            assert_agrees(level, "backward", &from_panels(&delta_in, inputs, rows, samples), &expected_delta, outputs);

            // The sums go from group to group; those over all but the last one are what descent begins with.
            let places = || (0..shape.blocks()).map(|block| (block / shape.input_panels(), block % shape.input_panels()));
            let last = groups.len() - 1;
            let mut found_gradient = vec![f32::NAN; weights.len()];
            let sums_before: Vec<Option<Vec<f32>>> = places()
                .map(|block| {
                    let mut sums = vec![f32::NAN; GRADIENT];
                    for group in 0..last {
                        dispatch!(level, simd => gradient_of(group, block).sum(simd, &mut sums, group > 0));
                    }
                    let before = (last > 0).then(|| sums.clone());
                    dispatch!(level, simd => gradient_of(last, block).sum(simd, &mut sums, before.is_some()));
                    matrix::write_gradient(shape, block, &sums, &mut found_gradient);
                    before
                })
                .collect();
            assert_agrees(level, "gradient", &found_gradient, &expected_gradient, samples);

            for (sgd, expected_weights) in steps.iter().zip(&expected_weights) {
                let (mut found_forward, mut found_backward) = (forward.clone(), backward.clone());
                let copies =
                    found_forward.chunks_exact_mut(FORWARD_BLOCK).zip(found_backward.chunks_exact_mut(BACKWARD_BLOCK));
                for ((block, before), (forward, backward)) in places().zip(&sums_before).zip(copies) {
                    let gradient = gradient_of(last, block);
                    let mut velocity = vec![0.0; GRADIENT];
                    for readers in [BackwardReaders::Writer, BackwardReaders::Everybody] {
                        let block = BlockMut { forward: &mut *forward, backward: &mut *backward };
                        let before = before.as_deref();
                        dispatch!(level, simd => gradient.descend(simd, *sgd, readers, before, block, &mut velocity));
                    }
                }
                let mut found_weights = vec![f32::NAN; weights.len()];
                matrix::read_blocks(shape, &found_forward, &mut found_weights);
                assert_agrees(level, "descend", &found_weights, expected_weights, samples);

                // Both copies agree, and nothing was written outside the layer.
                let (forward_before, backward_before) = (&forward, &backward);
                let (mut forward, mut backward) = (vec![f32::NAN; forward.len()], vec![f32::NAN; backward.len()]);
                matrix::write_blocks(shape, &found_weights, &mut forward, &mut backward);
                assert!((&forward, &backward) == (&found_forward, &found_backward), "the two copies of the weights at level {level}");

                if shape.is_narrow() {
                    let (mut forward, mut backward) = (forward_before.clone(), backward_before.clone());
                    let [z, _] = &groups[last];
                    let mut velocities = vec![0.0; shape.blocks() * GRADIENT];
                    for step in 0..2 {
                        let mut delta_in = vec![f32::NAN; Panels::len(inputs, group_rows)];
                        let mut way_back = WayBack {
                            slope: activation.slope(),
                            derivatives: Panels::new(z, inputs, group_rows),
                            delta_in: PanelsMut::new(&mut delta_in, inputs, group_rows),
                        };
                        let copies = forward.chunks_exact_mut(FORWARD_BLOCK).zip(backward.chunks_exact_mut(BACKWARD_BLOCK));
                        let blocks = places().zip(&sums_before).zip(copies).zip(velocities.chunks_exact_mut(GRADIENT));
                        for (((block, before), (forward, backward)), velocity) in blocks {
                            let (gradient, before) = (gradient_of(last, block), before.as_deref());
                            let block = BlockMut { forward, backward };
                            dispatch!(level, simd => matrix::backward_and_descend(
                                simd, gradient, &mut way_back, *sgd, before, block, velocity,
                            ));
                        }
                        if step == 0 {
                            let expected = &expected_delta[last * group_samples * inputs..];
                            let found = from_panels(&delta_in, inputs, group_rows, expected.len() / inputs);
                            assert_agrees(level, "the way back of backward_and_descend", &found, expected, outputs);
                        }
                    }
                    let same = (forward, backward) == (found_forward, found_backward);
                    assert!(same, "backward_and_descend and descend at level {level}");
                }
            }
        }
    }
}

/// Layers of so many weights that they are fetched ahead: samples in several turns, and in several chunks where a core's
/// second-level cache has 4 MiB or less; chains in several stretches.
#[test]
fn layers_of_a_megabyte() {
    let numbers = |length: usize, key: u32| -> Vec<f32> {
        (0..length as u32).map(|i| reference::uniform([key, 0], i) - 0.5).collect()
    };
    for (inputs, outputs) in [(2053, 130), (130, 2053)] {
        for samples in [2, 29, 1100] {
            let shape = LayerShape { inputs, outputs };
            let (weights, z, delta) =
                (numbers(outputs * (1 + inputs), 1), numbers(samples * inputs, 2), numbers(samples * outputs, 3));
            let (mut expected_a, mut expected_delta) = (vec![0.0; samples * outputs], vec![0.0; samples * inputs]);
            reference::forward(&weights, inputs, &z, &mut expected_a);
            reference::backward(&weights, inputs, &delta, &mut expected_delta);
            let slopes = z.iter().map(|z| reference::derivative_from(Slope::OfSigmoid, *z));
            expected_delta.iter_mut().zip(slopes).for_each(|(delta, slope)| *delta *= slope);

            let (mut forward, mut backward) =
                (vec![0.0; shape.blocks() * FORWARD_BLOCK], vec![0.0; shape.blocks() * BACKWARD_BLOCK]);
            matrix::write_blocks(shape, &weights, &mut forward, &mut backward);
            let blocks = Blocks::new(&forward, &backward, shape);
            let rows = samples.next_multiple_of(ROW_MULTIPLE);
            let table = Table::new(&z, inputs);
            let (z, delta) = (in_panels(&z, inputs, rows), in_panels(&delta, outputs, rows));
            let (z, delta) = (Panels::new(&z, inputs, rows), Panels::new(&delta, outputs, rows));
            for level in Level::available() {
                let mut a = vec![f32::NAN; Panels::len(outputs, rows)];
                let panels = PanelsMut::new(&mut a, outputs, rows);
                forward_at(level, blocks, z, samples, None, panels);
                assert_agrees(level, "forward", &from_panels(&a, outputs, rows, samples), &expected_a, inputs);
                a.fill(f32::NAN);
                let panels = PanelsMut::new(&mut a, outputs, rows);
                forward_table_at(level, blocks, table, samples, None, panels);
                assert_agrees(level, "forward_table", &from_panels(&a, outputs, rows, samples), &expected_a, inputs);
                let mut delta_in = vec![f32::NAN; Panels::len(inputs, rows)];
                let panels = PanelsMut::new(&mut delta_in, inputs, rows);
                backward_at(level, blocks, delta, samples, Slope::OfSigmoid, z, panels);
                let found = from_panels(&delta_in, inputs, rows, samples);
                assert_agrees(level, "backward", &found, &expected_delta, outputs);
            }
        }
    }
}

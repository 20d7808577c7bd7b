//! Steps in which each thread has its own copy of a small network: all of them apply the same optimiser to the same sums, and
//! so have the same weights again, to the bit.
//!
//! Weights that one core updates have to move to the others, which read them in the next step. The sums have to move
//! anyway, from the thread that adds the last group of samples; and the others, who would wait for it at that time, take each
//! block as soon as it is finished.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kernels::{Step, dispatch};

use crate::Network;
use crate::buffer::Buffer;
use crate::by_samples::{Groups, cut_groups};
use crate::in_turn::{Abandon, InTurn};
use crate::parallel::share_out;
use crate::parameters::{BlocksMut, Parameters};
use crate::weight_sweep::{AdditionAndUpdate, backpropagate, update_in_turn};
use crate::workspace::Workspace;

/// A network, and the numbers that the optimiser keeps for it.
#[derive(Debug)]
pub(crate) struct Replica {
    network: Network,
    kept: Buffer,
}

impl Replica {
    fn borrow(&mut self) -> ReplicaMut<'_> {
        ReplicaMut { network: &mut self.network, kept: &mut self.kept }
    }
}

/// The same, of somebody else.
pub(crate) struct ReplicaMut<'a> {
    pub network: &'a mut Network,
    pub kept: &'a mut [f32],
}

/// Makes so many replicas of a network, where there are fewer, and brings them up to date.
pub(crate) fn copy(replicas: &mut Vec<Replica>, count: usize, network: &Network, kept: &[f32]) {
    while replicas.len() < count {
        replicas.push(Replica { network: network.clone(), kept: Buffer::zeros(kept.len()) });
    }
    for replica in &mut replicas[..count] {
        replica.network.parameters.copy_from(&network.parameters);
        replica.kept.copy_from_slice(kept);
    }
}

/// Both sweeps over a minibatch in at least two groups: the first thread has the network itself, each of the others one of the
/// replicas. Returns all losses, added up.
pub(crate) fn step(
    groups: Groups<'_>,
    workspace: &mut Workspace,
    (first, others): (ReplicaMut<'_>, &mut [Replica]),
    step: Step,
) -> f64 {
    let (layout, numbers) = (&workspace.layout, &mut workspace.numbers[..]);
    let (next, count, abandoned) = (AtomicUsize::new(0), groups.count(), AtomicBool::new(false));
    let loss = InTurn::new(0.0);
    let threads = 0..1 + others.len();
    let sweep = |_, (numbers, replica, _): (&mut [f32], ReplicaMut<'_>, &mut [Replica])| {
        let _abandon = Abandon(&abandoned);
        // Whoever adds the last group updates its weights at once; the others draw numbers beyond the groups', in which order
        // they take the sums. So whoever must be waited for has begun.
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn + 1 < count {
                groups.sweep(replica.network, turn, layout, numbers, &abandoned);
                loss.change(turn, &abandoned, |loss| groups.add_loss(turn, layout, numbers, loss));
                continue;
            }
            if turn < count {
                groups.propagate(replica.network, turn, layout, numbers);
            }
            let Network { parameters: Parameters { forward, backward, layers }, shape } = replica.network;
            let (weights, kept, sums) = (BlocksMut { forward, backward }, replica.kept, groups.sums);
            if turn < count {
                let step_four = AdditionAndUpdate { weights, kept, step, sums, turn, abandoned: &abandoned };
                let (samples, network) = (groups.samples_of(turn), (&layers[..], shape.activation()));
                backpropagate(groups.level, network, layout, numbers, samples, step_four);
                loss.change(turn, &abandoned, |loss| groups.add_loss(turn, layout, numbers, loss));
            } else {
                let (sums, updated) = ((sums, &abandoned), (weights, kept));
                dispatch!(groups.level, simd => update_in_turn(simd, layers, step, turn, sums, updated));
            }
            return;
        }
    };
    share_out(
        threads,
        (numbers, first, others),
        &|(numbers, first, others), threads, middle| {
            let left = middle - threads.start;
            let [numbers, right_numbers] = cut_groups(numbers, layout, left);
            let (others, right) = others.split_at_mut(left - 1);
            let (right_first, right_others) =
                right.split_first_mut().expect("replicas for all threads but the first one");
            ((numbers, first, others), Some((right_numbers, right_first.borrow(), right_others)))
        },
        &sweep,
    );
    loss.into_inner()
}

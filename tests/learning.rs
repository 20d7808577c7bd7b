//! Networks learn: exclusive or with every activation, the bundled data, and what happens when training cannot work.

use std::ops::ControlFlow;

use net::{Activation, Dataset, Error, Network, Optimizer, Threads, Trainer, TrainingOptions};

fn exclusive_or() -> Dataset {
    let features = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].concat();
    Dataset::new(2, features, vec![0.0, 1.0, 1.0, 0.0]).unwrap()
}

fn trained(network: Network, options: TrainingOptions, data: &Dataset) -> Result<Network, Error> {
    let mut trainer = Trainer::new(network, options)?;
    trainer.train(data, |_| ControlFlow::Continue(()))?;
    Ok(trainer.into_network())
}

#[test]
fn exclusive_or_with_every_activation() {
    let data = exclusive_or();
    for activation in Activation::ALL {
        let network = Network::builder(2).hidden(&[8]).activation(activation).seed(2).build().unwrap();
        let optimizer = Optimizer::Sgd { learning_rate: 0.3, momentum: 0.9 };
        let options = TrainingOptions { epochs: 2000, batch_size: 4, optimizer, ..Default::default() };
        let network = trained(network, options, &data).unwrap();
        for (row, t) in data.targets().iter().enumerate() {
            let p = network.prob_t1(data.row(row)).unwrap();
            assert!((p - t).abs() < 0.05, "{activation}, row {row}: p(t = 1) is {p}, t is {t}");
        }
    }
}

/// Logistic regression, a network without hidden layers, on classes that a line parts.
#[test]
fn no_hidden_layer_is_logistic_regression() {
    let data = Dataset::new(1, vec![-2.0, -1.0, 1.0, 2.0], vec![0.0, 0.0, 1.0, 1.0]).unwrap();
    let network = trained(Network::builder(1).build().unwrap(), TrainingOptions::default(), &data).unwrap();
    assert!(network.prob_t1(&[3.0]).unwrap() > 0.95 && network.prob_t0(&[-3.0]).unwrap() > 0.95);
}

#[test]
fn divergence_names_epoch_batch_and_remedy() {
    let data = Dataset::new(1, vec![1e30, -1e30, 1e30, 3e37], vec![0.0, 1.0, 1.0, 0.0]).unwrap();
    let network = Network::builder(1).hidden(&[4]).activation(Activation::Relu).seed(1).build().unwrap();
    let optimizer = Optimizer::Sgd { learning_rate: 1e10, momentum: 0.0 };
    let options = TrainingOptions { batch_size: 2, optimizer, ..Default::default() };
    let error = trained(network, options, &data).expect_err("it cannot converge");
    assert!(matches!(error, Error::Diverged { epoch: 1.., batch: 1.., .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("epoch") && text.contains("batch") && text.contains("smaller learning rate"), "{text}");
}

#[test]
fn the_callback_sees_every_epoch_and_may_stop() {
    let data = exclusive_or();
    let network = Network::builder(2).hidden(&[3]).build().unwrap();
    let mut trainer = Trainer::new(network, TrainingOptions { epochs: 10, ..Default::default() }).unwrap();
    let mut seen = Vec::new();
    let losses = trainer.train(&data, |epoch| {
        assert_eq!((epoch.of, epoch.samples), (10, 4));
        seen.push(epoch.mean_loss);
        if epoch.number == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(losses.unwrap(), seen);
    assert_eq!(seen.len(), 4);
    assert!((seen[0] - std::f64::consts::LN_2).abs() < 0.4, "the first loss is near that of a coin: {}", seen[0]);
}

#[test]
fn bad_arguments_are_errors() {
    let network = || Network::builder(2).hidden(&[3]).build().unwrap();
    let data = exclusive_or();
    let setting = |options: TrainingOptions| Trainer::new(network(), options).map(drop).unwrap_err().to_string();
    let sgd = |learning_rate, momentum| TrainingOptions {
        optimizer: Optimizer::Sgd { learning_rate, momentum },
        ..Default::default()
    };
    let default = TrainingOptions::default;
    for (error, expected) in [
        (setting(TrainingOptions { epochs: 0, ..default() }), "epochs is 0"),
        (setting(TrainingOptions { batch_size: 0, ..default() }), "batch size is 0"),
        (setting(TrainingOptions { threads: Threads::Own(0), ..default() }), "threads is 0"),
        (setting(TrainingOptions { threads: Threads::Own(1 << 40), ..default() }), "threads is"),
        (setting(sgd(0.0, 0.0)), "learning rate is 0"),
        (setting(sgd(f32::NAN, 0.0)), "learning rate is NaN"),
        (setting(sgd(0.1, 1.0)), "momentum is 1"),
        (Network::builder(0).build().unwrap_err().to_string(), "at least one input"),
        (Network::builder(2).hidden(&[4, 0]).build().unwrap_err().to_string(), "hidden layer 2"),
        (Network::builder(usize::MAX).hidden(&[usize::MAX]).build().unwrap_err().to_string(), "narrower"),
        (Network::builder(1 << 30).hidden(&[1 << 30]).build().unwrap_err().to_string(), "narrower"),
        (network().prob_t0(&[1.0]).unwrap_err().to_string(), "features has 1"),
        (Dataset::new(2, vec![], vec![]).unwrap_err().to_string(), "no rows"),
        (Dataset::new(2, vec![0.0; 3], vec![0.0; 2]).unwrap_err().to_string(), "3 features"),
        (Dataset::new(1, vec![0.0, f32::NAN], vec![0.0; 2]).unwrap_err().to_string(), "row 2, feature 1"),
        (Dataset::new(1, vec![0.0], vec![2.0]).unwrap_err().to_string(), "row 1: the class is 2"),
    ] {
        assert!(error.contains(expected), "'{error}' does not say '{expected}'");
    }
    let other = Dataset::new(1, vec![0.0], vec![1.0]).unwrap();
    assert!(matches!(Trainer::new(network(), default()).unwrap().epoch(&other), Err(Error::Length { .. })));
    assert!(matches!(Trainer::new(network(), default()).unwrap().step(&data, &[4]), Err(Error::Data(_))));
}

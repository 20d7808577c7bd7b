#![no_main]

use clap::{Args, Command, FromArgMatches};
use model::Recipe;

// The command is a program, not a library: its files are read as they are.
#[path = "../../crates/cli/src/config.rs"]
#[allow(dead_code)]
mod config;
#[path = "../../crates/cli/src/hyperparameters.rs"]
#[allow(dead_code)]
mod hyperparameters;
#[path = "../../crates/cli/src/values.rs"]
#[allow(dead_code)]
mod values;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let command = Command::new("backprop").subcommand(hyperparameters::Hyperparameters::augment_args(Command::new("train")));
    let matches = command.clone().try_get_matches_from(["backprop", "train"]).expect("no argument is needed");
    let Ok(words) = config::words_of(text, "run.toml", &command, &matches) else { return };
    let words = ["backprop", "train"].into_iter().map(str::to_owned).chain(words);
    let Ok(matches) = command.try_get_matches_from(words) else { return };
    let (_, matches) = matches.subcommand().expect("the words name it");
    let recipe: Recipe = hyperparameters::Hyperparameters::from_arg_matches(matches).expect("what was parsed").recipe();
    let Ok(settings) = recipe.resolve(1000) else { return };
    // What a model file would keep of it says the same.
    let json = serde_json::to_string(&settings).expect("settings have a text");
    assert_eq!(serde_json::from_str::<model::Settings>(&json).expect("they are read again"), settings);
});

//! Writes random models as ONNX, with rows and this project's predictions for them, for `tests/export/check.py`:
//! `cargo run --release -p export --example random_models -- FOLDER [COUNT]`.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result};
use export::{onnx, pytorch};
use serde_json::{Map, Value, json};

#[path = "../../../tests/export/random.rs"]
mod random;

use random::{Cells, Exported};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().context("name the folder to write to")?;
    let count = arguments.next().map_or(Ok(500), |count| count.parse())?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for seed in 0..count {
        let case = random::case(seed);
        let (model, members) = match &case.exported {
            Exported::Model(model) => (onnx::model(model), &model.members),
            Exported::Networks(networks) => (onnx::networks(networks), networks),
        };
        fs::write(folder.join(format!("{seed}.onnx")), onnx::to_bytes(&model)?)?;
        fs::write(folder.join(format!("{seed}.safetensors")), pytorch::state_dict(members))?;
        let mut inputs = Map::new();
        for input in &case.inputs {
            // NaN becomes null.
            let cells = match &input.cells {
                Cells::Numbers(numbers) => json!(numbers),
                Cells::Labels(labels) => json!(labels),
            };
            inputs.insert(input.name.clone(), cells);
        }
        let outputs: Map<String, Value> =
            case.predictions.iter().map(|(name, numbers)| ((*name).to_owned(), json!(numbers))).collect();
        let shape = members[0].shape();
        let widths = [&[shape.inputs()], shape.hidden(), &[shape.outputs()]].concat();
        let description = json!({
            "rows": case.rows,
            "inputs": inputs,
            "outputs": outputs,
            "classes": case.classes,
            "widths": widths,
            "activation": shape.activation().to_string(),
            "output_layer": shape.output_layer().to_string(),
            "networks": members.len(),
        });
        fs::write(folder.join(format!("{seed}.json")), serde_json::to_vec(&description)?)?;
    }
    println!("{count} models in {}", folder.display());
    Ok(())
}

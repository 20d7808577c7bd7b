//! Hyperparameters, and what is needed to do it again.

use maud::{Markup, html};
use serde_json::Value;

use crate::Report;

/// Both sections.
pub fn sections(report: &Report) -> Markup {
    let settings = serde_json::to_value(&report.model.training.settings).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(numbers) => numbers.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        // An f32 has no more digits than it needs.
        Value::Number(number) if number.is_f64() => (number.as_f64().unwrap_or_default() as f32).to_string(),
        value => value.to_string(),
    };
    html! {
        section {
            h2 { "Hyperparameters" }
            table {
                tbody {
                    @for (name, value) in settings.as_object().into_iter().flatten() {
                        tr { td { (name.replace('_', " ")) } td { (text(value)) } }
                    }
                }
            }
        }
        section {
            h2 { "Doing it again" }
            p.faint {
                "The same version, command and files give the same model, bit for bit, with any number of threads and at any level "
                "that fuses multiply-adds."
            }
            dl.origin #origin {
                @for (name, text) in &report.origin {
                    dt { (name) }
                    dd { code { (text) } }
                }
            }
        }
    }
}

//! What the networks of a model are, in words.

use model::Model;

use crate::report::{Report, count};

/// Adds their shape and how many there are.
pub fn report(model: &Model, report: &mut Report) {
    let shape = model.members[0].shape();
    let (activation, parameters) = (shape.activation(), model.members[0].parameter_count());
    let members = match model.members.len() {
        1 => String::new(),
        members => format!(", {members} networks"),
    };
    report.line("network", format!("{shape}, {activation}, {} parameters{members}", count(parameters)));
    report.value("network", shape.to_string());
    report.value("members", model.members.len());
    report.value("parameters", parameters);
}

/// Adds the digest of their weights, for people only if it is `shown`.
pub fn fingerprint(model: &Model, shown: bool, report: &mut Report) {
    let fingerprint = model.fingerprint().to_string();
    report.value("fingerprint", &fingerprint);
    if shown {
        report.line("fingerprint", fingerprint);
    }
}

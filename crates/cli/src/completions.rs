//! `backprop completions`: what a shell completes.

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::report::print;

/// Print a script that lets a shell complete the arguments of this command
#[derive(Args)]
#[command(after_help = "\
Examples:
  backprop completions bash > ~/.local/share/bash-completion/completions/backprop
  backprop completions fish > ~/.config/fish/completions/backprop.fish")]
pub struct Completions {
    /// Shell to print it for
    shell: Shell,
}

impl Completions {
    /// Prints it.
    pub fn run(&self, mut command: Command) -> Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut command, "backprop", &mut script);
        print(&script)
    }
}

//! The pages of `docs/` that are made from tables: the tests that hold them fresh also write them.

use std::path::Path;
use std::process::Command;

/// Writes every generated page anew.
pub fn run(root: &Path) -> Result<(), String> {
    let words = [
        "test", "--quiet", "-p", "moothall", "-p", "moo-vm", "--lib", "page",
    ];
    let status = Command::new(env!("CARGO"))
        .args(words)
        .env("UPDATE", "1")
        .current_dir(root)
        .status();
    let status = status.map_err(|error| format!("cannot start cargo: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`UPDATE=1 cargo {}` failed ({status})", words.join(" "))),
    }
}

//! All figures of docs/performance.md in one run: the machine, the transactions, and the real programs under load.

use crate::{cargo_command, load};
use std::path::Path;

/// Builds what is measured, in release form, then measures one thing after the other and prints a table for each.
pub fn run(root: &Path) -> Result<(), String> {
    cargo(
        root,
        &[
            "bench",
            "--package",
            "moo-vm",
            "--features",
            "testing",
            "--bench",
            "vm",
        ],
    )?;
    println!();
    cargo(root, &["bench", "--package", "moo-db", "--bench", "transactions"])?;
    println!();
    cargo(root, &["bench", "--package", "moo-tasks", "--bench", "parallel"])?;
    println!();
    cargo(root, &["bench", "--package", "moo-db", "--bench", "textdump"])?;
    println!();
    load::run(root)
}

/// Runs cargo, which speaks for itself.
pub fn cargo(root: &Path, words: &[&str]) -> Result<(), String> {
    let status = cargo_command()
        .args(words)
        .arg("--quiet")
        .current_dir(root)
        .status();
    let status = status.map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {}` failed ({status})", words.join(" ")))
    }
}

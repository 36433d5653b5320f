//! The gate: formatting, tidy, clippy, documentation, the browser client and all tests, in one profile so that nothing is built twice.

use crate::{cargo_command, tidy};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs every step, the quick ones first; stops at the first that fails.
pub fn run(root: &Path) -> Result<(), String> {
    step("formatting", || cargo(root, &["fmt", "--all", "--check"], &[]))?;
    step("tidy", || tidy::run(root))?;
    step("clippy", || {
        cargo(
            root,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
            &[],
        )
    })?;
    step("documentation", || {
        let words = [
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
            "--locked",
            "--quiet",
        ];
        cargo(
            root,
            &words,
            &[("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links")],
        )
    })?;
    step("browser client", || browser_client(root))?;
    // All else is built with the fail points that tests need; what people run is built without.
    step("programs without fail points", || {
        cargo(root, &["check", "-p", "moothall", "--bins", "--locked"], &[])
    })?;
    if has_nextest(root) {
        step("tests", || {
            cargo(root, &["nextest", "run", "--workspace", "--locked"], &[])
        })?;
        step("examples in documentation", || {
            cargo(root, &["test", "--workspace", "--doc", "--locked"], &[])
        })
    } else {
        step("tests and examples in documentation", || {
            cargo(root, &["test", "--workspace", "--locked"], &[])
        })
    }
}

/// Holds the files that the web host embeds to their sources, and runs the client's own tests. Nobody who only builds
/// Moothall needs npm, so a machine without it leaves this out, and says so.
fn browser_client(root: &Path) -> Result<(), String> {
    let client = root.join("src/hosts/web/client");
    if npm(&client, &["--version"]).is_err() {
        println!(
            "== browser client: SKIPPED: npm was not found, so nobody knows whether dist/ is what the sources give"
        );
        return Ok(());
    }
    npm(&client, &["ci", "--prefer-offline", "--no-progress"])?;
    npm(&client, &["run", "--silent", "check"])?;
    npm(&client, &["run", "--silent", "test"])
}

fn npm(folder: &Path, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new("npm");
    let status = command.args(words).current_dir(folder).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`npm {}` failed ({status})", words.join(" "))),
        Err(error) => Err(format!("cannot start npm: {error}")),
    }
}

fn step(name: &str, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("== {name}");
    let started = Instant::now();
    work().map_err(|error| format!("{name}: {error}"))?;
    println!("== {name}: done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn cargo(root: &Path, words: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let mut command = cargo_command();
    command
        .args(words)
        .envs(variables.iter().copied())
        .current_dir(root);
    let status = command
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {}` failed ({status})", words.join(" ")))
    }
}

/// Whether cargo-nextest is there, which runs tests in processes of their own and in parallel.
fn has_nextest(root: &Path) -> bool {
    let mut command = cargo_command();
    command
        .args(["nextest", "--version"])
        .current_dir(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

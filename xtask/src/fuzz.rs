//! Runs the fuzz targets: `cargo xtask fuzz [TARGET] [SECONDS]`.
//!
//! Invariant: what is found while fuzzing goes to `fuzz/grown` and `fuzz/artifacts`, which nobody keeps; only what somebody
//! copies to `fuzz/corpus` is part of the project.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// How long each target runs unless told otherwise.
const SECONDS: u64 = 60;
/// The longest input, in bytes: enough for a whole small world.
const INPUT_MAX: u32 = 4096;
/// The longest that one input may take, in seconds.
const INPUT_SECONDS_MAX: u32 = 10;
/// The most memory that a target may take, in MiB, and that may be asked for at once.
const MEMORY_MAX_MIB: u32 = 2048;
const ALLOCATION_MAX_MIB: u32 = 512;

/// The targets that a dictionary helps.
const DICTIONARIES: [(&str, &str); 5] = [
    ("parser", "moo"),
    ("round_trip", "moo"),
    ("pattern", "moo"),
    ("textdump", "textdump"),
    ("objdef", "objdef"),
];

/// One target, or all of them one after the other, for so many seconds each.
pub fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let targets = targets(root)?;
    let (chosen, seconds) = chosen(words, &targets)?;
    if !has_cargo_fuzz() {
        return Err(
            "cargo-fuzz is missing: run `cargo install cargo-fuzz` and `rustup toolchain install nightly`"
                .into(),
        );
    }
    for target in chosen {
        println!("== {target}: {seconds} s");
        fuzz(root, &target, seconds)?;
    }
    Ok(())
}

/// Every target, by its file.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let failed = |error: std::io::Error| format!("cannot read fuzz/fuzz_targets: {error}");
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets")).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name();
        names.extend(file.to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// What the words of the command ask for.
fn chosen(words: &[&str], targets: &[String]) -> Result<(Vec<String>, u64), String> {
    let (names, seconds) = match words {
        [] => (targets.to_vec(), SECONDS),
        [word] => match word.parse() {
            Ok(seconds) => (targets.to_vec(), seconds),
            Err(_) => (vec![(*word).to_owned()], SECONDS),
        },
        [name, seconds] => {
            let seconds = seconds
                .parse()
                .map_err(|_| format!("`{seconds}` is no number of seconds"))?;
            (vec![(*name).to_owned()], seconds)
        }
        _ => return Err("usage: cargo xtask fuzz [TARGET] [SECONDS]".into()),
    };
    match names.iter().find(|name| !targets.contains(name)) {
        Some(name) => Err(format!(
            "there is no target `{name}`: there are {}",
            targets.join(", ")
        )),
        None => Ok((names, seconds)),
    }
}

fn has_cargo_fuzz() -> bool {
    let mut command = Command::new("cargo");
    command
        .args(["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn fuzz(root: &Path, target: &str, seconds: u64) -> Result<(), String> {
    let grown = root.join("fuzz/grown").join(target);
    fs::create_dir_all(&grown).map_err(|error| format!("cannot make {}: {error}", grown.display()))?;
    let mut command = Command::new("cargo");
    command
        .current_dir(root)
        // The cargo that runs this names its own toolchain, which is not the one that instruments.
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(["+nightly", "fuzz", "run", target])
        .args([format!("fuzz/grown/{target}"), format!("fuzz/corpus/{target}")])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MAX_MIB}"))
        .arg(format!("-malloc_limit_mb={ALLOCATION_MAX_MIB}"))
        // Naming each function that is reached for the first time takes longer than all the rest.
        .arg("-print_funcs=0")
        .arg("-print_final_stats=1");
    if let Some((_, dictionary)) = DICTIONARIES.iter().find(|(name, _)| *name == target) {
        command.arg(format!("-dict=fuzz/dictionaries/{dictionary}.dict"));
    }
    let status = command
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!(
            "{target} found something ({status}): the input is in fuzz/artifacts/{target}"
        ))
    }
}

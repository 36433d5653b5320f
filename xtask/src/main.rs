//! Chores of the workspace. `cargo xtask ci` is the one gate, the same for everybody; `cargo xtask tidy` its own part.
//! `cargo xtask fuzz` runs the fuzz targets, for a minute each unless told otherwise.
//! `cargo xtask docs` writes the pages that are made from tables, which the tests hold fresh.
//! `cargo xtask bench` prints all figures of docs/performance.md, `cargo xtask load` those of the running programs,
//! `cargo xtask load crowd` those of thousands of connections, `cargo xtask load room` those of a full room,
//! `cargo xtask load web` those of WebSockets, beside a Socket.IO server, `cargo xtask load fair` those of a player beside one with heavy tasks.

mod bench;
mod ci;
mod docs;
mod fuzz;
mod load;
mod soak;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask ci | tidy | docs | bench | load [crowd | fair | room | web]\n       cargo xtask fuzz [TARGET] [SECONDS]\n       cargo xtask soak [--events N] [--clients N] [--faults N] [--seed N]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => ci::run(&root()),
        ["bench"] => bench::run(&root()),
        ["load"] => load::run(&root()),
        ["load", "room"] => load::run_room(&root()),
        ["load", "web"] => load::run_web(&root()),
        ["load", "fair"] => load::run_fair(&root()),
        ["load", "crowd"] => load::run_crowd(&root()),
        ["fuzz", ref words @ ..] => fuzz::run(&root(), words),
        ["soak", ref words @ ..] => soak::run(&root(), words),
        ["docs"] => docs::run(&root()),
        ["tidy"] => tidy::run(&root()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace, whose folder `xtask` is in.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the manifest of xtask is one folder below the workspace")
        .to_owned()
}

/// Cargo as a shell would start it. What cargo has told this program of its own package is not passed on: there are build
/// scripts that run anew whenever that changes, and with them all that stands on theirs.
fn cargo_command() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CARGO_MANIFEST_PATH");
    command
}

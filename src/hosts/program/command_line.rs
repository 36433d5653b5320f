//! The command line of a host's program, and its exit codes.
//!
//! Invariant: nothing is opened before all of the command line and the settings were read.

use super::{HostError, Options};
use crate::actors::kit::child_link::{self, Upbringing};
use crate::actors::kit::{descriptors, exit};
use crate::config::arguments::{Arguments, Flag, Program};
use crate::config::{Config, ConfigError};
use crate::hosts::identity;
use crate::limits::HOST_FILES;
use std::process::ExitCode;

/// The flags of a host's program whose clients connect where the setting `key` says.
pub const fn flags(key: &'static str, listen: &'static str) -> [Flag; 9] {
    const fn flag(
        name: &'static str,
        value: &'static str,
        key: Option<&'static str>,
        help: &'static str,
    ) -> Flag {
        Flag {
            name,
            value,
            key,
            help,
        }
    }
    [
        flag(
            "--run-dir",
            "DIR",
            None,
            "the folder with the sockets of the daemon",
        ),
        flag("--listen", "ADDR:PORT", Some(key), listen),
        flag("--config", "FILE", None, "the configuration"),
        flag(
            "--check",
            "",
            None,
            "read the settings, say what is wrong with them, and end",
        ),
        flag(
            "--data",
            "DIR",
            Some("data"),
            "the folder of the world; --run-dir is its `run` by default",
        ),
        flag(
            "--token-file",
            "FILE",
            None,
            "a host token, where no supervisor hands one out",
        ),
        flag(
            "--enroll",
            "FILE",
            None,
            "take up an invitation of a daemon on another machine (- reads it from standard input), and end",
        ),
        child_link::FLAGS[0],
        child_link::FLAGS[1],
    ]
}

/// What a host's program does with its command line: `kind` is what it enrolls as, `files` how many descriptors its
/// clients may take, `run` its life.
pub fn main(
    program: &Program,
    kind: &'static str,
    files: fn(&Config) -> u64,
    run: impl AsyncFnOnce(&Config, Options) -> Result<(), HostError>,
) -> ExitCode {
    let fail = |code: u8, error: &dyn std::error::Error| {
        eprintln!("{}: error: {error}", program.name);
        ExitCode::from(code)
    };
    let arguments = match program.parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return fail(exit::USAGE, &error),
    };
    if arguments.has("--help") {
        print!("{}", program.help());
        return ExitCode::from(exit::OK);
    }
    let (config, options) = match prepare(&arguments) {
        Ok(prepared) => prepared,
        Err(error) => return fail(exit::CONFIG, &error),
    };
    if arguments.has("--check") {
        return ExitCode::from(exit::OK);
    }
    if let Some(invitation) = arguments.get("--enroll") {
        return enroll(&config, program.name, kind, invitation);
    }
    descriptors::raise(files(&config) + HOST_FILES);
    match actix::System::new().block_on(run(&config, options)) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => fail(code_of(&error), &error),
    }
}

fn code_of(error: &HostError) -> u8 {
    match error {
        HostError::Bind(_) => exit::UNAVAILABLE,
        HostError::Link(_) | HostError::Refused(_) | HostError::Identity(_) => exit::NO_PERMISSION,
        HostError::Settings(_) => exit::CONFIG,
        HostError::System(_) => exit::INTERNAL,
    }
}

/// Has the daemon take this host's keys, and writes who it is from now on.
fn enroll(config: &Config, name: &str, kind: &'static str, file: &str) -> ExitCode {
    let invitation = match file {
        "-" => std::io::read_to_string(std::io::stdin()),
        file => std::fs::read_to_string(file),
    };
    let invitation = match invitation {
        Ok(text) => text,
        Err(error) => {
            eprintln!(
                "{name}: error: cannot read the invitation {file}: {error}; name the file that `moothallctl enroll` was \
                 written to, or - for standard input"
            );
            return ExitCode::from(exit::UNAVAILABLE);
        }
    };
    match identity::enroll(config, kind, &invitation) {
        Ok(id) => {
            println!("enrolled as host {id}; start {name} without --enroll now");
            ExitCode::from(exit::OK)
        }
        Err(error) => {
            eprintln!("{name}: error: {error}");
            ExitCode::from(exit::NO_PERMISSION)
        }
    }
}

fn prepare(arguments: &Arguments) -> Result<(Config, Options), ConfigError> {
    let config = arguments.config()?;
    crate::telemetry::start(&config.log)?;
    let token = match arguments.get("--token-file") {
        Some(file) => Some(std::fs::read_to_string(file).map_err(|error| {
            ConfigError::new(format!(
                "cannot read the token in {file}: {error}; check --token-file"
            ))
        })?),
        None => None,
    };
    let options = Options {
        run_dir: arguments
            .get("--run-dir")
            .map_or_else(|| config.data.join("run"), Into::into),
        token: token.map(|token| token.trim().to_owned()),
        upbringing: Upbringing::told(arguments, &config.processes),
    };
    Ok((config, options))
}

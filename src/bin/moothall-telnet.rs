//! `moothall-telnet`: holds the connections of telnet clients. Started by `moothall`; also runs alone beside a daemon.

use moothall::actors::kit::{descriptors, exit};
use moothall::config::arguments::{Arguments, Flag, Program};
use moothall::config::{Config, ConfigError};
use moothall::hosts::telnet::{self, Options, TelnetError};
use moothall::limits::HOST_FILES;
use std::process::ExitCode;

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

const PROGRAM: Program = Program {
    name: "moothall-telnet",
    about: "holds the connections of telnet clients",
    commands: &[],
    flags: &[
        flag(
            "--run-dir",
            "DIR",
            None,
            "the folder with the sockets of the daemon",
        ),
        flag(
            "--listen",
            "ADDR:PORT",
            Some("telnet.listen"),
            "where players connect",
        ),
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
        flag(
            "--die-with-parent",
            "",
            None,
            "end at once when the supervisor is gone",
        ),
    ],
};

fn main() -> ExitCode {
    let arguments = match PROGRAM.parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return fail(exit::USAGE, &error),
    };
    if arguments.has("--help") {
        print!("{}", PROGRAM.help());
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
        return enroll(&config, invitation);
    }
    descriptors::raise(u64::from(config.telnet.connections_max) + HOST_FILES);
    match actix::System::new().block_on(telnet::run(&config, options)) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error @ TelnetError::Bind(_)) => fail(exit::UNAVAILABLE, &error),
        Err(error @ (TelnetError::Link(_) | TelnetError::Refused(_) | TelnetError::Identity(_))) => {
            fail(exit::NO_PERMISSION, &error)
        }
        Err(error) => fail(exit::INTERNAL, &error),
    }
}

fn enroll(config: &Config, file: &str) -> ExitCode {
    let invitation = match file {
        "-" => std::io::read_to_string(std::io::stdin()),
        file => std::fs::read_to_string(file),
    };
    let invitation = match invitation {
        Ok(text) => text,
        Err(error) => {
            let words = format!(
                "cannot read the invitation {file}: {error}; name the file that `moothallctl enroll` was written to, or - for \
                 standard input"
            );
            eprintln!("moothall-telnet: error: {words}");
            return ExitCode::from(exit::UNAVAILABLE);
        }
    };
    match telnet::enroll(config, &invitation) {
        Ok(id) => {
            println!("enrolled as host {id}; start moothall-telnet without --enroll now");
            ExitCode::from(exit::OK)
        }
        Err(error) => fail(exit::NO_PERMISSION, &error),
    }
}

fn prepare(arguments: &Arguments) -> Result<(Config, Options), ConfigError> {
    let config = arguments.config()?;
    moothall::telemetry::start(&config.log)?;
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
        die_with_parent: arguments.has("--die-with-parent"),
    };
    Ok((config, options))
}

fn fail(code: u8, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("moothall-telnet: error: {error}");
    ExitCode::from(code)
}

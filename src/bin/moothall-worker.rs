//! `moothall-worker`: makes requests of the outside for the world. Started by `moothall`; also runs alone beside a daemon.

use moothall::actors::kit::child_link::{self, Upbringing};
use moothall::actors::kit::exit;
use moothall::config::arguments::{Arguments, Flag, Program};
use moothall::config::{Config, ConfigError};
use moothall::workers::{self, Options, WorkerProgramError};
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
    name: "moothall-worker",
    about: "makes requests of the outside for the world",
    commands: &[],
    flags: &[
        flag(
            "--run-dir",
            "DIR",
            None,
            "the folder with the sockets of the daemon",
        ),
        flag(
            "--name",
            "NAME",
            None,
            "what it is called: by its supervisor, and in its token; worker-1 by default",
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
            "a worker token, where no supervisor hands one out",
        ),
        flag(
            "--enroll",
            "FILE",
            None,
            "take up an invitation of a daemon on another machine, and end",
        ),
        child_link::FLAGS[0],
        child_link::FLAGS[1],
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
        return match workers::check(&config) {
            Ok(()) => ExitCode::from(exit::OK),
            Err(error) => fail(exit::CONFIG, &error),
        };
    }
    if let Some(invitation) = arguments.get("--enroll") {
        return enroll(&config, invitation);
    }
    match actix::System::new().block_on(workers::run(&config, options)) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error @ WorkerProgramError::Settings(_)) => fail(exit::CONFIG, &error),
        Err(
            error @ (WorkerProgramError::Link(_)
            | WorkerProgramError::Refused
            | WorkerProgramError::Identity(_)),
        ) => fail(exit::NO_PERMISSION, &error),
        Err(error) => fail(exit::INTERNAL, &error),
    }
}

fn enroll(config: &Config, file: &str) -> ExitCode {
    let invitation = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("moothall-worker: error: cannot read the invitation {file}: {error}");
            return ExitCode::from(exit::UNAVAILABLE);
        }
    };
    match workers::enroll(config, &invitation) {
        Ok(id) => {
            println!("enrolled as worker {id}; start moothall-worker without --enroll now");
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
        name: arguments.get("--name").unwrap_or("worker-1").to_owned(),
        token: token.map(|token| token.trim().to_owned()),
        upbringing: Upbringing::told(arguments, &config.processes),
    };
    Ok((config, options))
}

fn fail(code: u8, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("moothall-worker: error: {error}");
    ExitCode::from(code)
}

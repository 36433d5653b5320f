//! `moothall-daemon`: the world itself. Started by `moothall`; also runs alone.

use moothall::actors::kit::child_link::{self, Upbringing};
use moothall::actors::kit::folder_lock::FolderLock;
use moothall::actors::kit::{descriptors, exit, private_folder};
use moothall::actors::{self, DaemonError, Options};
use moothall::config::arguments::{Arguments, Flag, Program};
use moothall::config::{Config, ConfigError};
use moothall::limits::DAEMON_FILES;
use moothall::{memory, telemetry};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: memory::CountingAllocator = memory::CountingAllocator;

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
    name: "moothall-daemon",
    about: "runs the world and its programs",
    commands: &[],
    flags: &[
        flag("--data", "DIR", Some("data"), "the folder of the world"),
        flag(
            "--run-dir",
            "DIR",
            None,
            "the folder with the sockets; `run` in the data folder by default",
        ),
        flag(
            "--import",
            "FILE|DIR",
            None,
            "a world to put into an empty data folder",
        ),
        flag(
            "--drop-tasks",
            "",
            None,
            "go on without the tasks that another version has compiled",
        ),
        flag(
            "--workers",
            "N",
            Some("workers.count"),
            "processes for outbound requests",
        ),
        flag(
            "--jobs",
            "STORE",
            Some("jobs.store"),
            "`embedded`, or the redis:// address of the job store",
        ),
        flag("--config", "FILE", None, "read settings from this file"),
        flag(
            "--check",
            "",
            None,
            "read the settings, say what is wrong with them, and end",
        ),
        child_link::FLAGS[0],
        child_link::FLAGS[1],
    ],
};

fn main() -> ExitCode {
    // Worlds hold passwords and private talk: what is written here is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
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
    descriptors::raise(DAEMON_FILES);
    match serve(&config, options) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => fail(error.code, &error),
    }
}

fn prepare(arguments: &Arguments) -> Result<(Config, Options), ConfigError> {
    let config = arguments.config()?;
    telemetry::start(&config.log)?;
    let run_dir = arguments
        .absolute_path("--run-dir")
        .unwrap_or_else(|| config.data.join("run"));
    let import = arguments.absolute_path("--import");
    let upbringing = Upbringing::told(arguments, &config.processes);
    Ok((
        config,
        Options {
            run_dir,
            import,
            drop_tasks: arguments.has("--drop-tasks"),
            upbringing,
        },
    ))
}

/// The folder is locked before anything in it is touched, its sockets included.
fn serve(config: &Config, options: Options) -> Result<(), DaemonError> {
    let unusable = |message: String| DaemonError {
        code: exit::CANNOT_CREATE,
        message,
    };
    for folder in [&config.data, &options.run_dir] {
        private_folder::prepare(folder)
            .map_err(|error| unusable(format!("cannot use the folder {}: {error}", folder.display())))?;
    }
    let _lock = FolderLock::take(&config.data).map_err(|error| unusable(error.to_string()))?;
    actix::System::new().block_on(actors::run(config, options))
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("moothall-daemon: error: {error}");
    ExitCode::from(code)
}

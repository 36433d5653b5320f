//! `moothall`: runs a server. It starts the daemon and the hosts as processes of its own and watches them.

use moothall::actors::kit::exit;
use moothall::actors::process::{RunOptions, run};
use moothall::config::arguments::{Arguments, Command, Flag, Program};
use moothall::config::{Config, DEFAULTS};
use moothall::telemetry;
use std::process::ExitCode;

const PROGRAM: Program = Program {
    name: "moothall",
    about: "runs a world that people share, build and program",
    commands: &[
        Command::plain("run", "start the server and watch over it"),
        Command::plain(
            "check-config",
            "read the settings and say what is wrong with them",
        ),
        Command::plain("default-config", "print every setting with its default"),
        Command::plain("version", "print the version"),
    ],
    flags: &[
        Flag {
            name: "--data",
            value: "DIR",
            key: Some("data"),
            help: "the folder of the world",
        },
        Flag {
            name: "--import",
            value: "FILE|DIR",
            key: None,
            help: "a world to put into an empty data folder",
        },
        Flag {
            name: "--drop-tasks",
            value: "",
            key: None,
            help: "go on without the tasks that another version has compiled",
        },
        Flag {
            name: "--telnet",
            value: "ADDR:PORT",
            key: Some("telnet.listen"),
            help: "where players connect",
        },
        Flag {
            name: "--web",
            value: "ADDR:PORT|off",
            key: Some("web.listen"),
            help: "where browsers connect",
        },
        Flag {
            name: "--workers",
            value: "N",
            key: Some("workers.count"),
            help: "processes for outbound requests",
        },
        Flag {
            name: "--jobs",
            value: "STORE",
            key: Some("jobs.store"),
            help: "`embedded`, or the redis:// address of the job store",
        },
        Flag {
            name: "--config",
            value: "FILE",
            key: None,
            help: "read settings from this file",
        },
        Flag {
            name: "--die-with-parent",
            value: "",
            key: None,
            help: "let children end at once with this process",
        },
    ],
};

fn main() -> ExitCode {
    // Worlds hold passwords and private talk: what is written here is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let arguments = match PROGRAM.parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return fail(exit::USAGE, &error.to_string()),
    };
    if arguments.has("--help") {
        print!("{}", PROGRAM.help());
        return ExitCode::SUCCESS;
    }
    match arguments.command {
        "version" => println!("moothall {}", env!("CARGO_PKG_VERSION")),
        "default-config" => print!("{DEFAULTS}"),
        command => {
            let config = match arguments.config() {
                Ok(config) => config,
                Err(error) => return fail(exit::CONFIG, &error.to_string()),
            };
            if command == "run" {
                return serve(&config, &arguments);
            }
            println!("the settings are fine; the world is in {}", config.data.display());
        }
    }
    ExitCode::SUCCESS
}

fn serve(config: &Config, arguments: &Arguments) -> ExitCode {
    if let Err(error) = telemetry::start(&config.log) {
        return fail(exit::CONFIG, &error.to_string());
    }
    let options = RunOptions {
        import: arguments.absolute_path("--import"),
        drop_tasks: arguments.has("--drop-tasks"),
        jobs: arguments.get("--jobs").map(str::to_owned),
        config_file: arguments.absolute_path("--config"),
        die_with_parent: arguments.has("--die-with-parent"),
    };
    match run(config, &options) {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(error.code, &error.message),
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("moothall: error: {message}");
    ExitCode::from(code)
}

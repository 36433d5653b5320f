//! `moothallctl`: asks a running server how it is.

use moothall::actors::kit::exit;
use moothall::actors::process::operator;
use moothall::config::arguments::{Flag, Program};
use std::process::ExitCode;

const PROGRAM: Program = Program {
    name: "moothallctl",
    about: "asks a running server how it is",
    commands: &[("status", "show processes, hosts, connections and tasks")],
    flags: &[
        Flag {
            name: "--data",
            value: "DIR",
            key: Some("data"),
            help: "the data folder of the server",
        },
        Flag {
            name: "--config",
            value: "FILE",
            key: None,
            help: "the server's settings, for its data folder",
        },
        Flag {
            name: "--json",
            value: "",
            key: None,
            help: "print one JSON object instead of tables",
        },
    ],
};

fn main() -> ExitCode {
    let arguments = match PROGRAM.parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return fail(exit::USAGE, &error.to_string()),
    };
    if arguments.has("--help") {
        print!("{}", PROGRAM.help());
        return ExitCode::SUCCESS;
    }
    let config = match arguments.config() {
        Ok(config) => config,
        Err(error) => return fail(exit::CONFIG, &error.to_string()),
    };
    match operator::status(&config.data) {
        Ok(status) if arguments.has("--json") => println!("{}", status.to_json()),
        Ok(status) => print!("{}", status.to_table()),
        Err(error) => return fail(error.code, &error.message),
    }
    ExitCode::SUCCESS
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("moothallctl: error: {message}");
    ExitCode::from(code)
}

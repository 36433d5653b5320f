//! `moothallctl`: what an operator asks of a running server, and orders it to do.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong, 69 no server answers, 78 the settings are wrong.

use moothall::actors::kit::exit;
use moothall::actors::process::operator;
use moothall::config::arguments::{Arguments, Command, Flag, Program};
use std::process::ExitCode;

const PROGRAM: Program = Program {
    name: "moothallctl",
    about: "asks a running server how it is, and orders it to do things",
    commands: &[
        Command {
            flags: &[Flag {
                name: "--json",
                value: "",
                key: None,
                help: "print one JSON object instead of tables",
            }],
            ..Command::plain("status", "show processes, hosts, connections and tasks")
        },
        Command {
            operands: &["<folder>"],
            ..Command::plain(
                "backup",
                "copy the world, as of one commit, to a folder that does not exist; a server runs on it with --data",
            )
        },
    ],
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
    ],
};

fn main() -> ExitCode {
    let arguments = match PROGRAM.parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return fail(exit::MISUSE, &error),
    };
    if arguments.has("--help") {
        print!("{}", PROGRAM.help());
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.code, &error),
    }
}

/// One arm for each command: it prints what it learns, and its error says what to exit with.
fn run(arguments: &Arguments) -> Result<(), operator::OperatorError> {
    let config = arguments.config()?;
    match arguments.command {
        "status" => operator::status(&config.data).map(|status| match arguments.has("--json") {
            true => println!("{}", status.to_json()),
            false => print!("{}", status.to_table()),
        }),
        "backup" => {
            // The daemon has another working directory than whoever types a path here.
            let folder = std::path::absolute(&arguments.operands[0])
                .unwrap_or_else(|_| (&arguments.operands[0]).into());
            operator::backup(&config.data, &folder)
        }
        command => unreachable!("`{command}` is not in the table of commands"),
    }
}

fn fail(code: u8, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("moothallctl: error: {error}");
    ExitCode::from(code)
}

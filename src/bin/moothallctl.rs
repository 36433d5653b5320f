//! `moothallctl`: what an operator asks of a running server, and orders it to do.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong, 69 no server answers, 78 the settings are wrong.

use moothall::actors::kit::exit;
use moothall::actors::process::operator::{self, OperatorError};
use moothall::actors::process::warrants;
use moothall::config::Config;
use moothall::config::arguments::{Arguments, Command, Flag, Program};
use moothall::protocol::control::Operation;
use std::io::Write;
use std::process::ExitCode;

const JSON: &[Flag] = &[Flag {
    name: "--json",
    value: "",
    key: None,
    help: "print JSON instead of tables",
}];

const PROGRAM: Program = Program {
    name: "moothallctl",
    about: "asks a running server how it is, and orders it to do things",
    commands: &[
        Command {
            flags: JSON,
            ..Command::plain("status", "show processes, hosts, connections and tasks")
        },
        Command::plain(
            "metrics",
            "print everything that is counted, as Prometheus reads it",
        ),
        Command {
            flags: JSON,
            ..Command::plain("profile", "show what verbs cost, those with the most time first")
        },
        Command {
            flags: JSON,
            ..Command::plain(
                "conflicts",
                "show where tasks were in each other's way, by object and property",
            )
        },
        Command {
            operands: &["[list|dead|retry|drop]", "[<id>]"],
            flags: JSON,
            ..Command::plain(
                "jobs",
                "show jobs that are not done, or were given up, and try one of those again or forget it",
            )
        },
        Command {
            operands: &["<player>"],
            ..Command::plain(
                "tap",
                "watch the events of a connection, by its player's name or number, until Ctrl-C",
            )
        },
        Command {
            operands: &["<folder>"],
            ..Command::plain(
                "backup",
                "copy the world, as of one commit, to a folder that does not exist; a server runs on it with --data",
            )
        },
        Command {
            operands: &["<daemon|telnet|web>"],
            ..Command::plain(
                "drain",
                "end one process in order, and leave it ended until a restart",
            )
        },
        Command {
            operands: &["<daemon|telnet|web|all>"],
            flags: &[Flag {
                name: "--rolling",
                value: "",
                key: None,
                help: "one after the other, each once the last one is ready",
            }],
            ..Command::plain(
                "restart",
                "end and start again; a daemon's clients stay connected, a host's do not",
            )
        },
        warrants::KEYS,
        warrants::REVOKE,
        warrants::ENROLL,
        warrants::WORKER_TOKEN,
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
fn run(arguments: &Arguments) -> Result<(), OperatorError> {
    let config = arguments.config()?;
    let operand = |number: usize| arguments.operands.get(number).cloned().unwrap_or_default();
    match arguments.command {
        "status" => operator::status(&config.data).map(|status| match arguments.has("--json") {
            true => println!("{}", status.to_json()),
            false => print!("{}", status.to_table()),
        }),
        "metrics" => operator::metrics(&config.data).map(|text| print!("{text}")),
        "profile" => operator::profile(&config.data, arguments.has("--json")).map(|text| print!("{text}")),
        "conflicts" => {
            operator::conflicts(&config.data, arguments.has("--json")).map(|text| print!("{text}"))
        }
        "jobs" => operator::jobs(&config.data, &operand(0), &operand(1), arguments.has("--json"))
            .map(|text| print!("{text}")),
        "backup" => {
            // The daemon has another working directory than whoever types a path here.
            let folder = std::path::absolute(&arguments.operands[0])
                .unwrap_or_else(|_| (&arguments.operands[0]).into());
            operator::backup(&config.data, &folder)
        }
        "tap" => operator::tap(&config.data, &operand(0), |event| {
            // Whoever listened may have gone.
            writeln!(std::io::stdout(), "{}", operator::show(event)).is_ok()
        }),
        "drain" => operate(&config, Operation::Drain { child: operand(0) }),
        "restart" => operate(
            &config,
            Operation::Restart {
                child: operand(0),
                rolling: arguments.has("--rolling"),
            },
        ),
        "keys" | "revoke" | "enroll" | "worker-token" => {
            warrants::carry_out(&config.data, arguments).map(|text| print!("{text}"))
        }
        command => unreachable!("`{command}` is not in the table of commands"),
    }
}

fn operate(config: &Config, operation: Operation) -> Result<(), OperatorError> {
    operator::operate(&config.data, operation, |step| println!("{step}"))
}

fn fail(code: u8, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("moothallctl: error: {error}");
    ExitCode::from(code)
}

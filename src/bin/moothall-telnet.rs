//! `moothall-telnet`: holds the connections of telnet clients. Started by `moothall`; also runs alone beside a daemon.

use moothall::config::arguments::{Flag, Program};
use moothall::hosts::program::command_line;
use moothall::hosts::telnet;
use std::process::ExitCode;

const FLAGS: [Flag; 9] = command_line::flags("telnet.listen", "where players connect");

const PROGRAM: Program = Program {
    name: "moothall-telnet",
    about: "holds the connections of telnet clients",
    commands: &[],
    flags: &FLAGS,
};

fn main() -> ExitCode {
    let files = |config: &moothall::config::Config| u64::from(config.telnet.connections_max);
    command_line::main(&PROGRAM, telnet::NAME, files, telnet::run)
}

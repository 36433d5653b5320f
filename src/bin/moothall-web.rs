//! `moothall-web`: serves browsers and programs that speak JSON. Started by `moothall`; also runs alone beside a daemon.

use moothall::config::arguments::{Flag, Program};
use moothall::hosts::program::command_line;
use moothall::hosts::web;
use std::process::ExitCode;

const FLAGS: [Flag; 9] = command_line::flags("web.listen", "where browsers connect");

const PROGRAM: Program = Program {
    name: "moothall-web",
    about: "serves browsers, and programs that speak JSON",
    commands: &[],
    flags: &FLAGS,
};

fn main() -> ExitCode {
    // One for the server, and one by which a client is ended that does not read.
    let files = |config: &moothall::config::Config| 2 * u64::from(config.web.connections_max);
    command_line::main(&PROGRAM, web::NAME, files, web::run)
}

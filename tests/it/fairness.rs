//! Players beside somebody who uses all that a server has.

use crate::support::server::{Options, Server};
use crate::support::wait_for;
use crate::support::worlds::{hall_character, hall_wizard};

/// Tasks that run until their time is up, and that time. One after another they would take far longer than anything is
/// waited for here.
const TASKS: usize = 40;
const SECONDS: usize = 20;

#[test]
fn a_command_does_not_wait_for_the_long_tasks_of_others() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut wizard = hall_wizard(&server);
    for limit in [
        "bg_ticks = 2000000000".to_owned(),
        format!("bg_seconds = {SECONDS}"),
    ] {
        wizard.eval(&format!("$server_options.{limit}"));
    }
    wizard.eval("load_server_options()");
    wizard.check(
        &format!(";;for i in [1..{TASKS}] fork (0) while (1) endwhile endfork endfor"),
        &["=> 0"],
    );
    wait_for("the processors to be busy", || is_busy(&server).then_some(()));
    for _ in 0..10 {
        ann.check("in", &["The Great Hall"]);
        ann.check("out", &["The Porch"]);
    }
    assert!(is_busy(&server), "the long tasks ran all the while");
}

/// Whether more tasks have begun than can run at once.
fn is_busy(server: &Server) -> bool {
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    server.figure("tasks", "running") > Some(cores)
}

//! Players beside somebody who uses all that a server has.

use crate::support::server::{Options, Server};
use crate::support::worlds::{hall_character, hall_wizard};
use std::time::Duration;

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
    for _ in 0..10 {
        ann.check("in", &["The Great Hall"]);
        ann.check("out", &["The Porch"]);
    }
    let told = std::iter::from_fn(|| wizard.next_line(Duration::ZERO));
    let ended: Vec<String> = told.filter(|line| line.contains("ran out of")).collect();
    assert!(
        ended.is_empty(),
        "tasks came to their end, so they did not keep a processor busy: {ended:#?}"
    );
}

//! What goes on when processes end: tasks that wait, players who stay connected, and a server that is put together again.

use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::worlds::{hall_character, hall_return, hall_wizard};

/// Makes an object with a log and verbs that wait, called `$probe`.
fn make_probe(wizard: &mut Telnet) {
    wizard.eval("add_property(#0, \"probe\", create($thing), {player, \"r\"})");
    wizard.eval("add_property($probe, \"log\", {}, {player, \"r\"})");
    let verbs = [
        (
            "inner",
            "{name} = args; kept = {name, 1.5, this}; for i in [1..3] suspend(1); this.log = {@this.log, {i, kept}}; \
             endfor return kept;",
        ),
        (
            "outer",
            "try result = this:inner(@args); this.log = {@this.log, {\"outer\", result[1], verb, caller_perms()}}; \
             finally this.log = {@this.log, \"finally\"}; endtry",
        ),
    ];
    for (name, code) in verbs {
        let spec = "{\"this\", \"none\", \"this\"}";
        wizard.eval(&format!(
            "add_verb($probe, {{player, \"rxd\", \"{name}\"}}, {spec})"
        ));
        let code = code.replace('"', "\\\"");
        assert_eq!(
            wizard.eval(&format!("set_verb_code($probe, \"{name}\", {{\"{code}\"}})")),
            "{}"
        );
    }
}

/// What the log of `$probe` holds in the end, each entry once and in the order of the times it was due.
const WHOLE_LOG: &str = "{{1, {\"a\", 1.5, $probe}}, {2, {\"a\", 1.5, $probe}}, {3, {\"a\", 1.5, $probe}}, \
                         {\"outer\", \"a\", \"outer\", #2}, \"finally\", \"forked with 7\"}";

#[track_caller]
fn check_log(wizard: &mut Telnet) {
    wait_for("the tasks to run on", || {
        (wizard.eval("length($probe.log)") == "6").then_some(())
    });
    let probe = wizard.eval("$probe");
    assert_eq!(wizard.eval("$probe.log"), WHOLE_LOG.replace("$probe", &probe));
    assert_eq!(wizard.eval("queued_tasks()"), "{}");
}

fn start_tasks(wizard: &mut Telnet) {
    wizard.check(";;fork (0) $probe:outer(\"a\"); endfork", &["=> 0"]);
    let fork = "n = 7; fork (5) $probe.log = {@$probe.log, tostr(\"forked with \", n)}; endfork";
    wizard.check(&format!(";;{fork}"), &["=> 0"]);
}

#[test]
fn suspended_and_forked_tasks_run_on_after_a_restart() {
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    make_probe(&mut wizard);
    start_tasks(&mut wizard);
    server.restart();
    check_log(&mut hall_wizard(&server));
}

#[test]
fn suspended_and_forked_tasks_run_on_after_a_crash_of_everything() {
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    make_probe(&mut wizard);
    start_tasks(&mut wizard);
    server.kill9("moothall");
    server.kill9("moothall-daemon");
    server.start_again();
    check_log(&mut hall_wizard(&server));
}

#[test]
fn a_task_that_reads_goes_on_with_its_connection_when_only_the_telnet_host_survives() {
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    make_probe(&mut wizard);
    let read = "`read() ! ANY => \"no line\"'";
    wizard.command(&format!(";;line = {read}; player:tell(\"taken\"); $probe.log = {{\"first\", line}}; $probe.log = {{@$probe.log, {read}}};"));
    wizard.send("one");
    wizard.expect("taken");
    server.kill9("moothall");
    server.kill9("moothall-daemon");
    server.start_again();
    wizard.send("two");
    wait_for("the task to go on", || {
        (wizard.eval("$probe.log") == "{\"first\", \"one\", \"two\"}").then_some(())
    });
}

#[test]
fn players_come_back_after_the_telnet_host_is_replaced() {
    let mut server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    let daemon = server.pid("moothall-daemon");
    server.kill9("moothall-telnet");
    ann.expect_end();
    let mut ann = hall_return(&server, "Ann");
    ann.check("look", &["The Great Hall"]);
    assert_eq!(server.pid("moothall-daemon"), daemon);
}

//! The worker in Python of `examples/`, which speaks the JSON form of the protocol. Skipped, and said so, where pyzmq is
//! missing: `scripts/setup` puts it into a cache folder.

use crate::support::python;
use crate::support::server::{Options, Server, clean_command, signal};
use crate::support::wait_for;
use crate::support::worlds::hall_wizard;
use crate::worker::ask;
use rustix::process::Signal;
use std::path::Path;
use std::process::{Child, Stdio};

/// The worker; dropping it ends it.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(python: &Path, server: &Server) -> Worker {
    let token = server.control(&["worker-token", "words", "words-1"]);
    assert!(
        token.status.success(),
        "{}",
        String::from_utf8_lossy(&token.stderr)
    );
    let file = server.data().join("words.token");
    std::fs::write(&file, token.stdout).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python_worker/worker.py");
    let mut command = clean_command(&python.to_string_lossy());
    command
        .arg(script)
        .arg("--run-dir")
        .arg(server.data().join("run"));
    Worker(
        command
            .arg("--token-file")
            .arg(file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    )
}

#[test]
fn a_worker_in_python_serves_the_world_through_restarts_of_both() {
    let Some(python) = python("zmq") else { return };
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let worker = start(&python, &server);
    let count = "worker_request(\"words\", {\"count\", \"so many words\"})";
    assert_eq!(ask(&mut wizard, count), "3");
    assert_eq!(
        ask(&mut wizard, "worker_request(\"words\", {\"sum\", {1, 2.5}})"),
        "3.5"
    );
    let failed = ask(&mut wizard, "worker_request(\"words\", {\"fail\"})");
    assert_eq!(
        failed,
        "{E_EXEC, \"the request failed: as it was told to\", \"RequestError\"}"
    );
    let refused = ask(&mut wizard, "worker_request(\"words\", {\"sing\"})");
    assert!(refused.starts_with("{E_INVARG, "), "{refused}");
    server.kill9("moothall-daemon");
    wait_for("the daemon to be back", || {
        server.status()?["daemon"]["epoch"]
            .as_u64()
            .filter(|&epoch| epoch > 1)
    });
    let mut wizard = hall_wizard(&server);
    assert_eq!(ask(&mut wizard, count), "3", "it serves the next daemon");
    signal(worker.0.id(), Signal::KILL);
    drop(worker);
    let _again = start(&python, &server);
    // The dead one may have been given it, which nobody has noticed yet.
    let again = "worker_request(\"words\", {\"count\", \"so many words\"}, [\"retry\" -> 1])";
    assert_eq!(ask(&mut wizard, again), "3", "its next start takes its place");
}

#[test]
fn a_token_is_for_one_kind_of_work_and_one_name_that_is_not_the_servers_own() {
    let server = Server::start(Options::default());
    for (kind, name) in [
        ("a b", "x"),
        ("words", "worker-1"),
        ("words", "a-name-that-is-too-long"),
    ] {
        assert!(
            !server.control(&["worker-token", kind, name]).status.success(),
            "{kind} {name}"
        );
    }
    assert!(
        server
            .control(&["worker-token", "words", "words-1"])
            .status
            .success()
    );
}

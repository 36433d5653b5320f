//! The page of the web host, in a real browser: a script beside the page's sources plays a player's way through it.
//!
//! The script is started with ports as its arguments; what only this side can do (killing a host) it asks for on its
//! standard output, a line each, and is answered on its standard input. Its pictures are kept.

use crate::support::server::{Options, Server};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Where the page's sources are.
const CLIENT: &str = "src/hosts/web/client";

/// How long the script may be silent: longer than it waits for anything itself.
const SILENCE: Duration = Duration::from_secs(90);

#[test]
fn a_player_in_a_browser_talks_programs_and_outlives_its_host() {
    let Some(browser) = browser() else {
        return;
    };
    let mut server = Server::start(Options::web());
    let pictures =
        std::env::var_os("MOOTHALL_PICTURES").map_or_else(|| root().join("target/browser"), PathBuf::from);
    let mut script = Script::start(&[
        browser.as_os_str().to_owned(),
        server.web().port().to_string().into(),
        server.telnet().port().to_string().into(),
        pictures.as_os_str().to_owned(),
    ]);
    script.play(|wish| match wish {
        "kill the web host" => server.kill9("moothall-web"),
        "kill the daemon" => server.kill9("moothall-daemon"),
        other => panic!("the script asks for `{other}`"),
    });
}

/// The browser, if all that the script needs is there; what is missing is said loudly.
fn browser() -> Option<PathBuf> {
    let browser = std::env::var_os("MOOTHALL_CHROMIUM")
        .map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let has_node = Command::new("node")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let missing = [
        (browser.exists(), "Chromium (scripts/setup installs it)"),
        (has_node, "Node.js (scripts/setup installs it)"),
        (
            root().join(CLIENT).join("node_modules/playwright-core").exists(),
            "what `npm ci` installs in src/hosts/web/client",
        ),
    ];
    for (_, what) in missing.iter().filter(|(is_there, _)| !is_there) {
        eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: the page in a browser, without {what}");
    }
    missing.iter().all(|(is_there, _)| *is_there).then_some(browser)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The running script; it is killed when this is dropped, and its browser ends with it.
struct Script(Child);

impl Script {
    fn start(words: &[std::ffi::OsString]) -> Script {
        let mut command = Command::new("node");
        command
            .arg("test/browser/journey.mjs")
            .args(words)
            .current_dir(root().join(CLIENT))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Script(command.spawn().expect("node was there a moment ago"))
    }

    /// Does what the script asks for until it ends, and holds that it ends well.
    fn play(&mut self, mut grant: impl FnMut(&str)) {
        let mut to_script = self.0.stdin.take().expect("it is piped");
        let from_script = BufReader::new(self.0.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in from_script.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        loop {
            match lines.recv_timeout(SILENCE) {
                Ok(line) if line.starts_with("scene: ") => println!("{line}"),
                Ok(wish) => {
                    grant(&wish);
                    writeln!(to_script, "done").expect("the script listens");
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the script has said nothing for {SILENCE:?}"),
            }
        }
        let status = self.0.wait().expect("it was started");
        assert!(
            status.success(),
            "the script ended with {status}; it says why above"
        );
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

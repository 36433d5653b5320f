//! Faults of the clock: the time of day is an hour off from the start, or jumps while the server runs. Whether anybody
//! lives is asked of another clock; what is due at a time of day follows the jump.

use crate::support::ledger;
use crate::support::server::{Options, Server, clean_command};
use crate::support::worlds::{hall_guest, hall_wizard};
use crate::support::{GLANCE, wait_for};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// A silent host is dead after this, with some to spare: nobody may be declared dead by a jump.
const LONGER_THAN_DEAD: Duration = Duration::from_secs(13);

/// The library that shows programs another time of day; none, said loudly, where it is not installed.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let library = folders
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists());
    if library.is_none() {
        eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: faketime is not installed (scripts/setup does that)");
    }
    library
}

/// A clock for a server that can be set: how much it differs from ours is in a file.
struct Clock {
    folder: TempDir,
    library: PathBuf,
}

impl Clock {
    fn new(offset_s: i64) -> Option<Clock> {
        let clock = Clock {
            library: faketime()?,
            folder: tempfile::tempdir().unwrap(),
        };
        clock.set(offset_s);
        Some(clock)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    fn set(&self, offset_s: i64) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, format!("{offset_s:+}s\n")).unwrap();
        fs::rename(draft, self.file()).unwrap();
    }

    /// A server that lives by this clock. Only its time of day is another.
    fn server(&self) -> Server {
        Server::start(
            Options::default()
                .with("LD_PRELOAD", self.library.display())
                .with("FAKETIME_TIMESTAMP_FILE", self.file().display())
                .with("FAKETIME_NO_CACHE", 1)
                .with("FAKETIME_DONT_FAKE_MONOTONIC", 1)
                .with("DONT_FAKE_MONOTONIC", 1),
        )
    }
}

fn our_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// What `moothallctl status --json` says.
fn status(data: &Path) -> String {
    let mut operator = clean_command(env!("CARGO_BIN_EXE_moothallctl"));
    operator.arg("--data").arg(data).args(["status", "--json"]);
    String::from_utf8(operator.output().unwrap().stdout).unwrap()
}

/// For longer than a silent host lives, nobody is thought dead and nothing is started again.
#[track_caller]
fn everybody_lives(server: &Server) {
    let programs = ["moothall", "moothall-daemon", "moothall-telnet"];
    let before = programs.map(|program| server.pid(program));
    let end = Instant::now() + LONGER_THAN_DEAD;
    while Instant::now() < end {
        let status = status(server.data());
        let is_told = |state: &str| status.contains(&format!("\"state\": \"{state}\""));
        assert!(
            is_told("alive") && !is_told("suspect") && !is_told("dead"),
            "{status}"
        );
        // That nothing happens for so long is what is to be shown, so the time has to pass.
        std::thread::sleep(GLANCE * 50);
    }
    assert_eq!(programs.map(|program| server.pid(program)), before);
}

#[test]
fn f42_a_server_whose_clock_is_an_hour_off_serves_like_any_other() {
    for offset in [3_600, -3_600] {
        let Some(clock) = Clock::new(offset) else { return };
        let mut server = clock.server();
        let mut wizard = hall_wizard(&server);
        let there: i64 = wizard.eval("time()").parse().unwrap();
        let differs = there - our_time();
        assert!((differs - offset).abs() < 10, "its clock differs by {differs} s");
        wizard.check("look", &["The Porch"]);
        server.kill9("moothall-daemon");
        drop(hall_wizard(&server));
        drop(hall_guest(&server));
    }
}

#[test]
fn f42_a_jump_of_the_clock_kills_nobody_and_moves_what_is_due() {
    let Some(clock) = Clock::new(0) else { return };
    let mut server = clock.server();
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    wizard.eval("add_property($ledger, \"struck\", 0, {player, \"r\"})");
    wizard.check(";;fork (1800) $ledger.struck = time(); endfork", &["=> 0"]);

    clock.set(3_600);
    let struck = wait_for("the task that is due by then", || {
        let struck: i64 = wizard.eval("$ledger.struck").parse().unwrap();
        (struck > 0).then_some(struck)
    });
    assert!(struck >= our_time() + 1_800, "it ran before its time");
    everybody_lives(&server);
    drop(hall_guest(&server));

    clock.set(-3_600);
    everybody_lives(&server);
    drop(hall_guest(&server));
    // Tokens made before the step come from the future now; whoever starts anew is given new ones.
    server.kill9("moothall-telnet");
    drop(hall_wizard(&server));
    server.kill9("moothall-daemon");
    drop(hall_wizard(&server));
}

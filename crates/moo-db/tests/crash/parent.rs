//! Starts the process that commits, hears it out, and kills it when its time has come.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use moo_db::{Durability, Store};
use tempfile::TempDir;

use crate::child::{ORDERS, Orders, first_root};
use crate::plan::Plan;
use crate::state::State;

/// A store's folder, and what is known of it.
pub struct Folder {
    /// Where it is.
    pub dir: TempDir,
    /// What it holds, as it was found after the last process.
    pub state: State,
    /// The number of the next process's first commits.
    pub first: u64,
}

impl Folder {
    /// With the first world.
    pub fn new() -> Folder {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let root = first_root();
        let store = Store::open(&dir.path().join("store")).expect("the folder is good");
        store.initialise(&root, &[]).expect("it is empty");
        Folder {
            dir,
            state: State::of_root(&root).expect("it was just made"),
            first: 1,
        }
    }

    /// Where the store is.
    pub fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// The file of orders for the preloaded library.
    pub fn order_file(&self) -> PathBuf {
        self.dir.path().join("order")
    }
}

/// What a process has told.
#[derive(Debug, Default)]
pub struct Told {
    /// Its commits, in their order, each with its number.
    pub commits: Vec<(u64, Plan)>,
    /// The last commit that is answered.
    pub answered: u64,
    /// Why the log failed.
    pub failed: Option<String>,
    /// Whether it made all commits and closed the log.
    pub is_done: bool,
}

/// When the parent kills a process.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// Never: it dies by itself, or ends.
    Never,
    /// After so many commits were told.
    AtCommit(u64),
    /// After so many answers were told.
    AtAnswer(u64),
}

/// A process that commits.
pub struct Running {
    child: Child,
    input: ChildStdin,
    lines: BufReader<ChildStdout>,
    told: Told,
}

impl Running {
    /// Starts one; it waits for [`Running::go`]. `place` and `nth` are as in [`Orders`].
    pub fn start(folder: &mut Folder, durability: Durability, commits: u64, place: u64, nth: u64) -> Running {
        let orders = Orders {
            folder: folder.store().display().to_string(),
            durability,
            first: folder.first,
            commits,
            place,
            nth,
        };
        folder.first += commits;
        let mut child = Command::new(std::env::current_exe().expect("this program has a name"))
            .args([
                "--exact",
                "child::commits_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(ORDERS, orders.to_text())
            .env("LD_PRELOAD", log_faults())
            .env("LOG_FAULTS", folder.order_file())
            .env("LOG_TRACE", folder.dir.path().join("trace"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this program can be started again");
        let input = child.stdin.take().expect("it is piped");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut running = Running {
            child,
            input,
            lines,
            told: Told::default(),
        };
        while running.line().is_some_and(|line| line != "ready") {}
        running
    }

    /// Lets it commit.
    pub fn go(&mut self) {
        self.input.write_all(b"go\n").expect("it waits for this");
    }

    /// The next whole line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).ok()?;
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// Hears one more thing; false at the end.
    pub fn hear(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let words: Vec<&str> = line.split(' ').collect();
        let number = |nth: usize| words[nth].parse().expect("it is a number");
        match words[0] {
            "commit" => {
                let plan = Plan {
                    thread: number(2),
                    seq: number(3),
                };
                self.told.commits.push((number(1), plan));
            }
            "answered" => self.told.answered = number(1),
            "failed" => self.told.failed = Some(line["failed ".len()..].to_owned()),
            "done" => self.told.is_done = true,
            _ => {}
        }
        true
    }

    /// What was told so far.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// Hears it to its end, which is at the latest when it is killed.
    pub fn follow(mut self, kill: Kill) -> Told {
        let mut answers = 0;
        let mut answered = 0;
        while self.hear() {
            if self.told.answered != answered {
                answers += 1;
                answered = self.told.answered;
            }
            let is_time = match kill {
                Kill::Never => false,
                Kill::AtCommit(count) => self.told.commits.len() as u64 == count,
                Kill::AtAnswer(count) => answers == count,
            };
            if is_time {
                self.kill();
            }
        }
        self.child.wait().expect("it was started here");
        std::mem::take(&mut self.told)
    }

    /// As `kill -9`. What it said before is still in the pipe.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
    }
}

/// No process is left behind by a test that fails.
impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// The library that makes faults, compiled once in each run of the tests.
fn log_faults() -> &'static Path {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let library = folder.path().join("log_faults.so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/log_faults.c"))
            .status()
            .expect("a C compiler is part of what builds this project");
        assert!(compiled.success());
        (folder, library)
    });
    path
}

//! A Redis of a test's own, as a process on a free port that keeps what it has in a folder. Dropping it ends it.

use super::server::signal;
use super::wait_for;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The process and its folder.
pub struct Redis {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// None, said loudly, where Redis is not installed.
    pub fn start() -> Option<Redis> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let Some(child) = launch(port, &folder) else {
            eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: there is no redis-server");
            return None;
        };
        let redis = Redis { child, port, folder };
        redis.wait();
        Some(redis)
    }

    /// Where it is, as settings say it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it as a crash would.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on what it had, or on nothing.
    pub fn start_again(&mut self, with_data: bool) {
        if !with_data {
            self.folder = tempfile::tempdir().unwrap();
        }
        self.child = launch(self.port, &self.folder).expect("it was there before");
        self.wait();
    }

    /// Another one, that copies all that this one is told and has copied what it has.
    pub fn replica(&self) -> Redis {
        let replica = Redis::start().expect("there is a redis-server");
        replica.ask(&format!("REPLICAOF 127.0.0.1 {}", self.port));
        wait_for("the replica to have all", || {
            let answer = replica.ask("INFO replication")?;
            answer.contains("master_link_status:up").then_some(())
        });
        replica
    }

    /// Kills it, and has its replica serve in its place, with what that has.
    pub fn fail_over_to(&mut self, mut replica: Redis) {
        self.kill9();
        replica.kill9();
        std::mem::swap(&mut self.folder, &mut replica.folder);
        self.child = launch(self.port, &self.folder).expect("it was there before");
        self.wait();
    }

    /// Stops it without ending it, or lets it go on.
    pub fn stop(&self, stopped: bool) {
        let which = if stopped { Signal::STOP } else { Signal::CONT };
        signal(self.child.id(), which);
    }

    /// What it answers to a command of plain words.
    pub fn ask(&self, words: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(format!("{words}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn wait(&self) {
        wait_for("redis-server to serve", || {
            self.ask("PING").filter(|answer| answer.starts_with("+PONG"))
        });
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Everything that it was told is on the disk before it answers, so that a kill loses nothing.
fn launch(port: u16, folder: &TempDir) -> Option<Child> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .ok()
}

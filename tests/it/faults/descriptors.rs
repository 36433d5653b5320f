//! F53: a host that may open no more files. Who is in stays, who comes is told, and nothing spins.

use crate::support::server::{Options, Server};
use crate::support::wait_for;
use crate::support::worlds::hall_character;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const HOST: &str = "moothall-telnet";
const SORRY: &str = "cannot accept any more connections";

/// From now on the process may open so many more files than it has.
fn leave(pid: u32, more: u64) {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    let limit = Rlimit {
        current: Some(open + more),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    prlimit(Pid::from_raw(pid.cast_signed()), Resource::Nofile, limit).unwrap();
}

/// The time that a process has used of its cores. The system counts it in hundredths of a second.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2);
    Duration::from_millis(ticks.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
}

/// Connects, and gives the socket with the first words that come.
#[track_caller]
fn come(server: &Server) -> (BufReader<TcpStream>, String) {
    let stream = TcpStream::connect(server.telnet()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reader = BufReader::new(stream);
    let mut words = Vec::new();
    reader.read_until(b'\n', &mut words).expect("some words come");
    (reader, String::from_utf8_lossy(&words).into_owned())
}

#[test]
fn f53_who_comes_when_no_descriptor_is_left_is_told_so_and_nothing_spins() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let pid = wait_for("the host", || server.pid(HOST));
    leave(pid, 6);
    let crowd: Vec<_> = (0..20)
        .map(|_| come(&server))
        .take_while(|(_, words)| !words.contains(SORRY))
        .collect();
    assert!(crowd.len() < 20, "the limit was not felt");
    let (begun, used) = (Instant::now(), cpu(pid));
    while begun.elapsed() < Duration::from_secs(1) {
        let (_, words) = come(&server);
        assert!(words.contains(SORRY), "{words:?}");
    }
    let (elapsed, used) = (begun.elapsed(), cpu(pid) - used);
    assert!(
        used < elapsed / 4,
        "{used:?} of {elapsed:?} were spent on refusing"
    );
    ann.check("look", &["The Porch"]);
    drop(crowd);
    wait_for("somebody to be let in again", || {
        let (_, words) = come(&server);
        (!words.contains(SORRY)).then_some(())
    });
    assert!(server.log().contains("files and sockets that may be open"));
}

//! The suite on a real Redis, on a clock of its own: times are short, and passing them is waiting for that clock.

use super::*;
use crate::jobs::conformance::{SUITE, Subject, Terms, spec};
use crate::protocol::WireObj;
use crate::protocol::job::JobTarget;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const MOST: usize = 40;
const LEASE: Duration = Duration::from_millis(400);
const BACKOFF: Duration = Duration::from_millis(200);
const DEDUPE: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis of a test's own. It keeps nothing on the disk.
struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    /// None, said loudly, where Redis is not installed.
    fn start() -> Option<Server> {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("there is a free port").port();
        let child = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--save",
                "",
                "--bind",
                "127.0.0.1",
                "--dir",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: there is no redis-server");
            return None;
        };
        let server = Server {
            child,
            port,
            _folder: folder,
        };
        let end = Instant::now() + PATIENCE;
        let client = Client::open(server.url()).expect("it is an address");
        while client.get_connection().is_err() {
            assert!(Instant::now() < end, "redis-server does not serve");
            std::thread::yield_now();
        }
        Some(server)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Remote {
    store: OnRedis,
    ids: u8,
    born: Instant,
}

fn settings(server: &Server, namespace: &str, world: &str) -> Settings {
    Settings {
        jobs_max: MOST,
        lease: LEASE,
        backoff: BACKOFF,
        dedupe: DEDUPE,
        ..Settings::new(&server.url(), namespace, world)
    }
}

impl Remote {
    fn new(server: &Server, namespace: &str, world: &str) -> Remote {
        Remote {
            store: OnRedis::new(settings(server, namespace, world)).expect("it is an address"),
            ids: 0,
            born: Instant::now(),
        }
    }
}

impl Subject for Remote {
    fn store(&mut self) -> &mut dyn JobStore {
        &mut self.store
    }

    fn now(&mut self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
        Now {
            moment: Moment(u64::try_from(self.born.elapsed().as_micros()).expect("it is short")),
            wall: Wall(u64::try_from(wall.as_millis()).expect("it is short")),
            chance: 0,
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            // Redis has its own clock, which nobody can move.
            std::thread::park_timeout(left);
        }
        let now = self.now();
        self.store.sweep(now).expect("Redis is there");
    }

    fn terms(&self) -> Terms {
        Terms {
            lease: LEASE,
            backoff: BACKOFF,
            dedupe: DEDUPE,
        }
    }

    fn id(&mut self) -> JobId {
        self.ids += 1;
        JobId([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, self.ids])
    }

    fn jobs_max(&self) -> usize {
        MOST
    }
}

#[test]
fn redis_keeps_the_promises_of_job_stores() {
    let Some(server) = Server::start() else { return };
    for (number, (name, behaviour)) in SUITE.iter().enumerate() {
        eprintln!("{name}");
        behaviour(&mut Remote::new(&server, &format!("suite{number}"), "here"));
    }
}

#[test]
fn worlds_of_one_store_have_queues_of_their_own_and_reach_each_other() {
    let Some(server) = Server::start() else { return };
    let (mut here, mut there) = (
        Remote::new(&server, "two", "here"),
        Remote::new(&server, "two", "there"),
    );
    let now = here.now();
    there.store.counts().expect("it joins when it is first asked");
    let mut put = |target: JobTarget| {
        let id = here.id();
        let now = here.now();
        let target = spec_for(target);
        here.store.put(now, id, target)
    };
    put(JobTarget::World).expect("there is room");
    put(JobTarget::User(WireObj(3))).expect("there is room");
    put(JobTarget::Peer("there".into())).expect("there is such a world");
    put(JobTarget::Named("Ann".into())).expect("there is room");
    assert!(matches!(
        put(JobTarget::Peer("nowhere".into())),
        Err(JobError::Refused(_))
    ));
    let of_there = |there: &mut Remote, queue: Queue| {
        let taken = there.store.take(now, "t", &[queue], 8).expect("Redis is there");
        taken.len()
    };
    assert_eq!(
        of_there(&mut there, Queue::User(WireObj(3))),
        0,
        "#3 is somebody else there"
    );
    assert_eq!(of_there(&mut there, Queue::World), 1);
    assert_eq!(of_there(&mut there, Queue::Named("ann".into())), 1);
    put(JobTarget::Peers).expect("there is room");
    let for_all = here
        .store
        .take(now, "h", &[Queue::World], 8)
        .expect("Redis is there");
    assert_eq!(for_all.len(), 2, "its own, and one of those for all");
    assert_eq!(of_there(&mut there, Queue::World), 1);
    let user = here.store.take(now, "h", &[Queue::User(WireObj(3))], 8);
    assert_eq!(user.map(|taken| taken.len()), Ok(1));
}

fn spec_for(target: JobTarget) -> JobSpec {
    JobSpec { target, ..spec("a") }
}

#[test]
fn a_redis_that_comes_back_empty_is_noticed_once_and_works_on() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "gone", "here");
    let (id, now) = (remote.id(), remote.now());
    remote.store.put(now, id, spec("a")).expect("there is room");
    assert!(!remote.store.has_forgotten());
    let mut other = Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("it is there");
    redis::cmd("FLUSHALL").exec(&mut other).expect("it is allowed");
    redis::cmd("CLIENT")
        .arg("KILL")
        .arg("TYPE")
        .arg("normal")
        .arg("SKIPME")
        .arg("yes")
        .exec(&mut other)
        .expect("allowed");
    let now = remote.now();
    let mut away = || match remote.store.take(now, "x", &[Queue::World], 1) {
        Err(JobError::Away(why)) => why,
        other => panic!("Redis was away, not {other:?}"),
    };
    assert_ne!(away(), "it was away a moment ago");
    assert_eq!(away(), "it was away a moment ago");
    assert_eq!(remote.store.counts().map(|counts| counts.alive), Ok(0));
    assert!(remote.store.has_forgotten());
    assert!(!remote.store.has_forgotten());
    let (id, now) = (remote.id(), remote.now());
    remote.store.put(now, id, spec("a")).expect("it works on");
}

#[test]
fn without_a_replica_nobody_is_told_that_a_job_is_replicated() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "copy", "here");
    let (id, now) = (remote.id(), remote.now());
    let wanted = JobSpec {
        confirm: Confirm::Replicated,
        ..spec("a")
    };
    // Whoever is told so tries again, with the same job.
    for _ in 0..2 {
        let stored = remote.store.put(now, id, wanted.clone());
        assert!(matches!(stored, Err(JobError::Away(why)) if why.contains("replica")));
        assert_eq!(remote.store.counts().map(|counts| counts.alive), Ok(1));
    }
}

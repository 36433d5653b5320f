//! The suite on a real Redis, on a clock of its own: times are short, and passing them is waiting for that clock.

use super::*;
use crate::jobs::conformance::{SUITE, Subject, Terms, spec};
use crate::jobs::{Owner, size_of};
use crate::protocol::job::JobTarget;
use crate::protocol::{Wall, WireObj};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

mod bounds;
mod calls;
mod lost;

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
        ..Settings::new(&server.url(), namespace, world, "f1")
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
    assert_eq!(remote.store.loss(), None);
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
    assert_eq!(remote.store.loss(), Some(Loss::All));
    assert_eq!(remote.store.loss(), None);
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

#[test]
fn owners_are_of_their_own_world() {
    let Some(server) = Server::start() else { return };
    let (mut here, mut there) = (
        Remote::new(&server, "owners", "here"),
        Remote::new(&server, "owners", "there"),
    );
    let now = here.now();
    there.store.join(now).expect("Redis is there");
    for target in [JobTarget::Any, JobTarget::Peer("there".into())] {
        let id = here.id();
        let stored = here.store.put(now, id, spec_for(target)).expect("there is room");
        assert!(stored.of_owner > 0);
    }
    let load = Load {
        jobs: 2,
        bytes: 2 * size_of(&spec("a")),
    };
    assert_eq!(here.store.of_owners(now), Ok([(WireObj(7), load)].into()));
    assert_eq!(there.store.of_owners(now), Ok(HashMap::new()));
    let taken = there
        .store
        .take(now, "t", &[Queue::World, Queue::Any("a".into())], 8)
        .expect("Redis is there");
    assert_eq!(taken.len(), 2);
    let foreign = Owner {
        world: Some("here".into()),
        number: WireObj(7),
    };
    for taken in &taken {
        assert_eq!((&taken.owner, taken.spec.from), (&Some(foreign.clone()), None));
        assert_eq!(taken.owner.as_ref().and_then(Owner::here), None);
        there
            .store
            .end(now, taken.job, taken.lease, Ending::Reject("no".into()))
            .expect("the lease holds");
    }
    assert_eq!(
        here.store.of_owners(now),
        Ok(HashMap::new()),
        "the dead do not count"
    );
    let dead = here.store.dead(8).expect("Redis is there");
    assert_eq!(dead.len(), 2);
    assert!(dead.iter().all(|seen| seen.spec.from == Some(WireObj(7))));
    assert!(dead.iter().all(|seen| seen.owner == Some(Owner::own(WireObj(7)))));
}

#[test]
fn a_second_world_of_the_same_name_is_refused_by_the_id_of_its_folder() {
    let Some(server) = Server::start() else { return };
    let mut first = Remote::new(&server, "names", "here");
    let now = first.now();
    first.store.join(now).expect("it is the first");
    let other = Settings {
        folder: "f2".into(),
        ..settings(&server, "names", "here")
    };
    let mut second = OnRedis::new(other).expect("it is an address");
    let Err(JobError::NotOurs(why)) = second.join(now) else {
        panic!("two worlds of one name are there");
    };
    assert!(
        why.contains("{names}:4:world:here") && why.contains("`here`"),
        "{why}"
    );
    let taken = second.take(now, "x", &[Queue::World], 1);
    assert!(matches!(taken, Err(JobError::Away(_) | JobError::NotOurs(_))));
    let mut again = Remote::new(&server, "names", "here");
    again.store.join(now).expect("the same folder may come back");
    assert!(OnRedis::new(settings(&server, "names", "a:b")).is_err());
}

#[test]
fn a_redis_that_is_emptied_under_a_connection_is_noticed_by_the_next_call_and_joined_anew() {
    let Some(server) = Server::start() else { return };
    let (mut here, mut there) = (
        Remote::new(&server, "flush", "here"),
        Remote::new(&server, "flush", "there"),
    );
    let now = here.now();
    there.store.join(now).expect("Redis is there");
    let id = here.id();
    here.store.put(now, id, spec("a")).expect("there is room");
    let mut other = Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("it is there");
    redis::cmd("FLUSHALL").exec(&mut other).expect("it is allowed");
    let taken = here.store.take(now, "x", &[Queue::Any("a".into())], 1);
    assert_eq!(taken, Ok(vec![]));
    assert_eq!((here.store.loss(), here.store.loss()), (Some(Loss::All), None));
    assert_eq!(there.store.counts().map(|counts| counts.alive), Ok(0));
    assert_eq!((there.store.loss(), there.store.loss()), (Some(Loss::All), None));
    let id = here.id();
    here.store
        .put(now, id, spec_for(JobTarget::Peer("there".into())))
        .expect("both worlds are known again");
    assert_eq!(there.store.tally().away, Duration::ZERO);
}

#[test]
fn the_oldest_of_the_dead_go_when_they_are_too_many_or_too_large() {
    let Some(server) = Server::start() else { return };
    let bounds = [(3, 1 << 20), (100, 3 * size_of(&spec("a")))];
    for (number, dead_max) in bounds.into_iter().enumerate() {
        let mut remote = Remote::new(&server, &format!("dead{number}"), "here");
        let bounded = Settings {
            dead_max,
            ..settings(&server, &format!("dead{number}"), "here")
        };
        remote.store = OnRedis::new(bounded).expect("it is an address");
        let ids: Vec<JobId> = (0..5)
            .map(|_| {
                let (id, now) = (remote.id(), remote.now());
                remote.store.put(now, id, spec("a")).expect("there is room");
                let queue = [Queue::Any("a".into())];
                let taken = remote.store.take(now, "x", &queue, 1).expect("Redis is there");
                let end = Ending::Reject("no".into());
                remote.store.end(now, id, taken[0].lease, end).expect("it holds");
                id
            })
            .collect();
        let dead = remote.store.dead(8).expect("Redis is there");
        let newest: Vec<JobId> = ids[2..].iter().rev().copied().collect();
        assert_eq!(dead.iter().map(|seen| seen.job).collect::<Vec<_>>(), newest);
        let counts = remote.store.counts().expect("Redis is there");
        assert_eq!((counts.dead, counts.forgotten), (3, 2));
        assert_eq!(counts.dead_bytes, 3 * size_of(&spec("a")) as u64);
    }
}

#[test]
fn many_puts_and_ends_of_one_call_are_judged_one_by_one() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "many", "here");
    let now = remote.now();
    let (first, second) = (remote.id(), remote.id());
    let keyed = JobSpec {
        order_key: Some("k".into()),
        dedupe: Some("once".into()),
        ..spec("a")
    };
    let jobs = [
        (first, keyed.clone()),
        (first, spec("a")),
        (second, keyed),
        (second, spec("a")),
    ];
    let stored = remote.store.put_many(now, &jobs).expect("Redis is there");
    let stored: Vec<_> = stored
        .into_iter()
        .map(|stored| stored.map(|it| (it.job, it.duplicate, it.of_owner)))
        .collect();
    assert_eq!(
        stored,
        [
            Ok((first, false, 1)),
            Ok((first, true, 1)),
            Ok((first, true, 1)),
            Ok((second, false, 2))
        ]
    );
    let queue = [Queue::Any("a".into())];
    let taken = remote.store.take(now, "x", &queue, 8).expect("Redis is there");
    let ends: Vec<_> = [0, 0, 1]
        .map(|at: usize| (taken[at].job, taken[at].lease, Ending::Done))
        .into();
    let ended = remote.store.end_many(now, &ends).expect("Redis is there");
    assert_eq!(ended, [Ok(()), Err(JobError::LateLease), Ok(())]);
    assert_eq!(remote.store.counts(), Ok(Counts::default()));
    let mut other = Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("it is there");
    let left: Vec<String> = redis::cmd("KEYS")
        .arg("{many}:*")
        .query(&mut other)
        .expect("allowed");
    let is_of_a_job = |key: &&String| {
        [":jobs", ":q:", ":line:", ":alive", ":ends", ":busy"]
            .iter()
            .any(|part| key.contains(part))
    };
    assert_eq!(left.iter().filter(is_of_a_job).count(), 0, "{left:?}");
}

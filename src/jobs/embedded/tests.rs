//! The suite on the embedded store, whose rows are read back before each step, from a map and from a database on the disk;
//! and random steps beside the one in memory.

use super::*;
use crate::jobs::conformance::{SUITE, Subject, Terms, spec};
use crate::jobs::{Standing, backoff};
use crate::limits::{JOB_BACKOFF, JOB_DEDUPE, JOB_LEASE, JOBS_DEAD_BYTES_MAX};
use crate::protocol::{Wall, WireObj};
use moo_db::{Durability, Log, Store};
use moo_model::world::Root;
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;

const MOST: usize = 40;
const MIB: usize = 1 << 20;
/// How often a folder's rows are read before it is opened anew.
const READS: usize = 8;

/// Where rows are kept.
trait Disk {
    fn write(&mut self, changes: Vec<Row>);
    fn read(&mut self) -> StoredRows;
}

#[derive(Default)]
struct Map(BTreeMap<(Relation, Vec<u8>), Vec<u8>>);

impl Disk for Map {
    fn write(&mut self, changes: Vec<Row>) {
        for Row { relation, key, value } in changes {
            match value {
                Some(value) => drop(self.0.insert((relation, key), value)),
                None => drop(self.0.remove(&(relation, key))),
            }
        }
    }

    fn read(&mut self) -> StoredRows {
        let of = |wanted: Relation| {
            let own = self.0.iter().filter(|((relation, _), _)| *relation == wanted);
            own.map(|((_, key), value)| (key.clone(), value.clone()))
                .collect()
        };
        StoredRows {
            jobs: of(Relation::Job),
            dead: of(Relation::JobDead),
            keys: of(Relation::JobDedupe),
        }
    }
}

/// The store of a world in a folder. Its rows are read once its log has them; every few times, once it was opened anew.
struct Folder {
    folder: TempDir,
    reads: usize,
    open: Option<(Store, Log)>,
}

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let store = Store::open(folder.path()).expect("it is empty");
        store.initialise(&Root::default(), &[]).expect("it is empty");
        let open = Some(Folder::serve(store));
        let reads = 0;
        Folder { folder, reads, open }
    }

    fn serve(store: Store) -> (Store, Log) {
        let log = store.log(&Root::default(), Durability::Relaxed, |_| {});
        (store, log)
    }
}

impl Disk for Folder {
    fn write(&mut self, changes: Vec<Row>) {
        let (_, log) = self.open.as_ref().expect("it is open but while it is read");
        log.put_rows(changes).expect("the log has room");
    }

    fn read(&mut self) -> StoredRows {
        let (mut store, mut log) = self.open.take().expect("it is open but while it is read");
        log.flush().expect("it has not ended");
        self.reads += 1;
        if self.reads.is_multiple_of(READS) {
            log.close();
            drop((store, log));
            store = Store::open(self.folder.path()).expect("nobody else has it");
            (store, log) = Folder::serve(store);
        }
        let of = |wanted| {
            let rows: Result<_, _> = store.rows(wanted).collect();
            rows.expect("they were just written")
        };
        let [jobs, dead, keys] = RELATIONS.map(of);
        self.open = Some((store, log));
        StoredRows { jobs, dead, keys }
    }
}

/// A store that is closed and opened again whenever somebody wants it.
struct OnRows {
    store: Embedded,
    disk: Box<dyn Disk>,
    now: Now,
    ids: u8,
    is_draining: bool,
    /// What the stores counted that were closed.
    tally: Tally,
}

impl OnRows {
    fn new(disk: impl Disk + 'static) -> OnRows {
        OnRows {
            store: Embedded::default(),
            disk: Box::new(disk),
            tally: Tally::default(),
            now: Now {
                wall: Wall::from_secs(1_000_000),
                ..Now::default()
            },
            ids: 0,
            is_draining: false,
        }
    }

    fn reopen(&mut self) {
        self.disk.write(self.store.rows());
        self.tally = self.tally();
        let memory = Memory::new("here", Some((MOST, usize::MAX)), 1);
        let (store, unreadable) = Embedded::load(memory, self.now, self.disk.read());
        assert_eq!(unreadable, 0);
        self.store = store;
    }
}

impl Subject for OnRows {
    fn store(&mut self) -> &mut dyn JobStore {
        self
    }

    fn now(&mut self) -> Now {
        self.now
    }

    fn pass(&mut self, time: Duration) {
        // A lease has its whole time again when the store is opened, so it stays open here.
        self.now.moment = self.now.moment.plus(time);
        self.now.wall = self.now.wall.plus(time);
        self.store.sweep(self.now).expect("it is always there");
    }

    fn terms(&self) -> Terms {
        Terms {
            lease: JOB_LEASE,
            backoff: JOB_BACKOFF,
            dedupe: JOB_DEDUPE,
        }
    }

    fn id(&mut self) -> JobId {
        self.ids += 1;
        JobId([self.ids; 16])
    }

    fn jobs_max(&self) -> usize {
        MOST
    }
}

/// Every call meets a store that has just been opened.
macro_rules! reopened {
    ($self:ident, $($call:tt)*) => {{
        $self.reopen();
        $self.store.set_draining($self.is_draining);
        $self.store.$($call)*
    }};
}

impl JobStore for OnRows {
    fn put(&mut self, now: Now, job: JobId, spec: JobSpec) -> Result<Stored, JobError> {
        reopened!(self, put(now, job, spec))
    }

    fn take(&mut self, now: Now, taker: &str, queues: &[Queue], most: usize) -> Result<Vec<Taken>, JobError> {
        reopened!(self, take(now, taker, queues, most))
    }

    fn extend(&mut self, now: Now, job: JobId, lease: u64) -> Result<(), JobError> {
        reopened!(self, extend(now, job, lease))
    }

    fn end(&mut self, now: Now, job: JobId, lease: u64, how: Ending) -> Result<(), JobError> {
        reopened!(self, end(now, job, lease, how))
    }

    fn give_back(&mut self, now: Now, taker: &str) -> Result<usize, JobError> {
        reopened!(self, give_back(now, taker))
    }

    fn sweep(&mut self, now: Now) -> Result<(), JobError> {
        reopened!(self, sweep(now))
    }

    fn set_draining(&mut self, draining: bool) {
        self.is_draining = draining;
    }

    fn find(&mut self, job: JobId) -> Result<Option<Seen>, JobError> {
        reopened!(self, find(job))
    }

    fn list(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        reopened!(self, list(most))
    }

    fn dead(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        reopened!(self, dead(most))
    }

    fn cancel(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        reopened!(self, cancel(now, job))
    }

    fn retry(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        reopened!(self, retry(now, job))
    }

    fn drop_dead(&mut self, job: JobId) -> Result<(), JobError> {
        reopened!(self, drop_dead(job))
    }

    fn counts(&mut self) -> Result<Counts, JobError> {
        reopened!(self, counts())
    }

    fn tally(&self) -> Tally {
        let (closed, open) = (self.tally, self.store.tally());
        Tally {
            puts: closed.puts + open.puts,
            takes: closed.takes + open.takes,
            done: closed.done + open.done,
            retries: closed.retries + open.retries,
            parks: closed.parks + open.parks,
            away: closed.away + open.away,
            losses: closed.losses + open.losses,
        }
    }
}

#[test]
fn a_store_that_is_read_back_before_each_step_keeps_the_promises() {
    for (name, behaviour) in SUITE {
        eprintln!("{name}");
        behaviour(&mut OnRows::new(Map::default()));
    }
}

#[test]
fn a_database_on_the_disk_that_is_read_back_before_each_step_keeps_the_promises() {
    for (name, behaviour) in SUITE {
        eprintln!("{name}");
        behaviour(&mut OnRows::new(Folder::new()));
    }
}

#[test]
fn what_a_store_elsewhere_is_to_forget_is_known_to_the_next_process_until_it_has_heard_so() {
    let (job, other) = (JobId([1; 16]), JobId([2; 16]));
    let rows = [
        row::cancelled(job, true),
        row::cancelled(other, true),
        row::cancelled(other, false),
    ];
    let mut disk = Map::default();
    disk.write(rows.into());
    let (store, unreadable) = Embedded::load(Memory::feed(8), Now::default(), disk.read());
    assert_eq!((store.uncancelled(), unreadable), (&[job][..], 0));
}

#[test]
fn a_feed_gives_what_was_put_up_to_a_number_and_judges_keys_itself() {
    let (mut feed, now) = (Memory::feed(8), Now::default());
    let keyed = JobSpec {
        dedupe: Some("once".into()),
        ..spec("a")
    };
    let (first, second, third) = (JobId([1; 16]), JobId([2; 16]), JobId([3; 16]));
    feed.put(now, first, keyed.clone()).expect("there is room");
    let up_to = feed.last_seq();
    let again = feed.put(now, second, keyed.clone()).expect("there is room");
    assert_eq!((again.job, again.duplicate), (first, true));
    assert_eq!(feed.known("once", now.wall), Some(first));
    feed.put(now, third, spec("b")).expect("there is room");
    let ids = |jobs: Vec<(JobId, JobSpec)>| jobs.into_iter().map(|(job, _)| job).collect::<Vec<_>>();
    assert_eq!(ids(feed.oldest(&Queue::Feed, up_to, 8)), [first]);
    let all = feed.oldest(&Queue::Feed, feed.last_seq(), 8);
    assert_eq!(all[0].1.dedupe, None);
    assert_eq!(ids(all), [first, third]);
    assert_eq!(feed.keyed_elsewhere(), []);
    feed.cancel(now, first).expect("nobody has it");
    assert_eq!(feed.keyed_elsewhere(), [first]);
    feed.forget_keys_of(&[third].into());
    assert_eq!(feed.known("once", now.wall), Some(first));
    feed.forget_keys_of(&[first].into());
    let again = feed.put(now, second, keyed).expect("there is room");
    assert_eq!((again.job, again.duplicate), (second, false));
}

#[test]
fn the_oldest_of_the_dead_are_forgotten_when_they_are_too_many_bytes() {
    let (mut store, now) = (Embedded::default(), Now::default());
    let large = JobSpec {
        data: crate::protocol::WireValue::new(&moo_model::Value::str("x".repeat(MIB).as_str())),
        ..spec("a")
    };
    let most = JOBS_DEAD_BYTES_MAX / MIB;
    let job = |number: usize| JobId([number as u8; 16]);
    for number in 0..most + 2 {
        store.put(now, job(number), large.clone()).expect("there is room");
        store.reject(now, job(number), "it was bad".into());
    }
    let counts = store.counts().expect("it is there");
    // Each takes up a little more than its data.
    assert_eq!((counts.dead, counts.forgotten), (most as u64 - 1, 3));
    assert!(counts.dead_bytes <= JOBS_DEAD_BYTES_MAX as u64);
    assert_eq!(store.find(job(2)), Ok(None));
    assert!(matches!(store.find(job(3)), Ok(Some(_))));
}

#[test]
fn what_the_world_itself_had_is_ready_again_and_what_others_had_stays_theirs() {
    let mut subject = OnRows::new(Map::default());
    let (own, theirs) = (JobId([1; 16]), JobId([2; 16]));
    let now = subject.now;
    let put = |subject: &mut OnRows, job, target| {
        let spec = JobSpec { target, ..spec("a") };
        subject.store.put(now, job, spec).expect("there is room");
    };
    put(&mut subject, own, crate::protocol::job::JobTarget::World);
    put(
        &mut subject,
        theirs,
        crate::protocol::job::JobTarget::User(WireObj(3)),
    );
    let take = |subject: &mut OnRows, taker: &str, queue: Queue| {
        subject.store.take(now, taker, &[queue], 8).expect("it is there")
    };
    take(&mut subject, crate::jobs::OWN, Queue::World);
    let taken = take(&mut subject, "host/1", Queue::User(WireObj(3)));
    subject.reopen();
    assert_eq!(take(&mut subject, crate::jobs::OWN, Queue::World)[0].attempt, 2);
    assert!(take(&mut subject, "host/2", Queue::User(WireObj(3))).is_empty());
    subject
        .store
        .end(now, theirs, taken[0].lease, Ending::Done)
        .expect("its lease was stored");
}

#[test]
fn the_pause_before_a_try_doubles_and_has_an_end() {
    let plain: Vec<_> = (1..=4).map(|tries| backoff(tries, 0).as_secs()).collect();
    assert_eq!(plain, [1, 2, 4, 8]);
    assert!(backoff(1, 999) > JOB_BACKOFF && backoff(1, 999) <= JOB_BACKOFF * 5 / 4);
    assert!(backoff(255, 0) <= crate::limits::JOB_BACKOFF_MAX);
}

/// One step of a random program on a store.
fn step(
    store: &mut dyn JobStore,
    now: Now,
    dice: &mut impl FnMut(u64) -> u64,
    leases: &mut Vec<(JobId, u64)>,
) {
    store.sweep(now).expect("it is there");
    let job = JobId([dice(12) as u8; 16]);
    match dice(9) {
        0..=2 => {
            let plain = spec(["a", "b"][dice(2) as usize]);
            let spec = JobSpec {
                order_key: (dice(2) == 0).then(|| "k".to_owned()),
                dedupe: (dice(4) == 0).then(|| "once".to_owned()),
                not_before: (dice(3) == 0).then(|| now.wall.plus(Duration::from_secs(3))),
                tries_max: 2,
                ..plain
            };
            // A full store is part of the game.
            store.put(now, job, spec).ok();
        }
        3 | 4 => {
            let queues = [Queue::Any("a".into()), Queue::Any("b".into())];
            let taken = store.take(now, "x", &queues, 2).expect("it is there");
            leases.extend(taken.iter().map(|taken| (taken.job, taken.lease)));
        }
        5 | 6 if !leases.is_empty() => {
            let (job, lease) = leases.remove(dice(leases.len() as u64) as usize);
            let why = "unlucky".to_owned();
            let how = match dice(3) {
                0 => Ending::Done,
                1 => Ending::Retry { after: None, why },
                _ => Ending::Reject(why),
            };
            // Leases run out on the way.
            store.end(now, job, lease, how).ok();
        }
        7 => drop(store.cancel(now, job)),
        _ => drop(store.retry(now, job)),
    }
    store.sweep(now).expect("it is there");
}

/// Everything that can be seen of a store.
fn all_of(store: &mut dyn JobStore) -> (Vec<(JobId, Standing, u8)>, Vec<JobId>) {
    let show = |seen: Seen| (seen.job, seen.standing, seen.tries);
    let alive = store
        .list(100)
        .expect("it is there")
        .into_iter()
        .map(show)
        .collect();
    let dead = store.dead(100).expect("it is there").into_iter();
    (alive, dead.map(|seen| seen.job).collect())
}

#[test]
fn random_programs_leave_the_same_store_whether_it_is_read_back_or_not() {
    for seed in 1..=300_u64 {
        let mut now = Now {
            wall: Wall::from_secs(1_000_000),
            ..Now::default()
        };
        let (mut plain, mut stored) = (Embedded::default(), OnRows::new(Map::default()));
        let mut state = seed;
        let mut roll = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut of_plain, mut of_stored) = (Vec::new(), Vec::new());
        for number in 0..60 {
            let rolls: Vec<u64> = (0..16).map(|_| roll(1 << 30)).collect();
            let replay = || {
                let mut rolls = rolls.clone().into_iter();
                move |below: u64| rolls.next().unwrap_or(0) % below
            };
            stored.now = now;
            step(&mut plain, now, &mut replay(), &mut of_plain);
            step(&mut stored, now, &mut replay(), &mut of_stored);
            assert_eq!(
                all_of(&mut plain),
                all_of(&mut stored),
                "seed {seed}, step {number}"
            );
            now.wall = now.wall.plus(Duration::from_millis(roll(2_000)));
        }
    }
}

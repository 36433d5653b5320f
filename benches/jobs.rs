//! How many jobs a second are stored, taken and ended: `cargo bench -p moothall --bench jobs`.
//!
//! Embedded: every change is a row on the disk's log before it counts. With Redis: a server of its own on a free port, which
//! syncs its file each second: by one world that waits for each answer, by one that puts, takes and ends without waiting for the
//! answers to the others, as the daemon does, and by one that puts while another one takes and ends.
//! Beside it what `redis-benchmark` makes at the same depth of the plain commands that put, take and end one entry of a stream,
//! without all that makes a job of it.

use moo_db::{Durability, Log, NotTaken, Store};
use moo_model::Value;
use moo_model::world::Root;
use moothall::jobs::embedded::Embedded;
use moothall::jobs::redis::{Call, Heard, OnRedis, Settings};
use moothall::jobs::{Ending, JobError, JobStore, Now, Queue};
use moothall::limits::JOB_FEED_BATCH;
use moothall::protocol::job::{Confirm, JobSpec, JobTarget};
use moothall::protocol::{JobId, Moment, Wall, WireValue};
use std::collections::VecDeque;
use std::error::Error;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many jobs are put, taken and ended together, as the daemon does; and how many of them in all.
const BATCH: u64 = JOB_FEED_BATCH as u64;
const JOBS: u64 = 400 * BATCH;
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    embedded(&folder)?;
    match Server::start(&folder)? {
        Some(server) => redis(&server)?,
        None => eprintln!("NOT MEASURED: there is no redis-server"),
    }
    Ok(())
}

fn spec() -> JobSpec {
    JobSpec {
        kind: "bench".to_owned(),
        target: JobTarget::Any,
        data: WireValue::new(&Value::str(
            "a job of some sixty bytes, as long as a line that somebody says",
        )),
        order_key: None,
        dedupe: None,
        not_before: None,
        ttl_ms: 0,
        tries_max: 0,
        from: None,
        confirm: Confirm::Queued,
    }
}

fn now(born: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        moment: Moment(born.elapsed().as_micros() as u64),
        wall: Wall(wall.as_millis() as u64),
        chance: 0,
    }
}

fn id(number: u64) -> JobId {
    let mut id = [1; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    JobId(id)
}

fn report(what: &str, started: Instant) -> f64 {
    let rate = JOBS as f64 / started.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} jobs/s put, taken and ended");
    rate
}

fn embedded(folder: &tempfile::TempDir) -> Result<(), Box<dyn Error>> {
    let store = Store::open(&folder.path().join("db"))?;
    let root = Root::default();
    store.initialise(&root, &[])?;
    let log = store.log(&root, Durability::Relaxed, |_| {});
    let (mut jobs, queue) = (Embedded::default(), [Queue::Any("bench".to_owned())]);
    let started = Instant::now();
    for batch in 0..JOBS / BATCH {
        let now = now(started);
        for number in 0..BATCH {
            jobs.put(now, id(batch * BATCH + number), spec())?;
        }
        write(&log, &mut jobs)?;
        let taken = jobs.take(now, "bench", &queue, BATCH as usize)?;
        write(&log, &mut jobs)?;
        for taken in taken {
            jobs.end(now, taken.job, taken.lease, Ending::Done)?;
        }
        write(&log, &mut jobs)?;
    }
    log.flush()?;
    report("embedded, written to the log", started);
    log.close();
    Ok(())
}

/// Hands the rows of what has changed to the log, as soon as it has room.
fn write(log: &Log, jobs: &mut Embedded) -> Result<(), NotTaken> {
    let rows = jobs.rows();
    while let Err(refused) = log.put_rows(rows.clone()) {
        if refused == NotTaken::Ended {
            return Err(refused);
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// A world on that Redis.
fn world(server: &Server, name: &str) -> Result<OnRedis, JobError> {
    let url = format!("redis://127.0.0.1:{}/", server.port);
    OnRedis::new(Settings::new(&url, "bench", name, name))
}

fn put(jobs: &mut OnRedis, now: Now, from: u64) -> Result<(), JobError> {
    let new: Vec<_> = (from..from + BATCH).map(|number| (id(number), spec())).collect();
    for stored in jobs.put_many(now, &new)? {
        stored?;
    }
    Ok(())
}

/// Takes and ends so many at most, and gives how many there were.
fn work(jobs: &mut OnRedis, now: Now) -> Result<u64, JobError> {
    let queue = [Queue::Any("bench".to_owned())];
    let taken = jobs.take(now, "bench", &queue, BATCH as usize)?;
    let ends: Vec<_> = taken
        .into_iter()
        .map(|taken| (taken.job, taken.lease, Ending::Done))
        .collect();
    for ended in jobs.end_many(now, &ends)? {
        ended?;
    }
    Ok(ends.len() as u64)
}

/// Puts, takes and ends all jobs from this one on, with a call of each under way whenever there is something for it.
fn work_together(jobs: &mut OnRedis, started: Instant, from: u64) -> Result<(), JobError> {
    let (mut put, mut done, mut ends) = (0, 0, VecDeque::new());
    let (mut is_putting, mut is_taking, mut is_ending) = (false, false, false);
    while done < JOBS {
        if !is_putting && put < JOBS {
            let new = (put..put + BATCH).map(|number| (id(from + number), spec()));
            jobs.send(now(started), Call::Put(new.collect()))?;
            is_putting = true;
        }
        if !is_taking {
            let (taker, queues) = ("bench".to_owned(), vec![Queue::Any("bench".to_owned())]);
            let most = BATCH as usize;
            jobs.send(now(started), Call::Take { taker, queues, most })?;
            is_taking = true;
        }
        if !is_ending && !ends.is_empty() {
            let some = ends.drain(..ends.len().min(BATCH as usize));
            jobs.send(now(started), Call::End(some.collect()))?;
            is_ending = true;
        }
        match jobs.receive(now(started)) {
            Some(Heard::Put(_, stored)) => {
                is_putting = false;
                for stored in stored? {
                    stored?;
                    put += 1;
                }
            }
            Some(Heard::Take(_, taken)) => {
                is_taking = false;
                let taken = taken?.into_iter();
                ends.extend(taken.map(|taken| (taken.job, taken.lease, Ending::Done)));
            }
            Some(Heard::End(_, ended)) => {
                is_ending = false;
                for ended in ended? {
                    ended?;
                    done += 1;
                }
            }
            None => return Err(JobError::Unknown),
        }
    }
    Ok(())
}

fn redis(server: &Server) -> Result<(), Box<dyn Error>> {
    let mut one = world(server, "one")?;
    let (started, before) = (Instant::now(), server.cpu()?);
    for from in (0..JOBS).step_by(JOB_FEED_BATCH) {
        put(&mut one, now(started), from)?;
        work(&mut one, now(started))?;
    }
    report("Redis, one world that waits for each answer", started);
    server.report_cpu(before)?;
    let (started, before) = (Instant::now(), server.cpu()?);
    work_together(&mut one, started, JOBS)?;
    report("Redis, one world that waits for no answer to the others", started);
    server.report_cpu(before)?;
    let mut two = world(server, "two")?;
    let (started, before) = (Instant::now(), server.cpu()?);
    std::thread::scope(|scope| {
        let putting = scope.spawn(|| {
            (2 * JOBS..3 * JOBS)
                .step_by(JOB_FEED_BATCH)
                .try_for_each(|from| put(&mut one, now(started), from))
        });
        let mut done = 0;
        while done < JOBS && !(putting.is_finished() && two.counts()?.alive == 0) {
            done += work(&mut two, now(started))?;
        }
        putting.join().map_err(|_| JobError::Unknown)?
    })?;
    let rate = report("Redis, one world that puts and one that takes and ends", started);
    server.report_cpu(before)?;
    if let Some(plain) = plain(server)? {
        println!(
            "Redis, the plain commands at depth {BATCH}: {plain:.0} entries/s; ratio {:.2}",
            rate / plain
        );
    }
    Ok(())
}

/// How many entries a second `redis-benchmark` puts, takes and ends by plain commands; none where it is not installed.
fn plain(server: &Server) -> Result<Option<f64>, Box<dyn Error>> {
    let commands = [
        "XADD plain * j x",
        "XREADGROUP GROUP g c COUNT 1 STREAMS plain >",
        "XACK plain g 1-1",
        "XDEL plain 1-1",
    ];
    let run = |count: u64, command: &str| {
        Command::new("redis-benchmark")
            .args([
                "-p",
                &server.port.to_string(),
                "-P",
                &BATCH.to_string(),
                "-c",
                "1",
                "--csv",
            ])
            .args(["-n", &count.to_string()])
            .args(command.split(' '))
            .output()
    };
    if run(1, "XGROUP CREATE plain g 0 MKSTREAM").is_err() {
        return Ok(None);
    }
    let mut seconds = 0.0;
    for command in commands {
        let answer = String::from_utf8(run(JOBS, command)?.stdout)?;
        // Below a line of names: the command, and how often a second it ran.
        let rate = answer.lines().last().and_then(|line| line.split("\",\"").nth(1));
        seconds += 1.0 / rate.ok_or("redis-benchmark has said nothing")?.parse::<f64>()?;
    }
    Ok(Some(1.0 / seconds))
}

/// A Redis of our own.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &tempfile::TempDir) -> Result<Option<Server>, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else { return Ok(None) };
        let server = Server { child, port };
        let end = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                return Err("redis-server does not serve".into());
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(Some(server))
    }
}

impl Server {
    /// The seconds of CPU time that it has used.
    fn cpu(&self) -> Result<f64, Box<dyn Error>> {
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let used = after_name.split(' ').skip(11).take(2).map(str::parse::<f64>);
        Ok(used.sum::<Result<f64, _>>()? / TICKS)
    }

    /// Says what each of the jobs since then took of it, which a busy machine changes less than how long they took.
    fn report_cpu(&self, before: f64) -> Result<(), Box<dyn Error>> {
        let each = (self.cpu()? - before) / JOBS as f64;
        println!("    {:.1} us of CPU time of redis-server each", each * 1e6);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing that anybody wants.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

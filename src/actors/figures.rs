//! What the running daemon shows of itself beside its status: its figures, and the events of one connection.
//!
//! Invariant: whoever looks changes nothing; the answer to hosts and the one to operators are made from the same figures.

use super::admin::Admin;
use super::executor::folder_bytes;
use super::job_broker::JobFigures;
use super::meters::{ENDS, Histogram};
use super::own_process;
use crate::actors::kit::child_link::write_message;
use crate::limits::{
    ADMIN_VERBS_MAX, HANDSHAKES_ALL_MAX, INTAKE_BYTES_MAX, JOBS_BYTES_MAX, JOBS_DEAD_BYTES_MAX,
};
use crate::protocol::admin::{AdminReply, ConflictCount, DaemonStatus, VerbUse};
use crate::protocol::figure::{Figure, Unit, metric};
use crate::protocol::host::{Counter, CounterGroup};
use moo_model::Obj;
use moo_tasks::outside::Outside;
use moo_vm::profile;
use std::io;
use std::sync::atomic::Ordering;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

impl Admin {
    /// Passes the events of a connection on until the operator hangs up.
    pub async fn tap(&self, object: i64, mut stream: UnixStream) -> io::Result<()> {
        let connections = self.outside.connections.all();
        let found = connections.iter().find(|conn| conn.object() == Obj(object));
        let client = found.and_then(|conn| self.outlet.outbox().client_of(conn.id.0));
        let Some(client) = client else {
            let reason = format!("#{object} is not connected; `moothallctl status` shows who is");
            return write_message(&mut stream, &AdminReply::Refused(reason)).await;
        };
        let mut events = self.taps.open(client);
        write_message(&mut stream, &AdminReply::Done).await?;
        let (mut reader, mut writer) = stream.split();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => write_message(&mut writer, &AdminReply::Tapped(event)).await?,
                    None => return Ok(()),
                },
                // An operator says nothing more, so this is the end.
                _ = reader.read_u8() => return Ok(()),
            }
        }
    }

    /// The answer to `RequestPerformanceCounters`, by group; nothing when one of the actors has no time.
    pub async fn counters(&self) -> Vec<CounterGroup> {
        let status = self.status().await;
        let mut groups: Vec<CounterGroup> = Vec::new();
        for figure in status.map(|status| status.figures).unwrap_or_default() {
            if groups.last().is_none_or(|group| group.name != figure.group) {
                groups.push(CounterGroup {
                    name: figure.group.clone(),
                    counters: Vec::new(),
                });
            }
            let counters = &mut groups.last_mut().expect("one was put there").counters;
            counters.extend(counters_of(&figure));
        }
        groups
    }

    /// Everything that is counted, group by group. What else is known of the daemon is known already.
    pub async fn figures(&self, status: &DaemonStatus) -> Vec<Figure> {
        let mut sheet = Sheet(Vec::new());
        let tasks = status.tasks;
        sheet.add("tasks", "running", tasks.running);
        sheet.add("tasks", "queued", tasks.queued);
        sheet.add("tasks", "suspended", tasks.suspended);
        sheet.add("tasks", "reading", tasks.reading);
        self.metered(&mut sheet);
        let commits = self.world.snapshot().stamp;
        let written = self.written.load(Ordering::Acquire);
        sheet.add("world", "objects", status.objects);
        sheet.add("world", "memory_bytes", self.world.resident_bytes());
        sheet.add("world", "commits", commits);
        let conflicts = self.outside.conflicts.rows().len();
        sheet.bounded(
            ("world", "conflicting_parts", ""),
            conflicts as u64,
            moo_tasks::conflicts::ROWS_MAX,
        );
        let waiting = commits.saturating_sub(written);
        sheet.bounded(("log", "waiting", ""), waiting, moo_db::log::QUEUE_MAX);
        sheet.spread("log", "batch", &self.meters.batch);
        sheet.spread("log", "write", &self.meters.write);
        sheet.add("store", "disk_bytes", folder_bytes(&self.database) as u64);
        sheet.add("clients", "connected", status.connections_total);
        for state in ["alive", "suspect", "dead"] {
            let hosts = status.hosts.iter().filter(|host| host.state == state);
            sheet.labelled(("hosts", "known", state), hosts.count() as u64);
        }
        let work = &status.work;
        sheet.add("workers", "known", work.workers.len() as u64);
        sheet.add("workers", "queued", work.queued);
        sheet.add("workers", "sent", work.sent);
        for (how, count) in [
            ("given", work.given),
            ("answered", work.answered),
            ("failed", work.failed),
        ] {
            sheet.labelled(("workers", "requests", how), count);
        }
        self.jobs(&mut sheet);
        self.queues(&mut sheet);
        self.outgoing(&mut sheet);
        for actor in self.supervisor.observe().await {
            sheet.labelled(("actor", "restarts", actor.name), actor.restarts);
        }
        sheet.spread("arbiter", "turn", &self.meters.turn);
        let used = own_process::used();
        sheet.add("process", "uptime", self.started.elapsed().as_micros() as u64);
        sheet.add("process", "cpu", ((used.user + used.system) * 1e6) as u64);
        sheet.add("process", "resident_bytes", used.resident);
        sheet.add("process", "threads", used.threads);
        sheet.0
    }

    /// What executors count.
    fn metered(&self, sheet: &mut Sheet) {
        let meters = &self.meters;
        let ended = meters.ended.iter().map(|count| count.get());
        sheet.add("tasks", "slices", ended.clone().sum());
        for (how, count) in ENDS.iter().zip(ended) {
            sheet.labelled(("tasks", "ended", how), count);
        }
        sheet.add("tasks", "retried", meters.retried.get());
        sheet.spread("tasks", "ticks", &meters.ticks);
        sheet.add("tasks", "cpu", meters.cpu.get());
        sheet.spread("tasks", "wait", &meters.wait);
        sheet.spread("tasks", "run", &meters.run);
    }

    /// The job store.
    fn jobs(&self, sheet: &mut Sheet) {
        let JobFigures {
            counts,
            tally,
            unsent,
        } = self.desk.figures();
        let placed = counts.ready + counts.taken + counts.delayed;
        let known = [
            ("ready", counts.ready),
            ("taken", counts.taken),
            ("delayed", counts.delayed),
            ("behind", counts.alive.saturating_sub(placed)),
            ("dead", counts.dead),
            ("unsent", unsent),
        ];
        for (state, count) in known {
            sheet.labelled(("jobs", "known", state), count);
        }
        sheet.bounded(("jobs", "bytes", ""), counts.bytes, JOBS_BYTES_MAX);
        sheet.bounded(("jobs", "dead_bytes", ""), counts.dead_bytes, JOBS_DEAD_BYTES_MAX);
        sheet.add("jobs", "forgotten", counts.forgotten);
        let calls = [
            ("put", tally.puts),
            ("taken", tally.takes),
            ("done", tally.done),
            ("failed", tally.retries),
            ("parked", tally.parks),
        ];
        for (what, count) in calls {
            sheet.labelled(("jobs", "calls", what), count);
        }
        let away = u64::try_from(tally.away.as_micros()).unwrap_or(u64::MAX);
        sheet.add("jobs", "away", away);
        sheet.add("jobs", "losses", tally.losses);
    }

    /// What waits for actors and for the sockets of other machines.
    fn queues(&self, sheet: &mut Sheet) {
        let queues = [
            ("gateway", self.gateway.waiting(), self.gateway.bound()),
            (
                "connections",
                self.connections.waiting(),
                self.connections.bound(),
            ),
            ("scheduler", self.scheduler.waiting(), self.scheduler.bound()),
            ("publisher", self.publisher.waiting(), self.publisher.bound()),
        ];
        for (name, waiting, bound) in queues {
            sheet.bounded(("queue", "waiting", name), waiting as u64, bound);
        }
        let sockets = self.keys.sender.figures();
        let waiting = sockets.waiting_bytes as u64;
        sheet.bounded(("sockets", "waiting_bytes", ""), waiting, INTAKE_BYTES_MAX);
        sheet.add("sockets", "refused_frames", sockets.refused_frames);
        let bound = HANDSHAKES_ALL_MAX as usize;
        sheet.bounded(("sockets", "handshakes", ""), sockets.handshakes, bound);
        sheet.add("sockets", "turned_away", sockets.turned_away);
    }

    /// Events on their way.
    fn outgoing(&self, sheet: &mut Sheet) {
        let outbox = self.outlet.outbox().counters();
        sheet.add("outbox", "events", outbox.events);
        sheet.add("outbox", "deliveries", outbox.deliveries);
        sheet.add("outbox", "frames", outbox.frames);
        sheet.add("outbox", "lost", outbox.lost);
        sheet.add("outbox", "stored", outbox.stored);
        sheet.add("outbox", "stored_bytes", outbox.stored_bytes);
        sheet.add("outbox", "memory_bytes", outbox.memory_bytes);
        sheet.add("outbox", "streams", outbox.streams);
        sheet.add("outbox", "choked_hosts", outbox.choked_hosts);
    }
}

/// Figures as they come together.
struct Sheet(Vec<Figure>);

impl Sheet {
    fn add(&mut self, group: &str, name: &str, value: u64) {
        self.labelled((group, name, ""), value);
    }

    fn labelled(&mut self, place: (&str, &str, &str), value: u64) {
        self.bounded(place, value, 0);
    }

    fn bounded(&mut self, (group, name, label): (&str, &str, &str), value: u64, bound: usize) {
        debug_assert!(
            metric(group, name).is_some(),
            "{group}/{name} is not in the table"
        );
        self.0.push(Figure {
            group: group.to_owned(),
            name: name.to_owned(),
            label: label.to_owned(),
            value,
            bound: bound as u64,
            spread: None,
        });
    }

    fn spread(&mut self, group: &str, name: &str, histogram: &Histogram) {
        let spread = histogram.spread();
        self.add(group, name, spread.buckets.iter().sum());
        self.0.last_mut().expect("one was just added").spread = Some(spread);
    }
}

/// A figure as hosts are told of it: times as a number of things and what they took together.
fn counters_of(figure: &Figure) -> Vec<Counter> {
    let signed = |value| i64::try_from(value).unwrap_or(i64::MAX);
    let is_time = metric(&figure.group, &figure.name).is_some_and(|metric| metric.unit == Unit::Micros);
    let name = match figure.label.as_str() {
        "" => figure.name.clone(),
        label => format!("{label}_{}", figure.name),
    };
    let (count, total_us) = match (&figure.spread, is_time) {
        (Some(spread), true) => (figure.value, spread.sum),
        (None, true) => (1, figure.value),
        (_, false) => (figure.value, 0),
    };
    let bound = (figure.bound > 0).then(|| Counter {
        name: format!("{name}_max"),
        count: signed(figure.bound),
        total_us: 0,
    });
    let own = Counter {
        name,
        count: signed(count),
        total_us: signed(total_us),
    };
    bound.into_iter().chain([own]).collect()
}

/// What verbs used, the first of those with the most time.
pub fn profile() -> Vec<VerbUse> {
    let rows = profile::rows().into_iter().take(ADMIN_VERBS_MAX);
    rows.map(|row| VerbUse {
        definer: row.definer.0,
        names: row.names.as_str().unwrap_or("").to_owned(),
        calls: row.used.calls,
        ticks: row.used.ticks,
        micros: row.used.nanos / 1_000,
    })
    .collect()
}

/// Where tasks were in each other's way.
pub fn conflicts(outside: &Outside) -> Vec<ConflictCount> {
    let rows = outside.conflicts.rows().into_iter();
    rows.map(|row| ConflictCount {
        object: row.obj.0,
        part: row.part,
        count: row.count,
    })
    .collect()
}

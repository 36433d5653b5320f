//! The table of figures.

/// What a figure does as time goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the daemon runs.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Each value was measured, and falls into a bucket.
    Histogram,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things. Names of bytes end so.
    Count,
    /// Time: microseconds where it travels, seconds for Prometheus.
    Micros,
}

/// A row of the table.
#[derive(Debug)]
pub struct Metric {
    /// What it belongs to.
    pub group: &'static str,
    /// Its name in the group.
    pub name: &'static str,
    /// What several of this name are told apart by; empty where there is one.
    pub label: &'static str,
    /// What it does as time goes by.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// One sentence for the manual.
    pub help: &'static str,
}

impl Metric {
    /// Its name for Prometheus.
    pub fn full_name(&self) -> String {
        let unit = match self.unit {
            Unit::Count => "",
            Unit::Micros => "_seconds",
        };
        let total = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("moothall_{}_{}{unit}{total}", self.group, self.name)
    }
}

const fn row(
    (group, name, label): (&'static str, &'static str, &'static str),
    kind: Kind,
    unit: Unit,
    help: &'static str,
) -> Metric {
    Metric {
        group,
        name,
        label,
        kind,
        unit,
        help,
    }
}

use Kind::{Counter, Gauge, Histogram};
use Unit::{Count, Micros};

/// Every figure.
#[rustfmt::skip]
pub static TABLE: &[Metric] = &[
    row(("tasks", "running", ""), Gauge, Count, "Tasks whose slice has begun and not ended."),
    row(("tasks", "queued", ""), Gauge, Count, "Tasks that are ready to run."),
    row(("tasks", "suspended", ""), Gauge, Count, "Forked and suspended tasks: they wait for a moment or a resume."),
    row(("tasks", "reading", ""), Gauge, Count, "Tasks that wait for a line from a player."),
    row(("tasks", "slices", ""), Counter, Count, "Slices that ran: what a task runs from its start, or from a wait, to the next wait or its end."),
    row(("tasks", "ended", "how"), Counter, Count, "Slices by how they ended: `done`, `waits`, `error`, `ticks`, `seconds`, `killed`, `contended`, `unreadable` or `no_verb`."),
    row(("tasks", "retried", ""), Counter, Count, "Attempts that met a conflict at their commit and were run again."),
    row(("tasks", "ticks", ""), Histogram, Count, "Ticks that a slice used, in all its attempts."),
    row(("tasks", "cpu", ""), Counter, Micros, "CPU time that programs used."),
    row(("tasks", "wait", ""), Histogram, Micros, "From when a task is ready, or its moment has come, until it runs: the lag that players feel."),
    row(("tasks", "run", ""), Histogram, Micros, "From the begin of a slice to its commit, without the turns that it gave to others."),
    row(("world", "objects", ""), Gauge, Count, "Objects in the world."),
    row(("world", "memory_bytes", ""), Gauge, Count, "About what objects take in memory, where `database.memory` bounds it."),
    row(("world", "commits", ""), Counter, Count, "Commits since the world was made."),
    row(("world", "conflicting_parts", ""), Gauge, Count, "Parts of objects that `moothallctl conflicts` lists."),
    row(("log", "waiting", ""), Gauge, Count, "Commits that are not written yet."),
    row(("log", "batch", ""), Histogram, Count, "Commits that were written together."),
    row(("log", "write", ""), Histogram, Micros, "From a commit until it is written, of the first commit of each batch."),
    row(("store", "disk_bytes", ""), Gauge, Count, "Bytes of the database on the disk."),
    row(("clients", "connected", ""), Gauge, Count, "Connections, lingering ones among them."),
    row(("hosts", "known", "state"), Gauge, Count, "Hosts by state: `alive`, `suspect`, `dead`."),
    row(("workers", "known", ""), Gauge, Count, "Workers that are attached."),
    row(("workers", "queued", ""), Gauge, Count, "Requests that wait for a worker."),
    row(("workers", "sent", ""), Gauge, Count, "Requests that are with one."),
    row(("workers", "requests", "how"), Counter, Count, "Requests: how often one was `given` to a worker, `answered` by it, or `failed` without an answer."),
    row(("jobs", "known", "state"), Gauge, Count, "Jobs by where they are: `ready`, `taken`, `delayed`, `behind` another of their order key, `dead`, or `unsent`: with the world until Redis has them. On Redis of all its worlds together."),
    row(("jobs", "bytes", ""), Gauge, Count, "Bytes of those that are not dead."),
    row(("jobs", "dead_bytes", ""), Gauge, Count, "Bytes of the dead."),
    row(("jobs", "forgotten", ""), Counter, Count, "Dead jobs that were forgotten because there were too many; on Redis since it has what it has."),
    row(("jobs", "calls", "what"), Counter, Count, "What was done: jobs `put` into the store and `taken` from it by this daemon, tries that ended with the job `done`, that `failed`, or that were `parked` because nobody was there for it."),
    row(("jobs", "away", ""), Counter, Micros, "How long the job store did not answer."),
    row(("jobs", "losses", ""), Counter, Count, "Times that Redis was found without jobs that it had confirmed to this world: it came back empty, or another one took over that had not heard of the last of them."),
    row(("queue", "waiting", "queue"), Gauge, Count, "Messages that wait for an actor."),
    row(("sockets", "waiting_bytes", ""), Gauge, Count, "Bytes of other machines' frames that wait to be read."),
    row(("sockets", "refused_frames", ""), Counter, Count, "Frames of other machines that were more than their share."),
    row(("sockets", "handshakes", ""), Gauge, Count, "Handshakes of other machines that are under way."),
    row(("sockets", "turned_away", ""), Counter, Count, "Connections of other machines that came too often."),
    row(("outbox", "events", ""), Counter, Count, "Events that were numbered."),
    row(("outbox", "deliveries", ""), Counter, Count, "Events times those who hear them."),
    row(("outbox", "frames", ""), Counter, Count, "Frames that events were sent in."),
    row(("outbox", "lost", ""), Counter, Count, "Events that were dropped because somebody did not accept too many."),
    row(("outbox", "stored", ""), Gauge, Count, "Events that are stored because not everybody has accepted them."),
    row(("outbox", "stored_bytes", ""), Gauge, Count, "Bytes of those."),
    row(("outbox", "memory_bytes", ""), Gauge, Count, "Bytes of those that are in memory."),
    row(("outbox", "streams", ""), Gauge, Count, "Streams of events, one for each client."),
    row(("outbox", "choked_hosts", ""), Gauge, Count, "Hosts that are sent nothing until they accept what they have."),
    row(("actor", "restarts", "actor"), Counter, Count, "How often an actor was started again."),
    row(("arbiter", "turn", ""), Histogram, Micros, "How late the clock of the daemon's main thread rings."),
    row(("process", "uptime", ""), Gauge, Micros, "Since the daemon started."),
    row(("process", "cpu", ""), Counter, Micros, "CPU time of the whole daemon."),
    row(("process", "resident_bytes", ""), Gauge, Count, "Memory of the daemon."),
    row(("process", "threads", ""), Gauge, Count, "Threads of the daemon."),
];

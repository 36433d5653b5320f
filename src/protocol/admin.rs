//! The conversation on `run/admin.sock`, between the daemon and `moothallctl`: one question, one answer, in frames of
//! `local`. Both ends are of one build.

use super::broadcast::Subject;
use super::figure::Figure;
use bincode::{Decode, Encode};
use serde::Serialize;

/// What an operator asks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AdminRequest {
    /// How the world, its hosts, connections and tasks are.
    Status,
    /// Which keys tokens are signed and verified with.
    ListKeys,
    /// Go over to the next key.
    RotateKeys {
        /// The key before is not to verify any more, and everybody is to be disconnected.
        at_once: bool,
    },
    /// Kill all tokens of a subject.
    Revoke(Subject),
    /// The events of one connection as they are sent, from now on: `Done` first, then `Tapped` until somebody hangs up.
    /// The number is that of its player's object, or its own negative one before login.
    Tap(i64),
    /// A copy of the whole data folder as of one commit, into this folder, which must not exist.
    Backup(String),
    /// Invite one process of another machine.
    Invite {
        /// What it will serve.
        kind: String,
        /// Seconds that the invitation holds; `None` takes what is usual.
        ttl_s: Option<u64>,
    },
    /// Which processes of other machines may connect.
    ListEnrolled,
    /// A token for a worker of this machine that no supervisor starts.
    WorkerToken {
        /// The kind of work that it does.
        kind: String,
        /// Its name, which is its id.
        name: String,
    },
    /// Everything that is counted.
    Metrics,
    /// What verbs cost.
    Profile,
    /// Where tasks are in each other's way.
    Conflicts,
    /// The jobs that are not done, or those that were given up.
    Jobs {
        /// Those that were given up.
        dead: bool,
    },
    /// Try a job again that was given up.
    RetryJob([u8; 16]),
    /// Forget a job that was given up.
    DropJob([u8; 16]),
}

/// The daemon's answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AdminReply {
    /// How all is.
    Status(DaemonStatus),
    /// It is done.
    Done,
    /// It cannot answer now, and why.
    Refused(String),
    /// An event of the connection that is tapped.
    Tapped(TappedEvent),
    /// The keys.
    Keys(Vec<KeyStatus>),
    /// The tokens are dead.
    Revoked {
        /// Up to and without this generation.
        generation: u32,
        /// Connections that stood on them and were closed.
        closed: u64,
        /// Hosts that stood on them and have to prove anew who they are.
        hosts: u64,
    },
    /// One process may come.
    Invitation(InvitationText),
    /// Those who may connect.
    Enrolled(Vec<EnrolledStatus>),
    /// The token.
    Token(String),
    /// What is counted.
    Metrics(Vec<Figure>),
    /// What verbs used, those with the most time first.
    Profile(Vec<VerbUse>),
    /// Where tasks were in each other's way, the most frequent first.
    Conflicts(Vec<ConflictCount>),
    /// Jobs, the oldest first; at most `JOBS_SEEN_MAX`.
    Jobs(Vec<JobStatus>),
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct JobStatus {
    /// Its id, as 32 hexadecimal digits.
    pub id: String,
    /// What sort of work.
    pub kind: String,
    /// The queue that it is in.
    pub queue: String,
    /// `ready`, `delayed`, `behind`, `taken` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub tries: u8,
    /// Seconds since it was stored.
    pub age_s: u64,
    /// What went wrong last.
    pub error: String,
}

/// What an invited process has to be given.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct InvitationText {
    /// The key that the daemon is known by, as 64 hexadecimal digits.
    pub daemon_key: String,
    /// What the invitation is found by.
    pub token_id: String,
    /// What only the invited process may know.
    pub secret: String,
    /// What the process will serve.
    pub kind: String,
    /// Seconds that it holds.
    pub ttl_s: u64,
}

/// One process of another machine that may connect.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct EnrolledStatus {
    /// Its id, as 32 hexadecimal digits.
    pub id: String,
    /// What it serves.
    pub kind: String,
    /// Where it runs, by its own words.
    pub hostname: String,
}

/// An event of a connection, for people.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct TappedEvent {
    /// Its number in the connection's stream.
    pub seq: u64,
    /// Events before it that the operator was too slow for.
    pub missed: u64,
    /// The name of its kind.
    pub what: String,
    /// What of it a person sees.
    pub lines: Vec<String>,
}

/// What one verb used since the daemon started.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct VerbUse {
    /// The object that defines it; negative for what is no verb.
    pub definer: i64,
    /// All its names.
    pub names: String,
    /// How often it was called.
    pub calls: u64,
    /// The ticks of its own, by samples.
    pub ticks: u64,
    /// The CPU time of its own in microseconds, by samples.
    pub micros: u64,
}

/// How often tasks had to run again because of one part of one object.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct ConflictCount {
    /// The object.
    pub object: i64,
    /// A property's name, or in parentheses what else objects have.
    pub part: String,
    /// How often since the daemon started.
    pub count: u64,
}

/// One key of the ring.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct KeyStatus {
    /// Its name.
    pub kid: String,
    /// `current`, `next` or `previous`.
    pub used_as: String,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
    /// Seconds until it verifies no more; `None` while that is not decided.
    pub ends_in_s: Option<u64>,
}

/// The daemon in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct DaemonStatus {
    /// Which start of the daemon on this data.
    pub epoch: u32,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// Objects in the world.
    pub objects: u64,
    /// Tasks by what they do.
    pub tasks: TaskCounts,
    /// The hosts it knows.
    pub hosts: Vec<HostStatus>,
    /// The workers it knows, and what waits for them.
    pub work: WorkStatus,
    /// The connections it knows, the oldest first; at most `ADMIN_CONNECTIONS_MAX`.
    pub connections: Vec<ConnectionStatus>,
    /// How many connections there are, listed or not.
    pub connections_total: u64,
    /// Queues with their bounds, events, commits, and how often actors were started again.
    pub figures: Vec<Figure>,
}

/// Tasks by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct TaskCounts {
    /// On an executor now.
    pub running: u64,
    /// Ready to run.
    pub queued: u64,
    /// Suspended or forked: waiting for a moment or a resume.
    pub suspended: u64,
    /// Waiting for a line from a player.
    pub reading: u64,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct HostStatus {
    /// What it serves: `telnet`, `web`.
    pub kind: String,
    /// Its id, as 32 hexadecimal digits.
    pub id: String,
    /// `alive`, `suspect` or `dead`.
    pub state: String,
    /// Connections it carries.
    pub connections: u64,
    /// The id (`jti`) of the token that it said hello with, as 32 hexadecimal digits; empty where its key stands for it.
    pub token: String,
}

/// Workers, and what there is for them to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct WorkStatus {
    /// Those that are attached.
    pub workers: Vec<WorkerStatus>,
    /// Requests that wait for a worker.
    pub queued: u64,
    /// Requests that are with one.
    pub sent: u64,
    /// How often a request was given to a worker since the daemon started, again after a loss included.
    pub given: u64,
    /// Requests that a worker has answered, by a result or by an error.
    pub answered: u64,
    /// Requests that failed without an answer.
    pub failed: u64,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct WorkerStatus {
    /// What it does: `http`.
    pub kind: String,
    /// Its id, as 32 hexadecimal digits.
    pub id: String,
    /// `alive` or `suspect`.
    pub state: String,
    /// Requests that it has.
    pub in_flight: u64,
    /// Requests that it may still be given.
    pub credits: u64,
    /// The id (`jti`) of the token that it said hello with, as 32 hexadecimal digits; empty where its key stands for it.
    pub token: String,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct ConnectionStatus {
    /// The player's object number, negative before login.
    pub player: i64,
    /// The player's name, if logged in.
    pub name: String,
    /// Where the client is.
    pub peer: String,
    /// Seconds since it connected.
    pub connected_s: u64,
    /// Seconds since its last line.
    pub idle_s: u64,
    /// The client's id, as 32 hexadecimal digits.
    pub client: String,
    /// The id (`jti`) of its client token, as 32 hexadecimal digits.
    pub token: String,
    /// That of its player's token; empty where it has none.
    pub player_token: String,
}

//! The conversation of a host process with the daemon: handshake, liveness, streams, jobs.
//!
//! Invariant: the enums are append-only; a variant's place is its number on the wire.

use bincode::{Decode, Encode};

use super::event::{Cause, ClientEvent, StreamPos};
use super::job::{JobOut, JobSpec};
use super::worker::RetryClass;
use super::{ClientId, HostId, JobId, ReqId, Wall, WireObj, WireValue};

/// What a process is to the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Role {
    /// Holds client sockets.
    Host,
    /// Does outbound work.
    Worker,
    /// Any other registered process.
    Agent,
}

/// What kind of sockets a host or a listener serves.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum HostType {
    /// Line-based TCP: telnet and its kin.
    Tcp,
    /// WebSocket and HTTP.
    WebSocket,
    /// A kind that this version has no word for.
    Other(String),
}

impl HostType {
    /// The kind that a host of this name serves.
    pub fn of_host(name: &str) -> HostType {
        match name {
            "telnet" => HostType::Tcp,
            "web" => HostType::WebSocket,
            other => HostType::Other(other.to_owned()),
        }
    }

    /// The name of the host that serves this kind.
    pub fn host_name(&self) -> &str {
        match self {
            HostType::Tcp => "telnet",
            HostType::WebSocket => "web",
            HostType::Other(name) => name,
        }
    }
}

/// A point where a host accepts clients.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Listener {
    /// The object whose verbs speak to clients that have not logged in.
    pub handler: WireObj,
    /// `address:port` as bound.
    pub addr: String,
    /// The kind of socket.
    pub host_type: HostType,
    /// Options given to `listen()`, by name.
    pub options: Vec<(String, WireValue)>,
}

/// The far end of a client's socket.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Peer {
    /// Host name or address, without the port.
    pub addr: String,
    /// The port of ours that it came to.
    pub local_port: u16,
    /// Its own port.
    pub remote_port: u16,
    /// Content types that it can show, best first; empty means plain text.
    pub content_types: Vec<String>,
    /// Facts of the host about this connection, by name.
    pub attrs: Vec<(String, WireValue)>,
}

/// A connection that a host kept while the daemon was away.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct HeldConn {
    /// The connection.
    pub client: ClientId,
    /// The keyed hash of its tokens.
    pub bound: [u8; 16],
    /// The attach epoch that the host last knew.
    pub attach_epoch: u32,
    /// The last event that the client accepted.
    pub last: StreamPos,
    /// The highest command number that was answered.
    pub cmd_acked: u64,
    /// The listener's handler.
    pub listener: WireObj,
    /// The socket's far end.
    pub peer: Peer,
}

/// Bounds that the daemon sets for a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Limits {
    /// Requests in flight on one DEALER.
    pub window: u16,
    /// Bytes of one frame.
    pub frame_max: u32,
    /// Seconds that a connection without a host is kept.
    pub linger_s: u32,
    /// Lines of held input for one client.
    pub input_lines: u16,
    /// Bytes of held input for one client.
    pub input_bytes: u32,
    /// Bytes of unacknowledged events for the host.
    pub credit_bytes: u32,
}

/// A public key that tokens may be signed with.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PubKey {
    /// Its name in a token's footer.
    pub kid: String,
    /// The key.
    pub ed25519: [u8; 32],
    /// No token is valid under it after this.
    pub not_after: Wall,
}

/// How busy a host is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct HostLoad {
    /// Connected clients.
    pub clients: u32,
    /// Bytes that wait for slow clients.
    pub out_bytes: u64,
    /// Processor use over the last ping interval, percent of one core.
    pub cpu_percent: u16,
    /// The longest time that the event loop was late in the last ping interval.
    pub lag_ms: u32,
}

/// What a daemon can do, told to hosts and shown to clients.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Features {
    /// The server's name and version.
    pub server: String,
    /// Longest line in bytes.
    pub line_bytes_max: u32,
    /// Language and server features by name, and whether they are on.
    pub switches: Vec<(String, bool)>,
}

/// A group of counters.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CounterGroup {
    /// What they count, such as `scheduler`.
    pub name: String,
    /// The counters.
    pub counters: Vec<Counter>,
}

/// One counter.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Counter {
    /// Its name.
    pub name: String,
    /// How often.
    pub count: i64,
    /// How long in all, in microseconds; 0 where time has no meaning.
    pub total_us: i64,
}

/// What a host asks or tells.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum HostToDaemonMessage {
    /// First words on every link. Answered by `Welcome` or `Reject`.
    Hello {
        /// Lowest and highest protocol version spoken.
        versions: (u8, u8),
        /// The program's version, for the log.
        build: String,
        /// What the process is.
        role: Role,
        /// Its lasting id.
        id: HostId,
        /// New at each start of the process.
        instance: u64,
        /// Its host token.
        token: String,
        /// The world that it means to serve; empty takes any.
        world: String,
    },
    /// The event path works, as the probe proves: clients may come. Answered by `Ack` or `Reject`.
    RegisterHost {
        /// Wall-clock time in ms.
        timestamp: u64,
        /// The sockets that it serves.
        host_type: HostType,
        /// Where it accepts clients.
        listeners: Vec<Listener>,
        /// The bytes heard on the host's topic.
        probe: [u8; 16],
        /// Connections that it can hold.
        capacity: u32,
        /// Kinds of jobs that it takes.
        skills: Vec<String>,
    },
    /// Connections held over a daemon's restart, at most 500. Answered by `Reattached`.
    ReattachBatch {
        /// The connections.
        conns: Vec<HeldConn>,
    },
    /// The answer to a ping heard on the events socket.
    HostPong {
        /// The ping's number.
        ping: u64,
        /// Wall-clock time in ms.
        timestamp: u64,
        /// Where it accepts clients now.
        listeners: Vec<Listener>,
        /// How many clients it holds.
        clients: u32,
        /// The exclusive-or of the first eight bytes of their ids.
        digest: u64,
        /// Connections that have gone since the last pong.
        gone: Vec<ClientId>,
        /// How busy it is.
        load: HostLoad,
    },
    /// Every client with its attach epoch, in parts.
    ClientList {
        /// At most 2,000 of them.
        clients: Vec<(ClientId, u32)>,
        /// Whether this was the last part.
        done: bool,
    },
    /// What was accepted, each 100 ms or 256 KiB.
    EventAck {
        /// The highest frame number received, of events or `Heads`.
        frame: u64,
        /// The highest event number that each client accepted.
        acks: Vec<(ClientId, u64)>,
        /// All clients that are too slow to take more for now; who is no longer among them takes events again.
        paused: Vec<ClientId>,
    },
    /// Asks for missed events. Answered by `ReplayChunk`.
    Replay {
        /// The connection.
        client: ClientId,
        /// The first event wanted.
        from: StreamPos,
        /// The last event wanted; the head if none.
        to: Option<u64>,
        /// Bytes to send at most.
        bytes_max: u32,
    },
    /// Whose session is this? Answered by `Session` or a refusal.
    ValidateSession {
        /// The session id.
        sid: String,
    },
    /// Asks for a fresh host token. Answered by `Renewed`.
    RenewToken {
        /// The present one.
        token: String,
    },
    /// Stores a job. Answered by `JobStored`.
    JobPut {
        /// The job.
        job: JobSpec,
    },
    /// Offers to take jobs, in place of any offer before: of these queues, and of the players whose connections it holds.
    JobTake {
        /// From these queues: `any:<kind>`, `worker:<kind>`, or its own `agent:<id>`.
        queues: Vec<String>,
        /// So many from now on, until it says otherwise.
        credits: u16,
    },
    /// How a job ended.
    JobAck {
        /// The job.
        job: JobId,
        /// Under this lease.
        lease: u64,
        /// Its outcome.
        out: JobOut,
    },
    /// Still at work on a job.
    JobExtend {
        /// The job.
        job: JobId,
        /// Under this lease.
        lease: u64,
    },
    /// Answered by `PerfCounters`.
    RequestPerformanceCounters,
    /// Answered by `ServerFeatures`.
    GetServerFeatures,
    /// The drain asked for is complete.
    DrainDone,
    /// The host leaves; its connections linger.
    DetachHost {
        /// Why, for the log.
        reason: String,
    },
}

/// The daemon's answers to a host.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum DaemonToHostReply {
    /// The link stands.
    Welcome {
        /// The protocol version to speak.
        version: u8,
        /// Which start of the daemon this is.
        daemon_epoch: u32,
        /// The world's name.
        world: String,
        /// The daemon's wall clock.
        now: Wall,
        /// Pings come this often.
        ping_ms: u32,
        /// Bounds to keep.
        limits: Limits,
        /// The keys that tokens are signed with.
        keys: Vec<PubKey>,
        /// The prefix that the host must have subscribed to.
        topic: Vec<u8>,
        /// A fresh host token.
        host_token: String,
    },
    /// Done.
    Ack,
    /// Refused.
    Reject {
        /// Why.
        reason: RejectReason,
        /// When to try again; 0 = never by itself.
        retry_after_ms: u32,
    },
    /// What became of each held connection.
    Reattached {
        /// In the order asked.
        results: Vec<(ClientId, ReattachOutcome)>,
    },
    /// A piece of a stream's past.
    ReplayChunk {
        /// The connection.
        client: ClientId,
        /// Events by number, rising.
        events: Vec<(u64, Option<Cause>, ClientEvent)>,
        /// Whether this was the last piece.
        done: bool,
        /// How many events are gone for good.
        lost: Option<u64>,
    },
    /// A session that holds.
    Session {
        /// The session id.
        sid: String,
        /// Its connection.
        client: ClientId,
        /// Its player.
        player: WireObj,
        /// The player's login name.
        user: String,
        /// It holds until then.
        exp: Wall,
        /// The player's generation.
        generation: u32,
    },
    /// A fresh token.
    Renewed {
        /// The token.
        token: String,
    },
    /// Counters by group.
    PerfCounters {
        /// Wall-clock time in ms.
        timestamp: u64,
        /// By group.
        groups: Vec<CounterGroup>,
    },
    /// What the server can do.
    ServerFeatures(Features),
    /// The job is safe.
    JobStored {
        /// Its id.
        job: JobId,
        /// Whether it was known already by its dedupe key.
        duplicate: bool,
    },
}

/// Why a host was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RejectReason {
    /// The daemon does not know this link: say `Hello`.
    HelloFirst,
    /// No version in common.
    BadVersion,
    /// The token does not hold.
    BadToken,
    /// The probe is not the one published.
    BadProbe,
    /// The daemon is going down.
    Draining,
    /// No room.
    Full,
    /// Another process has taken this host's place.
    Fenced,
}

/// What became of a held connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum ReattachOutcome {
    /// It goes on.
    Ok {
        /// Under this epoch.
        attach_epoch: u32,
        /// The last event of its stream.
        head: StreamPos,
    },
    /// Another host has it.
    Fenced {
        /// Its epoch there.
        current: u32,
    },
    /// It lingered too long.
    Expired,
    /// The daemon has never heard of it.
    Unknown,
    /// The hash does not match.
    Denied,
}

/// What the daemon sends unasked over the rpc socket (correlation 0).
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum DaemonDirect {
    /// A job to do.
    JobAssign {
        /// The job.
        job: JobId,
        /// Its lease.
        lease: u64,
        /// How long the lease holds.
        lease_ms: u32,
        /// The queue it came from.
        queue: String,
        /// The first try is 1.
        attempt: u8,
        /// What to do.
        spec: JobSpec,
    },
    /// Send `ClientList`.
    ListClients,
    /// Another host has this client: close its socket.
    Fence {
        /// The connection.
        client: ClientId,
        /// The epoch that holds now.
        attach_epoch: u32,
    },
    /// Close this client's socket.
    CloseClient {
        /// The connection.
        client: ClientId,
        /// Why, in words for the client.
        reason: String,
    },
    /// Work for a worker.
    WorkerRequest {
        /// The request.
        id: ReqId,
        /// The first try is 1.
        attempt: u8,
        /// On whose behalf.
        perms: WireObj,
        /// The arguments of `worker_request()`.
        request: Vec<WireValue>,
        /// Time allowed.
        timeout_ms: u32,
        /// Whether it may be tried twice.
        retry: RetryClass,
    },
    /// Nobody waits for this any more.
    CancelRequest {
        /// The request.
        id: ReqId,
    },
    /// Stop taking clients, finish, and say `DrainDone`.
    Drain {
        /// Time allowed.
        deadline_ms: u32,
        /// Why, for the log and the clients.
        why: String,
    },
}

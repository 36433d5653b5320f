//! Every bound that is not a setting, by name, with its unit at the end of the name or in its words; a size without a
//! unit is in bytes.

mod jobs;
mod web;
mod workers;

pub use jobs::*;
use std::time::Duration;
pub use web::*;
pub use workers::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

// Bodies of messages, by kind (`protocol::kind` says which has which).

/// First words of a link.
pub const BODY_HELLO_MAX: usize = 4 * KIB;
/// Control messages, commands and short answers.
pub const BODY_CONTROL_MAX: usize = 64 * KIB;
/// Events of a stream; a larger one is E_QUOTA where it is made.
pub const BODY_EVENT_MAX: usize = 256 * KIB;
/// Lists and batches of entries.
pub const BODY_LIST_MAX: usize = MIB;
/// Programs and property values.
pub const BODY_PROGRAM_MAX: usize = 4 * MIB;
/// Answers that carry values.
pub const BODY_REPLY_MAX: usize = 8 * MIB;
/// What the length prefixes of one body may claim in memory, all together.
pub const DECODE_CLAIM_MAX: usize = 32 * MIB;
/// Entries in one list of a control message (acks, heads, recipients).
pub const LIST_ENTRIES_MAX: usize = 2_000;
/// Connections in one `ReattachBatch`.
pub const REATTACH_BATCH_MAX: usize = 500;

// Links.

/// Bytes of one ZeroMQ frame.
pub const FRAME_MAX: usize = 8 * MIB + 64 * KIB;
/// Requests in flight on one DEALER.
pub const WINDOW: usize = 512;
/// Frames that wait for one peer that does not read.
pub const PEER_QUEUE_FRAMES_MAX: usize = 1_024;
/// Bytes that wait for one peer that does not read.
pub const PEER_QUEUE_BYTES_MAX: usize = 8 * MIB;
/// Frames that may wait on their way to an I/O thread.
pub const SEND_QUEUE_FRAMES_MAX: usize = 65_536;
/// Bytes that may wait on their way to an I/O thread.
pub const SEND_QUEUE_BYTES_MAX: usize = 64 * MIB;
/// Frames that an I/O thread takes from one socket before it looks at the others.
pub const RECEIVE_BURST: usize = 256;
/// Bytes that an I/O thread takes from one socket before it looks at the others, beyond which it takes no more frame.
pub const RECEIVE_BURST_BYTES: usize = 4 * MIB;
/// Bytes of frames that the daemon has received and not dealt with; at this it reads no more for a while.
pub const INTAKE_BYTES_MAX: usize = 64 * MIB;
/// Bytes of such frames of one host of another machine, or of all who are not enrolled; what is more is dropped.
pub const INTAKE_PEER_BYTES_MAX: usize = 16 * MIB;
/// Such frames of one of them: what its two windows may have in flight, and as much again.
pub const INTAKE_PEER_FRAMES_MAX: usize = 4 * WINDOW;
/// Bytes of one frame that a host of another machine may send: the longest request.
pub const MEMBER_FRAME_MAX: usize = BODY_PROGRAM_MAX + 64 * KIB;
/// Frames that libzmq keeps of, and for, one connection of requests of another machine.
pub const MEMBER_FRAMES_MAX: i32 = 64;
/// Events that libzmq keeps for one host of another machine; what it misses beyond, it asks for.
pub const MEMBER_EVENTS_MAX: i32 = 4_096;
/// Bytes of one subscription.
pub const SUBSCRIPTION_FRAME_MAX: usize = 4 * KIB;
/// Milliseconds that somebody who connects over a network has to prove who that is.
pub const HANDSHAKE_MS: i32 = 5_000;
/// Handshakes of one host of another machine within [`HANDSHAKES_PERIOD`]; it needs three to connect.
pub const HANDSHAKES_RATE_MAX: u32 = 64;
/// See [`HANDSHAKES_RATE_MAX`].
pub const HANDSHAKES_PERIOD: Duration = Duration::from_secs(10);
/// Handshakes of one such host before everybody has to connect anew, so that nobody collects connections.
pub const HANDSHAKES_MAX: u32 = 1_024;
/// The same of all of them.
pub const HANDSHAKES_ALL_MAX: u32 = 8_192;
/// The same of those who want to be enrolled.
pub const STRANGERS_HANDSHAKES_MAX: u32 = 256;
/// Milliseconds until a peer that had no room is tried again.
pub const BACKLOG_RETRY_MS: i64 = 5;
/// Bytes of a routing id or a topic.
pub const LABEL_MAX: usize = 39;
/// Subscriptions of other machines that are looked at in a row; whoever sends one more floods, and is expelled.
pub const SUBSCRIPTIONS_MAX: usize = 4_096;
/// Messages that libzmq itself keeps for one pipe.
pub const HIGH_WATER_MARK: i32 = 100_000;
/// Milliseconds between tries to connect: first and longest. A daemon that was restarted is not to wait for its hosts.
pub const RECONNECT_MS: (i32, i32) = (20, 200);
/// ZMTP heartbeats on tcp: interval and timeout, in milliseconds.
pub const HEARTBEAT_MS: (i32, i32) = (2_000, 6_000);
/// Milliseconds that a closing socket may take to send what waits, when it drains.
pub const LINGER_DRAIN_MS: i32 = 500;
/// Seconds until an unanswered request on the interactive socket is sent again.
pub const REQUEST_DEADLINE_S: u64 = 10;
/// Seconds until an unanswered request on the bulk socket is sent again.
pub const BULK_DEADLINE_S: u64 = 60;
/// Seconds until an unanswered replay is asked for again.
pub const REPLAY_DEADLINE_S: u64 = 5;
/// Times that an unanswered request is sent in all, unless it has a number.
pub const REQUEST_TRIES_MAX: u8 = 3;
/// Milliseconds that a host waits before it asks again what was refused for now, where the refusal does not say.
pub const REST_DEFAULT_MS: u64 = 500;
/// The longest that it lets itself be told to wait.
pub const REST_MS_MAX: u64 = 10_000;
/// Requests that a host keeps while they cannot be sent.
pub const REQUESTS_HELD_MAX: usize = 8_192;
/// Milliseconds until an unanswered step of the handshake starts it over.
pub const HANDSHAKE_STEP_MS: u64 = 2_000;
/// Milliseconds until a host that was refused for now tries again, at least.
pub const HANDSHAKE_RETRY_MS: u32 = 500;
/// Milliseconds without a ping after which a host takes the daemon for lost.
pub const PING_SILENCE_MS: u64 = 6_000;
/// Milliseconds of our own standing still after which the daemon gets a full timeout again.
pub const LINK_STALL_MS: u64 = 500;
/// Milliseconds that a daemon which said it would go may take, past the time it said, before it is greeted anew.
pub const DRAIN_PATIENCE_MS: u64 = 10_000;
/// Bytes of later events that a stream keeps while an earlier one is missing.
pub const STREAM_HOLD_MAX: usize = 64 * KIB;
/// Milliseconds until a stream whose head is ahead of it asks for the missing tail.
pub const STREAM_TAIL_MS: u64 = 100;
/// Milliseconds until a replay that gave nothing is asked for again.
pub const STREAM_RETRY_MS: u64 = 500;
/// Replays in a row that may give nothing before what is missing is taken as lost.
pub const REPLAY_REFUSALS_MAX: u8 = 5;
/// Bytes that a host asks for at a time of a stream's past: half of what may wait for a client.
pub const REPLAY_ASKED_BYTES: u32 = 128 * KIB as u32;

// Tokens.

/// Bytes of a token that is looked at at all.
pub const TOKEN_LEN_MAX: usize = 4 * KIB;
/// Seconds that clocks may differ by: a token holds so much before its beginning and after its end.
pub const TOKEN_SKEW_S: u64 = 60;
/// Seconds after a password that a player's token can be renewed in all.
pub const AUTH_LIFE_S: u64 = 30 * 24 * 3_600;
/// Verified tokens that are remembered, so that their signatures need not be verified again.
pub const TOKEN_CACHE_MAX: usize = 65_536;
/// How long they are.
pub const TOKEN_CACHE_LIFE: Duration = Duration::from_secs(60);
/// Connections that are given new tokens in one look through them all.
pub const CREDENTIALS_RENEWED_MAX: usize = 50;
/// Sweeps of the connections between two such looks, unless the last one found too many.
pub const CREDENTIALS_REST: u32 = 60;
/// Bad tokens of one peer within `TOKEN_FAILURE_PERIOD` after which none of its tokens is looked at.
pub const TOKEN_FAILURES_MAX: u32 = 20;
/// The span over which bad tokens are counted.
pub const TOKEN_FAILURE_PERIOD: Duration = Duration::from_secs(60);
/// Peers whose bad tokens are counted at a time.
pub const TOKEN_FAILURE_PEERS_MAX: usize = 65_536;
/// Revocations that are kept; one more revokes everything of before.
pub const REVOCATIONS_MAX: usize = 65_536;
/// Seconds that a revocation is kept: longer than any token lives.
pub const REVOCATION_LIFE_S: u64 = 25 * 3_600;
/// Seconds that a retired key still verifies.
pub const KEY_OVERLAP_S: u64 = 24 * 3_600;

/// Invitations to enroll that are open at a time.
pub const INVITATIONS_MAX: usize = 64;
/// Seconds that an invitation holds where the operator does not say, and at most.
pub const INVITATION_TTL_S: (u64, u64) = (15 * 60, 7 * 24 * 3_600);
/// Bytes of the name that a machine calls itself by.
pub const HOSTNAME_LEN_MAX: usize = 255;
/// Messages that may wait for enrollment.
pub const ENROLLMENT_GATE_MAX: usize = 64;
/// How long a process that enrolls waits for the daemon.
pub const ENROLLMENT_PATIENCE: Duration = Duration::from_secs(10);

// The telnet host.

/// Raw bytes of one chunk of binary mode; written down as a MOO binary string it is three times as long at most.
pub const BINARY_CHUNK_MAX: usize = 16 * 1024;
/// Bytes of telnet answers that wait for a client before nothing more is read from it.
pub const ANSWERS_WAITING_MAX: usize = 4 * 1024;
/// Bytes of one line; with what stands around it, it fits into one command.
pub const LINE_LEN_MAX: usize = BODY_CONTROL_MAX - 128;
/// Lines of one client that are with the daemon and not answered before nothing more is read from it.
pub const LINES_UNANSWERED_MAX: usize = 32;
/// Frames of one stranger that wait at the socket where machines are enrolled.
pub const STRANGERS_FRAMES_MAX: i32 = 16;
/// Commands of one client that are on their way to the daemon at once, so that a few clients cannot fill the window of
/// their host.
pub const COMMANDS_IN_FLIGHT_MAX: usize = 8;
/// Events of a call's output that its answer repeats; all of them are in the stream.
pub const ANSWER_EVENTS_MAX: usize = 16;
/// Lines of one client that are kept while the daemon is away.
pub const HELD_LINES_MAX: usize = 64;
/// Bytes of such lines.
pub const HELD_BYTES_MAX: usize = 16 * KIB;
/// Bytes of such lines of all clients of a host.
pub const HELD_HOST_BYTES_MAX: usize = 8 * MIB;
/// Bytes that may wait for a client beyond those at which it is paused: what was on its way already.
pub const OUTPUT_SLACK: usize = 2 * BODY_EVENT_MAX + 2 * REPLAY_ASKED_BYTES as usize;
/// Bytes that are taken from a socket at once.
pub const READ_LEN: usize = 4 * KIB;
/// Reads of one client's socket in a row before others have their turn.
pub const READS_IN_A_ROW_MAX: usize = 4;
/// How long the last words to a client may take.
pub const CLOSE_FLUSH_MAX: Duration = Duration::from_secs(2);
/// A connection on which nothing was heard for this long is probed by the system.
pub const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// Connections that may wait in the system for a listener.
pub const ACCEPT_BACKLOG: u32 = 1024;
/// Connections accepted in a row before others have their turn.
pub const ACCEPTS_IN_A_ROW_MAX: usize = 32;
/// How long a listener rests when the process has no descriptors left.
pub const ACCEPT_REST: Duration = Duration::from_millis(100);
/// The span over which the connections from one address are counted.
pub const ARRIVALS_PERIOD: Duration = Duration::from_secs(10);

// The link of a host.

/// Bursts of frames that may wait for a host's link.
pub const INBOUND_BURSTS_MAX: usize = 1_024;
/// How often a link looks at the time, and acknowledges the events that clients' sockets have taken.
pub const LINK_TICK: Duration = Duration::from_millis(100);
/// Bytes of events after which they are acknowledged before that.
pub const ACK_BYTES: usize = 256 * KIB;
/// What an event costs a host besides its bytes.
pub const EVENT_COST: usize = 64;
/// How long the daemon may be away before clients are told.
pub const AWAY_NOTICE_AFTER: Duration = Duration::from_secs(2);
/// How long the daemon may be away before clients are closed.
pub const AWAY_CLOSE_AFTER: Duration = Duration::from_secs(600);
/// Batches of held connections that are named to the daemon at once; more are spread over [`REATTACH_SPREAD`].
pub const REATTACH_AT_ONCE_MAX: usize = 8;
/// See [`REATTACH_AT_ONCE_MAX`].
pub const REATTACH_SPREAD: Duration = Duration::from_secs(1);
/// Orders of the daemon that may wait for a host.
pub const HOST_ORDERS_MAX: usize = 64;

/// Files and sockets that a host needs beside one for each client.
pub const HOST_FILES: u64 = 64;
/// Files and sockets that a daemon needs at least: those of the database, and the sockets of hosts.
pub const DAEMON_FILES: u64 = 1_024;

// Actors.

/// Ends of one supervised actor within `ACTOR_RESTART_WINDOW` that are answered by a restart.
pub const ACTOR_RESTARTS_MAX: usize = 10;
/// The span over which an actor's ends are counted.
pub const ACTOR_RESTART_WINDOW: Duration = Duration::from_secs(10);
/// How often an arbiter is asked whether it runs.
pub const ARBITER_LOOK: Duration = Duration::from_millis(100);
/// How long an arbiter may leave that unanswered before it is reported.
pub const ARBITER_STALL: Duration = Duration::from_millis(200);

// Processes.

/// Bytes of one body on the sockets in `run/`.
pub const LOCAL_FRAME_MAX: usize = MIB;
/// Connections that `moothallctl status` lists.
pub const ADMIN_CONNECTIONS_MAX: usize = 2_000;
/// Messages that wait on their way to one process on the control socket.
pub const CONTROL_QUEUE_MAX: usize = 64;
/// Processes connected to the control socket at once; the next is hung up on.
pub const CONTROL_PEERS_MAX: usize = 64;
/// Messages that wait for each actor of the supervisor.
pub const PROCESS_GATE_MAX: usize = 256;
/// How often a child shows that its main arbiter runs.
pub const CHILD_BEAT: Duration = Duration::from_secs(1);
/// How long a child that was told to abort may take to leave a trace of why.
pub const CHILD_ABORT: Duration = Duration::from_secs(2);
/// How long a process that was killed may take to be gone before the log says that the next one waits for it; and how often
/// whoever watches a process looks whether that is still of use.
pub const CHILD_GONE: Duration = Duration::from_secs(1);
/// The longest pause before the second restart of a child in its window; it doubles with each one after.
pub const CHILD_PAUSE_FIRST: Duration = Duration::from_millis(100);
/// What that pause never exceeds.
pub const CHILD_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often an orphan looks for a new supervisor.
pub const ORPHAN_LOOK: Duration = Duration::from_millis(200);
/// How long a program may take to read the settings that it would be started with.
pub const SETTINGS_CHECK_MAX: Duration = Duration::from_secs(10);
/// How long an operator's program waits for the next step of an operation.
pub const OPERATION_STEP_MAX: Duration = Duration::from_secs(120);
/// How long an operator's program waits for an answer.
pub const OPERATOR_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a backup may take.
pub const BACKUP_TIMEOUT: Duration = Duration::from_secs(600);

// The daemon.

/// Bursts of frames that may wait for the gateway.
pub const GATEWAY_GATE_MAX: usize = 4_096;
/// Messages that may wait for one host's session.
pub const HOST_GATE_MAX: usize = 1_024;
/// Messages that may wait for the connections.
pub const CONNECTION_GATE_MAX: usize = 16_384;
/// Messages that may wait for the scheduler.
pub const SCHEDULER_GATE_MAX: usize = 16_384;
/// Events that wait for an operator who watches a connection; what comes then is missed and counted.
pub const TAP_QUEUE_MAX: usize = 256;
/// Messages that may wait for the publisher.
pub const PUBLISHER_GATE_MAX: usize = 16_384;
/// Wishes of the world for dumps or the server's end that may wait.
pub const LIFECYCLE_QUEUE_MAX: usize = 64;
/// The newest events of one stream that are kept in memory until its host has acknowledged them.
pub const STREAM_RING_EVENTS_MAX: usize = 1_024;
/// Bytes of such events.
pub const STREAM_RING_BYTES_MAX: usize = 256 * KIB;
/// Bytes of such events of all streams together.
pub const OUTBOX_MEMORY_MAX: usize = 512 * MIB;
/// Unacknowledged events of one stream that are stored; beyond, the oldest are given up.
pub const OUTBOX_STREAM_EVENTS_MAX: usize = 100_000;
/// Bytes of such events.
pub const OUTBOX_STREAM_BYTES_MAX: usize = 10 * MIB;
/// How long an event is stored for somebody who does not acknowledge it.
pub const OUTBOX_AGE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Events of one player's past.
pub const HISTORY_EVENTS_MAX: usize = 500;
/// Bytes of such events.
pub const HISTORY_BYTES_MAX: usize = 512 * KIB;
/// Events in the pasts of all players together: so many are read at a start.
pub const HISTORY_ALL_EVENTS_MAX: usize = 100_000;
/// Bytes of such events.
pub const HISTORY_ALL_BYTES_MAX: usize = 64 * MIB;
/// How long an event stays in a past.
pub const HISTORY_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Events of a past in one answer.
pub const HISTORY_ASKED_MAX: usize = 200;
/// How long deletions of stored events may wait for a commit that takes them along.
pub const OUTBOX_COMMIT_DELAY: Duration = Duration::from_millis(100);
/// What leaves the outbox before others have their turn with it.
pub const OUTBOX_BURST: usize = 64;
/// Bytes of past events in one answer.
pub const REPLAY_BYTES_MAX: usize = MIB;
/// Connections that others have taken over, of which the outbox remembers so.
pub const REDIRECTS_MAX: usize = 1_024;
/// How long a taking over waits for the log to write what the connection was told last.
pub const ADOPTION_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often it looks.
pub const ADOPTION_LOOK: Duration = Duration::from_millis(2);
/// Requests for past events that may wait.
pub const REPLAYS_WAITING_MAX: usize = 1_024;
/// Bytes of unacknowledged events for one host.
pub const CREDIT_BYTES: u32 = 8 * MIB as u32;
/// Ports that one host may say it listens on.
pub const HOST_LISTENERS_MAX: usize = 64;
/// How often hosts are pinged.
pub const PING_PERIOD: Duration = Duration::from_secs(2);
/// Pings without an answer after which a host is suspect.
pub const PINGS_MISSED_SUSPECT: u64 = 2;
/// Pings without an answer after which a host is dead.
pub const PINGS_MISSED_DEAD: u64 = 5;
/// How often a host that has said hello is probed.
pub const PROBE_PERIOD: Duration = Duration::from_millis(50);
/// Probes after which the host has to say hello again.
pub const PROBES_MAX: u32 = 200;
/// Frames of one host within [`BAD_FRAMES_PERIOD`] that cannot be read before it is cut off.
pub const BAD_FRAMES_MAX: usize = 20;
/// See [`BAD_FRAMES_MAX`].
pub const BAD_FRAMES_PERIOD: Duration = Duration::from_secs(60);
/// How long a host that sends what cannot be read is not listened to.
pub const BAD_PEER_CUT: Duration = Duration::from_secs(60);
/// How often connections that have not logged in are looked through.
pub const CONNECTION_SWEEP: Duration = Duration::from_secs(1);
/// How many seconds one of them is left alone at most, since the world may give it less time to log in meanwhile.
pub const UNLOGGED_LOOK_S: i64 = 10;
/// How often the daemon looks whether a dump or new task numbers are due.
pub const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// How often anonymous objects that nothing refers to are looked for, if anything was committed meanwhile.
pub const COLLECT_PERIOD: Duration = Duration::from_secs(60);
/// How many of them are recycled side by side.
pub const COLLECTED_AT_ONCE: usize = 64;
/// How long the scheduler relies on the wall clock going on as it did.
pub const WALL_CLOCK_LOOK: Duration = Duration::from_secs(1);
/// Task numbers that are set aside at once.
pub const TASK_IDS_RESERVED: i64 = 1_000_000;
/// Tasks of one player's programs, besides lines, that may be under way; more are refused as Busy.
pub const BESIDE_PLAYER_MAX: usize = 64;
/// The same of handlers that nobody need be logged in for, together.
pub const BESIDE_ANONYMOUS_MAX: usize = 256;
/// The same of all.
pub const BESIDE_MAX: usize = 4_096;
/// Tasks of one player that may be with the executors at once, for each that runs at a time: one, and some so that it
/// need not wait for the next.
pub const SLOTS_PER_EXECUTOR: usize = 4;
/// Players that may have as many tasks with the executors as one may, at least, before anybody has to wait for them.
pub const LANES_FULL: usize = 8;
/// Tasks of all players that may have begun and not ended, each with a thread; more where [`LANES_FULL`] needs more.
pub const SLOTS: usize = 64;
/// The stack of each of those threads, of which only what is used costs memory. Values and programs are walked on it as
/// deep as they are nested, which is bounded, in any form the programs are built in.
pub const EXECUTOR_STACK_BYTES: usize = 16 * MIB;
/// How often the daemon looks how late the clock of its main arbiter rings.
pub const LAG_LOOK: Duration = Duration::from_millis(250);
/// `lag()` tells of the last one or two of these.
pub const LAG_WINDOW: Duration = Duration::from_secs(30);
/// Verbs that the daemon lists for an operator.
pub const ADMIN_VERBS_MAX: usize = 2_000;
/// How long a task runs before it yields to those that wait.
pub const TIME_SLICE: Duration = Duration::from_millis(2);
/// Bytes that one slice of a task may allocate.
pub const TASK_BYTES_MAX: i64 = 256 * MIB as i64;
/// How often a hook is begun anew that lost every attempt to commit.
pub const HOOK_TRIES_MAX: u32 = 16;
/// How long tasks that were due while there was no daemon wait for hosts to come back.
pub const OVERDUE_WAIT_MAX: Duration = Duration::from_secs(5);
/// Milliseconds until a host sends a line again that the daemon had no time for, or that came before its turn.
pub const BUSY_RETRY_MS: u32 = 100;
/// How soon the daemon tries again what one of its own actors had no time for.
pub const ACTOR_RETRY: Duration = Duration::from_millis(10);
/// How long an order to close what stands on dead tokens waits for an actor that is busy.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// Connections that have ended and are remembered, so that a host which still has one learns why.
pub const ENDED_CONNECTIONS_MAX: usize = 16_384;
/// Clients that one host may list.
pub const CLIENTS_LISTED_MAX: usize = 200_000;
/// Numbers of connections that are set aside at once.
pub const CONNECTION_IDS_RESERVED: u64 = 10_000;
/// Starts of one host that are remembered as replaced.
pub const HOST_INSTANCES_MAX: usize = 16;
/// Milliseconds after which a host may try a daemon again that is about to end.
pub const DRAINING_RETRY_MS: u32 = 500;
/// How long running tasks may take when the daemon stops.
pub const STOP_TASKS_MAX: Duration = Duration::from_secs(2);
/// The least `#0.dump_interval` that is heeded, in seconds, and what counts without one.
pub const DUMP_INTERVAL_MIN_S: i64 = 60;
/// See [`DUMP_INTERVAL_MIN_S`].
pub const DUMP_INTERVAL_DEFAULT_S: i64 = 3_600;

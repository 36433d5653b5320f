//! Bounds of the web host.
//!
//! Invariant: as of all bounds, the unit is in the name or its words; a size without one is in bytes.

use super::{KIB, MIB};
use std::time::Duration;

/// Bytes of one WebSocket message before login.
pub const WEB_FRAME_MAX: usize = 64 * KIB;
/// The same after login, for programs and values.
pub const WEB_LONG_FRAME_MAX: usize = MIB;
/// Bytes of the body of a request.
pub const WEB_BODY_MAX: usize = MIB;
/// Bytes that may wait for a WebSocket before it gets no more for a while.
pub const WEB_PAUSE_BYTES: usize = 256 * KIB;
/// Bytes that the kernel may keep of what is written to a socket, as it counts them (it takes twice as many).
pub const WEB_SOCKET_BYTES: usize = 64 * KIB;
/// What is read of a WebSocket at once, before others have their turn.
pub const WEB_READ_MAX: usize = 32 * KIB;
/// How often it is looked whether a WebSocket takes anything.
pub const WEB_SWEEP_PERIOD: Duration = Duration::from_secs(1);
/// Looks one after the other at which it has not for too long, before it is shut down.
pub const WEB_SILENT_LOOKS_MIN: u32 = 2;
/// Questions of REST calls and health checks that may wait for the link.
pub const WEB_QUESTIONS_MAX: usize = 4_096;
/// How long a REST call waits for the daemon's answer.
pub const REST_PATIENCE: Duration = Duration::from_secs(30);
/// How long somebody who comes back waits for a daemon that is away before hearing that it is.
pub const RESUME_PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions whether it is there.
pub const RESUME_PERIOD: Duration = Duration::from_millis(20);
/// Fields of a query at most.
pub const WEB_QUERY_FIELDS_MAX: usize = 16;
/// Headers of a request that the world is told of.
pub const HOOK_HEADERS_MAX: usize = 64;
/// How long a connection of HTTP may be idle.
pub const WEB_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long it may take to shut one down.
pub const WEB_DISCONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// How often a WebSocket is pinged.
pub const WEB_PING_PERIOD: Duration = Duration::from_secs(20);
/// Pings without an answer after which it is closed.
pub const WEB_PING_MISSED_MAX: u32 = 2;
/// How long a WebSocket that says nothing is left alone before it is greeted like a terminal.
pub const GREETING_DELAY: Duration = Duration::from_millis(250);
/// How deep lists and objects may be nested in what a client sends.
pub const JSON_DEPTH_MAX: usize = 64;
/// Bytes of a name in what a client sends: of an object, a verb, a property, a user.
pub const JSON_NAME_MAX: usize = 255;
/// Bytes of the `id` that a client gives a message.
pub const ASK_ID_MAX: usize = 64;
/// Messages of one client that may wait for their answers; the next one is refused as busy.
pub const ASKS_MAX: usize = 64;
/// Bytes of them, about: the longest message, and as much again.
pub const ASKS_BYTES_MAX: usize = 2 * MIB;
/// Events that many are told of which a thread keeps the text until all have it.
pub const EVENTS_SHARED_MAX: usize = 16;
/// Messages of one client of which it is remembered what the client called them.
pub const COMMANDS_REMEMBERED: usize = 64;
/// Messages a second that one client may send for long.
pub const MESSAGES_PER_SECOND: f64 = 100.0;
/// Messages that it may send at once before that counts.
pub const MESSAGES_BURST: f64 = 400.0;
/// Malformed messages of one client within [`MALFORMED_PERIOD`] that end it.
pub const MALFORMED_MAX: usize = 20;
/// See [`MALFORMED_MAX`].
pub const MALFORMED_PERIOD: Duration = Duration::from_secs(60);
/// The span over which tries to log in are counted.
pub const LOGIN_PERIOD: Duration = Duration::from_secs(60);
/// Addresses, and names, whose tries are counted at a time.
pub const LOGIN_NAMES_MAX: usize = 65_536;
/// What somebody who tried too often is told to wait at least.
pub const LOGIN_REST_MIN: Duration = Duration::from_millis(500);

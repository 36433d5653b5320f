//! Bounds of workers and of the daemon's end of their conversations.
//!
//! Invariant: as of all bounds, the unit is in the name or its words; a size without one is in bytes.

use super::KIB;
use std::time::Duration;

/// Worker processes that one server starts.
pub const WORKERS_MAX: usize = 16;
/// Requests that one worker carries out at once.
pub const WORKER_CONCURRENCY: u16 = 32;
/// Requests that a worker names when it attaches, or in answer to a ping.
pub const WORKER_KNOWN_MAX: usize = 1_024;
/// The most that a worker may say it does at once.
pub const WORKER_CREDITS_MAX: u32 = 1_024;
/// Workers that may be attached at once.
pub const WORKERS_ATTACHED_MAX: usize = 256;
/// Bytes of a response: as a binary string, each of which is three times as long at worst, it fits into one message.
pub const RESPONSE_LEN_MAX: usize = 1_280 * KIB;
/// How long a kind of work may be without a worker before what waits for it is given up.
pub const NO_WORKER_AFTER: Duration = Duration::from_secs(5);
/// How long workers have, after a start of the daemon, to name what they have of its tasks.
pub const WORKER_GRACE: Duration = Duration::from_secs(5);
/// Answers to pings in a row in which a worker does not name a request before that is taken as lost on its way.
pub const PONGS_UNLISTED_MAX: u8 = 2;
/// How often the daemon looks for requests whose time is over.
pub const WORKER_TICK: Duration = Duration::from_millis(100);
/// After this long without word of a task's order, word of it was lost: longer than a commit takes to be written.
pub const ORDER_LOST_AFTER: Duration = Duration::from_secs(10);
/// Tasks that ended before their order was heard of, remembered so that it is not given out.
pub const WITHDRAWN_MAX: usize = 1_024;
/// How long a worker waits for the word that its answer has come before it gives it again.
pub const RESULT_RESEND: Duration = Duration::from_secs(10);
/// Messages that may wait for the daemon's end of all workers: as many tasks as may wait for them, and as much again.
pub const WORKER_GATE_MAX: usize = 8_192;
/// Messages that may wait for a worker's own actors.
pub const WORKER_LINK_GATE_MAX: usize = 1_024;

//! One of each: a sample of every variant of every message, in the order of the table of kinds.

mod client;
mod error;
mod event;
mod host;
mod worker;

use moo_model::{ErrorCode, Obj, Value};

pub(super) use error::{refusals, scheduler_errors, worker_errors};
pub(super) use event::{events, presentation};

use super::codec::Book;
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent, Subject};
use crate::protocol::client::*;
use crate::protocol::enroll::{Enrollment, EnrollmentRequest};
use crate::protocol::error::*;
use crate::protocol::event::*;
use crate::protocol::host::*;
use crate::protocol::job::*;
use crate::protocol::worker::*;
use crate::protocol::{ClientId, Family, Frame, HostId, JobId, ReqId, Wall, WireObj, WireValue, WorkerId};

const CLIENT: ClientId = ClientId([1; 16]);
const HOST: HostId = HostId([2; 16]);
const WORKER: WorkerId = WorkerId([3; 16]);
const REQUEST: ReqId = ReqId([4; 16]);
const JOB: JobId = JobId([5; 16]);
const PLAYER: WireObj = WireObj(97);
const NOW: Wall = Wall(1_800_000_000_123);
const POS: StreamPos = StreamPos { era: 1, seq: 900 };

fn s(text: &str) -> String {
    text.to_owned()
}

fn value() -> WireValue {
    let inner = Value::list(vec![
        Value::float(0.5),
        Value::err(ErrorCode::Perm),
        Value::obj(Obj(-1)),
    ]);
    WireValue::new(&Value::list(vec![
        Value::int(-7),
        Value::str("a text of some length"),
        inner,
    ]))
}

/// Every message of the project.
pub(super) fn write_all(book: &mut Book) {
    host::host_requests().iter().for_each(|m| book.add(m, m));
    host::host_replies().iter().for_each(|m| book.add(m, m));
    host::directs().iter().for_each(|m| book.add(m, m));
    for (n, message) in client::client_requests().into_iter().enumerate() {
        let auth = [
            Auth::None,
            Auth::Bound([6; 16]),
            Auth::Full {
                client: s("c"),
                player: Some(s("p")),
            },
            Auth::Player(s("p")),
        ];
        let request = ClientRequest {
            message,
            auth: auth[n % 4].clone(),
            cmd_seq: 41,
            cmd_acked: 0,
        };
        book.add(&request.message, &request);
    }
    for reply in client::client_replies() {
        let reply = ClientReply {
            reply,
            head: Some(POS),
        };
        book.add(&reply.reply, &reply);
    }
    for error in refusals() {
        let refusal = Refusal { error, head: None };
        book.add(&refusal.error, &refusal);
    }
    for (event, route) in events() {
        let frame = EventFrame { event, route };
        book.add(&frame.event, &frame);
    }
    let control = [
        StreamControl::Probe { probe: [7; 16] },
        StreamControl::Heads {
            frame: 8,
            heads: vec![(CLIENT, 900)],
        },
    ];
    control.iter().for_each(|m| book.add(m, m));
    host::host_broadcasts().iter().for_each(|m| book.add(m, m));
    let to_clients = [
        ClientsBroadcastEvent::PingPong { timestamp: 9 },
        ClientsBroadcastEvent::System { message: s("soon") },
    ];
    to_clients.iter().for_each(|m| book.add(m, m));
    worker::worker_requests().iter().for_each(|m| book.add(m, m));
    worker::worker_replies().iter().for_each(|m| book.add(m, m));
    let to_workers = [
        DaemonToWorkerMessage::PingWorkers { ping: 1 },
        DaemonToWorkerMessage::PleaseDie { worker: WORKER },
        DaemonToWorkerMessage::Draining,
    ];
    to_workers.iter().for_each(|m| book.add(m, m));
    worker::enrollment().iter().for_each(|m| book.add(m, m));
}

/// Decodes a frame as whatever its family is; the result is the caller's not to care about.
pub(super) fn decode_any(frame: &Frame<'_>) {
    let taken = [
        (
            Family::HostToDaemon,
            frame.decode::<HostToDaemonMessage>().is_ok(),
        ),
        (Family::DaemonToHost, frame.decode::<DaemonToHostReply>().is_ok()),
        (Family::DaemonDirect, frame.decode::<DaemonDirect>().is_ok()),
        (
            Family::HostClientToDaemon,
            frame.decode::<ClientRequest>().is_ok(),
        ),
        (Family::DaemonToClient, frame.decode::<ClientReply>().is_ok()),
        (Family::Refusal, frame.decode::<Refusal>().is_ok()),
        (Family::Event, frame.decode::<EventFrame>().is_ok()),
        (Family::Stream, frame.decode::<StreamControl>().is_ok()),
        (
            Family::HostBroadcast,
            frame.decode::<HostBroadcastEvent>().is_ok(),
        ),
        (
            Family::ClientsBroadcast,
            frame.decode::<ClientsBroadcastEvent>().is_ok(),
        ),
        (
            Family::WorkerToDaemon,
            frame.decode::<WorkerToDaemonMessage>().is_ok(),
        ),
        (
            Family::DaemonToWorkerReply,
            frame.decode::<DaemonToWorkerReply>().is_ok(),
        ),
        (
            Family::DaemonToWorker,
            frame.decode::<DaemonToWorkerMessage>().is_ok(),
        ),
        (Family::Enrollment, frame.decode::<Enrollment>().is_ok()),
    ];
    for (family, taken) in taken {
        assert!(
            !taken || family as u8 == frame.kind.family(),
            "the frame was taken for a {family:?}"
        );
    }
}

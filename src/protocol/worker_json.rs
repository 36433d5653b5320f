//! The JSON form of the conversation with workers, for those in other languages: the same messages with the same headers,
//! the body one JSON object whose `type` is the variant's name. docs/workers.md is its manual.
//!
//! Invariant: whatever is said in this form has the meaning, the limits and the answers of the same message in bytes. Values
//! are written as everywhere in JSON, ids as 32 hexadecimal digits.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::codec::Message;
use super::error::WorkerError;
use super::hex::from_hex;
use super::host::{DaemonDirect, Role};
use super::kind::Family;
use super::worker::{DaemonToWorkerMessage, DaemonToWorkerReply, RetryClass, WorkerToDaemonMessage};
use super::{ReqId, WireValue, WorkerId};
use moo_model::json::{from_json, to_json};

/// What a worker may say.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Said {
    Hello {
        versions: (u8, u8),
        build: String,
        id: String,
        token: String,
    },
    AttachWorker {
        worker_type: String,
        token: String,
        concurrency: u16,
        #[serde(default)]
        known: Vec<(String, u8)>,
    },
    Ready {
        credits: u16,
    },
    WorkerPong {
        ping: u64,
        in_flight: Vec<String>,
    },
    RequestResult {
        id: String,
        attempt: u8,
        result: Json,
    },
    RequestError {
        id: String,
        attempt: u8,
        error: String,
        #[serde(default)]
        message: String,
    },
    RenewToken {
        token: String,
    },
    DetachWorker {
        reason: String,
    },
}

fn request_id(digits: &str) -> Option<ReqId> {
    from_hex(digits).map(ReqId)
}

/// A failure by its name.
fn error_named(name: &str, words: String) -> Option<WorkerError> {
    Some(match name {
        "PermissionDenied" => WorkerError::PermissionDenied(words),
        "InvalidRequest" => WorkerError::InvalidRequest(words),
        "InternalError" => WorkerError::InternalError(words),
        "RequestTimedOut" => WorkerError::RequestTimedOut(words),
        "RequestError" => WorkerError::RequestError(words),
        _ => return None,
    })
}

impl Said {
    fn meant(self) -> Option<WorkerToDaemonMessage> {
        Some(match self {
            Said::Hello {
                versions,
                build,
                id,
                token,
            } => WorkerToDaemonMessage::Hello {
                versions,
                build,
                role: Role::Worker,
                id: WorkerId(from_hex(&id)?),
                // The routing id has it too, and that is the one that counts.
                instance: 0,
                token,
                world: String::new(),
            },
            Said::AttachWorker {
                worker_type,
                token,
                concurrency,
                known,
            } => {
                let known = known
                    .iter()
                    .map(|(id, attempt)| Some((request_id(id)?, *attempt)));
                WorkerToDaemonMessage::AttachWorker {
                    worker_type,
                    token,
                    concurrency,
                    known: known.collect::<Option<_>>()?,
                }
            }
            Said::Ready { credits } => WorkerToDaemonMessage::Ready { credits },
            Said::WorkerPong { ping, in_flight } => WorkerToDaemonMessage::WorkerPong {
                ping,
                in_flight: in_flight.iter().map(|id| request_id(id)).collect::<Option<_>>()?,
            },
            Said::RequestResult { id, attempt, result } => WorkerToDaemonMessage::RequestResult {
                id: request_id(&id)?,
                attempt,
                result: WireValue::new(&from_json(&result).ok()?),
            },
            Said::RequestError {
                id,
                attempt,
                error,
                message,
            } => WorkerToDaemonMessage::RequestError {
                id: request_id(&id)?,
                attempt,
                error: error_named(&error, message)?,
            },
            Said::RenewToken { token } => WorkerToDaemonMessage::RenewToken { token },
            Said::DetachWorker { reason } => WorkerToDaemonMessage::DetachWorker { reason },
        })
    }
}

impl Message for WorkerToDaemonMessage {
    const FAMILY: Family = Family::WorkerToDaemon;

    fn from_json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Said>(body).ok()?.meant()
    }
}

impl Message for DaemonToWorkerReply {
    const FAMILY: Family = Family::DaemonToWorkerReply;

    fn to_json(&self) -> Option<Json> {
        Some(match self {
            DaemonToWorkerReply::Attached { worker, token } => {
                json!({ "type": "Attached", "worker": worker.to_string(), "token": token })
            }
            DaemonToWorkerReply::Ack => json!({ "type": "Ack" }),
            DaemonToWorkerReply::Rejected(why) => json!({ "type": "Rejected", "why": why }),
            DaemonToWorkerReply::AuthFailed(why) => json!({ "type": "AuthFailed", "why": why }),
            DaemonToWorkerReply::InvalidPayload(why) => json!({ "type": "InvalidPayload", "why": why }),
            DaemonToWorkerReply::UnknownRequest(id) => {
                json!({ "type": "UnknownRequest", "id": id.to_string() })
            }
            DaemonToWorkerReply::NotRegistered(worker) => {
                json!({ "type": "NotRegistered", "worker": worker.to_string() })
            }
        })
    }
}

impl Message for DaemonToWorkerMessage {
    const FAMILY: Family = Family::DaemonToWorker;

    fn to_json(&self) -> Option<Json> {
        Some(match self {
            DaemonToWorkerMessage::PingWorkers { ping } => json!({ "type": "PingWorkers", "ping": ping }),
            DaemonToWorkerMessage::PleaseDie { worker } => {
                json!({ "type": "PleaseDie", "worker": worker.to_string() })
            }
            DaemonToWorkerMessage::Draining => json!({ "type": "Draining" }),
        })
    }
}

impl Message for DaemonDirect {
    const FAMILY: Family = Family::DaemonDirect;

    fn to_json(&self) -> Option<Json> {
        Some(match self {
            DaemonDirect::WorkerRequest {
                id,
                attempt,
                perms,
                request,
                timeout_ms,
                retry,
            } => {
                let request: Option<Vec<Json>> = request
                    .iter()
                    .map(|value| Some(to_json(&value.open().ok()?)))
                    .collect();
                json!({
                    "type": "WorkerRequest",
                    "id": id.to_string(),
                    "attempt": attempt,
                    "perms": perms.0,
                    "request": request?,
                    "timeout_ms": timeout_ms,
                    "may_repeat": *retry != RetryClass::AtMostOnce,
                })
            }
            DaemonDirect::CancelRequest { id } => json!({ "type": "CancelRequest", "id": id.to_string() }),
            DaemonDirect::Drain { deadline_ms, why } => {
                json!({ "type": "Drain", "deadline_ms": deadline_ms, "why": why })
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::WireObj;
    use crate::protocol::codec::{Envelope, Frame, encode};
    use crate::protocol::header::{FLAG_JSON, PREAMBLE_LEN};
    use moo_model::Value;

    const ID: &str = "05050505050505050505050505050505";

    fn in_json() -> Envelope {
        Envelope {
            flags: FLAG_JSON,
            correlation: 3,
            ..Envelope::default()
        }
    }

    /// A frame of a worker in this form: the header of that message, and this body.
    fn frame(like: &WorkerToDaemonMessage, body: &str) -> Vec<u8> {
        let mut frame = encode(&Envelope::default(), like).expect("it is short");
        frame.truncate(PREAMBLE_LEN);
        frame[3] = FLAG_JSON;
        frame.extend_from_slice(body.as_bytes());
        frame
    }

    #[track_caller]
    fn check(expected: &WorkerToDaemonMessage, body: &str) {
        let bytes = frame(expected, body);
        let read = Frame::parse(&bytes).and_then(|frame| frame.decode::<WorkerToDaemonMessage>());
        assert_eq!(read.as_ref(), Ok(expected), "{body}");
    }

    #[test]
    fn a_worker_of_another_language_says_what_ours_says() {
        let id = ReqId([5; 16]);
        check(
            &WorkerToDaemonMessage::Hello {
                versions: (1, 1),
                build: "py".into(),
                role: Role::Worker,
                id: WorkerId([5; 16]),
                instance: 0,
                token: "t".into(),
                world: String::new(),
            },
            &format!(
                "{{\"type\":\"Hello\",\"versions\":[1,1],\"build\":\"py\",\"id\":\"{ID}\",\"token\":\"t\"}}"
            ),
        );
        check(
            &WorkerToDaemonMessage::AttachWorker {
                worker_type: "printer".into(),
                token: "t".into(),
                concurrency: 2,
                known: vec![(id, 1)],
            },
            &format!(
                "{{\"type\":\"AttachWorker\",\"worker_type\":\"printer\",\"token\":\"t\",\"concurrency\":2,\"known\":[[\"{ID}\",1]]}}"
            ),
        );
        check(
            &WorkerToDaemonMessage::Ready { credits: 2 },
            "{\"type\":\"Ready\",\"credits\":2}",
        );
        let result = WireValue::new(&Value::list(vec![Value::int(1), Value::str("x")]));
        check(
            &WorkerToDaemonMessage::RequestResult {
                id,
                attempt: 1,
                result,
            },
            &format!("{{\"type\":\"RequestResult\",\"id\":\"{ID}\",\"attempt\":1,\"result\":[1,\"x\"]}}"),
        );
        let error = WorkerError::RequestError("no paper".into());
        check(
            &WorkerToDaemonMessage::RequestError {
                id,
                attempt: 1,
                error,
            },
            &format!(
                "{{\"type\":\"RequestError\",\"id\":\"{ID}\",\"attempt\":1,\"error\":\"RequestError\",\"message\":\"no paper\"}}"
            ),
        );
    }

    #[test]
    fn a_body_that_is_another_message_than_its_header_says_is_refused() {
        let ready = WorkerToDaemonMessage::Ready { credits: 1 };
        for body in [
            "",
            "[]",
            "{\"type\":\"Ready\"}",
            "{\"type\":\"RenewToken\",\"token\":\"t\"}",
            "{\"type\":\"WorkerPong\",\"ping\":1,\"in_flight\":[\"5\"]}",
        ] {
            let bytes = frame(&ready, body);
            let read = Frame::parse(&bytes).and_then(|frame| frame.decode::<WorkerToDaemonMessage>());
            assert!(read.is_err(), "{body}");
        }
    }

    #[test]
    fn a_request_is_said_in_json_to_whoever_speaks_it() {
        let request = DaemonDirect::WorkerRequest {
            id: ReqId([5; 16]),
            attempt: 2,
            perms: WireObj(7),
            request: vec![
                WireValue::new(&Value::str("print")),
                WireValue::new(&Value::obj(moo_model::Obj(9))),
            ],
            timeout_ms: 500,
            retry: RetryClass::Idempotent { max: 2 },
        };
        let bytes = encode(&in_json(), &request).expect("it is short");
        let frame = Frame::parse(&bytes).expect("it has a header");
        assert_eq!(frame.envelope, in_json());
        let said: Json = serde_json::from_slice(frame.body).expect("it is JSON");
        assert_eq!(said["request"], json!(["print", { "$object": "#9" }]));
        assert_eq!((&said["id"], &said["attempt"]), (&json!(ID), &json!(2)));
        assert_eq!((&said["perms"], &said["may_repeat"]), (&json!(7), &json!(true)));
    }

    #[test]
    fn what_has_no_such_form_is_said_in_bytes_and_marked_so() {
        let bytes = encode(&in_json(), &DaemonDirect::ListClients).expect("it is short");
        let frame = Frame::parse(&bytes).expect("it has a header");
        assert_eq!(frame.envelope.flags, 0);
        assert_eq!(frame.decode(), Ok(DaemonDirect::ListClients));
    }
}

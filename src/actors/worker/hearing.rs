//! What workers say, and what becomes of it.
//!
//! Invariant: an answer that counts is acknowledged with the commit of the task that it wakes; any other is refused at once.

use super::{Said, WorkerActor};
use crate::actors::outlet::Reply;
use crate::actors::publisher::answer;
use crate::limits::WORKER_KNOWN_MAX;
use crate::protocol::error::WorkerError;
use crate::protocol::worker::{DaemonToWorkerReply, WorkerToDaemonMessage};
use crate::protocol::{ReqId, WireValue, WorkerId};
use moo_model::{ErrorCode, Raised, Value};

impl WorkerActor {
    fn answered(
        &mut self,
        worker: WorkerId,
        reply: Reply,
        (id, attempt): (ReqId, u8),
        answered: Result<WireValue, WorkerError>,
    ) {
        let Some(task) = self.dispatch.answered(worker, id, attempt) else {
            return answer(
                &self.parts.sender,
                reply,
                &DaemonToWorkerReply::UnknownRequest(id),
            );
        };
        let value = match answered {
            Ok(value) => value.open_foreign().map_err(|error| {
                raised(&WorkerError::InternalError(format!(
                    "the worker's answer is no value: {error}"
                )))
            }),
            Err(error) => Err(raised(&error)),
        };
        self.finish(task, id, value, Some(reply));
    }

    pub(super) fn said(&mut self, said: Said) {
        let Said {
            reply,
            speaker,
            message,
            claim: _claim,
        } = said;
        let worker = WorkerId(reply.envelope.principal);
        if let WorkerToDaemonMessage::Hello {
            versions, id, token, ..
        } = &message
        {
            let answered = self.greet((reply, speaker), *versions, *id, token);
            return answer(&self.parts.sender, reply, &answered);
        }
        let now = self.now();
        let Some(peer) = self.peers.get_mut(&worker).filter(|peer| peer.to == reply.to) else {
            return answer(
                &self.parts.sender,
                reply,
                &DaemonToWorkerReply::NotRegistered(worker),
            );
        };
        if let WorkerToDaemonMessage::AttachWorker {
            worker_type,
            token,
            known,
            ..
        } = &message
        {
            let answered = self.attach(worker, worker_type, token, known);
            answer(&self.parts.sender, reply, &answered);
            return self.act();
        }
        if !peer.is_attached {
            return answer(
                &self.parts.sender,
                reply,
                &DaemonToWorkerReply::NotRegistered(worker),
            );
        }
        match message {
            WorkerToDaemonMessage::Ready { credits } => {
                self.dispatch.ready(now, worker, credits, &mut self.out);
                answer(&self.parts.sender, reply, &DaemonToWorkerReply::Ack);
            }
            WorkerToDaemonMessage::WorkerPong { in_flight, .. } => {
                peer.missed = 0;
                let named = &in_flight[..in_flight.len().min(WORKER_KNOWN_MAX)];
                self.dispatch.pong(now, worker, named, &mut self.out);
            }
            WorkerToDaemonMessage::RequestResult { id, attempt, result } => {
                self.answered(worker, reply, (id, attempt), Ok(result));
            }
            WorkerToDaemonMessage::RequestError { id, attempt, error } => {
                self.answered(worker, reply, (id, attempt), Err(error));
            }
            WorkerToDaemonMessage::RenewToken { token } => {
                let answered = self.renew(worker, &token);
                answer(&self.parts.sender, reply, &answered);
            }
            WorkerToDaemonMessage::DetachWorker { reason } => {
                tracing::info!(%worker, reason, "a worker leaves");
                answer(&self.parts.sender, reply, &DaemonToWorkerReply::Ack);
                self.lose(worker);
            }
            WorkerToDaemonMessage::Hello { .. } | WorkerToDaemonMessage::AttachWorker { .. } => {}
        }
        self.act();
    }
}

/// What a task sees of a failure: one of the language's errors, what happened in words, and the failure's name.
pub(super) fn raised(error: &WorkerError) -> Raised {
    let (code, name) = match error {
        WorkerError::PermissionDenied(_) => (ErrorCode::Perm, "PermissionDenied"),
        WorkerError::InvalidRequest(_) => (ErrorCode::InvArg, "InvalidRequest"),
        WorkerError::InternalError(_) => (ErrorCode::Exec, "InternalError"),
        WorkerError::RequestTimedOut(_) => (ErrorCode::Exec, "RequestTimedOut"),
        WorkerError::RequestError(_) => (ErrorCode::Exec, "RequestError"),
        WorkerError::WorkerDetached(_) => (ErrorCode::Exec, "WorkerDetached"),
        WorkerError::NoWorkerAvailable(_) => (ErrorCode::Exec, "NoWorkerAvailable"),
    };
    Raised {
        code: Value::err(code),
        message: Some(Value::string(error.to_string())),
        value: Value::str(name),
    }
}

//! What workers say, and what becomes of it.
//!
//! Invariant: an answer that counts is acknowledged with the commit of the task that it wakes; any other is refused at once.
//! Nothing with control characters comes into the world.

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
            Ok(value) => let_in(&value).map_err(|error| raised(&error)),
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

/// A worker's answer as a value that may be in a world.
fn let_in(answer: &WireValue) -> Result<Value, WorkerError> {
    let refused = |why: String| Err(WorkerError::InternalError(why));
    match answer.open_foreign() {
        Err(error) => refused(format!("the worker's answer is no value: {error}")),
        Ok(value) if has_control(&value) => refused(
            "a string of the worker's answer has control characters; it is to give lines as a list, and bytes as a binary \
             string"
                .to_owned(),
        ),
        Ok(value) => Ok(value),
    }
}

/// No string of a world has these: they would end a line that is shown, or rule somebody's terminal.
fn is_kept_out(c: char) -> bool {
    c != '\t' && c.is_control()
}

/// Whether any string in a value has such characters.
fn has_control(value: &Value) -> bool {
    let is_it = |value: &Value| value.as_str().is_some_and(|text| text.contains(is_kept_out));
    let mut open: Vec<_> = value.parts().into_iter().collect();
    if is_it(value) {
        return true;
    }
    while let Some(parts) = open.last_mut() {
        match parts.next() {
            None => drop(open.pop()),
            Some(part) if is_it(part) => return true,
            Some(part) => open.extend(part.parts()),
        }
    }
    false
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
        message: Some(Value::string(error.to_string().replace(is_kept_out, ""))),
        value: Value::str(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_with_control_characters_comes_from_a_worker_into_the_world() {
        let page = |line: &str| {
            let lines = Value::list(vec![Value::int(1), Value::str(line)]);
            Value::map([(Value::str("body"), lines)].into_iter().collect())
        };
        for line in ["plain", "a\ttab", "\u{e4}\u{1f600}"] {
            assert_eq!(let_in(&WireValue::new(&page(line))), Ok(page(line)));
        }
        for line in ["two\nlines", "\u{1b}[2J", "\u{9b}2J", "\u{7f}"] {
            let refused = let_in(&WireValue::new(&page(line)));
            assert!(matches!(refused, Err(WorkerError::InternalError(_))), "{line:?}");
        }
        assert!(let_in(&WireValue::new(&Value::str("\r\n"))).is_err());
        let raised = raised(&WorkerError::RequestError("no\u{1b}[2J\r\npaper".into()));
        let message = raised.message.expect("it says what happened");
        let message = message.as_str().expect("in words");
        assert!(message.ends_with("no[2Jpaper"), "{message}");
    }
}

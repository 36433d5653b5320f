//! How a command's task ended, as an event for the connection whose command it was, and what else one connection alone
//! hears of a slice; and events that are too large.

use super::Outgoing;
use super::lines::repeated;
use crate::limits::{BODY_EVENT_MAX, LIST_ENTRIES_MAX};
use crate::protocol::codec::encode_event;
use crate::protocol::error::{AbortLimit, CommandError, Exception, SchedulerError};
use crate::protocol::event::{Cause, ClientEvent, NarrativeEvent};
use crate::protocol::machine::outbox::Prepared;
use crate::protocol::{ReqId, Wall, WireObj, WireValue};
use moo_model::{Obj, Value};
use moo_tasks::attempt::{End, Failure, Work};
use moo_tasks::connections::ConnId;
use moo_tasks::held::Told;
use moo_tasks::service::What;

/// Room for all who may be named in one frame, and for what else stands in it.
const ROUTE_MAX: usize = 64 + 28 * LIST_ENTRIES_MAX;

/// An event whose size the world decides. One that no frame can carry is replaced by words.
pub fn fitting(event: &ClientEvent, cause: Option<Cause>, at: Wall, to: Vec<u64>) -> Prepared {
    let bytes = encode_event(event);
    if bytes.len() <= BODY_EVENT_MAX - ROUTE_MAX {
        return Prepared::encoded(bytes, cause, at, to);
    }
    let words = match event {
        ClientEvent::TaskSuccess { task, .. } | ClientEvent::TaskError { task, .. } => {
            ClientEvent::TaskError {
                task: *task,
                error: SchedulerError::TaskAbortedError,
            }
        }
        _ => ClientEvent::SystemMessage {
            player: WireObj::from(Obj::NOTHING),
            message: format!(
                "*** {} bytes are too much at once and were left out. ***",
                bytes.len()
            ),
        },
    };
    Prepared::new(&words, cause, at, to)
}

/// How a command's task ended.
pub fn ended(task: u64, end: &End) -> ClientEvent {
    let error = match end {
        End::Done(value) => {
            return ClientEvent::TaskSuccess {
                task,
                result: WireValue::new(value),
            };
        }
        End::Waits(_) => return ClientEvent::TaskSuspended { task },
        End::Failed(failure) => scheduler_error(failure),
    };
    ClientEvent::TaskError { task, error }
}

/// Why a task failed, as clients are told.
pub fn scheduler_error(failure: &Failure) -> SchedulerError {
    match failure {
        Failure::Uncaught { raised, lines } => SchedulerError::TaskAbortedException(Exception {
            code: WireValue::new(&raised.code),
            message: raised.message().as_str().unwrap_or_default().to_owned(),
            value: WireValue::new(&raised.value),
            traceback: lines.clone(),
        }),
        Failure::Ticks => SchedulerError::TaskAbortedLimit(AbortLimit::Ticks(0)),
        Failure::Seconds => SchedulerError::TaskAbortedLimit(AbortLimit::Time(0)),
        Failure::Killed => SchedulerError::TaskAbortedCancelled,
        Failure::NoVerb => SchedulerError::CommandExecutionError(CommandError::NoCommandMatch),
        Failure::NoCommand => SchedulerError::CommandExecutionError(CommandError::NoCommandMatch),
        Failure::Contended | Failure::Unreadable(_) => SchedulerError::TaskAbortedError,
    }
}

impl Outgoing<'_> {
    /// What the slice has told the connection whose request it answers. Its stream has that too.
    pub(super) fn told_to_asker(&self, told: &[Told]) -> Vec<NarrativeEvent> {
        let (Some(reply), Work::Request(_)) = (&self.reply, &self.job.work) else {
            return Vec::new();
        };
        let conn = self.outlet.outbox().conn_of(reply.client());
        let told = told.iter().find(|told| Some(told.conn.0) == conn);
        told.map_or_else(Vec::new, |told| repeated(self.job.player.into(), told))
    }

    /// The question for a connection that the task reads from, where that has a program to answer it.
    pub(super) fn asks_for(&self, end: &End) -> Option<(ClientEvent, ConnId)> {
        let End::Waits(waiting) = end else { return None };
        let request = ReqId(waiting.request()?);
        let conn = self.outside.connections.find(waiting.reads_from()?)?;
        if !self.outlet.outbox().wants_ends(conn.id.0) {
            return None;
        }
        let is_hidden = !conn.input().options().client_echo;
        let echo = is_hidden.then(|| ("echo".to_owned(), WireValue::new(&Value::int(0))));
        let metadata = echo.into_iter().collect();
        Some((ClientEvent::RequestInput { request, metadata }, conn.id))
    }

    /// How the task ended, for the connection whose command or message it was.
    pub(super) fn ends_with(&self, end: &End) -> Option<(ClientEvent, ConnId)> {
        let conn = match (&self.job.work, &self.job.conn) {
            (Work::Service(service), _) if service.is_unknown(end) => None,
            (Work::Service(service), _) => service.conn.filter(|_| matches!(service.what, What::Typed(_))),
            (_, conn) => conn.as_ref().map(|conn| conn.id),
        }?;
        let is_wanted = self.reply.is_some() && self.outlet.outbox().wants_ends(conn.0);
        is_wanted.then(|| (ended(self.job.id as u64, end), conn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::machine::outbox::{Opening, Out, Outbox};
    use crate::protocol::{ClientId, HostId};
    use moo_model::Value;

    /// The event as a host is sent it.
    fn sent(event: &ClientEvent) -> ClientEvent {
        let mut outbox = Outbox::<()>::default();
        outbox.open(Opening {
            conn: 1,
            client: ClientId([1; 16]),
            host: HostId([2; 16]),
            attach_epoch: 1,
            wants_ends: true,
            era: 1,
        });
        outbox.number(1, vec![fitting(event, None, Wall(1), vec![1])], None);
        match &outbox.written(1, 1)[..] {
            [Out::Frame { event, .. }] => {
                crate::protocol::codec::decode_event(event).expect("it is an event")
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_result_that_no_frame_can_carry_still_ends_its_command() {
        let small = ended(7, &End::Done(Value::int(3)));
        assert_eq!(sent(&small), small);
        let large = ended(7, &End::Done(Value::string("x".repeat(BODY_EVENT_MAX))));
        let error = SchedulerError::TaskAbortedError;
        assert_eq!(sent(&large), ClientEvent::TaskError { task: 7, error });
    }

    #[test]
    fn an_option_that_no_frame_can_carry_is_replaced_by_words() {
        let event = ClientEvent::SetConnectionOption {
            connection: WireObj(-2),
            option: "x".repeat(BODY_EVENT_MAX),
            value: WireValue::new(&Value::int(1)),
        };
        assert!(matches!(sent(&event), ClientEvent::SystemMessage { .. }));
    }
}

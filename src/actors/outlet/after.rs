//! What leaves with a commit besides what its task says: answers to hosts, and events that must not be known before what
//! they tell of is stored.

use super::ends::fitting;
use super::{Answer, Message, Reply};
use crate::protocol::client::DaemonToClientReply;
use crate::protocol::event::{ClientEvent, StreamPos};
use crate::protocol::host::{DaemonToHostReply, ReattachOutcome};
use crate::protocol::machine::outbox::{Outbox, Prepared};
use crate::protocol::{ClientId, HostId, Wall};
use moo_model::ledger::Row;
use moo_tasks::connections::ConnId;

/// A connection that its host asked about: its new epoch with what the client accepted last, or why it does not go on.
pub type TakenUp = (ClientId, Result<(u32, StreamPos), ReattachOutcome>);

/// Something that leaves with a commit.
#[derive(Clone, Debug)]
pub enum After {
    /// A client's request is answered.
    Answer {
        /// Whose.
        conn: ConnId,
        /// The request.
        reply: Reply,
        /// The answer.
        answer: Box<DaemonToClientReply>,
    },
    /// A host has taken up connections again, or not: it is told which, and how far their streams are.
    Reattached {
        /// The request.
        reply: Reply,
        /// The host.
        host: HostId,
        /// Each connection.
        conns: Vec<TakenUp>,
    },
    /// An event.
    Event(Box<Prepared>),
}

impl After {
    /// An event for one connection.
    pub fn event(event: &ClientEvent, at: Wall, conn: ConnId) -> After {
        After::Event(Box::new(fitting(event, None, at, vec![conn.0])))
    }

    /// Leaves with the commit of this number, under its lock; gives the rows that ride along.
    pub(super) fn leave(self, stamp: u64, epoch: u32, outbox: &mut Outbox<Answer>) -> Vec<Row> {
        match self {
            After::Answer { conn, reply, answer } => {
                let message = Message::Client(*answer);
                outbox.number(stamp, Vec::new(), Some((conn.0, Answer { reply, message })))
            }
            After::Reattached { reply, host, conns } => {
                let mut attach = |(client, taken): TakenUp| {
                    let head = |(attach_epoch, last)| {
                        let head = outbox.attach(client, host, attach_epoch, Some(last), epoch);
                        head.map_or(ReattachOutcome::Unknown, |head| ReattachOutcome::Ok {
                            attach_epoch,
                            head,
                        })
                    };
                    (client, taken.map_or_else(|refused| refused, head))
                };
                let results = conns.into_iter().map(&mut attach).collect();
                let message = Message::Host(DaemonToHostReply::Reattached { results });
                outbox.number(stamp, Vec::new(), Some((0, Answer { reply, message })))
            }
            After::Event(event) => outbox.number(stamp, vec![*event], None),
        }
    }
}

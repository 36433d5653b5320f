//! What leaves with a commit besides what its task says: answers to hosts, and events that must not be known before what
//! they tell of is stored.

use super::ends::fitting;
use super::{Answer, Message, Reply};
use crate::actors::job_broker::Step;
use crate::gateway::PeerId;
use crate::protocol::client::{Attachment, DaemonToClientReply, LoginOk};
use crate::protocol::codec::Envelope;
use crate::protocol::event::{ClientEvent, StreamPos};
use crate::protocol::host::{DaemonDirect, DaemonToHostReply, ReattachOutcome};
use crate::protocol::machine::outbox::{Outbox, Prepared};
use crate::protocol::worker::DaemonToWorkerReply;
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
    /// A client has been attached to a host.
    Attached(Box<Attached>),
    /// A worker is told what became of its answer.
    Worker {
        /// The answer.
        reply: Reply,
        /// What became of it.
        message: DaemonToWorkerReply,
    },
    /// An event.
    Event(Box<Prepared>),
    /// Something happens in the job store.
    Job(Box<Step>),
}

/// A connection that is at a host from this commit on.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The request.
    pub reply: Reply,
    /// The connection.
    pub conn: ConnId,
    /// The host.
    pub host: HostId,
    /// Whether that shows how commands end.
    pub wants_ends: bool,
    /// What the client accepted last, where it says so itself.
    pub last: Option<StreamPos>,
    /// What is answered, but for how far the stream is.
    pub answer: Attachment,
    /// The login that this answers, if one does.
    pub login: Option<LoginOk>,
    /// The host that had the connection and is told that it does no more.
    pub fenced: Option<PeerId>,
}

impl Attached {
    fn leave(self, stamp: u64, epoch: u32, outbox: &mut Outbox<Answer>) -> Vec<Row> {
        let Attached {
            reply,
            conn,
            host,
            wants_ends,
            last,
            mut answer,
            login,
            fenced,
        } = self;
        let (client, attach_epoch) = (answer.client, answer.attach_epoch);
        let held = outbox.held(client);
        if !outbox.is_lost(client, attach_epoch) {
            outbox.attach(client, host, attach_epoch, last, epoch);
        }
        outbox.bind(client, conn.0, wants_ends);
        let player = answer.player.0;
        outbox.remember(conn.0, (wants_ends && player >= 0).then_some(player));
        // An answer leaves after all that was numbered before it.
        (answer.last, answer.head) = outbox.held(client).unwrap_or_default();
        if let (Some(last), Some((kept_from, head))) = (last, held) {
            answer.recovered = last.era == head.era && (kept_from.seq..=head.seq).contains(&last.seq);
        }
        let message = Message::Client(match login {
            None => DaemonToClientReply::AttachResult(answer),
            Some(login) => DaemonToClientReply::LoginResult(Some(LoginOk {
                attach: Some(answer),
                ..login
            })),
        });
        let mut rows = outbox.number(stamp, Vec::new(), Some((conn.0, Answer::To { reply, message })));
        if let Some(to) = fenced {
            let envelope = Envelope {
                epoch,
                ..Envelope::default()
            };
            let message = Message::Unasked(DaemonDirect::Fence { client, attach_epoch });
            let reply = Reply { to, envelope };
            rows.extend(outbox.number(stamp, Vec::new(), Some((0, Answer::To { reply, message }))));
        }
        rows
    }
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
                outbox.number(stamp, Vec::new(), Some((conn.0, Answer::To { reply, message })))
            }
            After::Reattached { reply, host, conns } => {
                let mut attach = |(client, taken): TakenUp| {
                    let (attach_epoch, last) = match taken {
                        Err(refused) => return Some((client, refused)),
                        // The host was gone meanwhile. If it is back, it asks again about what it hears nothing of.
                        Ok((attach_epoch, _)) if outbox.is_lost(client, attach_epoch) => return None,
                        Ok(taken) => taken,
                    };
                    let head = outbox.attach(client, host, attach_epoch, Some(last), epoch);
                    let ok = |head| ReattachOutcome::Ok { attach_epoch, head };
                    Some((client, head.map_or(ReattachOutcome::Unknown, ok)))
                };
                let results = conns.into_iter().filter_map(&mut attach).collect();
                let message = Message::Host(DaemonToHostReply::Reattached { results });
                outbox.number(stamp, Vec::new(), Some((0, Answer::To { reply, message })))
            }
            After::Worker { reply, message } => {
                let message = Message::Worker(message);
                outbox.number(stamp, Vec::new(), Some((0, Answer::To { reply, message })))
            }
            After::Attached(attached) => attached.leave(stamp, epoch, outbox),
            After::Event(event) => outbox.number(stamp, vec![*event], None),
            After::Job(step) => step.leave(stamp, outbox),
        }
    }
}

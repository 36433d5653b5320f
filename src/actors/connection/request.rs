//! What hosts ask on behalf of clients.

use super::{Client, ConnectionActor};
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::{Item, NewStream, Reply};
use crate::actors::publisher::answer;
use crate::protocol::client::{
    ClientReply, ClientRequest, CmdOutcome, DaemonToClientReply, HostClientToDaemonMessage, Refusal,
};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::StreamPos;
use crate::protocol::host::{HostType, Peer};
use crate::protocol::{ClientId, HostId};
use moo_model::Obj;
use moo_tasks::connections::{ConnId, NewConnection};
use moo_tasks::input_queue::{Arrival, Line};
use moo_tasks::login;
use std::collections::HashMap;
use std::sync::Arc;

/// One request of a client.
#[derive(Debug)]
pub struct Request {
    /// Where the answer goes.
    pub reply: Reply,
    /// The host.
    pub host: HostId,
    /// What the host serves.
    pub host_type: HostType,
    /// The client.
    pub client: ClientId,
    /// What is asked.
    pub body: ClientRequest,
}

/// A burst of requests, in the order they came.
pub struct Requests(pub Vec<Request>);

impl ConnectionActor {
    pub(super) fn request(&mut self, request: Request) {
        let Request { reply, client, .. } = request;
        if let Err(error) = self.take(request) {
            tracing::debug!(%client, %error, "a request was refused");
            answer(&self.parts.sender, reply, &Refusal { error, head: None });
        }
    }

    fn take(&mut self, request: Request) -> Result<(), RpcMessageError> {
        if self.parts.outside.is_read_only() && must_keep(&request.body.message) {
            return Err(RpcMessageError::ReadOnly);
        }
        let Request {
            reply,
            host,
            host_type,
            client,
            body,
        } = request;
        let ClientRequest {
            message,
            auth,
            cmd_seq,
        } = body;
        if let HostClientToDaemonMessage::ConnectionEstablish { peer, handler } = message {
            return self.establish(reply, (host, host_type), client, peer, handler.into());
        }
        let Some(&conn) = self.by_client.get(&client) else {
            if matches!(message, HostClientToDaemonMessage::Detach { .. }) {
                // The world has closed the connection, and now its last words have been shown or never will be.
                self.parts.outlet.outbox().socket_gone(client, host);
                self.parts.outlet.commit_later();
            }
            return Err(RpcMessageError::NoConnection);
        };
        let known = self.clients.get(&conn).ok_or(RpcMessageError::NoConnection)?;
        if known.host != host {
            return Err(RpcMessageError::PermissionDenied);
        }
        self.admit(conn, &auth)?;
        match message {
            HostClientToDaemonMessage::Command { command, .. }
            | HostClientToDaemonMessage::LoginCommand { command, .. }
            | HostClientToDaemonMessage::OutOfBand { argstr: command, .. } => {
                self.line(conn, reply, cmd_seq, command);
                Ok(())
            }
            HostClientToDaemonMessage::ClientPong { client_time, .. } => {
                self.reply(
                    reply,
                    DaemonToClientReply::ThanksPong {
                        timestamp: client_time,
                    },
                );
                Ok(())
            }
            HostClientToDaemonMessage::Detach { .. } => {
                self.client_gone(conn);
                self.reply(reply, DaemonToClientReply::Disconnected);
                Ok(())
            }
            _ => Err(RpcMessageError::InvalidRequest(
                "this daemon serves hosts of lines only".into(),
            )),
        }
    }

    fn reply(&self, to: Reply, reply: DaemonToClientReply) {
        answer(&self.parts.sender, to, &ClientReply { reply, head: None });
    }

    /// A client has come. Asked again, because the answer was lost, it is told the same.
    fn establish(
        &mut self,
        reply: Reply,
        (host, host_type): (HostId, HostType),
        id: ClientId,
        peer: Peer,
        listener: Obj,
    ) -> Result<(), RpcMessageError> {
        if id.is_none() {
            return Err(RpcMessageError::InvalidRequest("a connection needs an id".into()));
        }
        if self.by_client.contains_key(&id) {
            return Err(RpcMessageError::AlreadyConnected);
        }
        let (token, credentials) = self.parts.keys.credentials(id, None);
        let bound = credentials.bound;
        self.last_conn += 1;
        let prints_messages = self
            .parts
            .outside
            .listeners
            .find(i64::from(peer.local_port))
            .is_none_or(|known| known.prints_messages);
        let flush_command = self.look(|tx| login::flush_command(tx, listener));
        let conn = self.parts.outside.connections.open(NewConnection {
            id: ConnId(self.last_conn),
            listener,
            prints_messages,
            name: format!(
                "port {} from {}, port {}",
                peer.local_port, peer.addr, peer.remote_port
            ),
            flush_command,
            now: wall_seconds() as i64,
        });
        self.items.push(Item::Open(NewStream {
            conn: conn.id,
            client: id,
            host,
            host_type,
        }));
        let client = Client {
            id,
            host,
            peer: peer.addr,
            conn: Arc::clone(&conn),
            credentials,
            auth_time: None,
            cmd_last: 0,
            unanswered: HashMap::new(),
            closing: None,
        };
        self.clients.insert(conn.id, client);
        self.by_client.insert(id, conn.id);
        self.unlogged.insert(conn.id);
        let pos = StreamPos {
            era: self.parts.epoch,
            seq: 0,
        };
        self.reply(
            reply,
            DaemonToClientReply::NewConnection {
                client_token: token,
                bound,
                connection: conn.object().into(),
                pos,
            },
        );
        self.pump(&conn);
        Ok(())
    }

    /// A line of a client. One that came before is not taken up again.
    fn line(&mut self, conn: ConnId, reply: Reply, cmd_seq: u64, text: String) {
        let Some(client) = self.clients.get_mut(&conn) else {
            return;
        };
        if cmd_seq <= client.cmd_last {
            match client.unanswered.get_mut(&cmd_seq) {
                Some(waiting) => *waiting = reply,
                None => self.reply(
                    reply,
                    DaemonToClientReply::Duplicate {
                        cmd_seq,
                        outcome: CmdOutcome::Forgotten,
                    },
                ),
            }
            return;
        }
        client.cmd_last = cmd_seq;
        client.unanswered.insert(cmd_seq, reply);
        let conn = client.conn.clone();
        conn.touch(wall_seconds() as i64);
        let arrival = conn.input().arrive(Line {
            text,
            ticket: cmd_seq,
        });
        match arrival {
            Arrival::Queued => {}
            Arrival::Held => self.answer_line(conn.id, cmd_seq, 0),
            Arrival::Flushed { report, tickets } => {
                self.tell(&conn, report);
                tickets
                    .into_iter()
                    .chain([cmd_seq])
                    .for_each(|ticket| self.answer_line(conn.id, ticket, 0));
            }
        }
        self.pump(&conn);
    }
}

/// Whether a request leads to something that must be kept.
fn must_keep(message: &HostClientToDaemonMessage) -> bool {
    !matches!(
        message,
        HostClientToDaemonMessage::ClientPong { .. } | HostClientToDaemonMessage::Detach { .. }
    )
}

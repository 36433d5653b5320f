//! What hosts ask on behalf of clients.

use super::attach::{Asker, Wish};
use super::commands::Commands;
use super::display::note_peer;
use super::tokens::write_proof;
use super::{Client, ConnectionActor};
use crate::actors::errand;
use crate::actors::executor::{Assignment, wall_seconds};
use crate::actors::outlet::{After, Item, NewStream, Reply};
use crate::actors::publisher::answer;
use crate::gateway::{Claim, Wire};
use crate::protocol::client::{Auth, ClientRequest, DaemonToClientReply, HostClientToDaemonMessage, Refusal};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::StreamPos;
use crate::protocol::host::{HostType, Peer};
use crate::protocol::{ClientId, HostId};
use moo_model::Obj;
use moo_tasks::connections::{Attachment, ConnId, Connection, NewConnection, stored};
use moo_tasks::login;
use std::net::IpAddr;
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
    /// What its frame takes up until it was dealt with.
    pub claim: Claim,
}

/// A burst of requests, in the order they came.
pub struct Requests(pub Vec<Request>);

impl ConnectionActor {
    pub(super) fn request(&mut self, request: Request) {
        let Request { reply, client, .. } = request;
        if let Err(error) = self.take(request) {
            tracing::debug!(%client, %error, "a request was refused");
            let head = self.parts.outlet.head(&reply);
            answer(&self.parts.sender, reply, &Refusal { error, head });
        }
    }

    fn take(&mut self, request: Request) -> Result<(), RpcMessageError> {
        // What has a number may have been carried out before.
        let is_numbered = request.body.cmd_seq != 0;
        if self.parts.outside.is_read_only() && !is_numbered && must_keep(&request.body.message) {
            return Err(RpcMessageError::ReadOnly);
        }
        let Request {
            reply,
            host,
            host_type,
            client,
            body,
            claim: _claim,
        } = request;
        let ClientRequest {
            message,
            auth,
            cmd_seq,
            cmd_acked,
        } = body;
        let by = Asker {
            reply,
            host,
            host_type,
            client,
        };
        let message = match message {
            HostClientToDaemonMessage::ConnectionEstablish { peer, handler } => {
                return self.establish(&by, peer, handler.into());
            }
            HostClientToDaemonMessage::Attach {
                connect_type,
                handler,
                peer,
                takeover,
            } => {
                let wish = Wish {
                    connect_type,
                    listener: handler.into(),
                    peer,
                    takeover,
                };
                return self.attach(by, &auth, wish);
            }
            HostClientToDaemonMessage::Reattach { last, peer } => {
                return self.come_back(&by, &auth, (last, &peer));
            }
            message
                if matches!(auth, Auth::None | Auth::Player(_) | Auth::Session(_))
                    && client.is_none()
                    && cmd_seq == 0 =>
            {
                return self.ask_without_connection(&by, &auth, message);
            }
            message => message,
        };
        let Some(&conn) = self.by_client.get(&client) else {
            if matches!(message, HostClientToDaemonMessage::Detach { .. }) {
                // The world has closed the connection, and now its last words have been shown or never will be.
                self.parts.outlet.outbox().socket_gone(client, host);
                self.parts.outlet.commit_later();
            }
            return Err(RpcMessageError::NoConnection);
        };
        self.is_held_by(conn, host)?;
        self.admit(conn, &auth)?;
        if let Some(client) = self.clients.get_mut(&conn) {
            client.commands.answered(cmd_acked);
        }
        self.take_of(conn, reply, cmd_seq, message)
    }

    /// A request of a client that is known, by a host that may speak for it.
    fn take_of(
        &mut self,
        conn: ConnId,
        reply: Reply,
        cmd_seq: u64,
        message: HostClientToDaemonMessage,
    ) -> Result<(), RpcMessageError> {
        match message {
            HostClientToDaemonMessage::LoginCommand {
                command, do_attach, ..
            } => self.ask_login(conn, reply, cmd_seq, (command, do_attach)),
            HostClientToDaemonMessage::Command { command, .. }
            | HostClientToDaemonMessage::OutOfBand { argstr: command, .. } => {
                self.line(conn, reply, cmd_seq, command)
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
            HostClientToDaemonMessage::Detach { disconnected } => {
                if disconnected {
                    self.client_gone(conn);
                } else {
                    self.detach(conn);
                }
                self.reply(reply, DaemonToClientReply::Disconnected);
                Ok(())
            }
            HostClientToDaemonMessage::RequestedInput { request, input } => {
                self.requested_input(conn, reply, cmd_seq, (request, &input))
            }
            message => match self.take_display(conn, reply, message)? {
                Some(message) => self.ask_world(conn, reply, cmd_seq, message),
                None => Ok(()),
            },
        }
    }

    /// A client has come. It is answered once it is stored; asked again, because the answer was lost, it is told the same.
    fn establish(&mut self, by: &Asker, peer: Peer, listener: Obj) -> Result<(), RpcMessageError> {
        let (id, reply) = (by.client, by.reply);
        if id.is_none() {
            return Err(RpcMessageError::InvalidRequest("a connection needs an id".into()));
        }
        if self.is_draining {
            return Err(RpcMessageError::Draining);
        }
        if let Some(&conn) = self.by_client.get(&id) {
            return self.establish_again(reply, (by.host, by.instance()), conn);
        }
        let (client_token, credentials) = self.parts.keys.credentials(id, None);
        let proven = (credentials, None, None, String::new());
        let attachment = Attachment {
            client: id.0,
            host: by.host.0,
            instance: by.instance(),
            host_type: by.host_type.host_name().to_owned(),
            proof: write_proof(&proven),
            epoch: 0,
        };
        let conn = self.open(by, peer, listener, attachment);
        self.items.push(Item::Open(NewStream {
            conn: conn.id,
            client: id,
            host: by.host,
            host_type: by.host_type.clone(),
        }));
        let client = Client::new(conn.clone(), proven, Commands::default());
        let answer = self.established(reply, client_token, &client);
        self.clients.insert(conn.id, client);
        self.by_client.insert(id, conn.id);
        self.is_at_host(&conn);
        self.unlogged.insert(conn.id, 0);
        // The line that greets it is stored too, and waits until this is.
        conn.input().begin();
        let greeting = conn.input().stored().into_iter();
        let rows = greeting.map(|number| stored::line(id.0, number, false, ""));
        let mut job = errand::of_rows(&self.parts.outside, rows.collect());
        (job.player, job.conn) = (conn.object(), Some(conn.clone()));
        job.conns.push(conn.clone());
        self.submits.push_back(Assignment {
            after: vec![answer],
            ..errand::unasked(job)
        });
        Ok(())
    }

    /// A host asks for a connection that it asked for before, perhaps the last daemon: it heard no answer, so nothing of the
    /// connection's stream either.
    fn establish_again(
        &mut self,
        reply: Reply,
        by: (HostId, [u8; 8]),
        conn: ConnId,
    ) -> Result<(), RpcMessageError> {
        let known = self.clients.get(&conn).ok_or(RpcMessageError::NoConnection)?;
        let (id, known) = (known.id(), known.conn.clone());
        let attachment = known.attachment();
        if (HostId(attachment.host), attachment.instance) != by {
            return Err(RpcMessageError::AlreadyConnected);
        }
        if self.is_at_host(&known) {
            // The host is there, but had no connection to name to this daemon.
            let (mut outbox, era) = (self.parts.outlet.outbox(), self.parts.epoch);
            outbox.attach(id, by.0, attachment.epoch, None, era);
        }
        let (client_token, _) = self.parts.keys.credentials(id, None);
        let answer = self.clients.get(&conn);
        let answer = answer.map(|client| self.established(reply, client_token, client));
        self.errand.conns.push(known.clone());
        self.errand.after.extend(answer);
        self.tell_hosts_back();
        self.pump(&known);
        Ok(())
    }

    pub(super) fn open(
        &mut self,
        by: &Asker,
        peer: Peer,
        listener: Obj,
        attachment: Attachment,
    ) -> Arc<Connection> {
        let addr = address_of(peer.addr.clone(), by.reply.to.wire(), by.host);
        let flush_command = self.look(|tx| login::flush_command(tx, listener));
        let outside = &self.parts.outside;
        let prints_messages = outside
            .listeners
            .find(i64::from(peer.local_port))
            .is_none_or(|known| known.prints_messages);
        let conn = outside.connections.open(NewConnection {
            listener,
            prints_messages,
            name: format!(
                "port {} from {}, port {}",
                peer.local_port, addr, peer.remote_port
            ),
            peer: addr,
            attachment,
            flush_command,
            now: wall_seconds() as i64,
        });
        note_peer(&conn, &peer);
        conn
    }

    fn established(&self, reply: Reply, client_token: String, client: &Client) -> After {
        let head = self.parts.outlet.outbox().head(client.id());
        let era = head.map_or(self.parts.epoch, |head| head.era);
        let answer = DaemonToClientReply::NewConnection {
            client_token,
            bound: client.credentials.bound,
            connection: client.conn.object().into(),
            pos: StreamPos { era, seq: 0 },
        };
        After::Answer {
            conn: client.conn.id,
            reply,
            answer: Box::new(answer),
        }
    }
}

/// The address that a client is known by. A world may trust whoever calls from this machine, so that a client does is
/// believed of a host of this machine alone; what another one calls local, or no address at all, is named after the host.
fn address_of(told: String, wire: Wire, host: HostId) -> String {
    let is_elsewhere = |text: &str| {
        let address: Option<IpAddr> = text.parse().ok();
        address.is_some_and(|address| {
            let address = address.to_canonical();
            !address.is_loopback() && !address.is_unspecified()
        })
    };
    match wire == Wire::Local || is_elsewhere(&told) {
        true => told,
        false => format!("host-{host}"),
    }
}

/// Whether a request leads to something that must be kept.
fn must_keep(message: &HostClientToDaemonMessage) -> bool {
    !matches!(
        message,
        HostClientToDaemonMessage::ClientPong { .. } | HostClientToDaemonMessage::Detach { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_of_this_machine_is_believed_that_a_client_is_local() {
        let host = HostId([0xab; 16]);
        let known = |told: &str, wire| address_of(told.to_owned(), wire, host);
        let local = [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "localhost",
            "0.0.0.0",
            "::",
            "",
            "192.0.2.1 from 127.0.0.1,",
        ];
        for told in local {
            assert_eq!(known(told, Wire::Local), told);
            assert_eq!(known(told, Wire::Network), format!("host-{host}"), "{told}");
        }
        for told in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(known(told, Wire::Network), told);
        }
    }
}

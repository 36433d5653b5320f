//! Connections that come to a host otherwise than by a fresh socket: a player's token opens one or takes one over, and a
//! client comes back to its own on whatever host it finds.
//!
//! Invariants: a connection is at one host, under an epoch that rises each time it is taken up; a host that loses one is
//! told so once that is stored, and what its client proved itself by is dead from then on. What is asked twice, because
//! an answer was lost, is answered twice.

use super::asking::busy;
use super::commands::Commands;
use super::display::note_peer;
use super::tokens::{Issued, Old, write_proof};
use super::{Client, ConnectionActor};
use crate::actors::errand;
use crate::actors::outlet::{After, Attached, Item, NewStream, Reply};
use crate::protocol::broadcast::Subject;
use crate::protocol::client::{Attachment as Answer, Auth, ConnectType, LoginOk};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::StreamPos;
use crate::protocol::host::{HostType, Peer, ReattachOutcome};
use crate::protocol::token::{Grant, Principal, TokenError};
use crate::protocol::{ClientId, HostId, Wall};
use moo_model::world::Flags;
use moo_model::{Obj, Value};
use moo_tasks::connections::{Attachment, ConnId, Connection};
use std::sync::Arc;

/// A host that asks for a connection.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// Where the answer goes.
    pub reply: Reply,
    /// The host.
    pub host: HostId,
    /// What it serves.
    pub host_type: HostType,
    /// What it calls the connection.
    pub client: ClientId,
}

impl Asker {
    /// The start of the host that asks.
    pub fn instance(&self) -> [u8; 8] {
        let parts = self.reply.to.parts();
        parts.map_or([0; 8], |(_, _, _, instance)| instance.to_le_bytes())
    }

    fn has(&self, attachment: &Attachment) -> bool {
        (HostId(attachment.host), attachment.instance) == (self.host, self.instance())
    }
}

/// How a player wants a connection.
pub(super) struct Wish {
    pub connect_type: ConnectType,
    pub listener: Obj,
    pub peer: Peer,
    pub takeover: bool,
}

impl ConnectionActor {
    /// A player with a token wants a connection: one that lingers is adopted, also one that looks alive if the player
    /// says so; else there is a new one, which replaces the old one as a login would.
    pub(super) fn attach(&mut self, by: Asker, auth: &Auth, wish: Wish) -> Result<(), RpcMessageError> {
        if by.client.is_none() {
            return Err(RpcMessageError::InvalidRequest("a connection needs an id".into()));
        }
        if self.is_draining {
            return Err(RpcMessageError::Draining);
        }
        if self.is_behind {
            return Err(busy());
        }
        let (player, auth_time) = self.player_of(&by, auth)?;
        let own = self
            .by_client
            .get(&by.client)
            .and_then(|conn| self.clients.get(conn));
        let own = own.map(|client| client.conn.clone());
        if let Some(own) = &own
            && own.object() != player
            && (!by.has(&own.attachment()) || !matches!(auth, Auth::Full { .. }))
        {
            return Err(RpcMessageError::AlreadyConnected);
        }
        let theirs = self.parts.outside.connections.find(player);
        let Some(theirs) = theirs.filter(|theirs| self.is_adopted(&by, theirs, wish.takeover)) else {
            self.attach_new(&by, own, (player, auth_time), wish);
            return Ok(());
        };
        if let Some(own) = own.filter(|own| own.id != theirs.id) {
            self.parts.outside.connections.close(&own);
            self.forget(&own);
            self.items.push(Item::Forget(own.id));
        }
        let was_asked_before = self
            .clients
            .get(&theirs.id)
            .is_some_and(|client| client.asked_as == by.client);
        self.errand
            .rows
            .extend(self.parts.keys.end(Subject::Client(ClientId(theirs.client()))));
        self.new_session(theirs.id, auth_time);
        note_peer(&theirs, &wish.peer);
        self.take_up_at(&by, &theirs, Old::Dead, None);
        if wish.connect_type != ConnectType::NoConnect && !was_asked_before {
            let args = vec![Value::obj(player)];
            let hook = errand::hook(
                &self.parts.outside,
                theirs.listener,
                "user_reconnected",
                player,
                args,
            );
            self.submits.push_back(errand::unasked(hook));
        }
        Ok(())
    }

    /// A client is back, with its token and the last event that it accepted.
    pub(super) fn come_back(
        &mut self,
        by: &Asker,
        auth: &Auth,
        (last, peer): (StreamPos, &Peer),
    ) -> Result<(), RpcMessageError> {
        if self.is_draining {
            return Err(RpcMessageError::Draining);
        }
        if self.is_behind {
            return Err(busy());
        }
        let known = self
            .by_client
            .get(&by.client)
            .and_then(|conn| self.clients.get(conn));
        let Some(conn) = known.map(|client| client.conn.clone()) else {
            return Err(match self.ended.how(by.client) {
                Some(ReattachOutcome::Fenced { current }) => RpcMessageError::Fenced { epoch: current },
                _ => RpcMessageError::NoConnection,
            });
        };
        let old = match auth {
            Auth::Full { client: token, .. } => {
                let checked = self
                    .parts
                    .keys
                    .check(by.client.0, Principal::Client(by.client), token);
                if matches!(checked, Err(TokenError::Revoked)) {
                    // What is revoked is closed, unless the player has taken the connection to another client.
                    let epoch = conn.attachment().epoch;
                    return Err(RpcMessageError::Fenced { epoch });
                }
                checked?;
                Old::Dead
            }
            auth => {
                self.admit(conn.id, auth)?;
                match auth {
                    Auth::Session(_) => Old::Dead,
                    _ => Old::Overlap,
                }
            }
        };
        note_peer(&conn, peer);
        self.take_up_at(by, &conn, old, Some(last));
        Ok(())
    }

    /// The answer to a login that asked to be attached: the connection stays where it is.
    pub(super) fn attached(&mut self, reply: Reply, conn: &Connection, issued: Issued, login: LoginOk) {
        let attachment = conn.attachment();
        let attached = Attached {
            reply,
            conn: conn.id,
            host: HostId(attachment.host),
            wants_ends: HostType::of_host(&attachment.host_type) != HostType::Tcp,
            last: None,
            answer: self.attachment(conn, issued),
            login: Some(login),
            fenced: None,
        };
        self.errand.after.push(After::Attached(Box::new(attached)));
    }

    /// Who shows a player's token, and when that player gave a password.
    pub(super) fn player_of(&mut self, by: &Asker, auth: &Auth) -> Result<(Obj, Wall), RpcMessageError> {
        // All who ask without a connection have this one id: the host counts their failures by where they come from.
        let peer = (by.client != ClientId::NONE).then_some(by.client.0);
        let check = |principal, token: &str| self.parts.keys.check(peer, principal, token);
        let token = match auth {
            Auth::Player(token) => token,
            Auth::Session(sid) => return self.player_of_session(sid),
            Auth::Full {
                client,
                player: Some(player),
            } => {
                check(Principal::Client(by.client), client)?;
                player
            }
            Auth::Full { player: None, .. } | Auth::Bound(_) | Auth::None => {
                return Err(RpcMessageError::PermissionDenied);
            }
        };
        let Grant::Auth {
            player, auth_time, ..
        } = check(Principal::Player(None), token)?.grant
        else {
            return Err(RpcMessageError::PermissionDenied);
        };
        let player = Obj::from(player);
        let is_player = self.look(|tx| tx.valid(player) && tx.flags(player).has(Flags::PLAYER));
        is_player
            .then_some((player, auth_time))
            .ok_or(RpcMessageError::PermissionDenied)
    }

    /// Whose a session is, and when that player gave a password.
    fn player_of_session(&self, sid: &str) -> Result<(Obj, Wall), RpcMessageError> {
        let client = self.by_sid.get(sid).and_then(|conn| self.clients.get(conn));
        let known = client.and_then(|client| Some((client.conn.object(), client.auth_time?)));
        known
            .filter(|(player, _)| player.0 >= 0)
            .ok_or(RpcMessageError::TokenExpired)
    }

    /// Whether a player's connection goes to whoever asks, rather than to be replaced.
    fn is_adopted(&self, by: &Asker, theirs: &Connection, takeover: bool) -> bool {
        let is_asked_again = self.clients.get(&theirs.id).is_some_and(|client| {
            client.id() == by.client || (client.asked_as == by.client && by.has(&client.conn.attachment()))
        });
        takeover || is_asked_again || self.lingering.contains_key(&theirs.id)
    }

    fn attach_new(
        &mut self,
        by: &Asker,
        own: Option<Arc<Connection>>,
        (player, auth_time): (Obj, Wall),
        wish: Wish,
    ) {
        let conn = own.unwrap_or_else(|| self.open_attached(by, wish.peer, wish.listener));
        conn.input().flush();
        let is_created = wish.connect_type == ConnectType::Created;
        let is_silent = wish.connect_type == ConnectType::NoConnect;
        let (issued, _) = self.give_to(&conn, player, auth_time, is_created, is_silent);
        let Some(issued) = issued else { return };
        let attached = Attached {
            reply: by.reply,
            conn: conn.id,
            host: by.host,
            wants_ends: by.host_type != HostType::Tcp,
            last: None,
            answer: self.attachment(&conn, issued),
            login: None,
            fenced: None,
        };
        self.errand.after.push(After::Attached(Box::new(attached)));
    }

    /// A connection that belongs to a player from its first moment on, so nothing greets it.
    fn open_attached(&mut self, by: &Asker, peer: Peer, listener: Obj) -> Arc<Connection> {
        let (_, credentials) = self.parts.keys.credentials(by.client, None);
        let proven = (credentials, None, None, String::new());
        let attachment = Attachment {
            client: by.client.0,
            host: by.host.0,
            instance: by.instance(),
            host_type: by.host_type.host_name().to_owned(),
            proof: write_proof(&proven),
            epoch: 1,
        };
        let conn = self.open(by, peer, listener, attachment);
        self.items.push(Item::Open(NewStream {
            conn: conn.id,
            client: by.client,
            host: by.host,
            host_type: by.host_type.clone(),
        }));
        let client = Client::new(conn.clone(), proven, Commands::default());
        self.clients.insert(conn.id, client);
        self.by_client.insert(by.client, conn.id);
        self.is_at_host(&conn);
        conn
    }

    /// The connection is at the asker's host from now on, under the next epoch.
    fn take_up_at(&mut self, by: &Asker, conn: &Arc<Connection>, old: Old, last: Option<StreamPos>) {
        let before = conn.attachment();
        let loser = HostId(before.host);
        let is_elsewhere = !self.lingering.contains_key(&conn.id) && !by.has(&before);
        let fenced = self.peers.get(&loser).copied().filter(|_| is_elsewhere);
        conn.attach(Attachment {
            host: by.host.0,
            instance: by.instance(),
            host_type: by.host_type.host_name().to_owned(),
            epoch: before.epoch + 1,
            ..before
        });
        self.is_at_host(conn);
        if let Some(client) = self.clients.get_mut(&conn.id) {
            client.asked_as = by.client;
        }
        if let Some(issued) = self.prove_anew(conn.id, old) {
            let attached = Attached {
                reply: by.reply,
                conn: conn.id,
                host: by.host,
                wants_ends: by.host_type != HostType::Tcp,
                last,
                answer: Answer {
                    recovered: true,
                    ..self.attachment(conn, issued)
                },
                login: None,
                fenced,
            };
            self.errand.after.push(After::Attached(Box::new(attached)));
        }
        self.tell_hosts_back();
        self.pump(conn);
    }

    /// What a client is told that has this connection. How far its stream is stands in it when it leaves.
    fn attachment(&mut self, conn: &Connection, issued: Issued) -> Answer {
        let (player, client) = (conn.object(), ClientId(conn.client()));
        let flags = self.look(|tx| tx.flags(player));
        let (wizard, programmer) = (flags.has(Flags::WIZARD), flags.has(Flags::PROGRAMMER));
        let cmd_next = self
            .clients
            .get(&conn.id)
            .map_or(1, |client| client.commands.next());
        Answer {
            client,
            client_token: issued.client_token,
            sid: issued.sid,
            bound: issued.bound,
            player: player.into(),
            flags: u16::from(wizard) | u16::from(programmer) << 1,
            attach_epoch: conn.attachment().epoch,
            cmd_next,
            head: StreamPos::default(),
            last: StreamPos::default(),
            recovered: false,
        }
    }

    /// Whether the asker may speak for the connection as far as hosts go: if not, the host that has it is another one.
    pub(super) fn is_held_by(&self, conn: ConnId, host: HostId) -> Result<(), RpcMessageError> {
        let client = self.clients.get(&conn).ok_or(RpcMessageError::NoConnection)?;
        if client.host() == host {
            return Ok(());
        }
        Err(RpcMessageError::Fenced {
            epoch: client.conn.attachment().epoch,
        })
    }
}

//! By what right a host speaks for a client, and what ends that right.
//!
//! Invariant: signatures are verified where a token itself is presented: at an attach, and in what is asked without a
//! connection. Every other request costs a comparison of sixteen bytes.

use super::{Client, ConnectionActor};
use crate::actors::keyring::Keys;
use crate::actors::kit::gate::Offered;
use crate::actors::kit::secret_file::random;
use crate::actors::outlet::{After, Item, Reply};
use crate::actors::publisher::answer;
use crate::limits::{CREDENTIALS_RENEWED_MAX, CREDENTIALS_REST};
use crate::protocol::Wall;
use crate::protocol::broadcast::{REVOKED_WORDS, Subject};
use crate::protocol::client::{Auth, DaemonToClientReply, Refusal};
use crate::protocol::codec::{put_stored, take_stored};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::ClientEvent;
use crate::protocol::hex::to_hex;
use crate::protocol::host::DaemonToHostReply;
use crate::protocol::token::{Credentials, Principal};
use actix::{Context, Handler};
use moo_model::Obj;
use moo_tasks::connections::ConnId;
use tokio::sync::oneshot;

/// Tokens were revoked: those of one subject, or all. What stands on them is closed.
pub struct CloseRevoked {
    /// Whose.
    pub subject: Option<Subject>,
    /// Hears how many connections that were.
    pub closed: oneshot::Sender<u64>,
}

/// Whose session is this? Answered by `Session` or a refusal.
pub struct AskSession {
    /// Where the answer goes.
    pub reply: Reply,
    /// The session.
    pub sid: String,
}

impl ConnectionActor {
    /// Whether a request may be made in the name of a client that is known.
    pub(super) fn admit(&mut self, conn: ConnId, auth: &Auth) -> Result<(), RpcMessageError> {
        let keys = &self.parts.keys;
        let client = self.clients.get_mut(&conn).ok_or(RpcMessageError::NoConnection)?;
        match auth {
            Auth::Bound(bound) if client.credentials.accept(bound, keys.now()) => Ok(()),
            Auth::Full {
                client: token,
                player,
            } => {
                let check = |principal, token: &str| keys.check(client.id().0, principal, token);
                check(Principal::Client(client.id()), token)?;
                if let Some(token) = player {
                    let player = client.conn.object().into();
                    check(Principal::Player(Some(player)), token)?;
                }
                Ok(())
            }
            Auth::Session(sid) if !sid.is_empty() && *sid == client.sid => Ok(()),
            Auth::Session(_) => Err(RpcMessageError::TokenExpired),
            Auth::Bound(_) | Auth::None | Auth::Player(_) => Err(RpcMessageError::PermissionDenied),
        }
    }

    /// A connection is a player's from now on: its tokens say so, and it has a session of its own. `auth_time` is when
    /// the player gave a password. Its host learns all that by the stream.
    pub(super) fn authenticated(&mut self, conn: ConnId, auth_time: Wall) -> Option<Issued> {
        self.new_session(conn, auth_time);
        let issued = self.prove_anew(conn, Old::Overlap)?;
        let player = self.clients.get(&conn)?.conn.object();
        self.remember_for(conn, player);
        let player = player.into();
        let now = self.parts.keys.now();
        let switched = ClientEvent::PlayerSwitched {
            player,
            auth_token: issued.auth_token.clone().unwrap_or_default(),
            sid: issued.sid.clone(),
        };
        self.errand.after.push(issued.event(conn, now));
        self.errand.after.push(After::event(&switched, now, conn));
        Some(issued)
    }

    /// What a connection is told stays in its player's past, if its host can show that.
    pub(super) fn remember_for(&self, conn: ConnId, player: Obj) {
        let mut outbox = self.parts.outlet.outbox();
        let shows = outbox.wants_ends(conn.0) && player.0 >= 0;
        outbox.remember(conn.0, shows.then_some(player.0));
    }

    /// The connection has a new session, and the one before does not hold any more.
    pub(super) fn new_session(&mut self, conn: ConnId, auth_time: Wall) {
        self.end_session(conn);
        if let Some(client) = self.clients.get_mut(&conn) {
            client.sid = to_hex(&random::<16>());
            client.auth_time = Some(auth_time);
            self.by_sid.insert(client.sid.clone(), conn);
        }
    }

    /// The connection's session does not hold any more.
    pub(super) fn end_session(&mut self, conn: ConnId) {
        if let Some(client) = self.clients.get_mut(&conn) {
            self.by_sid.remove(&std::mem::take(&mut client.sid));
        }
    }

    /// Tokens for the client of a connection.
    pub(super) fn prove_anew(&mut self, conn: ConnId, old: Old) -> Option<Issued> {
        let client = self.clients.get_mut(&conn)?;
        self.errand.conns.push(client.conn.clone());
        Some(issue(&self.parts.keys, client, old))
    }

    /// Whose session this is.
    fn session(&mut self, sid: String) -> Result<DaemonToHostReply, RpcMessageError> {
        let conn = self.by_sid.get(&sid).ok_or(RpcMessageError::TokenExpired)?;
        let client = self.clients.get(conn).ok_or(RpcMessageError::TokenExpired)?;
        let (id, player, exp) = (client.id(), client.conn.object(), client.credentials.end());
        let user = self.look(|tx| tx.name(player)).unwrap_or_default();
        let player = player.into();
        Ok(DaemonToHostReply::Session {
            sid,
            client: id,
            player,
            user: user.as_str().unwrap_or_default().to_owned(),
            exp,
            generation: self.parts.keys.generation(Subject::Player(player)),
        })
    }

    /// Gives connections new tokens when half of the life of theirs has gone: a few at a time, since each is signed. Half
    /// a life is half a day, so nobody is late when all are looked at once a minute.
    pub(super) fn renew_credentials(&mut self) {
        if self.renewal_rest > 0 {
            self.renewal_rest -= 1;
            return;
        }
        let keys = &self.parts.keys;
        let now = keys.now();
        let clients = self.clients.values_mut();
        let due = clients.filter(|client| client.credentials.is_due(now));
        let mut renewed = 0;
        for client in due.take(CREDENTIALS_RENEWED_MAX) {
            let conn = client.conn.clone();
            let issued = issue(keys, client, Old::Overlap);
            self.errand.after.push(issued.event(conn.id, now));
            self.errand.conns.push(conn);
            renewed += 1;
        }
        if renewed < CREDENTIALS_RENEWED_MAX {
            self.renewal_rest = CREDENTIALS_REST;
        }
    }

    /// Another token for who has shown one that holds: a password that was given at that time need not be given again yet.
    pub(super) fn renew_token(
        &self,
        reply: Reply,
        player: Obj,
        auth_time: Wall,
    ) -> Result<(), RpcMessageError> {
        let renewed = self.parts.keys.auth_token(player.into(), auth_time);
        let (auth_token, _) = renewed.ok_or(RpcMessageError::TokenExpired)?;
        self.reply(reply, DaemonToClientReply::TokenRenewed { auth_token });
        Ok(())
    }

    /// Closes the connections whose tokens are dead, with words; gives how many there were.
    pub(super) fn close_revoked(&mut self, subject: Option<Subject>) -> u64 {
        let concerned = |client: &Client| match subject {
            None => true,
            Some(Subject::Client(id)) => client.id() == id,
            Some(Subject::Player(player)) => client.conn.object() == player.into(),
            Some(Subject::Host(host)) => client.host() == host,
            Some(Subject::Token(jti)) => client.credentials.jti == jti || client.player_token == Some(jti),
            Some(Subject::Worker(_)) => false,
        };
        let clients = self.clients.values().filter(|client| concerned(client));
        let conns: Vec<_> = clients.map(|client| client.conn.clone()).collect();
        let closed = conns.len() as u64;
        for conn in conns {
            self.parts.outside.connections.close(&conn);
            let rows = self.drop_client(&conn);
            self.items.push(Item::Close {
                conn: conn.id,
                reason: "revoked",
                lines: vec![REVOKED_WORDS.to_owned()],
            });
            self.end_hook(&conn, Some("user_disconnected"), rows);
        }
        closed
    }
}

/// What a connection's row says about its tokens: its own, when its player last gave a password, the id of the
/// player's token, and the session.
pub(super) type Proof = (Credentials, Option<Wall>, Option<[u8; 16]>, String);

/// The form in which that is stored.
pub(super) fn write_proof(proof: &Proof) -> Vec<u8> {
    let mut written = Vec::new();
    put_stored(&mut written, proof);
    written
}

/// What [`write_proof`] wrote.
pub(super) fn read_proof(proof: &[u8]) -> Option<Proof> {
    take_stored(proof).map(|(proof, _)| proof)
}

/// What becomes of the hash that a connection was known by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    /// It is taken for a while longer, since its host has yet to learn the new one.
    Overlap,
    /// It is dead: whoever has it is not the client any more.
    Dead,
}

/// Tokens that a connection was just given.
pub(super) struct Issued {
    pub client_token: String,
    /// None before login, and once its player's password was given too long ago: the connection then lives on without.
    pub auth_token: Option<String>,
    pub sid: String,
    pub bound: [u8; 16],
}

impl Issued {
    /// The event that tells the client's host.
    fn event(&self, conn: ConnId, now: Wall) -> After {
        let event = ClientEvent::CredentialsUpdated {
            client_token: self.client_token.clone(),
            auth_token: self.auth_token.clone(),
            sid: self.sid.clone(),
            bound: self.bound,
        };
        After::event(&event, now, conn)
    }
}

/// New tokens for a connection; they hold once its row is stored.
fn issue(keys: &Keys, client: &mut Client, old: Old) -> Issued {
    let player = client.conn.object().into();
    let auth_token = client
        .auth_time
        .and_then(|auth_time| keys.auth_token(player, auth_time));
    client.player_token = auth_token.as_ref().map(|(_, jti)| *jti);
    let auth_token = auth_token.map(|(token, _)| token);
    let (client_token, credentials) = keys.credentials(client.id(), auth_token.as_deref());
    let bound = credentials.bound;
    match old {
        Old::Overlap => client.credentials.replace(credentials),
        Old::Dead => client.credentials = credentials,
    }
    client.conn.set_proof(write_proof(&client.proof()));
    Issued {
        client_token,
        auth_token,
        sid: client.sid.clone(),
        bound,
    }
}

impl Handler<Offered<CloseRevoked>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, close: Offered<CloseRevoked>, context: &mut Context<Self>) {
        let CloseRevoked { subject, closed } = close.accept();
        // Whoever ordered it may have stopped waiting.
        closed.send(self.close_revoked(subject)).ok();
        self.flush(context);
    }
}

impl Handler<Offered<AskSession>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, ask: Offered<AskSession>, _: &mut Context<Self>) {
        let AskSession { reply, sid } = ask.accept();
        match self.session(sid) {
            Ok(session) => answer(&self.parts.sender, reply, &session),
            Err(error) => answer(&self.parts.sender, reply, &Refusal { error, head: None }),
        }
    }
}

//! By what right a host speaks for a client, and what ends that right.
//!
//! Invariant: signatures are verified where a token itself is presented, which is at an attach; every other request
//! costs a comparison of sixteen bytes.

use super::{Client, ConnectionActor};
use crate::actors::keyring::Keys;
use crate::actors::kit::gate::Offered;
use crate::actors::outlet::{After, Item};
use crate::limits::CREDENTIALS_RENEWED_MAX;
use crate::protocol::Wall;
use crate::protocol::broadcast::Subject;
use crate::protocol::client::Auth;
use crate::protocol::codec::{put_stored, take_stored};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::ClientEvent;
use crate::protocol::token::{Credentials, Principal};
use actix::{Context, Handler};
use moo_tasks::connections::ConnId;
use tokio::sync::oneshot;

/// Tokens were revoked: those of one subject, or all. What stands on them is closed.
pub struct CloseRevoked {
    /// Whose.
    pub subject: Option<Subject>,
    /// Hears how many connections that were.
    pub closed: oneshot::Sender<u64>,
}

const REVOKED: &str = "*** Your access was revoked; please log in again. ***";

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
            Auth::Bound(_) | Auth::None | Auth::Player(_) => Err(RpcMessageError::PermissionDenied),
        }
    }

    /// A player has just given a password: the connection's tokens say so from now on.
    pub(super) fn authenticated(&mut self, conn: ConnId) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.auth_time = Some(self.parts.keys.now());
            self.errand
                .after
                .push(fresh_credentials(&self.parts.keys, client));
            self.errand.conns.push(client.conn.clone());
        }
    }

    /// Gives connections new tokens when half of the life of theirs has gone: a few at a time, since each is signed.
    pub(super) fn renew_credentials(&mut self) {
        let keys = &self.parts.keys;
        let now = keys.now();
        let clients = self.clients.values_mut();
        let due = clients.filter(|client| client.credentials.is_due(now));
        for client in due.take(CREDENTIALS_RENEWED_MAX) {
            self.errand.after.push(fresh_credentials(keys, client));
            self.errand.conns.push(client.conn.clone());
        }
    }

    /// Closes the connections whose tokens are dead, with words; gives how many there were.
    fn close_revoked(&mut self, subject: Option<Subject>) -> u64 {
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
                lines: vec![REVOKED.to_owned()],
            });
            self.end_hook(&conn, Some("user_disconnected"), rows);
        }
        closed
    }
}

/// What a connection's row says about its tokens: its own, when its player last gave a password, and the id of the
/// player's token.
pub(super) type Proof = (Credentials, Option<Wall>, Option<[u8; 16]>);

/// The form in which that is stored.
pub(super) fn write_proof(proof: &Proof) -> Vec<u8> {
    let mut written = Vec::new();
    put_stored(&mut written, proof);
    written
}

/// What [`write_proof`] wrote. The player's token was not written down always.
pub(super) fn read_proof(proof: &[u8]) -> Option<Proof> {
    let ((credentials, auth_time), rest) = take_stored(proof)?;
    let player_token = take_stored(rest).and_then(|(jti, _)| jti);
    Some((credentials, auth_time, player_token))
}

/// New tokens for a connection, on their way to its host once they are stored. The player's has an end that no renewal goes beyond, and the
/// connection then lives on without.
fn fresh_credentials(keys: &Keys, client: &mut Client) -> After {
    let player = client.conn.object().into();
    let auth_token = client
        .auth_time
        .and_then(|auth_time| keys.auth_token(player, auth_time));
    client.player_token = auth_token.as_ref().map(|(_, jti)| *jti);
    let auth_token = auth_token.map(|(token, _)| token);
    let (client_token, credentials) = keys.credentials(client.id(), auth_token.as_deref());
    let bound = credentials.bound;
    client.credentials.replace(credentials);
    client.conn.set_proof(write_proof(&(
        client.credentials.clone(),
        client.auth_time,
        client.player_token,
    )));
    let event = ClientEvent::CredentialsUpdated {
        client_token,
        auth_token,
        sid: String::new(),
        bound,
    };
    After::event(&event, keys.now(), client.conn.id)
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

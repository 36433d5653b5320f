//! Questions to the daemon that are no client's business: whose session this is, calls without a socket, figures.
//!
//! Invariant: every question ends in one answer, also while the daemon is away.

use super::WebShared;
use crate::hosts::link::{Answer, Ask, NoAnswer, Question};
use crate::limits::{REST_PATIENCE, RESUME_PATIENCE, RESUME_PERIOD};
use crate::protocol::client::{Auth, ClientReply, DaemonToClientReply, HostClientToDaemonMessage};
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::host::{DaemonToHostReply, HostToDaemonMessage};
use crate::protocol::{ClientId, WireObj};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// A session that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The session.
    pub sid: String,
    /// Its connection.
    pub client: ClientId,
    /// Its player.
    pub player: WireObj,
    /// The player's name.
    pub name: String,
}

async fn ask(shared: &WebShared, question: Question) -> Answer {
    let (answer, heard) = oneshot::channel();
    if shared.link.offer(Ask { question, answer }).is_err() {
        let busy = RpcError::Recoverable("too much waits for the daemon".into());
        return Answer::Failed(busy);
    }
    match timeout(REST_PATIENCE, heard).await {
        Ok(Ok(answer)) => answer,
        // The link has ended, and the process with it.
        Ok(Err(_)) => Answer::Failed(RpcError::ConnectionLost),
        Err(_) => Answer::Failed(RpcError::Timeout),
    }
}

/// Asks on the host's own behalf.
pub async fn ask_host(
    shared: &WebShared,
    message: HostToDaemonMessage,
) -> Result<DaemonToHostReply, NoAnswer> {
    match ask(shared, Question::Host(message)).await {
        Answer::Host(reply) => Ok(reply),
        other => Err(no_answer(other)),
    }
}

/// Asks on behalf of a player without a connection, or of nobody.
pub async fn ask_for(
    shared: &WebShared,
    auth: Auth,
    message: HostClientToDaemonMessage,
) -> Result<DaemonToClientReply, NoAnswer> {
    match ask(shared, Question::Player(auth, message)).await {
        Answer::Client(ClientReply { reply, .. }) => Ok(reply),
        other => Err(no_answer(other)),
    }
}

/// The right that a text proves which somebody shows: a session, or else a player's token.
pub fn right_of(proof: String) -> Auth {
    let is_sid = proof.len() == 32 && proof.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_sid {
        true => Auth::Session(proof),
        false => Auth::Player(proof),
    }
}

/// Whose session this is. A host that has just started waits for its link to the daemon: those come back to it who lost the
/// last one.
pub async fn whose(shared: &WebShared, sid: String) -> Result<Known, NoAnswer> {
    let end = Instant::now() + RESUME_PATIENCE;
    let answer = loop {
        let message = HostToDaemonMessage::ValidateSession { sid: sid.clone() };
        match ask_host(shared, message).await {
            Err(NoAnswer::Failed(RpcError::ConnectionLost)) if Instant::now() < end => {
                sleep(RESUME_PERIOD).await;
            }
            answer => break answer?,
        }
    };
    match answer {
        DaemonToHostReply::Session {
            sid,
            client,
            player,
            user,
            ..
        } => Ok(Known {
            sid,
            client,
            player,
            name: user,
        }),
        other => Err(unexpected(format!("{other:?}"))),
    }
}

fn no_answer(answer: Answer) -> NoAnswer {
    match answer {
        Answer::Refused(refusal) => NoAnswer::Refused(refusal.error),
        Answer::Failed(error) => NoAnswer::Failed(error),
        Answer::Host(reply) => unexpected(format!("{reply:?}")),
        Answer::Client(reply) => unexpected(format!("{reply:?}")),
    }
}

fn unexpected(answer: String) -> NoAnswer {
    tracing::error!(answer, "the daemon answers something else than it was asked");
    NoAnswer::Refused(RpcMessageError::InternalError("an unexpected answer".into()))
}

//! The conversation of one JSON client, as a machine without a socket: what it says becomes what is asked, and what is
//! answered and told becomes what it reads.
//!
//! Invariants: a client reads what it is told in the order in which that was told, also where something about it has to be
//! found out first; what it asks is answered once; no message for the world leaves without its session having been looked
//! at, nor with it.

pub mod answer;
pub mod ask;
mod asking;
pub mod entering;
pub mod event;
mod outlet;
mod saving;

use super::json::Malformed;
use crate::hosts::link::{Ending, Entry, NoAnswer, Number, ToClient};
use crate::limits::{
    ASKS_MAX, BUSY_RETRY_MS, MALFORMED_MAX, MALFORMED_PERIOD, WEB_FRAME_MAX, WEB_LONG_FRAME_MAX,
};
use crate::protocol::client::{Auth, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{ClientEvent, StreamPos};
use crate::protocol::machine::host::Origin;
use crate::protocol::{ClientId, WireObj};
use ask::{Ask, Kind, Said, Typed, What};
use outlet::{Outlet, Piece};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The subprotocol.
pub const PROTOCOL: &str = "json.moothall.v1";

/// What is to be done for a client.
#[derive(Debug, PartialEq)]
pub enum Act {
    /// It is to be told this.
    Send {
        /// One JSON object.
        text: String,
        /// The number and mark of the event that it is the last of.
        event: Option<(u64, u64)>,
    },
    /// It is to be told this, in a binary frame.
    SendBytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// The number and mark of the event that they are of.
        event: Option<(u64, u64)>,
    },
    /// An event up to which everything is sent says nothing to it.
    Pass {
        /// The event's number.
        seq: u64,
        /// Its mark.
        mark: u64,
    },
    /// It says that it has everything up to this event.
    Acked(u64),
    /// It wants to come in this way; under an id of its own if that is known.
    Enter(Entry, Option<ClientId>),
    /// It has typed these lines.
    Lines(Vec<String>),
    /// It asks the daemon.
    Ask {
        /// What this is called here.
        name: u64,
        /// What is asked.
        message: Message,
        /// Under which number.
        number: Number,
    },
    /// Something is asked on its behalf without its connection. Answered by [`Session::outside`].
    Outside {
        /// What this is called here.
        name: u64,
        /// By what right.
        auth: Auth,
        /// What is asked.
        message: Message,
    },
    /// Whose session this is has to be found out. Answered by [`Session::whose`].
    Whose(String),
    /// The player leaves with this socket: it does not come back.
    Leave,
    /// The socket is to be closed, once everything is sent.
    Close {
        /// The code.
        code: u16,
        /// The words.
        words: String,
    },
}

/// How far a client is.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// The daemon does not know it.
    Outside,
    /// It has asked to come in, in an answer to this.
    Entering(Option<String>),
    /// Its session is looked up, to come back by.
    Returning(Option<String>, StreamPos),
    /// The daemon has a connection for it, which may be nobody's.
    Inside,
    /// It is being closed.
    Over,
}

/// Who the client is.
#[derive(Clone, Debug, PartialEq)]
struct Player {
    player: WireObj,
    name: String,
    sid: String,
    token: Option<String>,
}

/// Something that was asked and not answered.
#[derive(Clone, Debug)]
struct Pending {
    id: Option<String>,
    kind: Kind,
    /// About how many bytes of it are kept.
    length: usize,
}

/// A message for the world under a name that is not known to be its sender's, and what came behind it.
#[derive(Debug)]
struct Unproved {
    id: Option<String>,
    number: Option<u64>,
    typed: Typed,
    behind: VecDeque<Said>,
}

impl Unproved {
    /// Whether this may come behind it, too, where so many bytes may wait.
    fn has_room(&self, what: &What, bytes_max: usize) -> bool {
        let waiting: usize = self.behind.iter().map(|said| said.what.length()).sum();
        self.behind.len() < ASKS_MAX && waiting + what.length() <= bytes_max
    }
}

/// One client.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    player: Option<Player>,
    /// The cookie's token, which counts where none is given.
    cookie: Option<String>,
    /// The number of what is asked next.
    next: u64,
    /// Whether the client numbers by itself; unknown before its first numbered message.
    numbers: Option<bool>,
    last_name: u64,
    pending: BTreeMap<u64, Pending>,
    /// What the client calls its last numbered messages.
    ids: VecDeque<(u64, String)>,
    unproved: Option<Unproved>,
    is_holding: bool,
    malformed: VecDeque<Duration>,
    out: Outlet,
}

impl Session {
    /// A client whose socket has just opened.
    pub fn new(cookie: Option<String>) -> Session {
        Session {
            stage: Stage::Outside,
            player: None,
            cookie,
            next: 1,
            numbers: None,
            last_name: 0,
            pending: BTreeMap::new(),
            ids: VecDeque::new(),
            unproved: None,
            is_holding: false,
            malformed: VecDeque::new(),
            out: Outlet::default(),
        }
    }

    /// What has become to be done.
    pub fn acts(&mut self) -> Vec<Act> {
        self.out.take()
    }

    /// Whether the daemon was not asked for anything yet.
    pub fn is_outside(&self) -> bool {
        self.stage == Stage::Outside
    }

    /// Whether somebody is logged in.
    pub fn is_known(&self) -> bool {
        self.player.is_some()
    }

    /// How long a message may be now.
    pub fn frame_max(&self) -> usize {
        match self.player {
            Some(_) => WEB_LONG_FRAME_MAX,
            None => WEB_FRAME_MAX,
        }
    }

    /// The first words.
    pub fn greet(&mut self, login_within: Duration) {
        self.tell(json!({
            "type": "Hello",
            "server": concat!("moothall ", env!("CARGO_PKG_VERSION")),
            "protocol": PROTOCOL,
            "frame_max": WEB_FRAME_MAX,
            "login_within_s": login_within.as_secs(),
        }));
    }

    /// The client has said nothing for a moment: it is greeted as whoever comes to the front door.
    pub fn knock(&mut self) {
        if self.stage == Stage::Outside {
            self.stage = Stage::Inside;
            self.out.push(Piece::Act(Act::Enter(Entry::New, None)));
        }
    }

    /// The client says something. `admit` says how long it must wait before another login under a name.
    pub fn hear(&mut self, text: &str, now: Duration, admit: impl FnOnce(&str) -> Result<(), Duration>) {
        if self.stage == Stage::Over {
            return;
        }
        let said = match ask::read(text) {
            Ok(said) => said,
            Err((id, error)) => return self.refuse_malformed(id, &error, now),
        };
        if text.len() > WEB_FRAME_MAX && !said.what.may_be_long() {
            return self.close(1009, "a message of this type may not be so large");
        }
        let bytes_max = self.asks_bytes_max();
        match &mut self.unproved {
            Some(unproved) if unproved.has_room(&said.what, bytes_max) => unproved.behind.push_back(said),
            Some(_) => self.refuse_as(
                said.id,
                RpcMessageError::Busy {
                    retry_after_ms: BUSY_RETRY_MS,
                },
            ),
            None => self.take(said, admit),
        }
    }

    fn take(&mut self, said: Said, admit: impl FnOnce(&str) -> Result<(), Duration>) {
        let Said { id, number, what } = said;
        match what {
            What::Ping => {
                let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
                let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                self.answer(id, json!({"type": "Pong", "time_ms": time_ms}));
            }
            What::Ack(pos) => self.out.push(Piece::Act(Act::Acked(pos.seq))),
            What::Logout => {
                self.out.push(Piece::Act(Act::Leave));
                self.answer(id, json!({"type": "Ok"}));
                self.close(1000, "goodbye");
            }
            What::Login { line, name } => match admit(&name) {
                Ok(()) => self.log_in(id, number, line),
                Err(wait) => self.refuse_login(id, wait),
            },
            What::Attach { token, takeover } => match admit("") {
                Ok(()) => self.attach(id, token, takeover),
                Err(wait) => self.refuse_login(id, wait),
            },
            What::Resume { session, pos } => match admit("") {
                Ok(()) => self.resume(id, session, pos),
                Err(wait) => self.refuse_login(id, wait),
            },
            What::Presence => self.ask_presence(id),
            What::Ask(ask) => match self.tried_name(&ask).map_or(Ok(()), |name| admit(&name)) {
                Ok(()) => self.ask(id, number, ask),
                Err(wait) => self.refuse_login(id, wait),
            },
            What::Typed(typed) => self.typed(id, number, typed),
        }
    }

    /// The name under which a line at the front door may try to come in: `connect NAME PASSWORD` is a line like any other.
    fn tried_name(&self, ask: &Ask) -> Option<String> {
        let Message::Command { command, .. } = &ask.message else {
            return None;
        };
        let mut words = command.split_whitespace().skip(1);
        let name = || words.next().unwrap_or_default().replace(['"', '\\'], "");
        self.player.is_none().then(name)
    }

    fn refuse_malformed(&mut self, id: Option<String>, error: &Malformed, now: Duration) {
        self.refuse(id, error.code, &error.message);
        self.malformed.push_back(now);
        while self
            .malformed
            .front()
            .is_some_and(|at| now.saturating_sub(*at) >= MALFORMED_PERIOD)
        {
            self.malformed.pop_front();
        }
        if self.malformed.len() >= MALFORMED_MAX {
            self.close(4400, "too many malformed messages");
        }
    }

    /// The link has something for the client.
    pub fn told(&mut self, told: ToClient) {
        match told {
            ToClient::Event {
                event,
                pos,
                mark,
                origin,
            } => self.event(&event, pos, mark, &origin),
            ToClient::Reply { name, number, answer } => self.replied(name, number, *answer),
            ToClient::Entered { attachment, pos } => self.entered(*attachment, pos),
            ToClient::NotEntered(why) => self.not_entered(&why),
            ToClient::Ready { fresh } => self.ready(fresh),
            ToClient::Away => self.status(true),
            ToClient::Notice(words) => self.tell(json!({"type": "Notice", "message": &*words})),
            ToClient::Close { why, words } => self.close(code_of(why), &words),
            // These answer lines, and what is asked here is not asked by lines.
            ToClient::Answered | ToClient::Refused(_) => {}
        }
    }

    fn ready(&mut self, fresh: bool) {
        self.status(false);
        if !fresh {
            return;
        }
        if self.player.is_some() {
            return self.close(4401, "the server does not know this connection any more");
        }
        self.next = 1;
        for (_, pending) in std::mem::take(&mut self.pending) {
            self.refuse(
                pending.id,
                "TRY_AGAIN",
                "the server was restarted before this took effect",
            );
        }
    }

    fn status(&mut self, is_holding: bool) {
        if std::mem::replace(&mut self.is_holding, is_holding) != is_holding {
            let state = if is_holding { "holding" } else { "live" };
            self.tell(json!({"type": "Status", "state": state}));
        }
    }

    fn event(&mut self, event: &Arc<ClientEvent>, pos: StreamPos, mark: u64, origin: &Origin) {
        match &**event {
            ClientEvent::PlayerSwitched {
                player,
                auth_token,
                sid,
            } => return self.switched(*player, auth_token, sid, pos, mark),
            ClientEvent::CredentialsUpdated { auth_token, sid, .. } => {
                if let Some(player) = &mut self.player {
                    // Where the session is another one, a `Player` follows.
                    let is_renewed = player.sid == *sid && player.token != *auth_token;
                    player.sid.clone_from(sid);
                    player.token.clone_from(auth_token);
                    if is_renewed {
                        let text = event::token(pos, auth_token.as_deref());
                        return self.out.push_event(text, pos.seq, mark);
                    }
                }
            }
            _ => {}
        }
        let seq = origin.cause.map(|cause| cause.cmd_seq);
        let id = self.ids.iter().find(|(known, _)| Some(*known) == seq);
        let text = event::text(event, pos, origin, id.map(|(_, id)| id.as_str()));
        self.out.push_event(text, pos.seq, mark);
        if let ClientEvent::Disconnect { reason, .. } = &**event {
            let code = if reason == "revoked" { 4401 } else { 1000 };
            self.close(code, reason);
        }
    }

    fn replied(&mut self, name: u64, number: u64, reply: Result<Reply, NoAnswer>) {
        let Some(Pending { id, kind, .. }) = self.pending.remove(&name) else {
            return;
        };
        if kind == Kind::Login {
            return self.login_answered(id, reply);
        }
        let mut number = number;
        // What was known by its id has its events under the number that it had.
        if let Ok(Reply::Duplicate { cmd_seq, .. }) = &reply
            && *cmd_seq != number
        {
            number = *cmd_seq;
            if let Some(id) = &id {
                self.remember(number, id.clone());
            }
        }
        let mut said = answer::answer(&kind, reply);
        if number != 0 {
            said.insert("n".into(), number.into());
        }
        self.answer(id, Value::Object(said));
    }

    fn refuse_as(&mut self, id: Option<String>, error: RpcMessageError) {
        self.answer(id, answer::error_value(&NoAnswer::Refused(error)));
    }

    fn refuse(&mut self, id: Option<String>, code: &str, message: &str) {
        let retryable = code == "TRY_AGAIN";
        self.answer(
            id,
            json!({"type": "Error", "code": code, "message": message, "retryable": retryable}),
        );
    }

    fn answer(&mut self, id: Option<String>, message: Value) {
        self.tell(with_id(id, message));
    }

    fn answer_named(&mut self, id: Option<String>, fields: Map<String, Value>) {
        if let Value::Object(fields) = with_id(id, Value::Object(fields)) {
            self.out.push(Piece::Named(fields, None));
        }
    }

    fn tell(&mut self, message: Value) {
        self.out.push(Piece::Act(Act::Send {
            text: message.to_string(),
            event: None,
        }));
    }

    /// Ends the conversation.
    pub fn close(&mut self, code: u16, words: &str) {
        if self.stage != Stage::Over {
            self.stage = Stage::Over;
            let words = words.to_owned();
            self.out.push(Piece::Act(Act::Close { code, words }));
        }
    }
}

fn with_id(id: Option<String>, mut message: Value) -> Value {
    if let (Some(id), Value::Object(fields)) = (id, &mut message) {
        fields.insert("id".into(), id.into());
    }
    message
}

/// The code that a socket is closed with.
pub fn code_of(why: Ending) -> u16 {
    match why {
        Ending::Over => 4408,
        Ending::Elsewhere => 4409,
        Ending::Revoked => 4401,
        Ending::Away => 1013,
        Ending::Down => 1012,
    }
}

#[cfg(test)]
mod tests;

//! How a client comes in, and who it is then.
//!
//! Invariant: a session and a token are shown to their own client alone.

use super::super::json::{object_text, pos_value};
use super::super::link::{Known, right_of};
use super::ask::{Ask, Kind, Typed};
use super::outlet::Piece;
use super::{Act, Player, Session, Stage, answer};
use crate::hosts::link::{Entry, NoAnswer};
use crate::limits::LOGIN_REST_MIN;
use crate::protocol::WireObj;
use crate::protocol::client::{
    Attachment, Auth, ConnectType, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message,
    LoginOk,
};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::StreamPos;
use crate::protocol::surface::Surfaced;
use serde_json::{Map, Value};
use std::time::Duration;

impl Session {
    pub(super) fn refuse_login(&mut self, id: Option<String>, wait: Duration) {
        let wait = wait.max(LOGIN_REST_MIN);
        let retry_after_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let busy = NoAnswer::Refused(RpcMessageError::Busy { retry_after_ms });
        self.answer(id, answer::error_value(&busy));
    }

    pub(super) fn log_in(&mut self, id: Option<String>, number: Option<u64>, line: String) {
        if self.player.is_some() {
            return self.refuse_as(id, RpcMessageError::AlreadyConnected);
        }
        let message = Message::LoginCommand {
            handler: WireObj(0),
            connect_args: Vec::new(),
            command: line,
            do_attach: true,
        };
        let kind = Kind::Login;
        self.ask(id, number, Ask { kind, message });
    }

    pub(super) fn attach(&mut self, id: Option<String>, token: Option<String>, takeover: bool) {
        let Some(token) = token.or_else(|| self.cookie.clone()) else {
            return self.refuse(
                id,
                "SESSION_INVALID",
                "there is neither a token nor a cookie; log in",
            );
        };
        if self.begin(&id) {
            let auth = right_of(token);
            let entry = Entry::Player { auth, takeover };
            self.stage = Stage::Entering(id);
            self.out.push(Piece::Act(Act::Enter(entry, None)));
        }
    }

    pub(super) fn resume(&mut self, id: Option<String>, session: String, pos: StreamPos) {
        if self.begin(&id) {
            self.stage = Stage::Returning(id, pos);
            self.out.push(Piece::Act(Act::Whose(session)));
        }
    }

    /// Whether a client may come in now otherwise than by a line.
    fn begin(&mut self, id: &Option<String>) -> bool {
        let may = self.stage == Stage::Outside;
        if !may {
            self.refuse_as(id.clone(), RpcMessageError::AlreadyConnected);
        }
        may
    }

    /// Whose a session is was found out.
    pub fn whose(&mut self, whose: Result<Known, NoAnswer>) {
        match std::mem::replace(&mut self.stage, Stage::Inside) {
            Stage::Returning(id, last) => match whose {
                Ok(known) => {
                    let auth = Auth::Session(known.sid.clone());
                    self.player = Some(Player {
                        player: known.player,
                        name: known.name,
                        sid: known.sid,
                        token: None,
                    });
                    self.stage = Stage::Entering(id);
                    let entry = Entry::Back { auth, last };
                    self.out.push(Piece::Act(Act::Enter(entry, Some(known.client))));
                }
                Err(error) => {
                    self.stage = Stage::Outside;
                    self.answer(id, not_in(&error));
                }
            },
            stage => {
                self.stage = stage;
                let (name, no_answer) = match whose {
                    Ok(known) => (Some(known.name), None),
                    Err(error) => (None, Some(error)),
                };
                if let (Some(player), Some(name)) = (&mut self.player, &name) {
                    player.name.clone_from(name);
                }
                self.out.name(name);
                self.name_asked(no_answer.as_ref());
            }
        }
    }

    /// The connection is a player's, whose name has to be found out.
    pub(super) fn switched(&mut self, player: WireObj, token: &str, sid: &str, pos: StreamPos, mark: u64) {
        self.set_player(player, sid, Some(token.to_owned()));
        let mut fields = self.player_fields("Player");
        fields.insert("pos".into(), pos_value(pos));
        self.out.push(Piece::Named(fields, Some((pos.seq, mark))));
    }

    fn set_player(&mut self, player: WireObj, sid: &str, token: Option<String>) {
        self.player = Some(Player {
            player,
            name: object_text(player),
            sid: sid.to_owned(),
            token: token.filter(|token| !token.is_empty()),
        });
        self.out.ask_name(sid);
    }

    pub(super) fn player_fields(&self, msg_type: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("type".into(), msg_type.into());
        if let Some(player) = &self.player {
            fields.insert("player".into(), object_text(player.player).into());
            fields.insert("name".into(), player.name.clone().into());
            fields.insert("session".into(), player.sid.clone().into());
            if let Some(token) = &player.token {
                fields.insert("token".into(), token.clone().into());
            }
        }
        fields
    }

    pub(super) fn login_answered(&mut self, id: Option<String>, reply: Result<Reply, NoAnswer>) {
        match reply {
            Ok(Reply::LoginResult(Some(LoginOk {
                auth_token,
                connect_type,
                attach: Some(attachment),
                ..
            }))) => {
                self.set_player(attachment.player, &attachment.sid, Some(auth_token));
                let pos = attachment.head;
                let next = self.next;
                self.welcome(id, &attachment, how(connect_type), pos, next);
            }
            // The answer was lost with a daemon, and what came of the login is in the stream before this.
            Ok(Reply::Duplicate { .. }) if self.player.is_some() => {
                let mut fields = self.player_fields("Welcome");
                fields.insert("how".into(), "connected".into());
                fields.insert("next".into(), self.next.into());
                self.answer_named(id, fields);
            }
            Ok(_) => self.refuse(id, "LOGIN_FAILED", "the world did not let you in"),
            Err(error) => self.answer(id, answer::error_value(&error)),
        }
    }

    pub(super) fn entered(&mut self, attachment: Attachment, pos: StreamPos) {
        let Stage::Entering(id) = std::mem::replace(&mut self.stage, Stage::Inside) else {
            return;
        };
        self.next = attachment.cmd_next;
        self.status(false);
        if let Some(player) = self.player.as_mut() {
            player.sid.clone_from(&attachment.sid);
            return self.welcome(id, &attachment, "resumed", pos, attachment.cmd_next);
        }
        self.set_player(attachment.player, &attachment.sid, None);
        let how = if attachment.recovered {
            "reconnected"
        } else {
            "connected"
        };
        self.welcome(id, &attachment, how, pos, attachment.cmd_next);
    }

    fn welcome(&mut self, id: Option<String>, attachment: &Attachment, how: &str, pos: StreamPos, next: u64) {
        const FLAGS: [(u16, &str); 2] = [(1, "wizard"), (2, "programmer")];
        let flags = FLAGS.iter().filter(|(bit, _)| attachment.flags & bit != 0);
        let flags: Vec<Value> = flags.map(|&(_, name)| name.into()).collect();
        let mut fields = self.player_fields("Welcome");
        fields.insert("how".into(), how.into());
        fields.insert("flags".into(), flags.into());
        fields.insert(
            "recovered".into(),
            (how == "resumed" && attachment.recovered).into(),
        );
        fields.insert("pos".into(), pos_value(pos));
        fields.insert("next".into(), next.into());
        self.answer_named(id, fields);
    }

    pub(super) fn not_entered(&mut self, why: &NoAnswer) {
        if let Stage::Entering(id) = std::mem::replace(&mut self.stage, Stage::Outside) {
            self.player = None;
            self.answer(id, not_in(why));
        }
    }

    /// Whether a message is this client's, by the session and the name that it shows.
    pub(super) fn proof(&self, typed: &Typed) -> Proof {
        let (Some(session), Some(user), Some(own)) = (&typed.session, &typed.user, &self.player) else {
            return Proof::None;
        };
        if *session != own.sid && own.token.as_ref() != Some(session) {
            return Proof::None;
        }
        match user.eq_ignore_ascii_case(&own.name) || *user == object_text(own.player) {
            true => Proof::Own,
            false => Proof::OtherName(own.sid.clone()),
        }
    }
}

/// What a message shows of its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is this client's.
    Own,
    /// This session is, and the name is not the one that is known: the player may have another name by now.
    OtherName(String),
    /// It is somebody else's, or nobody's.
    None,
}

/// Whether an error means that a login does not hold, rather than that this cannot be said now.
pub(super) fn is_invalid(error: &NoAnswer) -> bool {
    matches!(error.surface().http, 401 | 403 | 410)
}

/// What somebody is told who could not come in by a token or a session.
fn not_in(error: &NoAnswer) -> Value {
    let mut said = answer::error_value(error);
    if is_invalid(error)
        && let Value::Object(fields) = &mut said
    {
        fields.insert("code".into(), "SESSION_INVALID".into());
        fields.insert(
            "message".into(),
            "that login does not hold any more; log in again".into(),
        );
    }
    said
}

/// How a player came in, in a word.
pub fn how(connect_type: ConnectType) -> &'static str {
    match connect_type {
        ConnectType::Connected | ConnectType::NoConnect => "connected",
        ConnectType::Reconnected => "reconnected",
        ConnectType::Created => "created",
    }
}

//! What a client asks, under which number, and what it tells the world.
//!
//! Invariant: no message for the world leaves without its session having been looked at, nor with it.

use super::ask::{Ask, Kind, Typed};
use super::outlet::Piece;
use super::{Act, Pending, Session, Stage, answer};
use crate::hosts::link::{NoAnswer, Number};
use crate::limits::{ASKS_MAX, BUSY_RETRY_MS, COMMANDS_REMEMBERED};
use crate::protocol::WireValue;
use crate::protocol::client::{Auth, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message};
use crate::protocol::error::RpcMessageError;
use moo_model::{Obj, Value as Moo};
use serde_json::Value;

impl Session {
    pub(super) fn ask_presence(&mut self, id: Option<String>) {
        let Some(player) = &self.player else {
            return self.refuse_as(id, RpcMessageError::PermissionDenied);
        };
        let player = WireValue::new(&Moo::obj(Obj::from(player.player)));
        let Some(name) = self.pend(id, Kind::Value) else {
            return;
        };
        self.out.push(Piece::Act(Act::Outside {
            name,
            auth: Auth::None,
            message: Message::InvokeSystemHandler {
                handler_type: "presence".to_owned(),
                args: vec![player],
            },
        }));
    }

    /// Takes note of a question; gives what it is called, if there is room for it.
    fn pend(&mut self, id: Option<String>, kind: Kind) -> Option<u64> {
        if self.pending.len() >= ASKS_MAX {
            let retry_after_ms = BUSY_RETRY_MS;
            self.refuse_as(id, RpcMessageError::Busy { retry_after_ms });
            return None;
        }
        self.last_name += 1;
        self.pending.insert(self.last_name, Pending { id, kind });
        Some(self.last_name)
    }

    /// Asks, if it may be asked now. Gives the number that the message has if it is numbered.
    pub(super) fn ask(&mut self, id: Option<String>, number: Option<u64>, ask: Ask) -> Option<u64> {
        self.knock();
        if self.stage != Stage::Inside {
            self.refuse_as(id, RpcMessageError::PermissionDenied);
            return None;
        }
        let Ask { kind, message } = ask;
        let is_numbered = kind.is_numbered(&message);
        let number = match self.number(is_numbered, number) {
            Ok(number) => number,
            Err(words) => {
                self.refuse(id, "BAD_NUMBER", words);
                return None;
            }
        };
        let name = self.pend(id.clone(), kind)?;
        let seq = match number {
            Number::Again(seq) => seq,
            _ => self.next,
        };
        if let Some(id) = id.filter(|_| is_numbered) {
            self.remember(seq, id);
        }
        if number == Number::Next {
            self.next += 1;
        }
        let act = Act::Ask {
            name,
            message,
            number,
        };
        self.out.push(Piece::Act(act));
        is_numbered.then_some(seq)
    }

    fn remember(&mut self, seq: u64, id: String) {
        if self.ids.len() >= COMMANDS_REMEMBERED {
            self.ids.pop_front();
        }
        self.ids.push_back((seq, id));
    }

    /// The number of a message: the client's own, or the next.
    fn number(&mut self, is_numbered: bool, given: Option<u64>) -> Result<Number, &'static str> {
        if !is_numbered {
            return Ok(Number::None);
        }
        if self.player.is_some() && *self.numbers.get_or_insert(given.is_some()) != given.is_some() {
            return Err("give a number `n` to every numbered message or to none");
        }
        match given {
            None => Ok(Number::Next),
            Some(0) => Err("numbers begin at 1"),
            Some(seq) if seq == self.next => Ok(Number::Next),
            Some(seq) if seq < self.next => Ok(Number::Again(seq)),
            Some(_) => Err("`n` leaves a hole: a message before this one is missing"),
        }
    }

    /// A message for the world. Who sends it has to prove that here, whatever the socket is known for.
    pub(super) fn typed(&mut self, id: Option<String>, number: Option<u64>, typed: Typed) {
        let Typed {
            msg_type,
            session,
            user,
            to,
            data,
        } = typed;
        if !self.is_own(session.as_deref(), user.as_deref()) {
            self.refuse(
                id,
                "SESSION_INVALID",
                "`from` is not the user of a session that holds; log in again",
            );
            self.out.push(Piece::Act(Act::Leave));
            return self.close(4401, "the session does not hold");
        }
        let known = id.as_ref().and_then(|id| {
            let known = self.typed.iter().find(|(known, _)| known == id);
            known.map(|(_, seq)| *seq)
        });
        let message = Message::Typed {
            msg_type,
            id: id.clone(),
            to,
            data,
        };
        let kind = Kind::Done;
        match known {
            // Only what was taken is known by its id: what is refused may be sent again.
            None => {
                let seq = self.ask(id.clone(), number, Ask { kind, message });
                if let (Some(seq), Some(id)) = (seq, id) {
                    if self.typed.len() >= COMMANDS_REMEMBERED {
                        self.typed.pop_front();
                    }
                    self.typed.push_back((id, seq));
                }
            }
            Some(seq) => {
                if let Some(name) = self.pend(id, kind) {
                    let number = Number::Again(seq);
                    self.out.push(Piece::Act(Act::Ask {
                        name,
                        message,
                        number,
                    }));
                }
            }
        }
    }

    /// What was asked without the connection was answered.
    pub fn outside(&mut self, name: u64, reply: Result<Reply, NoAnswer>) {
        let Some(Pending { id, .. }) = self.pending.remove(&name) else {
            return;
        };
        let mut said = answer::answer(&Kind::Value, reply);
        if said.get("type").is_none_or(|msg_type| msg_type != "Error") {
            said.insert("type".into(), "Presence".into());
        }
        self.answer(id, Value::Object(said));
    }
}

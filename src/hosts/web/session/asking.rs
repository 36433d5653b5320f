//! What a client asks, under which number, and what it tells the world.
//!
//! Invariant: no message for the world leaves without its session having been looked at, nor with it.

use super::ask::{self, Ask, Kind, Typed};
use super::entering::{Proof, is_invalid};
use super::outlet::Piece;
use super::{Act, Pending, Session, Stage, Unproved, answer};
use crate::hosts::link::{NoAnswer, Number};
use crate::limits::{ASKS_BYTES_MAX, ASKS_MAX, BUSY_RETRY_MS, COMMANDS_REMEMBERED, HELD_BYTES_MAX};
use crate::protocol::WireValue;
use crate::protocol::client::{Auth, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message};
use crate::protocol::error::RpcMessageError;
use moo_model::{Obj, Value as Moo};
use serde_json::Value;
use std::collections::VecDeque;

impl Session {
    pub(super) fn ask_presence(&mut self, id: Option<String>) {
        let Some(player) = &self.player else {
            return self.refuse_as(id, RpcMessageError::PermissionDenied);
        };
        // In the player's name, so that it waits among the player's own questions and nobody else's.
        let auth = Auth::Session(player.sid.clone());
        let player = WireValue::new(&Moo::obj(Obj::from(player.player)));
        let message = Message::InvokeSystemHandler {
            handler_type: "presence".to_owned(),
            args: vec![player],
        };
        if let Some(name) = self.pend(id, Kind::Value, &message) {
            self.out.push(Piece::Act(Act::Outside { name, auth, message }));
        }
    }

    /// Bytes that may wait for answers.
    pub(super) fn asks_bytes_max(&self) -> usize {
        if self.is_holding {
            HELD_BYTES_MAX
        } else {
            ASKS_BYTES_MAX
        }
    }

    /// Takes note of a question; gives what it is called, if there is room for it.
    fn pend(&mut self, id: Option<String>, kind: Kind, message: &Message) -> Option<u64> {
        let length = ask::length(message);
        let waiting: usize = self.pending.values().map(|pending| pending.length).sum();
        if self.pending.len() >= ASKS_MAX || waiting + length > self.asks_bytes_max() {
            let retry_after_ms = BUSY_RETRY_MS;
            self.refuse_as(id, RpcMessageError::Busy { retry_after_ms });
            return None;
        }
        self.last_name += 1;
        self.pending.insert(self.last_name, Pending { id, kind, length });
        Some(self.last_name)
    }

    /// Asks, if it may be asked now.
    pub(super) fn ask(&mut self, id: Option<String>, number: Option<u64>, ask: Ask) {
        self.knock();
        if self.stage != Stage::Inside {
            return self.refuse_as(id, RpcMessageError::PermissionDenied);
        }
        let Ask { kind, message } = ask;
        let is_numbered = kind.is_numbered(&message);
        let number = match self.number(is_numbered, number) {
            Ok(number) => number,
            Err(words) => return self.refuse(id, "BAD_NUMBER", words),
        };
        let Some(name) = self.pend(id.clone(), kind, &message) else {
            return;
        };
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
    }

    /// Takes note of what the client calls the message of this number.
    pub(super) fn remember(&mut self, seq: u64, id: String) {
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
        match self.proof(&typed) {
            Proof::Own => self.tell_world(id, number, typed),
            Proof::OtherName(sid) => {
                self.unproved = Some(Unproved {
                    id,
                    number,
                    typed,
                    behind: VecDeque::new(),
                });
                self.out.ask_name(&sid);
            }
            Proof::None => self.turn_out(id),
        }
    }

    /// The player's present name was asked for, and is known now unless there was no answer. What waited for it goes on.
    pub(super) fn name_asked(&mut self, no_answer: Option<&NoAnswer>) {
        let Some(unproved) = self.unproved.take() else {
            return;
        };
        let Unproved {
            id,
            number,
            typed,
            mut behind,
        } = unproved;
        match no_answer.filter(|error| !is_invalid(error)) {
            Some(error) => self.answer(id, answer::error_value(error)),
            None if self.proof(&typed) == Proof::Own => self.tell_world(id, number, typed),
            None => self.turn_out(id),
        }
        while let Some(said) = behind.pop_front() {
            self.take(said, |_| Ok(()));
            if let Some(unproved) = &mut self.unproved {
                unproved.behind = behind;
                return;
            }
            if self.stage == Stage::Over {
                return;
            }
        }
    }

    fn turn_out(&mut self, id: Option<String>) {
        self.refuse(
            id,
            "SESSION_INVALID",
            "`from` is not the user of a session that holds; log in again",
        );
        self.out.push(Piece::Act(Act::Leave));
        self.close(4401, "the session does not hold");
    }

    fn tell_world(&mut self, id: Option<String>, number: Option<u64>, typed: Typed) {
        let Typed {
            msg_type, to, data, ..
        } = typed;
        let message = Message::Typed {
            msg_type,
            id: id.clone(),
            to,
            data,
        };
        let kind = Kind::Done;
        self.ask(id, number, Ask { kind, message });
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

//! What is to be done for a client, in order, while a player's name may have to be found out first.
//!
//! Invariant: nothing overtakes what waits for a name.

use super::Act;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// One thing to be done.
#[derive(Debug)]
pub enum Piece {
    /// At once.
    Act(Act),
    /// A message with a player's name in it, and the event that it is, once the name is known.
    Named(Map<String, Value>, Option<(u64, u64)>),
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Outlet {
    ready: Vec<Act>,
    waiting: VecDeque<Piece>,
    /// How many names are being found out.
    names_wanted: usize,
}

impl Outlet {
    /// Something is to be done.
    pub fn push(&mut self, piece: Piece) {
        match piece {
            // What is asked does not wait for what is told.
            Piece::Act(act @ (Act::Ask { .. } | Act::Outside { .. } | Act::Enter(..) | Act::Acked(_))) => {
                self.ready.push(act);
            }
            Piece::Act(act) if self.waiting.is_empty() => self.ready.push(act),
            piece => self.waiting.push_back(piece),
        }
        self.flush();
    }

    /// An event is to be told by this text, or there is nothing to tell of it.
    pub fn push_event(&mut self, text: Option<String>, seq: u64, mark: u64) {
        let event = Some((seq, mark));
        self.push(Piece::Act(match text {
            Some(text) => Act::Send { text, event },
            None => Act::Pass { seq, mark },
        }));
    }

    /// The name behind a session is wanted before what follows is told.
    pub fn ask_name(&mut self, sid: &str) {
        self.names_wanted += 1;
        self.ready.push(Act::Whose(sid.to_owned()));
    }

    /// The name was found out, or cannot be.
    pub fn name(&mut self, name: Option<String>) {
        self.names_wanted = self.names_wanted.saturating_sub(1);
        if let Some(name) = name {
            for piece in &mut self.waiting {
                if let Piece::Named(fields, _) = piece {
                    fields.insert("name".into(), name.clone().into());
                }
            }
        }
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(piece) = self.waiting.pop_front() {
            match piece {
                Piece::Named(..) if self.names_wanted > 0 => {
                    return self.waiting.push_front(piece);
                }
                Piece::Named(fields, event) => self.ready.push(Act::Send {
                    text: Value::Object(fields).to_string(),
                    event,
                }),
                Piece::Act(act) => self.ready.push(act),
            }
        }
    }

    /// Takes out what is to be done now.
    pub fn take(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.ready)
    }
}

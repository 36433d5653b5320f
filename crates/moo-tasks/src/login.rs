//! Logging in: what a login verb's answer means, and what the server says to connections by itself.

use moo_model::world::{Flags, Transaction};
use moo_model::{Obj, Value, View};
use moo_vm::options;

/// A login verb has named a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// The player.
    pub player: Obj,
    /// Whether the player was made by this login.
    pub created: bool,
}

/// What a login verb's value means: a login if it is a player. `max_before` is the highest object before the verb ran.
pub fn verdict(tx: &mut Transaction, value: &Value, max_before: Obj) -> Option<Login> {
    let player = value.as_obj()?;
    if !tx.valid(player) || !tx.flags(player).has(Flags::PLAYER) {
        return None;
    }
    Some(Login {
        player,
        created: player > max_before,
    })
}

/// What the server says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A player has logged in.
    Connect,
    /// A new player has logged in.
    Create,
    /// To the connection that a login replaces.
    RedirectFrom,
    /// To the connection that replaces another.
    RedirectTo,
    /// To a connection that is closed by the world.
    Boot,
    /// To the connection of a player that was recycled.
    Recycle,
    /// To a connection that has not logged in for too long.
    Timeout,
    /// To a connection that there is no room for.
    ServerFull,
}

impl Message {
    /// The option that replaces the text, and the text.
    fn row(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Message::Connect => ("connect_msg", &["*** Connected ***"]),
            Message::Create => ("create_msg", &["*** Created ***"]),
            Message::RedirectFrom => (
                "redirect_from_msg",
                &["*** Redirecting connection to new port ***"],
            ),
            Message::RedirectTo => (
                "redirect_to_msg",
                &["*** Redirecting old connection to this port ***"],
            ),
            Message::Boot => ("boot_msg", &["*** Disconnected ***"]),
            Message::Recycle => ("recycle_msg", &["*** Recycled ***"]),
            Message::Timeout => ("timeout_msg", &["*** Timed-out waiting for login. ***"]),
            Message::ServerFull => (
                "server_full_msg",
                &[
                    "*** Sorry, but the server cannot accept any more connections right now.",
                    "*** Please try again later.",
                ],
            ),
        }
    }

    /// The lines to print: the listener's own, the world's, or ours. A value that is no text prints nothing.
    pub fn lines(self, tx: &mut Transaction, listener: Obj) -> Vec<String> {
        let (name, default) = self.row();
        match setting(tx, listener, name) {
            Some(value) => texts(&value),
            None => default.iter().map(|&line| line.to_owned()).collect(),
        }
    }
}

/// An option of a listener, or of the whole world.
fn setting(tx: &mut Transaction, listener: Obj, name: &str) -> Option<Value> {
    options::option_of(tx, listener, name).or_else(|| options::option(tx, name))
}

fn texts(value: &Value) -> Vec<String> {
    match value.view() {
        View::Str(text) => vec![text.as_str().to_owned()],
        View::List(lines) if lines.iter().all(|line| line.as_str().is_some()) => lines
            .iter()
            .filter_map(|line| line.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// Seconds that a connection of this listener may stay without logging in, `unless_set` where the world does not say;
/// `None` for ever.
pub fn connect_timeout(tx: &mut Transaction, listener: Obj, unless_set: i64) -> Option<i64> {
    match setting(tx, listener, "connect_timeout") {
        None => Some(unless_set),
        Some(value) => value.as_int().filter(|&seconds| seconds > 0),
    }
}

/// The flush command of new connections of this listener.
pub fn flush_command(tx: &mut Transaction, listener: Obj) -> String {
    match setting(tx, listener, "default_flush_command") {
        None => crate::input_queue::FLUSH_COMMAND.to_owned(),
        Some(value) => value.as_str().unwrap_or_default().to_owned(),
    }
}

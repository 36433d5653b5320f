//! The host of one attempt: what it stands on, and what it sees of connections and tasks through what it holds back.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use moo_model::world::Dialect;
use moo_model::{ErrorCode, Obj, Value};

use super::{Effect, Held};
use crate::connections::{ConnId, Connection};
use crate::input_queue;
use crate::outside::{Outside, Surroundings};

/// What a slice may use, counted from its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub cpu_end: f64,
    pub bytes_end: i64,
}

/// The host of one attempt of one task.
pub struct HeldHost<'a> {
    /// What is held back.
    pub held: Held,
    pub(super) task: i64,
    pub(super) player: Obj,
    pub(super) outside: &'a Outside,
    pub(super) surroundings: &'a mut dyn Surroundings,
    pub(super) dialect: Dialect,
    pub(super) kill: &'a AtomicBool,
    pub(super) bytes_max: i64,
    pub(super) allowance: Allowance,
    pub(super) has_right_of_way: bool,
}

impl<'a> HeldHost<'a> {
    /// A host for an attempt of this task, which may allocate `bytes_max` bytes in each slice.
    pub fn new(
        (task, player): (i64, Obj),
        outside: &'a Outside,
        surroundings: &'a mut dyn Surroundings,
        dialect: Dialect,
        kill: &'a AtomicBool,
        bytes_max: i64,
    ) -> HeldHost<'a> {
        HeldHost {
            held: Held::default(),
            task,
            player,
            outside,
            surroundings,
            dialect,
            kill,
            bytes_max,
            allowance: Allowance {
                cpu_end: 0.0,
                bytes_end: 0,
            },
            has_right_of_way: false,
        }
    }

    /// All others wait for this attempt, so it yields to none.
    pub fn take_right_of_way(&mut self) {
        self.has_right_of_way = true;
    }

    /// A slice begins that may use so many CPU seconds.
    pub fn begin_slice(&mut self, seconds: f64) {
        self.allowance = Allowance {
            cpu_end: self.surroundings.cpu_seconds() + seconds,
            bytes_end: self.surroundings.live_bytes().saturating_add(self.bytes_max),
        };
    }

    /// Sends a line of the server's own to a player, if connected.
    pub fn tell_player(&mut self, player: Obj, text: &str) {
        if let Some(connection) = self.connection(player) {
            self.held.tell(&connection, text);
        }
    }

    /// Sends a line of the server's own to a connection.
    pub fn tell(&mut self, connection: &Connection, text: &str) {
        self.held.tell(connection, text);
    }

    /// The connection, unless this task has closed it.
    pub(super) fn connection(&self, conn: Obj) -> Option<Arc<Connection>> {
        let connection = self.outside.connections.find(conn)?;
        (!self.held.is_closing(connection.id)).then_some(connection)
    }

    /// What this task itself last set an option to.
    pub(super) fn own_option(&self, conn: ConnId, name: &str) -> Option<&Value> {
        self.held.effects.iter().rev().find_map(|effect| match effect {
            Effect::SetOption {
                conn: of,
                name: known,
                value,
            } if *of == conn && known.eq_ignore_ascii_case(name) => Some(value),
            _ => None,
        })
    }

    /// The connection's options as this task sees them.
    pub(super) fn options_of(&self, connection: &Connection) -> input_queue::Options {
        let mut options = connection.input().options().clone();
        for effect in &self.held.effects {
            if let Effect::SetOption { conn, name, value } = effect
                && *conn == connection.id
            {
                // It was tried when it was set.
                options.set(name, value).ok();
            }
        }
        options
    }

    pub(super) fn waits(&self, id: i64) -> bool {
        !self.held.is_killing(id)
            && (self.outside.board.knows(id) || self.held.forks.iter().any(|fork| fork.id == id))
    }

    /// The number by which `conn` is known from now on for effects, or the error for nobody.
    pub(super) fn require(&self, conn: Obj) -> Result<Arc<Connection>, ErrorCode> {
        self.connection(conn).ok_or(ErrorCode::InvArg)
    }
}

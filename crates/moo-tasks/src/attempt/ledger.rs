//! What a slice does to connections themselves: who owns them, their options, their ends, the lines it used.
//!
//! Invariant: such a change is made under the commit lock, where the connection's row is written too. So a crash
//! leaves a connection as its last commit did, and of two commits the later one's row stands.

use std::sync::Arc;

use moo_model::ledger::Row;
use moo_vm::host::Close;

use super::{End, Finished, Job, Work};
use crate::connections::{ConnId, Connection, Due, stored};
use crate::held::Effect;
use crate::login::Login;
use crate::outside::Outside;

impl Finished {
    /// The connections that are not as before once this slice has committed, each once.
    pub(super) fn changed_connections(&self, job: &Job, outside: &Outside) -> Vec<Arc<Connection>> {
        let mut changed = job.conns.clone();
        let is_own_hook = matches!(job.work, Work::Hook { .. } | Work::Program(_));
        if self.claims(job).is_some() || self.programming.is_some() || is_own_hook {
            changed.extend(job.conn.clone());
        }
        let others = self.held.effects.iter().filter_map(changes);
        changed.extend(others.filter_map(|conn| outside.connections.get(conn)));
        changed.sort_by_key(|conn| conn.id);
        changed.dedup_by_key(|conn| conn.id);
        changed
    }

    /// The login by which the slice's connection becomes a player's.
    fn claims(&self, job: &Job) -> Option<Login> {
        self.login.filter(|_| matches!(job.work, Work::Login(_)))
    }

    /// Whether what the slice does to connections follows from what it has read.
    pub(super) fn changes_connections(&self, job: &Job) -> bool {
        let by_effect = self.held.effects.iter().any(|effect| changes(effect).is_some());
        self.claims(job).is_some() || self.programming.is_some() || by_effect
    }

    /// Makes the changes. Called under the commit lock.
    pub(super) fn change_connections(&mut self, job: &Job, outside: &Outside) {
        if let Some(conn) = &job.conn {
            match job.work {
                Work::Hook { .. } => conn.hook_has_run(job.player),
                Work::Program(_) => conn.input().end_programming(),
                _ => {}
            }
            if let Some(login) = self.claims(job) {
                let due = if login.created {
                    Due::Created
                } else {
                    Due::Connected
                };
                conn.claim(login.player, self.at, due);
            }
            if let Some(programming) = self.programming.take() {
                conn.input().start_programming(programming);
            }
        }
        if let End::Waits(waiting) = &self.end
            && let Some(object) = waiting.reads_from()
            && let Some(conn) = outside.connections.find(object)
        {
            conn.set_asked(waiting.request());
        }
        for effect in &self.held.effects {
            let Some(conn) = changes(effect).and_then(|conn| outside.connections.get(conn)) else {
                continue;
            };
            match effect {
                Effect::SetOption { name, value, .. } => {
                    // It was tried when the task asked.
                    conn.input().set_option(name, value).ok();
                }
                Effect::Present { id, shown, .. } => {
                    // It was tried when the task asked; what a client has said of itself since may leave no room.
                    conn.change_display(|display| display.present(id, shown.clone()))
                        .ok();
                }
                Effect::SwitchPlayer { player, silent, .. } => {
                    let due = if *silent { conn.due() } else { Due::Connected };
                    conn.claim(*player, self.at, due);
                }
                Effect::Close(_, Close::Booted) => conn.set_due(Due::Disconnected),
                Effect::Close(_, Close::Recycled) => conn.set_due(Due::Closed),
                _ => {}
            }
        }
    }

    /// The rows of lines that the slice took or forced. Who sent a line that was taken is told so after the commit.
    pub(super) fn line_rows(&mut self, job: &Job, outside: &Outside) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut took = Vec::new();
        for (conn, line) in self.held.taken() {
            let client = conn.client();
            rows.extend(line.stored.map(|number| stored::line_gone(client, number)));
            if line.ticket != 0 {
                rows.push(stored::command(client, line.ticket, job.id));
                took.push(Effect::Took {
                    conn: conn.id,
                    ticket: line.ticket,
                });
            }
        }
        for effect in &self.held.effects {
            if let Effect::ForceInput {
                conn, line, number, ..
            } = effect
                && let Some(conn) = outside.connections.get(*conn)
            {
                rows.push(stored::line(conn.client(), *number, false, line));
            }
        }
        self.held.effects.extend(took);
        rows
    }
}

/// The connection whose own state an effect changes.
fn changes(effect: &Effect) -> Option<ConnId> {
    match effect {
        Effect::SetOption { conn, .. }
        | Effect::Present { conn, .. }
        | Effect::SwitchPlayer { conn, .. }
        | Effect::Close(conn, _) => Some(*conn),
        _ => None,
    }
}

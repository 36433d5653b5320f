//! The lines of clients on their way to becoming tasks.
//!
//! Invariant: a line is answered once what became of it is stored: with the first commit of its task, with that of the
//! task that read it, or with rows of its own. So a line that was answered is never lost, and one that comes again takes
//! no effect twice.

use super::asking::busy;
use super::commands::Turn;
use super::{Carry, Client, ConnectionActor, Finished, Settles};
use crate::actors::errand;
use crate::actors::executor::{Assignment, wall_seconds};
use crate::actors::outlet::{After, Reply};
use crate::actors::scheduler::{Answer, Woken};
use crate::protocol::client::{CmdOutcome, DaemonToClientReply};
use crate::protocol::error::RpcMessageError;
use moo_model::ledger::Row;
use moo_model::{ErrorCode, Obj, Value};
use moo_tasks::attempt::{Job, Work};
use moo_tasks::connections::{ConnId, Connection, stored};
use moo_tasks::input_queue::{Absorbed, Arrival, Kept, Line, Step, value_of};
use std::sync::Arc;

/// What is to be stored for a connection besides what its tasks store.
#[derive(Debug, Default)]
pub(super) struct Save {
    pub rows: Vec<Row>,
    /// Lines that are answered with that.
    pub tickets: Vec<u64>,
}

impl ConnectionActor {
    /// A line of a client.
    pub(super) fn line(
        &mut self,
        conn: ConnId,
        reply: Reply,
        cmd_seq: u64,
        text: String,
    ) -> Result<(), RpcMessageError> {
        if cmd_seq == 0 {
            return Err(RpcMessageError::InvalidRequest("a line needs a number".into()));
        }
        if self.is_new(conn, reply, cmd_seq)?
            && let Some(conn) = self.clients.get(&conn).map(|client| client.conn.clone())
        {
            self.take_in(&conn, text, cmd_seq);
        }
        Ok(())
    }

    /// Whether a request is to be carried out now. One that came before is answered, or will be; one without a number is
    /// new each time.
    pub(super) fn is_new(
        &mut self,
        conn: ConnId,
        reply: Reply,
        cmd_seq: u64,
    ) -> Result<bool, RpcMessageError> {
        let is_read_only = self.parts.outside.is_read_only();
        let client = self.takes_from(conn)?;
        if cmd_seq == 0 {
            return Ok(true);
        }
        if is_read_only && client.commands.is_next(cmd_seq) {
            return Err(RpcMessageError::ReadOnly);
        }
        let outcome = match client.commands.take(cmd_seq, reply) {
            Turn::New => return Ok(true),
            Turn::Waits => return Ok(false),
            Turn::Early => return Err(busy()),
            Turn::Done(task) => CmdOutcome::Submitted { task: task as u64 },
            Turn::Forgotten => CmdOutcome::Forgotten,
        };
        // Its commit is known, but may not be written yet: a kill then would take back what had been answered.
        self.answer_later(conn, reply, DaemonToClientReply::Duplicate { cmd_seq, outcome });
        Ok(false)
    }

    /// The client of this connection, if requests of it are taken now.
    pub(super) fn takes_from(&mut self, conn: ConnId) -> Result<&mut Client, RpcMessageError> {
        if self.is_draining {
            return Err(RpcMessageError::Draining);
        }
        let is_lingering = self.lingering.contains_key(&conn);
        let client = self.clients.get_mut(&conn).ok_or(RpcMessageError::NoConnection)?;
        if self.is_behind || is_lingering {
            return Err(busy());
        }
        Ok(client)
    }

    /// Starts a task of a client's that is none of its lines; one without a number changes nothing, and may be asked
    /// again. Typed messages wait for those before them.
    pub(super) fn start_beside(&mut self, conn: ConnId, reply: Reply, cmd_seq: u64, player: Obj, work: Work) {
        let id = self.parts.outside.ids.next();
        let (mut rows, mut reply) = (Vec::new(), Some(reply));
        if let Some(client) = self.clients.get(&conn).filter(|_| cmd_seq != 0) {
            let mark = client.commands.mark_of(cmd_seq);
            rows.push(stored::marked_command(client.conn.client(), cmd_seq, id, mark));
            reply = self.settle_with(conn, cmd_seq, id);
        }
        self.beside.begin(id, player);
        let is_in_turn = cmd_seq != 0 && matches!(work, Work::Service(_));
        let job = Job {
            id,
            player,
            work,
            ..errand::of_rows(&self.parts.outside, rows)
        };
        let assignment = Assignment {
            reply,
            ..errand::unasked(job)
        };
        let due = match is_in_turn {
            true => self.turns.begin(conn, assignment),
            false => Some(assignment),
        };
        self.submits.extend(due);
    }

    fn take_in(&mut self, conn: &Arc<Connection>, text: String, ticket: u64) {
        conn.touch(wall_seconds() as i64);
        let line = Line {
            text,
            ticket,
            stored: None,
        };
        let arrival = conn.input().arrive(line);
        if let Arrival::Flushed { report, dropped } = arrival {
            self.tell(conn, report);
            self.drop_lines(conn, dropped, Some(ticket));
        }
        self.pump(conn);
    }

    /// Takes up lines of a connection until one has to be waited for.
    pub(super) fn pump(&mut self, conn: &Arc<Connection>) {
        if self.is_draining {
            return;
        }
        loop {
            let step = conn.input().take_up();
            match step {
                None => break,
                Some(Step::Absorbed(lines)) => self.absorb(conn, lines),
                Some(Step::Read { task, line }) => self.give(conn, task, &line),
                Some(Step::Login(line)) => {
                    let work = self.login_work(conn.id, line.clone());
                    self.start(conn, line, work);
                }
                Some(Step::OutOfBand(line)) => self.start(conn, line.clone(), Work::OutOfBand(line)),
                Some(Step::Command { line, may_program }) => {
                    self.start(conn, line.clone(), Work::Command { line, may_program });
                }
                Some(Step::Program { program, line }) => {
                    let lines = program.stored.clone();
                    self.start(conn, line, Work::Program(program));
                    if let Some(assignment) = self.submits.back_mut() {
                        let gone = |number| stored::line_gone(conn.client(), number);
                        assignment.job.rows.extend(lines.into_iter().map(gone));
                    }
                }
            }
        }
        let kept = conn.input().keep();
        if !kept.is_empty() {
            self.keep(conn, kept);
        }
    }

    /// The rows that say that a task has used a line.
    fn used(&self, conn: &Connection, line: &Line, task: i64) -> Vec<Row> {
        let client = conn.client();
        let command = (line.ticket != 0).then(|| stored::command(client, line.ticket, task));
        let gone = line.stored.map(|number| stored::line_gone(client, number));
        command.into_iter().chain(gone).collect()
    }

    /// Notes which task answers a line; gives where the answer goes.
    pub(super) fn settle_with(&mut self, conn: ConnId, ticket: u64, task: i64) -> Option<Reply> {
        if ticket == 0 {
            return None;
        }
        self.tasks.entry(task).or_default().tickets.push((conn, ticket));
        self.clients.get_mut(&conn)?.commands.start(ticket)
    }

    fn start(&mut self, conn: &Arc<Connection>, line: Line, work: Work) {
        let id = self.parts.outside.ids.next();
        conn.set_input_task(id);
        let rows = self.used(conn, &line, id);
        let reply = self.settle_with(conn.id, line.ticket, id);
        let reply = self.keep_login_reply(conn.id, line.ticket, (id, &work), reply);
        let job = Job {
            id,
            player: conn.object(),
            conn: Some(conn.clone()),
            work,
            ..errand::of_rows(&self.parts.outside, rows)
        };
        self.submits.push_back(Assignment {
            reply,
            ..errand::unasked(job)
        });
    }

    /// A line answers a task that reads.
    fn give(&mut self, conn: &Arc<Connection>, task: i64, line: &Line) {
        conn.set_input_task(task);
        conn.set_asked(None);
        let with = Woken {
            value: Ok(value_of(line)),
            rows: self.used(conn, line, task),
            reply: self.settle_with(conn.id, line.ticket, task),
            after: Vec::new(),
        };
        self.inputs.push_back(Answer { task, with });
    }

    /// Lines were taken in that start nothing: what they changed is stored, and then they are answered.
    fn absorb(&mut self, conn: &Arc<Connection>, lines: Vec<Absorbed>) {
        let client = conn.client();
        let mut save = Save::default();
        for line in lines {
            let gone = line.stored.map(|number| stored::line_gone(client, number));
            save.rows.extend(gone);
            if let Some((number, text)) = line.program {
                save.rows.push(stored::line(client, number, true, &text));
            }
            save.tickets.extend((line.ticket != 0).then_some(line.ticket));
        }
        self.errand.conns.push(conn.clone());
        self.save_now(conn, save);
    }

    /// Held lines are stored, and then answered.
    fn keep(&mut self, conn: &Arc<Connection>, kept: Vec<Kept>) {
        let client = conn.client();
        let row = |kept: &Kept| stored::line(client, kept.number, false, &kept.text);
        let save = Save {
            rows: kept.iter().map(row).collect(),
            tickets: kept.iter().map(|kept| kept.ticket).collect(),
        };
        self.save_now(conn, save);
    }

    /// Lines are gone without having become anything; `with` is the line that asked for that.
    pub(super) fn drop_lines(&mut self, conn: &Arc<Connection>, dropped: Vec<Line>, with: Option<u64>) {
        let client = conn.client();
        let numbers = dropped.iter().filter_map(|line| line.stored);
        let rows: Vec<_> = numbers.map(|number| stored::line_gone(client, number)).collect();
        let sent = dropped
            .iter()
            .map(|line| line.ticket)
            .filter(|&ticket| ticket != 0);
        let tickets: Vec<_> = sent.chain(with).collect();
        if let Some(client) = self.clients.get_mut(&conn.id) {
            client.save.rows.extend(rows);
            client.save.tickets.extend(tickets);
        }
        self.save(conn);
    }

    /// Stores what has come together for a connection, unless something is being stored that must come before.
    fn save(&mut self, conn: &Arc<Connection>) {
        let Some(client) = self.clients.get_mut(&conn.id) else {
            return;
        };
        let is_empty = client.save.rows.is_empty() && client.save.tickets.is_empty();
        if !is_empty && conn.input().store() {
            let save = std::mem::take(&mut client.save);
            self.save_now(conn, save);
        }
    }

    fn save_now(&mut self, conn: &Arc<Connection>, save: Save) {
        let client = conn.client();
        self.errand.rows.extend(save.rows);
        self.errand.settles.stored.push(conn.clone());
        for ticket in save.tickets {
            self.errand.rows.push(stored::command(client, ticket, 0));
            self.errand.settles.tickets.push((conn.id, ticket));
            let known = self.clients.get_mut(&conn.id);
            if let Some(reply) = known.and_then(|known| known.commands.start(ticket)) {
                self.answer_later(conn.id, reply, DaemonToClientReply::TaskSubmitted { task_id: 0 });
            }
        }
    }

    /// A slice of a task has ended, or an errand is done.
    pub(super) fn finished(&mut self, finished: Finished) {
        self.beside.end(finished.task);
        let next = self.turns.end(finished.task);
        // What does not begin any more is sent again to the next daemon.
        self.submits.extend(next.filter(|_| !self.is_draining));
        if let Some(settles) = self.tasks.remove(&finished.task) {
            self.settled(finished.task, settles);
        }
        if let Some(from) = finished.reads {
            self.start_reading(finished.task, from);
        }
        for carry in finished.carry {
            match carry {
                Carry::Effect(effect) => self.carry_out(finished.task, effect),
                Carry::StopReading(task, object) => {
                    if let Some(conn) = self.parts.outside.connections.find(object) {
                        conn.input().stop_reading(task);
                        conn.set_asked(None);
                        self.pump(&conn);
                    }
                }
            }
        }
        let Some(conn) = finished.conn else { return };
        conn.input().finish();
        if !self.clients.contains_key(&conn.id) {
            return;
        }
        self.login_ended(&conn, finished.task, finished.login);
        self.close_if_due(&conn);
        self.pump(&conn);
    }

    /// What a task was to answer or store is committed.
    fn settled(&mut self, task: i64, settles: Settles) {
        // Lines that were only stored became no task.
        let task = if settles.stored.is_empty() { task } else { 0 };
        for (conn, ticket) in settles.tickets {
            self.settle(conn, ticket, task);
        }
        for conn in settles.stored {
            conn.input().is_stored();
            self.save(&conn);
            self.pump(&conn);
        }
    }

    /// A line's task has committed: whoever asked again meanwhile is told.
    fn settle(&mut self, conn: ConnId, cmd_seq: u64, task: i64) {
        let client = self.clients.get_mut(&conn);
        if let Some(reply) = client.and_then(|client| client.commands.finish(cmd_seq, task)) {
            let outcome = CmdOutcome::Submitted { task: task as u64 };
            self.answer_later(conn, reply, DaemonToClientReply::Duplicate { cmd_seq, outcome });
        }
    }

    /// A task took a line by itself, and has committed.
    pub(super) fn took(&mut self, conn: ConnId, ticket: u64, task: i64) {
        let client = self.clients.get_mut(&conn);
        if let Some(reply) = client.and_then(|client| client.commands.start(ticket)) {
            let task_id = task as u64;
            self.answer_later(conn, reply, DaemonToClientReply::TaskSubmitted { task_id });
        }
        self.settle(conn, ticket, task);
    }

    /// Answers once all is written that has been committed up to now.
    pub(super) fn answer_later(&mut self, conn: ConnId, reply: Reply, answer: DaemonToClientReply) {
        self.errand.after.push(After::Answer {
            conn,
            reply,
            answer: Box::new(answer),
        });
    }

    fn start_reading(&mut self, task: i64, from: Obj) {
        match self.parts.outside.connections.find(from) {
            Some(conn) => {
                if conn.input().read(task) {
                    self.pump(&conn);
                } else {
                    self.inputs.push_back(Answer {
                        task,
                        with: Err(ErrorCode::InvArg.into()).into(),
                    });
                }
            }
            None => self.ends.push(task),
        }
    }

    /// Runs a hook before the connection's next line.
    pub(super) fn start_hook(&mut self, conn: &Arc<Connection>, verb: &'static str) {
        let player = conn.object();
        let args = vec![Value::obj(player)];
        let mut job = errand::hook(&self.parts.outside, conn.listener, verb, player, args);
        job.conn = Some(conn.clone());
        conn.input().begin();
        self.submits.push_back(errand::unasked(job));
    }
}

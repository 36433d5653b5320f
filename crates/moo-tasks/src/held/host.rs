//! What a program may ask of the outside and do to it, answered from what surrounds the world and from what the attempt
//! itself holds back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use moo_model::{ErrorCode, Obj, Value};
use moo_vm::fork::ForkRequest;
use moo_vm::host::{
    Close, ConflictRow, Host, JobSeen, LagRow, NewJob, OrderCounts, Output, Presentation, QueuedTask, Rich,
};
use moo_vm::machine::Machine;

use super::{Effect, HeldHost, Shown};
use crate::board::{WAITING_MAX, Waiting, WaitsFor};
use crate::input_queue;
use crate::outside::Listening;

impl Host for HeldHost<'_> {
    fn now(&self) -> f64 {
        self.surroundings.now()
    }

    fn zone(&self, time: i64) -> (i32, String) {
        self.surroundings.zone(time)
    }

    fn random(&mut self) -> u64 {
        self.surroundings.random()
    }

    fn seconds_left(&self) -> f64 {
        self.allowance.cpu_end - self.surroundings.cpu_seconds()
    }

    fn is_killed(&self) -> bool {
        self.kill.load(Ordering::Relaxed)
    }

    fn yield_now(&mut self) {
        if !self.has_right_of_way {
            self.surroundings.yield_now();
        }
    }

    fn is_over_memory(&self) -> bool {
        self.surroundings.live_bytes() > self.allowance.bytes_end
    }

    fn connected(&self, all: bool) -> Vec<Obj> {
        let connections = self.outside.connections.all();
        let open = connections
            .iter()
            .filter(|connection| !self.held.is_closing(connection.id));
        open.map(|connection| connection.object())
            .filter(|object| all || object.0 >= 0)
            .collect()
    }

    fn connection_times(&self, conn: Obj) -> Option<(i64, i64)> {
        let connection = self.connection(conn)?;
        let now = self.surroundings.now() as i64;
        Some((
            (now - connection.since()).max(0),
            (now - connection.last_input()).max(0),
        ))
    }

    fn connection_name(&self, conn: Obj) -> Option<String> {
        Some(self.connection(conn)?.name.clone())
    }

    fn connection_option(&self, conn: Obj, name: &str) -> Option<Option<Value>> {
        let connection = self.connection(conn)?;
        if self.own_option(connection.id, name).is_some() {
            return Some(self.options_of(&connection).get(name));
        }
        let value = connection.input().options().get(name);
        Some(value)
    }

    fn connection_options(&self, conn: Obj) -> Option<Vec<(String, Value)>> {
        let connection = self.connection(conn)?;
        Some(self.options_of(&connection).all())
    }

    fn set_connection_option(&mut self, conn: Obj, name: &str, value: &Value) -> Result<(), ErrorCode> {
        let connection = self.require(conn)?;
        self.options_of(&connection).set(name, value)?;
        self.held.effects.push(Effect::SetOption {
            conn: connection.id,
            name: name.to_ascii_lowercase(),
            value: value.clone(),
        });
        Ok(())
    }

    fn connection_attributes(&self, conn: Obj) -> Option<Vec<(String, Value)>> {
        Some(self.connection(conn)?.display().attributes())
    }

    fn present(&mut self, conn: Obj, id: &str, shown: Option<Presentation>) -> Result<(), ErrorCode> {
        let connection = self.require(conn)?;
        let conn = connection.id;
        let mut display = connection.display();
        for effect in &self.held.effects {
            if let Effect::Present { conn: of, id, shown } = effect
                && *of == conn
            {
                // It was tried when it was asked for.
                display.present(id, shown.clone()).ok();
            }
        }
        display.present(id, shown.clone())?;
        let id = id.to_owned();
        self.held.effects.push(Effect::Present { conn, id, shown });
        Ok(())
    }

    fn output_delimiters(&self, conn: Obj) -> Option<(String, String)> {
        let connection = self.connection(conn)?;
        let input = connection.input();
        let (prefix, suffix) = input.delimiters();
        Some((prefix.to_owned(), suffix.to_owned()))
    }

    fn buffered_output(&self, conn: Obj) -> Option<usize> {
        // What was committed is with the host, which keeps its own measure; what this task holds is all there is here.
        let connection = self.connection(conn)?;
        let told = self.held.told.iter().find(|told| told.conn == connection.id);
        Some(told.map_or(0, |told| told.lines.iter().map(Shown::size).sum()))
    }

    fn notify(&mut self, conn: Obj, output: Output) -> bool {
        if let Some(connection) = self.connection(conn) {
            let is_binary = match self.own_option(connection.id, "binary") {
                Some(value) => value.is_true(),
                None => connection.input().options().binary,
            };
            self.held.push(&connection, Shown::Line { output, is_binary });
        }
        true
    }

    fn notify_rich(&mut self, conn: Obj, rich: Rich) -> bool {
        let Some(connection) = self.connection(conn) else {
            return false;
        };
        let takes = connection.takes(&rich.content_type);
        if takes {
            self.held.push(&connection, Shown::Rich(rich));
        } else if let Some(text) = rich.text {
            self.held.push(&connection, Shown::line(text));
        }
        takes
    }

    fn close(&mut self, conn: Obj, why: Close) {
        if let Some(connection) = self.connection(conn) {
            self.held.effects.push(Effect::Close(connection.id, why));
        }
    }

    fn switch_player(&mut self, conn: Obj, player: Obj, silent: bool) -> Result<(), ErrorCode> {
        let conn = self.require(conn)?.id;
        self.held
            .effects
            .push(Effect::SwitchPlayer { conn, player, silent });
        Ok(())
    }

    fn end_sessions(&mut self, player: Obj) {
        self.held.effects.push(Effect::EndSessions(player));
    }

    fn force_input(&mut self, conn: Obj, line: &str, at_front: bool) -> Result<(), ErrorCode> {
        let connection = self.require(conn)?;
        let mut input = connection.input();
        if input.is_full() {
            return Err(ErrorCode::Quota);
        }
        self.held.effects.push(Effect::ForceInput {
            conn: connection.id,
            line: line.to_owned(),
            at_front,
            number: input.number(at_front),
        });
        Ok(())
    }

    fn flush_input(&mut self, conn: Obj, show: bool) {
        if let Some(connection) = self.connection(conn) {
            self.held.effects.push(Effect::FlushInput {
                conn: connection.id,
                show,
            });
        }
    }

    fn read_line(&mut self, conn: Obj, take: bool) -> Result<Option<Value>, ErrorCode> {
        let connection = self.require(conn)?;
        let mut input = connection.input();
        if input.reader().is_some() {
            return Err(ErrorCode::InvArg);
        }
        let line = if take { input.take_held() } else { None };
        drop(input);
        let value = line.as_ref().map(input_queue::value_of);
        self.held.taken.extend(line.map(|line| (connection, line)));
        Ok(value)
    }

    fn is_input_task(&self, conn: Obj) -> bool {
        self.connection(conn)
            .is_some_and(|connection| connection.input_task() == self.task)
    }

    fn listen(&mut self, handler: Obj, port: i64, prints_messages: bool) -> Result<i64, ErrorCode> {
        if self.listeners().iter().any(|&(_, open, _)| open == port) {
            return Err(ErrorCode::InvArg);
        }
        if !(1..=65_535).contains(&port) {
            return Err(ErrorCode::Quota);
        }
        self.held.effects.push(Effect::Listen {
            handler,
            port,
            prints_messages,
        });
        Ok(port)
    }

    fn unlisten(&mut self, port: i64) -> Result<(), ErrorCode> {
        if !self.listeners().iter().any(|&(_, open, _)| open == port) {
            return Err(ErrorCode::InvArg);
        }
        self.held.effects.push(Effect::Unlisten(port));
        Ok(())
    }

    fn listeners(&self) -> Vec<(Obj, i64, bool)> {
        let mut open: Vec<_> = self.outside.listeners.all();
        for effect in &self.held.effects {
            match effect {
                Effect::Listen {
                    handler,
                    port,
                    prints_messages,
                } => open.insert(
                    0,
                    Listening {
                        handler: *handler,
                        port: *port,
                        prints_messages: *prints_messages,
                    },
                ),
                Effect::Unlisten(port) => open.retain(|known| known.port != *port),
                _ => {}
            }
        }
        open.into_iter()
            .map(|known| (known.handler, known.port, known.prints_messages))
            .collect()
    }

    fn next_task_id(&mut self) -> i64 {
        self.outside.ids.next()
    }

    fn fork(&mut self, request: ForkRequest) -> Result<(), ErrorCode> {
        if !self.may_queue(request.frame.progr, request.queue_limit) {
            return Err(ErrorCode::Quota);
        }
        let at = self.surroundings.now() + request.delay;
        self.held.forks.push(Waiting {
            id: request.id,
            player: self.player,
            waits_for: WaitsFor::Start(at),
            machine: Arc::new(Machine::for_fork(request)),
        });
        Ok(())
    }

    fn may_queue(&mut self, progr: Obj, limit: Option<i64>) -> bool {
        if self.outside.board.len() + self.held.forks.len() >= WAITING_MAX {
            return false;
        }
        limit.is_none_or(|limit| {
            let forks = self.held.forks.iter();
            let own = forks.filter(|fork| fork.owner() == progr).count();
            ((self.outside.board.count_of(progr) + own) as i64) < limit
        })
    }

    fn orders(&self, owner: Obj, verb: &(Obj, String)) -> OrderCounts {
        self.outside.board.count_orders(owner, verb)
    }

    fn queued_tasks(&self) -> Vec<QueuedTask> {
        let board = self.outside.board.all_but(self.task);
        let waiting = board.iter().map(Arc::as_ref).chain(&self.held.forks);
        let mut tasks: Vec<_> = waiting
            .filter(|task| !self.held.is_killing(task.id))
            .map(|task| task.describe(self.dialect))
            .collect();
        tasks.sort_by_key(|task| (task.start, task.id));
        tasks
    }

    fn resume(&mut self, id: i64, value: Value) -> Result<(), ErrorCode> {
        let waiting = self.outside.board.find_unwoken(id);
        let can_wake = waiting
            .is_some_and(|task| matches!(&task.waits_for, WaitsFor::Moment(_) | WaitsFor::Resume))
            && !self.held.is_killing(id)
            && !self
                .held
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Resume(woken, _) if *woken == id));
        if !can_wake {
            return Err(ErrorCode::InvArg);
        }
        self.held.effects.push(Effect::Resume(id, value));
        Ok(())
    }

    fn kill(&mut self, id: i64) -> Result<(), ErrorCode> {
        if !self.waits(id) {
            return Err(ErrorCode::InvArg);
        }
        let before = self.held.forks.len();
        self.held.forks.retain(|fork| fork.id != id);
        if self.held.forks.len() == before {
            self.held.effects.push(Effect::Kill(id));
        }
        Ok(())
    }

    fn enqueue_job(&mut self, job: NewJob, is_limited: bool) -> Result<String, ErrorCode> {
        self.enqueue(job, is_limited)
    }

    fn queued_jobs(&self, owner: Option<Obj>) -> Vec<JobSeen> {
        self.list_jobs(owner)
    }

    fn find_job(&self, id: &str) -> Option<JobSeen> {
        self.job(id)
    }

    fn cancel_job(&mut self, id: &str) -> Result<(), ErrorCode> {
        self.cancel(id)
    }

    fn queue_info(&self) -> Vec<Obj> {
        let mut players = self.connected(true);
        let board = self.outside.board.all_but(self.task);
        for player in board.iter().map(|task| task.player) {
            if !players.contains(&player) {
                players.push(player);
            }
        }
        players
    }

    fn log(&mut self, text: &str, is_error: bool) {
        self.held.effects.push(Effect::Log {
            text: text.to_owned(),
            is_error,
        });
    }

    fn shutdown(&mut self, message: String) {
        self.held.effects.push(Effect::Shutdown(message));
    }

    fn dump_database(&mut self) {
        self.held.effects.push(Effect::Dump);
    }

    fn db_disk_size(&self) -> i64 {
        self.surroundings.db_disk_size()
    }

    fn conflicts(&self) -> Vec<ConflictRow> {
        self.outside.conflicts.rows()
    }

    fn lag(&self) -> Vec<LagRow> {
        self.surroundings.lag()
    }

    fn usage(&self) -> Value {
        self.surroundings.usage()
    }

    fn collect_garbage(&mut self) {
        self.held.effects.push(Effect::Collect);
    }

    fn load_server_options(&mut self) {
        self.held.effects.push(Effect::LoadOptions);
    }
}

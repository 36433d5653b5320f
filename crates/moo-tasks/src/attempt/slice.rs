//! What a slice of each kind of task does inside its transaction.

use std::sync::Arc;

use arc_swap::Guard;
use moo_model::world::{Transaction, VerbHit};
use moo_model::{Obj, Raised, Symbol, Value};
use moo_vm::frame::CommandWords;
use moo_vm::machine::{Env, Machine, VerbStart};
use moo_vm::options::{ServerOptions, slice_limits};
use moo_vm::outcome::{Limit, Outcome, Wake};
use moo_vm::task::TaskState;

use super::{End, Failure, Job, Used, Work};
use crate::board::{Waiting, WaitsFor};
use crate::connections::Connection;
use crate::held::HeldHost;
use crate::input_queue::Programming;
use crate::login::{self, Login};
use crate::outside::Outside;
use crate::request::Request;
use crate::{collection, command};
use moo_vm::host::Host;

const NOT_UNDERSTOOD: &str = "I couldn't understand that.";

/// A slice inside its transaction.
pub(super) struct Slice<'a> {
    pub(super) tx: Transaction,
    pub(super) host: HeldHost<'a>,
    pub(super) spawned: Vec<Waiting>,
    pub(super) login: Option<Login>,
    pub(super) programming: Option<Programming>,
    pub(super) used: Used,
    job: &'a Job,
    outside: &'a Outside,
    options: Guard<Arc<ServerOptions>>,
}

/// A verb that the server itself calls: no caller, `this` where it was found.
struct ServerCall<'a> {
    on: Obj,
    verb: &'a str,
    player: Obj,
    args: Value,
    argstr: &'a str,
}

impl<'a> Slice<'a> {
    pub(super) fn new(job: &'a Job, tx: Transaction, host: HeldHost<'a>, outside: &'a Outside) -> Slice<'a> {
        Slice {
            tx,
            host,
            spawned: Vec::new(),
            login: None,
            programming: None,
            used: Used::default(),
            job,
            outside,
            options: outside.options(),
        }
    }

    /// Runs until the task ends or waits, errors and their handlers included.
    pub(super) fn run(&mut self) -> End {
        let job = self.job;
        match (&job.work, &job.conn) {
            (Work::Login(line) | Work::Authenticate(line), Some(conn)) => self.log_in(conn, &line.text),
            (Work::Command { line, may_program }, Some(conn)) => {
                self.in_delimiters(conn, |slice| slice.command(conn, &line.text, *may_program))
            }
            (Work::OutOfBand(line), Some(conn)) => {
                let call = ServerCall {
                    on: conn.listener,
                    verb: "do_out_of_band_command",
                    player: job.player,
                    args: Value::strings(command::words(&line.text)),
                    argstr: &line.text,
                };
                self.server_call(call).unwrap_or_else(nothing)
            }
            (Work::Program(program), Some(conn)) => {
                self.in_delimiters(conn, |slice| slice.finish_program(conn, program))
            }
            (Work::Hook { on, verb, args }, _) => {
                let call = ServerCall {
                    on: *on,
                    verb,
                    player: job.player,
                    args: Value::list(args.clone()),
                    argstr: "",
                };
                self.server_call(call).unwrap_or_else(nothing)
            }
            (Work::Request(request), _) => self.answer(request),
            (Work::Collect(obj), _) => match collection::machine(&mut self.tx, *obj) {
                Some(machine) => {
                    let outcome = self.drive(job.id, machine, None, false);
                    self.settle(outcome)
                }
                None => nothing(),
            },
            (Work::Service(service), _) => {
                let call = ServerCall {
                    on: Obj::SYSTEM,
                    verb: &service.verb(),
                    player: job.player,
                    args: Value::list(service.args.clone()),
                    argstr: "",
                };
                let end = self.server_call(call).unwrap_or(End::Failed(Failure::NoVerb));
                if service.is_undone(&end) {
                    self.undo();
                }
                end
            }
            (Work::Start(machine), _) => {
                let outcome = self.drive(job.id, Machine::clone(machine), None, false);
                self.settle(outcome)
            }
            (Work::Resume { machine, wake }, _) => {
                let outcome = self.drive(job.id, Machine::clone(machine), Some(wake.clone()), false);
                self.settle(outcome)
            }
            _ => nothing(),
        }
    }

    /// Carries out a request; where one of its actions failed and all were to stand or fall together, none takes effect.
    fn answer(&mut self, request: &Request) -> End {
        let machine = request.machine(&mut self.tx, self.job.player);
        let outcome = self.drive(self.job.id, machine, None, true);
        let end = self.settle(outcome);
        if let End::Done(returned) = &end
            && request.is_undone(returned)
        {
            self.undo();
        }
        end
    }

    /// Nothing that was done so far takes effect.
    fn undo(&mut self) {
        self.tx.start_over();
        std::mem::take(&mut self.host.held).undo();
        self.spawned.clear();
    }

    /// Prints the connection's delimiters around what `body` prints.
    fn in_delimiters(&mut self, conn: &Connection, body: impl FnOnce(&mut Self) -> End) -> End {
        let (prefix, suffix) = {
            let input = conn.input();
            let (prefix, suffix) = input.delimiters();
            (prefix.to_owned(), suffix.to_owned())
        };
        if !prefix.is_empty() {
            self.host.tell(conn, &prefix);
        }
        let end = body(self);
        if !suffix.is_empty() {
            self.host.tell(conn, &suffix);
        }
        end
    }

    fn log_in(&mut self, conn: &Connection, line: &str) -> End {
        let max_before = self.tx.max_object();
        let call = ServerCall {
            on: conn.listener,
            verb: "do_login_command",
            player: self.job.player,
            args: Value::strings(command::words(line)),
            argstr: line,
        };
        let end = self.server_call(call).unwrap_or_else(nothing);
        if let End::Done(value) = &end {
            self.login = login::verdict(&mut self.tx, value, max_before);
        }
        end
    }

    fn command(&mut self, conn: &Connection, line: &str, may_program: bool) -> End {
        if may_program && let Some(end) = self.start_program(conn, line) {
            return end;
        }
        let player = self.job.player;
        let call = ServerCall {
            on: conn.listener,
            verb: "do_command",
            player,
            args: Value::strings(command::words(line)),
            argstr: line,
        };
        match self.server_call(call) {
            None => {}
            Some(End::Done(value)) if !value.is_true() => {}
            Some(end) => return end,
        }
        let Some(parsed) = command::parse(line) else {
            return nothing();
        };
        let matched = parsed.match_objects(&mut self.tx, player);
        let Some(found) = parsed.find_verb(&mut self.tx, player, &matched) else {
            self.host.tell(conn, NOT_UNDERSTOOD);
            return End::Failed(Failure::NoCommand);
        };
        let start = VerbStart {
            progr: found.hit.verb.owner,
            hit: found.hit,
            this: found.this,
            player,
            caller: player,
            verb: Value::str(&parsed.verb),
            args: Value::strings(&parsed.args),
            words: matched.words,
        };
        let outcome = self.drive(self.job.id, Machine::for_verb(start), None, true);
        self.settle(outcome)
    }

    /// Calls a verb for the server; `None` if there is none.
    fn server_call(&mut self, call: ServerCall<'_>) -> Option<End> {
        let hit = self.find(call.on, call.verb)?;
        let outcome = self.drive(self.job.id, machine_of(hit, call), None, true);
        Some(self.settle(outcome))
    }

    fn find(&mut self, on: Obj, verb: &str) -> Option<triomphe::Arc<VerbHit>> {
        if !self.tx.valid(on) {
            return None;
        }
        self.tx.find_callable_verb(on, Symbol::new(verb)).cloned()
    }

    fn drive(
        &mut self,
        id: i64,
        mut machine: Machine,
        wake: Option<Result<Value, Raised>>,
        foreground: bool,
    ) -> (Machine, Outcome) {
        let limits = slice_limits(&mut self.tx, foreground);
        self.host.begin_slice(limits.seconds);
        let mut task = TaskState::new(id, limits, foreground);
        let mut env = Env {
            tx: &mut self.tx,
            host: &mut self.host,
            task: &mut task,
            options: &self.options,
        };
        let outcome = machine.run(&mut env, wake);
        self.used.add(Used {
            ticks: u64::try_from(limits.ticks - task.ticks_left).unwrap_or(0),
            seconds: task.seconds_used,
        });
        (machine, outcome)
    }

    /// What an outcome means for the task; errors are handled and told here.
    fn settle(&mut self, (machine, outcome): (Machine, Outcome)) -> End {
        match outcome {
            Outcome::Done(value) => End::Done(value),
            Outcome::Suspended(wake) => End::Waits(Arc::new(self.waiting(self.job.id, machine, wake))),
            Outcome::Killed => End::Failed(Failure::Killed),
            Outcome::Uncaught {
                raised,
                traceback,
                lines,
            } => {
                let args = vec![
                    raised.code.clone(),
                    raised.message(),
                    raised.value.clone(),
                    traceback,
                    Value::strings(&lines),
                ];
                self.report_failure("handle_uncaught_error", args, &lines);
                End::Failed(Failure::Uncaught { raised, lines })
            }
            Outcome::Aborted {
                limit,
                traceback,
                lines,
            } => {
                let (name, failure) = match limit {
                    Limit::Ticks => ("ticks", Failure::Ticks),
                    Limit::Seconds => ("seconds", Failure::Seconds),
                };
                let args = vec![Value::str(name), traceback, Value::strings(&lines)];
                self.report_failure("handle_task_timeout", args, &lines);
                End::Failed(failure)
            }
        }
    }

    fn waiting(&mut self, id: i64, machine: Machine, wake: Wake) -> Waiting {
        let waits_for = match wake {
            Wake::After(seconds) => WaitsFor::Moment(self.host.now() + seconds),
            Wake::Never => WaitsFor::Resume,
            Wake::Input(conn) => WaitsFor::Input(conn, self.host.random()),
            Wake::Work(order) => WaitsFor::Work(Arc::new(*order)),
        };
        Waiting {
            id,
            player: self.job.player,
            waits_for,
            machine: Arc::new(machine),
        }
    }

    /// Gives the failure to the world's handler; what that does not take is told to the player.
    fn report_failure(&mut self, handler: &str, args: Vec<Value>, lines: &[String]) {
        if !self.is_handled(handler, args) {
            let player = self.job.player;
            lines.iter().for_each(|line| self.host.tell_player(player, line));
        }
    }

    fn is_handled(&mut self, handler: &str, args: Vec<Value>) -> bool {
        let Some(hit) = self.find(Obj::SYSTEM, handler) else {
            return false;
        };
        let call = ServerCall {
            on: Obj::SYSTEM,
            verb: handler,
            player: self.job.player,
            args: Value::list(args),
            argstr: "",
        };
        let id = self.outside.ids.next();
        match self.drive(id, machine_of(hit, call), None, true) {
            (_, Outcome::Done(value)) => value.is_true(),
            (machine, Outcome::Suspended(wake)) => {
                let waiting = self.waiting(id, machine, wake);
                self.spawned.push(waiting);
                true
            }
            _ => false,
        }
    }
}

fn nothing() -> End {
    End::Done(Value::int(0))
}

fn machine_of(hit: triomphe::Arc<VerbHit>, call: ServerCall<'_>) -> Machine {
    let words = if call.argstr.is_empty() {
        CommandWords::none()
    } else {
        let none = CommandWords::none();
        Arc::new(CommandWords {
            argstr: Value::str(call.argstr),
            ..(*none).clone()
        })
    };
    Machine::for_verb(VerbStart {
        progr: hit.verb.owner,
        hit,
        this: call.on,
        player: call.player,
        caller: Obj::NOTHING,
        verb: Value::str(call.verb),
        args: call.args,
        words,
    })
}

//! Errors on their way: from where they are raised to the handler, or out of the task.
//!
//! Invariant: a traceback is made only when somebody will see it: a handler that binds it, a `finally` that passes it
//! on, or the player.

use moo_lang::opcode::Op;
use moo_lang::program::{Catches, Codes, Handler, Program, ScatterKind};
use moo_model::value::Kind;
use moo_model::world::Dialect;
use moo_model::{ErrorCode, Obj, Raised, Value, literal};

use super::drive::Stop;
use super::{Env, Machine, index};
use crate::frame::{Frame, Running};
use crate::outcome::{Limit, Outcome};

/// The last line of a traceback.
const END: &str = "(End of traceback)";

/// Where an error is caught: the frame's index, and the handler's target and kind.
struct Found {
    frame: usize,
    target: u32,
    catches: Catches,
}

/// The part of a traceback that was recorded before a `finally` passed the error on.
#[derive(Default)]
struct Recorded {
    rows: Vec<Value>,
    lines: Vec<String>,
}

impl Machine {
    /// Takes an error to its handler: the machine goes on there. `Err` when nothing catches it.
    pub(super) fn raise(&mut self, raised: Raised, env: &mut Env<'_>) -> Result<(), Box<Outcome>> {
        let (raised, recorded) = match env.task.reraised.take() {
            Some(whole) => again(&whole),
            None => (raised, None),
        };
        if !self.top().debug && recorded.is_none() {
            self.shrug_off(&raised, env);
            return Ok(());
        }
        let Some(found) = self.find_handler(&raised.code) else {
            let (traceback, mut lines) = self.report(&raised.message(), recorded, 0, env);
            lines.push(END.to_string());
            while !self.frames.is_empty() {
                self.unwind_one(env);
            }
            return Err(Box::new(Outcome::Uncaught {
                raised,
                traceback,
                lines,
            }));
        };
        let whole = match found.catches {
            Catches::Codes { whole, into, .. } => whole && into.is_some(),
            Catches::Finally { .. } => true,
        };
        let report = if whole {
            self.report(&raised.message(), recorded, found.frame, env)
        } else {
            Default::default()
        };
        while self.frames.len() > found.frame + 1 {
            self.unwind_one(env);
        }
        self.top_mut().pc = found.target;
        self.bind(&found, raised, report);
        Ok(())
    }

    /// In a verb without the `d` bit the error becomes the value of the failing expression: of one that sets a part of a value,
    /// what is then kept in place of the whole.
    fn shrug_off(&mut self, raised: &Raised, env: &mut Env<'_>) {
        let frame = self.top();
        let op = frame.program().code[frame.pc.saturating_sub(1) as usize];
        match op {
            Op::RangePrepare { .. } | Op::ListPrepare { .. } | Op::PairPrepare { .. } => {
                self.top_mut().pc += 1
            }
            Op::ScatterFrom { spec, .. } | Op::ScatterArgs { spec } => {
                self.assign_nothing(spec);
            }
            // A list in the making has no other name. A variable's own list keeps its value until it is edited, which
            // fails as well.
            Op::CheckList { a } if !frame.program().is_variable(a) => self.put(a, raised.code.clone()),
            Op::CheckVar { var } => self.put(var, raised.code.clone()),
            Op::SetIndex { base, .. } | Op::SetRange { base, .. } => self.put(base, raised.code.clone()),
            Op::SetPath { base, at, depth } => {
                let regs = self.view().regs;
                let (at, value) = (usize::from(at), usize::from(at) + usize::from(depth));
                let mut whole = regs[usize::from(base)].take();
                let (path, value) = (&regs[at..value], regs[value].clone());
                index::set_path_regardless(&mut whole, path, value, env.task, env.options);
                regs[usize::from(base)] = whole;
            }
            // The compiler keeps what is assigned in a register of its own, where the value of the assignment is used.
            Op::SetProp { value, .. } | Op::SetThisProp { value, .. } | Op::SetPropNamed { value, .. }
                if !frame.program().is_variable(value) =>
            {
                self.put(value, raised.code.clone());
            }
            // What follows takes the variable for set.
            Op::MoveVar { to, from } => {
                self.put(from, raised.code.clone());
                self.put(to, raised.code.clone());
            }
            _ => {
                if let Some(register) = op.result() {
                    self.put(register, raised.code.clone());
                }
            }
        }
    }

    /// A scattering assignment failed and the verb goes on: what it should have assigned, and was never assigned before,
    /// is `E_VARNF` from now on, as if it had been asked for.
    fn assign_nothing(&mut self, spec: u16) {
        let base = self.top().base as usize;
        let Machine { stack, frames } = self;
        let frame = frames.last_mut().expect("a frame raised the error");
        let spec = &frame.running.program().scatters[usize::from(spec)];
        for target in &spec.targets {
            let register = &mut stack[base + usize::from(target.register)];
            if target.kind != ScatterKind::Optional(None) && register.is_unset() {
                *register = Value::err(ErrorCode::VarNf);
            }
        }
        frame.state.pc = spec.done;
    }

    fn find_handler(&self, code: &Value) -> Option<Found> {
        self.frames.iter().enumerate().rev().find_map(|(index, frame)| {
            let registers = &self.stack[frame.base as usize..];
            let handler = handler_of(frame.program(), frame.pc as usize, code, registers)?;
            Some(Found {
                frame: index,
                target: handler.target,
                catches: handler.catches,
            })
        })
    }

    /// Gives the handler what it asked for.
    fn bind(&mut self, found: &Found, raised: Raised, report: (Value, Vec<String>)) {
        let (rows, lines) = report;
        match found.catches {
            Catches::Codes { into: None, .. } => {}
            Catches::Codes {
                into: Some(into),
                whole: false,
                ..
            } => self.put(into, raised.code),
            Catches::Codes {
                into: Some(into),
                whole: true,
                ..
            } => {
                let message = raised.message();
                self.put(into, Value::list(vec![raised.code, message, raised.value, rows]));
            }
            Catches::Finally { reason } => {
                let message = raised.message();
                let kept = vec![raised.code, message, raised.value, rows, Value::strings(lines)];
                self.put(reason, Value::int(1));
                self.put(reason + 1, Value::list(kept));
            }
        }
    }

    /// Takes the top frame off because an error, or the end of the task, goes through it.
    fn unwind_one(&mut self, env: &mut Env<'_>) {
        match self.top().running {
            Running::Builtin(..) => self.drop_builtin(env),
            _ => _ = self.pop_frame(),
        }
    }

    /// The task went past a limit: no handler runs.
    pub(super) fn aborted(&mut self, limit: Limit, env: &mut Env<'_>) -> Outcome {
        let text = match limit {
            Limit::Ticks => "Task ran out of ticks",
            Limit::Seconds => "Task ran out of seconds",
        };
        let (traceback, mut lines) = self.report(&Value::str(text), None, 0, env);
        lines.push(END.to_string());
        self.frames.clear();
        self.stack.shrink(0);
        Outcome::Aborted {
            limit,
            traceback,
            lines,
        }
    }

    /// The traceback from the top frame down to the one with this index, as rows and as lines.
    fn report(
        &self,
        message: &Value,
        recorded: Option<Recorded>,
        down_to: usize,
        env: &Env<'_>,
    ) -> (Value, Vec<String>) {
        let dialect = env.tx.settings().dialect;
        let was_recorded = recorded.is_some();
        let Recorded { mut rows, mut lines } = recorded.unwrap_or_default();
        // What was recorded ends with the frame that is on top now.
        let frames = self.frames[down_to..]
            .iter()
            .rev()
            .skip(usize::from(was_recorded));
        for frame in frames {
            rows.push(traceback_row(frame, redacted(&frame.this)));
            let place = place(frame, dialect);
            lines.push(match lines.is_empty() {
                true => format!("{place}:  {}", literal::to_str(message)),
                false => format!("... called from {place}"),
            });
        }
        (Value::list(rows), lines)
    }
}

/// The handler of a frame that answers to an error there. `pc` is past the instruction that raised it.
fn handler_of<'a>(program: &'a Program, pc: usize, code: &Value, registers: &[Value]) -> Option<&'a Handler> {
    let at = (pc as u32).saturating_sub(1);
    let answers = |catches| {
        let codes = match catches {
            Catches::Finally { .. }
            | Catches::Codes {
                codes: Codes::Any, ..
            } => return true,
            Catches::Codes {
                codes: Codes::Constant(k),
                ..
            } => &program.constants[usize::from(k)],
            Catches::Codes {
                codes: Codes::Register(register),
                ..
            } => &registers[usize::from(register)],
        };
        codes.as_list().is_some_and(|codes| codes.contains(code))
    };
    program
        .handlers
        .iter()
        .find(|handler| (handler.from..handler.to).contains(&at) && answers(handler.catches))
}

/// Where the running frame goes on after an error, if it has a handler that wants the code at most; else what the loop is
/// left with. `pc` is as above.
#[cold]
#[inline(never)]
pub(super) fn caught<E: Into<Raised>>(
    program: &Program,
    debug: bool,
    pc: usize,
    raised: E,
    registers: &mut [Value],
) -> Result<usize, Box<Stop>> {
    let raised = raised.into();
    let found = handler_of(program, pc, &raised.code, registers).filter(|_| debug);
    match found {
        Some(&Handler {
            target,
            catches: Catches::Codes { into: None, .. },
            ..
        }) => Ok(target as usize),
        Some(&Handler {
            target,
            catches:
                Catches::Codes {
                    into: Some(into),
                    whole: false,
                    ..
                },
            ..
        }) => {
            registers[usize::from(into)] = raised.code;
            Ok(target as usize)
        }
        _ => Err(raised.into()),
    }
}

/// An error that a `finally` kept, with what was recorded of its traceback.
fn again(whole: &Value) -> (Raised, Option<Recorded>) {
    let part = |nth: usize| {
        whole
            .as_list()
            .and_then(|parts| parts.get(nth))
            .cloned()
            .unwrap_or_default()
    };
    let raised = Raised {
        code: part(0),
        message: Some(part(1)),
        value: part(2),
    };
    let lines = part(4)
        .as_list()
        .unwrap_or(&[])
        .iter()
        .filter_map(|line| line.as_str().map(str::to_string))
        .collect();
    let recorded = Recorded {
        rows: part(3).as_list().unwrap_or(&[]).to_vec(),
        lines,
    };
    (raised, Some(recorded))
}

/// `{this, verb, programmer, definer, player, line}`; a built-in function has only its name and player.
/// `this` is what is shown of the frame's own.
pub fn traceback_row(frame: &Frame, this: Value) -> Value {
    let nothing = || Value::obj(Obj::NOTHING);
    let player = Value::obj(frame.player);
    Value::list(match frame.builtin_name() {
        Some(name) => vec![
            nothing(),
            Value::str(name),
            nothing(),
            nothing(),
            player,
            Value::int(0),
        ],
        None => vec![
            this,
            frame.verb.clone(),
            Value::obj(frame.progr),
            Value::obj(frame.definer),
            player,
            Value::int(i64::from(frame.line())),
        ],
    })
}

/// The value, or in place of an anonymous object one that never was: who sees an error does not come by a reference.
pub fn redacted(this: &Value) -> Value {
    match this.kind() {
        Kind::Anon => Value::obj(Obj::NO_ANONYMOUS),
        _ => this.clone(),
    }
}

/// Where a frame is, for a line of a traceback.
fn place(frame: &Frame, dialect: Dialect) -> String {
    if let Some(name) = frame.builtin_name() {
        return format!("built-in function {name}()");
    }
    let names = frame.verb_names();
    let mut text = format!("{}:{}", frame.definer, names.as_str().unwrap_or(""));
    let is_definer = frame.this.as_obj() == Some(frame.definer);
    let is_eval = matches!(frame.running, Running::Eval(_) | Running::ForkOfEval(_));
    if !is_eval && is_definer == (dialect == Dialect::Toast) {
        text.push_str(&format!(" (this == {})", literal::to_literal(&frame.this)));
    }
    format!("{text}, line {}", frame.line())
}

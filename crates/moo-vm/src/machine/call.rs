//! Entering and leaving frames: verb calls, forks, returns.

use moo_lang::opcode::Op;
use moo_model::world::VerbHit;
use moo_model::{ErrorCode, Symbol, Value, View};
use triomphe::Arc;

use super::run::{Go, Stop, argument_list, words_of};
use super::{Env, Machine};
use crate::executable::Executable;
use crate::fork::ForkRequest;
use crate::frame::{Frame, FrameArgs, Running};
use crate::options;

/// Stands for "no variable" in a `Fork` instruction.
const NO_VARIABLE: u16 = u16::MAX;

impl Machine {
    #[inline]
    pub(super) fn top(&self) -> &Frame {
        self.frames.last().expect("a machine that runs has a frame")
    }

    #[inline]
    pub(super) fn top_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("a machine that runs has a frame")
    }

    /// A register of the top frame.
    #[inline]
    fn register(&mut self, register: u16) -> &mut Value {
        let base = self.top().base as usize;
        &mut self.stack[base + usize::from(register)]
    }

    /// Puts a value into a register of the top frame.
    #[inline]
    pub(super) fn put(&mut self, register: u16, value: Value) {
        *self.register(register) = value;
    }

    /// Gives a value to the call in which the top frame waits.
    pub(super) fn deliver(&mut self, value: Value) {
        let frame = self.top();
        let op = frame.program().code[frame.pc as usize - 1];
        if let Some(register) = op.result() {
            self.put(register, value);
        }
    }

    /// Does what the loop left to the machine: the call in the instruction that the top frame just passed.
    pub(super) fn enter(&mut self, env: &mut Env<'_>) -> Go {
        let frame = self.top();
        let program = frame.program();
        match program.code[frame.pc as usize - 1] {
            Op::CallVerb { at, name, count } => {
                let name = &program.names[usize::from(name)];
                let (symbol, text) = (name.symbol, name.text.clone());
                self.call_verb(at, Some(symbol), text, at + 1, Some(count), env)
            }
            Op::CallVerbList { at, name } => {
                let name = &program.names[usize::from(name)];
                let (symbol, text) = (name.symbol, name.text.clone());
                self.call_verb(at, Some(symbol), text, at + 1, None, env)
            }
            Op::CallVerbNamed { at, count } => self.call_named(at, Some(count), env),
            Op::CallVerbNamedList { at } => self.call_named(at, None, env),
            Op::CallBuiltin { at, function, count } => self.call_outside(at, function, Some(count), env),
            Op::CallBuiltinList { at, function } => self.call_outside(at, function, None, env),
            Op::Fork { delay, var } => self.fork(delay, var, env),
            other => unreachable!("the loop does not leave {} to the machine", other.name()),
        }
    }

    /// A built-in function that needs a frame, or whose calls go to `#0`.
    fn call_outside(&mut self, at: u16, function: u16, count: Option<u16>, env: &mut Env<'_>) -> Go {
        let builtin = self.top().program().builtins[usize::from(function)].ok_or(ErrorCode::InvArg)?;
        match env.task.pending.take() {
            Some(flow) => self.follow(flow, builtin.name, at, env),
            None => {
                let args = self.take_arguments(at, count);
                self.call_function(builtin, args, at, env)
            }
        }
    }

    fn take_arguments(&mut self, at: u16, count: Option<u16>) -> Vec<Value> {
        match count {
            Some(count) => (at..at + count).map(|r| self.register(r).take()).collect(),
            None => self.register(at).take().as_list().unwrap_or(&[]).to_vec(),
        }
    }

    fn call_named(&mut self, at: u16, count: Option<u16>, env: &mut Env<'_>) -> Go {
        let name = self.register(at + 1).take();
        let Some(text) = name.as_str() else {
            return Err(ErrorCode::Type.into());
        };
        let symbol = Symbol::find(text);
        self.call_verb(at, symbol, name, at + 2, count, env)
    }

    /// Calls a verb of the receiver in register `at`, which also receives the result. The arguments are in the
    /// registers from `first` on, or, without a count, in the list that is there.
    fn call_verb(
        &mut self,
        at: u16,
        symbol: Option<Symbol>,
        verb: Value,
        first: u16,
        count: Option<u16>,
        env: &mut Env<'_>,
    ) -> Go {
        let Some(obj) = self.register(at).as_obj() else {
            return Err(ErrorCode::Type.into());
        };
        let hit = match symbol {
            Some(symbol) => env.tx.find_callable_verb(obj, symbol),
            None => env.tx.find_callable_verb_named(obj, verb.as_str().unwrap_or("")),
        };
        let Some(hit) = hit else {
            let missing = if env.tx.valid(obj) {
                ErrorCode::VerbNf
            } else {
                ErrorCode::InvInd
            };
            return Err(missing.into());
        };
        let args = match count {
            // The arguments are taken once the frame's registers are in place below them.
            Some(count) => FrameArgs::Window(count),
            None => FrameArgs::List(self.register(first).take()),
        };
        let from = self.top().base as usize + usize::from(first);
        self.push_verb(Value::obj(obj), hit, verb, args, at, env)?;
        if let Some(count) = count {
            for nth in from..from + usize::from(count) {
                let value = self.stack[nth].take();
                self.stack.push(value);
            }
        }
        Ok(())
    }

    /// Puts a verb on top, called by the present top frame. A window of arguments is pushed by the caller afterwards.
    pub(super) fn push_verb(
        &mut self,
        this: Value,
        hit: Arc<VerbHit>,
        verb: Value,
        args: FrameArgs,
        result: u16,
        env: &mut Env<'_>,
    ) -> Go {
        self.check_depth(env)?;
        let program = Executable::of_hit(&hit).ok_or(ErrorCode::InvArg)?;
        let caller = self.top();
        let player = match caller.player_var.as_obj() {
            Some(player) if player == caller.player || env.tx.is_wizard(caller.progr) => player,
            _ => caller.player,
        };
        let registers = usize::from(program.registers);
        let base = self.stack.len();
        let debug = hit.verb.perms.has(moo_model::world::VerbPerms::DEBUG);
        let (definer, progr) = (hit.definer, hit.verb.owner);
        if let Some((caller, frame)) = self.frames.push_place() {
            let again = matches!(&frame.running, Running::Verb(last) if Arc::ptr_eq(last, &hit));
            if !again {
                frame.running = Running::Verb(hit);
            }
            (frame.pc, frame.base, frame.result, frame.debug) = (0, base as u32, result, debug);
            (frame.definer, frame.progr, frame.player) = (definer, progr, player);
            frame.args = args;
            frame.this = this;
            frame.caller = caller.this.clone();
            frame.player_var = Value::obj(player);
            frame.verb = verb;
        } else {
            let frame = Frame {
                pc: 0,
                base: base as u32,
                result,
                debug,
                args,
                this,
                caller: self.top().this.clone(),
                definer,
                progr,
                player,
                player_var: Value::obj(player),
                verb,
                words: None,
                running: Running::Verb(hit),
            };
            self.frames.push(frame);
        }
        self.stack.resize_with(base + registers, || Value::UNSET);
        Ok(())
    }

    /// Puts a frame on top, with its registers unset.
    #[inline(always)]
    pub(super) fn push_frame(&mut self, frame: Frame) {
        let registers = usize::from(frame.program().registers);
        self.stack
            .resize_with(frame.base as usize + registers, || Value::UNSET);
        self.frames.push(frame);
    }

    /// Takes the top frame off, with its registers; gives the register of the frame below that awaits its result.
    #[inline]
    pub(super) fn pop_frame(&mut self) -> u16 {
        let frame = self.top();
        let (base, result) = (frame.base as usize, frame.result);
        self.frames.pop();
        self.stack.truncate(base);
        result
    }

    /// `E_MAXREC` when one more verb would be too many. Built-in functions that wait are not counted.
    #[inline]
    pub(super) fn check_depth(&self, env: &Env<'_>) -> Go {
        if self.frames.len() < env.task.limits.depth {
            return Ok(());
        }
        let verbs = self
            .frames
            .iter()
            .filter(|frame| frame.builtin_name().is_none())
            .count();
        if verbs < env.task.limits.depth {
            Ok(())
        } else {
            Err(ErrorCode::MaxRec.into())
        }
    }

    /// The top frame returns: its value goes to the frame below, or, when there is none, out.
    #[inline]
    pub(super) fn leave(&mut self, value: Value, env: &mut Env<'_>) -> Go {
        let result = self.pop_frame();
        let Some(below) = self.frames.last() else {
            return Err(Box::new(Stop::Done(value)));
        };
        if below.builtin_name().is_some() {
            return self.resume_builtin(value, env);
        }
        let register = below.base as usize + usize::from(result);
        self.stack[register] = value;
        Ok(())
    }

    /// Starts a task with this frame's variables; the instruction after the next one is its first.
    fn fork(&mut self, delay: u16, var: u16, env: &mut Env<'_>) -> Go {
        let delay = match self.register(delay).view() {
            View::Int(seconds) if seconds >= 0 => seconds as f64,
            View::Int(_) => return Err(ErrorCode::InvArg.into()),
            _ => return Err(ErrorCode::Type.into()),
        };
        let top = self.top().base as usize;
        let (registers, above) = self.stack[top..].split_at(usize::from(self.top().program().registers));
        let (mut registers, above) = (registers.to_vec(), above.to_vec());
        let (frame, below) = self
            .frames
            .split_last_mut()
            .expect("a machine that runs has a frame");
        argument_list(&mut frame.args, &above);
        let mut body = frame.clone();
        body.words = Some(words_of(frame, below).clone());
        if !super::fits(registers.iter().chain(body.values())) {
            return Err(ErrorCode::Quota.into());
        }
        let progr = body.progr;
        body.pc += 1;
        body.base = 0;
        body.running = match body.running {
            Running::Verb(hit) => Running::Fork(hit),
            Running::Eval(program) => Running::ForkOfEval(program),
            other => other,
        };
        let id = env.host.next_task_id();
        if var != NO_VARIABLE {
            registers[usize::from(var)] = Value::int(id);
            self.put(var, Value::int(id));
        }
        let queue_limit = options::queued_task_limit(env.tx, progr);
        env.host.fork(ForkRequest {
            id,
            delay,
            frame: body,
            registers,
            queue_limit,
        })?;
        Ok(())
    }
}

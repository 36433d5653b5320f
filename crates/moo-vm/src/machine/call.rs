//! Entering and leaving frames: verb calls, forks, returns.

use moo_lang::opcode::{NO_VARIABLE, Op};
use moo_lang::program::Name;
use moo_model::world::{Transaction, VerbHit, VerbPerms};
use moo_model::{ErrorCode, Obj, Symbol, Value, View};

use super::drive::{Go, Stop};
use super::variables::words_of;
use super::{Env, Machine};
use crate::executable::Entry;
use crate::fork::ForkRequest;
use crate::frame::{FoundBy, Frame, FrameArgs, FrameState, NOWHERE, Running};
use crate::options;

/// A call of a verb that is yet to be found.
pub(super) struct Call {
    /// The receiver.
    pub this: Obj,
    /// The name used.
    pub verb: Value,
    /// The player of the verb.
    pub player: Obj,
    /// The calling frame's register for the result.
    pub at: u16,
    /// Where the calling frame's registers start.
    pub base: u32,
    /// Its register with the first argument, or the list of them.
    pub first: u16,
    /// How many arguments; `None` where they are a list.
    pub count: Option<u16>,
}

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
    pub(super) fn register(&mut self, register: u16) -> &mut Value {
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
    #[inline(never)]
    pub(super) fn enter(&mut self, env: &mut Env<'_>) -> Go {
        let frame = self.top();
        let program = frame.program();
        match program.code[frame.pc as usize - 1] {
            Op::CallVerbList { at, name, .. } => {
                let name = &program.names[usize::from(name)];
                let (symbol, text) = (name.symbol, name.text.clone());
                self.call_verb(Some(symbol), text, (at, at + 1, None), env)
            }
            Op::CallVerbNamed { at, count, .. } => self.call_named(at, Some(count), env),
            Op::CallVerbNamedList { at, .. } => self.call_named(at, None, env),
            Op::CallBuiltin {
                at, function, count, ..
            } => {
                let args = |m: &mut Machine| (at..at + count).map(|r| m.register(r).take()).collect();
                self.call_outside(at, function, args, env)
            }
            Op::CallBuiltinOn {
                at, function, arg, ..
            } => self.call_outside(at, function, |m| vec![m.register(arg).clone()], env),
            Op::CallBuiltinList { at, function, .. } => {
                let args = |m: &mut Machine| m.register(at).take().as_list().unwrap_or(&[]).to_vec();
                self.call_outside(at, function, args, env)
            }
            Op::Fork { delay, var } => self.fork(delay, var, env),
            other => unreachable!("the loop does not leave {} to the machine", other.name()),
        }
    }

    /// A built-in function that needs a frame, or whose calls go to `#0`.
    fn call_outside(
        &mut self,
        at: u16,
        function: u16,
        args: impl FnOnce(&mut Machine) -> Vec<Value>,
        env: &mut Env<'_>,
    ) -> Go {
        let builtin = self.top().program().builtins[usize::from(function)].ok_or(ErrorCode::InvArg)?;
        match env.task.pending.take() {
            Some(flow) => self.follow(flow, builtin.name, at, env),
            None => {
                let args = args(self);
                self.call_function(builtin, args, at, env)
            }
        }
    }

    fn call_named(&mut self, at: u16, count: Option<u16>, env: &mut Env<'_>) -> Go {
        let name = self.register(at + 1).take();
        let Some(text) = name.as_str() else {
            return Err(ErrorCode::Type.into());
        };
        let symbol = Symbol::find(text);
        self.call_verb(symbol, name, (at, at + 2, count), env)
    }

    /// Calls a verb by its name, or by its text where nothing was ever called so. The receiver's register, that of the
    /// first argument and the number of arguments are as in [`Call`].
    fn call_verb(
        &mut self,
        symbol: Option<Symbol>,
        verb: Value,
        (at, first, count): (u16, u16, Option<u16>),
        env: &mut Env<'_>,
    ) -> Go {
        let Some(this) = self.register(at).referent() else {
            return Err(ErrorCode::Type.into());
        };
        let caller = self.top();
        let call = Call {
            this,
            verb,
            player: callee_player(caller, env.tx),
            at,
            base: caller.base,
            first,
            count,
        };
        if let Some(symbol) = symbol {
            return self.call_fixed(symbol, call, env);
        }
        let found = env
            .tx
            .find_callable_verb_named(this, call.verb.as_str().unwrap_or(""));
        let hit = found.ok_or_else(|| missing_verb(this, env.tx))?;
        self.call_found(&hit, call, env.task.limits.depth)
    }

    /// Calls a verb by its name.
    #[inline(never)]
    pub(super) fn call_fixed(&mut self, name: Symbol, call: Call, env: &mut Env<'_>) -> Go {
        let (obj, epoch) = (call.this, env.tx.epoch());
        let Some(hit) = env.tx.find_callable_verb(obj, name) else {
            return Err(missing_verb(obj, env.tx));
        };
        self.call_found(hit, call, env.task.limits.depth)?;
        let top = self.top_mut();
        top.found_by = FoundBy {
            name,
            epoch,
            entry: top.program().entry,
            owner: top.progr,
        };
        Ok(())
    }

    fn call_found(&mut self, hit: &VerbHit, call: Call, depth: usize) -> Go {
        self.check_depth(depth)?;
        let list = match call.count {
            Some(_) => Value::UNSET,
            // Without the `d` bit it may be the error for something that is no list.
            None if self.register(call.first).as_list().is_none() => return Err(ErrorCode::Type.into()),
            None => self.register(call.first).take(),
        };
        let state = self.push_found(Value::obj(call.this), hit, call.verb, call.at, call.player)?;
        match call.count {
            Some(count) => state.args.set_window(call.base + u32::from(call.first), count),
            None => state.args = FrameArgs::of_list(list),
        }
        if call.count.is_some() {
            state.returns_to = call.base + u32::from(call.at);
        }
        Ok(())
    }

    /// Puts a verb on top, called by the present top frame. `args` is a list.
    pub(super) fn push_verb(
        &mut self,
        this: Value,
        hit: &VerbHit,
        verb: Value,
        args: Value,
        result: u16,
        env: &mut Env<'_>,
    ) -> Go {
        self.check_depth(env.task.limits.depth)?;
        let player = callee_player(self.top(), env.tx);
        let state = self.push_found(this, hit, verb, result, player)?;
        state.args = FrameArgs::of_list(args);
        Ok(())
    }

    /// Puts a verb on top whose arguments are set by the caller.
    fn push_found(
        &mut self,
        this: Value,
        hit: &VerbHit,
        verb: Value,
        result: u16,
        player: Obj,
    ) -> Result<&mut Frame, Box<Stop>> {
        let Machine { stack, frames } = self;
        let Frame {
            running,
            found_by,
            state,
        } = frames.place();
        *found_by = FoundBy::unknown();
        let ready = running.become_verb(hit).ok_or(ErrorCode::InvArg)?;
        ready.tally.call();
        let debug = ready.verb.perms.has(VerbPerms::DEBUG);
        (state.pc, state.base, state.result, state.debug) = (0, stack.len() as u32, result, debug);
        (state.definer, state.progr, state.player) = (ready.definer, ready.verb.owner, player);
        state.returns_to = NOWHERE;
        state.this = this;
        state.verb = verb;
        stack.grow(usize::from(ready.program.registers));
        frames.enter_place();
        Ok(self.top_mut())
    }

    /// Puts a frame on top, with its registers unset.
    pub(super) fn push_frame(&mut self, frame: Frame) {
        self.stack.grow(usize::from(frame.program().registers));
        self.frames.push(frame);
    }

    /// Takes the top frame off, with its registers; gives the register of the frame below that awaits its result.
    #[inline(always)]
    pub(super) fn pop_frame(&mut self) -> u16 {
        let frame = self.top();
        let (base, result) = (frame.base as usize, frame.result);
        self.frames[self.frames.len() - 1]
            .args
            .drop_window(&mut self.stack);
        self.frames.pop();
        self.stack.shrink(base);
        result
    }

    /// `E_MAXREC` when one more verb would be too many. Built-in functions that wait are not counted.
    #[inline(always)]
    pub(super) fn check_depth(&self, depth: usize) -> Go {
        if self.frames.len() < depth || self.verbs() < depth {
            Ok(())
        } else {
            Err(ErrorCode::MaxRec.into())
        }
    }

    #[cold]
    fn verbs(&self) -> usize {
        let verbs = self.frames.iter().filter(|frame| !frame.is_builtin());
        verbs.count()
    }

    /// The top frame returns: its value goes to the frame below, or, when there is none, out.
    #[inline(always)]
    pub(super) fn leave(&mut self, value: Value, env: &mut Env<'_>) -> Go {
        let result = self.pop_frame();
        let Some(below) = self.frames.last() else {
            return Err(Box::new(Stop::Done(value)));
        };
        if below.is_builtin() {
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
        let (below_registers, registers) = self.stack.split_at_mut(top);
        let mut registers = registers.to_vec();
        let (frame, below) = self
            .frames
            .split_last_mut()
            .expect("a machine that runs has a frame");
        frame.args_list(below_registers);
        let mut body = frame.clone();
        body.words = Some(words_of(frame, below).clone());
        body.caller = frame.caller_variable(below);
        if !super::fits(registers.iter().chain(body.values())) {
            return Err(ErrorCode::Quota.into());
        }
        let progr = body.progr;
        body.pc += 1;
        body.base = 0;
        body.running = match body.running {
            Running::Verb(ready) => Running::Fork(ready),
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

/// The player of a verb that the frame calls: what it assigned to `player`, if it may.
#[inline(always)]
pub(super) fn callee_player(caller: &FrameState, tx: &mut Transaction) -> Obj {
    match caller.assigned_player.as_obj() {
        Some(player) if tx.is_wizard(caller.progr) => player,
        _ => caller.player,
    }
}

/// Why there is no verb to call: `E_INVIND` where there is no such object, else `E_VERBNF`.
#[cold]
fn missing_verb(obj: Obj, tx: &mut Transaction) -> Box<Stop> {
    if tx.valid(obj) {
        ErrorCode::VerbNf.into()
    } else {
        ErrorCode::InvInd.into()
    }
}

impl Frame {
    /// Makes this place the frame of the verb that it was the frame of last, called by the frame below it with so many
    /// arguments from a register on, and with its own from `base` on. `None` where that is not known to be the verb.
    #[inline(always)]
    pub(super) fn call_again(
        &mut self,
        (this, name): (&Value, &Name),
        epoch: u64,
        caller: &FrameState,
        (base, at, count): (u32, u16, u16),
    ) -> Option<Room> {
        let Frame {
            running: Running::Verb(ready),
            found_by,
            state,
        } = self
        else {
            return None;
        };
        let found = Value::same_words(this, &state.this) && found_by.epoch == epoch;
        if !found || !caller.assigned_player.is_unset() {
            return None;
        }
        if !Value::same_words(&name.text, &state.verb) {
            if found_by.name != name.symbol {
                return None;
            }
            state.verb = name.text.clone();
        }
        ready.tally.call();
        let Entry {
            registers,
            takes,
            then,
        } = found_by.entry;
        let to = caller.base + u32::from(at);
        let (taken, kept, pc) = if takes == count {
            (count, 0, then)
        } else {
            (0, count, 0)
        };
        state.args.set_window(to + 1, kept);
        (state.pc, state.base, state.result, state.returns_to) = (pc, base, at, to);
        (state.progr, state.player) = (found_by.owner, caller.player);
        Some(Room {
            registers,
            first: to as usize + 1,
            taken: usize::from(taken),
        })
    }
}

/// What a frame needs of the register stack.
pub(super) struct Room {
    /// So many registers.
    registers: u16,
    /// The arguments to be moved to the first of them: from here on.
    first: usize,
    /// How many.
    taken: usize,
}

impl Machine {
    /// Makes the place above the top frame the top one.
    #[inline(always)]
    pub(super) fn enter_place(&mut self, room: Room) {
        self.frames.enter_place();
        self.stack
            .grow_with(usize::from(room.registers), room.first, room.taken);
    }
}

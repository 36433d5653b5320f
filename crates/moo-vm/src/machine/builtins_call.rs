//! Calls of built-in functions: checks, the redirection of protected ones, and what they ask of the machine.

use std::sync::Arc;

use moo_lang::opcode::Op;
use moo_lang::{Options, parse};
use moo_model::{ErrorCode, Obj, Raised, Symbol, Value};

use super::drive::{Go, Stop};
use super::rare::finished;
use super::{Env, Machine, Top};
use crate::builtin::{
    Body, Builtin, Context, Continuation, EditBody, Flow, FlowBody, MachineCall, ValueBody,
};
use crate::builtins;
use crate::executable::Executable;
use crate::frame::{CommandWords, Frame, FrameArgs, FrameState, NOWHERE, Running, Waiting};
use crate::options::ServerOptions;
use crate::outcome::Limit;
use crate::profile;

/// Whether a call of the function goes to `#0:bf_name` instead: it is protected, and this is not `#0` itself.
#[inline]
pub(super) fn is_wrapped(builtin: &Builtin, this: &Value, options: &ServerOptions) -> bool {
    !options.protected_functions.is_empty()
        && options.protected_functions.contains(builtin.name)
        && this.as_obj() != Some(Obj::SYSTEM)
}

/// Where the loop has a function's arguments.
#[derive(Clone, Copy)]
pub(super) enum Args {
    /// So many from the register on that the result goes to. They are the function's to take.
    Window(u16),
    /// One, in this register, where it stays.
    One(u16),
}

/// Whether a call only gives a value, or raises: nobody else answers it, and it wants nothing of the machine.
#[inline(always)]
pub(super) fn is_simple(builtin: &Builtin, this: &Value, options: &ServerOptions) -> bool {
    !matches!(builtin.body, Body::Flow(_)) && !is_wrapped(builtin, this, options)
}

/// A call with the argument in `R[arg]`, where its value for `R[at]` is known at once and nobody else answers it. Gives whether it
/// is done.
#[inline(never)]
pub(super) fn at_once(
    builtin: &Builtin,
    this: &Value,
    options: &ServerOptions,
    regs: &mut [Value],
    (at, arg): (u16, u16),
) -> bool {
    let Some(known) = builtin.at_once else {
        return false;
    };
    if is_wrapped(builtin, this, options) {
        return false;
    }
    let value = known(&regs[usize::from(arg)]);
    if let Some(i) = value {
        regs[usize::from(at)] = Value::int(i);
    }
    value.is_some()
}

/// A call that is simple, with its value for `R[at]`.
#[inline(never)]
pub(super) fn simple(
    builtin: &Builtin,
    ctx: &mut Context<'_>,
    regs: &mut [Value],
    at: u16,
    args: Args,
) -> Go {
    let to = usize::from(at);
    let done = match args {
        Args::Window(count) => {
            let window = &mut regs[to..to + usize::from(count)];
            let given = simple_value(builtin, ctx, window);
            if given.is_ok() {
                window.fill_with(|| Value::UNSET);
            }
            given
        }
        Args::One(arg) => match builtin.body {
            Body::Edit(_) => simple_value(builtin, ctx, &mut [regs[usize::from(arg)].clone()]),
            _ => simple_value(builtin, ctx, std::slice::from_mut(&mut regs[usize::from(arg)])),
        },
    };
    finished(done.map(|value| regs[to] = value), ctx.task)
}

#[inline(always)]
fn simple_value(builtin: &Builtin, ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    builtin.check(args)?;
    match builtin.body {
        Body::Value(body) => body(ctx, args),
        Body::Edit(body) => body(ctx, args),
        Body::Flow(_) => unreachable!("the caller has asked whether the call is simple"),
    }
}

/// Checks the arguments and calls a function that gives a value at once.
fn value(builtin: &Builtin, body: ValueBody, ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    builtin.check(args)?;
    body(ctx, args)
}

/// As [`value`], for one that may edit its arguments.
fn edit(
    builtin: &Builtin,
    body: EditBody,
    ctx: &mut Context<'_>,
    args: &mut [Value],
) -> Result<Value, Raised> {
    builtin.check(args)?;
    body(ctx, args)
}

/// As [`value`], for one that may do more.
fn flow(builtin: &Builtin, body: FlowBody, ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    builtin.check(args)?;
    body(ctx, args)
}

/// Checks the arguments and calls a function of either sort.
fn call(builtin: &Builtin, ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Flow, Raised> {
    match builtin.body {
        Body::Edit(body) => edit(builtin, body, ctx, args).map(Flow::Value),
        Body::Value(body) => value(builtin, body, ctx, args).map(Flow::Value),
        Body::Flow(body) => flow(builtin, body, ctx, args),
    }
}

impl Machine {
    /// The call of a built-in function that the top frame just passed, whatever it wants.
    #[inline(never)]
    pub(super) fn call_builtin(&mut self, env: &mut Env<'_>) -> Go {
        let Top {
            program,
            frame,
            below,
            regs,
            ..
        } = self.view();
        let list: Value;
        let (at, function, args) = match program.code[frame.pc as usize - 1] {
            Op::CallBuiltin {
                at, function, count, ..
            } => {
                let first = usize::from(at);
                (at, function, &regs[first..first + usize::from(count)])
            }
            Op::CallBuiltinOn {
                at, function, arg, ..
            } => (at, function, std::slice::from_ref(&regs[usize::from(arg)])),
            Op::CallBuiltinList { at, function, .. } => {
                list = regs[usize::from(at)].clone();
                let Some(items) = list.as_list() else {
                    // Without the `d` bit it may be the error for something that is no list.
                    return self.stopped(ErrorCode::Type.into());
                };
                (at, function, items)
            }
            other => unreachable!("{} calls no function", other.name()),
        };
        let Some(builtin) = program.builtins[usize::from(function)] else {
            return self.stopped(ErrorCode::InvArg.into());
        };
        if is_wrapped(builtin, &frame.this, env.options) {
            return self.enter(env);
        }
        let ctx = &mut Context {
            tx: env.tx,
            host: env.host,
            task: env.task,
            frame,
            program,
            below,
            options: env.options,
        };
        let flow = match builtin.body {
            Body::Flow(body) => flow(builtin, body, ctx, args),
            Body::Value(body) => value(builtin, body, ctx, args).map(Flow::Value),
            Body::Edit(body) => edit(builtin, body, ctx, &mut args.to_vec()).map(Flow::Value),
        };
        if let (Ok(_), Op::CallBuiltin { count, .. }) = (&flow, program.code[frame.pc as usize - 1]) {
            let first = usize::from(at);
            regs[first..first + usize::from(count)].fill_with(|| Value::UNSET);
        }
        match flow {
            Ok(Flow::Value(value)) => {
                regs[usize::from(at)] = value;
                finished(Ok(()), env.task)
            }
            Ok(other) => {
                finished(Ok(()), env.task)?;
                env.task.pending = Some(other);
                self.enter(env)
            }
            Err(raised) => finished(Err(raised), env.task).or_else(|stop| self.stopped(stop)),
        }
    }

    /// What a built-in function sees, called from the top frame.
    fn context<'a>(frames: &'a mut [Frame], env: &'a mut Env<'_>) -> Context<'a> {
        let (frame, below) = frames
            .split_last_mut()
            .expect("a function is called from a frame");
        Context {
            tx: env.tx,
            host: env.host,
            task: env.task,
            program: frame.running.program(),
            frame: &mut frame.state,
            below,
            options: env.options,
        }
    }

    /// Calls a function from the top frame, or the verb that stands for it; the result goes to register `at`.
    pub(super) fn call_function(
        &mut self,
        builtin: &'static Builtin,
        mut args: Vec<Value>,
        at: u16,
        env: &mut Env<'_>,
    ) -> Go {
        let this = self.top().this.clone();
        if is_wrapped(builtin, &this, env.options) {
            let name = format!("bf_{}", builtin.name);
            if let Some(hit) = env.tx.find_callable_verb_named(Obj::SYSTEM, &name) {
                let args = Value::list(args);
                self.push_verb(Value::obj(Obj::SYSTEM), &hit, Value::string(name), args, at, env)?;
                return Ok(());
            }
            let progr = self.top().progr;
            if !env.tx.is_wizard(progr) {
                return Err(ErrorCode::Perm.into());
            }
        }
        let flow = call(builtin, &mut Self::context(&mut self.frames, env), &mut args)?;
        self.follow(flow, builtin.name, at, env)
    }

    /// Does what a built-in function, called from the top frame, asked for.
    pub(super) fn follow(&mut self, flow: Flow, name: &'static str, at: u16, env: &mut Env<'_>) -> Go {
        match flow {
            Flow::Value(value) => {
                self.put(at, value);
                Ok(())
            }
            Flow::Suspend(wake) => Err(Box::new(Stop::Suspend(wake))),
            Flow::Kill => Err(Box::new(Stop::Kill)),
            Flow::Machine(MachineCall::Function(builtin, args)) => self.call_function(builtin, args, at, env),
            Flow::Machine(MachineCall::Pass(args)) => self.pass(args, at, env),
            Flow::Machine(MachineCall::Eval(text)) => self.eval(&text, at, env),
            Flow::Call {
                this,
                verb,
                args,
                then,
                missing,
            } => {
                self.push_builtin(name, then, at);
                match self.call_for_builtin(this, verb, args, env)? {
                    true => Ok(()),
                    false => self.resume_builtin(missing, env),
                }
            }
        }
    }

    /// The top frame is a built-in function that wants a verb called. Gives whether there is such a verb, now on top.
    fn call_for_builtin(
        &mut self,
        this: Obj,
        verb: &'static str,
        args: Vec<Value>,
        env: &mut Env<'_>,
    ) -> Result<bool, Box<Stop>> {
        let Some(hit) = env.tx.find_callable_verb(this, Symbol::new(verb)).cloned() else {
            return Ok(false);
        };
        let args = Value::list(args);
        let pushed = self.push_verb(Value::obj(this), &hit, Value::str(verb), args, 0, env);
        if pushed.is_err() {
            self.drop_builtin(env);
        }
        pushed.map(|()| true)
    }

    /// The top frame is a built-in function whose verb has returned. It may want many verbs one after another, none of
    /// which exists, so this is a loop, and each turn costs a tick.
    pub(super) fn resume_builtin(&mut self, mut returned: Value, env: &mut Env<'_>) -> Go {
        loop {
            let Running::Builtin(waiting) = self.top().running.clone() else {
                unreachable!("only a built-in function's frame is resumed")
            };
            let Waiting { name, then } = *waiting;
            env.task.ticks_left -= 1;
            if env.task.ticks_left < 0 {
                return Err(Box::new(Stop::Abort(Limit::Ticks)));
            }
            let flow = builtins::resume(&mut Self::context(&mut self.frames, env), then, returned);
            let Ok(Flow::Call {
                this,
                verb,
                args,
                then,
                missing,
            }) = flow
            else {
                let at = self.pop_frame();
                return self.follow(flow?, name, at, env);
            };
            self.top_mut().running = Running::Builtin(Box::new(Waiting { name, then }));
            if self.call_for_builtin(this, verb, args, env)? {
                return Ok(());
            }
            returned = missing;
        }
    }

    /// An error passes through the top frame, a built-in function: what it has begun is finished or undone.
    pub(super) fn drop_builtin(&mut self, env: &mut Env<'_>) {
        if let Running::Builtin(waiting) = self.top().running.clone() {
            builtins::on_error(&mut Self::context(&mut self.frames, env), waiting.then);
        }
        self.pop_frame();
    }

    fn push_builtin(&mut self, name: &'static str, then: Continuation, at: u16) {
        let caller = self.top();
        let state = FrameState {
            pc: 0,
            base: self.stack.len() as u32,
            result: at,
            debug: true,
            returns_to: NOWHERE,
            args: FrameArgs::NONE,
            this: caller.this.clone(),
            caller: Value::UNSET,
            definer: caller.definer,
            progr: caller.progr,
            player: caller.player,
            assigned_player: caller.assigned_player.clone(),
            verb: Value::str(name),
            words: None,
        };
        let running = Running::Builtin(Box::new(Waiting { name, then }));
        self.frames.push(Frame::new(running, state));
    }

    /// `pass(args)`: the same verb of the parent of the object that defines the running one.
    fn pass(&mut self, args: Vec<Value>, at: u16, env: &mut Env<'_>) -> Go {
        let (definer, verb, this) = (
            self.top().definer,
            self.top().verb.clone(),
            self.top().this.clone(),
        );
        let parent = env
            .tx
            .parent(definer)
            .filter(|&parent| env.tx.valid(parent))
            .ok_or(ErrorCode::InvInd)?;
        let name = verb.as_str().unwrap_or("");
        let hit = env
            .tx
            .find_callable_verb_named(parent, name)
            .ok_or(ErrorCode::VerbNf)?;
        self.push_verb(this, &hit, verb, Value::list(args), at, env)?;
        Ok(())
    }

    /// `eval(text)`: `{0, errors}` at once, or a frame that runs the text.
    fn eval(&mut self, text: &str, at: u16, env: &mut Env<'_>) -> Go {
        let is_builtin = |name: &str| builtins::find(name).is_some();
        env.task.charge_size(text.len());
        let compiled = match parse(text, &Options::new(&is_builtin)) {
            Ok(tree) => Executable::new(&Arc::new(tree))
                .map_err(|defect| vec![format!("The server's compiler is at fault: {}", defect.what)]),
            Err(errors) => Err(errors.moo_texts()),
        };
        match compiled {
            Err(texts) => self.put(at, Value::list(vec![Value::int(0), Value::strings(texts)])),
            Ok(program) => {
                self.check_depth(env.task.limits.depth)?;
                self.push_builtin("eval", Continuation::Eval, at);
                self.push_eval(program);
            }
        }
        Ok(())
    }

    fn push_eval(&mut self, program: Arc<Executable>) {
        profile::evaluated().call();
        let caller = self.top();
        let state = FrameState {
            pc: 0,
            base: self.stack.len() as u32,
            result: 0,
            debug: true,
            returns_to: NOWHERE,
            args: FrameArgs::NONE,
            this: Value::obj(Obj::NOTHING),
            caller: Value::UNSET,
            definer: Obj::NOTHING,
            progr: caller.progr,
            player: caller.player,
            assigned_player: Value::UNSET,
            verb: Value::empty_str(),
            words: Some(CommandWords::none()),
        };
        let running = Running::Eval(program);
        self.push_frame(Frame::new(running, state));
    }
}

//! A host and a world in memory: for the tests of this crate and of those above it.
//!
//! Invariant: nothing here is random or reads a clock; what a program does outside the world is kept to be looked at.

mod host;

use std::sync::Arc;

use moo_model::world::{Dialect, Flags, Root, Settings, Transaction, World};
use moo_model::{Obj, Raised, Symbol, Value};

use crate::builtin::{Body, Context, Flow};
use crate::builtins;
use crate::executable::Executable;
use crate::frame::{CommandWords, Frame, FrameArgs, FrameState, NOWHERE, Running};
use crate::options::{ServerOptions, SliceLimits};
use crate::task::TaskState;

pub use host::{Connection, TestHost};

/// The wizard of [`small_world`].
pub const WIZARD: Obj = Obj(3);
/// Its programmer.
pub const PROGRAMMER: Obj = Obj(4);
/// Its plain player.
pub const PLAYER: Obj = Obj(5);
/// A thing there that the programmer owns.
pub const THING: Obj = Obj(7);

/// A world with a system object (#0), a root class (#1), a fertile room (#2), a wizard, a programmer, a player, a second
/// room (#6) and a thing, all owned by the wizard except the programmer, the player (their own) and the thing.
pub fn small_world(dialect: Dialect) -> Arc<World> {
    let settings = Settings {
        dialect,
        latin1: false,
    };
    let root = Root {
        settings,
        ..Root::default()
    };
    let world = World::new(root, Box::new(()));
    let mut tx = Transaction::begin(&world, Box::default());
    let rows = [
        ("system", Obj::NOTHING, WIZARD),
        ("root", Obj::NOTHING, WIZARD),
        ("room", Obj(1), WIZARD),
        ("Wizard", Obj(1), WIZARD),
        ("Programmer", Obj(1), PROGRAMMER),
        ("Player", Obj(1), PLAYER),
        ("hall", Obj(2), WIZARD),
        ("thing", Obj(1), PROGRAMMER),
    ];
    for (name, parent, owner) in rows {
        let obj = tx.create(parent, Some(owner));
        tx.set_name(obj, Value::str(name)).expect("it was just made");
    }
    let flags = [
        (WIZARD, Flags::WIZARD),
        (WIZARD, Flags::PROGRAMMER),
        (PROGRAMMER, Flags::PROGRAMMER),
        (Obj(2), Flags::FERTILE),
    ];
    for (obj, flag) in flags {
        tx.set_flag(obj, flag, true).expect("it was just made");
    }
    for player in [WIZARD, PROGRAMMER, PLAYER] {
        tx.set_player(player, true).expect("it was just made");
    }
    tx.commit(false, |_| Vec::new())
        .0
        .unwrap_or_else(|_| unreachable!("nobody else is there"));
    world
}

/// A frame of evaluated code without variables, for calling built-in functions from.
pub fn frame(progr: Obj) -> Frame {
    let nothing = Executable::new(&Arc::default()).expect("it does nothing");
    Frame::new(
        Running::Eval(nothing),
        FrameState {
            pc: 0,
            base: 0,
            result: 0,
            debug: true,
            returns_to: NOWHERE,
            args: FrameArgs::NONE,
            this: Value::obj(Obj::NOTHING),
            caller: Value::obj(Obj::NOTHING),
            definer: Obj::NOTHING,
            progr,
            player: progr,
            assigned_player: Value::UNSET,
            verb: Value::empty_str(),
            words: Some(CommandWords::none()),
        },
    )
}

/// Limits that no test reaches by accident.
pub fn limits() -> SliceLimits {
    SliceLimits {
        ticks: 1_000_000,
        seconds: 60.0,
        depth: 50,
    }
}

/// One transaction, and a frame in it from which built-in functions are called.
pub struct Bench {
    /// The world.
    pub tx: Transaction,
    /// What is outside it.
    pub host: TestHost,
    /// The task.
    pub task: TaskState,
    /// The frame that calls.
    pub frame: Frame,
    /// The frames below.
    pub below: Vec<Frame>,
    /// The world's options.
    pub options: ServerOptions,
}

impl Bench {
    /// A bench on the small world, with somebody's permissions.
    pub fn new(progr: Obj) -> Bench {
        Bench::with_dialect(progr, Dialect::Lambda)
    }

    /// The same in another dialect.
    pub fn with_dialect(progr: Obj, dialect: Dialect) -> Bench {
        Bench {
            tx: Transaction::begin(&small_world(dialect), Box::default()),
            host: TestHost::default(),
            task: TaskState::new(1, limits(), true),
            frame: frame(progr),
            below: Vec::new(),
            options: ServerOptions::default(),
        }
    }

    /// What a function called here sees.
    pub fn context(&mut self) -> Context<'_> {
        Context {
            tx: &mut self.tx,
            host: &mut self.host,
            task: &mut self.task,
            program: self.frame.running.program(),
            frame: &mut self.frame.state,
            below: &self.below,
            options: &self.options,
        }
    }

    /// Calls a function; gives what it asks the machine to do. `E_VERBNF` if there is no such function.
    pub fn flow(&mut self, name: &str, args: &[Value]) -> Result<Flow, Raised> {
        let builtin = builtins::find(name).ok_or(moo_model::ErrorCode::VerbNf)?;
        builtin.check(args)?;
        let mut ctx = self.context();
        match builtin.body {
            Body::Value(body) => body(&mut ctx, args).map(Flow::Value),
            Body::Edit(body) => body(&mut ctx, &mut args.to_vec()).map(Flow::Value),
            Body::Flow(body) => body(&mut ctx, args),
        }
    }

    /// Calls a function and follows it to its value. Verbs that it calls are not run: each is written down in `called` as
    /// `#1:verb(args)` and returns what `answer` says.
    pub fn call_with(
        &mut self,
        name: &str,
        args: &[Value],
        called: &mut Vec<String>,
        answer: impl Fn(&mut Bench, &str) -> Result<Value, Raised>,
    ) -> Result<Value, Raised> {
        let mut flow = self.flow(name, args)?;
        loop {
            match flow {
                Flow::Value(value) => return Ok(value),
                Flow::Call {
                    this,
                    verb,
                    args,
                    then,
                    ..
                } => {
                    let args: Vec<String> = args.iter().map(moo_model::literal::to_literal).collect();
                    called.push(format!("{this}:{verb}({})", args.join(", ")));
                    match answer(self, verb) {
                        Ok(returned) => flow = builtins::resume(&mut self.context(), then, returned)?,
                        Err(raised) => {
                            builtins::on_error(&mut self.context(), then);
                            return Err(raised);
                        }
                    }
                }
                Flow::Machine(_) | Flow::Suspend(_) | Flow::Kill => {
                    return Err(moo_model::ErrorCode::Exec.into());
                }
            }
        }
    }

    /// Calls a function whose verbs, if it calls any, all return 1.
    pub fn call(&mut self, name: &str, args: &[Value]) -> Result<Value, Raised> {
        self.call_with(name, args, &mut Vec::new(), |_, _| Ok(Value::int(1)))
    }

    /// Defines a property with its value, readable by all.
    pub fn define(&mut self, obj: Obj, name: &str, value: Value) {
        let owner = self.tx.owner(obj).expect("the object exists");
        let perms = moo_model::world::PropPerms::READ;
        self.tx
            .define_property(obj, name, value, owner, perms)
            .expect("the object exists");
    }

    /// The value of a defined property.
    pub fn property(&mut self, obj: Obj, name: &str) -> Value {
        let property = self
            .tx
            .find_property(obj, Symbol::new(name))
            .expect("the property exists");
        self.tx.property_value(&property)
    }
}

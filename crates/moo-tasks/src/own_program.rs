//! MOO programs of the server's own, run as if they were verbs of nobody.
//!
//! Invariant: such a program has the permissions of the object it is run for, so that what it may do is decided where it
//! is decided for programs of the world.

use moo_model::world::{ArgSpec, Code, ObjSpec, PrepSpec, VerbHit, VerbPerms, VerbRecord};
use moo_model::{Obj, Value};
use moo_vm::frame::CommandWords;
use moo_vm::machine::{Machine, VerbStart};
use triomphe::Arc;

/// A machine that is about to run a program with these arguments, for `who` and with their permissions, as if it were a
/// verb of `this`. In tracebacks it is called `name`.
pub fn machine(code: &Arc<Code>, name: &str, this: Obj, who: Obj, args: Vec<Value>) -> Machine {
    let verb = VerbRecord {
        id: 0,
        names: Value::str(name),
        owner: who,
        perms: VerbPerms(VerbPerms::EXEC.0 | VerbPerms::DEBUG.0),
        args: ArgSpec {
            dobj: ObjSpec::This,
            prep: PrepSpec::None,
            iobj: ObjSpec::This,
        },
        code: code.clone(),
    };
    Machine::for_verb(VerbStart {
        hit: Arc::new(VerbHit::new(Obj::NOTHING, 0, verb.into())),
        this,
        progr: who,
        player: who,
        caller: who,
        verb: Value::str(name),
        args: Value::list(args),
        words: CommandWords::none(),
    })
}

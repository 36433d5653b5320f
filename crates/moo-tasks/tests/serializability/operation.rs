//! What tasks do in the workloads, and a model of it: the same operations on plain maps, one task after another.
//!
//! Invariant: the model knows nothing of transactions. What it answers is what a server with one thread would.

use moo_model::{Obj, Value};
use std::collections::BTreeMap;

/// One step of a task. Registers are numbers or lists, by the workload that uses them.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Sees a register.
    Read(usize),
    /// Sets a register without a look at it.
    Write(usize, i64),
    /// Puts a number at the end of a list.
    Append(usize, i64),
    /// Adds to a number.
    Add(usize, i64),
    /// Takes from one number and gives to another, if the first has so much; sees whether.
    Transfer(usize, usize, i64),
    /// Sets the first to 0 if the first and the second are not; sees whether.
    Leave(usize, usize),
    /// Makes a child; sees its number.
    Create(Obj),
    /// Recycles an object; sees whether there was one.
    Recycle(Obj),
    /// Moves the first into the second if there are fewer things in it; sees whether.
    Enter(Obj, Obj, i64),
    /// Makes the first a child of the second if that has fewer; sees whether.
    Adopt(Obj, Obj, i64),
    /// Sees what is in an object.
    Contents(Obj),
    /// Sees the children of an object.
    Children(Obj),
    /// Sees location and parent of an object.
    Where(Obj),
    /// Sees the highest object number.
    Last,
}

/// The name of a register in the world.
pub fn register(at: usize) -> String {
    format!("r{at}")
}

impl Operation {
    /// As the verb takes it.
    pub fn to_value(&self) -> Value {
        use Operation::*;
        let name = |at: &usize| Value::str(&register(*at));
        let parts = match self {
            Read(a) => vec![Value::str("read"), name(a)],
            Write(a, n) => vec![Value::str("write"), name(a), Value::int(*n)],
            Append(a, n) => vec![Value::str("append"), name(a), Value::int(*n)],
            Add(a, n) => vec![Value::str("add"), name(a), Value::int(*n)],
            Transfer(a, b, n) => vec![Value::str("transfer"), name(a), name(b), Value::int(*n)],
            Leave(a, b) => vec![Value::str("leave"), name(a), name(b)],
            Create(a) => vec![Value::str("create"), Value::obj(*a)],
            Recycle(a) => vec![Value::str("recycle"), Value::obj(*a)],
            Enter(a, b, n) => vec![
                Value::str("enter"),
                Value::obj(*a),
                Value::obj(*b),
                Value::int(*n),
            ],
            Adopt(a, b, n) => vec![
                Value::str("adopt"),
                Value::obj(*a),
                Value::obj(*b),
                Value::int(*n),
            ],
            Contents(a) => vec![Value::str("contents"), Value::obj(*a)],
            Children(a) => vec![Value::str("children"), Value::obj(*a)],
            Where(a) => vec![Value::str("where"), Value::obj(*a)],
            Last => vec![Value::str("last")],
        };
        Value::list(parts)
    }
}

/// An object of the model.
#[derive(Clone, Debug)]
struct Thing {
    parent: Obj,
    location: Obj,
    contents: Vec<Obj>,
    children: Vec<Obj>,
}

/// The world as one task after another makes it.
#[derive(Clone, Debug)]
pub struct Model {
    registers: Vec<Value>,
    things: BTreeMap<Obj, Thing>,
    last: i64,
}

impl Model {
    /// A world with these registers, and so many objects that are nowhere and have no parent.
    pub fn new(registers: &[Value], objects: usize) -> Model {
        let last = objects as i64 - 1;
        let thing = Thing {
            parent: Obj::NOTHING,
            location: Obj::NOTHING,
            contents: Vec::new(),
            children: Vec::new(),
        };
        Model {
            registers: registers.to_vec(),
            things: (0..=last).map(|number| (Obj(number), thing.clone())).collect(),
            last,
        }
    }

    /// A register.
    pub fn register(&self, at: usize) -> &Value {
        &self.registers[at]
    }

    /// Does a step; gives what it sees.
    pub fn step(&mut self, operation: &Operation) -> Value {
        use Operation::*;
        match *operation {
            Read(a) => return self.registers[a].clone(),
            Write(a, n) => self.registers[a] = Value::int(n),
            Append(a, n) => {
                let mut list = self.registers[a].as_list().expect("a list").to_vec();
                list.push(Value::int(n));
                self.registers[a] = Value::list(list);
            }
            Add(a, n) => self.add(a, n),
            Transfer(a, b, n) => {
                let is_enough = self.number(a) >= n;
                if is_enough {
                    self.add(a, -n);
                    self.add(b, n);
                }
                return Value::int(is_enough.into());
            }
            Leave(a, b) => {
                let may = self.number(a) != 0 && self.number(b) != 0;
                if may {
                    self.registers[a] = Value::int(0);
                }
                return Value::int(may.into());
            }
            Create(parent) => return Value::int(self.create(parent)),
            Recycle(a) => return Value::int(self.recycle(a).into()),
            Enter(a, b, most) => return Value::int(self.enter(a, b, most).into()),
            Adopt(a, b, most) => return Value::int(self.adopt(a, b, most).into()),
            Contents(a) => return objects(self.things.get(&a).map(|thing| &thing.contents)),
            Children(a) => return objects(self.things.get(&a).map(|thing| &thing.children)),
            Where(a) => {
                let found = self.things.get(&a);
                return objects(found.map(|thing| vec![thing.location, thing.parent]).as_ref());
            }
            Last => return Value::int(self.last),
        }
        Value::int(0)
    }

    fn number(&self, at: usize) -> i64 {
        self.registers[at].as_int().expect("a number")
    }

    fn add(&mut self, at: usize, amount: i64) {
        self.registers[at] = Value::int(self.number(at) + amount);
    }

    fn create(&mut self, parent: Obj) -> i64 {
        if !self.things.contains_key(&parent) {
            return 0;
        }
        self.last += 1;
        let new = Obj(self.last);
        self.things.insert(
            new,
            Thing {
                parent,
                location: Obj::NOTHING,
                contents: Vec::new(),
                children: Vec::new(),
            },
        );
        self.thing(parent).children.push(new);
        self.last
    }

    /// What was in it is nowhere then, and its children go to its parent.
    fn recycle(&mut self, a: Obj) -> bool {
        let Some(gone) = self.things.remove(&a) else {
            return false;
        };
        self.unlink(a, gone.location, gone.parent);
        for inside in gone.contents {
            self.thing(inside).location = Obj::NOTHING;
        }
        for child in gone.children {
            self.thing(child).parent = gone.parent;
            if let Some(parent) = self.things.get_mut(&gone.parent) {
                parent.children.push(child);
            }
        }
        true
    }

    fn enter(&mut self, a: Obj, b: Obj, most: i64) -> bool {
        let may = self.things.contains_key(&a)
            && self
                .things
                .get(&b)
                .is_some_and(|room| (room.contents.len() as i64) < most);
        if may && self.thing(a).location != b {
            let old = self.thing(a).location;
            self.unlink(a, old, Obj::NOTHING);
            self.thing(a).location = b;
            self.thing(b).contents.push(a);
        }
        may
    }

    fn adopt(&mut self, a: Obj, b: Obj, most: i64) -> bool {
        let may = self.things.contains_key(&a)
            && self
                .things
                .get(&b)
                .is_some_and(|parent| (parent.children.len() as i64) < most);
        if may && self.thing(a).parent != b {
            let old = self.thing(a).parent;
            self.unlink(a, Obj::NOTHING, old);
            self.thing(a).parent = b;
            self.thing(b).children.push(a);
        }
        may
    }

    fn thing(&mut self, obj: Obj) -> &mut Thing {
        self.things.get_mut(&obj).expect("looked up by who calls")
    }

    fn unlink(&mut self, a: Obj, location: Obj, parent: Obj) {
        if let Some(room) = self.things.get_mut(&location) {
            room.contents.retain(|&other| other != a);
        }
        if let Some(parent) = self.things.get_mut(&parent) {
            parent.children.retain(|&other| other != a);
        }
    }
}

fn objects(list: Option<&Vec<Obj>>) -> Value {
    Value::list(list.into_iter().flatten().map(|&obj| Value::obj(obj)).collect())
}

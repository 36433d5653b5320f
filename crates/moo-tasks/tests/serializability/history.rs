//! Whether a history of tasks could have come from a server that runs one task after another, in an order in which
//! whatever was answered before something else was asked for comes first (strict serializability).
//!
//! Two judges, of which the second believes less. [`replay`] takes the order that the tasks say they committed in and
//! runs the model through it. [`cycle`] believes only what tasks saw of lists that others append to, and looks for a
//! circle in who must have come before whom, as Elle does (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies
//! from Experimental Observations", VLDB 2020).

use crate::operation::{Model, Operation};
use crate::stage::Done;
use moo_model::Value;
use std::collections::{BTreeMap, HashMap};

/// Runs the model through the tasks in the order of their commits, a task that only read after the commit it saw.
/// Gives the model at the end, or what was seen that could not be.
pub fn replay(history: &[Done], mut model: Model) -> Result<Model, String> {
    let mut order: Vec<&Done> = history.iter().filter(|done| done.seen.is_some()).collect();
    order.sort_by_key(|done| (done.stamp, !done.has_committed, done.began));
    let mut latest_beginning = 0;
    let mut last_commit = 0;
    for done in order {
        if done.ended < latest_beginning {
            return Err(format!(
                "was answered before something began that comes earlier: {done:?}"
            ));
        }
        latest_beginning = latest_beginning.max(done.began);
        if done.has_committed && std::mem::replace(&mut last_commit, done.stamp) == done.stamp {
            return Err(format!("two tasks are the same commit, one of them {done:?}"));
        }
        let expected: Vec<Value> = done
            .operations
            .iter()
            .map(|operation| model.step(operation))
            .collect();
        if done.seen.as_ref() != Some(&expected) {
            return Err(format!(
                "one after another it would have seen {expected:?}: {done:?}"
            ));
        }
    }
    Ok(model)
}

/// Looks for tasks each of which must have come before the next, and the last before the first. Registers are lists to
/// which no number is appended twice, and the history ends with a task that reads all of them.
pub fn cycle(history: &[Done]) -> Result<(), String> {
    let tasks: Vec<&Done> = history.iter().filter(|done| done.seen.is_some()).collect();
    let mut before = Graph::new(tasks.len());
    let writers = writers(&tasks);
    for (register, longest) in longest_reads(&tasks)? {
        let writer = |at: usize| -> Result<Option<usize>, String> {
            let Some(number) = longest.get(at) else {
                return Ok(None);
            };
            let found = writers.get(&(register, *number));
            found.copied().map(Some).ok_or(format!(
                "{number} was seen in register {register}, and nobody put it there"
            ))
        };
        for at in 1..longest.len() {
            before.edge(writer(at - 1)?, writer(at)?);
        }
        for (reader, len) in reads(&tasks, register) {
            if len > 0 {
                before.edge(writer(len - 1)?, Some(reader));
            }
            before.edge(Some(reader), writer(len)?);
        }
    }
    for (a, first) in tasks.iter().enumerate() {
        for (b, second) in tasks.iter().enumerate() {
            if first.ended < second.began {
                before.edge(Some(a), Some(b));
            }
        }
    }
    match before.circle() {
        stuck if stuck.is_empty() => Ok(()),
        stuck => {
            let names = stuck.iter().take(6).map(|&at| format!("{:?}", tasks[at]));
            Err(format!(
                "each before the next, in a circle:\n{}",
                names.collect::<Vec<_>>().join("\n")
            ))
        }
    }
}

/// Who appended a number to a register.
fn writers(tasks: &[&Done]) -> HashMap<(usize, i64), usize> {
    let mut writers = HashMap::new();
    for (task, done) in tasks.iter().enumerate() {
        for operation in &done.operations {
            if let Operation::Append(register, number) = *operation {
                writers.insert((register, number), task);
            }
        }
    }
    writers
}

/// What each read of a register saw, with its task. A task that appended before it reads sees its own numbers, too.
fn reads_of<'a>(tasks: &'a [&Done]) -> impl Iterator<Item = (usize, usize, &'a [Value])> {
    tasks.iter().enumerate().flat_map(|(task, done)| {
        let seen = done.seen.iter().flatten();
        done.operations
            .iter()
            .zip(seen)
            .filter_map(move |(operation, saw)| match operation {
                Operation::Read(register) => {
                    Some((task, *register, saw.as_list().expect("registers are lists")))
                }
                _ => None,
            })
    })
}

fn reads(tasks: &[&Done], wanted: usize) -> Vec<(usize, usize)> {
    let of_register = reads_of(tasks).filter(|&(_, register, _)| register == wanted);
    of_register.map(|(task, _, saw)| (task, saw.len())).collect()
}

/// The longest list seen of each register; an error if another one is not how it begins.
fn longest_reads(tasks: &[&Done]) -> Result<BTreeMap<usize, Vec<i64>>, String> {
    let mut longest: BTreeMap<usize, &[Value]> = BTreeMap::new();
    for (_, register, saw) in reads_of(tasks) {
        let known = longest.entry(register).or_default();
        let (short, long) = if saw.len() < known.len() {
            (saw, *known)
        } else {
            (*known, saw)
        };
        if !long.starts_with(short) {
            return Err(format!(
                "register {register} was seen as {short:?} and as {long:?}"
            ));
        }
        *known = long;
    }
    let numbers = |list: &[Value]| {
        list.iter()
            .map(|number| number.as_int().expect("a number"))
            .collect()
    };
    Ok(longest
        .into_iter()
        .map(|(register, list)| (register, numbers(list)))
        .collect())
}

/// Which task comes before which.
struct Graph {
    after: Vec<Vec<usize>>,
    /// How many come directly before each.
    before: Vec<usize>,
}

impl Graph {
    fn new(count: usize) -> Graph {
        Graph {
            after: vec![Vec::new(); count],
            before: vec![0; count],
        }
    }

    fn edge(&mut self, from: Option<usize>, to: Option<usize>) {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            self.after[from].push(to);
            self.before[to] += 1;
        }
    }

    /// Takes away whatever nothing comes before, again and again; what is left holds a circle.
    fn circle(mut self) -> Vec<usize> {
        let mut free: Vec<usize> = (0..self.before.len())
            .filter(|&at| self.before[at] == 0)
            .collect();
        while let Some(at) = free.pop() {
            for to in std::mem::take(&mut self.after[at]) {
                self.before[to] -= 1;
                if self.before[to] == 0 {
                    free.push(to);
                }
            }
        }
        (0..self.before.len()).filter(|&at| self.before[at] > 0).collect()
    }
}

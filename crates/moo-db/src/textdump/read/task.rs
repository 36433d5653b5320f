//! The end of a textdump: tasks and connections.
//!
//! Invariant: the world comes first in the file, so trouble here is a warning and never an error.

use std::io::BufRead;

use moo_model::{Obj, Value};

use super::ReadError;
use super::lines::{Lines, number_before};
use crate::textdump::{Activation, ForkedTask};

/// The first version whose suspended activations name the version of their program.
const VERSION_NAMED: u32 = 3;

#[derive(Default)]
pub(super) struct Tasks {
    pub forked: Vec<ForkedTask>,
    pub dropped: usize,
    pub connections: Vec<(Obj, Obj)>,
}

/// Reads everything after the programs, as far as it can be understood.
pub(super) fn read_all<R: BufRead>(lines: &mut Lines<'_, R>, version: u32) -> Tasks {
    let mut tasks = Tasks::default();
    if let Err(error) = section(lines, version, &mut tasks) {
        lines
            .warnings
            .add(format!("the rest of the tasks and connections is lost: {error}"));
    }
    tasks
}

fn section<R: BufRead>(lines: &mut Lines<'_, R>, version: u32, tasks: &mut Tasks) -> Result<(), ReadError> {
    for _ in 0..lines.counted("clocks")? {
        lines.next("the numbers of a clock")?;
    }
    for _ in 0..lines.counted("queued tasks")? {
        let task = forked(lines)?;
        tasks.forked.push(task);
    }
    if lines.peek()?.is_none() {
        return Ok(());
    }
    for _ in 0..lines.counted("suspended tasks")? {
        let (id, verb) = suspended(lines, version)?;
        tasks.dropped += 1;
        lines
            .warnings
            .add(format!("the suspended task {id}, in {verb}, was not restored"));
    }
    connections(lines, tasks)
}

fn connections<R: BufRead>(lines: &mut Lines<'_, R>, tasks: &mut Tasks) -> Result<(), ReadError> {
    let Some(line) = lines.peek()? else { return Ok(()) };
    let with_listeners = number_before(line, "active connections with listeners");
    let Some(count) = with_listeners.or_else(|| number_before(line, "active connections")) else {
        return Err(lines.unexpected("`N active connections`"));
    };
    lines.next("")?;
    for _ in 0..count {
        let numbers = numbers(lines, "the number of a connected player")?;
        let connection = match (numbers.as_slice(), with_listeners) {
            ([player, listener], Some(_)) => (Obj::numbered(*player), Obj::numbered(*listener)),
            ([player], None) => (Obj::numbered(*player), Obj::SYSTEM),
            _ => return Err(lines.unexpected("the number of a connected player")),
        };
        tasks.connections.push(connection);
    }
    Ok(())
}

fn forked<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<ForkedTask, ReadError> {
    let expected = "the numbers of a forked task";
    let numbers = numbers(lines, expected)?;
    let [_, first_line, start, id] = numbers[..] else {
        return Err(lines.unexpected(expected));
    };
    Ok(ForkedTask {
        id,
        start,
        first_line,
        activation: activation(lines)?,
        variables: variables(lines)?,
        body: lines.program()?,
    })
}

/// Reads a suspended task; gives its number and the verb that it waits in.
fn suspended<R: BufRead>(lines: &mut Lines<'_, R>, version: u32) -> Result<(i64, String), ReadError> {
    let expected = "the numbers of a suspended task";
    let heading = numbers(lines, expected)?;
    let id = match heading[..] {
        [_, id] => id,
        [_, id, kind] => {
            lines.value_of(kind)?;
            id
        }
        _ => return Err(lines.unexpected(expected)),
    };
    let expected = "the numbers of a stack of activations";
    let stack = numbers(lines, expected)?;
    let top = match stack.first() {
        Some(&top) if top >= 0 => top,
        _ => return Err(lines.unexpected(expected)),
    };
    let mut verb = String::new();
    for _ in 0..=top {
        verb = frame(lines, version)?;
    }
    Ok((id, verb))
}

/// Reads one activation of a suspended task; gives its verb.
fn frame<R: BufRead>(lines: &mut Lines<'_, R>, version: u32) -> Result<String, ReadError> {
    if version >= VERSION_NAMED {
        lines.next("`language version N`")?;
    }
    lines.program()?;
    variables(lines)?;
    for _ in 0..lines.counted("rt_stack slots in use")? {
        lines.value()?;
    }
    let activation = activation(lines)?;
    lines.value()?;
    let place = numbers(lines, "the place in a program")?;
    if place.get(1).is_some_and(|&inside_builtin| inside_builtin != 0) {
        lines.next("the name of a function")?;
        while lines.peek()?.is_some_and(|line| line.starts_with(b"bf_")) {
            lines.next("")?;
        }
    }
    Ok(format!("{}:{}", activation.definer, activation.verb))
}

fn activation<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<Activation, ReadError> {
    lines.value()?;
    let expected = "the nine numbers of an activation";
    let numbers = numbers(lines, expected)?;
    let [this, _, _, player, _, programmer, definer, _, debug] = numbers[..] else {
        return Err(lines.unexpected(expected));
    };
    for _ in 0..4 {
        lines.next("an unused string of an activation")?;
    }
    Ok(Activation {
        this: Obj::numbered(this),
        player: Obj::numbered(player),
        programmer: Obj::numbered(programmer),
        definer: Obj::numbered(definer),
        debug: debug != 0,
        verb: lines.text("the name of a verb")?,
        verb_names: lines.text("the names of a verb")?,
    })
}

fn variables<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<Vec<(String, Value)>, ReadError> {
    let mut variables = Vec::new();
    for _ in 0..lines.counted("variables")? {
        variables.push((lines.text("the name of a variable")?, lines.value()?));
    }
    Ok(variables)
}

/// A line of numbers.
fn numbers<R: BufRead>(lines: &mut Lines<'_, R>, expected: &str) -> Result<Vec<i64>, ReadError> {
    let line = lines.next(expected)?;
    let numbers = std::str::from_utf8(line)
        .ok()
        .and_then(|text| text.split_whitespace().map(|word| word.parse().ok()).collect());
    numbers.ok_or_else(|| lines.unexpected(expected))
}

//! One connection's lines on their way to becoming tasks.
//!
//! Invariants: lines are taken up in the order they came, forced ones at the front excepted; nothing is taken up while
//! a task that this connection started is in its first slice, or one that it gave a line to in the slice after; what
//! waits is at most [`PENDING_BYTES_MAX`] bytes before the sender is held back. A line that was answered and not used
//! has a number under which it is stored; nothing is taken up while the store does not know yet what was.

mod line;
mod options;

use std::collections::VecDeque;

use moo_model::{ErrorCode, Obj, Value};

use crate::connections::stored::{Stored, StoredLine};

pub use line::{Absorbed, Arrival, Kept, Line, Programming, Step};
pub use options::{FLUSH_COMMAND, INTRINSICS, Options};

/// Bytes of waiting lines from which on the sender should pause.
pub const PENDING_BYTES_MAX: usize = 65_536;
/// What the memory of a waiting line costs besides its text.
const LINE_COST: usize = 32;
/// Lines of a program being collected; the rest is dropped, and the program with it.
pub const PROGRAM_LINES_MAX: usize = 100_000;
/// Bytes of such a program, likewise.
pub const PROGRAM_BYTES_MAX: usize = 4 << 20;

const OUT_OF_BAND: &str = "#$#";
const QUOTED: &str = "#$\"";

/// The lines of one connection.
#[derive(Clone, Debug)]
pub struct InputQueue {
    waiting: VecDeque<Line>,
    bytes: usize,
    options: Options,
    prefix: String,
    suffix: String,
    logged_in: bool,
    busy: bool,
    reader: Option<i64>,
    /// The task that was given a line, until its slice ends: it may read the next one too.
    answering: Option<i64>,
    programming: Option<Programming>,
    /// The verb whose program is complete, until that has taken effect.
    programmed: Option<(Obj, u32)>,
    /// Bytes of the program being collected.
    program_bytes: usize,
    /// The store does not know yet what was taken in.
    storing: bool,
    /// The numbers under which the last line before all others, and after them, was stored.
    first: i64,
    last: i64,
}

impl InputQueue {
    /// The queue of a new connection. An empty line waits in it, which greets the client; it is to be stored with the
    /// connection, so that each client is greeted once.
    pub fn new(flush_command: &str) -> InputQueue {
        let mut queue = InputQueue::empty(Options::new(flush_command));
        let number = queue.number(false);
        queue.push(String::new(), number, false);
        queue
    }

    fn empty(options: Options) -> InputQueue {
        InputQueue {
            waiting: VecDeque::new(),
            bytes: 0,
            options,
            prefix: String::new(),
            suffix: String::new(),
            logged_in: false,
            busy: false,
            reader: None,
            answering: None,
            programming: None,
            programmed: None,
            program_bytes: 0,
            storing: false,
            first: 0,
            last: 0,
        }
    }

    /// The queue of a connection that an earlier server had, with its lines in the order of their numbers.
    pub(crate) fn restored(of: &Stored, lines: Vec<StoredLine>) -> InputQueue {
        let mut queue = InputQueue::empty(of.options.clone());
        (queue.prefix, queue.suffix) = of.delimiters.clone();
        queue.logged_in = of.object.0 >= 0;
        queue.first = lines.first().map_or(0, |line| line.number.min(0));
        queue.last = lines.last().map_or(0, |line| line.number.max(0));
        if let Some((obj, verb)) = of.programming {
            queue.start_programming(Programming {
                obj,
                verb,
                lines: Vec::new(),
                stored: Vec::new(),
            });
        }
        for line in lines {
            if line.is_program {
                queue.collect(line.number, line.text);
            } else {
                queue.push(line.text, line.number, false);
            }
        }
        queue
    }

    /// A number to store a line under: after all others, or before them.
    pub fn number(&mut self, at_front: bool) -> i64 {
        if at_front {
            self.first -= 1;
            return self.first;
        }
        self.last += 1;
        self.last
    }

    /// A line has come from the client.
    pub fn arrive(&mut self, line: Line) -> Arrival {
        let flush = &self.options.flush_command;
        if !flush.is_empty() && line.text.eq_ignore_ascii_case(flush) {
            let (report, dropped) = self.flush();
            return Arrival::Flushed { report, dropped };
        }
        self.bytes += line.text.len() + LINE_COST;
        self.waiting.push_back(line);
        Arrival::Queued
    }

    /// The lines that are held and not stored yet: they are to be stored now and then answered, so that `.flush` can
    /// follow them. Past the bound lines wait for their answers like any other, and the host stops sending. Nothing is
    /// taken up until [`InputQueue::is_stored`].
    pub fn keep(&mut self) -> Vec<Kept> {
        if self.storing || !self.options.hold_input || self.reader.is_some() {
            return Vec::new();
        }
        let (mut kept, mut bytes) = (Vec::new(), 0);
        for place in 0..self.waiting.len() {
            let line = &self.waiting[place];
            if bytes > PENDING_BYTES_MAX {
                break;
            }
            bytes += line.text.len() + LINE_COST;
            if line.ticket == 0 || self.is_out_of_band(&line.text) {
                continue;
            }
            let number = self.number(false);
            let line = &mut self.waiting[place];
            line.stored = Some(number);
            kept.push(Kept {
                ticket: std::mem::take(&mut line.ticket),
                number,
                text: line.text.clone(),
            });
        }
        self.storing = !kept.is_empty();
        kept
    }

    /// What was taken in is stored.
    pub fn is_stored(&mut self) {
        self.storing = false;
    }

    /// Something of this connection is being stored: lines wait until [`InputQueue::is_stored`]. False if something is
    /// already.
    pub fn store(&mut self) -> bool {
        !std::mem::replace(&mut self.storing, true)
    }

    /// A line that is stored under this number: a forced one, or one of an earlier server.
    pub fn push(&mut self, text: String, number: i64, at_front: bool) {
        self.bytes += text.len() + LINE_COST;
        let line = Line {
            text,
            ticket: 0,
            stored: Some(number),
        };
        if at_front {
            self.waiting.push_front(line);
        } else {
            self.waiting.push_back(line);
        }
    }

    /// Drops what waits: what to print about it, and the dropped lines.
    pub fn flush(&mut self) -> (Vec<String>, Vec<Line>) {
        let lines = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        if lines.is_empty() {
            return (vec![">> No pending input to flush...".to_owned()], Vec::new());
        }
        let mut report = vec![">> Flushing the following pending input:".to_owned()];
        report.extend(lines.iter().map(|line| format!(">>     {}", line.text)));
        report.push(">> (Done flushing)".to_owned());
        (report, lines.into())
    }

    /// Whether the sender should pause.
    pub fn is_full(&self) -> bool {
        self.bytes > PENDING_BYTES_MAX
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes that wait.
    pub fn pending_bytes(&self) -> usize {
        self.bytes
    }

    /// Takes up the next line, if its turn has come. A step other than `Absorbed` makes the connection busy until
    /// [`InputQueue::finish`].
    pub fn take_up(&mut self) -> Option<Step> {
        if self.busy || self.storing {
            return None;
        }
        let mut absorbed = Vec::new();
        let place = loop {
            let place = self.next_place();
            let taken = place.filter(|&place| self.is_absorbed(place));
            match taken.and_then(|place| self.remove(place)) {
                Some(line) => absorbed.push(self.absorb(line)),
                None => break place,
            }
        };
        if !absorbed.is_empty() {
            self.storing = true;
            return Some(Step::Absorbed(absorbed));
        }
        let line = self.remove(place?)?;
        self.busy = true;
        Some(self.step(line))
    }

    fn step(&mut self, line: Line) -> Step {
        if self.is_out_of_band(&line.text) {
            return Step::OutOfBand(line);
        }
        let line = self.unquoted(line);
        if let Some(task) = self.reader.take() {
            self.answering = Some(task);
            return Step::Read { task, line };
        }
        if !self.logged_in {
            return Step::Login(line);
        }
        match self.programming.take() {
            Some(program) => {
                self.programmed = Some((program.obj, program.verb));
                Step::Program { program, line }
            }
            None => Step::Command {
                may_program: self.options.intrinsics[0],
                line,
            },
        }
    }

    /// A line that waits because input is held, taken without waiting, for `read()`.
    pub fn take_held(&mut self) -> Option<Line> {
        if !self.options.hold_input || self.storing {
            return None;
        }
        let place = self
            .waiting
            .iter()
            .position(|line| !self.is_out_of_band(&line.text))?;
        let line = self.remove(place)?;
        Some(self.unquoted(line))
    }

    /// Puts back a line that [`InputQueue::take_held`] gave to a task that did not take effect.
    pub fn put_back(&mut self, line: Line) {
        self.bytes += line.text.len() + LINE_COST;
        self.waiting.push_front(line);
    }

    /// The task that the last step started, or gave a line to, has ended, reads again, or goes on in the background.
    pub fn finish(&mut self) {
        self.busy = false;
        self.answering = None;
    }

    /// Something else of this connection runs (a hook): lines wait until [`InputQueue::finish`].
    pub fn begin(&mut self) {
        self.busy = true;
    }

    /// Whether a task that this connection started is in its first slice.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// A task waits for a line. False if another one does already.
    pub fn read(&mut self, task: i64) -> bool {
        let free = self.reader.is_none();
        if free {
            self.reader = Some(task);
        }
        free
    }

    /// Whether a task waits for a line and can be given something now.
    pub fn can_answer(&self) -> bool {
        self.reader.is_some() && !self.busy && !self.storing
    }

    /// The task that waits is given something else than a line; gives the task. The connection is busy until
    /// [`InputQueue::finish`]. None if it cannot be now.
    pub fn answer(&mut self) -> Option<i64> {
        if !self.can_answer() {
            return None;
        }
        self.answering = self.reader.take();
        self.busy = self.answering.is_some();
        self.answering
    }

    /// The task that waits for a line.
    pub fn reader(&self) -> Option<i64> {
        self.reader
    }

    /// The task that waited for a line, or was just given one, is no more.
    pub fn stop_reading(&mut self, task: i64) {
        self.reader.take_if(|reader| *reader == task);
        if self.answering == Some(task) {
            self.finish();
        }
    }

    /// From now on lines are commands of a player.
    pub fn log_in(&mut self) {
        self.logged_in = true;
    }

    /// From now on lines belong to a verb's program.
    pub fn start_programming(&mut self, programming: Programming) {
        self.program_bytes = 0;
        self.programming = Some(programming);
    }

    /// The verb whose program is being typed in, or has been and has not taken effect yet.
    pub fn programming(&self) -> Option<(Obj, u32)> {
        let typed = self.programming.as_ref();
        typed
            .map(|programming| (programming.obj, programming.verb))
            .or(self.programmed)
    }

    /// The program that was typed in has taken effect.
    pub fn end_programming(&mut self) {
        self.programmed = None;
    }

    /// The numbers under which lines of this connection are stored.
    pub fn stored(&self) -> Vec<i64> {
        let waiting = self.waiting.iter().filter_map(|line| line.stored);
        let program = self.programming.iter().flat_map(|program| &program.stored);
        waiting.chain(program.copied()).collect()
    }

    /// The connection's options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// As [`Options::set`].
    pub fn set_option(&mut self, name: &str, value: &Value) -> Result<(), ErrorCode> {
        self.options.set(name, value)
    }

    /// The lines printed before and after a command's output.
    pub fn delimiters(&self) -> (&str, &str) {
        (&self.prefix, &self.suffix)
    }

    /// Where the next line stands whose turn has come.
    fn next_place(&self) -> Option<usize> {
        let only_out_of_band = self.options.hold_input && self.reader.is_none() && self.programming.is_none();
        if !only_out_of_band {
            return (!self.waiting.is_empty()).then_some(0);
        }
        self.waiting
            .iter()
            .position(|line| self.is_out_of_band(&line.text))
    }

    /// Whether the line starts nothing: it belongs to a program, is blank, or sets a delimiter.
    fn is_absorbed(&self, place: usize) -> bool {
        let text = &self.waiting[place].text;
        if !self.logged_in || self.reader.is_some() || self.is_out_of_band(text) {
            return false;
        }
        let text = self.without_quote(text);
        match self.programming {
            Some(_) => text != ".",
            None => text.bytes().all(|b| b == b' ') || self.delimiter(text).is_some(),
        }
    }

    fn absorb(&mut self, line: Line) -> Absorbed {
        let Line { text, ticket, stored } = self.unquoted(line);
        let mut program = None;
        if self.programming.is_some() {
            let number = self.number(false);
            program = self.collect(number, text.clone()).then_some((number, text));
        } else if let Some((is_prefix, rest)) = self.delimiter(&text) {
            let rest = rest.to_owned();
            *(if is_prefix {
                &mut self.prefix
            } else {
                &mut self.suffix
            }) = rest;
        }
        Absorbed {
            ticket,
            stored,
            program,
        }
    }

    /// Adds a line to the program that is being typed in, unless that is too long.
    fn collect(&mut self, number: i64, text: String) -> bool {
        let Some(programming) = &mut self.programming else {
            return false;
        };
        self.program_bytes += text.len() + LINE_COST;
        let has_room = programming.lines.len() < PROGRAM_LINES_MAX && self.program_bytes <= PROGRAM_BYTES_MAX;
        if has_room {
            programming.lines.push(text);
            programming.stored.push(number);
        }
        has_room
    }

    fn remove(&mut self, place: usize) -> Option<Line> {
        let line = self.waiting.remove(place)?;
        self.bytes = self.bytes.saturating_sub(line.text.len() + LINE_COST);
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        Some(line)
    }

    fn is_out_of_band(&self, text: &str) -> bool {
        !self.options.disable_oob && text.starts_with(OUT_OF_BAND)
    }

    /// The line without the three characters that keep it from being out-of-band.
    fn unquoted(&self, mut line: Line) -> Line {
        if !self.options.disable_oob && line.text.starts_with(QUOTED) {
            line.text.drain(..QUOTED.len());
        }
        line
    }

    fn without_quote<'a>(&self, text: &'a str) -> &'a str {
        let quoted = (!self.options.disable_oob).then(|| text.strip_prefix(QUOTED));
        quoted.flatten().unwrap_or(text)
    }

    /// What the line sets, if it is `PREFIX`, `SUFFIX` or one of their other names: whether the prefix, and to what.
    fn delimiter<'a>(&self, text: &'a str) -> Option<(bool, &'a str)> {
        let text = text.trim_start_matches(' ');
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let place = INTRINSICS[1..].iter().position(|name| *name == word)?;
        self.options.intrinsics[place + 1].then(|| (place < 2, rest.trim_start_matches(' ')))
    }
}

/// A waiting line as `read()` gives it.
pub fn value_of(line: &Line) -> Value {
    Value::str(&line.text)
}

#[cfg(test)]
mod tests;

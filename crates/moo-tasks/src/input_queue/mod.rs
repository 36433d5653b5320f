//! One connection's lines on their way to becoming tasks.
//!
//! Invariants: lines are taken up in the order they came, forced ones at the front excepted; nothing is taken up while
//! a task that this connection started is in its first slice, or one that it gave a line to in the slice after; what
//! waits is at most [`PENDING_BYTES_MAX`] bytes before the sender is held back.

mod options;

use std::collections::VecDeque;

use moo_model::{ErrorCode, Obj, Value};

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

/// A line as it came, with the number by which its sender asks what became of it; 0 for a forced line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, without its end.
    pub text: String,
    /// The sender's number.
    pub ticket: u64,
}

/// A verb whose program is being typed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Programming {
    /// The object.
    pub obj: Obj,
    /// The verb's identity on it.
    pub verb: u32,
    /// The lines so far.
    pub lines: Vec<String>,
}

/// What is to be done next for a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `do_login_command` with this line.
    Login(Line),
    /// A command of the player's.
    Command {
        /// The line.
        line: Line,
        /// Whether `.program` may be answered by the server.
        may_program: bool,
    },
    /// `do_out_of_band_command` with this line.
    OutOfBand(Line),
    /// The line answers the task that reads.
    Read {
        /// The task.
        task: i64,
        /// The line.
        line: Line,
    },
    /// A program is complete.
    Program {
        /// The verb and its lines.
        program: Programming,
        /// The number of the line that ended it.
        ticket: u64,
    },
    /// The line was taken in and starts nothing.
    Nothing {
        /// The line's number.
        ticket: u64,
    },
}

/// What became of a line on its arrival.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// It waits for its turn.
    Queued,
    /// It waits because the world holds input: its sender need not wait with it.
    Held,
    /// It was the flush command: these lines are dropped, and `report` is to be shown.
    Flushed {
        /// What to print.
        report: Vec<String>,
        /// The numbers of the dropped lines.
        tickets: Vec<u64>,
    },
}

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
    /// Bytes of the program being collected.
    program_bytes: usize,
}

impl InputQueue {
    /// The queue of a new connection. An empty line waits in it, which greets the client.
    pub fn new(flush_command: &str) -> InputQueue {
        let greeting = Line {
            text: String::new(),
            ticket: 0,
        };
        InputQueue {
            waiting: VecDeque::from([greeting]),
            bytes: LINE_COST,
            options: Options::new(flush_command),
            prefix: String::new(),
            suffix: String::new(),
            logged_in: false,
            busy: false,
            reader: None,
            answering: None,
            programming: None,
            program_bytes: 0,
        }
    }

    /// A line has come from the client.
    pub fn arrive(&mut self, line: Line) -> Arrival {
        let flush = &self.options.flush_command;
        if !flush.is_empty() && line.text.eq_ignore_ascii_case(flush) {
            let (report, tickets) = self.flush();
            return Arrival::Flushed { report, tickets };
        }
        // A held line is answered at once, so that `.flush` can follow it; past the bound it waits for its answer like
        // any other, and the host stops sending.
        let held = !self.is_full()
            && self.options.hold_input
            && self.reader.is_none()
            && !self.is_out_of_band(&line.text);
        self.bytes += line.text.len() + LINE_COST;
        self.waiting.push_back(line);
        if held { Arrival::Held } else { Arrival::Queued }
    }

    /// `force_input()`: `E_QUOTA` when too much waits already.
    pub fn force(&mut self, text: &str, at_front: bool) -> Result<(), ErrorCode> {
        if self.is_full() {
            return Err(ErrorCode::Quota);
        }
        let line = Line {
            text: text.to_owned(),
            ticket: 0,
        };
        self.bytes += text.len() + LINE_COST;
        if at_front {
            self.waiting.push_front(line);
        } else {
            self.waiting.push_back(line);
        }
        Ok(())
    }

    /// Drops what waits: what to print about it, and the numbers of the dropped lines.
    pub fn flush(&mut self) -> (Vec<String>, Vec<u64>) {
        let lines = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        if lines.is_empty() {
            return (vec![">> No pending input to flush...".to_owned()], Vec::new());
        }
        let mut report = vec![">> Flushing the following pending input:".to_owned()];
        report.extend(lines.iter().map(|line| format!(">>     {}", line.text)));
        report.push(">> (Done flushing)".to_owned());
        (report, lines.into_iter().map(|line| line.ticket).collect())
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

    /// Takes up the next line, if its turn has come. A step other than `Nothing` makes the connection busy until
    /// [`InputQueue::finish`].
    pub fn take_up(&mut self) -> Option<Step> {
        if self.busy {
            return None;
        }
        let line = self.take_next()?;
        if let Some(task) = self.reader.filter(|_| !self.is_out_of_band(&line.text)) {
            self.reader = None;
            self.answering = Some(task);
            self.busy = true;
            return Some(Step::Read {
                task,
                line: self.unquoted(line),
            });
        }
        let step = if self.is_out_of_band(&line.text) {
            Step::OutOfBand(line)
        } else {
            let line = self.unquoted(line);
            if self.logged_in {
                self.step_of_player(line)
            } else {
                Step::Login(line)
            }
        };
        self.busy = !matches!(step, Step::Nothing { .. });
        Some(step)
    }

    /// A line that waits because input is held, taken without waiting, for `read()`.
    pub fn take_held(&mut self) -> Option<Line> {
        if !self.options.hold_input {
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

    fn take_next(&mut self) -> Option<Line> {
        let only_out_of_band = self.options.hold_input && self.reader.is_none() && self.programming.is_none();
        if !only_out_of_band {
            return self.remove(0);
        }
        let place = self
            .waiting
            .iter()
            .position(|line| self.is_out_of_band(&line.text))?;
        self.remove(place)
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

    fn step_of_player(&mut self, line: Line) -> Step {
        if let Some(programming) = &mut self.programming {
            if line.text != "." {
                self.program_bytes += line.text.len() + LINE_COST;
                if programming.lines.len() < PROGRAM_LINES_MAX && self.program_bytes <= PROGRAM_BYTES_MAX {
                    programming.lines.push(line.text);
                }
                return Step::Nothing { ticket: line.ticket };
            }
            let program = self.programming.take().expect("it was there a line ago");
            return Step::Program {
                program,
                ticket: line.ticket,
            };
        }
        let is_blank = line.text.bytes().all(|b| b == b' ');
        if is_blank || self.takes_delimiter(&line.text) {
            return Step::Nothing { ticket: line.ticket };
        }
        Step::Command {
            may_program: self.options.intrinsics[0],
            line,
        }
    }

    /// Whether the line is `PREFIX`, `SUFFIX` or one of their other names, which it then has taken effect as.
    fn takes_delimiter(&mut self, text: &str) -> bool {
        let text = text.trim_start_matches(' ');
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let Some(place) = INTRINSICS[1..].iter().position(|name| *name == word) else {
            return false;
        };
        if !self.options.intrinsics[place + 1] {
            return false;
        }
        let delimiter = if place < 2 {
            &mut self.prefix
        } else {
            &mut self.suffix
        };
        rest.trim_start_matches(' ').clone_into(delimiter);
        true
    }
}

/// A waiting line as `read()` gives it.
pub fn value_of(line: &Line) -> Value {
    Value::str(&line.text)
}

#[cfg(test)]
mod tests;

//! People at telnet: they type numbered lines, and read when they feel like it.

use std::collections::VecDeque;
use std::sync::Arc;

use moothall::protocol::Moment;
use moothall::protocol::event::{ClientEvent, Content, LineBody};
use moothall::protocol::machine::host::{Meter, ToClient};

/// Lines that a telnet connection lets go unanswered.
const WINDOW: u64 = 8;

/// One person, and the socket's end at the host.
pub struct Person {
    pub host: usize,
    pub meter: Arc<Meter>,
    /// What the host has handed over and the socket has not taken.
    waiting: VecDeque<(u64, u64, Arc<ClientEvent>)>,
    /// The texts read, in order.
    pub read: Vec<String>,
    /// Lines typed, and answered.
    pub typed: u64,
    pub answered: u64,
    pub reads_again_at: Moment,
    /// Whether this person or their host is gone.
    pub is_gone: bool,
    /// Their connection was given to another host, which may close it here.
    pub is_fenced: bool,
    /// What must not happen to them.
    pub complaint: Option<String>,
}

impl Person {
    pub fn new(host: usize) -> Person {
        Person {
            host,
            meter: Arc::default(),
            waiting: VecDeque::new(),
            read: Vec::new(),
            typed: 0,
            answered: 0,
            reads_again_at: Moment(0),
            is_gone: false,
            is_fenced: false,
            complaint: None,
        }
    }

    /// The next line, unless too many wait for their answers.
    pub fn types(&mut self) -> Option<String> {
        if self.is_gone || self.typed - self.answered >= WINDOW {
            return None;
        }
        self.typed += 1;
        Some(self.typed.to_string())
    }

    /// The host has something for this person; gives whether the socket has something to take.
    pub fn hears(&mut self, what: ToClient) -> bool {
        match what {
            ToClient::Event { event, pos, mark, .. } => self.waiting.push_back((pos.seq, mark, event)),
            ToClient::Answered => self.answered += 1,
            ToClient::Refused(why) => self.complain(format!("a line was refused: {why}")),
            ToClient::Ready { fresh: true } => self.complain("the daemon had forgotten them".to_owned()),
            ToClient::Close { .. } if self.is_fenced => self.is_gone = true,
            ToClient::Close { words, .. } => self.complain(format!("they were cut off: {words}")),
            ToClient::Ready { .. } | ToClient::Away | ToClient::Notice(_) => {}
            ToClient::Reply { .. } | ToClient::Entered { .. } | ToClient::NotEntered(_) => {
                self.complain("they heard the answer to a question".to_owned());
            }
        }
        !self.waiting.is_empty()
    }

    fn complain(&mut self, what: String) {
        if !self.is_gone {
            self.complaint.get_or_insert(what);
        }
    }

    /// The socket takes everything that waits; gives whether the host wants to know.
    pub fn reads(&mut self) -> bool {
        let mut is_awaited = false;
        for (seq, mark, event) in std::mem::take(&mut self.waiting) {
            match &*event {
                ClientEvent::Narrative { event, .. } => match &event.content {
                    Content::Lines(lines) => self.read.extend(lines.iter().map(|line| match &line.body {
                        LineBody::Text(text) => text.clone(),
                        LineBody::Bytes(_) => "bytes".to_owned(),
                    })),
                    Content::Rich { .. } => self.complain("something rich came".to_owned()),
                },
                ClientEvent::Gap { lost } => self.complain(format!("{lost} events were lost")),
                other => self.complain(format!("something else came: {other:?}")),
            }
            is_awaited |= self.meter.accept(seq, mark);
        }
        is_awaited
    }

    pub fn has_read_all(&self) -> bool {
        self.waiting.is_empty()
    }
}

//! The requests of a host that have no answer yet.
//!
//! Invariant: every request taken ends in exactly one answer: the daemon's, or a failure by deadline or lost link; but
//! a numbered one is asked for as long as the link stands, since the daemon has it or will have it. At most [`WINDOW`]
//! of a lane are on their way, and at most [`REQUESTS_HELD_MAX`] wait.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Output;
use crate::limits::{
    BULK_DEADLINE_S, REPLAY_DEADLINE_S, REQUEST_DEADLINE_S, REQUEST_TRIES_MAX, REQUESTS_HELD_MAX, WINDOW,
};
use crate::protocol::error::RpcError;
use crate::protocol::header;
use crate::protocol::kind::{Lane, Resend, Row};
use crate::protocol::moment::Moment;

/// A request taken from the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request<T> {
    /// What the host calls it.
    ticket: T,
    correlation: u64,
    lane: Lane,
    resend: Resend,
    deadline: Duration,
    /// The whole frame.
    frame: Vec<u8>,
}

impl<T> Request<T> {
    pub(super) fn new(ticket: T, correlation: u64, row: &Row, frame: Vec<u8>) -> Request<T> {
        Request {
            ticket,
            correlation,
            lane: row.lane(),
            resend: row.resend,
            deadline: deadline(row),
            frame,
        }
    }
}

/// A player waits for a replay, so it does not get the time that a listing gets.
fn deadline(row: &Row) -> Duration {
    Duration::from_secs(match (row.name, row.lane()) {
        ("Replay", _) => REPLAY_DEADLINE_S,
        (_, Lane::Interactive) => REQUEST_DEADLINE_S,
        (_, Lane::Bulk) => BULK_DEADLINE_S,
    })
}

#[derive(Debug)]
struct Sent<T> {
    request: Request<T>,
    at: Moment,
    tries: u8,
}

impl<T> Sent<T> {
    fn may_go_again(&self) -> bool {
        match self.request.resend {
            Resend::Never => false,
            Resend::Always => self.tries < REQUEST_TRIES_MAX,
            Resend::Numbered => true,
        }
    }
}

/// Requests that wait for room, for the link, or for an answer.
#[derive(Debug)]
pub(super) struct Requests<T> {
    /// Not sent yet, by lane and in order.
    held: [VecDeque<Request<T>>; 2],
    /// On their way, by correlation, which is also the order of their asking.
    sent: BTreeMap<u64, Sent<T>>,
    /// How many of `sent` are on each lane.
    in_flight: [usize; 2],
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Requests {
            held: [VecDeque::new(), VecDeque::new()],
            sent: BTreeMap::new(),
            in_flight: [0; 2],
        }
    }
}

impl<T> Requests<T> {
    /// How many have no answer.
    pub(super) fn len(&self) -> usize {
        self.sent.len() + self.held.iter().map(VecDeque::len).sum::<usize>()
    }

    /// Takes a request; fails it if too many wait.
    pub(super) fn hold(&mut self, request: Request<T>, out: &mut Vec<Output<T>>) {
        let lane = &mut self.held[request.lane as usize];
        if lane.len() < REQUESTS_HELD_MAX {
            lane.push_back(request);
        } else {
            let why = RpcError::Recoverable("too many requests wait".into());
            out.push(Output::failed(request.ticket, why));
        }
    }

    /// Sends what waits as far as each lane's window allows.
    pub(super) fn send_held(&mut self, now: Moment, epoch: u32, out: &mut Vec<Output<T>>) {
        for lane in Lane::ALL {
            while self.in_flight[lane as usize] < WINDOW {
                let Some(mut request) = self.held[lane as usize].pop_front() else {
                    break;
                };
                header::set_epoch(&mut request.frame, epoch);
                out.push(Output::Send {
                    lane,
                    frame: request.frame.clone(),
                });
                self.in_flight[lane as usize] += 1;
                let correlation = request.correlation;
                let (at, tries) = (now, 1);
                self.sent.insert(correlation, Sent { request, at, tries });
            }
        }
    }

    /// The ticket of the request that this answers, if it waits for one.
    pub(super) fn answered(&mut self, correlation: u64) -> Option<T> {
        let sent = self.sent.remove(&correlation)?;
        self.in_flight[sent.request.lane as usize] -= 1;
        Some(sent.request.ticket)
    }

    /// Sends again or gives up what has waited too long for its answer.
    pub(super) fn check_deadlines(&mut self, now: Moment, epoch: u32, out: &mut Vec<Output<T>>) {
        let is_late = |sent: &Sent<T>| now.since(sent.at) >= sent.request.deadline;
        let late: Vec<u64> = self
            .sent
            .iter()
            .filter(|(_, sent)| is_late(sent))
            .map(|(&c, _)| c)
            .collect();
        for correlation in late {
            match self.sent.get_mut(&correlation) {
                Some(sent) if sent.may_go_again() => {
                    (sent.at, sent.tries) = (now, sent.tries.saturating_add(1));
                    header::mark_resend(&mut sent.request.frame, epoch);
                    out.push(Output::Send {
                        lane: sent.request.lane,
                        frame: sent.request.frame.clone(),
                    });
                }
                _ => out.extend(
                    self.answered(correlation)
                        .map(|ticket| Output::failed(ticket, RpcError::Timeout)),
                ),
            }
        }
    }

    /// Nothing of what was lost in a pause of our own counts against the daemon.
    pub(super) fn restart_deadlines(&mut self, now: Moment) {
        self.sent.values_mut().for_each(|sent| sent.at = now);
    }

    /// The link is gone, and with it every request: whoever asked knows what is worth asking the next daemon.
    pub(super) fn link_lost(&mut self, out: &mut Vec<Output<T>>) {
        let lost = std::mem::take(self);
        let sent = lost.sent.into_values().map(|sent| sent.request);
        let all = sent.chain(lost.held.into_iter().flatten());
        out.extend(all.map(|request| Output::failed(request.ticket, RpcError::ConnectionLost)));
    }
}

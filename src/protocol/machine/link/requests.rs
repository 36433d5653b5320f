//! The requests of a host that have no answer yet.
//!
//! Invariant: every request taken ends in exactly one answer: the daemon's, or a failure by deadline or lost link. At
//! most [`WINDOW`] of a lane are on their way, and at most [`REQUESTS_HELD_MAX`] wait.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Output;
use crate::limits::{BULK_DEADLINE_S, REQUEST_DEADLINE_S, REQUEST_TRIES_MAX, REQUESTS_HELD_MAX, WINDOW};
use crate::protocol::error::RpcError;
use crate::protocol::header;
use crate::protocol::kind::{Lane, Resend, Row};
use crate::protocol::moment::Moment;

/// A request taken from the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request {
    /// What the host calls it.
    pub(super) ticket: u64,
    pub(super) correlation: u64,
    pub(super) lane: Lane,
    pub(super) resend: Resend,
    /// The whole frame.
    pub(super) frame: Vec<u8>,
}

impl Request {
    pub(super) fn new(ticket: u64, correlation: u64, row: &Row, frame: Vec<u8>) -> Request {
        Request {
            ticket,
            correlation,
            lane: row.lane(),
            resend: row.resend,
            frame,
        }
    }
}

#[derive(Debug)]
struct Sent {
    request: Request,
    at: Moment,
    tries: u8,
}

/// Requests that wait for room, for the link, or for an answer.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Not sent since the last handshake, by lane and in order, with the times that each was sent before.
    held: [VecDeque<(Request, u8)>; 2],
    /// On their way, by correlation, which is also the order of their asking.
    sent: BTreeMap<u64, Sent>,
    /// How many of `sent` are on each lane.
    in_flight: [usize; 2],
}

impl Requests {
    /// Takes a request; false if too many wait.
    pub(super) fn hold(&mut self, request: Request) -> bool {
        let lane = &mut self.held[request.lane as usize];
        let room = lane.len() < REQUESTS_HELD_MAX;
        if room {
            lane.push_back((request, 0));
        }
        room
    }

    /// Sends what waits as far as each lane's window allows.
    pub(super) fn send_held(&mut self, now: Moment, epoch: u32, out: &mut Vec<Output>) {
        for lane in Lane::ALL {
            while self.in_flight[lane as usize] < WINDOW {
                let Some((mut request, tries)) = self.held[lane as usize].pop_front() else {
                    break;
                };
                match tries {
                    0 => header::set_epoch(&mut request.frame, epoch),
                    _ => header::mark_resend(&mut request.frame, epoch),
                }
                out.push(Output::Send {
                    lane,
                    frame: request.frame.clone(),
                });
                self.in_flight[lane as usize] += 1;
                self.sent.insert(
                    request.correlation,
                    Sent {
                        request,
                        at: now,
                        tries: tries.saturating_add(1),
                    },
                );
            }
        }
    }

    /// The ticket of the request that this answers, if it waits for one.
    pub(super) fn answered(&mut self, correlation: u64) -> Option<u64> {
        let sent = self.sent.remove(&correlation)?;
        self.in_flight[sent.request.lane as usize] -= 1;
        Some(sent.request.ticket)
    }

    /// Sends again or gives up what has waited too long for its answer.
    pub(super) fn check_deadlines(&mut self, now: Moment, epoch: u32, out: &mut Vec<Output>) {
        let late: Vec<u64> = self
            .sent
            .iter()
            .filter(|(_, sent)| now.since(sent.at) >= deadline(sent))
            .map(|(&c, _)| c)
            .collect();
        for correlation in late {
            let Some(sent) = self.sent.get_mut(&correlation) else {
                continue;
            };
            if sent.request.resend != Resend::Never && sent.tries < REQUEST_TRIES_MAX {
                sent.at = now;
                sent.tries += 1;
                header::mark_resend(&mut sent.request.frame, epoch);
                out.push(Output::Send {
                    lane: sent.request.lane,
                    frame: sent.request.frame.clone(),
                });
            } else if let Some(ticket) = self.answered(correlation) {
                out.push(Output::failed(ticket, RpcError::Timeout));
            }
        }
    }

    /// The link is gone: what may be sent again waits for the next one, ahead of what was never sent; the rest has
    /// failed.
    pub(super) fn link_lost(&mut self, out: &mut Vec<Output>) {
        self.in_flight = [0; 2];
        for (_, sent) in std::mem::take(&mut self.sent).into_iter().rev() {
            if sent.request.resend == Resend::Never {
                out.push(Output::failed(sent.request.ticket, RpcError::ConnectionLost));
            } else {
                // A lost link is nobody's fault: the tries start over, but it has been sent before.
                self.held[sent.request.lane as usize].push_front((sent.request, 1));
            }
        }
    }
}

fn deadline(sent: &Sent) -> Duration {
    Duration::from_secs(match sent.request.lane {
        Lane::Interactive => REQUEST_DEADLINE_S,
        Lane::Bulk => BULK_DEADLINE_S,
    })
}

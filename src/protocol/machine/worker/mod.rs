//! A worker's end of its link to the daemon: hello, what it is asked, what it has answered, and the daemon's restarts.
//!
//! Order: a token, a connection, `Hello`, `Ack`, `AttachWorker`, `Attached`, `Ready`; from then on requests come.
//! Invariants: a result is kept, and given again, until the daemon says that it has it or does not want it; a request
//! that came again is not begun again; no more requests are held than the worker has said it takes.

mod step;

use crate::limits::{LINK_STALL_MS, PING_SILENCE_MS, RESULT_RESEND};
use crate::protocol::codec::{Envelope, Frame, FrameError, encode};
use crate::protocol::error::WorkerError;
use crate::protocol::host::DaemonDirect;
use crate::protocol::kind::Family;
use crate::protocol::worker::{
    DaemonToWorkerMessage, DaemonToWorkerReply, RetryClass, WorkerToDaemonMessage,
};
use crate::protocol::{Moment, ReqId, WireObj, WireValue, WorkerId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Who the worker is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerConfig {
    /// The program's version.
    pub build: String,
    /// Its lasting id.
    pub id: WorkerId,
    /// New at each start of the process.
    pub instance: u64,
    /// The kind of work that it does.
    pub kind: String,
    /// Requests at a time.
    pub concurrency: u16,
}

/// What came of a request.
pub type Answer = Result<WireValue, WorkerError>;

/// What happens to the worker.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// It begins.
    Start,
    /// A token to say hello with.
    Token(String),
    /// The sockets are connected.
    Connected,
    /// They are not any more.
    Disconnected,
    /// Something that was to be sent was dropped.
    Reset,
    /// A frame of the daemon's for this worker.
    Reply(Vec<u8>),
    /// A frame for all workers.
    Event(Vec<u8>),
    /// A request was carried out.
    Finished(ReqId, Answer),
    /// Nothing new is to be begun.
    Drain,
    /// The worker ends.
    Leave {
        /// Why, for the daemon's log.
        reason: String,
    },
    /// Time has passed.
    Tick,
}

/// A request to be carried out.
#[derive(Clone, PartialEq, Debug)]
pub struct Task {
    /// Which.
    pub id: ReqId,
    /// On whose behalf.
    pub perms: WireObj,
    /// What is asked.
    pub request: Vec<WireValue>,
    /// Time allowed.
    pub timeout: Duration,
    /// Whether it may be done twice.
    pub retry: RetryClass,
}

/// What the worker is to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Send a frame.
    Send(Vec<u8>),
    /// Close the sockets and connect anew.
    Rebuild,
    /// Get a token: there is none that holds.
    WantToken,
    /// The daemon knows this worker now.
    Up,
    /// Carry out a request.
    Begin(Task),
    /// Nobody waits for this request any more.
    Cancel(ReqId),
    /// The daemon wants this process to end.
    End(String),
    /// A frame could not be read.
    Garbled(FrameError),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing to say hello with.
    Idle,
    /// For a connection, or after a refusal for now.
    Waiting,
    /// `Hello` is on its way.
    Greeting,
    /// `AttachWorker` is on its way.
    Attaching,
    Attached,
}

/// A request that the worker has, or has answered without knowing that the daemon heard it.
#[derive(Debug)]
struct Job {
    attempt: u8,
    answer: Option<Answer>,
    sent_at: Moment,
}

/// The worker's end of the link.
#[derive(Debug)]
pub struct Worker {
    config: WorkerConfig,
    token: Option<String>,
    refused_token: Option<String>,
    connected: bool,
    state: State,
    /// When the present step, or the wait for another try, is over.
    step_ends: Moment,
    /// The correlation of the present step.
    step: u64,
    correlation: u64,
    /// The highest daemon epoch seen; 0 = none.
    epoch: u32,
    ticked_at: Option<Moment>,
    pinged_at: Moment,
    renew_at: Moment,
    is_draining: bool,
    jobs: BTreeMap<ReqId, Job>,
    /// By the correlation that a result was sent under.
    results: BTreeMap<u64, ReqId>,
}

impl Worker {
    /// A worker that waits for [`Input::Start`] and a token.
    pub fn new(config: WorkerConfig) -> Worker {
        Worker {
            config,
            token: None,
            refused_token: None,
            connected: false,
            state: State::Idle,
            step_ends: Moment(0),
            step: 0,
            correlation: 0,
            epoch: 0,
            ticked_at: None,
            pinged_at: Moment(0),
            renew_at: Moment(0),
            is_draining: false,
            jobs: BTreeMap::new(),
            results: BTreeMap::new(),
        }
    }

    /// Whether the daemon knows this worker.
    pub fn is_up(&self) -> bool {
        self.state == State::Attached
    }

    /// Requests that are being carried out.
    pub fn busy(&self) -> usize {
        self.jobs.values().filter(|job| job.answer.is_none()).count()
    }

    /// Requests that the daemon has not been told the end of, as far as the worker knows.
    pub fn pending(&self) -> usize {
        self.jobs.len()
    }

    /// Takes an input, and appends what follows from it.
    pub fn on(&mut self, now: Moment, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Start => self.greet(now, out),
            Input::Token(token) => self.on_token(now, token, out),
            Input::Connected => {
                self.connected = true;
                if self.state == State::Waiting {
                    self.greet(now, out);
                }
            }
            Input::Disconnected => {
                self.connected = false;
                self.lose(now, out);
            }
            Input::Reset => self.lose(now, out),
            Input::Reply(frame) => self.reply(now, &frame, out),
            Input::Event(frame) => self.event(now, &frame, out),
            Input::Finished(id, answer) => {
                if let Some(job) = self.jobs.get_mut(&id).filter(|job| job.answer.is_none()) {
                    job.answer = Some(answer);
                    self.send_result(now, id, out);
                }
            }
            Input::Drain => {
                self.is_draining = true;
                if self.is_up() {
                    self.say(&WorkerToDaemonMessage::Ready { credits: 0 }, out);
                }
            }
            Input::Leave { reason } => {
                if self.is_up() {
                    self.say(&WorkerToDaemonMessage::DetachWorker { reason }, out);
                }
                self.state = State::Idle;
            }
            Input::Tick => self.tick(now, out),
        }
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Output>) {
        let since_last = now.since(self.ticked_at.replace(now).unwrap_or(now));
        if since_last >= Duration::from_millis(LINK_STALL_MS) {
            // We have not run for a while: what the daemon said meanwhile has not been heard yet.
            self.pinged_at = now;
            self.step_ends = self.step_ends.plus(since_last);
        }
        match self.state {
            State::Idle => {}
            State::Attached if now.since(self.pinged_at) >= Duration::from_millis(PING_SILENCE_MS) => {
                out.push(Output::Rebuild);
                self.connected = false;
                self.lose(now, out);
            }
            State::Attached => {
                if now >= self.renew_at {
                    self.renew(now, out);
                }
                let is_late = |job: &Job| job.answer.is_some() && now.since(job.sent_at) >= RESULT_RESEND;
                let late: Vec<ReqId> = self
                    .jobs
                    .iter()
                    .filter(|(_, job)| is_late(job))
                    .map(|(&id, _)| id)
                    .collect();
                late.into_iter().for_each(|id| self.send_result(now, id, out));
            }
            _ if now >= self.step_ends => self.step_is_over(now, out),
            _ => {}
        }
    }

    /// The link is not what it was: everything begins with a hello.
    fn lose(&mut self, now: Moment, out: &mut Vec<Output>) {
        if self.state != State::Idle {
            self.greet(now, out);
        }
    }

    fn next_correlation(&mut self) -> u64 {
        self.correlation += 1;
        self.correlation
    }

    fn frame(&mut self, message: &WorkerToDaemonMessage) -> (u64, Result<Vec<u8>, FrameError>) {
        let correlation = self.next_correlation();
        let envelope = Envelope {
            correlation,
            epoch: self.epoch,
            principal: self.config.id.0,
            ..Envelope::default()
        };
        (correlation, encode(&envelope, message))
    }

    /// Says something whose answer nobody waits for.
    fn say(&mut self, message: &WorkerToDaemonMessage, out: &mut Vec<Output>) {
        let (_, frame) = self.frame(message);
        out.push(frame.map_or_else(Output::Garbled, Output::Send));
    }

    fn send_result(&mut self, now: Moment, id: ReqId, out: &mut Vec<Output>) {
        if !self.is_up() {
            return;
        }
        let Some(Job {
            attempt,
            answer: Some(answer),
            sent_at,
        }) = self.jobs.get_mut(&id)
        else {
            return;
        };
        *sent_at = now;
        let attempt = *attempt;
        let message = match answer.clone() {
            Ok(result) => WorkerToDaemonMessage::RequestResult { id, attempt, result },
            Err(error) => WorkerToDaemonMessage::RequestError { id, attempt, error },
        };
        let (correlation, frame) = self.frame(&message);
        self.results.retain(|_, known| *known != id);
        self.results.insert(correlation, id);
        match frame {
            Ok(frame) => out.push(Output::Send(frame)),
            Err(error) => {
                // In place of what no frame can carry goes the word that it is so.
                let error = WorkerError::RequestError(error.to_string());
                self.jobs.insert(
                    id,
                    Job {
                        attempt,
                        answer: Some(Err(error)),
                        sent_at: now,
                    },
                );
                self.send_result(now, id, out);
            }
        }
    }

    /// The daemon has a result, or does not want it: there is room for another request.
    fn settle(&mut self, id: ReqId, out: &mut Vec<Output>) {
        self.results.retain(|_, known| *known != id);
        if self.jobs.remove(&id).is_some() && self.is_up() && !self.is_draining {
            self.say(&WorkerToDaemonMessage::Ready { credits: 1 }, out);
        }
    }

    fn reply(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<Output>) {
        let frame = match Frame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => return out.push(Output::Garbled(error)),
        };
        let correlation = frame.envelope.correlation;
        if self.state == State::Idle || frame.envelope.epoch < self.epoch {
            return;
        }
        self.epoch = frame.envelope.epoch;
        if frame.kind.family() == Family::DaemonDirect as u8 {
            match frame.decode() {
                Ok(message) => self.direct(message, out),
                Err(error) => out.push(Output::Garbled(error)),
            }
            return;
        }
        let reply = match frame.decode::<DaemonToWorkerReply>() {
            Ok(reply) => reply,
            Err(error) => return out.push(Output::Garbled(error)),
        };
        match reply {
            DaemonToWorkerReply::NotRegistered(_) => self.lose(now, out),
            reply if correlation == self.step && !self.is_up() => self.step_answered(now, reply, out),
            DaemonToWorkerReply::Attached { token, .. } => self.token = Some(token),
            DaemonToWorkerReply::UnknownRequest(id) => self.settle(id, out),
            DaemonToWorkerReply::Ack | DaemonToWorkerReply::InvalidPayload(_) => {
                if let Some(id) = self.results.remove(&correlation) {
                    self.settle(id, out);
                }
            }
            DaemonToWorkerReply::Rejected(_) | DaemonToWorkerReply::AuthFailed(_) => {}
        }
    }

    fn direct(&mut self, message: DaemonDirect, out: &mut Vec<Output>) {
        match message {
            DaemonDirect::WorkerRequest {
                id,
                attempt,
                perms,
                request,
                timeout_ms,
                retry,
            } => {
                if self.jobs.contains_key(&id) {
                    return;
                }
                let job = Job {
                    attempt,
                    answer: None,
                    sent_at: Moment(0),
                };
                self.jobs.insert(id, job);
                out.push(Output::Begin(Task {
                    id,
                    perms,
                    request,
                    timeout: Duration::from_millis(u64::from(timeout_ms)),
                    retry,
                }));
            }
            DaemonDirect::CancelRequest { id } => {
                if self.jobs.get(&id).is_some_and(|job| job.answer.is_none()) {
                    out.push(Output::Cancel(id));
                }
                self.settle(id, out);
            }
            DaemonDirect::Drain { why, .. } => out.push(Output::End(why)),
            _ => {}
        }
    }

    fn event(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<Output>) {
        let frame = Frame::parse(bytes).and_then(|frame| Ok((frame.envelope, frame.decode()?)));
        let (envelope, event) = match frame {
            Ok(heard) => heard,
            Err(error) => return out.push(Output::Garbled(error)),
        };
        if self.state == State::Idle || envelope.epoch < self.epoch {
            return;
        }
        if envelope.epoch > self.epoch && self.is_up() {
            // Another daemon serves.
            self.epoch = envelope.epoch;
            return self.lose(now, out);
        }
        match event {
            DaemonToWorkerMessage::PingWorkers { ping } if self.is_up() => {
                self.pinged_at = now;
                let in_flight = self.jobs.keys().copied().collect();
                self.say(&WorkerToDaemonMessage::WorkerPong { ping, in_flight }, out);
            }
            DaemonToWorkerMessage::PleaseDie { worker } if worker == self.config.id => {
                out.push(Output::End("the daemon wants this worker to end".to_owned()));
            }
            DaemonToWorkerMessage::PingWorkers { .. }
            | DaemonToWorkerMessage::PleaseDie { .. }
            | DaemonToWorkerMessage::Draining => {}
        }
    }
}

#[cfg(test)]
mod tests;

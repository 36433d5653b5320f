//! A host's link to the daemon: handshake, requests and their answers, and the daemon's restarts.
//!
//! Order of a handshake: `Hello`, `Welcome`, the probe on the events socket, `RegisterHost`, `Ack`, the connections
//! held meanwhile in batches; only then are requests sent. Invariants: a frame of a lower daemon epoch is never heard;
//! a step without an answer starts the handshake over; every request ends in one answer.

mod handshake;
mod input;
mod output;
mod requests;

use std::time::Duration;

pub use input::Input;
pub use output::{Answer, Attachment, Output};
use requests::{Request, Requests};

use crate::limits::PING_SILENCE_MS;
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent};
use crate::protocol::client::ClientRequest;
use crate::protocol::codec::{Envelope, Frame, FrameError, encode};
use crate::protocol::error::RpcError;
use crate::protocol::event::StreamControl;
use crate::protocol::header;
use crate::protocol::host::{
    DaemonDirect, DaemonToHostReply, HeldConn, HostToDaemonMessage, HostType, Listener, RejectReason,
};
use crate::protocol::kind::{Family, Lane, Row};
use crate::protocol::token::TokenClass;
use crate::protocol::{ClientId, HostId, Moment, Wall};

/// Who the host is.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkConfig {
    /// The program's version.
    pub build: String,
    /// Its lasting id.
    pub id: HostId,
    /// New at each start of the process.
    pub instance: u64,
    /// Its host token.
    pub token: String,
    /// The world that it means to serve; empty takes any.
    pub world: String,
    /// The sockets that it serves.
    pub host_type: HostType,
    /// Connections that it can hold.
    pub capacity: u32,
    /// Kinds of jobs that it takes.
    pub skills: Vec<String>,
}

#[derive(Clone, PartialEq, Debug)]
enum State {
    /// Not started, or refused for good.
    Idle,
    /// Refused for now.
    Waiting,
    /// `Hello` is on its way.
    Greeting,
    /// Welcome; the probe has not been heard.
    Probing,
    /// `RegisterHost` is on its way.
    Registering,
    /// The host is naming its connections.
    Collecting,
    /// A batch is on its way; these follow, last first.
    Reattaching(Vec<Vec<HeldConn>>),
    Attached,
}

/// The host's end of the link.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    listeners: Vec<Listener>,
    /// The wall clock at `wall_at`, from which its later times follow.
    wall: Wall,
    wall_at: Moment,
    state: State,
    /// When the present step of the handshake, or the wait for another try, is over.
    step_ends: Moment,
    /// The correlation of the present step.
    step: u64,
    correlation: u64,
    /// The highest daemon epoch seen; 0 = none.
    epoch: u32,
    welcome: Option<Attachment>,
    pinged_at: Moment,
    renew_at: Moment,
    requests: Requests,
}

impl Link {
    /// A link that waits for [`Input::Start`].
    pub fn new(config: LinkConfig) -> Link {
        Link {
            config,
            listeners: Vec::new(),
            wall: Wall(0),
            wall_at: Moment(0),
            state: State::Idle,
            step_ends: Moment(0),
            step: 0,
            correlation: 0,
            epoch: 0,
            welcome: None,
            pinged_at: Moment(0),
            renew_at: Moment(0),
            requests: Requests::default(),
        }
    }

    /// Whether requests go to the daemon now.
    pub fn is_attached(&self) -> bool {
        self.state == State::Attached
    }

    /// Takes an input.
    pub fn on(&mut self, now: Moment, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Start { wall, listeners } => {
                (self.wall, self.wall_at, self.listeners) = (wall, now, listeners);
                self.greet(now, &mut out);
            }
            Input::Reply(frame) => self.reply(now, &frame, &mut out),
            Input::Event(frame) => self.event(now, &frame, &mut out),
            Input::Reset if self.state == State::Idle => {}
            Input::Reset => self.lose(now, RpcError::ConnectionLost, &mut out),
            Input::AskHost { ticket, message } => self.ask_host(now, ticket, &message, &mut out),
            Input::AskClient {
                ticket,
                client,
                request,
            } => {
                self.ask_client(now, ticket, client, &request, &mut out);
            }
            Input::Held(conns) => self.reattach(now, conns, &mut out),
            Input::Listeners(listeners) => self.listeners = listeners,
            Input::Tick => self.tick(now, &mut out),
        }
        out
    }

    fn expects_answer(&self) -> bool {
        matches!(
            self.state,
            State::Greeting | State::Registering | State::Reattaching(_)
        )
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Output>) {
        match self.state {
            State::Idle => {}
            State::Attached if now.since(self.pinged_at) >= Duration::from_millis(PING_SILENCE_MS) => {
                out.push(Output::Rebuild);
                self.lose(now, RpcError::Timeout, out);
            }
            State::Attached => {
                self.requests.check_deadlines(now, self.epoch, out);
                if now >= self.renew_at {
                    self.renew(now, out);
                }
            }
            State::Waiting if now >= self.step_ends => self.greet(now, out),
            _ if now >= self.step_ends => {
                out.push(Output::Rebuild);
                self.greet(now, out);
            }
            _ => {}
        }
    }

    /// Asks for a fresh token well before this one expires, since the next handshake will need it.
    fn renew(&mut self, now: Moment, out: &mut Vec<Output>) {
        self.renew_at = now.plus(TokenClass::Host.life() / 2);
        let message = HostToDaemonMessage::RenewToken {
            token: self.config.token.clone(),
        };
        let correlation = self.next_correlation();
        if let Ok(frame) = encode(&self.envelope(correlation, self.config.id.0), &message) {
            out.push(Output::Send {
                lane: Lane::Interactive,
                frame,
            });
        }
    }

    fn lose(&mut self, now: Moment, why: RpcError, out: &mut Vec<Output>) {
        self.requests.link_lost(out);
        if self.welcome.take().is_some() {
            out.push(Output::Lost(why));
        }
        self.greet(now, out);
    }

    /// Whether a frame of this epoch is heard. A higher one than ours means that the daemon was restarted.
    fn hears(&mut self, now: Moment, epoch: u32, out: &mut Vec<Output>) -> bool {
        if epoch > self.epoch && self.welcome.is_some() {
            self.epoch = epoch;
            self.lose(now, RpcError::ConnectionLost, out);
            return false;
        }
        epoch == 0 || epoch >= self.epoch
    }

    fn reply(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<Output>) {
        let frame = match Frame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => return self.unreadable(error, out),
        };
        if self.state == State::Idle || !self.hears(now, frame.envelope.epoch, out) {
            return;
        }
        let correlation = frame.envelope.correlation;
        if correlation == 0 {
            if let Ok(direct) = frame.decode::<DaemonDirect>() {
                out.push(Output::Direct(Box::new(direct)));
            }
            return;
        }
        let answer = match read_answer(&frame) {
            Ok(answer) => answer,
            Err(error) => Answer::Failed(RpcError::CouldNotDecode(error.to_string())),
        };
        let is_forgotten = matches!(&answer, Answer::Host(DaemonToHostReply::Reject { reason, .. })
            if *reason == RejectReason::HelloFirst);
        if let Answer::Host(DaemonToHostReply::Renewed { token }) = &answer {
            self.config.token.clone_from(token);
        }
        if correlation == self.step && self.expects_answer() {
            self.step_answered(now, answer, out);
        } else if is_forgotten {
            if self.is_attached() {
                self.lose(now, RpcError::ConnectionLost, out);
            }
        } else if let Some(ticket) = self.requests.answered(correlation) {
            out.push(Output::Answer {
                ticket,
                answer: Box::new(answer),
            });
            if self.is_attached() {
                self.requests.send_held(now, self.epoch, out);
            }
        }
    }

    /// An answer that cannot be read must not leave its asker waiting.
    fn unreadable(&mut self, error: FrameError, out: &mut Vec<Output>) {
        if let FrameError::Unsupported { envelope, .. } = &error
            && let Some(ticket) = self.requests.answered(envelope.correlation)
        {
            out.push(Output::failed(
                ticket,
                RpcError::CouldNotDecode(error.to_string()),
            ));
        }
    }

    fn event(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<Output>) {
        let Ok(frame) = Frame::parse(bytes) else { return };
        // Before a welcome nothing published can be told from a daemon's that is gone.
        if self.welcome.is_none() || !self.hears(now, frame.envelope.epoch, out) {
            return;
        }
        let family = frame.kind.family();
        if family == Family::Event as u8 {
            out.extend(frame.decode().ok().map(|event| Output::Event(Box::new(event))));
        } else if family == Family::Stream as u8 {
            match frame.decode() {
                Ok(StreamControl::Probe { probe }) => self.probed(now, probe, out),
                Ok(StreamControl::Heads { frame, heads }) => out.push(Output::Heads(frame, heads)),
                Err(_) => {}
            }
        } else if family == Family::HostBroadcast as u8 {
            let Ok(event) = frame.decode::<HostBroadcastEvent>() else {
                return;
            };
            if matches!(event, HostBroadcastEvent::PingPong { .. }) {
                self.pinged_at = now;
            }
            out.push(Output::Broadcast(event));
        } else if let Ok(event) = frame.decode::<ClientsBroadcastEvent>() {
            out.push(Output::ClientsBroadcast(event));
        }
    }

    fn ask_host(&mut self, now: Moment, ticket: u64, message: &HostToDaemonMessage, out: &mut Vec<Output>) {
        let correlation = self.next_correlation();
        let frame = encode(&self.envelope(correlation, self.config.id.0), message);
        self.ask(now, ticket, correlation, frame, out);
    }

    fn ask_client(
        &mut self,
        now: Moment,
        ticket: u64,
        client: ClientId,
        request: &ClientRequest,
        out: &mut Vec<Output>,
    ) {
        let correlation = self.next_correlation();
        let frame = encode(&self.envelope(correlation, client.0), request);
        self.ask(now, ticket, correlation, frame, out);
    }

    fn ask(
        &mut self,
        now: Moment,
        ticket: u64,
        correlation: u64,
        frame: Result<Vec<u8>, FrameError>,
        out: &mut Vec<Output>,
    ) {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return out.push(Output::failed(ticket, RpcError::CouldNotSend(error.to_string()))),
        };
        let row = row_of(&frame);
        if row.replies.is_empty() {
            self.tell(row, frame, out);
        } else if !self.requests.hold(Request::new(ticket, correlation, row, frame)) {
            out.push(Output::failed(
                ticket,
                RpcError::Recoverable("too many requests wait".into()),
            ));
        } else if self.is_attached() {
            self.requests.send_held(now, self.epoch, out);
        }
    }

    /// Sends what has no answer. Whatever it says is out of date once there is a new link, so it does not wait for one.
    fn tell(&self, row: &Row, mut frame: Vec<u8>, out: &mut Vec<Output>) {
        if self.is_attached() {
            header::mark_no_reply(&mut frame);
            out.push(Output::Send {
                lane: row.lane(),
                frame,
            });
        }
    }

    fn next_correlation(&mut self) -> u64 {
        self.correlation += 1;
        self.correlation
    }

    fn envelope(&self, correlation: u64, principal: [u8; 16]) -> Envelope {
        Envelope {
            correlation,
            epoch: self.epoch,
            principal,
            ..Envelope::default()
        }
    }
}

fn row_of(frame: &[u8]) -> &'static Row {
    let kind = Frame::parse(frame).expect("a frame that was just written").kind;
    kind.row().expect("a frame parses only if its kind has a row")
}

fn read_answer(frame: &Frame<'_>) -> Result<Answer, FrameError> {
    if frame.kind.family() == Family::DaemonToClient as u8 {
        return frame.decode().map(Answer::Client);
    }
    if frame.kind.family() == Family::Refusal as u8 {
        return frame.decode().map(Answer::Refused);
    }
    frame.decode().map(Answer::Host)
}

#[cfg(test)]
mod tests;

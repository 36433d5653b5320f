//! A host's link to the daemon: handshake, requests and their answers, and the daemon's restarts.
//!
//! Order of a handshake: a token, a connection, `Hello`, `Welcome`, the probe on the events socket, `RegisterHost`,
//! `Ack`; only then are requests sent. Invariants: a frame of a lower daemon epoch is never heard; a step without an
//! answer starts the handshake over; every request ends in one answer; a pause of our own is not held against the
//! daemon.

mod handshake;
mod input;
mod output;
mod requests;

use std::sync::Arc;
use std::time::Duration;

pub use input::Input;
pub use output::{Answer, Attachment, Output};
use requests::{Request, Requests};

use crate::limits::{DRAIN_PATIENCE_MS, LINK_STALL_MS, PING_SILENCE_MS};
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent};
use crate::protocol::client::ClientRequest;
use crate::protocol::codec::{Envelope, Frame, FrameError, encode};
use crate::protocol::error::RpcError;
use crate::protocol::event::{EventFrame, StreamControl};
use crate::protocol::header::{self, FLAG_RESEND};
use crate::protocol::host::{
    DaemonDirect, DaemonToHostReply, HostToDaemonMessage, HostType, Listener, PubKey, RejectReason,
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
    /// The world that it means to serve; empty takes any.
    pub world: String,
    /// The sockets that it serves.
    pub host_type: HostType,
    /// Connections that it can hold.
    pub capacity: u32,
    /// Kinds of jobs that it takes.
    pub skills: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing to say hello with, or refused for good.
    Idle,
    /// For a connection, or after a refusal for now.
    Waiting,
    /// `Hello` is on its way.
    Greeting,
    /// Welcome; the probe has not been heard.
    Probing,
    /// `RegisterHost` is on its way.
    Registering,
    Attached,
    /// The daemon is about to go: it is asked nothing more, and heard to the end.
    Leaving,
}

/// The host's end of the link. `T` is what the host calls a request.
#[derive(Debug)]
pub struct Link<T> {
    config: LinkConfig,
    token: Option<String>,
    /// The token that was refused last.
    refused_token: Option<String>,
    listeners: Vec<Listener>,
    /// The wall clock at `wall_at`, from which its later times follow.
    wall: Wall,
    wall_at: Moment,
    connected: bool,
    state: State,
    /// When the present step of the handshake, or the wait for another try, is over.
    step_ends: Moment,
    /// The correlation of the present step.
    step: u64,
    correlation: u64,
    /// The highest daemon epoch seen; 0 = none.
    epoch: u32,
    /// The probe heard since the last hello.
    probe: Option<[u8; 16]>,
    welcome: Option<Attachment>,
    /// The host was told that it is attached, and not that this is over.
    up: bool,
    keys: Vec<PubKey>,
    ticked_at: Option<Moment>,
    pinged_at: Moment,
    renew_at: Moment,
    requests: Requests<T>,
}

impl<T> Link<T> {
    /// A link that waits for [`Input::Start`] and a token.
    pub fn new(config: LinkConfig) -> Link<T> {
        Link {
            config,
            token: None,
            refused_token: None,
            listeners: Vec::new(),
            wall: Wall(0),
            wall_at: Moment(0),
            connected: false,
            state: State::Idle,
            step_ends: Moment(0),
            step: 0,
            correlation: 0,
            epoch: 0,
            probe: None,
            welcome: None,
            up: false,
            keys: Vec::new(),
            ticked_at: None,
            pinged_at: Moment(0),
            renew_at: Moment(0),
            requests: Requests::default(),
        }
    }

    /// Whether requests go to the daemon now.
    pub fn is_attached(&self) -> bool {
        self.state == State::Attached
    }

    /// The epoch of the daemon known last; 0 = none.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The listeners that the daemon is told of.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// The keys that tokens are signed with, as told last.
    pub fn keys(&self) -> &[PubKey] {
        &self.keys
    }

    /// Requests without an answer.
    pub fn pending(&self) -> usize {
        self.requests.len()
    }

    /// The daemon's wall clock, as far as it is known.
    pub fn wall(&self, now: Moment) -> Wall {
        self.wall.plus(now.since(self.wall_at))
    }

    /// Takes an input.
    pub fn on(&mut self, now: Moment, input: Input<T>) -> Vec<Output<T>> {
        let mut out = Vec::new();
        self.take(now, input, &mut out);
        out
    }

    /// The same, into a buffer that is used again: frames come by the hundred thousand.
    pub fn take(&mut self, now: Moment, input: Input<T>, out: &mut Vec<Output<T>>) {
        match input {
            Input::Start { wall } => {
                (self.wall, self.wall_at) = (wall, now);
                self.greet(now, out);
            }
            Input::Token(token) => self.on_token(now, token, out),
            Input::Connected => {
                self.connected = true;
                if self.state == State::Waiting {
                    self.greet(now, out);
                }
            }
            Input::Disconnected => {
                self.connected = false;
                self.lose(now, RpcError::ConnectionLost, out);
            }
            Input::Reply(frame) => self.reply(now, &frame, out),
            Input::Event(frame) => {
                let heard = self.event(now, &frame, out);
                out.extend(heard.err().map(Output::Garbled));
            }
            Input::Reset => self.lose(now, RpcError::ConnectionLost, out),
            Input::AskHost { ticket, message } => self.ask_host(now, ticket, &message, out),
            Input::AskClient {
                ticket,
                client,
                request,
                again,
            } => {
                self.ask_client(now, ticket, client, &request, again, out);
            }
            Input::Listeners(listeners) => self.listeners = listeners,
            Input::Tick => self.tick(now, out),
        }
    }

    fn expects_answer(&self) -> bool {
        matches!(self.state, State::Greeting | State::Registering)
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Output<T>>) {
        let since_last = now.since(self.ticked_at.replace(now).unwrap_or(now));
        if since_last >= Duration::from_millis(LINK_STALL_MS) {
            self.forgive(now, since_last);
        }
        match self.state {
            State::Idle => {}
            State::Attached | State::Leaving
                if now.since(self.pinged_at) >= Duration::from_millis(PING_SILENCE_MS) =>
            {
                out.push(Output::Rebuild);
                self.connected = false;
                self.lose(now, RpcError::Timeout, out);
            }
            State::Attached => {
                self.requests.check_deadlines(now, self.epoch, out);
                if now >= self.renew_at {
                    self.renew(now, out);
                }
            }
            State::Leaving if now >= self.step_ends => self.lose(now, RpcError::Timeout, out),
            State::Leaving => {}
            _ if now >= self.step_ends => self.step_is_over(now, out),
            _ => {}
        }
    }

    /// We have not run for a while: what the daemon said meanwhile has not been heard yet, so its time starts over.
    fn forgive(&mut self, now: Moment, paused: Duration) {
        self.pinged_at = now;
        self.step_ends = self.step_ends.plus(paused);
        self.requests.restart_deadlines(now);
    }

    /// Asks for a fresh token well before this one expires, since the next handshake will need it.
    fn renew(&mut self, now: Moment, out: &mut Vec<Output<T>>) {
        self.renew_at = now.plus(TokenClass::Host.life() / 2);
        let Some(token) = self.token.clone() else { return };
        let message = HostToDaemonMessage::RenewToken { token };
        let correlation = self.next_correlation();
        if let Ok(frame) = encode(&self.envelope(correlation, self.config.id.0), &message) {
            out.push(Output::Send {
                lane: Lane::Interactive,
                frame,
            });
        }
    }

    /// The host's tokens have died: the daemon would not take this one again.
    pub fn token_revoked(&mut self, now: Moment, out: &mut Vec<Output<T>>) {
        self.refused_token = self.token.take();
        self.lose(
            now,
            RpcError::AuthenticationError("the host's token was revoked".into()),
            out,
        );
    }

    fn lose(&mut self, now: Moment, why: RpcError, out: &mut Vec<Output<T>>) {
        if self.state == State::Idle {
            return;
        }
        self.welcome = None;
        self.go_away(why, out);
        self.requests.link_lost(out);
        self.greet(now, out);
    }

    fn go_away(&mut self, why: RpcError, out: &mut Vec<Output<T>>) {
        if std::mem::take(&mut self.up) {
            out.push(Output::Lost(why));
        }
    }

    /// Whether a frame of this epoch is heard. A higher one than ours means that the daemon was restarted.
    fn hears(&mut self, now: Moment, epoch: u32, out: &mut Vec<Output<T>>) -> bool {
        if epoch > self.epoch && self.welcome.is_some() {
            self.epoch = epoch;
            self.lose(now, RpcError::ConnectionLost, out);
            return false;
        }
        epoch == 0 || epoch >= self.epoch
    }

    fn reply(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<Output<T>>) {
        let frame = match Frame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => return self.unreadable(error, out),
        };
        if self.state == State::Idle || !self.hears(now, frame.envelope.epoch, out) {
            return;
        }
        let correlation = frame.envelope.correlation;
        if correlation == 0 {
            return out.push(match frame.decode::<DaemonDirect>() {
                Ok(direct) => Output::Direct(Box::new(direct)),
                Err(error) => Output::Garbled(error),
            });
        }
        let answer = match read_answer(&frame) {
            Ok(answer) => answer,
            Err(error) => Answer::Failed(RpcError::CouldNotDecode(error.to_string())),
        };
        let is_forgotten = matches!(&answer, Answer::Host(DaemonToHostReply::Reject { reason, .. })
            if *reason == RejectReason::HelloFirst);
        if let Answer::Host(DaemonToHostReply::Renewed { token }) = &answer {
            self.token = Some(token.clone());
        }
        if correlation == self.step && self.expects_answer() {
            self.step_answered(now, answer, out);
        } else if is_forgotten {
            if self.up {
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
    fn unreadable(&mut self, error: FrameError, out: &mut Vec<Output<T>>) {
        out.push(Output::Garbled(error.clone()));
        if let FrameError::Unsupported { envelope, .. } = &error
            && let Some(ticket) = self.requests.answered(envelope.correlation)
        {
            out.push(Output::failed(
                ticket,
                RpcError::CouldNotDecode(error.to_string()),
            ));
        }
    }

    fn event(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<Output<T>>) -> Result<(), FrameError> {
        let frame = Frame::parse(bytes)?;
        if self.state == State::Idle || !self.hears(now, frame.envelope.epoch, out) {
            return Ok(());
        }
        let is = |family: Family| frame.kind.family() == family as u8;
        if is(Family::Stream) {
            match frame.decode()? {
                StreamControl::Probe { probe } => self.probed(now, probe, out),
                StreamControl::Heads { frame, heads } if self.welcome.is_some() => {
                    out.push(Output::Heads(frame, heads));
                }
                StreamControl::Heads { .. } => {}
            }
        } else if self.welcome.is_none() {
            // Before a welcome what is published cannot be told from what a daemon said that is gone.
        } else if is(Family::Event) {
            let EventFrame { event, route } = frame.decode()?;
            let event = Arc::new(event);
            out.push(Output::Event { event, route });
        } else if is(Family::HostBroadcast) {
            self.broadcast(now, frame.decode()?, out);
        } else {
            out.push(Output::ClientsBroadcast(frame.decode::<ClientsBroadcastEvent>()?));
        }
        Ok(())
    }

    fn broadcast(&mut self, now: Moment, event: HostBroadcastEvent, out: &mut Vec<Output<T>>) {
        match &event {
            HostBroadcastEvent::PingPong { .. } => self.pinged_at = now,
            HostBroadcastEvent::Keys { keys } => self.keys.clone_from(keys),
            HostBroadcastEvent::Draining { back_in_ms } if self.is_attached() => {
                self.state = State::Leaving;
                let patience = u64::from(*back_in_ms).saturating_add(DRAIN_PATIENCE_MS);
                self.step_ends = now.plus(Duration::from_millis(patience));
                self.go_away(
                    RpcError::Recoverable("the daemon is about to restart".into()),
                    out,
                );
            }
            _ => {}
        }
        out.push(Output::Broadcast(event));
    }

    /// Asks something on the host's own behalf.
    pub fn ask_host(
        &mut self,
        now: Moment,
        ticket: T,
        message: &HostToDaemonMessage,
        out: &mut Vec<Output<T>>,
    ) {
        let correlation = self.next_correlation();
        let frame = encode(&self.envelope(correlation, self.config.id.0), message);
        self.ask(now, ticket, correlation, frame, out);
    }

    /// Asks something on behalf of a client; `again` if it was asked before.
    pub fn ask_client(
        &mut self,
        now: Moment,
        ticket: T,
        client: ClientId,
        request: &ClientRequest,
        again: bool,
        out: &mut Vec<Output<T>>,
    ) {
        let correlation = self.next_correlation();
        let mut envelope = self.envelope(correlation, client.0);
        if again {
            envelope.flags |= FLAG_RESEND;
        }
        let frame = encode(&envelope, request);
        self.ask(now, ticket, correlation, frame, out);
    }

    fn ask(
        &mut self,
        now: Moment,
        ticket: T,
        correlation: u64,
        frame: Result<Vec<u8>, FrameError>,
        out: &mut Vec<Output<T>>,
    ) {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return out.push(Output::failed(ticket, RpcError::CouldNotSend(error.to_string()))),
        };
        let row = row_of(&frame);
        if row.replies.is_empty() {
            return self.tell(row, frame, out);
        }
        self.requests
            .hold(Request::new(ticket, correlation, row, frame), out);
        if self.is_attached() {
            self.requests.send_held(now, self.epoch, out);
        }
    }

    /// Sends what has no answer. Whatever it says is out of date once there is a new link, so it does not wait for one.
    fn tell(&self, row: &Row, mut frame: Vec<u8>, out: &mut Vec<Output<T>>) {
        if matches!(self.state, State::Attached | State::Leaving) {
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

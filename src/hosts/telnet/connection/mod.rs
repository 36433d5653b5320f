//! One telnet client: its socket, its terminal, and its lines on their way to the daemon.
//!
//! Parent: the listener that accepted it. It is not supervised: when it panics its socket is closed, and dropping it
//! tells the link that the client is gone. Mailbox: events are bounded by the client's meter and answers by its window;
//! each is taken out at once. It reads and writes its socket only in [`Pump`], which runs after the mailbox is empty,
//! so that all that came together leaves in one write. An event is accepted once the socket has taken all of it. An
//! idle connection holds no buffer.

mod pump;

use super::TelnetShared;
use super::flood::FloodGate;
use super::terminal::Terminal;
use super::window::{Daemon, Window};
use crate::hosts::link::{Entry, FromClient, ToClient};
use crate::limits::{LINE_LEN_MAX, OUTPUT_SLACK};
use crate::protocol::event::{ClientEvent, Content, Line, LineBody};
use crate::protocol::host::Peer;
use crate::protocol::machine::host::Meter;
use crate::protocol::{ClientId, WireObj, WireValue};
use actix::{Actor, ArbiterHandle, AsyncContext, Context, Handler};
use moo_model::{View, literal};
use pump::Pump;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A socket that was just accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The socket, in non-blocking mode.
    pub socket: std::net::TcpStream,
    /// Its far end.
    pub from: SocketAddr,
    /// The port of ours that it came to.
    pub local_port: u16,
    /// The object whose verbs greet it.
    pub handler: WireObj,
}

/// Tells the link that a client is gone, however its actor ended.
struct Farewell {
    client: ClientId,
    shared: Arc<TelnetShared>,
    meter: Arc<Meter>,
    /// Bytes of this client's lines that are counted as held.
    held: usize,
}

impl Farewell {
    /// Counts what this client holds among what all clients of the host do.
    fn hold(&mut self, bytes: usize) {
        if bytes != self.held {
            self.shared.on_held(self.held, bytes);
            self.held = bytes;
        }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.hold(0);
        self.shared.on_closed();
        // A link that is gone knows no clients, so there is nobody to tell.
        let _ = self.shared.link.offer(FromClient::Closed {
            client: self.client,
            meter: Arc::clone(&self.meter),
            may_return: false,
        });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Lines and events flow.
    Open,
    /// The last words are being sent.
    Closing,
    /// All is sent and our side is shut; what the client still sends is thrown away, so that the socket can be closed
    /// without a reset, which might overtake the last words.
    Shut,
}

/// An event that was shown and that the socket has not taken yet.
struct Shown {
    /// The end of its bytes among all output.
    end: u64,
    seq: u64,
    mark: u64,
}

/// The actor of one client.
pub struct TelnetConn {
    socket: TcpStream,
    terminal: Terminal,
    shown: VecDeque<Shown>,
    window: Window,
    flood: FloodGate,
    life: Life,
    /// Echo comes back on with the next line.
    hiding_next: bool,
    /// Reading rests until then, after a flood.
    rest: Option<Pin<Box<Sleep>>>,
    /// The last words are given up then.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Told to the link when the actor starts.
    opening: Option<(Peer, WireObj)>,
    farewell: Farewell,
}

impl TelnetConn {
    /// Starts the actor of an accepted socket on `arbiter`. A socket that cannot be served is closed.
    pub fn start(accepted: Accepted, shared: Arc<TelnetShared>, arbiter: &ArbiterHandle) {
        let farewell = Farewell {
            client: shared.on_opened(),
            shared,
            meter: Arc::default(),
            held: 0,
        };
        arbiter.spawn_fn(move || match TelnetConn::new(accepted, farewell) {
            Ok(connection) => drop(connection.start()),
            Err(error) => tracing::warn!(%error, "an accepted socket could not be used"),
        });
    }

    fn new(accepted: Accepted, farewell: Farewell) -> io::Result<TelnetConn> {
        let socket = TcpStream::from_std(accepted.socket)?;
        socket.set_nodelay(true)?;
        rustix::net::sockopt::set_socket_keepalive(&socket, true)?;
        rustix::net::sockopt::set_tcp_keepidle(&socket, crate::limits::KEEPALIVE_AFTER)?;
        let shared = &farewell.shared;
        let peer = Peer {
            addr: accepted.from.ip().to_canonical().to_string(),
            local_port: accepted.local_port,
            remote_port: accepted.from.port(),
            content_types: Vec::new(),
            attrs: Vec::new(),
        };
        let settings = &shared.settings;
        Ok(TelnetConn {
            socket,
            terminal: Terminal::new(
                settings.line_len_max.min(LINE_LEN_MAX),
                settings.output_len_max.saturating_add(OUTPUT_SLACK),
            ),
            shown: VecDeque::new(),
            window: Window::default(),
            flood: FloodGate::new(settings, shared.now()),
            life: Life::Open,
            hiding_next: false,
            rest: None,
            deadline: None,
            opening: Some((peer, accepted.handler)),
            farewell,
        })
    }

    /// Shows an event of the client's stream.
    fn show(&mut self, event: &ClientEvent) {
        match event {
            ClientEvent::Narrative { event } => match &event.content {
                Content::Lines(lines) => lines.iter().for_each(|line| self.print(line)),
                Content::Rich { text: Some(text), .. } => self.terminal.print(text, true),
                Content::Rich { value, .. } => self.terminal.print(&as_text(value), true),
            },
            ClientEvent::Typed { text: Some(text), .. } => self.terminal.print(text, true),
            ClientEvent::SystemMessage { message, .. } => self.terminal.print(message, true),
            ClientEvent::RequestInput { metadata, .. } => self.ask(metadata),
            ClientEvent::SetConnectionOption { option, value, .. } => self.set_option(option, value),
            ClientEvent::Disconnect { lines, .. } => self.close(lines),
            ClientEvent::Gap { lost } => {
                self.terminal.print(
                    &format!(">> {lost} pieces of output to you have been lost <<"),
                    true,
                );
            }
            ClientEvent::ForceInput { line, at_front: true } => self.window.push_front(line.clone()),
            ClientEvent::ForceInput {
                line,
                at_front: false,
            } => {
                if self.window.push(line.clone(), true).is_err() {
                    tracing::debug!("a forced line was dropped: the daemon is away and the queue is full");
                }
            }
            ClientEvent::FlushInput { .. } => self.window.clear(),
            // What a player reads about a task comes as lines; the rest is for the link and for other kinds of hosts.
            ClientEvent::TaskError { .. }
            | ClientEvent::TaskSuccess { .. }
            | ClientEvent::TaskSuspended { .. }
            | ClientEvent::PlayerSwitched { .. }
            | ClientEvent::CredentialsUpdated { .. }
            | ClientEvent::Presentation { .. }
            | ClientEvent::Typed { .. } => {}
        }
    }

    fn print(&mut self, line: &Line) {
        let length = match &line.body {
            LineBody::Text(text) => text.len() + 2,
            LineBody::Bytes(bytes) => bytes.len(),
        };
        if line.no_flush && !self.terminal.has_room(length.saturating_add(OUTPUT_SLACK)) {
            return;
        }
        match &line.body {
            LineBody::Text(text) => self.terminal.print(text, !line.no_newline),
            LineBody::Bytes(bytes) => self.terminal.print_bytes(bytes),
        }
    }

    /// A task reads from this connection. The daemon gives it the next line; here it is only asked for.
    fn ask(&mut self, metadata: &[(String, WireValue)]) {
        for (name, value) in metadata {
            match name.as_str() {
                "prompt" => self.terminal.prompt(&as_text(value)),
                "echo" if !is_true(value) => {
                    self.hiding_next = true;
                    self.terminal.set_client_echo(false);
                }
                _ => {}
            }
        }
    }

    fn set_option(&mut self, option: &str, value: &WireValue) {
        match option {
            "binary" => self.terminal.set_binary(is_true(value)),
            "client-echo" => {
                self.hiding_next = false;
                self.terminal.set_client_echo(is_true(value));
            }
            _ => {}
        }
    }

    /// Says the last words and ends the connection once they are sent.
    fn close(&mut self, last_words: &[Line]) {
        if self.life == Life::Open {
            last_words.iter().for_each(|line| self.print(line));
            self.terminal.set_client_echo(true);
            self.life = Life::Closing;
        }
    }
}

/// A value as a player reads it: a string as it is, anything else as a literal. Never fails: a value that cannot be
/// read is a fault of the daemon, and the player is not to lose the connection over it.
fn as_text(value: &WireValue) -> String {
    match value.open() {
        Ok(value) => match value.view() {
            View::Str(text) => text.to_string(),
            _ => literal::to_literal(&value),
        },
        Err(_) => "(a value that cannot be shown)".to_owned(),
    }
}

fn is_true(value: &WireValue) -> bool {
    value.open().is_ok_and(|value| value.is_true())
}

impl Actor for TelnetConn {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        if let Some((peer, handler)) = self.opening.take() {
            let address = context.address().recipient();
            let opened = FromClient::Opened {
                client: self.farewell.client,
                peer,
                handler,
                address,
                meter: Arc::clone(&self.farewell.meter),
                entry: Entry::New,
            };
            if self.farewell.shared.link.offer(opened).is_err() {
                self.terminal.print(
                    "*** The server is starting; please try again in a moment. ***",
                    true,
                );
                self.life = Life::Closing;
            }
        }
        context.spawn(Pump);
    }
}

impl Handler<ToClient> for TelnetConn {
    type Result = ();

    fn handle(&mut self, message: ToClient, _: &mut Context<Self>) {
        crate::fault::point("telnet.client");
        match message {
            ToClient::Event { event, pos, mark, .. } => {
                self.show(&event);
                let end = self.terminal.queued();
                let seq = pos.seq;
                self.shown.push_back(Shown { end, seq, mark });
            }
            ToClient::Answered => self.window.answered(1),
            ToClient::Refused(text) => {
                self.window.answered(1);
                self.terminal.print(&text, true);
            }
            ToClient::Ready { fresh } => {
                if fresh {
                    self.window.forget_unanswered();
                }
                self.window.set_daemon(Daemon::There);
            }
            ToClient::Away => {
                if self.window.daemon() == Daemon::There {
                    self.window.set_daemon(Daemon::Away);
                }
            }
            ToClient::Notice(text) => self.terminal.print(&text, true),
            ToClient::Close { words, .. } => self.close(&[Line::text(&*words)]),
            // These answer programs, which ask otherwise than by lines.
            ToClient::Reply { .. } | ToClient::Entered { .. } | ToClient::NotEntered(_) => {}
        }
    }
}

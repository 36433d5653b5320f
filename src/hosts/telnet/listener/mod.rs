//! One port where clients are accepted.
//!
//! Parent: the telnet host's supervisor. Mailbox: orders of the host, one at a time. A restart binds nothing: it goes
//! on with the same socket. Invariant: nothing a client does makes it stop accepting for longer than [`ACCEPT_REST`].

use super::TelnetShared;
use super::connection::{Accepted, TelnetConn};
use crate::actors::kit::gate::Offered;
use crate::actors::kit::supervisor::ExitGuard;
use crate::limits::{ACCEPT_REST, ACCEPTS_IN_A_ROW_MAX, ARRIVALS_PERIOD};
use crate::protocol::WireObj;
use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, ArbiterHandle, AsyncContext, Context, Handler};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

/// Orders the listener to close its port.
#[derive(Clone, Copy, Debug)]
pub struct StopListening;

/// How many came from one address lately. Invariant: it holds no address for longer than [`ARRIVALS_PERIOD`].
#[derive(Debug, Default)]
struct Arrivals {
    counts: HashMap<IpAddr, u32>,
    since: Duration,
}

impl Arrivals {
    /// Takes note of an arrival and says whether it is within `count_max`; 0 means that there is no limit. This
    /// machine itself is never limited: a proxy, a test or an operator is behind it.
    fn admit(&mut self, now: Duration, from: IpAddr, count_max: u32) -> bool {
        if count_max == 0 || from.to_canonical().is_loopback() {
            return true;
        }
        if now.saturating_sub(self.since) >= ARRIVALS_PERIOD {
            *self = Arrivals {
                counts: HashMap::new(),
                since: now,
            };
        }
        let count = self.counts.entry(from).or_default();
        *count = count.saturating_add(1);
        *count <= count_max
    }
}

const SERVER_FULL: &[u8] = b"*** Sorry, but the server cannot accept any more connections right now.\r\n\
*** Please try again later.\r\n";
const TOO_MANY_FROM_ADDRESS: &[u8] =
    b"*** Too many connections from your address in a short time. Please wait a little. ***\r\n";

/// The actor of one port.
pub struct Listener {
    socket: TcpListener,
    local_port: u16,
    handler: WireObj,
    shared: Arc<TelnetShared>,
    arbiters: Vec<ArbiterHandle>,
    next_arbiter: usize,
    arrivals: Arrivals,
    /// Holds a descriptor for those who come when none is left: they are accepted with it, told so, and closed.
    spare: Option<File>,
    /// Accepting rests until then, because the process had no descriptor left.
    rest: Option<Pin<Box<Sleep>>>,
    _exit: ExitGuard,
}

impl Listener {
    /// An actor for a bound socket; its clients are spread over `arbiters`, of which there must be one at least.
    pub fn new(
        socket: std::net::TcpListener,
        handler: WireObj,
        shared: Arc<TelnetShared>,
        arbiters: Vec<ArbiterHandle>,
        exit: ExitGuard,
    ) -> io::Result<Listener> {
        let local_port = socket.local_addr()?.port();
        Ok(Listener {
            socket: TcpListener::from_std(socket)?,
            local_port,
            handler,
            shared,
            arbiters,
            next_arbiter: 0,
            arrivals: Arrivals::default(),
            spare: spare(),
            rest: None,
            _exit: exit,
        })
    }

    /// Accepts what has come.
    fn turn(&mut self, cx: &mut task::Context<'_>) {
        if self
            .rest
            .as_mut()
            .is_some_and(|rest| rest.as_mut().poll(cx).is_pending())
        {
            return;
        }
        self.rest = None;
        for _ in 0..ACCEPTS_IN_A_ROW_MAX {
            match self.socket.poll_accept(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok((socket, from))) => self.admit(socket, from),
                Poll::Ready(Err(error)) => {
                    if !is_about_one_client(&error) {
                        tracing::warn!(%error, port = self.local_port, "cannot accept connections for a moment");
                        if is_about_descriptors(&error) {
                            self.turn_away(cx);
                        }
                        self.rest = Some(Box::pin(sleep(ACCEPT_REST)));
                        break;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Tells those who wait that there is no room, by the one descriptor that was kept for that.
    fn turn_away(&mut self, cx: &mut task::Context<'_>) {
        if self.spare.take().is_some() {
            for _ in 0..ACCEPTS_IN_A_ROW_MAX {
                let Poll::Ready(Ok((socket, _))) = self.socket.poll_accept(cx) else {
                    break;
                };
                say_last(socket, SERVER_FULL);
            }
        }
        self.spare = spare();
    }

    fn admit(&mut self, socket: TcpStream, from: SocketAddr) {
        crate::fault::point("telnet.accept");
        let settings = &self.shared.settings;
        let refusal = if !self
            .arrivals
            .admit(self.shared.now(), from.ip(), settings.connects_per_address_max)
        {
            Some(TOO_MANY_FROM_ADDRESS)
        } else if self.shared.live() >= settings.connections_max as usize {
            Some(SERVER_FULL)
        } else {
            None
        };
        if let Some(words) = refusal {
            say_last(socket, words);
            return;
        }
        self.next_arbiter = (self.next_arbiter + 1) % self.arbiters.len();
        match socket.into_std() {
            Ok(socket) => {
                let accepted = Accepted {
                    socket,
                    from,
                    local_port: self.local_port,
                    handler: self.handler,
                };
                TelnetConn::start(
                    accepted,
                    Arc::clone(&self.shared),
                    &self.arbiters[self.next_arbiter],
                );
            }
            Err(error) => tracing::warn!(%error, "an accepted socket could not be used"),
        }
    }
}

/// Says why a client is not let in, and closes.
///
/// The runtime has not looked at the fresh socket yet, and takes it for one that cannot be written to; its buffer is
/// empty, so the system is asked. If the client has gone already, nobody misses the words.
fn say_last(socket: TcpStream, words: &[u8]) {
    let _ = socket.into_std().and_then(|mut socket| socket.write(words));
}

/// A descriptor to keep; none if there is none left just now.
fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Whether an error of `accept` means that the process, or the system, has no descriptor left.
fn is_about_descriptors(error: &io::Error) -> bool {
    let out = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| out.contains(&code))
}

/// Whether an error of `accept` concerns the connection that came, so that the next may be tried at once.
fn is_about_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Runs [`Listener::turn`] whenever somebody comes.
struct Pump;

impl ActorFuture<Listener> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        listener: &mut Listener,
        _: &mut Context<Listener>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        listener.turn(cx);
        Poll::Pending
    }
}

impl Actor for Listener {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.spawn(Pump);
    }
}

impl Handler<Offered<StopListening>> for Listener {
    type Result = ();

    fn handle(&mut self, order: Offered<StopListening>, context: &mut Context<Self>) {
        let StopListening = order.accept();
        context.stop();
    }
}

#[cfg(test)]
mod tests;

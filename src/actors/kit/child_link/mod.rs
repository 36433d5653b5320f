//! `ChildLink`: a child's end of the supervisor's control socket, for the daemon and every host.
//!
//! It lives on the arbiter that connects it, which must be the main one: its beat is the proof that this arbiter runs.
//! When there is no supervisor, or no more, a child serves on for the orphan time, in which it looks for one and says (again)
//! what that one has to know. Then it is told to stop, or at once with `--die-with-parent`. SIGTERM and SIGINT become the same
//! order, so a child has one place to hear of its end. Invariant: who was started by a supervisor never outlives all
//! supervisors by more than the orphan time; only who was started without one runs alone.

use crate::config::Processes;
use crate::config::arguments::{Arguments, Flag};
use crate::limits::{CHILD_BEAT, CONTROL_QUEUE_MAX, LOCAL_FRAME_MAX, ORPHAN_LOOK};
use crate::protocol::control::{ChildReady, FromSupervisor, ToSupervisor};
use crate::protocol::local;
use bincode::{Decode, Encode};
use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

/// What a child is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Finish and end the process with code 0. How long that may take is the supervisor's setting.
    Stop {
        /// For the daemon: another one follows at once, so clients are told nothing and keep their connections.
        keep_clients: bool,
    },
    /// For the daemon: the process of this supervised host or worker has ended, and its sockets with it. Comes before the
    /// token for its next process is asked for.
    HostEnded {
        /// Which host.
        host: String,
    },
    /// The daemon should answer with `ChildLink::minted`.
    MintHostToken {
        /// The number to answer with.
        request: u64,
        /// Which host it is for.
        host: String,
    },
    /// The token this host may say Hello with.
    HostToken(String),
}

/// What a signal says, and being an orphan for too long: nobody is known to follow.
const END: Order = Order::Stop { keep_clients: false };

/// What a program is told of its supervisor on its command line.
pub const FLAGS: [Flag; 2] = [
    switch(
        SUPERVISED,
        "a supervisor has started this: end when none is there for the orphan time",
    ),
    switch(DIE_WITH_PARENT, "end at once when the supervisor is gone"),
];

/// The word that a supervisor gives to each of its children.
pub const SUPERVISED: &str = "--supervised";

/// The word that it gives them besides, where they are to end with it.
pub const DIE_WITH_PARENT: &str = "--die-with-parent";

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        value: "",
        key: None,
        help,
    }
}

/// What becomes of a program that has no supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upbringing {
    /// A supervisor has started it, so one that is not there is looked for. Any other program is taken to run alone if
    /// it finds none when it starts.
    pub is_supervised: bool,
    /// How long it serves on without the supervisor that it had, or should have.
    pub orphan_time: Duration,
}

impl Upbringing {
    /// What the command line and the settings say.
    pub fn told(arguments: &Arguments, settings: &Processes) -> Upbringing {
        let dies_with_parent = arguments.has(DIE_WITH_PARENT);
        Upbringing {
            is_supervised: arguments.has(SUPERVISED),
            orphan_time: match dies_with_parent {
                true => Duration::ZERO,
                false => Duration::from_secs(settings.orphan_timeout_s),
            },
        }
    }
}

/// A child's way to its supervisor. Clones are the same link. Without a supervisor everything said is dropped.
#[derive(Clone)]
pub struct ChildLink {
    said: mpsc::Sender<ToSupervisor>,
    serves: watch::Sender<Option<ChildReady>>,
}

impl ChildLink {
    /// Connects to the supervisor of `run_dir` as the child `name` of its table. A program that was started without one,
    /// and finds none, runs alone: the link then only turns signals into `Order::Stop`.
    pub async fn connect(
        run_dir: &Path,
        name: &str,
        upbringing: Upbringing,
    ) -> io::Result<(ChildLink, mpsc::Receiver<Order>)> {
        let (said, to_say) = mpsc::channel(CONTROL_QUEUE_MAX);
        let (serves, standing) = watch::channel(None);
        let (orders, received) = mpsc::channel(CONTROL_QUEUE_MAX);
        pass_signals_on(orders.clone())?;
        let socket = run_dir.join("control.sock");
        match UnixStream::connect(&socket).await {
            Err(error) if !upbringing.is_supervised => {
                tracing::info!(%error, "no supervisor here; running alone");
            }
            first => {
                let hello = ToSupervisor::Hello {
                    name: name.to_owned(),
                };
                let link = Link {
                    socket,
                    hello,
                    to_say,
                    orders,
                    standing,
                    wants_token: Cell::new(false),
                    known: Cell::new(false),
                };
                actix::spawn(link.serve(first, upbringing.orphan_time));
            }
        }
        Ok((ChildLink { said, serves }, received))
    }

    /// Tells the supervisor, and each one that follows it, that this process serves. Never dropped, however long none is there.
    pub fn ready(&self, ready: ChildReady) {
        self.serves.send_replace(Some(ready));
    }

    /// Tells the supervisor what a long start is doing, which gives it another `ready_timeout_s`.
    pub fn progress(&self, what: impl Into<String>) {
        self.say(ToSupervisor::Progress(what.into()));
    }

    /// Asks for a host token; it comes as `Order::HostToken` as soon as the daemon can make one.
    pub fn want_token(&self) {
        self.say(ToSupervisor::WantToken);
    }

    /// The daemon's answer to `Order::MintHostToken`.
    pub fn minted(&self, request: u64, token: Result<String, String>) {
        self.say(ToSupervisor::Minted { request, token });
    }

    fn say(&self, message: ToSupervisor) {
        // Full means that the supervisor does not read, closed that there is none: neither is this child's to mend.
        if let Err(error) = self.said.try_send(message) {
            tracing::debug!(%error, "not said to the supervisor");
        }
    }
}

fn pass_signals_on(orders: mpsc::Sender<Order>) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    actix::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Closed means that the child is ending already.
        orders.send(END).await.ok();
    });
    Ok(())
}

/// The other end of a `ChildLink`: what it is told to say, and what is said again to a new supervisor.
struct Link {
    socket: PathBuf,
    hello: ToSupervisor,
    to_say: mpsc::Receiver<ToSupervisor>,
    orders: mpsc::Sender<Order>,
    /// Where this child serves, once it does.
    standing: watch::Receiver<Option<ChildReady>>,
    /// A token was asked for and has not come.
    wants_token: Cell<bool>,
    /// The supervisor at the other end knows this process.
    known: Cell<bool>,
}

impl Link {
    /// Beats, speaks and listens, to one supervisor after the other, until none comes in time.
    async fn serve(mut self, mut found: io::Result<UnixStream>, orphan_time: Duration) {
        let (mut orphan_since, mut had_one) = (None, false);
        loop {
            let ended = match found {
                Ok(stream) => {
                    had_one = true;
                    let (reader, writer) = stream.into_split();
                    self.talk(reader, writer).await
                }
                Err(error) => Err(error),
            };
            if self.known.take() {
                orphan_since = None;
            }
            let socket = self.socket.display();
            let since = *orphan_since.get_or_insert_with(|| {
                let what = match had_one {
                    true => "the supervisor is gone",
                    false => "no supervisor answers where one should be",
                };
                tracing::warn!(%socket, ?ended, ?orphan_time, "{what}; it is looked for as long as the orphan time");
                Instant::now()
            });
            if since.elapsed() >= orphan_time {
                tracing::warn!(%socket, "no supervisor has come; ending");
                self.orders.send(END).await.ok();
                return;
            }
            tokio::time::sleep(ORPHAN_LOOK).await;
            found = UnixStream::connect(&self.socket).await;
        }
    }

    async fn talk(
        &mut self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let Link {
            hello,
            to_say,
            orders,
            standing,
            wants_token,
            known,
            ..
        } = self;
        standing.mark_changed();
        let first = [
            Some(hello.clone()),
            wants_token.get().then_some(ToSupervisor::WantToken),
        ];
        tokio::select! {
            ended = speak(writer, first, to_say, standing, wants_token) => ended,
            ended = listen(reader, orders, wants_token, known) => ended,
        }
    }
}

async fn speak(
    mut writer: impl AsyncWrite + Unpin,
    first: [Option<ToSupervisor>; 2],
    to_say: &mut mpsc::Receiver<ToSupervisor>,
    standing: &mut watch::Receiver<Option<ChildReady>>,
    wants_token: &Cell<bool>,
) -> io::Result<()> {
    for message in first.into_iter().flatten() {
        write_message(&mut writer, &message).await?;
    }
    let mut beats = tokio::time::interval(CHILD_BEAT);
    // After a pause of the whole machine one beat says as much as all that were missed.
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            // The steps of a start come before its end.
            biased;
            Some(message) = to_say.recv() => message,
            Ok(()) = standing.changed() => {
                let ready = standing.borrow_and_update().clone();
                let Some(ready) = ready else { continue };
                ToSupervisor::Ready(ready)
            }
            _ = beats.tick() => ToSupervisor::Beat,
        };
        if message == ToSupervisor::WantToken {
            wants_token.set(true);
        }
        write_message(&mut writer, &message).await?;
    }
}

async fn listen(
    mut reader: impl AsyncRead + Unpin,
    orders: &mpsc::Sender<Order>,
    wants_token: &Cell<bool>,
    known: &Cell<bool>,
) -> io::Result<()> {
    loop {
        let order = match read_message(&mut reader).await? {
            FromSupervisor::Known => {
                known.set(true);
                continue;
            }
            FromSupervisor::MintHostToken { request, host } => Order::MintHostToken { request, host },
            FromSupervisor::HostToken(token) => {
                wants_token.set(false);
                Order::HostToken(token)
            }
            FromSupervisor::Stop { keep_clients } => Order::Stop { keep_clients },
            FromSupervisor::HostEnded { host } => Order::HostEnded { host },
            FromSupervisor::Status(_)
            | FromSupervisor::Step(_)
            | FromSupervisor::Done
            | FromSupervisor::Refused(_) => continue,
        };
        if orders.send(order).await.is_err() {
            return Ok(());
        }
    }
}

/// Writes one message as a frame.
pub async fn write_message(writer: &mut (impl AsyncWrite + Unpin), message: &impl Encode) -> io::Result<()> {
    writer
        .write_all(&local::encode(message).map_err(io::Error::other)?)
        .await
}

/// Reads one frame and its message.
pub async fn read_message<M: Decode<()>>(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<M> {
    let mut length = [0; local::LENGTH_LEN];
    reader.read_exact(&mut length).await?;
    let len = local::body_len(length).map_err(io::Error::other)?;
    debug_assert!(len <= LOCAL_FRAME_MAX, "`body_len` bounds it");
    let mut body = vec![0; len];
    reader.read_exact(&mut body).await?;
    local::decode(&body).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;

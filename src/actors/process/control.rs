//! `ControlActor`: listens on `run/control.sock` and turns what is said there into messages to the root.
//!
//! Parent: the supervisor. It is sent nothing. A restart loses no connection: each is a task of its own, and the
//! listening socket is kept by the factory. Whoever connects is known by what the kernel says, not by what it says.

use super::root::{Attach, Detach, Operate, RootActor, Said, StatusFor};
use crate::actors::kit::child_link::{read_message, write_message};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::limits::{CONTROL_PEERS_MAX, CONTROL_QUEUE_MAX};
use crate::protocol::control::{FromSupervisor, ToSupervisor};
use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};
use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How long to wait before a message is offered again to a root that is busy, and after a failed accept.
const AGAIN: Duration = Duration::from_millis(20);

/// The listener of the control socket.
pub struct ControlActor {
    listener: Option<StdListener>,
    root: Gate<RootActor>,
    _guard: ExitGuard,
}

impl ControlActor {
    /// An actor that accepts on `listener`, which must not block.
    pub fn new(listener: io::Result<StdListener>, root: Gate<RootActor>, guard: ExitGuard) -> Self {
        let listener = listener
            .inspect_err(|error| tracing::error!(%error, "the control socket is lost"))
            .ok();
        ControlActor {
            listener,
            root,
            _guard: guard,
        }
    }
}

impl Actor for ControlActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        match self.listener.take().map(UnixListener::from_std) {
            Some(Ok(listener)) => {
                context.spawn(accept(listener, self.root.clone()).into_actor(self));
            }
            Some(Err(error)) => tracing::error!(%error, "the control socket cannot be listened on"),
            None => {}
        }
    }
}

async fn accept(listener: UnixListener, root: Gate<RootActor>) {
    let places = Arc::new(Semaphore::new(CONTROL_PEERS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection to the control socket was not accepted");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many connections to the control socket; one was hung up on");
            continue;
        };
        let root = root.clone();
        actix::spawn(async move {
            if let Err(error) = talk(stream, &root).await
                && error.kind() != io::ErrorKind::UnexpectedEof
            {
                tracing::warn!(%error, "a connection to the control socket failed");
            }
            drop(place);
        });
    }
}

/// One connection, from its first word to its end.
async fn talk(stream: UnixStream, root: &Gate<RootActor>) -> io::Result<()> {
    let pid = stream.peer_cred()?.pid().unwrap_or_default().cast_unsigned();
    let (mut reader, mut writer) = stream.into_split();
    match read_message(&mut reader).await? {
        ToSupervisor::Hello { name } => {
            let (peer, to_say) = mpsc::channel(CONTROL_QUEUE_MAX);
            offer(root, || Attach {
                name: name.clone(),
                pid,
                peer: peer.clone(),
            })
            .await;
            drop(peer);
            let listened = async {
                loop {
                    let message: ToSupervisor = read_message(&mut reader).await?;
                    offer(root, || Said {
                        name: name.clone(),
                        pid,
                        message: message.clone(),
                    })
                    .await;
                }
            };
            let ended = tokio::select! {
                ended = listened => ended,
                ended = speak(writer, to_say) => ended,
            };
            offer(root, || Detach {
                name: name.clone(),
                pid,
            })
            .await;
            ended
        }
        ToSupervisor::Status => {
            let (reply, status) = oneshot::channel();
            root.offer(StatusFor(reply)).map_err(io::Error::other)?;
            let status = status.await.map_err(io::Error::other)?;
            write_message(&mut writer, &FromSupervisor::Status(status)).await
        }
        ToSupervisor::Operate(operation) => {
            let (to, steps) = mpsc::channel(CONTROL_QUEUE_MAX);
            root.offer(Operate { operation, to }).map_err(io::Error::other)?;
            speak(writer, steps).await
        }
        _ => Err(io::Error::other("the first word was no Hello and no operator's")),
    }
}

async fn speak(mut writer: OwnedWriteHalf, mut to_say: mpsc::Receiver<FromSupervisor>) -> io::Result<()> {
    while let Some(message) = to_say.recv().await {
        write_message(&mut writer, &message).await?;
    }
    Ok(())
}

/// Offers until it is taken, so that a busy root slows its children down instead of missing what they say.
async fn offer<M>(root: &Gate<RootActor>, message: impl Fn() -> M)
where
    M: Send + 'static,
    RootActor: Handler<Offered<M>, Result = ()>,
{
    while root.offer(message()).is_err() {
        tokio::time::sleep(AGAIN).await;
    }
}

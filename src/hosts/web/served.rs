//! What is served on each connection: HTTP, and what a connection becomes that asks to speak WebSocket instead.
//!
//! The server of actix keeps two buffers of 8 KiB for each connection for as long as it lasts. A connection that is upgraded
//! leaves it, with its socket and nothing else: the request goes to the same routes as any other, its body is what the socket
//! reads from then on, and the body of the answer is what it writes. Whoever asks for that elsewhere is answered as
//! without the wish, but may not have a body.
//!
//! Invariants: an answer's body is asked for bytes only once the socket has taken those before; a turn of a connection reads
//! a bounded number of bytes, and each has as many anew.

use super::WebShared;
use super::reaper::{self, Socket};
use super::routes::{self, SOCKET_PATH};
use crate::limits::{WEB_DISCONNECT_PATIENCE, WEB_KEEP_ALIVE, WEB_READ_MAX};
use actix::dev::Stream;
use actix_codec::{Encoder, Framed, FramedParts};
use actix_http::error::{DispatchError, PayloadError};
use actix_http::h1::{Codec, Message};
use actix_http::{HttpService, Payload, Request, Response, StatusCode};
use actix_service::map_config;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{AppConfig, Service, ServiceFactory, ServiceResponse, always_ready, fn_factory};
use actix_web::http::{Method, header::CONTENT_LENGTH};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{App, Error};
use rustix::net::Shutdown;
use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Bytes that are read in one piece.
const PIECE: usize = 4 << 10;

/// Everything that is served on a connection.
pub fn served(
    shared: &Arc<WebShared>,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<>
{
    let connected = |connection: &TcpStream, data: &mut actix_http::Extensions| {
        if let Some(socket) = reaper::connected(connection as &dyn Any) {
            data.insert(socket);
        }
    };
    HttpService::build()
        .keep_alive(WEB_KEEP_ALIVE)
        .client_disconnect_timeout(WEB_DISCONNECT_PATIENCE)
        // A message that follows another one would else wait for as long as the client holds back its acknowledgement, 40 ms.
        .tcp_nodelay(true)
        .on_connect_ext(connected)
        .upgrade(upgraded(app(shared)))
        .finish(app(shared))
        .tcp()
}

/// What answers requests.
fn app(
    shared: &Arc<WebShared>,
) -> impl ServiceFactory<Request, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>
{
    let app = App::new().app_data(Data::new(Arc::clone(shared)));
    let app = app.wrap(routes::security()).configure(routes::routes);
    map_config(app, |()| AppConfig::default())
}

/// What answers requests whose connections leave the server.
fn upgraded<A>(
    app: A,
) -> impl ServiceFactory<
    (Request, Framed<TcpStream, Codec>),
    Config = (),
    Response = (),
    Error = Error,
    InitError = (),
>
where
    A: ServiceFactory<Request, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>
        + 'static,
    A::Service: 'static,
{
    let app = Rc::new(app);
    fn_factory(move || {
        let app = Rc::clone(&app);
        async move {
            let app = Rc::new(app.new_service(()).await?);
            Ok::<_, ()>(Upgraded { app })
        }
    })
}

/// The service of [`upgraded`].
struct Upgraded<S> {
    app: Rc<S>,
}

impl<S> Service<(Request, Framed<TcpStream, Codec>)> for Upgraded<S>
where
    S: Service<Request, Response = ServiceResponse, Error = Error> + 'static,
{
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

    always_ready!();

    fn call(&self, (request, framed): (Request, Framed<TcpStream, Codec>)) -> Self::Future {
        let app = Rc::clone(&self.app);
        Box::pin(async move {
            // Whoever shuts sockets of silent clients needs it for as long as this one lasts.
            let _socket = request.conn_data::<Arc<Socket>>().cloned();
            let FramedParts {
                io,
                codec,
                read_buf,
                write_buf,
                ..
            } = framed.into_parts();
            let line = Rc::new(Line {
                socket: io,
                may_read: Cell::new(WEB_READ_MAX),
            });
            let payload = payload(&request, &line, &read_buf);
            drop(read_buf);
            let (request, _) = request.replace_payload(payload);
            let mut answered = pin!(answered(&*app, request, Rc::clone(&line), codec, write_buf));
            let in_turns = poll_fn(|context| {
                line.may_read.set(WEB_READ_MAX);
                answered.as_mut().poll(context)
            });
            in_turns.await
        })
    }
}

/// What a request reads as its body: whatever the socket reads, if it may become a WebSocket.
fn payload(request: &Request, line: &Rc<Line>, first: &[u8]) -> Payload {
    let length = request.head().headers().get(CONTENT_LENGTH);
    let payload: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
        if request.method() == Method::GET && request.path() == SOCKET_PATH {
            Box::pin(Input {
                line: Rc::clone(line),
                first: Bytes::copy_from_slice(first),
            })
        } else if length.is_some_and(|length| length != "0") {
            Box::pin(NoBody)
        } else {
            return Payload::None;
        };
    Payload::Stream { payload }
}

/// A body that is not read, because of which a request is refused that needs it.
struct NoBody;

impl Stream for NoBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let words = "a request with `Upgrade: websocket` has none";
        Poll::Ready(Some(Err(io::Error::new(ErrorKind::InvalidInput, words).into())))
    }
}

/// Answers a request that is the last one on its connection, until all of the answer is sent, or cannot be.
async fn answered<S>(
    app: &S,
    request: Request,
    line: Rc<Line>,
    mut codec: Codec,
    mut unsent: BytesMut,
) -> Result<(), Error>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let response: Response<BoxBody> = app.call(request).await?.into();
    let (head, body) = response.into_parts();
    let is_raw = head.status() == StatusCode::SWITCHING_PROTOCOLS;
    codec.encode(Message::Item((head, body.size())), &mut unsent)?;
    let wire = Wire {
        line,
        framing: (!is_raw).then_some(codec),
        body,
        unsent: unsent.freeze(),
        is_over: false,
    };
    if let Err(error) = wire.await {
        tracing::debug!(%error, "a socket is lost");
    }
    Ok(())
}

/// A connection that has left the server.
struct Line {
    socket: TcpStream,
    /// Bytes that may still be read in this turn.
    may_read: Cell<usize>,
}

/// What a connection reads.
struct Input {
    line: Rc<Line>,
    /// What came right behind the request.
    first: Bytes,
}

impl Stream for Input {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.first))));
        }
        let Line { socket, may_read } = &*self.line;
        let mut piece = [0; PIECE];
        loop {
            if may_read.get() == 0 {
                // The next turn may read on: see `Upgraded::call`.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(socket.poll_read_ready(context))?;
            match socket.try_read(&mut piece) {
                Ok(0) => return Poll::Ready(None),
                Ok(length) => {
                    may_read.set(may_read.get().saturating_sub(length));
                    return Poll::Ready(Some(Ok(Bytes::copy_from_slice(&piece[..length]))));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }
}

/// An answer on its way out. Ready when all of it is sent, or cannot be.
struct Wire {
    line: Rc<Line>,
    /// How bytes are told apart that are HTTP still; none for those that are not.
    framing: Option<Codec>,
    body: BoxBody,
    unsent: Bytes,
    is_over: bool,
}

impl Wire {
    fn send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = &self.line.socket;
        while !self.unsent.is_empty() {
            ready!(socket.poll_write_ready(context))?;
            match socket.try_write(&self.unsent) {
                Ok(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Ok(length) => drop(self.unsent.split_to(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // What is sent is not kept until there is more.
        self.unsent = Bytes::new();
        Poll::Ready(Ok(()))
    }

    fn framed(&mut self, bytes: Option<Bytes>) -> io::Result<Bytes> {
        let Some(codec) = &mut self.framing else {
            return Ok(bytes.unwrap_or_default());
        };
        let mut framed = BytesMut::new();
        codec.encode(Message::Chunk(bytes), &mut framed)?;
        Ok(framed.freeze())
    }
}

impl Future for Wire {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        loop {
            ready!(wire.send(context))?;
            if wire.is_over {
                return Poll::Ready(Ok(rustix::net::shutdown(&wire.line.socket, Shutdown::Write)?));
            }
            let next = ready!(Pin::new(&mut wire.body).poll_next(context));
            wire.is_over = next.is_none();
            wire.unsent = wire.framed(
                next.transpose()
                    .map_err(|error| io::Error::other(error.to_string()))?,
            )?;
        }
    }
}

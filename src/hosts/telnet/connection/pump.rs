//! The socket of one telnet client: reading, handing lines on, and writing, in turns.
//!
//! Invariant: whenever a turn leaves something undone, something wakes the next one: the socket, a timer, a message, or the
//! turn itself.

use super::Shown;
use super::{Life, TelnetConn};
use crate::hosts::link::FromClient;
use crate::hosts::telnet::line_mode::Input;
use crate::limits::{CLOSE_FLUSH_MAX, HELD_LINES_MAX, LINE_LEN_MAX, READ_LEN, READS_IN_A_ROW_MAX};
use actix::fut::ActorFuture;
use actix::{ActorContext, Context};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{self, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

/// Runs [`TelnetConn::turn`] whenever the socket, a timer or the mailbox has news.
pub(super) struct Pump;

impl ActorFuture<TelnetConn> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        connection: &mut TelnetConn,
        context: &mut Context<TelnetConn>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        if connection.turn(cx) {
            context.stop();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl TelnetConn {
    /// One turn at the socket; gives whether the connection is over.
    fn turn(&mut self, cx: &mut task::Context<'_>) -> bool {
        match self.life {
            Life::Open => self.serve(cx),
            Life::Closing | Life::Shut => self.finish(cx),
        }
    }

    /// Reads, hands lines on, and writes; gives whether the client has gone.
    fn serve(&mut self, cx: &mut task::Context<'_>) -> bool {
        let open = self.read(cx);
        let lines = if open {
            self.window.take()
        } else {
            self.window.take_all()
        };
        self.farewell.hold(self.window.waiting_bytes());
        if !lines.is_empty() && self.farewell.shared.link.offer(self.lines(lines)).is_err() {
            return true;
        }
        if !open {
            return true;
        }
        let was_swamped = self.terminal.is_swamped();
        if self.write(cx).is_err() {
            return true;
        }
        if was_swamped && !self.terminal.is_swamped() {
            // For that nothing was read, and so nothing else would say that there is something to read.
            cx.waker().wake_by_ref();
        }
        false
    }

    fn lines(&self, lines: Vec<String>) -> FromClient {
        FromClient::Lines {
            client: self.farewell.client,
            lines,
        }
    }

    /// Reads while there is something to read and room for it; gives whether the client is still there.
    fn read(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut space = [MaybeUninit::<u8>::uninit(); READ_LEN];
        for _ in 0..READS_IN_A_ROW_MAX {
            if self.is_resting(cx) || !self.window.wants_more() || self.terminal.is_swamped() {
                return true;
            }
            let mut buffer = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
                Poll::Pending => return true,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.take_in(buffer.filled()),
                Poll::Ready(_) => return false,
            }
        }
        cx.waker().wake_by_ref();
        true
    }

    /// Whether the flood gate is shut; if so, this task is woken when it opens.
    fn is_resting(&mut self, cx: &mut task::Context<'_>) -> bool {
        let resting = self
            .rest
            .as_mut()
            .is_some_and(|rest| rest.as_mut().poll(cx).is_pending());
        if !resting {
            self.rest = None;
        }
        resting
    }

    /// Takes bytes of the client apart.
    fn take_in(&mut self, bytes: &[u8]) {
        let (window, mut lines, mut refused, mut too_long) = (&mut self.window, 0, 0, false);
        let host_has_room = self.farewell.shared.has_room_to_hold();
        self.terminal.receive(bytes, |input| match input {
            Input::Line(line) | Input::Chunk(line) => {
                lines += 1;
                refused += usize::from(window.push(line, host_has_room).is_err());
            }
            Input::TooLong => too_long = true,
        });
        if lines > 0 && std::mem::take(&mut self.hiding_next) {
            self.terminal.set_client_echo(true);
        }
        let settings = &self.farewell.shared.settings;
        if too_long {
            let bound = settings.line_len_max.min(LINE_LEN_MAX);
            self.terminal.print(
                &format!(">> A line may be {bound} bytes long; yours was not taken <<"),
                true,
            );
        }
        if refused > 0 {
            let notice = format!(
                ">> The server is away and {HELD_LINES_MAX} lines of yours, or fewer long ones, are kept for it; \
                 {refused} more could not be taken <<"
            );
            self.terminal.print(&notice, true);
        }
        let now = self.farewell.shared.now();
        let wait = self.flood.on_read(settings, now, lines, bytes.len());
        self.rest = wait.map(|wait| Box::pin(sleep(wait)));
    }

    /// Writes what waits; gives whether all of it is gone.
    fn write(&mut self, cx: &mut task::Context<'_>) -> io::Result<bool> {
        let socket = &mut self.socket;
        let sent =
            match self.terminal.has_output() {
                true => self.terminal.send(|slices| {
                    match Pin::new(&mut *socket).poll_write_vectored(cx, slices) {
                        Poll::Ready(written) => written,
                        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                    }
                }),
                false => Ok(true),
            };
        self.count_accepted();
        sent
    }

    /// Tells the link, by the meter, how far the socket has come.
    fn count_accepted(&mut self) {
        let (left, mut last) = (self.terminal.left(), None);
        while self.shown.front().is_some_and(|shown| shown.end <= left) {
            last = self.shown.pop_front();
        }
        let Some(Shown { seq, mark, .. }) = last else {
            return;
        };
        if self.shown.is_empty() {
            self.shown = VecDeque::new();
        }
        if self.farewell.meter.accept(seq, mark) {
            let client = self.farewell.client;
            // A link that is too busy to hear it looks at the meter by itself.
            let _ = self.farewell.shared.link.offer(FromClient::Drained { client });
        }
    }

    /// Brings the last words to the client and the socket to its end; gives whether both are done.
    fn finish(&mut self, cx: &mut task::Context<'_>) -> bool {
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(CLOSE_FLUSH_MAX)));
        if deadline.as_mut().poll(cx).is_ready() {
            return true;
        }
        if self.life == Life::Closing {
            match self.write(cx) {
                Ok(true) if Pin::new(&mut self.socket).poll_shutdown(cx).is_ready() => self.life = Life::Shut,
                Ok(_) => {}
                Err(_) => return true,
            }
        }
        let mut space = [MaybeUninit::<u8>::uninit(); READ_LEN];
        loop {
            let mut buffer = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return true,
            }
        }
    }
}

//! `Running`: a process that runs, our own child or the orphan of a supervisor that died.
//!
//! Invariant: signals go through a descriptor of the process, so they never reach another one that took its number over.

use crate::limits::CHILD_GONE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::oneshot;

/// The way to one process, whether it still runs or not. Clones are the same process.
#[derive(Clone, Debug)]
pub struct Handle {
    pid: u32,
    fd: Arc<OwnedFd>,
}

impl Handle {
    /// The process that has this number now.
    pub fn open(pid: u32) -> io::Result<Handle> {
        let number = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
        let fd = pidfd_open(number, PidfdFlags::empty())?;
        Ok(Handle {
            pid,
            fd: Arc::new(fd),
        })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends it a signal; an error if it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.fd, signal)?)
    }

    /// Waits until it has ended, for `patience` at most, and says whether it has. Blocks.
    pub fn wait(&self, patience: Duration) -> bool {
        let mut ends = [PollFd::new(&self.fd, PollFlags::IN)];
        let limit = Timespec::try_from(patience).ok();
        matches!(poll(&mut ends, limit.as_ref()), Ok(ready) if ready > 0)
    }

    /// Waits until it has ended. The descriptor of another's child can only be polled, for which a thread of its own is the
    /// plainest way; it ends soon after nobody waits any more.
    pub async fn gone(&self) -> io::Result<()> {
        let (handle, (ended, end)) = (self.clone(), oneshot::channel());
        thread::Builder::new()
            .name("process-watch".into())
            .spawn(move || {
                while !handle.wait(CHILD_GONE) {
                    if ended.is_closed() {
                        return;
                    }
                }
                // Whoever waited may have ended with the program.
                ended.send(()).ok();
            })?;
        end.await.map_err(io::Error::other)
    }

    /// A process that no signal reaches, and that is there until the other end of the pipe is closed.
    #[cfg(test)]
    pub fn that_outlives_its_kill(pid: u32) -> (Handle, io::PipeWriter) {
        let (end, life) = io::pipe().expect("there are descriptors left");
        let fd = Arc::new(end.into());
        (Handle { pid, fd }, life)
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// In words.
    pub how: String,
    /// Its exit code, if it had one that we may know.
    pub code: Option<u8>,
}

/// A process that runs. Dropping it kills the process.
#[derive(Debug)]
pub struct Running {
    handle: Handle,
    /// Only a child of ours can be waited for.
    child: Option<Child>,
    over: bool,
}

impl Running {
    /// A child that was just started.
    pub fn of_child(child: Child) -> io::Result<Running> {
        let handle = Handle::open(child.id().unwrap_or_default())?;
        Ok(Running {
            handle,
            child: Some(child),
            over: false,
        })
    }

    /// A process that somebody else started.
    pub fn adopt(handle: Handle) -> Running {
        Running {
            handle,
            child: None,
            over: false,
        }
    }

    /// The way to it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits for its end.
    pub async fn end(mut self) -> End {
        let end = match &mut self.child {
            Some(child) => child.wait().await.map(|status| End {
                how: describe(status),
                code: status.code().and_then(|code| u8::try_from(code).ok()),
            }),
            None => self.handle.gone().await.map(|()| End {
                how: "an adopted process, whose exit code its new parent learned".to_owned(),
                code: None,
            }),
        };
        self.over = true;
        end.unwrap_or_else(|error| End {
            how: format!("it cannot be waited for: {error}"),
            code: None,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            // One that has just ended is what is wanted.
            self.handle.signal(Signal::KILL).ok();
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

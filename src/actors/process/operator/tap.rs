//! `moothallctl tap`: the events of one connection, as they are sent.

use super::{OperatorError, connect, failed, status};
use crate::limits::OPERATOR_TIMEOUT;
use crate::protocol::admin::{AdminReply, AdminRequest, TappedEvent};
use crate::protocol::local;
use std::io::ErrorKind;
use std::path::Path;

/// Watches the connection of a player, told by name or number, or one that has not logged in, by its negative number.
/// `tell` hears each event; false from it, or the end of the daemon, is the end.
pub fn tap(data: &Path, whom: &str, mut tell: impl FnMut(&TappedEvent) -> bool) -> Result<(), OperatorError> {
    let object = match whom.strip_prefix('#').unwrap_or(whom).parse() {
        Ok(number) => number,
        Err(_) => player_named(data, whom)?,
    };
    let mut stream = connect(data, "admin.sock", OPERATOR_TIMEOUT)?;
    local::write_blocking(&mut stream, &AdminRequest::Tap(object)).map_err(failed)?;
    match local::read_blocking(&mut stream).map_err(failed)? {
        AdminReply::Done => {}
        AdminReply::Refused(why) => return Err(failed(why)),
        other => return Err(failed(format!("the daemon said {other:?}, which was not asked"))),
    }
    // Nothing may happen on a connection for hours.
    stream.set_read_timeout(None).map_err(failed)?;
    loop {
        match local::read_blocking(&mut stream) {
            Ok(AdminReply::Tapped(event)) if tell(&event) => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
    }
}

fn player_named(data: &Path, name: &str) -> Result<i64, OperatorError> {
    let daemon = status(data)?.daemon;
    let connections = daemon.map(|daemon| daemon.connections).unwrap_or_default();
    let found = connections
        .iter()
        .find(|connection| connection.name.eq_ignore_ascii_case(name));
    found.map(|connection| connection.player).ok_or_else(|| {
        failed(format!(
            "nobody called `{name}` is connected; `moothallctl status` shows who is"
        ))
    })
}

/// An event as lines for a terminal.
pub fn show(event: &TappedEvent) -> String {
    let mut text = String::new();
    if event.missed > 0 {
        text.push_str(&format!("({} events were missed)\n", event.missed));
    }
    text.push_str(&format!("{} {}", event.seq, event.what));
    for line in &event.lines {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

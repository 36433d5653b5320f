//! What `moothallctl` does about who may speak to a server: `keys`, `revoke`, `enroll` and `worker-token`.
//!
//! Invariant: a secret is printed once, to whoever asked for it, and kept nowhere else.

use super::operator::{OperatorError, ask_daemon, unexpected};
use crate::actors::kit::exit;
use crate::config::arguments::{Arguments, Command, Flag};
use crate::config::invitation::Invitation;
use crate::protocol::admin::{AdminReply, AdminRequest, EnrolledStatus, KeyStatus};
use crate::protocol::broadcast::Subject;
use crate::protocol::hex::{from_hex, to_hex};
use crate::protocol::{ClientId, HostId, WireObj, WorkerId};
use std::path::Path;

/// `moothallctl keys`.
pub const KEYS: Command = Command {
    operands: &["<list|rotate>"],
    flags: &[switch(
        "--now",
        "rotate: end every token that there is, and disconnect everybody",
    )],
    ..Command::plain(
        "keys",
        "show the keys that tokens are signed with, or change them",
    )
};

/// `moothallctl revoke`.
pub const REVOKE: Command = Command {
    operands: &["<client|player|host|worker|token>", "<id>"],
    ..Command::plain(
        "revoke",
        "end all tokens of one of them, or one token, and close what stands on them",
    )
};

/// `moothallctl enroll`.
pub const ENROLL: Command = Command {
    flags: &[
        Flag {
            value: "NAME",
            ..switch("--role", "what the process will serve: telnet or web")
        },
        Flag {
            value: "TIME",
            ..switch(
                "--ttl",
                "how long the invitation holds: 90s, 15m, 2h, 1d; 15m by default",
            )
        },
        switch("--list", "show who was enrolled"),
    ],
    ..Command::plain(
        "enroll",
        "invite one host of another machine; prints what it has to be given",
    )
};

/// `moothallctl worker-token`.
pub const WORKER_TOKEN: Command = Command {
    operands: &["<kind>", "<name>"],
    ..Command::plain(
        "worker-token",
        "print a token for a worker of this machine that does that kind of work and runs by itself",
    )
};

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        value: "",
        key: None,
        help,
    }
}

/// Carries out one of the four; gives the text to print.
pub fn carry_out(data: &Path, arguments: &Arguments) -> Result<String, OperatorError> {
    let operand = |place: usize| arguments.operands.get(place).map_or("", String::as_str);
    match arguments.command {
        "keys" => keys(data, operand(0), arguments.has("--now")),
        "revoke" => revoke(data, operand(0), operand(1)),
        "worker-token" => worker_token(data, operand(0), operand(1)),
        _ if arguments.has("--list") => enrolled(data),
        _ => enroll(
            data,
            arguments.get("--role").unwrap_or("telnet"),
            arguments.get("--ttl"),
        ),
    }
}

fn misuse(message: String) -> OperatorError {
    OperatorError {
        code: exit::MISUSE,
        message,
    }
}

/// `keys list` and `keys rotate`; gives the text to print.
fn keys(data: &Path, order: &str, at_once: bool) -> Result<String, OperatorError> {
    let request = match order {
        "list" if at_once => return Err(misuse("--now goes with `keys rotate`".into())),
        "list" => AdminRequest::ListKeys,
        "rotate" => AdminRequest::RotateKeys { at_once },
        other => {
            return Err(misuse(format!(
                "`keys {other}` is not understood: `list` or `rotate`"
            )));
        }
    };
    match ask_daemon(data, &request)? {
        AdminReply::Keys(keys) => Ok(key_lines(&keys)),
        _ => unexpected(),
    }
}

fn key_lines(keys: &[KeyStatus]) -> String {
    let line = |key: &KeyStatus| {
        let end = match key.ends_in_s {
            Some(seconds) => format!("  ends in {seconds} s"),
            None => String::new(),
        };
        format!(
            "{:<9} {}  {}{end}\n",
            key.used_as,
            key.kid,
            to_hex(&key.public_key)
        )
    };
    keys.iter().map(line).collect()
}

/// `revoke <kind> <id>`; gives the text to print.
fn revoke(data: &Path, kind: &str, id: &str) -> Result<String, OperatorError> {
    let subject = subject(kind, id).ok_or_else(|| {
        misuse(format!(
            "`{kind} {id}` names nobody: client, worker and token take 32 hexadecimal digits, player an object number, \
             host its digits or the name of one that this server starts"
        ))
    })?;
    match ask_daemon(data, &AdminRequest::Revoke(subject))? {
        AdminReply::Revoked {
            generation,
            closed,
            hosts,
        } => {
            let dead = match subject {
                Subject::Token(_) => format!("token {id} is dead"),
                _ => format!("every token of {kind} {id} below generation {generation} is dead"),
            };
            Ok(format!(
                "revoked: {dead}; {closed} connections were closed, {hosts} hosts have to prove anew who they are\n"
            ))
        }
        _ => unexpected(),
    }
}

fn subject(kind: &str, id: &str) -> Option<Subject> {
    Some(match kind {
        "client" => Subject::Client(ClientId(from_hex(id)?)),
        "player" => Subject::Player(WireObj(id.trim_start_matches('#').parse().ok()?)),
        "host" => Subject::Host(from_hex(id).map_or_else(|| HostId::named(id), HostId)),
        "worker" => Subject::Worker(WorkerId(from_hex(id)?)),
        "token" => Subject::Token(from_hex(id)?),
        _ => return None,
    })
}

/// `worker-token <kind> <name>`; gives the token.
fn worker_token(data: &Path, kind: &str, name: &str) -> Result<String, OperatorError> {
    let request = AdminRequest::WorkerToken {
        kind: kind.to_owned(),
        name: name.to_owned(),
    };
    match ask_daemon(data, &request)? {
        AdminReply::Token(token) => Ok(format!("{token}\n")),
        _ => unexpected(),
    }
}

/// `enroll`: invites one process; gives the invitation.
fn enroll(data: &Path, role: &str, ttl: Option<&str>) -> Result<String, OperatorError> {
    let ttl_s = ttl.map(|text| {
        seconds(text).ok_or_else(|| misuse(format!("`{text}` is no span of time: 90s, 15m, 2h or 1d")))
    });
    let request = AdminRequest::Invite {
        kind: role.to_owned(),
        ttl_s: ttl_s.transpose()?,
    };
    match ask_daemon(data, &request)? {
        AdminReply::Invitation(told) => {
            let invitation = Invitation {
                daemon_key: told.daemon_key,
                token_id: told.token_id,
                secret: told.secret,
                role: told.kind,
            };
            Ok(invitation.to_text(told.ttl_s))
        }
        _ => unexpected(),
    }
}

/// `enroll --list`: those who were let in.
fn enrolled(data: &Path) -> Result<String, OperatorError> {
    match ask_daemon(data, &AdminRequest::ListEnrolled)? {
        AdminReply::Enrolled(members) => {
            let line =
                |member: &EnrolledStatus| format!("{}  {}  {}\n", member.id, member.kind, member.hostname);
            Ok(members.iter().map(line).collect())
        }
        _ => unexpected(),
    }
}

/// The seconds of `90s`, `15m`, `2h` or `1d`.
fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_with_their_unit() {
        let cases = [
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("2h", Some(7_200)),
            ("1d", Some(86_400)),
        ];
        let junk = ["", "m", "15", "15 m", "-1s", "1w", "99999999999999999999d", "15µ"];
        for (text, expected) in cases.into_iter().chain(junk.map(|text| (text, None))) {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn whoever_is_to_be_revoked_is_read_from_words() {
        let id = [0xab; 16];
        let digits = "ab".repeat(16);
        assert_eq!(subject("client", &digits), Some(Subject::Client(ClientId(id))));
        assert_eq!(subject("player", "#97"), Some(Subject::Player(WireObj(97))));
        assert_eq!(subject("player", "97"), Some(Subject::Player(WireObj(97))));
        assert_eq!(subject("host", &digits), Some(Subject::Host(HostId(id))));
        assert_eq!(
            subject("host", "telnet"),
            Some(Subject::Host(HostId::named("telnet")))
        );
        assert_eq!(subject("token", &digits), Some(Subject::Token(id)));
        for (kind, id) in [
            ("client", "ab"),
            ("player", "wizard"),
            ("worker", "é"),
            ("king", "1"),
        ] {
            assert_eq!(subject(kind, id), None);
        }
    }
}

//! What people see of an error is decided once, for every error.

use std::collections::BTreeSet;

use super::samples;
use crate::protocol::WireObj;
use crate::protocol::error::{RpcError, SessionError};
use crate::protocol::surface::{Row, SURFACE, Surfaced};

fn rows<T: Surfaced>(errors: impl IntoIterator<Item = T>) -> Vec<Row> {
    errors.into_iter().map(|error| error.row()).collect()
}

pub(super) fn transport_errors() -> Vec<RpcError> {
    let why = || "why".to_owned();
    vec![
        RpcError::CouldNotInitiateSession(why()),
        RpcError::AuthenticationError(why()),
        RpcError::CouldNotSend(why()),
        RpcError::CouldNotReceive(why()),
        RpcError::ConnectionLost,
        RpcError::CouldNotDecode(why()),
        RpcError::Timeout,
        RpcError::Recoverable(why()),
        RpcError::Fatal(why()),
        RpcError::UnexpectedReply(why()),
    ]
}

pub(super) fn session_errors() -> Vec<SessionError> {
    let why = || "why".to_owned();
    vec![
        SessionError::NoConnectionForPlayer(WireObj(2)),
        SessionError::DeliveryError(why()),
        SessionError::CommitError(why()),
        SessionError::InvalidToken,
    ]
}

#[test]
fn every_error_has_a_row_of_its_own_and_every_row_an_error() {
    let mut seen = rows(transport_errors());
    // A refusal that wraps a task's error shares the row of what it wraps.
    seen.extend(
        rows(samples::refusals())
            .into_iter()
            .filter(|row| *row != Row::SchedulerAway),
    );
    seen.extend(rows(samples::scheduler_errors()));
    seen.extend(rows(samples::worker_errors()));
    seen.extend(rows(session_errors()));
    let distinct: BTreeSet<Row> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "two errors share a row");
    assert_eq!(distinct.len(), SURFACE.len(), "a row belongs to no error");
}

#[test]
fn codes_are_distinct_and_statuses_and_texts_make_sense() {
    let codes: BTreeSet<&str> = SURFACE.iter().map(|surface| surface.code).collect();
    assert_eq!(codes.len(), SURFACE.len());
    for surface in SURFACE {
        assert!(
            surface.code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'),
            "{surface:?}"
        );
        assert!((400..600).contains(&surface.http), "{surface:?}");
        assert!(
            surface.close == 0 || (4_400..4_500).contains(&surface.close),
            "{surface:?}"
        );
        assert!(
            surface.telnet.is_empty() || surface.telnet.ends_with('.'),
            "{surface:?}"
        );
        if [429, 503, 504].contains(&surface.http) {
            assert!(surface.retryable, "{surface:?}");
        }
    }
}

#[test]
fn a_player_reads_the_words_known_from_other_servers() {
    let words = |row: Row| SURFACE[row as usize].telnet;
    assert_eq!(words(Row::NoCommandMatch), "I couldn't understand that.");
    assert_eq!(
        words(Row::NoVerbToProgram),
        "That object does not have that verb definition."
    );
    assert_eq!(words(Row::PermissionDenied), "Permission denied.");
}

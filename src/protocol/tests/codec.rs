//! Every variant of every message: golden bytes, round trip, and every truncation an error.
//! `UPDATE=1 cargo test -p moothall golden` writes the golden file anew; a changed line breaks rolling upgrades.

use std::fmt::{Debug, Write};
use std::time::Instant;

use super::samples;
use crate::limits::BODY_CONTROL_MAX;
use crate::protocol::client::{Auth, ClientRequest, HostClientToDaemonMessage};
use crate::protocol::codec::{self, Message, encode};
use crate::protocol::event::{ClientEvent, EventFrame};
use crate::protocol::header::{FLAG_RESEND, HEADER_LEN, PREAMBLE_LEN};
use crate::protocol::host::HostToDaemonMessage;
use crate::protocol::kind::TABLE;
use crate::protocol::{Envelope, Frame, FrameError, Kind, WireObj};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/protocol/tests/golden.txt");

const ENVELOPE: Envelope = Envelope {
    flags: FLAG_RESEND,
    correlation: 0x0102_0304_0506_0708,
    deadline_ms: 10_000,
    epoch: 7,
    principal: [0xAB; 16],
};

/// The variants seen, each with its frame in hexadecimal.
#[derive(Default)]
pub(super) struct Book {
    lines: Vec<(Kind, String)>,
}

impl Book {
    /// Checks one message that starts with the variant of `variant`, and writes it down.
    #[track_caller]
    pub(super) fn add<M: Message + PartialEq + Debug>(&mut self, variant: &dyn Debug, message: &M) {
        let bytes = encode(&ENVELOPE, message).expect("a sample is small");
        let frame = Frame::parse(&bytes).expect("our own frame");
        assert_eq!(frame.envelope, ENVELOPE);
        let debug = format!("{variant:?}");
        let name = debug
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let row = frame.kind.row().expect("a kind that was written has a row");
        assert_eq!(
            row.name, name,
            "the table's rows are not in the order of the variants"
        );
        assert_eq!(frame.decode::<M>().as_ref(), Ok(message));
        for end in 0..bytes.len() {
            let cut = Frame::parse(&bytes[..end]).and_then(|frame| frame.decode::<M>());
            assert!(
                cut.is_err(),
                "{end} of the {} bytes of {debug} are a message",
                bytes.len()
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        let longer = Frame::parse(&longer).and_then(|frame| frame.decode::<M>());
        assert_eq!(longer, Err(FrameError::BadBody { kind: frame.kind }));
        let mut line = format!("{:?}::{name} ", M::FAMILY);
        bytes[HEADER_LEN..]
            .iter()
            .for_each(|byte| write!(line, "{byte:02x}").expect("strings take everything"));
        self.lines.push((frame.kind, line));
    }
}

#[test]
fn every_variant_has_golden_bytes_and_survives_the_wire() {
    let mut book = Book::default();
    samples::write_all(&mut book);
    let written: Vec<Kind> = book.lines.iter().map(|(kind, _)| *kind).collect();
    let known: Vec<Kind> = TABLE
        .iter()
        .flat_map(|(family, rows)| {
            (0..rows.len()).map(|n| Kind::new(*family, u8::try_from(n).expect("few rows")))
        })
        .collect();
    assert_eq!(written, known, "a row without a sample, or samples out of order");
    let lines: String = book.lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(GOLDEN, &lines).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(GOLDEN).expect("the golden file can be read");
    for (ours, theirs) in lines.lines().zip(golden.lines()) {
        assert_eq!(ours, theirs, "the bytes of a message have changed");
    }
    assert_eq!(lines.lines().count(), golden.lines().count());
}

#[test]
fn replies_named_in_the_table_exist() {
    for (family, rows) in TABLE {
        let answers = family
            .answered_by()
            .and_then(|by| TABLE.iter().find(|(other, _)| *other == by));
        for row in *rows {
            for reply in row.replies {
                let exists = answers.is_some_and(|(_, rows)| rows.iter().any(|row| row.name == *reply));
                assert!(
                    exists,
                    "{family:?}::{} is answered by {reply}, which is nothing",
                    row.name
                );
            }
        }
    }
}

#[test]
fn families_are_numbered_by_their_place() {
    for (place, (family, rows)) in TABLE.iter().enumerate() {
        assert_eq!(*family as usize, place + 1);
        assert!(
            rows.len() <= 251,
            "the variant's number must fit the body's first byte"
        );
    }
}

#[test]
fn an_unknown_kind_is_told_with_its_correlation() {
    for unknown in [0x0000, 0x01FF, 0x0011 | 0x0100, 0xFF00] {
        let mut bytes = encode(&ENVELOPE, &HostToDaemonMessage::DrainDone).expect("small");
        bytes[4..6].copy_from_slice(&u16::to_le_bytes(unknown));
        let expected = FrameError::Unsupported {
            kind: Kind(unknown),
            envelope: ENVELOPE,
        };
        assert_eq!(Frame::parse(&bytes), Err(expected));
    }
}

#[test]
fn a_header_that_lies_is_an_error() {
    let good = encode(&ENVELOPE, &HostToDaemonMessage::DrainDone).expect("small");
    for (place, value) in [(0, 0), (1, 0), (2, 0), (2, 99), (6, 1), (7, 1)] {
        let mut bad = good.clone();
        bad[place] = value;
        assert_eq!(
            Frame::parse(&bad),
            Err(FrameError::BadHeader),
            "byte {place} is {value}"
        );
    }
    let mut other = good.clone();
    other[4] = 14;
    let frame = Frame::parse(&other).expect("a kind that exists");
    assert_eq!(
        frame.decode::<HostToDaemonMessage>(),
        Err(FrameError::BadBody { kind: frame.kind })
    );
    let frame = Frame::parse(&good).expect("our own frame");
    assert_eq!(
        frame.decode::<ClientRequest>(),
        Err(FrameError::WrongFamily { kind: frame.kind })
    );
}

#[test]
fn a_body_over_its_limit_is_neither_written_nor_read() {
    let renew = |len| HostToDaemonMessage::RenewToken {
        token: "x".repeat(len),
    };
    let fits = encode(&ENVELOPE, &renew(BODY_CONTROL_MAX - 4)).expect("at its limit");
    assert_eq!(fits.len(), PREAMBLE_LEN + BODY_CONTROL_MAX);
    let too_large = encode(&ENVELOPE, &renew(BODY_CONTROL_MAX - 3));
    assert!(matches!(
        too_large,
        Err(FrameError::TooLarge {
            limit: BODY_CONTROL_MAX,
            ..
        })
    ));
    let grown = [&fits[..], &[0]].concat();
    assert!(matches!(
        Frame::parse(&grown),
        Err(FrameError::TooLarge {
            limit: BODY_CONTROL_MAX,
            ..
        })
    ));
}

#[test]
fn a_length_that_claims_the_world_is_an_error() {
    // RenewToken, and a string of 2^63 bytes.
    let mut bytes = encode(
        &ENVELOPE,
        &HostToDaemonMessage::RenewToken { token: String::new() },
    )
    .expect("small");
    bytes.truncate(PREAMBLE_LEN + 1);
    bytes.extend([253, 0, 0, 0, 0, 0, 0, 0, 0x80]);
    let frame = Frame::parse(&bytes).expect("the header is right");
    assert_eq!(
        frame.decode::<HostToDaemonMessage>(),
        Err(FrameError::BadBody { kind: frame.kind })
    );
}

#[test]
fn no_bytes_make_the_decoder_panic() {
    let mut state = 1u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for (family, rows) in TABLE {
        for variant in 0..rows.len() {
            for _ in 0..50 {
                let body: Vec<u8> = (0..random() % 200).map(|_| random() as u8).collect();
                let kind = Kind::new(*family, u8::try_from(variant).expect("few rows"));
                let body = [&[kind.variant()], &body[..]].concat();
                samples::decode_any(&Frame {
                    kind,
                    envelope: ENVELOPE,
                    body: &body,
                });
            }
        }
    }
}

#[test]
fn a_stored_event_makes_the_same_frame() {
    for (event, route) in samples::events() {
        let stored = codec::encode_event(&event);
        assert_eq!(codec::decode_event(&stored).as_ref(), Some(&event));
        assert_eq!(codec::decode_event(&stored[..stored.len() - 1]), None);
        let from_stored = codec::encode_stored_event(&ENVELOPE, &stored, &route);
        assert_eq!(from_stored, encode(&ENVELOPE, &EventFrame { event, route }));
    }
}

#[test]
fn commands_and_narratives_cost_little() {
    let message = HostClientToDaemonMessage::Command {
        handler: WireObj(0),
        command: "look at the map".into(),
    };
    let command = ClientRequest {
        message,
        auth: Auth::Bound([1; 16]),
        cmd_seq: 41,
        cmd_acked: 0,
    };
    let (event, route) = samples::events().swap_remove(0);
    assert!(matches!(event, ClientEvent::Narrative { .. }));
    let narrative = EventFrame { event, route };
    for (what, ns) in [
        ("command", round_trip_ns(&command)),
        ("narrative", round_trip_ns(&narrative)),
    ] {
        println!("{what}: {ns} ns to write and read");
        // Far above what is wanted (1,000), so that a busy machine does not fail, and far below a mistake in kind.
        assert!(ns < 20_000, "{what}: {ns} ns");
    }
}

fn round_trip_ns<M: Message>(message: &M) -> u128 {
    const ROUNDS: u128 = 10_000;
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let bytes = encode(&ENVELOPE, std::hint::black_box(message)).expect("small");
        std::hint::black_box(Frame::parse(&bytes).and_then(|frame| frame.decode::<M>()).is_ok());
    }
    begun.elapsed().as_nanos() / ROUNDS
}

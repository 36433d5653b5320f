//! The telnet engine against RFC 854, 855 and 1143.

use super::options::{BINARY, ECHO, EOR, LINEMODE, SGA, TABLE, TIMING_MARK};
use super::parser::{AYT, SB, SE, SUBNEGOTIATION_MAX};
use super::q_method::EVERY_SIDE;
use super::*;

/// An event that owns its bytes, so that it can be kept and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Text(Vec<u8>),
    Option(Party, u8, bool),
    Sub(u8, Vec<u8>),
    Command(u8),
}

/// Feeds the pieces in order; neighbouring runs of text are joined, since a cut between them means nothing.
fn feed(engine: &mut Engine, pieces: &[&[u8]]) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    for piece in pieces {
        engine.receive(piece, |event| match (event, seen.last_mut()) {
            (Event::Text(text), Some(Seen::Text(last))) => last.extend_from_slice(text),
            (Event::Text(text), _) => seen.push(Seen::Text(text.to_vec())),
            (Event::Option { party, option, on }, _) => seen.push(Seen::Option(party, option, on)),
            (Event::Subnegotiation { option, body }, _) => seen.push(Seen::Sub(option, body.to_vec())),
            (Event::Command(command), _) => seen.push(Seen::Command(command)),
        });
    }
    seen
}

#[track_caller]
fn check(input: &[u8], expected_events: &[Seen], expected_answers: &[u8]) {
    let mut engine = Engine::new(TABLE);
    let seen = feed(&mut engine, &[input]);
    assert_eq!(seen, expected_events);
    assert_eq!(engine.answers(), expected_answers);
}

fn text(bytes: &[u8]) -> Seen {
    Seen::Text(bytes.to_vec())
}

/// What the engine says after the client's first telnet byte.
const OFFER: [u8; 3] = [IAC, WILL, EOR];

fn after_offer(answers: &[u8]) -> Vec<u8> {
    [&OFFER, answers].concat()
}

#[test]
fn a_client_without_telnet_sees_no_option() {
    check(
        b"connect wizard\r\nlook\n",
        &[text(b"connect wizard\r\nlook\n")],
        b"",
    );
}

#[test]
fn doubled_iac_is_one_byte_of_text() {
    check(&[b'a', IAC, IAC, b'b'], &[text(&[b'a', IAC, b'b'])], b"");
}

#[test]
fn nul_after_cr_is_swallowed_and_a_lone_nul_is_not() {
    check(b"a\r\0b\0c\r\nd", &[text(b"a\rb\0c\r\nd")], b"");
}

#[test]
fn agreed_binary_makes_cr_nul_plain_data() {
    let mut input = vec![IAC, WILL, BINARY];
    input.extend_from_slice(b"a\r\0b");
    check(
        &input,
        &[Seen::Option(Party::Him, BINARY, true), text(b"a\r\0b")],
        &after_offer(&[IAC, DO, BINARY]),
    );
}

#[test]
fn unknown_and_refused_options_are_turned_down_each_way() {
    check(&[IAC, WILL, 200], &[], &after_offer(&[IAC, DONT, 200]));
    check(&[IAC, DO, 200], &[], &after_offer(&[IAC, WONT, 200]));
    check(&[IAC, WILL, LINEMODE], &[], &after_offer(&[IAC, DONT, LINEMODE]));
    check(
        &[IAC, DO, TIMING_MARK],
        &[],
        &after_offer(&[IAC, WONT, TIMING_MARK]),
    );
    check(&[IAC, DO, ECHO], &[], &after_offer(&[IAC, WONT, ECHO]));
    check(&[IAC, WONT, 200, IAC, DONT, 200], &[], &OFFER);
}

#[test]
fn a_request_that_changes_nothing_is_not_answered() {
    let input = [IAC, DO, SGA, IAC, DO, SGA, IAC, DO, SGA];
    check(
        &input,
        &[Seen::Option(Party::Us, SGA, true)],
        &after_offer(&[IAC, WILL, SGA]),
    );
}

#[test]
fn echo_comes_and_goes_at_our_wish() {
    let mut engine = Engine::new(TABLE);
    engine.ask(Party::Us, ECHO, true);
    assert_eq!(std::mem::take(engine.answers()), [IAC, WILL, ECHO]);
    assert_eq!(
        feed(&mut engine, &[&[IAC, DO, ECHO]]),
        [Seen::Option(Party::Us, ECHO, true)]
    );
    assert_eq!(std::mem::take(engine.answers()), OFFER);
    engine.ask(Party::Us, ECHO, false);
    assert_eq!(std::mem::take(engine.answers()), [IAC, WONT, ECHO]);
    assert_eq!(feed(&mut engine, &[&[IAC, DONT, ECHO]]), []);
    assert_eq!(engine.answers(), b"");
}

#[test]
fn a_wish_changed_before_the_answer_waits_for_it() {
    let mut engine = Engine::new(TABLE);
    engine.ask(Party::Us, ECHO, true);
    engine.ask(Party::Us, ECHO, false);
    assert_eq!(std::mem::take(engine.answers()), [IAC, WILL, ECHO]);
    assert_eq!(feed(&mut engine, &[&[IAC, DO, ECHO]]), []);
    assert_eq!(
        std::mem::take(engine.answers()),
        [&OFFER[..], &[IAC, WONT, ECHO]].concat()
    );
}

#[test]
fn prompt_mark_follows_what_was_agreed() {
    let mut engine = Engine::new(TABLE);
    assert_eq!(engine.prompt_mark(), b"", "a raw client gets no mark");
    feed(&mut engine, &[&[IAC, AYT]]);
    assert_eq!(engine.prompt_mark(), [IAC, GA]);
    feed(&mut engine, &[&[IAC, DO, SGA]]);
    assert_eq!(engine.prompt_mark(), b"");
    feed(&mut engine, &[&[IAC, DO, EOR]]);
    assert_eq!(engine.prompt_mark(), [IAC, EOR_MARK]);
}

#[test]
fn a_subnegotiation_is_heard_only_for_an_option_in_force() {
    let sub = [IAC, SB, SGA, b'x', IAC, IAC, b'y', IAC, SE, b'!'];
    check(&sub, &[text(b"!")], &OFFER);
    let agreed = [&[IAC, DO, SGA][..], &sub].concat();
    let events = [
        Seen::Option(Party::Us, SGA, true),
        Seen::Sub(SGA, vec![b'x', IAC, b'y']),
        text(b"!"),
    ];
    check(&agreed, &events, &after_offer(&[IAC, WILL, SGA]));
}

#[test]
fn an_unfinished_subnegotiation_is_dropped_by_the_next_command() {
    let input = [IAC, DO, SGA, IAC, SB, SGA, b'x', b'y', IAC, AYT, b'z'];
    let events = [Seen::Option(Party::Us, SGA, true), Seen::Command(AYT), text(b"z")];
    check(&input, &events, &after_offer(&[IAC, WILL, SGA]));
}

#[test]
fn an_oversized_subnegotiation_is_swallowed_whole() {
    for (length, heard) in [
        (SUBNEGOTIATION_MAX, true),
        (SUBNEGOTIATION_MAX + 1, false),
        (1 << 20, false),
    ] {
        let mut input = vec![IAC, DO, SGA, IAC, SB, SGA];
        input.resize(input.len() + length, b'x');
        input.extend_from_slice(&[IAC, SE, b'!', IAC, SB, SGA, b'y', IAC, SE]);
        let mut events = vec![Seen::Option(Party::Us, SGA, true)];
        if heard {
            events.push(Seen::Sub(SGA, vec![b'x'; length]));
        }
        events.extend([text(b"!"), Seen::Sub(SGA, vec![b'y'])]);
        check(&input, &events, &after_offer(&[IAC, WILL, SGA]));
    }
}

/// A session with something of everything, as a client might send it.
fn session() -> Vec<u8> {
    let mut bytes = vec![
        IAC, WILL, 31, IAC, SB, 31, 0, 80, 0, 24, IAC, SE, IAC, DO, SGA, IAC, WILL, 24,
    ];
    bytes.extend_from_slice(b"connect guest\r\n");
    bytes.extend_from_slice(&[IAC, DO, EOR, IAC, AYT, IAC, SB, SGA, 1, IAC, IAC, 2, IAC, SE]);
    bytes.extend_from_slice(b"say caf\xc3\xa9 ");
    bytes.extend_from_slice(&[
        IAC, IAC, b'\r', 0, IAC, WILL, BINARY, b'\r', 0, IAC, WONT, BINARY, b'\r', 0,
    ]);
    bytes.extend_from_slice(&[IAC, SB, SGA, 9, IAC, WILL, 1, b'q', b'\n']);
    bytes
}

#[test]
fn every_cut_of_a_session_gives_the_same_events() {
    let session = session();
    let mut whole = Engine::new(TABLE);
    let expected = feed(&mut whole, &[&session]);
    assert!(
        expected.contains(&Seen::Sub(SGA, vec![1, IAC, 2])),
        "{expected:?}"
    );
    for first in 0..=session.len() {
        for second in first..=session.len() {
            let mut engine = Engine::new(TABLE);
            let pieces = [&session[..first], &session[first..second], &session[second..]];
            assert_eq!(
                feed(&mut engine, &pieces),
                expected,
                "cut at {first} and {second}"
            );
            assert_eq!(engine.answers(), whole.answers());
        }
    }
    let mut engine = Engine::new(TABLE);
    let bytes: Vec<&[u8]> = session.chunks(1).collect();
    assert_eq!(feed(&mut engine, &bytes), expected);
}

/// Carries answers from one engine to the other and back; gives the number of rounds until both are silent.
fn rounds_to_silence(one: &mut Engine, other: &mut Engine) -> usize {
    for round in 0..20 {
        let (from_one, from_other) = (std::mem::take(one.answers()), std::mem::take(other.answers()));
        if from_one.is_empty() && from_other.is_empty() {
            return round;
        }
        other.receive(&from_one, |_| {});
        one.receive(&from_other, |_| {});
    }
    panic!("the two engines are still talking after 20 rounds");
}

#[test]
fn two_engines_fall_silent_from_every_state_whatever_they_wish() {
    let wishes = [None, Some(true), Some(false)];
    for option in [SGA, ECHO, EOR, LINEMODE] {
        for ours in EVERY_SIDE {
            for theirs in EVERY_SIDE {
                for (one_wish, other_wish) in wishes.iter().flat_map(|a| wishes.iter().map(move |b| (*a, *b)))
                {
                    let (mut one, mut other) = (Engine::new(TABLE), Engine::new(TABLE));
                    let at = TABLE
                        .iter()
                        .position(|row| row.code == option)
                        .expect("the option is in the table");
                    one.agreements.us[at] = ours;
                    other.agreements.him[at] = theirs;
                    if let Some(on) = one_wish {
                        one.ask(Party::Us, option, on);
                    }
                    if let Some(on) = other_wish {
                        other.ask(Party::Him, option, on);
                    }
                    let rounds = rounds_to_silence(&mut one, &mut other);
                    assert!(rounds <= 5, "{option}: {ours:?} {theirs:?} took {rounds} rounds");
                }
            }
        }
    }
}

#[test]
fn two_fresh_engines_agree_on_what_both_can_do() {
    let (mut one, mut other) = (Engine::new(TABLE), Engine::new(TABLE));
    one.ask(Party::Us, SGA, true);
    other.ask(Party::Him, SGA, true);
    rounds_to_silence(&mut one, &mut other);
    assert!(one.is_on(Party::Us, SGA) && other.is_on(Party::Him, SGA));
}

/// A small generator of noise that leans towards telnet's own bytes.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| match self.next() % 4 {
                0 => 239 + (self.next() % 17) as u8,
                1 => (self.next() % 40) as u8,
                _ => self.next() as u8,
            })
            .collect()
    }
}

#[test]
fn noise_never_panics_and_never_depends_on_the_cut() {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2000 {
        let length = (noise.next() % 200) as usize;
        let bytes = noise.bytes(length);
        let cut = (noise.next() % (length as u64 + 1)) as usize;
        let (mut whole, mut parts) = (Engine::new(TABLE), Engine::new(TABLE));
        let expected = feed(&mut whole, &[&bytes]);
        assert_eq!(
            feed(&mut parts, &[&bytes[..cut], &bytes[cut..]]),
            expected,
            "{bytes:?} cut at {cut}"
        );
        assert!(whole.answers().len() <= bytes.len() + OFFER.len() + 3);
    }
}

#[test]
fn quoted_text_reads_back_as_itself() {
    let raw: Vec<u8> = (0..=255).chain([255, 255, 7]).collect();
    let mut quoted = Vec::new();
    quote_iac(&raw, &mut quoted);
    assert_eq!(quoted.len(), raw.len() + 3);
    let mut engine = Engine::new(TABLE);
    assert_eq!(feed(&mut engine, &[&quoted]), [text(&raw)]);
}

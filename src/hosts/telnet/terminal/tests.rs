//! One client's end of the line, bytes in and bytes out.

use super::*;
use crate::hosts::telnet::engine::options::{ECHO, EOR, SGA};
use crate::hosts::telnet::engine::parser::{AYT, DO, DONT, EC, EL, EOR_MARK, IAC, SB, WILL, WONT};

fn terminal() -> Terminal {
    Terminal::new(1_000, 10_000)
}

fn lines(terminal: &mut Terminal, bytes: &[u8]) -> Vec<Input> {
    let mut seen = Vec::new();
    terminal.receive(bytes, |input| seen.push(input));
    seen
}

fn sent(terminal: &mut Terminal) -> Vec<u8> {
    let mut bytes = Vec::new();
    let all = terminal.send(|slices| {
        slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    });
    assert!(all.expect("this socket takes everything"));
    bytes
}

#[test]
fn texts_end_lines_as_telnet_does() {
    let mut terminal = terminal();
    terminal.print("caf\u{e9}", true);
    terminal.print("two\nlines\r\nmore", true);
    terminal.print("no end", false);
    assert_eq!(
        sent(&mut terminal),
        "caf\u{e9}\r\ntwo\r\nlines\r\nmore\r\nno end".as_bytes()
    );
    assert!(!terminal.has_output());
}

#[test]
fn commands_inside_a_line_are_not_part_of_it() {
    let mut terminal = terminal();
    let bytes = [
        b"lo".as_slice(),
        &[IAC, DO, SGA, IAC, SB, SGA, 1, IAC, 240],
        b"ok\r\n",
    ]
    .concat();
    assert_eq!(lines(&mut terminal, &bytes), [Input::Line("look".to_owned())]);
    assert_eq!(sent(&mut terminal), [IAC, WILL, EOR, IAC, WILL, SGA]);
}

#[test]
fn erase_commands_edit_the_line() {
    let mut terminal = terminal();
    let bytes = [b"abc".as_slice(), &[IAC, EL], b"xyz", &[IAC, EC], b"!\n"].concat();
    assert_eq!(lines(&mut terminal, &bytes), [Input::Line("xy!".to_owned())]);
}

#[test]
fn are_you_there_is_answered() {
    let mut terminal = terminal();
    lines(&mut terminal, &[IAC, AYT]);
    assert_eq!(sent(&mut terminal), [&[IAC, WILL, EOR][..], STILL_HERE].concat());
}

#[test]
fn passwords_are_hidden_and_the_rest_is_shown() {
    let mut terminal = terminal();
    terminal.set_client_echo(false);
    terminal.set_client_echo(false);
    assert_eq!(sent(&mut terminal), [IAC, WILL, ECHO]);
    lines(&mut terminal, &[IAC, DO, ECHO]);
    sent(&mut terminal);
    terminal.set_client_echo(true);
    assert_eq!(sent(&mut terminal), [IAC, WONT, ECHO]);
    lines(&mut terminal, &[IAC, DONT, ECHO]);
    assert_eq!(sent(&mut terminal), b"");
}

#[test]
fn prompts_end_with_what_was_agreed_and_never_with_a_line_end() {
    let mut terminal = terminal();
    terminal.prompt("> ");
    assert_eq!(sent(&mut terminal), b"> ");
    lines(&mut terminal, &[IAC, DO, EOR]);
    sent(&mut terminal);
    terminal.prompt("> ");
    assert_eq!(sent(&mut terminal), [b'>', b' ', IAC, EOR_MARK]);
}

#[test]
fn binary_mode_passes_bytes_as_they_are_both_ways() {
    let mut terminal = terminal();
    terminal.set_binary(true);
    let bytes = [b'a', IAC, DO, SGA, b'\r', 0];
    assert_eq!(
        lines(&mut terminal, &bytes),
        [Input::Chunk("a~FF~FD~03~0D~00".to_owned())]
    );
    terminal.print_bytes(&[IAC, WILL, ECHO, b'x', b'\n']);
    terminal.prompt("y");
    assert_eq!(sent(&mut terminal), [IAC, WILL, ECHO, b'x', b'\n', b'y']);
}

#[test]
fn leaving_binary_mode_brings_telnet_back() {
    let mut terminal = terminal();
    lines(&mut terminal, &[IAC, SB, 1]);
    terminal.set_binary(true);
    lines(&mut terminal, &[IAC]);
    terminal.set_binary(false);
    assert_eq!(lines(&mut terminal, b"look\n"), [Input::Line("look".to_owned())]);
}

#[test]
fn a_client_that_asks_without_reading_is_noticed() {
    let mut terminal = terminal();
    while !terminal.is_swamped() {
        lines(&mut terminal, &[IAC, DO, 200].repeat(1000));
        assert!(terminal.output.waiting() < 20_000, "noticed in time");
    }
    sent(&mut terminal);
    assert!(!terminal.is_swamped());
}

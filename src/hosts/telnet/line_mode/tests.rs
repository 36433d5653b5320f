//! The line editor and binary mode.

use super::*;

const LINE_LEN_MAX: usize = 5000;

fn mode() -> LineMode {
    LineMode::new(LINE_LEN_MAX)
}

fn feed(mode: &mut LineMode, bytes: &[u8]) -> Vec<Input> {
    let mut seen = Vec::new();
    mode.feed(bytes, |input| seen.push(input));
    seen
}

#[track_caller]
fn check(bytes: &[u8], lines: &[&str]) {
    let expected: Vec<Input> = lines.iter().map(|&line| Input::Line(line.to_owned())).collect();
    assert_eq!(feed(&mut mode(), bytes), expected);
    let mut mode = mode();
    let byte_by_byte: Vec<Input> = bytes.chunks(1).flat_map(|byte| feed(&mut mode, byte)).collect();
    assert_eq!(byte_by_byte, expected, "byte by byte");
}

#[test]
fn each_kind_of_line_end_ends_one_line() {
    check(b"a\r\nb\nc\rd\r\r\n\n", &["a", "b", "c", "d", "", ""]);
}

#[test]
fn an_unfinished_line_waits() {
    check(b"look\nno", &["look"]);
}

#[test]
fn backspace_and_delete_edit_and_other_controls_are_dropped() {
    check(b"hi\x08\x08yo\ttab\x07\n", &["yo\ttab"]);
    check(b"\x08\x7fab\x7fc\x1b[A\x00\n", &["ac[A"]);
}

#[test]
fn spaces_and_tabs_are_kept_as_typed() {
    check(b"  two  words \t\n", &["  two  words \t"]);
}

#[test]
fn a_character_of_several_bytes_is_erased_whole() {
    check("caf\u{e9}\u{8}e\n".as_bytes(), &["cafe"]);
    check(
        "\u{1f409}\u{8}x\u{4e2d}\u{4e2d}\u{7f}\n".as_bytes(),
        &["x\u{4e2d}"],
    );
}

#[test]
fn bytes_that_are_not_utf8_are_read_as_latin1() {
    check(b"caf\xe9 \xe4\xb8\xad \xff\n", &["caf\u{e9} \u{4e2d} \u{ff}"]);
    check(b"a\xe9\xe9\x08b\n", &["a\u{e9}b"]);
    check(b"\x85\xc2\x85.\n", &["."]);
}

#[test]
fn telnet_erase_commands_work_on_the_line() {
    let mut mode = mode();
    assert_eq!(feed(&mut mode, b"abc"), []);
    mode.erase_character();
    assert_eq!(feed(&mut mode, b"x\n"), [Input::Line("abx".to_owned())]);
    feed(&mut mode, b"abc");
    mode.erase_line();
    mode.erase_character();
    assert_eq!(feed(&mut mode, b"y\n"), [Input::Line("y".to_owned())]);
}

#[test]
fn a_line_over_the_bound_is_refused_once_and_the_next_one_is_fine() {
    let mut bytes = vec![b'x'; LINE_LEN_MAX];
    bytes.push(b'\n');
    assert_eq!(feed(&mut mode(), &bytes), [Input::Line("x".repeat(LINE_LEN_MAX))]);
    let mut bytes = vec![b'x'; 3 * LINE_LEN_MAX];
    bytes.extend_from_slice(b"\nlook\n");
    assert_eq!(
        feed(&mut mode(), &bytes),
        [Input::TooLong, Input::Line("look".to_owned())]
    );
}

#[test]
fn latin1_bytes_that_grow_past_the_bound_are_refused() {
    let mut bytes = vec![0xE9; LINE_LEN_MAX / 2 + 1];
    bytes.push(b'\n');
    assert_eq!(feed(&mut mode(), &bytes), [Input::TooLong]);
}

#[test]
fn no_memory_is_kept_between_lines() {
    let mut mode = mode();
    feed(&mut mode, b"look around\r\n");
    assert_eq!(mode.line.capacity(), 0);
}

#[test]
fn binary_mode_hands_on_chunks_as_they_come() {
    let mut mode = mode();
    assert_eq!(feed(&mut mode, b"half\t"), []);
    mode.set_binary(true);
    assert_eq!(
        feed(&mut mode, b"\r\n~\xffA"),
        [Input::Chunk("half~09~0D~0A~7E~FFA".to_owned())]
    );
    let long = vec![0; BINARY_CHUNK_MAX + 1];
    let chunks = feed(&mut mode, &long);
    assert_eq!(
        chunks,
        [
            Input::Chunk("~00".repeat(BINARY_CHUNK_MAX)),
            Input::Chunk("~00".to_owned())
        ]
    );
    mode.set_binary(false);
    assert_eq!(feed(&mut mode, b"look\n"), [Input::Line("look".to_owned())]);
}

#[test]
fn binary_strings_leave_printable_characters_alone() {
    assert_eq!(encode_binary(b"a b}~\x7f\x1f\xff"), "a b}~7E~7F~1F~FF");
}

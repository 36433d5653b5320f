//! The bounded output of one client.

use super::*;

fn line(output: &mut Output, text: &str) {
    output.text(text.len() + 2, |out| {
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
    });
}

/// A socket that takes `room` bytes and then blocks.
fn take(output: &mut Output, mut room: usize) -> (String, bool) {
    let mut taken = Vec::new();
    let sent = output
        .send(|slices| {
            let mut count = 0;
            for slice in slices {
                let part = slice.len().min(room);
                taken.extend_from_slice(&slice[..part]);
                (room, count) = (room - part, count + part);
            }
            if count == 0 {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(count)
            }
        })
        .expect("this socket only ever blocks");
    (String::from_utf8(taken).expect("only text was queued"), sent)
}

#[test]
fn lines_go_out_in_order_however_little_the_socket_takes() {
    let mut output = Output::new(1000);
    line(&mut output, "one");
    output.fixed(b"!");
    line(&mut output, "two");
    let mut all = String::new();
    for _ in 0..11 {
        let (part, sent) = take(&mut output, 1);
        assert_eq!(sent, all.len() == 10);
        all += &part;
    }
    assert_eq!(all, "one\r\n!two\r\n");
    assert!(output.is_empty());
}

#[test]
fn an_empty_output_holds_no_memory() {
    let mut output = Output::new(1000);
    line(&mut output, "one");
    take(&mut output, 1000);
    assert_eq!(
        (
            output.bytes.capacity(),
            output.pieces.capacity(),
            output.first.capacity()
        ),
        (0, 0, 0)
    );
}

#[test]
fn past_the_bound_the_oldest_lines_are_lost_and_it_is_said_first() {
    let mut output = Output::new(20);
    for text in ["aaa", "bbb", "ccc", "ddd", "eee", "fff"] {
        line(&mut output, text);
    }
    assert_eq!(output.waiting(), 20);
    let (text, sent) = take(&mut output, 1000);
    assert!(sent);
    let notice = ">> Network buffer overflow: 2 lines of output to you have been lost <<\r\n";
    assert_eq!(text, format!("{notice}ccc\r\nddd\r\neee\r\nfff\r\n"));
}

#[test]
fn a_line_that_has_begun_is_finished_before_the_notice() {
    let mut output = Output::new(20);
    line(&mut output, "aaa");
    line(&mut output, "bbb");
    assert_eq!(take(&mut output, 2), ("aa".to_owned(), false));
    for text in ["ccc", "ddd", "eee"] {
        line(&mut output, text);
    }
    let (text, _) = take(&mut output, 1000);
    let notice = ">> Network buffer overflow: 1 lines of output to you have been lost <<\r\n";
    assert_eq!(text, format!("a\r\n{notice}ccc\r\nddd\r\neee\r\n"));
}

#[test]
fn telnet_commands_survive_an_overflow_in_their_order() {
    let mut output = Output::new(10);
    output.fixed(b"[1]");
    line(&mut output, "aaa");
    output.fixed(b"[2]");
    assert_eq!(output.fixed_waiting(), 6);
    line(&mut output, "bbbbbb");
    let (text, _) = take(&mut output, 1000);
    let notice = ">> Network buffer overflow: 1 lines of output to you have been lost <<\r\n";
    assert_eq!(text, format!("[1][2]{notice}bbbbbb\r\n"));
    assert_eq!(output.fixed_waiting(), 0);
}

#[test]
fn a_text_of_several_lines_counts_each_of_them() {
    let mut output = Output::new(10);
    line(&mut output, "a\r\nb\r\nc");
    line(&mut output, "dddddd");
    let (text, _) = take(&mut output, 1000);
    assert!(text.starts_with(">> Network buffer overflow: 3 lines"), "{text}");
}

#[test]
fn a_long_flood_stays_bounded() {
    let mut output = Output::new(100_000);
    for number in 0..100_000 {
        line(&mut output, &format!("line {number}"));
        assert!(output.waiting() <= 100_000);
        assert!(output.bytes.len() <= 300_000);
    }
    let (text, _) = take(&mut output, usize::MAX);
    let kept = text.lines().count() - 1;
    assert!(
        text.starts_with(&format!(">> Network buffer overflow: {} lines", 100_000 - kept)),
        "{kept}"
    );
    assert!(text.ends_with("line 99999\r\n"));
}

#[test]
fn a_broken_socket_is_told_to_the_caller() {
    let mut output = Output::new(100);
    line(&mut output, "one");
    let error = output
        .send(|_| Err(io::ErrorKind::BrokenPipe.into()))
        .expect_err("the socket is broken");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

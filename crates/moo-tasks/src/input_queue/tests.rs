//! What becomes of lines: flush, out-of-band, held, read, login, program and intrinsic commands, in the order that
//! the reference gives them.

use super::*;

fn line(text: &str, ticket: u64) -> Line {
    Line {
        text: text.into(),
        ticket,
        stored: None,
    }
}

/// A queue of a player that is logged in and has been greeted.
fn player() -> InputQueue {
    let mut queue = InputQueue::new(FLUSH_COMMAND);
    queue.take_up();
    queue.log_in();
    queue.finish();
    queue
}

/// Lets lines arrive, numbered from 1.
fn with(mut queue: InputQueue, lines: &[&str]) -> InputQueue {
    for (text, ticket) in lines.iter().zip(1..) {
        queue.arrive(line(text, ticket));
    }
    queue
}

/// What the next step is, as a word and its text; the step's task ends at once.
fn step(queue: &mut InputQueue) -> Option<(&'static str, String)> {
    let step = queue.take_up()?;
    queue.finish();
    Some(match step {
        Step::Login(line) => ("login", line.text),
        Step::Command { line, .. } => ("command", line.text),
        Step::OutOfBand(line) => ("oob", line.text),
        Step::Read { line, .. } => ("read", line.text),
        Step::Program { program, .. } => ("program", program.lines.join("/")),
        Step::Absorbed(lines) => {
            queue.is_stored();
            ("nothing", lines.len().to_string())
        }
    })
}

#[track_caller]
fn check(mut queue: InputQueue, expected: &[(&'static str, &str)]) {
    let mut steps = Vec::new();
    while let Some(step) = step(&mut queue) {
        steps.push(step);
    }
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, text)| (*kind, (*text).to_owned()))
        .collect();
    assert_eq!(steps, expected);
}

#[test]
fn a_new_connection_is_greeted_by_an_empty_login_line() {
    let queue = with(
        InputQueue::new(FLUSH_COMMAND),
        &["PREFIX x", "  connect me", "", "#$#mcp"],
    );
    check(
        queue,
        &[
            ("login", ""),
            ("login", "PREFIX x"),
            ("login", "  connect me"),
            ("login", ""),
            ("oob", "#$#mcp"),
        ],
    );
}

#[test]
fn one_line_at_a_time() {
    let mut queue = with(player(), &["one", "two"]);
    assert!(matches!(queue.take_up(), Some(Step::Command { line, .. }) if line.ticket == 1));
    assert_eq!(queue.take_up(), None, "the first command has not finished");
    queue.finish();
    assert!(matches!(queue.take_up(), Some(Step::Command { line, .. }) if line.ticket == 2));
}

#[test]
fn blank_lines_and_delimiters_start_nothing() {
    let mut queue = with(
        player(),
        &["   ", "PREFIX << ", "OUTPUTSUFFIX  >>", "prefix x", "look"],
    );
    let steps: Vec<_> = std::iter::from_fn(|| step(&mut queue))
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(steps, ["nothing", "command", "command"]);
    assert_eq!(queue.delimiters(), ("<< ", ">>"));
    let mut queue = with(queue, &["SUFFIX"]);
    assert_eq!(step(&mut queue).map(|(kind, _)| kind), Some("nothing"));
    assert_eq!(queue.delimiters(), ("<< ", ""));
}

#[test]
fn intrinsic_commands_can_be_switched_off() {
    let mut queue = player();
    queue
        .set_option("intrinsic-commands", &Value::strings(["suffix"]))
        .expect("it is one of them");
    let mut queue = with(queue, &["PREFIX a", "SUFFIX b"]);
    let next = queue.take_up();
    assert!(
        matches!(
            next,
            Some(Step::Command {
                may_program: false,
                ..
            })
        ),
        "{next:?}"
    );
    let unknown = Value::strings(["nonsense"]);
    assert_eq!(
        queue.set_option("intrinsic-commands", &unknown),
        Err(ErrorCode::InvArg)
    );
    assert_eq!(
        queue.set_option("no-such-option", &unknown),
        Err(ErrorCode::InvArg)
    );
}

#[test]
fn the_flush_command_jumps_the_queue() {
    let mut queue = with(player(), &["foo", "baz"]);
    let Arrival::Flushed { report, dropped } = queue.arrive(line(".FLUSH", 3)) else {
        panic!("it is the flush command");
    };
    assert_eq!(
        report,
        [
            ">> Flushing the following pending input:",
            ">>     foo",
            ">>     baz",
            ">> (Done flushing)"
        ]
    );
    let tickets: Vec<_> = dropped.iter().map(|line| line.ticket).collect();
    assert_eq!(tickets, [1, 2]);
    assert_eq!(queue.flush().0, [">> No pending input to flush..."]);
    queue
        .set_option("flush-command", &Value::str(""))
        .expect("any string will do");
    assert_eq!(queue.arrive(line(".flush", 4)), Arrival::Queued);
}

#[test]
fn out_of_band_lines_pass_held_input_and_readers() {
    let mut queue = player();
    queue
        .set_option("hold-input", &Value::int(1))
        .expect("it is an option");
    assert_eq!(queue.arrive(line("look", 1)), Arrival::Queued);
    assert_eq!(queue.arrive(line("#$#x", 2)), Arrival::Queued);
    assert_eq!(step(&mut queue), Some(("oob", "#$#x".into())));
    assert_eq!(step(&mut queue), None, "the other line is held");
    assert!(queue.read(7));
    assert!(!queue.read(8), "somebody reads already");
    assert_eq!(step(&mut queue), Some(("read", "look".into())));
    queue.arrive(line(" #$#x", 3));
    queue
        .set_option("hold-input", &Value::int(0))
        .expect("it is an option");
    assert_eq!(
        step(&mut queue),
        Some(("command", " #$#x".into())),
        "leading spaces make it ordinary"
    );
}

#[test]
fn a_quoted_out_of_band_line_is_ordinary() {
    check(with(player(), &["#$\"#$#mcp"]), &[("command", "#$#mcp")]);
    let mut queue = player();
    queue
        .set_option("disable-oob", &Value::int(1))
        .expect("it is an option");
    check(
        with(queue, &["#$#x", "#$\"y"]),
        &[("command", "#$#x"), ("command", "#$\"y")],
    );
}

#[test]
fn a_task_that_was_given_a_line_may_read_the_next_one_before_it_is_taken_up() {
    let mut queue = with(player(), &["one", "two", "three"]);
    queue.read(9);
    assert!(matches!(queue.take_up(), Some(Step::Read { task: 9, .. })));
    assert_eq!(queue.take_up(), None, "the task has not said whether it reads on");
    queue.read(9);
    queue.finish();
    assert!(matches!(queue.take_up(), Some(Step::Read { task: 9, .. })));
    queue.stop_reading(8);
    assert_eq!(queue.take_up(), None, "another task ended, not this one");
    queue.stop_reading(9);
    assert!(matches!(queue.take_up(), Some(Step::Command { line, .. }) if line.text == "three"));
}

#[test]
fn a_reader_gets_lines_as_they_are() {
    let mut queue = player();
    assert!(queue.read(9));
    check(
        with(queue, &[" one", "two  words"]),
        &[("read", " one"), ("command", "two  words")],
    );
    let mut queue = player();
    queue.read(9);
    queue.stop_reading(9);
    check(with(queue, &["", "x"]), &[("nothing", "1"), ("command", "x")]);
}

#[test]
fn held_lines_can_be_taken_and_put_back() {
    let mut queue = player();
    queue
        .set_option("hold-input", &Value::int(1))
        .expect("it is an option");
    let mut queue = with(queue, &["#$#oob", "first", "second"]);
    let first = queue.take_held().expect("a line is held");
    assert_eq!(value_of(&first), Value::str("first"));
    queue.put_back(first);
    assert_eq!(queue.take_held().map(|line| line.ticket), Some(2));
    assert_eq!(queue.take_held().map(|line| line.ticket), Some(3));
    assert_eq!(queue.take_held(), None);
}

#[test]
fn a_program_is_collected_up_to_its_dot() {
    let mut queue = player();
    queue.start_programming(Programming {
        obj: Obj(3),
        verb: 1,
        lines: Vec::new(),
        stored: Vec::new(),
    });
    check(
        with(queue, &["a = 1;", "", "PREFIX x", " .", ".", "look"]),
        &[
            ("nothing", "4"),
            ("program", "a = 1;//PREFIX x/ ."),
            ("command", "look"),
        ],
    );
}

#[test]
fn forced_lines_go_where_they_are_asked_to() {
    let mut queue = with(player(), &["typed"]);
    queue.push("last".into(), 1, false);
    queue.push("first".into(), -1, true);
    check(
        queue,
        &[("command", "first"), ("command", "typed"), ("command", "last")],
    );
}

#[test]
fn too_much_waiting_holds_the_sender_back() {
    let mut queue = player();
    let text = "x".repeat(1_000);
    while !queue.is_full() {
        queue.arrive(line(&text, 1));
    }
    assert!(queue.pending_bytes() > PENDING_BYTES_MAX);
    queue.take_up();
    assert!(!queue.is_full());
}

#[test]
fn held_lines_past_the_bound_wait_for_their_answers() {
    let mut queue = player();
    queue.options.hold_input = true;
    let long = "x".repeat(PENDING_BYTES_MAX / 4);
    (1..=20).for_each(|ticket| drop(queue.arrive(line(&long, ticket))));
    let answered: Vec<_> = queue.keep().iter().map(|kept| kept.ticket).collect();
    assert_eq!(answered, [1, 2, 3, 4], "four fill the queue");
    queue.is_stored();
    assert_eq!(queue.keep(), [], "the others wait for room");
}

#[test]
fn a_program_without_end_stops_growing() {
    let mut queue = player();
    queue.start_programming(Programming {
        obj: Obj(3),
        verb: 1,
        lines: Vec::new(),
        stored: Vec::new(),
    });
    let long = "x".repeat(60_000);
    for ticket in 1..=200 {
        queue.arrive(line(&long, ticket));
        step(&mut queue);
    }
    let kept: usize = queue
        .programming
        .iter()
        .flat_map(|p| &p.lines)
        .map(String::len)
        .sum();
    assert!(kept <= PROGRAM_BYTES_MAX, "{kept}");
}

#[test]
fn held_lines_are_stored_before_anything_takes_them() {
    let mut queue = player();
    queue.options.hold_input = true;
    let mut queue = with(queue, &["one", "#$#oob", "two"]);
    let kept = queue.keep();
    let told: Vec<_> = kept
        .iter()
        .map(|kept| (kept.ticket, kept.text.as_str()))
        .collect();
    assert_eq!(told, [(1, "one"), (3, "two")]);
    assert_eq!(queue.take_held(), None, "they are not stored yet");
    queue.is_stored();
    let taken = queue.take_held().expect("a line is held");
    assert_eq!((taken.ticket, taken.stored), (0, Some(kept[0].number)));
    let (_, dropped) = queue.flush();
    assert_eq!(
        dropped.iter().map(|line| line.stored).collect::<Vec<_>>(),
        [None, Some(kept[1].number)]
    );
}

#[test]
fn nothing_is_taken_up_before_what_was_taken_in_is_stored() {
    let mut queue = with(player(), &["PREFIX x", "look"]);
    let Some(Step::Absorbed(lines)) = queue.take_up() else {
        panic!("a delimiter starts nothing");
    };
    assert_eq!(lines.iter().map(|line| line.ticket).collect::<Vec<_>>(), [1]);
    assert_eq!(queue.take_up(), None);
    assert!(!queue.store(), "something is being stored");
    queue.is_stored();
    assert_eq!(step(&mut queue), Some(("command", "look".into())));
}

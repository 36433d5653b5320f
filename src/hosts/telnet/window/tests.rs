//! Flow control of one client's lines.

use super::*;

fn open() -> Window {
    let mut window = Window::default();
    window.set_daemon(Daemon::There);
    window
}

fn push(window: &mut Window, numbers: std::ops::Range<usize>) {
    for number in numbers {
        window
            .push(number.to_string(), true)
            .expect("nothing is refused while the daemon is there");
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[test]
fn lines_leave_in_order_and_never_more_than_the_window() {
    let mut window = open();
    push(&mut window, 0..LINES_UNANSWERED_MAX + 5);
    assert_eq!(window.take(), numbers(0..LINES_UNANSWERED_MAX));
    assert_eq!(window.take(), numbers(0..0));
    assert!(!window.wants_more());
    window.answered(3);
    assert_eq!(
        window.take(),
        numbers(LINES_UNANSWERED_MAX..LINES_UNANSWERED_MAX + 3)
    );
    window.answered(LINES_UNANSWERED_MAX);
    assert!(!window.wants_more(), "two lines still wait");
    assert_eq!(window.take().len(), 2);
    assert!(window.wants_more());
}

#[test]
fn nothing_leaves_and_little_is_read_before_the_daemon_knows_the_connection() {
    let mut window = Window::default();
    assert!(window.wants_more());
    push(&mut window, 0..HELD_LINES_MAX + 1);
    assert_eq!(window.take(), numbers(0..0));
    assert!(!window.wants_more());
    window.set_daemon(Daemon::There);
    assert_eq!(window.take(), numbers(0..LINES_UNANSWERED_MAX));
}

#[test]
fn while_the_daemon_is_away_lines_are_kept_up_to_a_bound() {
    let mut window = open();
    push(&mut window, 0..1);
    assert_eq!(window.take().len(), 1);
    window.set_daemon(Daemon::Away);
    push(&mut window, 1..1 + HELD_LINES_MAX);
    assert!(window.wants_more());
    assert_eq!(window.push("one more".to_owned(), true), Err(Full));
    assert_eq!(window.take(), numbers(0..0));
    window.set_daemon(Daemon::There);
    assert_eq!(
        window.take().len(),
        LINES_UNANSWERED_MAX - 1,
        "one line is still unanswered"
    );
}

#[test]
fn the_bytes_that_are_kept_are_bounded_too() {
    let mut window = Window::default();
    window.set_daemon(Daemon::Away);
    assert_eq!(window.push("x".repeat(HELD_BYTES_MAX), true), Ok(()));
    assert_eq!(window.push("y".to_owned(), true), Err(Full));
    window.clear();
    assert_eq!(window.push("y".to_owned(), true), Ok(()));
}

#[test]
fn forced_lines_may_go_first_and_the_last_words_of_a_client_all_go() {
    let mut window = open();
    push(&mut window, 1..LINES_UNANSWERED_MAX + 9);
    window.push_front("0".to_owned());
    assert_eq!(window.take_all(), numbers(0..LINES_UNANSWERED_MAX + 9));
}

#[test]
fn a_host_that_keeps_too_much_for_others_keeps_nothing_more_while_the_daemon_is_away() {
    let mut window = open();
    assert_eq!(window.push("one".to_owned(), false), Ok(()));
    window.set_daemon(Daemon::Away);
    assert_eq!(window.push("two".to_owned(), false), Err(Full));
    assert_eq!(window.push("two".to_owned(), true), Ok(()));
    assert_eq!(window.waiting_bytes(), 6);
}

//! Faults of the wire between host and daemon: messages that are lost, doubled, late or damaged on their way.

use crate::support::checker::Answers;
use crate::support::fault_proxy::{Act, Rule, Socket, Way, Which};
use crate::support::ledger::{self, pour};
use crate::support::lone::Lone;
use crate::support::peer::{Peer, token_of};
use crate::support::random::Random;
use crate::support::telnet::Telnet;
use crate::support::worlds::{hall_character, hall_wizard};
use crate::support::{BUSY, DEADLINE, GLANCE, wait_for};
use moothall::protocol::header::{VERSION, VERSION_MIN};
use moothall::protocol::host::{DaemonToHostReply, RejectReason};
use moothall::protocol::{Family, HostId};
use std::time::{Duration, Instant};

/// After a lost tail: the next heads and the wait for what may still come, and some time for a busy machine.
const TAIL: Duration = BUSY.saturating_add(Duration::from_millis(2_200));

/// Messages in each of which one byte is another: fewer than a link that sends nothing else is cut off for.
const FLIPS: usize = 12;

/// Where the body of a frame begins.
const HEADER_LEN: usize = 24;

const EVENTS: Which = Which::Of(Family::Event);

/// A daemon, a host, and the wizard of the hall with the ledger.
fn scene() -> (Lone, Telnet) {
    let lone = Lone::start(2_026, &[]);
    let mut wizard = hall_wizard(&lone);
    ledger::make(&mut wizard);
    (lone, wizard)
}

/// That many lines all come, once each and in order.
#[track_caller]
fn all_lines_come(lone: &Lone, player: &mut Telnet, count: u64) {
    let (lines, took) = pour(player, count, TAIL);
    let tally = lines.tally(count);
    assert!(
        tally.is_clean(),
        "{tally}, after {took:?}; {} faults",
        lone.proxy.hits()
    );
}

/// One entry more is asked for, and is in the ledger once.
#[track_caller]
fn one_effect(player: &mut Telnet, answers: &mut Answers, patience: Duration) {
    answers.asked += 1;
    let answer = format!("kept {}", answers.asked);
    player.send(&format!("append 1 {}", answers.asked));
    let end = Instant::now() + patience;
    while let Some(line) = player.next_line(end.saturating_duration_since(Instant::now())) {
        if line == answer {
            answers.answered.insert(answers.asked);
            return;
        }
    }
    panic!("no {answer:?} came in {patience:?}");
}

#[test]
fn f21_one_event_in_a_hundred_is_lost_and_every_line_comes() {
    let (lone, mut wizard) = scene();
    lone.proxy.set(vec![Rule::some(10, EVENTS, Act::Lose)]);
    all_lines_come(&lone, &mut wizard, 600);
    assert!(lone.proxy.hits() > 0, "nothing was lost, so nothing was shown");
}

#[test]
fn f21_every_second_event_is_lost_and_every_line_comes() {
    let (lone, mut wizard) = scene();
    lone.proxy.set(vec![Rule::some(500, EVENTS, Act::Lose)]);
    all_lines_come(&lone, &mut wizard, 300);
}

#[test]
fn f21_all_events_are_lost_for_ten_seconds_and_every_line_comes() {
    let (lone, mut wizard) = scene();
    lone.proxy.set(vec![Rule::all(EVENTS, Act::Lose)]);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        // Heads and replays alone bring them.
        all_lines_come(&lone, &mut wizard, 50);
    }
    assert!(lone.proxy.hits() >= 50, "events came, so nothing was shown");
    lone.proxy.clear();
    all_lines_come(&lone, &mut wizard, 50);
}

#[test]
fn f21_a_lost_tail_comes_with_the_next_heads() {
    let (lone, mut wizard) = scene();
    lone.proxy.set(vec![Rule::next(1, EVENTS, Act::Lose)]);
    let asked = Instant::now();
    wizard.send("pour 1");
    let tally = ledger::hear(&mut wizard, 1, TAIL).tally(1);
    assert!(tally.is_clean(), "{tally} after {:?}", asked.elapsed());
    assert_eq!(lone.proxy.hits(), 1);
}

#[test]
fn f22_a_lost_command_and_a_lost_answer_are_made_good_and_have_one_effect() {
    let (lone, mut wizard) = scene();
    let mut answers = Answers::default();
    for lost in ["Command", "TaskSubmitted"] {
        lone.proxy.set(vec![Rule::next(1, Which::Named(lost), Act::Lose)]);
        one_effect(&mut wizard, &mut answers, DEADLINE);
        one_effect(&mut wizard, &mut answers, DEADLINE);
    }
    assert_eq!(lone.proxy.hits(), 2);
    assert_eq!(ledger::read(&mut wizard), [(1, 1), (1, 2), (1, 3), (1, 4)]);
}

#[test]
fn f23_doubled_and_late_messages_are_put_right() {
    let (lone, mut wizard) = scene();
    let ms = Duration::from_millis;
    lone.proxy.set(vec![
        Rule::some(300, EVENTS, Act::Twice(ms(30))),
        Rule::some(200, EVENTS, Act::Late(ms(60))),
        Rule::some(500, Which::Named("Command"), Act::Twice(ms(20))),
        Rule::some(500, Which::Named("TaskSubmitted"), Act::Twice(ms(20))),
        Rule::some(500, Which::Named("ReplayChunk"), Act::Late(ms(150))),
    ]);
    all_lines_come(&lone, &mut wizard, 300);
    let mut answers = Answers::default();
    for _ in 0..30 {
        one_effect(&mut wizard, &mut answers, DEADLINE);
    }
    lone.proxy.clear();
    let expected: Vec<(usize, u64)> = (1..=30).map(|number| (1, number)).collect();
    assert_eq!(ledger::read(&mut wizard), expected);
}

/// Ways to damage a message, each of which its reader must notice.
fn damages() -> Vec<(&'static str, Act)> {
    vec![
        ("an overwritten header", Act::Overwrite(0, vec![0xFF; 4])),
        ("a body cut off", Act::Cut(44)),
        ("a header cut off", Act::Cut(11)),
        ("trailing bytes", Act::Append(vec![1, 2, 3])),
        (
            "another variant than the header says",
            Act::Overwrite(40, vec![200]),
        ),
        ("more than its kind may have", Act::Append(vec![0; 2 << 20])),
    ]
}

#[test]
fn f24_damaged_events_are_noticed_and_asked_for_again() {
    let (lone, mut wizard) = scene();
    for (what, act) in damages() {
        lone.proxy.set(vec![Rule::next(2, EVENTS, act)]);
        let hits = lone.proxy.hits();
        let (lines, took) = pour(&mut wizard, 20, TAIL);
        let tally = lines.tally(20);
        assert!(tally.is_clean(), "{what}: {tally} after {took:?}");
        assert_eq!(lone.proxy.hits(), hits + 2, "{what}");
    }
}

#[test]
fn f24_damaged_commands_are_noticed_and_sent_again_or_refused_in_words() {
    let (lone, mut wizard) = scene();
    let mut kept = Vec::new();
    for (number, (what, act)) in (1..).zip(damages()) {
        lone.proxy.set(vec![Rule::next(1, Which::Named("Command"), act)]);
        wizard.send(&format!("append 1 {number}"));
        let end = Instant::now() + DEADLINE;
        let said = loop {
            let line = wizard.next_line(end.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|| panic!("{what}: neither done nor refused"));
            if line.starts_with("kept ") || line.contains("did not understand") {
                break line;
            }
        };
        if said == format!("kept {number}") {
            kept.push((1, number));
        }
    }
    lone.proxy.clear();
    assert_eq!(ledger::read(&mut wizard), kept);
}

#[test]
fn f24_a_host_that_sends_nothing_but_damage_is_cut_off_for_a_while() {
    let (lone, mut wizard) = scene();
    let damaged = Rule::next(25, Which::Named("Command"), Act::Overwrite(40, vec![200]));
    lone.proxy.set(vec![damaged]);
    for _ in 0..25 {
        wizard.send("look");
    }
    wait_for("the host to be cut off", || {
        lone.log().contains("is cut off").then_some(())
    });
    lone.proxy.clear();
    // It learns of it by its next message, and is taken back when its time is over.
    let end = Instant::now() + Duration::from_secs(100);
    while lone.log().matches("a host is there").count() < 2 {
        assert!(Instant::now() < end, "the host was not taken back");
        wizard.next_line(GLANCE);
    }
    all_lines_come(&lone, &mut hall_wizard(&lone), 20);
}

#[test]
fn f25_bits_that_turn_over_unnoticed_end_no_process_and_hang_nobody_else() {
    let (lone, mut wizard) = scene();
    wizard.eval("$limits.characters_an_hour = 10000");
    let mut random = Random::new(25);
    for round in 0..FLIPS {
        let which = [EVENTS, Which::Named("Command")][round % 2].clone();
        let mut other = hall_character(&lone, &format!("Other{round}"));
        // Somewhere behind the header, in what is a frame all the same.
        let act = Act::Overwrite(HEADER_LEN + random.below(60), random.bytes(1));
        let hits = lone.proxy.hits();
        lone.proxy.set(vec![Rule::next(1, which, act)]);
        wait_for("something to be damaged", || {
            other.send("look");
            other.read_to_end(GLANCE);
            (lone.proxy.hits() > hits || other.is_closed()).then_some(())
        });
        lone.proxy.clear();
        wizard.check("append 1 1", &["kept 1"]);
    }
    all_lines_come(&lone, &mut wizard, 20);
    assert!(!lone.log().contains("panicked"));
}

#[test]
fn f26_a_message_of_an_unknown_kind_is_answered_and_the_link_lives() {
    let (lone, mut wizard) = scene();
    let unknown = Act::Overwrite(4, vec![0xEE, 0x7F]);
    lone.proxy
        .set(vec![Rule::next(1, Which::Named("HostPong"), unknown)]);
    wait_for("a refusal", || (lone.proxy.seen("Unsupported") > 0).then_some(()));
    lone.proxy.clear();
    all_lines_come(&lone, &mut wizard, 20);
}

#[test]
fn f26_a_host_of_another_version_is_taken_where_both_speak_one_and_refused_by_name_else() {
    let lone = Lone::without_host(26, &[]);
    let host = HostId([0x26; 16]);
    let token = token_of(&lone.data(), host, "telnet");
    let mut peer = Peer::local(&lone.data(), host);
    for (versions, has_one) in [
        ((VERSION_MIN, VERSION), true),
        ((VERSION, VERSION + 1), true),
        ((0, VERSION_MIN), true),
        ((VERSION + 1, VERSION + 2), false),
        ((0, VERSION_MIN - 1), false),
    ] {
        peer.versions = versions;
        match peer.hello(&token) {
            DaemonToHostReply::Welcome { version, .. } if has_one => assert_eq!(version, VERSION),
            DaemonToHostReply::Reject {
                reason: RejectReason::BadVersion,
                ..
            } if !has_one => {}
            other => panic!("{versions:?}: {other:?}"),
        }
    }
}

#[test]
fn f27_a_value_nested_too_deep_is_refused_by_name() {
    let (lone, mut wizard) = scene();
    let deep = 20_000;
    let literal = format!(";{}{}", "{".repeat(deep), "}".repeat(deep));
    let said = wizard.command(&literal).join("\n");
    assert!(said.contains("deep") || said.contains("nest"), "{said}");
    let built = wizard.command(";;x = {}; for i in [1..5000] x = {x}; endfor $ledger.rows = x;");
    assert!(built.join("\n").contains("Resource limit exceeded"), "{built:?}");
    all_lines_come(&lone, &mut wizard, 20);
}

#[test]
fn f28_no_client_is_greeted_before_the_events_can_come() {
    let mut lone = Lone::without_host(2_026, &[]);
    lone.proxy.set(vec![Rule::all(
        Which::All(Socket::Events, Way::ToDaemon),
        Act::Hold,
    )]);
    lone.start_host();
    let mut early = lone.connect("early");
    // All that may be said is that the server is away.
    for line in early.read_to_end(Duration::from_secs(3)) {
        assert!(
            line.starts_with("***"),
            "greeted without a way for events: {line}"
        );
    }
    assert_eq!(lone.proxy.seen("ConnectionEstablish"), 0);
    lone.proxy.clear();
    early.expect("Welcome");
    early.send("connect Wizard");
    early.expect("***");
}

#[test]
fn f28_a_host_whose_events_have_stopped_says_hello_again() {
    let (lone, mut wizard) = scene();
    let hellos = lone.proxy.seen("Hello");
    lone.proxy.set(vec![Rule::all(
        Which::All(Socket::Events, Way::ToHost),
        Act::Lose,
    )]);
    let silent = Instant::now();
    wait_for("another hello", || {
        (lone.proxy.seen("Hello") > hellos).then_some(())
    });
    let after = silent.elapsed();
    assert!(
        (Duration::from_secs(5)..Duration::from_secs(9)).contains(&after),
        "the hello came after {after:?}"
    );
    lone.proxy.clear();
    // The host may just be saying hello; a line typed meanwhile is kept.
    all_lines_come(&lone, &mut wizard, 20);
}

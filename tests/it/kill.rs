//! kill -9 of every process at random moments under load: every answered command is kept, none runs twice, and
//! suspended tasks run on.
//!
//! `MOOTHALL_KILL_ROUNDS` sets how many kills (8 if nothing is said), `MOOTHALL_KILL_SEED` which and when.

use crate::support::checker::{Answers, check, entries};
use crate::support::ledger;
use crate::support::random::Random;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::worlds::{PASSWORD, hall_character, hall_wizard};
use crate::support::{number_from, wait_for};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// How many clients write at once.
const CLIENTS: usize = 4;

/// The most entries that are answered in one round before something is killed.
const ANSWERS_MAX: usize = 100;

/// How long a client waits after the kill for an answer that may be on its way.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The longest pause between two looks at a connection.
const PATIENCE: Duration = Duration::from_millis(50);

/// What all clients of one round share.
struct Round {
    address: SocketAddr,
    answered: AtomicUsize,
    over: AtomicBool,
}

/// One client of one round: writes entries one after the other, each after the answer to the last.
fn write_entries(client: usize, answers: &mut Answers, round: &Round) {
    while !round.over.load(Ordering::SeqCst) {
        let Some(mut telnet) = log_in(client, round) else {
            continue;
        };
        while write_entry(client, answers, &mut telnet, round) {}
    }
}

/// A connection that is logged in; none if the round is over or the connection ends before.
fn log_in(client: usize, round: &Round) -> Option<Telnet> {
    let mut telnet = Telnet::try_connect(round.address, &format!("Client{client}")).ok()?;
    telnet.send(&format!("connect Client{client} {PASSWORD}"));
    loop {
        match telnet.next_line(PATIENCE) {
            Some(line) if line.starts_with("*** Connected") || line.starts_with("*** Redirecting old") => {
                return Some(telnet);
            }
            None if telnet.is_closed() || round.over.load(Ordering::SeqCst) => return None,
            _ => {}
        }
    }
}

/// Asks for one more entry and waits for the answer. False when this connection is of no more use.
fn write_entry(client: usize, answers: &mut Answers, telnet: &mut Telnet, round: &Round) -> bool {
    if round.over.load(Ordering::SeqCst) {
        return false;
    }
    answers.asked += 1;
    telnet.send(&format!("append {client} {}", answers.asked));
    let answer = format!("kept {}", answers.asked);
    let mut last_words = false;
    loop {
        match telnet.next_line(if last_words { LAST_WORDS } else { PATIENCE }) {
            Some(line) if line == answer => {
                answers.answered.insert(answers.asked);
                round.answered.fetch_add(1, Ordering::SeqCst);
                return true;
            }
            Some(_) => {}
            None if telnet.is_closed() || last_words => return false,
            None => last_words = round.over.load(Ordering::SeqCst),
        }
    }
}

/// Lets the clients write, kills one program after so many answers, and has the server whole again.
fn play_round(server: &mut Server, clients: &mut BTreeMap<usize, Answers>, victim: &str, answers: usize) {
    let round = Round {
        address: server.telnet(),
        answered: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        for (client, known) in clients.iter_mut() {
            let round = &round;
            scope.spawn(move || write_entries(*client, known, round));
        }
        wait_for("entries to be answered", || {
            (round.answered.load(Ordering::SeqCst) >= answers).then_some(())
        });
        server.kill9(victim);
        round.over.store(true, Ordering::SeqCst);
    });
    if victim == "moothall" {
        server.start_again();
    }
}

#[test]
fn what_was_answered_survives_kills_and_nothing_happens_twice() {
    let rounds = number_from("MOOTHALL_KILL_ROUNDS", 8);
    let seed = number_from("MOOTHALL_KILL_SEED", 2_026);
    let mut random = Random::new(seed);
    let many = "1000000";
    let mut server = Server::start(Options::default().with("MOOTHALL_PROCESSES_RESTARTS_MAX", many));
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    ledger::count_for_ever(&mut wizard);
    drop(wizard);
    for client in 0..CLIENTS {
        drop(hall_character(&server, &format!("Client{client}")));
    }
    let mut clients: BTreeMap<usize, Answers> =
        (0..CLIENTS).map(|client| (client, Answers::default())).collect();
    let programs = ["moothall-daemon", "moothall-telnet", "moothall"];
    for number in 0..rounds {
        // Each program has its turn, in a random order from then on.
        let turn = usize::try_from(number).unwrap_or_default();
        let victim = programs[if turn < programs.len() {
            turn
        } else {
            random.below(programs.len())
        }];
        let answers = 1 + random.below(ANSWERS_MAX);
        eprintln!("seed {seed}, round {number}: kill {victim} after {answers} answers");
        play_round(&mut server, &mut clients, victim, answers);
        let mut wizard = hall_wizard(&server);
        if let Err(problem) = check(&entries(&wizard.eval("$ledger.rows")), &clients) {
            panic!("seed {seed}, round {number}, after the kill of {victim}: {problem}");
        }
        let count: u64 = wizard.eval("$ledger.count").parse().unwrap();
        wait_for("the counting task to run on", || {
            let now: u64 = wizard.eval("$ledger.count").parse().unwrap();
            (now > count).then_some(())
        });
        assert_eq!(wizard.eval("length(queued_tasks())"), "1");
    }
    let kept: usize = clients.values().map(|answers| answers.answered.len()).sum();
    eprintln!("{rounds} kills, {kept} answered entries, none lost and none twice");
}

//! F03: the web host is killed again and again before a crowd that talks in numbered messages while the world tells it
//! numbered events. Everybody comes back by `Resume`, sends once more what was not answered, and the checker finds that
//! nothing was lost or doubled.
//!
//! `MOOTHALL_WEB_KILLS` sets how often it is killed (3), `MOOTHALL_WEB_CLIENTS` before how many clients (200).

use crate::support::checker::{Answers, Lines, check, numbered};
use crate::support::crowd::{Crowd, JOIN};
use crate::support::ledger;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::web::Web;
use crate::support::worlds::{hall_character, hall_wizard};
use crate::support::{BUSY, DEADLINE, number_from, wait_for};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Until the next host has let the first client in.
const BACK_MAX: Duration = Duration::from_millis(500);

/// Events that the world tells a second, counted for each who hears them: the more are there, the longer are its pauses.
/// How much a server can tell is measured elsewhere; here nobody is to wait for that.
const DELIVERIES_PER_SECOND: u32 = 2_000;

/// Clients that come, or come back, at the same time.
const AT_ONCE: usize = 16;

/// Clients that come before all who are there read again. A client that reads nothing for a minute is closed, as it
/// should be.
const ARRIVALS: usize = 250;

/// Messages that a client sends before each kill. Not all of them are answered by then.
const MESSAGES: u64 = 2;

/// One client and all it knows.
struct Client {
    number: usize,
    web: Web,
    answers: Answers,
    /// Its messages that were not answered, by their numbers.
    unanswered: BTreeMap<u64, Json>,
    /// What the world said in answer to its messages, and to everybody.
    kept: Lines,
    events: Lines,
}

impl Client {
    /// Somebody without a password, who says by itself what it has.
    #[track_caller]
    fn join(address: SocketAddr, number: usize) -> Client {
        let mut web = Web::open(address);
        web.tell(json!({"type": "Command", "line": JOIN}));
        let player = web.find("its player", |message| {
            (message["type"] == "Player").then(|| message.clone())
        });
        web.session = player["session"].as_str().expect("a session").to_owned();
        let mut client = Client {
            number,
            web,
            answers: Answers::default(),
            unanswered: BTreeMap::new(),
            kept: Lines::default(),
            events: Lines::default(),
        };
        client.web.next = 2;
        client.acknowledge();
        client
    }

    fn acknowledge(&mut self) {
        let ack = json!({"type": "Ack", "pos": self.web.pos});
        self.web.send_text(&ack.to_string());
    }

    /// Sends one numbered message more.
    fn ask(&mut self) {
        self.answers.asked += 1;
        let n = self.web.next;
        self.web.next += 1;
        let line = format!("append {} {}", self.number, self.answers.asked);
        let message = json!({"type": "Command", "id": format!("n{n}"), "n": n, "line": line});
        self.web.send_text(&message.to_string());
        self.unanswered.insert(n, message);
    }

    /// Takes note of all that has come since it last did.
    fn listen(&mut self) {
        self.web.read_all();
        for message in std::mem::take(&mut self.web.seen) {
            assert_ne!(message["type"], "Gap", "client {}: {message}", self.number);
            if message["type"] == "Ok"
                && let Some(n) = message["n"].as_u64()
            {
                self.unanswered.remove(&n);
            }
            for line in message["lines"].as_array().into_iter().flatten() {
                let text = line["text"].as_str().unwrap_or_default();
                if let Some(number) = numbered(text, "kept ") {
                    self.kept.hear(number);
                    self.answers.answered.insert(number);
                } else if let Some(number) = numbered(text, "event ") {
                    self.events.hear(number);
                }
            }
        }
    }

    /// Comes back, and sends again what was not answered, under the numbers it had.
    #[track_caller]
    fn come_back(&mut self, address: SocketAddr) {
        self.listen();
        let (web, welcome) = self.web.come_back(address);
        assert_eq!(
            (&welcome["how"], &welcome["recovered"]),
            (&json!("resumed"), &json!(true)),
            "client {}: {welcome}",
            self.number
        );
        let next = self.web.next;
        self.web = web;
        self.web.next = next;
        let unanswered: Vec<String> = self.unanswered.values().map(Json::to_string).collect();
        unanswered.iter().for_each(|message| self.web.send_text(message));
    }
}

/// So many clients, of whom none is left alone while others come.
fn arrive(address: SocketAddr, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = Vec::with_capacity(count);
    while clients.len() < count {
        let numbers: Vec<usize> = (clients.len()..count.min(clients.len() + ARRIVALS)).collect();
        let join = |numbers: &[usize]| -> Vec<Client> {
            let join = |&number| Client::join(address, number);
            numbers.iter().map(join).collect()
        };
        let part = numbers.len().div_ceil(AT_ONCE);
        let joined: Vec<Vec<Client>> = std::thread::scope(|scope| {
            let parts = numbers.chunks(part);
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || join(part))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        clients.extend(joined.into_iter().flatten());
        clients.iter_mut().for_each(Client::listen);
    }
    clients
}

/// All come back; gives how long that took since the kill for the first of them, and for the last.
fn come_back(clients: &mut [Client], address: SocketAddr, killed: Instant) -> (Duration, Duration) {
    let part = clients.len().div_ceil(AT_ONCE);
    let took: Vec<Duration> = std::thread::scope(|scope| {
        let play = |part: &mut [Client]| -> Vec<Duration> {
            let back = |client: &mut Client| {
                client.come_back(address);
                killed.elapsed()
            };
            part.iter_mut().map(back).collect()
        };
        let parts = clients.chunks_mut(part);
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || play(part))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let (first, last) = (took.iter().min(), took.iter().max());
    (*first.expect("somebody came"), *last.expect("somebody came"))
}

/// All of these read until this holds for each of them.
#[track_caller]
fn until(clients: &mut [Client], what: &str, holds: impl Fn(&Client) -> bool) {
    wait_for(what, || {
        clients.iter_mut().for_each(Client::listen);
        clients.iter().all(&holds).then_some(())
    });
}

/// Has the world tell everybody numbered events until it is told to stop, and count the hooks that say that somebody has
/// gone.
fn start_events(wizard: &mut Telnet, clients: usize) {
    let pause_s = clients as f64 / f64::from(DELIVERIES_PER_SECOND);
    for name in ["tick", "over", "left"] {
        wizard.eval(&format!(
            "add_property($ledger, \"{name}\", 0, {{player, \"r\"}})"
        ));
    }
    let counts = "{\"if (valid(args[1])) $ledger.left = $ledger.left + 1; endif\"}";
    assert_eq!(
        wizard.eval(&format!("set_verb_code(#0, \"user_disconnected\", {counts})")),
        "{}"
    );
    wizard.check(
        &format!(
            ";;fork (0) while (!$ledger.over) $ledger.tick = $ledger.tick + 1; for p in (connected_players()) \
             notify(p, tostr(\"event \", $ledger.tick)); endfor suspend({pause_s:.3}); endwhile endfork"
        ),
        &["=> 0"],
    );
}

/// Stops the events; gives the last one.
fn stop_events(wizard: &mut Telnet) -> u64 {
    wizard.eval("$ledger.over = 1");
    wait_for("the last event", || {
        (wizard.eval("queued_tasks()") == "{}").then_some(())
    });
    wizard.eval("$ledger.tick").parse().expect("a number")
}

#[test]
fn f03_a_crowd_comes_back_to_a_killed_web_host_and_misses_and_doubles_nothing() {
    let kills = number_from("MOOTHALL_WEB_KILLS", 3);
    let count = usize::try_from(number_from("MOOTHALL_WEB_CLIENTS", 200)).expect("a size");
    let options = Options::web()
        // Each kill is to be answered like the first one, not like a crash loop.
        .with("MOOTHALL_PROCESSES_RESTART_WINDOW_S", 1)
        .with("MOOTHALL_PROCESSES_RESTARTS_MAX", 1_000);
    let mut server = Server::start(options);
    let address = server.web();
    let mut wizard = hall_wizard(&server);
    ledger::make_for_crowd(&mut wizard);
    Crowd::open_door(&mut wizard);
    let mut clients = arrive(address, count);
    start_events(&mut wizard, count);
    let (mut slowest, mut last_back) = (Duration::ZERO, Duration::ZERO);
    for round in 1..=kills {
        for _ in 0..MESSAGES {
            clients.iter_mut().for_each(Client::ask);
        }
        // The first has an answer, of the others some were heard and some were not.
        until(&mut clients[..1], "an answer", |client| {
            client.kept.has(round * MESSAGES)
        });
        let killed = Instant::now();
        server.kill9("moothall-web");
        let (first, last) = come_back(&mut clients, address, killed);
        (slowest, last_back) = (slowest.max(first), last_back.max(last));
        until(&mut clients, "all answers", |client| {
            client.unanswered.is_empty() && client.kept.has(round * MESSAGES)
        });
        clients.iter_mut().for_each(Client::acknowledge);
    }
    let last = stop_events(&mut wizard);
    until(&mut clients, "the last event", |client| client.events.has(last));
    eprintln!(
        "f03: {kills} kills, {count} clients, {last} events; one was back after {slowest:?} at most, all after {last_back:?}"
    );
    for client in &clients {
        for (lines, said) in [(&client.kept, kills * MESSAGES), (&client.events, last)] {
            let tally = lines.tally(said);
            assert!(tally.is_clean(), "client {}: {tally}", client.number);
        }
    }
    let answers = clients.into_iter().map(|client| (client.number, client.answers));
    let entries = ledger::read_of_crowd(&mut wizard);
    check(&entries, &answers.collect()).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(
        wizard.eval("$ledger.left"),
        "0",
        "a hook said that somebody had gone"
    );
    assert!(slowest <= BACK_MAX + BUSY, "back after {slowest:?}");
}

/// Says this to Ear, under this id, which may have been used before, and no number; gives the answer.
#[track_caller]
fn tell_ear(web: &mut Web, id: &str, words: &str) -> Json {
    let from = json!({"type": "User", "id": web.name, "session": web.session});
    let to = json!({"type": "User", "id": "Ear"});
    let message = json!({"type": "DirectMessage", "id": id, "from": from, "to": to, "message": words});
    let before = web.seen.len();
    web.send_text(&message.to_string());
    wait_for("an answer", || {
        let is_answer = |heard: &&Json| heard["id"] == id && heard["type"] != "Done";
        let answer = web.seen[before..].iter().find(is_answer).cloned();
        if answer.is_none() {
            web.read();
        }
        answer
    })
}

#[test]
fn f03_a_message_that_is_known_by_its_id_alone_takes_effect_once_at_the_next_host_and_in_the_next_daemon() {
    let mut server = Server::start(Options::web());
    let address = server.web();
    let mut ear = hall_character(&server, "Ear");
    let mut ann = Web::character(address, "Ann");
    let first = tell_ear(&mut ann, "m-1", "one of one");
    assert_eq!(
        (&first["type"], &first["duplicate"]),
        (&json!("Ok"), &Json::Null),
        "{first}"
    );
    ear.expect("one of one");
    server.kill9("moothall-web");
    let (mut ann, _) = ann.come_back(address);
    server.kill9("moothall-daemon");
    for _ in 0..2 {
        let again = tell_ear(&mut ann, "m-1", "one of one");
        assert_eq!(
            (&again["duplicate"], &again["task"], &again["n"]),
            (&json!(true), &first["task"], &first["n"]),
            "{again}"
        );
        // Its number is used up, and none is missing for what comes next.
        assert_eq!(ann.types("look")["ok"], true);
    }
    // Nor when nobody is left who knows but the store.
    server.kill9("moothall-web");
    server.kill9("moothall-daemon");
    let (mut ann, welcome) = ann.come_back(address);
    assert_eq!(welcome["recovered"], true, "{welcome}");
    for number in 1..=4 {
        let done = ann.types(&format!("page Ear with {number} of four"));
        assert_eq!(
            (&done["ok"], &done["type"]),
            (&json!(true), &json!("Done")),
            "{done}"
        );
        ear.expect(&format!("{number} of four"));
    }
    let other = tell_ear(&mut ann, "m-1", "another one");
    assert_eq!(
        (&other["type"], &other["duplicate"]),
        (&json!("Ok"), &Json::Null),
        "what says something else is another message: {other}"
    );
    loop {
        let line = ear.next_line(DEADLINE).expect("what was said last");
        assert!(!line.contains("one of one"), "it was heard before: {line}");
        if line.contains("another one") {
            break;
        }
    }
}

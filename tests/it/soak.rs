//! The soak: one world tells every client numbered events while its programs are killed, stopped and cut off at random
//! and messages between them are lost, doubled and late. At the end the tally: nothing is lost and nothing is doubled.
//!
//! `cargo xtask soak` runs it at full size; without it the size is one for every day. The variables are
//! `MOOTHALL_SOAK_EVENTS`, `_CLIENTS`, `_FAULTS` and `_SEED`.

use crate::support::checker::{Answers, Lines, Tally, numbered, tally};
use crate::support::fault_proxy::{Act, Rule, Which};
use crate::support::ledger;
use crate::support::lone::{Lone, Program};
use crate::support::random::Random;
use crate::support::telnet::Telnet;
use crate::support::worlds::{PASSWORD, REPLAY_BEGINS, REPLAY_ENDS, hall_character, hall_wizard};
use crate::support::{DEADLINE, number_from};
use moothall::protocol::Family;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Threads that play the clients.
const THREADS: usize = 8;

/// How long one fault and the time after it take, on average.
const FAULT_PERIOD: Duration = Duration::from_millis(3_000);

/// How long nobody may hear anything before the run is taken as over.
const SILENCE: Duration = Duration::from_secs(40);

/// A client asks for an entry in the ledger after about so many events.
const EVENTS_PER_COMMAND: usize = 40;

/// What is wanted.
struct Size {
    events: u64,
    clients: usize,
    faults: u64,
    seed: u64,
}

impl Size {
    fn wanted() -> Size {
        let clients = number_from("MOOTHALL_SOAK_CLIENTS", 6);
        Size {
            events: number_from("MOOTHALL_SOAK_EVENTS", 1_200),
            clients: usize::try_from(clients).unwrap().max(1),
            faults: number_from("MOOTHALL_SOAK_FAULTS", 4),
            seed: number_from("MOOTHALL_SOAK_SEED", 2_026),
        }
    }

    /// Events of each client.
    fn ticks(&self) -> u64 {
        (self.events / self.clients as u64).max(1)
    }
}

/// Irregularities that are printed.
const BLEMISHES_SHOWN: usize = 40;

/// One client and all it knows.
struct Client {
    number: usize,
    /// The last event heard.
    last_heard: u64,
    /// What did not come in order, for whoever looks for the reason.
    blemishes: Vec<String>,
    telnet: Telnet,
    lines: Lines,
    answers: Answers,
    is_replay: bool,
    /// Lines that came twice, the second time marked as shown again: what a host that died had not had confirmed.
    shown_again: u64,
    random: Random,
}

impl Client {
    /// Takes in what has come; comes back if it was cut off. False when there was nothing.
    fn play(&mut self, address: SocketAddr, last: u64, fault: &AtomicU64) -> bool {
        if self.telnet.is_closed() {
            self.come_back(address);
        }
        let mut heard = false;
        while let Some(line) = self.telnet.next_line(Duration::ZERO) {
            heard = true;
            self.hear(&line, last, fault.load(Ordering::SeqCst));
        }
        heard
    }

    fn come_back(&mut self, address: SocketAddr) {
        self.is_replay = false;
        if let Ok(mut telnet) = Telnet::try_connect(address, "soak") {
            telnet.send(&format!("connect Client{} {PASSWORD}", self.number));
            self.telnet = telnet;
        }
    }

    fn hear(&mut self, line: &str, last: u64, fault: u64) {
        if line.starts_with(REPLAY_BEGINS) {
            self.is_replay = true;
        } else if line.starts_with(REPLAY_ENDS) {
            self.is_replay = false;
        } else if let Some(number) = numbered(line, "kept ") {
            self.answers.answered.insert(number);
        } else if let Some(number) = numbered(line, "event ") {
            if self.is_replay && self.lines.has(number) {
                self.shown_again += 1;
                return;
            }
            self.lines.hear(number);
            let before = std::mem::replace(&mut self.last_heard, number);
            if number != before + 1 {
                self.blemishes.push(format!(
                    "client {} heard {number} after {before}, at fault {fault}{}",
                    self.number,
                    if self.is_replay { ", in a replay" } else { "" }
                ));
            }
            if number < last && self.random.below(EVENTS_PER_COMMAND) == 0 {
                self.answers.asked += 1;
                let entry = self.answers.asked;
                self.telnet.send(&format!("append {} {entry}", self.number));
            }
        }
    }
}

/// Has the world tell every client so many numbered events, one commit for all of them each time.
fn start_events(wizard: &mut Telnet, size: &Size) {
    let ticks = size.ticks();
    let time = FAULT_PERIOD.as_secs_f64() * size.faults as f64;
    let pause = (time / ticks as f64).max(0.001);
    let names: Vec<String> = (0..size.clients)
        .map(|number| format!("\"Client{number}\""))
        .collect();
    wizard.eval("add_property($ledger, \"tick\", 0, {player, \"r\"})");
    wizard.eval("add_property($ledger, \"hearers\", {}, {player, \"r\"})");
    // One by one: a whole crowd's names do not fit into a line.
    for name in names {
        wizard.check(
            &format!(";;for p in (players()) if (p.name == {name}) $ledger.hearers = {{@$ledger.hearers, p}}; endif endfor"),
            &["=> 0"],
        );
    }
    wizard.check(
        &format!(
            ";;fork (0) while ($ledger.tick < {ticks}) $ledger.tick = $ledger.tick + 1; \
             for p in ($ledger.hearers) notify(p, tostr(\"event \", $ledger.tick)); endfor \
             suspend({pause:.4}); endwhile endfork"
        ),
        &["=> 0"],
    );
}

/// What may be broken: the arms of [`break_something`].
const ALL: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7];
const HOST_KILLED: &[usize] = &[1];

/// Breaks one of these at random, for a while. The pauses in it are the faults' own lengths: nothing is waited for.
fn break_something(lone: &mut Lone, random: &mut Random, which: &[usize]) -> &'static str {
    let events = || Which::Of(Family::Event);
    let ms = Duration::from_millis;
    let while_it_lasts = |lone: &Lone, rules: Vec<Rule>| {
        lone.proxy.set(rules);
        std::thread::sleep(ms(1_500));
        lone.proxy.clear();
    };
    match which[random.below(which.len())] {
        0 => {
            lone.crash(Program::Daemon);
            "kill -9 daemon"
        }
        1 => {
            lone.crash(Program::Host);
            "kill -9 host"
        }
        which @ (2 | 3) => {
            let program = [Program::Daemon, Program::Host][which - 2];
            lone.signal(program, Signal::STOP);
            std::thread::sleep(ms(500 + random.below(3_000) as u64));
            lone.signal(program, Signal::CONT);
            "SIGSTOP"
        }
        4 => {
            while_it_lasts(lone, vec![Rule::some(1 + random.below(500), events(), Act::Lose)]);
            "some events lost"
        }
        5 => {
            while_it_lasts(lone, vec![Rule::all(events(), Act::Lose)]);
            "all events lost"
        }
        6 => {
            let rules = ["Command", "TaskSubmitted", "EventAck", "ReplayChunk"]
                .map(|kind| Rule::some(100, Which::Named(kind), Act::Lose));
            while_it_lasts(lone, rules.to_vec());
            "some requests and answers lost"
        }
        _ => {
            lone.proxy.set(vec![
                Rule::some(300, events(), Act::Late(ms(40))),
                Rule::some(300, events(), Act::Twice(ms(20))),
                Rule::some(500, Which::Named("Command"), Act::Twice(ms(20))),
            ]);
            std::thread::sleep(ms(1_000));
            lone.proxy.clear();
            lone.proxy.cut();
            "events late and doubled, then both links cut"
        }
    }
}

/// What all threads know of a run.
#[derive(Default)]
struct Run {
    over: AtomicBool,
    /// Counts up whenever somebody hears something.
    heard: AtomicU64,
    /// The number of the last fault.
    fault: AtomicU64,
}

/// Plays a share of the clients until all have heard everything, or nobody hears anything any more.
fn play(clients: &mut [Client], address: SocketAddr, last: u64, run: &Run) {
    let Run { over, heard, fault } = run;
    let mut done = false;
    while !over.load(Ordering::SeqCst) && !done {
        done = true;
        for client in clients.iter_mut() {
            if client.play(address, last, fault) {
                heard.fetch_add(1, Ordering::SeqCst);
            }
            done &= client.lines.heard() >= last;
        }
    }
}

/// Waits until all threads are done, or nothing has been heard for too long.
fn wait_for_the_end(threads: &[std::thread::ScopedJoinHandle<'_, ()>], heard: &AtomicU64) {
    let (mut before, mut since) = (heard.load(Ordering::SeqCst), Instant::now());
    while !threads.iter().all(|thread| thread.is_finished()) && since.elapsed() < SILENCE {
        // Silence is what is looked for, and that is only time that passes.
        std::thread::sleep(Duration::from_millis(100));
        let now = heard.load(Ordering::SeqCst);
        if now != before {
            (before, since) = (now, Instant::now());
        }
    }
}

#[test]
fn under_random_faults_nothing_is_lost_and_nothing_is_doubled() {
    soak(&Size::wanted(), ALL);
}

#[test]
fn whoever_comes_back_amid_a_stream_of_lines_hears_all_of_it_in_order() {
    let size = Size {
        events: 12_000,
        clients: 4,
        faults: 4,
        seed: 7,
    };
    soak(&size, HOST_KILLED);
}

fn soak(size: &Size, faults: &[usize]) {
    let last = size.ticks();
    let mut random = Random::new(size.seed);
    let mut lone = Lone::start(size.seed, &[]);
    let mut wizard = hall_wizard(&lone);
    ledger::make(&mut wizard);
    // The hall lets in no such crowd on an ordinary day.
    for limit in ["characters_an_hour", "room_contents"] {
        wizard.eval(&format!("$limits.{limit} = {}", 200 + size.clients));
    }
    let mut clients: Vec<Client> = (0..size.clients)
        .map(|number| Client {
            number,
            last_heard: 0,
            blemishes: Vec::new(),
            telnet: hall_character(&lone, &format!("Client{number}")),
            lines: Lines::default(),
            answers: Answers::default(),
            is_replay: false,
            shown_again: 0,
            random: Random::new(size.seed ^ number as u64),
        })
        .collect();
    start_events(&mut wizard, size);
    drop(wizard);
    let (run, address) = (Run::default(), lone.telnet());
    let share = size.clients.div_ceil(THREADS);
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = clients
            .chunks_mut(share)
            .map(|clients| scope.spawn(move || play(clients, address, last, run)))
            .collect();
        for number in 1..=size.faults {
            let started = Instant::now();
            run.fault.store(number, Ordering::SeqCst);
            let what = break_something(&mut lone, &mut random, faults);
            eprintln!(
                "soak: seed {}, fault {number} of {}: {what}",
                size.seed, size.faults
            );
            let rest = Duration::from_millis(random.below(2 * FAULT_PERIOD.as_millis() as usize) as u64);
            // The world runs on between two faults, for as long as the seed says.
            std::thread::sleep(rest.saturating_sub(started.elapsed()));
        }
        wait_for_the_end(&threads, &run.heard);
        run.over.store(true, Ordering::SeqCst);
    });
    let mut wizard = hall_wizard(&lone);
    let told: u64 = wizard.eval("$ledger.tick").parse().unwrap();
    let known: BTreeMap<usize, Answers> = clients
        .iter()
        .map(|client| (client.number, client.answers.clone()))
        .collect();
    let commands = tally(&ledger::read(&mut wizard), &known);
    let events = clients
        .iter()
        .map(|client| client.lines.tally(last))
        .fold(Tally::default(), |sum, tally| sum + tally);
    let shown_again: u64 = clients.iter().map(|client| client.shown_again).sum();
    eprintln!(
        "soak: seed {}, {} faults, {} clients\n  events: {events}; {shown_again} shown again, marked so\n  \
         commands: {commands}",
        size.seed, size.faults, size.clients
    );
    let blemishes = clients.iter().flat_map(|client| &client.blemishes);
    for blemish in blemishes.take(BLEMISHES_SHOWN) {
        eprintln!("  {blemish}");
    }
    assert_eq!(
        told, last,
        "the world did not tell everything within {DEADLINE:?} of silence"
    );
    assert!(events.is_clean() && commands.is_clean());
}

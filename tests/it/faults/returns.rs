//! F04 with a crowd: the telnet host is killed again and again while the world talks, and everybody logs in again.
//! Nobody misses anything; what is shown again is what the host had no time to confirm, and stands between two marks.
//!
//! `MOOTHALL_HOST_KILLS` sets how often it is killed (3), `MOOTHALL_HOST_CLIENTS` before how many clients (6).

use crate::support::checker::{Lines, numbered};
use crate::support::ledger;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::worlds::{PASSWORD, REPLAY_BEGINS, REPLAY_ENDS, hall_character, hall_wizard};
use crate::support::{BUSY, DEADLINE, GLANCE, number_from, wait_for};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Until the next host accepts.
const ACCEPTING_MAX: Duration = Duration::from_millis(300);

/// What a client had read for longer than this when its host was killed is not shown again: a host confirms so often.
const SHOWN_AGAIN_MAX: Duration = Duration::from_millis(100);

/// Events that each client must hear before the next kill.
const EVENTS: u64 = 20;

/// Seconds between two events at least.
const PAUSE_MIN_S: f64 = 0.02;

/// Events that the world tells a second, counted for each who hears them. How much a server can tell is measured
/// elsewhere; here nobody is to wait for that.
const DELIVERIES_PER_SECOND: f64 = 2_500.0;

/// What all clients share.
struct Scene {
    address: SocketAddr,
    /// When the host was killed last.
    killed: Mutex<Instant>,
    /// Events that each client has heard since it logged in last.
    heard: Vec<AtomicU64>,
    /// The last event that the world tells, once it is known.
    last: AtomicU64,
    /// The test has failed elsewhere: nobody waits for the last event any more.
    is_over: AtomicBool,
}

/// Ends the wait of all clients with the test.
struct Over<'a>(&'a Scene);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(std::thread::panicking(), Ordering::SeqCst);
    }
}

/// One client and all it knows.
struct Client<'a> {
    scene: &'a Scene,
    number: usize,
    telnet: Telnet,
    lines: Lines,
    /// When each event was read first.
    read_at: BTreeMap<u64, Instant>,
    is_replay: bool,
    /// The last event that was read. Whatever else is shown again, each one comes behind all that were said before it.
    newest: u64,
    shown_again: u64,
    /// How long before the kill that was read which was shown again, at most.
    shown_again_after: Duration,
}

impl Client<'_> {
    /// Listens, and comes back whenever it is cut off, until the last event was heard.
    fn play(&mut self) {
        let mut deadline = Instant::now() + DEADLINE;
        let is_over = || self.scene.is_over.load(Ordering::SeqCst);
        while !self.lines.has(self.scene.last.load(Ordering::SeqCst)) && !is_over() {
            match self.telnet.next_line(GLANCE) {
                Some(line) => {
                    self.hear(&line);
                    deadline = Instant::now() + DEADLINE;
                }
                None if self.telnet.is_closed() => self.come_back(),
                None => assert!(
                    Instant::now() < deadline,
                    "client {} hears nothing more",
                    self.number
                ),
            }
        }
    }

    fn come_back(&mut self) {
        self.is_replay = false;
        self.scene.heard[self.number].store(0, Ordering::SeqCst);
        self.telnet = wait_for("the host to listen", || {
            Telnet::try_connect(self.scene.address, "client").ok()
        });
        self.telnet
            .send(&format!("connect Client{} {PASSWORD}", self.number));
    }

    fn hear(&mut self, line: &str) {
        if line.starts_with(REPLAY_BEGINS) {
            self.is_replay = true;
        } else if line.starts_with(REPLAY_ENDS) {
            self.is_replay = false;
        } else if let Some(event) = numbered(line, "event ") {
            if self.is_replay && self.lines.has(event) {
                self.shown_again += 1;
                let killed = *self.scene.killed.lock().unwrap();
                let before = killed.saturating_duration_since(self.read_at[&event]);
                self.shown_again_after = self.shown_again_after.max(before);
                return;
            }
            let before = std::mem::replace(&mut self.newest, event);
            assert!(event > before, "event {event} came after {before}");
            self.lines.hear(event);
            self.read_at.insert(event, Instant::now());
            self.scene.heard[self.number].fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Has the world tell all clients numbered events until it is told to stop, and count the hooks that say that somebody
/// has gone.
fn start_events(wizard: &mut Telnet, clients: usize) {
    let pause_s = (clients as f64 / DELIVERIES_PER_SECOND).max(PAUSE_MIN_S);
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

/// Kills the host, and gives how long it took until the next one accepted.
fn kill_host(server: &mut Server, scene: &Scene) -> Duration {
    wait_for("everybody to hear the world", || {
        let all = scene
            .heard
            .iter()
            .all(|heard| heard.load(Ordering::SeqCst) >= EVENTS);
        all.then_some(())
    });
    // What was read after the kill was on its way before; so the time is taken first.
    let killed = Instant::now();
    *scene.killed.lock().unwrap() = killed;
    scene
        .heard
        .iter()
        .for_each(|heard| heard.store(0, Ordering::SeqCst));
    server.kill9("moothall-telnet");
    wait_for("the next host to accept", || {
        TcpStream::connect(scene.address).ok()
    });
    killed.elapsed()
}

#[test]
fn f04_a_crowd_that_logs_in_again_after_each_kill_of_its_host_misses_nothing() {
    let kills = number_from("MOOTHALL_HOST_KILLS", 3);
    let clients = usize::try_from(number_from("MOOTHALL_HOST_CLIENTS", 6)).unwrap();
    let options = Options::default()
        // Each kill is to be answered like the first one, not like a crash loop.
        .with("MOOTHALL_PROCESSES_RESTART_WINDOW_S", 1)
        .with("MOOTHALL_PROCESSES_RESTARTS_MAX", 1_000);
    let mut server = Server::start(options);
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    wizard.eval("$limits.characters_an_hour = 10000");
    let telnets: Vec<Telnet> = (0..clients)
        .map(|number| hall_character(&server, &format!("Client{number}")))
        .collect();
    let scene = Scene {
        address: server.telnet(),
        killed: Mutex::new(Instant::now()),
        heard: telnets.iter().map(|_| AtomicU64::new(0)).collect(),
        last: AtomicU64::new(u64::MAX),
        is_over: AtomicBool::new(false),
    };
    start_events(&mut wizard, clients);
    let (last, left, slowest, clients) = std::thread::scope(|scope| {
        let _over = Over(&scene);
        let threads: Vec<_> = (0..)
            .zip(telnets)
            .map(|(number, telnet)| {
                let mut client = Client {
                    scene: &scene,
                    number,
                    telnet,
                    lines: Lines::default(),
                    read_at: BTreeMap::new(),
                    is_replay: false,
                    newest: 0,
                    shown_again: 0,
                    shown_again_after: Duration::ZERO,
                };
                scope.spawn(move || {
                    client.play();
                    client
                })
            })
            .collect();
        let slowest = (1..=kills).map(|_| kill_host(&mut server, &scene)).max();
        let mut wizard = hall_wizard(&server);
        let left = wizard.eval("$ledger.left");
        wizard.eval("$ledger.over = 1");
        wait_for("the last event", || {
            (wizard.eval("queued_tasks()") == "{}").then_some(())
        });
        let last: u64 = wizard.eval("$ledger.tick").parse().unwrap();
        scene.last.store(last, Ordering::SeqCst);
        let clients: Vec<Client<'_>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        (last, left, slowest.unwrap_or_default(), clients)
    });
    let again: u64 = clients.iter().map(|client| client.shown_again).sum();
    let before = clients.iter().map(|client| client.shown_again_after).max();
    let before = before.unwrap_or_default();
    eprintln!(
        "f04: {kills} kills, {} clients, {last} events; {again} were shown again, read {before:?} before the kill at most; \
         accepting after {slowest:?} at most",
        clients.len()
    );
    assert_eq!(left, "0", "a hook said that somebody had gone");
    assert!(
        slowest <= ACCEPTING_MAX + BUSY,
        "accepting again after {slowest:?}"
    );
    assert!(
        before <= SHOWN_AGAIN_MAX + BUSY,
        "what was read {before:?} before the kill was shown again"
    );
    for client in &clients {
        let tally = client.lines.tally(last);
        assert_eq!(
            (tally.lost, tally.doubled),
            (0, 0),
            "client {}: {tally}",
            client.number
        );
    }
}

//! F01 and F02: the daemon is killed at the places where it would hurt most, and three times within a minute while
//! tasks wait. Nobody is disconnected, every line takes effect once and is answered once.
//!
//! `MOOTHALL_POINT_ROUNDS` sets how often it is killed at each place (1), `MOOTHALL_POINT_CLIENTS` before how many
//! clients (4).

use crate::support::checker::{Answers, Lines, check, numbered};
use crate::support::fault_proxy::{Act, Rule, Which};
use crate::support::faults::Orders;
use crate::support::ledger;
use crate::support::lone::{Lone, Program};
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::worlds::{PASSWORD, hall_character, hall_wizard};
use crate::support::{BUSY, DEADLINE, number_from, wait_for};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Until somebody is answered again after the daemon was killed, and until everybody is.
const FIRST_REPLY_MAX: Duration = Duration::from_millis(1_500);
const ALL_REPLIES_MAX: Duration = Duration::from_secs(3);

/// Lines that every client types at once before a kill.
const LINES: u64 = 6;

/// A server with fail points, and clients who write into the ledger.
struct Scene {
    orders: Orders,
    server: Server,
    wizard: Telnet,
    clients: Vec<(Telnet, Answers, Lines)>,
}

impl Scene {
    fn new(clients: u64) -> Scene {
        let orders = Orders::new();
        let options = Options::default()
            .with("MOOTHALL_FAULTS", orders.folder().display())
            // Each kill is to be answered like the first one, not like a crash loop.
            .with("MOOTHALL_PROCESSES_RESTART_WINDOW_S", 1)
            .with("MOOTHALL_PROCESSES_RESTARTS_MAX", 100);
        let server = Server::start(options);
        let mut wizard = hall_wizard(&server);
        ledger::make(&mut wizard);
        let clients = (0..clients)
            .map(|number| {
                let client = hall_character(&server, &format!("Client{number}"));
                (client, Answers::default(), Lines::default())
            })
            .collect();
        Scene {
            orders,
            server,
            wizard,
            clients,
        }
    }

    /// Every client types so many lines at once.
    fn type_lines(&mut self, count: u64) {
        for (number, (client, answers, _)) in self.clients.iter_mut().enumerate() {
            for _ in 0..count {
                answers.asked += 1;
                client.send(&format!("append {number} {}", answers.asked));
            }
        }
    }

    /// Every client reads what there is; gives whether the answers to all that it typed have come.
    fn have_heard(&mut self) -> bool {
        let clients = self.clients.iter_mut();
        clients.fold(true, |all, (client, answers, lines)| {
            while let Some(line) = client.next_line(Duration::ZERO) {
                if let Some(kept) = numbered(&line, "kept ") {
                    lines.hear(kept);
                    answers.answered.insert(kept);
                }
            }
            all && lines.heard() == answers.asked
        })
    }

    /// Types while the order waits, has it carried out, and sees that everybody is answered in time.
    fn kill_at(&mut self, place: &str, passes: u64) {
        self.orders.give(place, &format!("crash after {passes}"));
        self.type_lines(LINES);
        wait_for(place, || {
            // Lines may pass in groups, and then there are fewer passes than lines.
            if !self.orders.is_taken(place) && self.have_heard() {
                self.type_lines(1);
            }
            self.orders.is_taken(place).then_some(())
        });
        self.everybody_goes_on(place, Instant::now());
    }

    /// After a kill at `killed`: one line more of each client is answered in time, and with it all those before.
    fn everybody_goes_on(&mut self, place: &str, killed: Instant) {
        self.type_lines(1);
        let mut first = None;
        wait_for("everybody to be answered", || {
            let all = self.have_heard();
            if self
                .clients
                .iter()
                .any(|(_, answers, lines)| lines.heard() == answers.asked)
            {
                first.get_or_insert(killed.elapsed());
            }
            all.then_some(())
        });
        let (first, last) = (first.unwrap_or_default(), killed.elapsed());
        eprintln!("f01: {place}: a client had its answers after {first:?}, all after {last:?}");
        assert!(
            first <= FIRST_REPLY_MAX + BUSY,
            "{place}: {first:?} without an answer"
        );
        assert!(
            last <= ALL_REPLIES_MAX + BUSY,
            "{place}: {last:?} without an answer"
        );
        for (number, (_, answers, lines)) in self.clients.iter().enumerate() {
            let tally = lines.tally(answers.asked);
            assert!(tally.is_clean(), "answers to client {number}: {tally}");
        }
    }

    /// The ledger has each line of each client once, and nobody is told anything once more.
    fn reckon(&mut self) {
        for (number, (client, ..)) in self.clients.iter_mut().enumerate() {
            let more = client.command("@@first@@");
            assert!(
                !more.iter().any(|line| line.contains("kept")),
                "client {number}: {more:?}"
            );
        }
        let known: BTreeMap<usize, Answers> = self
            .clients
            .iter()
            .map(|(_, answers, _)| answers.clone())
            .enumerate()
            .collect();
        let entries = ledger::read(&mut self.wizard);
        assert_eq!(check(&entries, &known), Ok(()));
        assert_eq!(
            entries.len() as u64,
            known.values().map(|answers| answers.asked).sum::<u64>()
        );
    }
}

#[test]
fn f01_every_line_takes_effect_and_is_answered_once_wherever_the_daemon_is_killed() {
    let mut scene = Scene::new(number_from("MOOTHALL_POINT_CLIENTS", 4));
    let telnet = scene.server.pid("moothall-telnet");
    for round in 0..number_from("MOOTHALL_POINT_ROUNDS", 1) {
        // One pass in four goes by, then others, so that lines before and after the one that is hit are under way.
        for (place, passes) in [
            ("commit.before_wal", 2),
            ("commit.after_wal", 3),
            ("publish.before", 1),
        ] {
            scene.kill_at(place, passes + round % 5);
        }
        scene.server.kill9("moothall-daemon");
        scene.everybody_goes_on("idle", Instant::now());
        scene.reckon();
    }
    assert_eq!(
        scene.server.pid("moothall-telnet"),
        telnet,
        "the host did not stay"
    );
}

#[test]
fn f01_a_login_in_which_the_daemon_is_killed_is_carried_out_by_the_next_one() {
    let mut scene = Scene::new(2);
    for round in 0..number_from("MOOTHALL_POINT_ROUNDS", 1) {
        let name = format!("Late{round}");
        drop(hall_character(&scene.server, &name));
        let mut late = Telnet::arrive(scene.server.telnet(), &name, "Type guest and press Enter");
        scene.orders.give("login.in_verb", "crash");
        late.send(&format!("connect {name} {PASSWORD}"));
        scene.orders.wait_taken("login.in_verb");
        scene.everybody_goes_on("login.in_verb", Instant::now());
        late.expect("*** Connected ***");
        late.mark_commands();
        late.check("look", &["The Porch"]);
        late.expect_none("*** Connected ***");
        scene.reckon();
    }
}

/// Tasks that are forked before each kill, to run a second later. Each says `fork N` to the player, and to the log.
const FORKS: u64 = 10;
/// What one more task says, as `beat N`, and how many seconds it suspends each time.
const BEATS: u64 = 20;
const BEAT_S: f64 = 0.1;

fn start_beats(player: &mut Telnet) {
    player.check(
        &format!(
            ";;fork (0) for n in [1..{BEATS}] $ledger.rows = {{@$ledger.rows, {{2, n}}}}; notify(player, tostr(\"beat \", n)); \
             suspend({BEAT_S:?}); endfor endfork"
        ),
        &["=> 0"],
    );
}

/// Forks the tasks after number `before`.
fn fork_tasks(player: &mut Telnet, before: u64) {
    player.send(&format!(
        ";;for n in [{}..{}] fork (1) $ledger.rows = {{@$ledger.rows, {{1, n}}}}; notify(player, tostr(\"fork \", n)); \
         server_log(tostr(\"fork \", n, \" has run\")); endfork endfor",
        before + 1,
        before + FORKS
    ));
}

/// What a player hears of the tasks.
#[derive(Default)]
struct Heard {
    forks: Lines,
    beats: Lines,
}

impl Heard {
    fn hear(&mut self, line: &str) {
        if let Some(number) = numbered(line, "fork ") {
            self.forks.hear(number);
        } else if let Some(number) = numbered(line, "beat ") {
            self.beats.hear(number);
        }
    }

    /// Listens for so long, and to all that is there.
    fn listen(&mut self, player: &mut Telnet, time: Duration) {
        player.read_to_end(time).iter().for_each(|line| self.hear(line));
    }

    /// Listens until this many forks and beats were heard.
    #[track_caller]
    fn expect(&mut self, player: &mut Telnet, forks: u64, beats: u64) {
        wait_for("what tasks say", || {
            self.listen(player, Duration::ZERO);
            (self.forks.heard() >= forks && self.beats.heard() >= beats).then_some(())
        });
    }
}

/// Forks tasks, kills the daemon, and starts it again when they are overdue. The host is kept from it until
/// `is_let_in` says so, of what was logged and of the time since the daemon served. Gives what was logged until the
/// tasks were heard, and how long the host was kept out.
fn kill_and_keep_out(
    lone: &mut Lone,
    player: &mut Telnet,
    heard: &mut Heard,
    is_let_in: impl Fn(&str, Duration) -> bool,
) -> (String, Duration) {
    let forks = heard.forks.heard();
    fork_tasks(player, forks);
    let is_done = |line: &String| line == "=> 0";
    let lines = std::iter::from_fn(|| player.next_line(DEADLINE));
    lines
        .inspect(|line| heard.hear(line))
        .find(is_done)
        .expect("the tasks are forked");
    lone.signal(Program::Daemon, Signal::KILL);
    // The tasks become due meanwhile: that there is nobody to run them is the fault.
    heard.listen(player, Duration::from_millis(1_200));
    lone.proxy.set(vec![Rule::all(Which::Named("Hello"), Act::Lose)]);
    let before = lone.log().len();
    lone.restart_daemon();
    let started = wait_for("the daemon to serve", || lone.serves().then(Instant::now));
    let kept_out = wait_for("the time to let the host in", || {
        heard.listen(player, Duration::ZERO);
        let out = started.elapsed();
        is_let_in(&lone.log()[before..], out).then_some(out)
    });
    lone.proxy.clear();
    heard.expect(player, forks + FORKS, 0);
    (lone.log()[before..].to_owned(), kept_out)
}

/// Whether a task of this daemon ran before a host was there.
#[track_caller]
fn ran_without_host(log: &str) -> bool {
    let at = |words| {
        log.find(words)
            .unwrap_or_else(|| panic!("nothing says {words:?}: {log}"))
    };
    at(" has run") < at("a host is there")
}

/// How long overdue tasks wait for hosts.
const OVERDUE_WAIT: Duration = moothall::limits::OVERDUE_WAIT_MAX;

#[test]
fn f02_three_kills_within_a_minute_lose_no_task_and_what_is_overdue_waits_for_the_hosts() {
    let mut lone = Lone::start(2, &[]);
    let mut player = hall_wizard(&lone);
    ledger::make(&mut player);
    start_beats(&mut player);
    let (began, mut heard) = (Instant::now(), Heard::default());
    for _ in 0..2 {
        let soon = |_: &str, out| out >= OVERDUE_WAIT / 4;
        let (log, _) = kill_and_keep_out(&mut lone, &mut player, &mut heard, soon);
        assert!(
            !ran_without_host(&log),
            "a task ran before its hosts were back: {log}"
        );
    }
    // Where no host comes back, the world goes on without; what it says then is heard later.
    let has_run = |log: &str, _| log.contains(" has run");
    let (log, out) = kill_and_keep_out(&mut lone, &mut player, &mut heard, has_run);
    assert!(ran_without_host(&log), "{log}");
    let early = OVERDUE_WAIT - Duration::from_secs(1);
    assert!(
        (early..OVERDUE_WAIT + BUSY).contains(&out),
        "overdue tasks ran after {out:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(60));
    heard.expect(&mut player, 3 * FORKS, BEATS);
    heard.listen(&mut player, BUSY);
    let forks = heard.forks.tally(3 * FORKS);
    // Forks that are due at once run in any order.
    assert_eq!((forks.lost, forks.doubled), (0, 0));
    let beats = heard.beats.tally(BEATS);
    assert!(beats.is_clean(), "{beats}");
    let mut entries = ledger::read(&mut player);
    entries.sort_unstable();
    let all = |task, last| (1..=last).map(move |number| (task, number));
    let expected: Vec<(usize, u64)> = all(1, 3 * FORKS).chain(all(2, BEATS)).collect();
    assert_eq!(entries, expected);
}

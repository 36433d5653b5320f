//! F32, F33 and F35: clients that do not read for a while, or ever, and a host that has no time for any of its clients.
//! Whoever does not read misses nothing that is not told, with its number, and nobody else notices.

use crate::support::peer::{Peer, now, ring};
use crate::support::server::{Options, Server};
use crate::support::starved::Starved;
use crate::support::telnet::Telnet;
use crate::support::worlds::{hall_character, hall_wizard};
use crate::support::{BUSY, DEADLINE, wait_for};
use moothall::protocol::client::Auth;
use moothall::protocol::token::Grant;
use moothall::protocol::{ClientId, HostId};
use std::time::{Duration, Instant};

/// Lines of one commit, which are one event.
const LINES_A_PIECE: u64 = 10;

/// What tells the character `lines` numbered lines of 330 bytes, and the others one short line with every piece.
fn flood(to: &str, others: &[String], lines: u64) -> String {
    let others = others.join(", ");
    format!(
        "p = \"0123456789\"; for i in [1..5] p = p + p; endfor for i in [1..{lines}] \
         notify({to}, tostr(\"line \", i, \" \", p)); if (i % {LINES_A_PIECE} == 0) \
         for o in ({{{others}}}) notify(o, tostr(\"piece \", i / {LINES_A_PIECE})); endfor suspend(0); endif endfor"
    )
}

/// The object of a character that was just made.
#[track_caller]
fn newest_player(wizard: &mut Telnet) -> String {
    wizard.eval("players()[$]")
}

/// Reads the numbered lines that begin with `word` up to the last one; gives how many pieces were told to be lost.
#[track_caller]
fn read_numbered(client: &mut Telnet, word: &str, lines_a_piece: u64, last: u64) -> u64 {
    let (mut seen, mut lost) = (0, 0);
    while seen < last {
        let line = client.next_line(DEADLINE).expect("the client is told everything");
        let notice = line.strip_prefix(">> ");
        let pieces = notice.and_then(|rest| rest.strip_suffix(" pieces of output to you have been lost <<"));
        if let Some(pieces) = pieces {
            let pieces: u64 = pieces.parse().expect("the notice has a number");
            (seen, lost) = (seen + pieces * lines_a_piece, lost + pieces);
        } else if let Some(rest) = line.strip_prefix(word) {
            let number = rest.split(' ').next().expect("a line has a number");
            seen += 1;
            assert_eq!(number.parse(), Ok(seen), "a line is missing, or came twice");
        }
    }
    assert_eq!(seen, last, "more was told to be lost than there was");
    lost
}

#[test]
fn f32_a_reader_that_pauses_gets_every_line_or_the_number_it_lost() {
    const LINES: u64 = 18_000;
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut slow = hall_character(&server, "Slow");
    let to = newest_player(&mut wizard);
    let mut other = hall_character(&server, "Other");
    wizard.send(&format!(";;{}", flood(&to, &[], LINES)));
    // The pause lasts until all is told; meanwhile somebody else plays.
    let mut rounds = 0;
    wait_for("the last line to be told", || {
        other.check("look", &["The"]);
        rounds += 1;
        let line = wizard.next_line(std::time::Duration::from_millis(1));
        line.filter(|line| line == "=> 0")
    });
    let lost = read_numbered(&mut slow, "line ", LINES_A_PIECE, LINES);
    eprintln!(
        "f32: {lost} pieces of {} lost; {rounds} looks meanwhile",
        LINES / LINES_A_PIECE
    );
    slow.check("look", &["The"]);
}

#[test]
fn f33_one_who_never_reads_takes_nothing_from_the_others() {
    // More than all the credit of the host.
    const LINES: u64 = 30_000;
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut stuck = hall_character(&server, "Stuck");
    let to = newest_player(&mut wizard);
    let (mut clients, mut players) = (Vec::new(), Vec::new());
    for number in 0..5 {
        clients.push(hall_character(&server, &format!("Reader{number}")));
        players.push(newest_player(&mut wizard));
    }
    wizard.send(&format!(";;{}", flood(&to, &players, LINES)));
    for client in &mut clients {
        let lost = read_numbered(client, "piece ", 1, LINES / LINES_A_PIECE);
        assert_eq!(lost, 0, "somebody who reads has lost something");
    }
    wizard.expect("=> 0");
    // In the end even the one who did not read is told what is missing.
    let lost = read_numbered(&mut stuck, "line ", LINES_A_PIECE, LINES);
    eprintln!("f33: {lost} pieces of {} lost", LINES / LINES_A_PIECE);
}

/// Another host of a server, with one client, which asks something small; how long the answer took.
struct Neighbour {
    peer: Peer,
    auth: Auth,
}

impl Neighbour {
    const HOST: HostId = HostId([0x35; 16]);
    const CLIENT: ClientId = ClientId([0x35; 16]);

    #[track_caller]
    fn arrive(server: &Server) -> Neighbour {
        let mut peer = Peer::local(server.data(), Neighbour::HOST);
        let grant = Grant::Host {
            host: Neighbour::HOST,
            host_type: "telnet".to_owned(),
            key_hash: [0; 32],
            generation: 0,
        };
        peer.register(&ring(server.data()).sign(grant, [1; 16], now()));
        let (_, bound) = peer.establish(Neighbour::CLIENT);
        let auth = Auth::Bound(bound);
        Neighbour { peer, auth }
    }

    #[track_caller]
    fn asks(&mut self) -> Duration {
        let asked = Instant::now();
        let answer = self.peer.knock(Neighbour::CLIENT, self.auth.clone());
        assert!(answer.is_ok(), "{answer:?}");
        asked.elapsed()
    }
}

#[test]
fn f35_a_starved_host_is_sent_no_more_than_its_credit_and_gets_the_rest_when_it_can() {
    // Little less than is kept for one client; for all four so much more than the credit of their host that this is used up even
    // where the daemon gets little of the processor as well.
    const LINES: u64 = 24_000;
    // All that may be on its way: credit at both ends, and what the log has not written yet.
    const GROWTH_MAX: u64 = 128 << 20;
    // So much may wait for one client that none of them is paused: the credit of the host is to be what holds it all up.
    let server = Server::start(Options::default().with("MOOTHALL_TELNET_OUTPUT_LEN_MAX", 16 << 20));
    let mut wizard = hall_wizard(&server);
    let (mut clients, mut players) = (Vec::new(), Vec::new());
    for number in 0..4 {
        clients.push(hall_character(&server, &format!("Reader{number}")));
        players.push(newest_player(&mut wizard));
    }
    let mut neighbour = Neighbour::arrive(&server);
    let programs = ["moothall-daemon", "moothall-telnet"];
    let before = programs.map(|program| server.resident(program));
    let telnet = server.pid("moothall-telnet").expect("it runs");
    let starved = Starved::new(telnet);
    // A starved host takes a line late, but before all that is to come to it.
    let floods = players
        .iter()
        .map(|player| format!("fork (0) {} endfork ", flood(player, &[], LINES)));
    wizard.send(&format!(";;{}", floods.collect::<String>()));
    std::thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| {
                let lost = read_numbered(client, "line ", LINES_A_PIECE, LINES);
                assert_eq!(
                    lost, 0,
                    "something was given up, though there was room to keep it"
                );
            });
        }
        let mut longest = Duration::ZERO;
        wait_for("the credit to be used up", || {
            longest = longest.max(neighbour.asks());
            (server.figure("outbox", "choked_hosts")? == 1).then_some(())
        });
        for (program, before) in programs.iter().zip(before) {
            let growth = server.resident(program).saturating_sub(before);
            eprintln!("f35: {program} has grown by {} MiB", growth >> 20);
            assert!(growth < GROWTH_MAX, "{program} has grown by {} MiB", growth >> 20);
        }
        longest = longest.max(neighbour.asks());
        eprintln!("f35: a neighbour's answer took {longest:?} at most");
        assert!(longest < BUSY, "a neighbour waited for {longest:?}");
        drop(starved);
    });
    assert_eq!(server.pid("moothall-telnet"), Some(telnet));
}

//! F32 and F33: clients that do not read for a while, or ever. Whoever does not read misses nothing that is not told,
//! with its number, and nobody else notices.

use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::worlds::{hall_character, hall_wizard};
use crate::support::{DEADLINE, wait_for};

/// Lines of one commit, which are one event.
const LINES_A_PIECE: u64 = 10;

/// Starts a task that tells the character `lines` numbered lines of 330 bytes, and the others one short line with every
/// piece. The wizard reads `=> 0` when it is done.
fn flood(wizard: &mut Telnet, to: &str, others: &[String], lines: u64) {
    let others = others.join(", ");
    wizard.send(&format!(
        ";;p = \"0123456789\"; for i in [1..5] p = p + p; endfor for i in [1..{lines}] \
         notify({to}, tostr(\"line \", i, \" \", p)); if (i % {LINES_A_PIECE} == 0) \
         for o in ({{{others}}}) notify(o, tostr(\"piece \", i / {LINES_A_PIECE})); endfor suspend(0); endif endfor"
    ));
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
    flood(&mut wizard, &to, &[], LINES);
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
    flood(&mut wizard, &to, &players, LINES);
    for client in &mut clients {
        let lost = read_numbered(client, "piece ", 1, LINES / LINES_A_PIECE);
        assert_eq!(lost, 0, "somebody who reads has lost something");
    }
    wizard.expect("=> 0");
    // In the end even the one who did not read is told what is missing.
    let lost = read_numbered(&mut stuck, "line ", LINES_A_PIECE, LINES);
    eprintln!("f33: {lost} pieces of {} lost", LINES / LINES_A_PIECE);
}

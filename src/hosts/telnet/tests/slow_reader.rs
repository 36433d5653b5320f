//! A client that does not read while thousands of lines come for it.

use super::daemon::{PATIENCE, text};
use super::*;

/// A client that does not read, and a daemon that keeps so many of 8,000 events for it: what the client reads in the
/// end is all of it, or the number of what is missing.
async fn check_slow_reader(kept: usize) -> u64 {
    let mut rig = Rig::start_with(|config| config.telnet.output_len_max = 10_000).await;
    rig.daemon.keep_only(kept);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = Client(socket.connect(rig.address).await.unwrap());
    let id = rig.daemon.established().await;
    for number in 0..8000 {
        rig.daemon.send(id, text(&format!("{number:0>2000}")));
        // The link runs on this thread; one that is kept from its mailbox for long takes the daemon as lost.
        if number % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    // Another client is served while the first does not read, and its line comes after all those events.
    let (mut other, _) = rig.connect().await;
    other.send("hello\n").await;
    other.expect("you said hello\r\n").await;
    rig.daemon.send(id, text("the end"));
    let mut all = Vec::new();
    while !all.ends_with(b"the end\r\n") {
        let read = tokio::time::timeout(PATIENCE, client.0.read_buf(&mut all)).await;
        assert_ne!(
            read.expect("the rest comes").unwrap(),
            0,
            "the connection was closed"
        );
    }
    let all = String::from_utf8(all).unwrap();
    let (mut next, mut lost) = (0, 0);
    for line in all.lines().take_while(|line| *line != "the end") {
        let notice = line.strip_prefix(">> ");
        match notice.and_then(|rest| rest.strip_suffix(" pieces of output to you have been lost <<")) {
            Some(count) => {
                let count: u64 = count.parse().unwrap();
                (next, lost) = (next + count, lost + count);
            }
            None => {
                assert_eq!(line.parse::<u64>().unwrap(), next);
                next += 1;
            }
        }
    }
    assert_eq!(next, 8000);
    lost
}

#[actix::test]
async fn a_slow_reader_gets_everything_that_the_daemon_keeps() {
    assert_eq!(check_slow_reader(usize::MAX).await, 0);
}

#[actix::test]
async fn a_slow_reader_is_told_what_the_daemon_did_not_keep() {
    assert!(check_slow_reader(1_000).await > 0);
}

//! Who hears a player that is in several places: frames go where the attach epoch says, and nobody waits for others.

use crate::support::lone::Lone;
use crate::support::peer::{Peer, Unasked, now, ring};
use crate::support::tab::Tab;
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::worlds::{hall_character, hall_wizard};
use moothall::protocol::client::{DaemonToClientReply as Reply, HostClientToDaemonMessage as Ask};
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::event::ClientEvent;
use moothall::protocol::host::{DaemonToHostReply, RejectReason};
use moothall::protocol::token::Grant;
use moothall::protocol::{ClientId, HostId};

const LEFT: HostId = HostId([0x37; 16]);
const RIGHT: HostId = HostId([0x38; 16]);

fn client(number: u8) -> ClientId {
    ClientId([number; 16])
}

/// All frames that a host heard, each as a client, an epoch and a number.
#[derive(Default)]
struct Ear {
    heard: Vec<(ClientId, u32, u64)>,
}

impl Ear {
    fn listen(&mut self, peer: &mut Peer, tabs: &mut [&mut Tab]) {
        let unasked = peer.look();
        for unasked in &unasked {
            if let Unasked::Event(frame) = unasked {
                let to = frame.route.to.iter();
                self.heard
                    .extend(to.map(|to| (to.client, to.attach_epoch, to.seq)));
            }
        }
        tabs.iter_mut().for_each(|tab| tab.hear(&unasked));
    }

    fn epochs_of(&self, client: ClientId) -> Vec<u32> {
        let of_client = self.heard.iter().filter(|(heard, ..)| *heard == client);
        let mut epochs: Vec<u32> = of_client.map(|(_, epoch, _)| *epoch).collect();
        epochs.sort_unstable();
        epochs.dedup();
        epochs
    }
}

fn says(tab: &mut Tab, peer: &mut Peer, word: &str) {
    let said = tab.types(peer, &format!(";notify(player, \"{word}\")"));
    assert!(matches!(said, Ok(Reply::TaskSubmitted { .. })), "{said:?}");
}

fn times_shown(tab: &Tab, word: &str) -> usize {
    tab.lines().iter().filter(|line| *line == word).count()
}

#[test]
fn f37_one_player_in_two_tabs_and_a_zombie_host() {
    let server = Lone::without_host(37, &[]);
    let mut left = Peer::registered(&server.data(), LEFT, "web");
    let mut right = Peer::registered(&server.data(), RIGHT, "web");
    let (mut left_ear, mut right_ear) = (Ear::default(), Ear::default());
    let mut first = Tab::open(&mut left, client(1));
    let login = first.log_in(&mut left, "connect Wizard", true).expect("a login");
    says(&mut first, &mut left, "one");
    first.expect(&mut left, "one");

    // A second tab, at another host, takes the player over; the first one is told and finds every door shut.
    let mut second = Tab::attach(&mut right, client(2), &login.auth_token, true);
    assert_eq!(second.client, first.client);
    let fenced = wait_for("the first tab to be told", || {
        left_ear.listen(&mut left, &mut [&mut first]);
        first.fenced
    });
    let refused = Err(RpcMessageError::Fenced { epoch: second.epoch });
    assert_eq!(fenced, second.epoch);
    assert_eq!(first.types(&mut left, "look"), refused);
    assert_eq!(first.clone().come_back(&mut left), refused, "its token is dead");
    says(&mut second, &mut right, "two");
    wait_for("the frame of the second tab", || {
        right_ear.listen(&mut right, &mut [&mut second]);
        (right_ear.epochs_of(second.client) == [second.epoch]).then_some(())
    });
    second.expect(&mut right, "two");

    // The first host is started anew while its old process still stands there; the second tab moves to the new one.
    let mut zombie = left;
    let mut left = Peer::registered(&server.data(), LEFT, "web");
    let mut moved = second.clone();
    assert!(matches!(moved.come_back(&mut left), Ok(Reply::AttachResult(_))));
    says(&mut moved, &mut left, "three");
    let (mut new_ear, mut zombie_ear) = (Ear::default(), Ear::default());
    wait_for("the frame of the tab that moved", || {
        new_ear.listen(&mut left, &mut [&mut moved]);
        (new_ear.epochs_of(moved.client) == [moved.epoch]).then_some(())
    });
    moved.expect(&mut left, "three");
    let fenced = wait_for("the tab's old host to be told", || {
        right_ear.listen(&mut right, &mut [&mut second]);
        second.fenced
    });
    assert_eq!(fenced, moved.epoch);
    let grant = Grant::Host {
        host: LEFT,
        host_type: "web".to_owned(),
        key_hash: [0; 32],
        generation: 0,
    };
    let turned_away = zombie.hello(&ring(&server.data()).sign(grant, [1; 16], now()));
    assert!(
        matches!(
            turned_away,
            DaemonToHostReply::Reject {
                reason: RejectReason::Fenced,
                ..
            }
        ),
        "{turned_away:?}"
    );

    // A third tab without taking over replaces the connection as a login does.
    let mut third = Tab::attach(&mut right, client(3), &login.auth_token, false);
    assert_eq!(third.client, client(3));
    says(&mut third, &mut right, "four");
    third.expect(&mut right, "four");
    let last = wait_for("the last words to the tab before", || {
        moved.catch_up(&mut left);
        moved
            .shown
            .values()
            .last()
            .cloned()
            .filter(|event| matches!(event, ClientEvent::Disconnect { .. }))
    });
    assert!(matches!(last, ClientEvent::Disconnect { ref reason, .. } if reason == "redirected"));

    zombie_ear.listen(&mut zombie, &mut [&mut first]);
    right_ear.listen(&mut right, &mut [&mut second]);
    new_ear.listen(&mut left, &mut [&mut moved]);
    assert_eq!(left_ear.epochs_of(first.client), [first.epoch]);
    assert_eq!(right_ear.epochs_of(first.client), [second.epoch]);
    assert_eq!(new_ear.epochs_of(first.client), [moved.epoch]);
    assert!(
        !zombie_ear.epochs_of(first.client).contains(&first.epoch),
        "its topic, not its socket"
    );
    for (tab, shown) in [
        (&first, [1, 0, 0, 0]),
        (&second, [1, 1, 0, 0]),
        (&moved, [1, 1, 1, 0]),
        (&third, [0, 0, 0, 1]),
    ] {
        let words = ["one", "two", "three", "four"].map(|word| times_shown(tab, word));
        assert_eq!(words, shown, "{}", tab.client);
    }
}

#[test]
fn f38_nobody_waits_for_logins_and_evals_that_suspend() {
    const SLOW_LOGINS: usize = 5;
    const LONG_EVALS: usize = 20;
    let server = Lone::start(38, &[]);
    let mut wizard = hall_wizard(&server);
    wizard.eval(
        "set_verb_code(#0, \"do_login_command\", {\"if (args && args[1] == \\\"slow\\\") suspend(600); return; endif\", @verb_code(#0, \"do_login_command\")})",
    );
    let mut slow: Vec<Telnet> = (0..SLOW_LOGINS)
        .map(|number| {
            Telnet::arrive(
                server.telnet(),
                &format!("slow{number}"),
                "Type guest and press Enter",
            )
        })
        .collect();
    slow.iter_mut().for_each(|client| client.send("slow"));
    let mut peer = Peer::registered(&server.data(), RIGHT, "web");
    let mut tab = Tab::open(&mut peer, client(1));
    tab.log_in(&mut peer, "guest", true).expect("a login");
    let mut evaluator = Tab::open(&mut peer, client(2));
    evaluator
        .log_in(&mut peer, "connect Wizard", true)
        .expect("a login");
    for _ in 0..LONG_EVALS {
        let expression = "suspend(600)".to_owned();
        let answer = evaluator.changes(&mut peer, Ask::Eval { expression });
        assert!(matches!(answer, Ok(Reply::TaskSubmitted { .. })), "{answer:?}");
    }
    // All that follows is done while every one of those tasks sleeps on, so none of it has waited for any.
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    tab.types(&mut peer, "in").unwrap();
    tab.expect(&mut peer, "The Great Hall");
    let expression = "length(queued_tasks())".to_owned();
    let Ok(Reply::EvalResult(asleep)) = evaluator.changes(&mut peer, Ask::Eval { expression }) else {
        panic!("the evaluator itself waits");
    };
    let asleep = asleep.open().unwrap().as_int().unwrap();
    assert!(
        asleep >= (SLOW_LOGINS + LONG_EVALS) as i64,
        "{asleep} tasks sleep"
    );
}

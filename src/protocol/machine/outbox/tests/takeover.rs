//! Connections that go to another host, or into another connection, while something is on its way.

use super::*;

#[test]
fn a_host_that_is_gone_before_the_commit_that_gives_it_a_connection_does_not_get_it() {
    let mut scene = Scene::with(1..=1);
    scene.outbox.detach(client(1), 2);
    assert!(scene.outbox.is_lost(client(1), 2));
    assert!(
        !scene.outbox.is_lost(client(1), 3),
        "it was asked for again since"
    );
    assert!(!scene.outbox.is_lost(client(9), 1));
}

#[test]
fn what_is_told_to_a_connection_that_another_has_taken_over_goes_there_once() {
    let mut scene = Scene::with(1..=3);
    scene.outbox.redirect(1, 2);
    assert_eq!(frames(&scene.tell("a", &[1, 2])), [(1, vec![(2, 1)], "a".into())]);
    scene.outbox.redirect(2, 3);
    assert_eq!(frames(&scene.tell("b", &[1])), [(2, vec![(3, 1)], "b".into())]);
    scene.outbox.close(client(3));
    assert_eq!(frames(&scene.tell("c", &[2])), [(3, vec![(2, 2)], "c".into())]);
}

#[test]
fn what_was_not_written_yet_can_be_taken_over_too() {
    let mut scene = Scene::with(1..=2);
    scene.tell("a", &[1]);
    scene.commit(vec![prepared("b", &[1])]);
    assert!(!scene.outbox.is_written(client(1)));
    let (first, last) = scene.outbox.unacked(client(1)).expect("it has missed two");
    assert_eq!((first, last), (at(1), 2));
    let missed = scene
        .outbox
        .replay(client(1), None, first, Some(last), usize::MAX);
    let missed = missed.expect("the daemon asks for itself");
    assert_eq!(scene.texts(&missed), [(1, "a".into()), (2, "b".into())]);
    let hosts = scene
        .outbox
        .replay(client(1), Some(HOST), first, None, usize::MAX);
    assert_eq!(scene.texts(&hosts.expect("it has the client")), [(1, "a".into())]);
    scene.outbox.say(prepared("b", &[2]));
    scene.outbox.give_away(client(1), 2);
    assert_eq!(scene.outbox.unacked(client(1)), None);
    scene.commit(Vec::new());
    assert_eq!(frames(&scene.leave()), [(2, vec![(2, 1)], "b".into())]);
    scene.crash(1..=2);
    assert_eq!(scene.outbox.unacked(client(1)), None);
    assert_eq!(scene.outbox.unacked(client(2)), Some((at(1), 1)));
}

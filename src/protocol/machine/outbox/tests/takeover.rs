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
fn what_is_told_while_a_connection_takes_over_comes_behind_what_was_told_before() {
    let mut scene = Scene::with(1..=2);
    scene.outbox.detach(client(1), 1);
    scene.tell("before", &[1]);
    assert_eq!(scene.outbox.begin_take_over(1, 2), Some(1));
    assert_eq!(scene.tell("meanwhile", &[2]), [], "it waits behind");
    scene.tell("to both", &[1, 2]);
    assert_eq!(
        scene.texts(&scene.replay(1, 1)),
        [
            (1, "before".into()),
            (2, "meanwhile".into()),
            (3, "to both".into())
        ]
    );
    scene.outbox.give_away(client(1), 3);
    scene.outbox.say_again(1, prepared("all of it", &[]));
    scene.outbox.finish_take_over(1);
    scene.outbox.close(client(1));
    assert_eq!(
        frames(&scene.tell("after", &[1, 2])),
        [
            (1, vec![(2, 1)], "all of it".into()),
            (2, vec![(2, 2)], "after".into())
        ]
    );
}

#[test]
fn a_connection_that_is_taken_over_while_it_takes_over_passes_everything_on() {
    let mut scene = Scene::with(1..=3);
    scene.outbox.begin_take_over(1, 2);
    assert_eq!(
        scene.outbox.begin_take_over(2, 3),
        None,
        "its own is still to come"
    );
    assert_eq!(frames(&scene.tell("a", &[3])), [(1, vec![(1, 1)], "a".into())]);
    scene.outbox.finish_take_over(1);
    assert_eq!(frames(&scene.tell("b", &[1, 3])), [(2, vec![(2, 1)], "b".into())]);
    scene.outbox.finish_take_over(2);
    assert_eq!(
        frames(&scene.tell("c", &[1, 2, 3])),
        [(3, vec![(3, 1)], "c".into())]
    );
    scene.outbox.close(client(3));
    assert_eq!(frames(&scene.tell("d", &[1])), [(4, vec![(1, 2)], "d".into())]);
}

#[test]
fn what_is_not_written_yet_can_be_given_away_too() {
    let mut scene = Scene::with(1..=2);
    scene.tell("a", &[1]);
    scene.commit(vec![prepared("b", &[1])]);
    let (first, last) = scene.outbox.unacked(client(1)).expect("it has missed two");
    assert_eq!((first, last), (at(1), 2));
    let past = |scene: &Scene, host| {
        let replay = scene.outbox.replay(client(1), host, first, None, usize::MAX);
        scene.texts(&replay.expect("there is such a stream"))
    };
    assert_eq!(past(&scene, None), [(1, "a".into()), (2, "b".into())]);
    assert_eq!(past(&scene, Some(HOST)), [(1, "a".into())]);
    scene.outbox.say_over(prepared("b", &[2]));
    scene.outbox.give_away(client(1), 2);
    assert_eq!(scene.outbox.unacked(client(1)), None);
    scene.commit(Vec::new());
    assert_eq!(frames(&scene.leave()), [(2, vec![(2, 1)], "b".into())]);
    scene.crash(1..=2);
    assert_eq!(scene.outbox.unacked(client(1)), None);
    assert_eq!(scene.outbox.unacked(client(2)), Some((at(1), 1)));
}

#[test]
fn what_is_left_to_take_over_goes_to_whoever_replaces_the_taker() {
    let mut scene = Scene::with(1..=3);
    scene.outbox.detach(client(1), 1);
    scene.tell("missed", &[1]);
    scene.outbox.begin_take_over(1, 2);
    scene.outbox.replace(2, 3);
    assert_eq!(scene.tell("meanwhile", &[2, 3]), [], "it waits behind");
    scene.outbox.give_away(client(1), 2);
    scene.outbox.say_again(1, prepared("all of it", &[]));
    scene.outbox.finish_take_over(1);
    scene.outbox.close(client(1));
    assert_eq!(
        frames(&scene.tell("after", &[1, 2, 3])),
        [
            (1, vec![(3, 1)], "all of it".into()),
            (2, vec![(3, 2)], "after".into())
        ]
    );
}

#[test]
fn what_tasks_still_tell_a_connection_that_was_replaced_goes_to_the_new_one() {
    let mut scene = Scene::with(1..=2);
    scene.outbox.replace(1, 2);
    assert_eq!(frames(&scene.tell("a", &[1])), [(1, vec![(2, 1)], "a".into())]);
}

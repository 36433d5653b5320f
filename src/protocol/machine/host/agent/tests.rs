//! What a host makes of the jobs that it is given, and when it offers to take some.

use super::*;
use crate::protocol::WireValue;
use crate::protocol::job::{Confirm, JobTarget};
use moo_model::Map;
use std::time::Duration;

const HOST: HostId = HostId([3; 16]);
const USER: WireObj = WireObj(7);

fn spec(kind: &str, data: Value) -> JobSpec {
    JobSpec {
        kind: kind.to_owned(),
        target: JobTarget::User(USER),
        data: WireValue::new(&data),
        order_key: None,
        dedupe: None,
        not_before: None,
        ttl_ms: 0,
        tries_max: 0,
        from: None,
        confirm: Confirm::Queued,
    }
}

fn map(fields: &[(&str, Value)]) -> Value {
    let mut map = Map::default();
    for (name, value) in fields {
        map.insert(Value::str(name), value.clone());
    }
    Value::map(map)
}

#[track_caller]
fn check(kind: &str, data: Value, expected: &[&str]) {
    let JobOut::Deliver(to, ClientEvent::Narrative { event }) = outcome("user:7", &spec(kind, data)) else {
        panic!("{kind} is not delivered");
    };
    assert_eq!(to, USER);
    let lines = expected.iter().map(|line| Line::text(*line)).collect();
    assert_eq!(event.content, Content::Lines(lines));
}

#[test]
fn what_a_player_sees_of_a_job() {
    check("notify", Value::str("hello"), &["hello"]);
    check("notify", Value::strings(["one", "two"]), &["one", "two"]);
    let data = map(&[
        ("from", map(&[("id", Value::str("benjamin"))])),
        ("to", map(&[("id", Value::str("room1"))])),
        ("message", Value::str("Hello world")),
    ]);
    check(
        "DirectMessage",
        data.clone(),
        &["benjamin tells you, \"Hello world\""],
    );
    check(
        "ChatRoomMessage",
        data.clone(),
        &["[room1] benjamin: Hello world"],
    );
    check(
        "GlobalMessage",
        data,
        &["benjamin tells everybody, \"Hello world\""],
    );
}

#[test]
fn what_cannot_be_shown_is_not_tried_again() {
    let rejected = |queue: &str, spec: &JobSpec| matches!(outcome(queue, spec), JobOut::Reject(_));
    assert!(rejected("user:7", &spec("dance", Value::str("x"))));
    assert!(rejected("user:7", &spec("DirectMessage", Value::str("no map"))));
    assert!(rejected("agent:00", &spec("notify", Value::str("to nobody"))));
    assert_eq!(
        outcome("agent:00", &spec("ping", Value::int(0))),
        JobOut::Done(None)
    );
}

#[test]
fn an_outcome_is_said_again_to_the_next_daemon_until_it_is_answered() {
    let mut agent = Agent::default();
    let (first, second) = (JobId([1; 16]), JobId([2; 16]));
    let said = agent.work(first, 5, "user:7", &spec("notify", Value::str("a")));
    agent.work(second, 6, "user:7", &spec("notify", Value::str("b")));
    agent.answered(second);
    assert_eq!(agent.begin(), [said]);
    agent.answered(first);
    assert!(agent.begin().is_empty());
}

#[test]
fn an_offer_is_renewed_in_time_and_when_half_of_it_was_taken() {
    let mut agent = Agent::default();
    let at = |seconds| Moment::default().plus(Duration::from_secs(seconds));
    assert!(agent.offer(at(0), HOST).is_some());
    assert_eq!(agent.offer(at(1), HOST), None);
    for number in 0..JOB_CREDITS / 2 {
        let job = JobId([number as u8; 16]);
        agent.work(job, 1, "user:7", &spec("notify", Value::str("a")));
    }
    assert!(agent.offer(at(1), HOST).is_some());
    assert_eq!(agent.offer(at(2), HOST), None);
    assert!(agent.offer(at(1).plus(JOB_OFFER_PERIOD), HOST).is_some());
}

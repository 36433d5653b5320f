//! Requests for workers: who may make them, how many, and what the order says.

use super::*;
use crate::builtin::Flow;
use crate::host::OrderCounts;
use crate::outcome::Wake;
use crate::testing::{PROGRAMMER, THING, WIZARD};
use crate::work::{ORDERS_MAX, ORDERS_OF_OWNER_MAX, ORDERS_OF_VERB_MAX, WorkOrder};

impl Bench {
    fn order(&mut self, text: &str) -> Result<WorkOrder, Raised> {
        let (name, args) = parse_call(text);
        match self.flow(&name, &args)? {
            Flow::Suspend(Wake::Work(order)) => Ok(*order),
            _ => panic!("{text} asks a worker or fails"),
        }
    }

    #[track_caller]
    fn refuses(&mut self, cases: &[(&str, ErrorCode)]) {
        for (text, code) in cases {
            let refused = self.order(text).map_err(|raised| raised.code);
            assert_eq!(refused, Err(Value::err(*code)), "{text}");
        }
    }
}

#[test]
fn an_order_says_what_is_asked_by_whom_and_for_how_long() {
    let mut bench = Bench::new(WIZARD);
    bench.host.now = 1_000.0;
    bench.frame.definer = THING;
    bench.frame.verb = Value::str("Fetch");
    let order = bench
        .order("worker_request(\"HTTP\", {\"get\", \"http://x\"}, [\"timeout\" -> 2.5, \"as\" -> \"lines\"])")
        .expect("a wizard may");
    assert_eq!((order.kind.as_str(), order.tries_max), ("http", 2));
    assert_eq!((order.timeout_ms, order.deadline), (2_500, 1_002.5));
    assert_eq!((order.perms, order.verb), (WIZARD, (THING, "fetch".to_owned())));
    assert_eq!(order.request.len(), 3, "the options come last");
    assert_eq!(literal::to_literal(&order.request[1]), "\"http://x\"");
    let other = bench
        .order("worker_request(\"http\", {\"get\"})")
        .expect("a wizard may");
    assert_ne!(order.id, other.id);
}

#[test]
fn only_what_is_said_to_do_no_harm_is_done_twice() {
    let mut bench = Bench::new(WIZARD);
    for (text, tries) in [
        ("worker_request(\"http\", {\"DELETE\", \"u\"})", 2),
        ("worker_request(\"http\", {\"post\", \"u\"})", 1),
        ("worker_request(\"http\", {\"post\", \"u\"}, [\"retry\" -> 1])", 2),
        ("worker_request(\"http\", {\"get\", \"u\"}, {{\"retry\", 0}})", 1),
        ("worker_request(\"printer\", {\"get\", \"u\"})", 1),
        ("worker_request(\"printer\")", 1),
        ("curl(\"http://x\")", 2),
    ] {
        assert_eq!(
            bench.order(text).map(|order| order.tries_max),
            Ok(tries),
            "{text}"
        );
    }
}

#[test]
fn a_page_is_asked_for_in_the_form_of_curl() {
    let mut bench = Bench::new(WIZARD);
    let order = bench.order("curl(\"http://x\", 1, 5)").expect("a wizard may");
    let request = literal::to_literal(&Value::list(order.request));
    let expected = "{\"GET\", \"http://x\", [], \"\", [\"as\" -> \"page with headers\"]}";
    assert_eq!((request.as_str(), order.timeout_ms), (expected, 5_000));
}

#[test]
fn whoever_may_not_ask_or_asks_nonsense_is_told_so() {
    Bench::new(PROGRAMMER).refuses(&[
        ("worker_request(\"http\", {})", ErrorCode::Perm),
        ("curl(\"http://x\")", ErrorCode::Perm),
    ]);
    Bench::new(WIZARD).refuses(&[
        ("worker_request(\"\")", ErrorCode::InvArg),
        ("worker_request(\"http\", {}, 5)", ErrorCode::Type),
        ("worker_request(\"http\", {}, {5})", ErrorCode::InvArg),
        (
            "worker_request(\"http\", {}, [\"timeout\" -> 0])",
            ErrorCode::InvArg,
        ),
        (
            "worker_request(\"http\", {}, [\"timeout\" -> 601])",
            ErrorCode::InvArg,
        ),
        (
            "worker_request(\"http\", {}, [\"timeout\" -> \"1\"])",
            ErrorCode::Type,
        ),
        ("curl(\"http://x\", 0, -1)", ErrorCode::InvArg),
    ]);
}

#[test]
fn a_world_names_the_programmers_who_may_and_their_quotas() {
    let mut bench = Bench::new(PROGRAMMER);
    let options = THING;
    bench.define(Obj::SYSTEM, "server_options", Value::obj(options));
    bench.define(
        options,
        "worker_programmers",
        Value::list(vec![Value::obj(PROGRAMMER)]),
    );
    let ask = "worker_request(\"http\", {})";
    assert!(bench.order(ask).is_ok());
    let full = [
        (ORDERS_MAX, 0, 0),
        (1, ORDERS_OF_OWNER_MAX, 0),
        (1, 1, ORDERS_OF_VERB_MAX),
    ];
    for (all, of_owner, of_verb) in full {
        bench.host.orders = OrderCounts {
            all,
            of_owner,
            of_verb,
        };
        bench.refuses(&[(ask, ErrorCode::Quota)]);
    }
    bench.host.orders = OrderCounts::default();
    bench.define(options, "worker_requests_per_owner", Value::int(0));
    bench.refuses(&[(ask, ErrorCode::Quota)]);
}

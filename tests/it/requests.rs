//! What a client's program asks of the world, over a real wire: to see, to call, to change.

use crate::support::lone::Lone;
use crate::support::peer::{Answer, Peer, now, ring};
use crate::support::wait_for;
use moo_model::Value;
use moothall::protocol::client::{
    Auth, CmdOutcome, DaemonToClientReply as Reply, EntityType, HostClientToDaemonMessage as Ask, ObjectRef,
};
use moothall::protocol::error::{RpcMessageError, VerbProgramError};
use moothall::protocol::event::{Content, Line};
use moothall::protocol::token::Grant;
use moothall::protocol::{ClientId, HostId, WireObj, WireValue};

const HOST: HostId = HostId([0x66; 16]);
const CLIENT: ClientId = ClientId([1; 16]);

/// A wizard's client, and a host that speaks for it.
struct Client {
    peer: Peer,
    bound: [u8; 16],
    cmd_seq: u64,
}

impl Client {
    #[track_caller]
    fn of_wizard(server: &Lone) -> Client {
        let mut peer = Peer::local(&server.data(), HOST);
        let grant = Grant::Host {
            host: HOST,
            host_type: "telnet".to_owned(),
            key_hash: [0; 32],
            generation: 0,
        };
        peer.register(&ring(&server.data()).sign(grant, [1; 16], now()));
        let (_, bound) = peer.establish_from("127.0.0.1", CLIENT);
        let mut client = Client {
            peer,
            bound,
            cmd_seq: 0,
        };
        let login = client.changes(Ask::Command {
            handler: WireObj(0),
            command: "connect Wizard".to_owned(),
        });
        assert!(matches!(login, Ok(Reply::TaskSubmitted { .. })), "{login:?}");
        client
    }

    /// Asks under the next number.
    #[track_caller]
    fn changes(&mut self, ask: Ask) -> Answer {
        self.cmd_seq += 1;
        self.asks(self.cmd_seq, ask)
    }

    #[track_caller]
    fn asks(&mut self, cmd_seq: u64, ask: Ask) -> Answer {
        self.peer.request(CLIENT, Auth::Bound(self.bound), cmd_seq, ask)
    }

    #[track_caller]
    fn eval(&mut self, expression: &str) -> Answer {
        self.changes(Ask::Eval {
            expression: expression.to_owned(),
        })
    }
}

fn me() -> ObjectRef {
    ObjectRef::Match("me".to_owned())
}

fn int(value: i64) -> WireValue {
    WireValue::new(&Value::int(value))
}

#[test]
fn a_program_writes_a_verb_calls_it_and_reads_it_back() {
    let server = Lone::without_host(1, &[]);
    let mut client = Client::of_wizard(&server);
    let args = r#"add_verb(player, {player, "rxd", "plus_one"}, {"this", "none", "this"})"#;
    assert!(matches!(client.eval(args), Ok(Reply::EvalResult(_))));
    let program = |code: &str| Ask::Program {
        object: me(),
        verb: "plus_one".to_owned(),
        code: vec![code.to_owned()],
    };
    let refused = client.changes(program("return 1 +;"));
    assert!(
        matches!(
            &refused,
            Ok(Reply::ProgramResult(Err(VerbProgramError::CompilationError(faults)))) if faults[0].line == 1
        ),
        "{refused:?}"
    );
    assert!(matches!(
        client.changes(program("return args[1] + 1;")),
        Ok(Reply::ProgramResult(Ok(_)))
    ));
    let called = client.changes(Ask::InvokeVerb {
        object: me(),
        verb: "plus_one".to_owned(),
        args: vec![int(41)],
    });
    assert!(
        matches!(&called, Ok(Reply::VerbCall { result: Ok(value), .. }) if *value == int(42)),
        "{called:?}"
    );
    let read = client.asks(
        0,
        Ask::Retrieve {
            object: me(),
            what: EntityType::Verb,
            name: "plus_one".to_owned(),
        },
    );
    match read {
        Ok(Reply::VerbValue(info, code)) => {
            assert_eq!(
                (info.names, info.flags),
                (vec!["plus_one".to_owned()], "rxd".to_owned())
            );
            assert_eq!(code, ["return args[1] + 1;"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_answer_says_how_far_the_stream_is_and_a_call_repeats_what_it_told() {
    let server = Lone::without_host(1, &[]);
    let mut client = Client::of_wizard(&server);
    wait_for("the player to be connected", || {
        let found = client.eval("player in connected_players()");
        (found != Ok(Reply::EvalResult(int(0)))).then_some(())
    });
    let seq = |client: &Client| {
        let head = client.peer.head;
        head.map(|head| head.seq).expect("the client has a stream")
    };
    let before = seq(&client);
    client
        .eval(r#"add_verb(player, {player, "rxd", "greet"}, {"this", "none", "this"})"#)
        .unwrap();
    let code = vec![r#"notify(player, "two"); notify(player, "three"); return 7;"#.to_owned()];
    let (object, verb) = (me(), "greet".to_owned());
    client.changes(Ask::Program { object, verb, code }).unwrap();
    let (object, verb, args) = (me(), "greet".to_owned(), Vec::new());
    let called = client.changes(Ask::InvokeVerb { object, verb, args });
    let Ok(Reply::VerbCall { result, output }) = called else {
        panic!("{called:?}");
    };
    let lines = vec![Line::text("two"), Line::text("three")];
    assert_eq!(result, Ok(int(7)));
    assert_eq!(output.len(), 1);
    assert_eq!(output[0].content, Content::Lines(lines));
    let called = seq(&client);
    assert!(called > before, "what the call told is in the stream too");
    for (auth, is_refused) in [(Auth::Bound(client.bound), false), (Auth::None, true)] {
        client.peer.head = None;
        assert_eq!(client.peer.knock(CLIENT, auth).is_err(), is_refused);
        assert!(seq(&client) >= called);
    }
}

#[test]
fn a_change_is_made_once_and_only_under_a_number() {
    let server = Lone::without_host(1, &[]);
    let mut client = Client::of_wizard(&server);
    assert_eq!(client.eval("6 * 7"), Ok(Reply::EvalResult(int(42))));
    let again = client.asks(
        client.cmd_seq,
        Ask::Eval {
            expression: "6 * 7".to_owned(),
        },
    );
    assert!(
        matches!(
            again,
            Ok(Reply::Duplicate {
                outcome: CmdOutcome::Submitted { .. },
                ..
            })
        ),
        "{again:?}"
    );
    let unnumbered = client.asks(
        0,
        Ask::UpdateProperty {
            object: me(),
            property: "name".to_owned(),
            value: WireValue::new(&Value::str("Nobody")),
        },
    );
    assert!(
        matches!(unnumbered, Err(RpcMessageError::InvalidRequest(_))),
        "{unnumbered:?}"
    );
    assert_eq!(
        client.asks(
            0,
            Ask::RequestSysProp {
                object: me(),
                property: "no_such_property".to_owned(),
            }
        ),
        Ok(Reply::SysPropValue(None))
    );
}

#[test]
fn a_line_for_a_task_that_is_killed_before_it_comes_to_it_is_answered() {
    let server = Lone::without_host(1, &[("MOOTHALL_TASKS_EXECUTORS", "1")]);
    let mut client = Client::of_wizard(&server);
    wait_for("the player to be connected", || {
        let found = client.eval("player in connected_players()");
        (found != Ok(Reply::EvalResult(int(0)))).then_some(())
    });
    for setting in [
        "$server_options.bg_ticks = 1000000000",
        "load_server_options()",
        r##"add_property(#0, "reader", 0, {player, "r"})"##,
    ] {
        client.eval(setting).unwrap();
    }
    let line = |text: &str| Ask::Command {
        handler: WireObj(0),
        command: text.to_owned(),
    };
    // So many stand before the reader that it cannot begin before the first of them has killed it.
    let read = ";;for n in [1..8] fork (0) if (n == 1) t = ftime(); while (ftime() - t < 1.0) endwhile \
                kill_task(#0.reader); endif endfork endfor #0.reader = task_id(); read();";
    let submitted = |answer: Answer| assert!(matches!(answer, Ok(Reply::TaskSubmitted { .. })), "{answer:?}");
    submitted(client.changes(line(read)));
    submitted(client.changes(line("hello")));
    let again = client.asks(client.cmd_seq, line("hello"));
    assert!(matches!(again, Ok(Reply::Duplicate { .. })), "{again:?}");
    submitted(client.changes(line("look")));
}

#[test]
fn who_has_not_logged_in_is_told_nothing() {
    let server = Lone::without_host(1, &[]);
    let mut client = Client::of_wizard(&server);
    let stranger = ClientId([2; 16]);
    let (_, bound) = client.peer.establish(stranger);
    let ask = Ask::Verbs {
        object: ObjectRef::Number(WireObj(0)),
        inherited: false,
    };
    let answer = client.peer.request(stranger, Auth::Bound(bound), 0, ask);
    assert_eq!(answer, Err(RpcMessageError::PermissionDenied));
}

#[test]
fn a_players_program_enqueues_jobs_and_lists_and_cancels_them() {
    let server = Lone::without_host(1, &[]);
    let mut client = Client::of_wizard(&server);
    let later = |kind: &str| Ask::EnqueueJob {
        kind: kind.to_owned(),
        data: WireValue::new(&Value::int(7)),
        options: vec![("delay".to_owned(), WireValue::new(&Value::int(600)))],
    };
    let job = match client.changes(later("mail")) {
        Ok(Reply::JobEnqueued(job)) => job,
        other => panic!("not enqueued: {other:?}"),
    };
    let seq = client.cmd_seq;
    let again = client.asks(seq, later("mail"));
    assert!(matches!(again, Ok(Reply::Duplicate { .. })), "{again:?}");
    let listed = |client: &mut Client| match client.asks(0, Ask::QueuedJobs { owner: None }) {
        Ok(Reply::JobList(jobs)) => jobs,
        other => panic!("no list: {other:?}"),
    };
    let lines = listed(&mut client);
    let line = lines.iter().find(|line| line.job == job).expect("it waits");
    assert_eq!(
        (lines.len(), line.kind.as_str(), line.state.as_str()),
        (1, "mail", "delayed")
    );
    match client.asks(0, Ask::JobInfo { job }) {
        Ok(Reply::JobFacts(known, _, error, data)) => {
            assert_eq!((&known, error.as_str()), (line, ""));
            assert_eq!(data.open().unwrap(), Value::int(7));
        }
        other => panic!("nothing is known of it: {other:?}"),
    }
    assert_eq!(client.changes(Ask::CancelJob { job }), Ok(Reply::JobCancelled));
    assert!(listed(&mut client).is_empty());
    let gone = client.asks(0, Ask::JobInfo { job });
    assert!(
        matches!(gone, Err(RpcMessageError::EntityRetrievalError(_))),
        "{gone:?}"
    );
    let odd = client.changes(later("no:such"));
    assert!(matches!(odd, Err(RpcMessageError::InvalidRequest(_))), "{odd:?}");
}

//! Messages to requests and results to answers, without a world.

use super::*;
use crate::protocol::WireObj;
use crate::protocol::client::EntityType;
use crate::protocol::client::VerbInfo;
use crate::protocol::job::JobLine;
use crate::protocol::{JobId, Wall};

/// A request, with what its task has returned answered.
struct Asked(Request);

impl Asked {
    fn answer(&self, returned: &Value) -> Result<DaemonToClientReply, RpcMessageError> {
        answer(&self.0, 7, &End::Done(returned.clone()), Vec::new())
    }
}

fn request(message: HostClientToDaemonMessage) -> Asked {
    Asked(request_of(message).expect("it asks something of the world"))
}

fn done(result: Value) -> Value {
    Value::list(vec![Value::list(vec![Value::int(1), result])])
}

fn failed(code: ErrorCode, message: &str, value: Value) -> Value {
    let row = vec![Value::int(0), Value::err(code), Value::str(message), value];
    Value::list(vec![Value::list(row)])
}

fn strings(texts: &[&str]) -> Value {
    Value::strings(texts)
}

fn system() -> ObjectRef {
    ObjectRef::Number(WireObj(0))
}

#[test]
fn each_result_is_answered_by_its_own_kind() {
    let eval = request(HostClientToDaemonMessage::Eval {
        expression: "6 * 7".into(),
    });
    assert_eq!(
        eval.answer(&done(Value::int(42))),
        Ok(DaemonToClientReply::EvalResult(WireValue::new(&Value::int(42))))
    );
    let verb = request(HostClientToDaemonMessage::Retrieve {
        object: system(),
        what: EntityType::Verb,
        name: "go".into(),
    });
    let row = Value::list(vec![
        Value::obj(Obj(3)),
        Value::obj(Obj(2)),
        Value::str("rxd"),
        Value::str("g*o walk"),
        strings(&["any", "none", "none"]),
    ]);
    let info = VerbInfo {
        definer: WireObj(3),
        names: vec!["g*o".into(), "walk".into()],
        owner: WireObj(2),
        flags: "rxd".into(),
        args: ["any".into(), "none".into(), "none".into()],
    };
    let found = Value::list(vec![row.clone(), strings(&["return;"])]);
    assert_eq!(
        verb.answer(&done(found)),
        Ok(DaemonToClientReply::VerbValue(
            info.clone(),
            vec!["return;".into()]
        ))
    );
    let verbs = request(HostClientToDaemonMessage::Verbs {
        object: system(),
        inherited: true,
    });
    assert_eq!(
        verbs.answer(&done(Value::list(vec![row]))),
        Ok(DaemonToClientReply::VerbList(vec![info]))
    );
}

#[test]
fn errors_are_refusals_that_say_what_was_wrong() {
    let read = |code, message: &str, value| {
        request(HostClientToDaemonMessage::Eval {
            expression: "x".into(),
        })
        .answer(&failed(code, message, value))
    };
    assert_eq!(
        read(ErrorCode::Perm, "Permission denied", Value::int(0)),
        Err(RpcMessageError::PermissionDenied)
    );
    assert_eq!(
        read(ErrorCode::PropNf, "Property not found", Value::int(0)),
        Err(RpcMessageError::EntityRetrievalError("Property not found".into()))
    );
    let faults = strings(&["Line 2:  syntax error"]);
    assert_eq!(
        read(ErrorCode::InvArg, "The expression does not compile", faults),
        Err(RpcMessageError::TaskError(SchedulerError::CompilationError(
            vec![CompileFault {
                line: 2,
                column: 0,
                message: "syntax error".into()
            }]
        )))
    );
    assert!(matches!(
        read(ErrorCode::Div, "Division by zero", Value::int(0)),
        Err(RpcMessageError::TaskError(SchedulerError::TaskAbortedException(
            _
        )))
    ));
}

#[test]
fn a_program_that_does_not_compile_is_an_answer_with_its_faults() {
    let program = request(HostClientToDaemonMessage::Program {
        object: system(),
        verb: "go".into(),
        code: vec!["return +;".into()],
    });
    let faults = strings(&["Line 1:  syntax error"]);
    let answer = program.answer(&failed(ErrorCode::InvArg, "The program does not compile", faults));
    assert!(matches!(
        answer,
        Ok(DaemonToClientReply::ProgramResult(Err(
            VerbProgramError::CompilationError(_)
        )))
    ));
    let answer = program.answer(&failed(ErrorCode::VerbNf, "Verb not found", Value::int(0)));
    assert!(matches!(
        answer,
        Ok(DaemonToClientReply::ProgramResult(Err(
            VerbProgramError::NoVerbToProgram(_)
        )))
    ));
}

#[test]
fn a_property_that_is_not_there_is_none_and_a_batch_names_its_results() {
    let property = request(HostClientToDaemonMessage::RequestSysProp {
        object: system(),
        property: "motd".into(),
    });
    assert_eq!(
        property.answer(&failed(ErrorCode::PropNf, "Property not found", Value::int(0))),
        Ok(DaemonToClientReply::SysPropValue(None))
    );
    let actions = vec![
        ("a".to_owned(), WorldAction::Resolve { object: system() }),
        (
            "b".to_owned(),
            WorldAction::RequestSysProp {
                object: system(),
                property: "x".into(),
            },
        ),
    ];
    let batch = request(HostClientToDaemonMessage::BatchWorldState {
        actions,
        rollback: true,
    });
    assert!(batch.0.rollback);
    // The second result never came.
    let answer = batch.answer(&done(Value::obj(Obj(0))));
    let Ok(DaemonToClientReply::BatchResult(results)) = answer else {
        panic!("a batch is answered by its results: {answer:?}");
    };
    assert_eq!(
        results[0],
        (
            "a".to_owned(),
            Ok(WorldResult::Value(WireValue::new(&Value::obj(Obj(0)))))
        )
    );
    assert!(results[1].0 == "b" && results[1].1.is_err());
}

#[test]
fn values_that_cannot_be_read_and_results_of_another_shape_are_refused() {
    let bad = HostClientToDaemonMessage::UpdateProperty {
        object: system(),
        property: "x".into(),
        value: WireValue(vec![255, 255, 255]),
    };
    assert!(matches!(request_of(bad), Err(RpcMessageError::InvalidRequest(_))));
    let verbs = request(HostClientToDaemonMessage::Verbs {
        object: system(),
        inherited: false,
    });
    assert!(matches!(
        verbs.answer(&done(strings(&["not a row"]))),
        Err(RpcMessageError::InternalError(_))
    ));
    let line = HostClientToDaemonMessage::Detach { disconnected: true };
    assert!(request_of(line).is_err(), "it is no question");
}

#[test]
fn jobs_are_answered_by_their_ids_and_facts_and_refused_with_what_to_do() {
    let job = JobId([0xab; 16]);
    let enqueue = request(HostClientToDaemonMessage::EnqueueJob {
        kind: "mail".into(),
        data: WireValue::new(&Value::int(7)),
        options: vec![("delay".into(), WireValue::new(&Value::int(2)))],
    });
    assert!(!enqueue.0.only_reads());
    let id = Value::string("ab".repeat(16));
    assert_eq!(
        enqueue.answer(&done(id.clone())),
        Ok(DaemonToClientReply::JobEnqueued(job))
    );
    let refused = |code| enqueue.answer(&failed(code, "No", Value::int(0)));
    assert_eq!(refused(ErrorCode::Quota), Err(RpcMessageError::QueueFull));
    assert_eq!(refused(ErrorCode::Perm), Err(RpcMessageError::PermissionDenied));
    assert!(matches!(
        refused(ErrorCode::InvArg),
        Err(RpcMessageError::InvalidRequest(_))
    ));
    let facts = request(HostClientToDaemonMessage::JobInfo { job });
    assert!(facts.0.only_reads());
    let row = [
        id,
        Value::str("mail"),
        Value::str("world"),
        Value::str("ready"),
        Value::obj(Obj(3)),
        Value::int(1),
    ];
    let line = JobLine {
        job,
        kind: "mail".into(),
        to: "world".into(),
        state: "ready".into(),
        owner: WireObj(3),
        tries: 1,
    };
    let more = [Value::int(60), Value::str("it failed"), Value::int(7)];
    let all = Value::list(row.iter().cloned().chain(more).collect());
    let data = WireValue::new(&Value::int(7));
    assert_eq!(
        facts.answer(&done(all)),
        Ok(DaemonToClientReply::JobFacts(
            line.clone(),
            Wall(60_000),
            "it failed".into(),
            data
        ))
    );
    let queued = request(HostClientToDaemonMessage::QueuedJobs { owner: None });
    let rows = Value::list(vec![Value::list(row.to_vec())]);
    assert_eq!(
        queued.answer(&done(rows)),
        Ok(DaemonToClientReply::JobList(vec![line]))
    );
}

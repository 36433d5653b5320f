//! The programming, inspection and calling messages of clients, as requests to the world and as its answers.
//!
//! Pure translation: who may do what is decided where the request runs ([`moo_tasks::request`]). Invariant: every result
//! becomes an answer of the kind that its message is answered by, or a refusal.

mod jobs;
mod rows;

use crate::actors::outlet::scheduler_error;
use crate::limits::LIST_ENTRIES_MAX;
use crate::protocol::WireValue;
use crate::protocol::client::{
    DaemonToClientReply, EntityType, HostClientToDaemonMessage, ObjectRef, WorldAction, WorldResult,
};
use crate::protocol::error::{CompileFault, Exception, RpcMessageError, SchedulerError, VerbProgramError};
use crate::protocol::event::NarrativeEvent;
use moo_model::{ErrorCode, Obj, Value};
use moo_tasks::attempt::{End, Failure};
use moo_tasks::connections::ConnId;
use moo_tasks::request::{Action, Expected, Failed, ObjectName, Request, results};
use moo_tasks::service::{Service, What};
use rows::{object_info, programmed, prop_info, property_and_value, rows, texts, verb_and_code, verb_info};

/// What the result of one action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Eval,
    Call,
    SystemProperty,
    Verb,
    Property,
    Verbs,
    Properties,
    Programmed,
    Updated,
    Expected,
    Resolved,
    Objects,
    Enqueued,
    Jobs,
    Job,
    Cancelled,
}

type Refused = RpcMessageError;

/// The request that a message makes. A message that asks nothing of the world, and values that cannot be opened, are
/// refused.
pub fn request_of(message: HostClientToDaemonMessage) -> Result<Request, Refused> {
    let action = match message {
        HostClientToDaemonMessage::Eval { expression } => Action::Eval(expression),
        HostClientToDaemonMessage::ListObjects { after, limit } => Action::Objects(
            after.map_or(Obj(-1), Obj::from),
            limit.min(LIST_ENTRIES_MAX as u16),
        ),
        HostClientToDaemonMessage::BatchWorldState { actions, rollback } => return batch(actions, rollback),
        HostClientToDaemonMessage::EnqueueJob { kind, data, options } => jobs::enqueue(kind, &data, options)?,
        HostClientToDaemonMessage::QueuedJobs { owner } => Action::Jobs(owner.map(Obj::from)),
        HostClientToDaemonMessage::JobInfo { job } => Action::Job(job.0),
        HostClientToDaemonMessage::CancelJob { job } => Action::Cancel(job.0),
        message => action_of(world_action(message)?)?,
    };
    Ok(Request {
        actions: vec![action],
        rollback: false,
        names: None,
    })
}

/// The answer to what the task of a request came to, with what it has told the asker. One that suspends is answered as a
/// task: what it asked for comes too late.
pub fn answer(
    request: &Request,
    task: i64,
    end: &End,
    output: Vec<NarrativeEvent>,
) -> Result<DaemonToClientReply, Refused> {
    let returned = match end {
        End::Done(value) => value,
        End::Waits(_) => return Ok(DaemonToClientReply::TaskSubmitted { task_id: task as u64 }),
        End::Failed(failure) => return Err(RpcMessageError::TaskError(scheduler_error(failure))),
    };
    let mut results = results(returned).into_iter();
    let actions = request.actions.iter();
    let mut each = actions.map(|action| (action, results.next().unwrap_or_else(no_result)));
    match &request.names {
        None => each.next().map_or_else(
            || Err(malformed()),
            |(action, result)| single(kind_of(action), result, output),
        ),
        Some(names) => Ok(DaemonToClientReply::BatchResult(
            names
                .iter()
                .zip(each)
                .map(|(name, (action, result))| (name.clone(), in_batch(action, result)))
                .collect(),
        )),
    }
}

/// The verb of the system object that a message or handler is for, on behalf of a player or nobody.
pub fn service_of(
    message: HostClientToDaemonMessage,
    player: Obj,
    conn: Option<ConnId>,
) -> Result<Service, Refused> {
    match message {
        HostClientToDaemonMessage::Typed {
            msg_type, to, data, ..
        } => Ok(Service::typed(msg_type, player, to, opened(&data)?, conn)),
        HostClientToDaemonMessage::InvokeSystemHandler { handler_type, args } => {
            let args = args.iter().map(opened).collect::<Result<_, _>>()?;
            let words = "a handler's name is made of small letters, digits and underscores";
            Service::handler(&handler_type, args, conn)
                .ok_or_else(|| RpcMessageError::InvalidRequest(words.to_owned()))
        }
        _ => Err(not_answered()),
    }
}

/// The answer to what the task of such a call came to. How a message's task ends its connection hears by its stream.
pub fn service_answer(service: &Service, task: i64, end: &End) -> Result<DaemonToClientReply, Refused> {
    let submitted = DaemonToClientReply::TaskSubmitted { task_id: task as u64 };
    let name = match &service.what {
        What::Typed(msg_type) if service.is_unknown(end) => {
            return Err(RpcMessageError::UnknownType(msg_type.clone()));
        }
        What::Typed(_) | What::Job(_) => return Ok(submitted),
        What::Handler(_) => service.verb(),
    };
    Ok(DaemonToClientReply::SystemHandler(match end {
        End::Waits(_) => return Ok(submitted),
        End::Done(value) => Ok(WireValue::new(value)),
        End::Failed(Failure::NoVerb) => Err(SchedulerError::TaskAbortedVerbNotFound {
            object: WireValue::new(&Value::obj(Obj::SYSTEM)),
            verb: name,
        }),
        End::Failed(failure) => Err(scheduler_error(failure)),
    }))
}

fn not_answered() -> Refused {
    RpcMessageError::InvalidRequest("nothing in the world answers that".into())
}

/// The messages that are also steps of a batch, as such steps.
fn world_action(message: HostClientToDaemonMessage) -> Result<WorldAction, Refused> {
    use HostClientToDaemonMessage as Message;
    Ok(match message {
        Message::InvokeVerb { object, verb, args } => WorldAction::InvokeVerb { object, verb, args },
        Message::UpdateProperty {
            object,
            property,
            value,
        } => WorldAction::UpdateProperty {
            object,
            property,
            value,
        },
        Message::RequestSysProp { object, property } => WorldAction::RequestSysProp { object, property },
        Message::Program { object, verb, code } => WorldAction::Program { object, verb, code },
        Message::Retrieve { object, what, name } => WorldAction::Retrieve { object, what, name },
        Message::Properties { object, inherited } => WorldAction::Properties { object, inherited },
        Message::Verbs { object, inherited } => WorldAction::Verbs { object, inherited },
        Message::Resolve { object } => WorldAction::Resolve { object },
        Message::CallSystemVerb { verb, args } => WorldAction::InvokeVerb {
            object: ObjectRef::Number(Obj::SYSTEM.into()),
            verb,
            args,
        },
        _ => return Err(not_answered()),
    })
}

fn batch(actions: Vec<(String, WorldAction)>, rollback: bool) -> Result<Request, Refused> {
    let (names, actions): (Vec<_>, Vec<_>) = actions.into_iter().unzip();
    Ok(Request {
        actions: actions.into_iter().map(action_of).collect::<Result<_, _>>()?,
        rollback,
        names: Some(names),
    })
}

fn action_of(action: WorldAction) -> Result<Action, Refused> {
    Ok(match action {
        WorldAction::InvokeVerb { object, verb, args } => {
            let args = args.iter().map(opened).collect::<Result<_, _>>()?;
            Action::Invoke(name_of(object), verb, args)
        }
        WorldAction::UpdateProperty {
            object,
            property,
            value,
        } => Action::Update(name_of(object), property, opened(&value)?),
        WorldAction::RequestSysProp { object, property } => Action::Read(name_of(object), property),
        WorldAction::Program { object, verb, code } => Action::Program(name_of(object), verb, code),
        WorldAction::Retrieve { object, what, name } => match what {
            EntityType::Property => Action::Property(name_of(object), name),
            EntityType::Verb => Action::Verb(name_of(object), name),
        },
        WorldAction::Properties { object, inherited } => Action::Properties(name_of(object), inherited),
        WorldAction::Verbs { object, inherited } => Action::Verbs(name_of(object), inherited),
        WorldAction::Resolve { object } => Action::Resolve(name_of(object)),
        WorldAction::Expect {
            object,
            what,
            name,
            tag,
        } => {
            let what = match what {
                EntityType::Property => Expected::Property,
                EntityType::Verb => Expected::Verb,
            };
            Action::Expect(name_of(object), what, name, tag)
        }
        WorldAction::UpdateLiteral {
            object,
            property,
            literal,
        } => Action::UpdateLiteral(name_of(object), property, literal),
    })
}

/// A value as the world has it.
pub fn opened(value: &WireValue) -> Result<Value, Refused> {
    value
        .open_foreign()
        .map_err(|error| RpcMessageError::InvalidRequest(format!("a value cannot be read: {error}")))
}

fn name_of(object: ObjectRef) -> ObjectName {
    match object {
        ObjectRef::Number(obj) => ObjectName::Number(obj.into()),
        ObjectRef::System(path) => ObjectName::System(path),
        ObjectRef::Match(text) => ObjectName::Match(text),
    }
}

fn kind_of(action: &Action) -> Kind {
    match action {
        Action::Eval(_) => Kind::Eval,
        Action::Invoke(..) => Kind::Call,
        Action::Read(..) => Kind::SystemProperty,
        Action::Update(..) | Action::UpdateLiteral(..) => Kind::Updated,
        Action::Expect(..) => Kind::Expected,
        Action::Program(..) => Kind::Programmed,
        Action::Verb(..) => Kind::Verb,
        Action::Property(..) => Kind::Property,
        Action::Verbs(..) => Kind::Verbs,
        Action::Properties(..) => Kind::Properties,
        Action::Resolve(_) => Kind::Resolved,
        Action::Objects(..) => Kind::Objects,
        Action::Enqueue(..) => Kind::Enqueued,
        Action::Jobs(_) => Kind::Jobs,
        Action::Job(_) => Kind::Job,
        Action::Cancel(_) => Kind::Cancelled,
    }
}

fn no_result() -> Result<Value, Failed> {
    Err(Failed {
        code: Value::err(ErrorCode::None),
        message: "it was not carried out".to_owned(),
        value: Value::int(0),
    })
}

fn single(
    kind: Kind,
    result: Result<Value, Failed>,
    output: Vec<NarrativeEvent>,
) -> Result<DaemonToClientReply, Refused> {
    use DaemonToClientReply as Reply;
    let value = match (kind, result) {
        (_, Ok(value)) => value,
        (Kind::SystemProperty, Err(failed)) if failed.is(ErrorCode::PropNf) => {
            return Ok(Reply::SysPropValue(None));
        }
        (Kind::Programmed, Err(failed)) => return Ok(Reply::ProgramResult(Err(not_programmed(failed)))),
        (Kind::Call, Err(failed)) if !failed.is(ErrorCode::Perm) => {
            return Ok(Reply::VerbCall {
                result: Err(SchedulerError::TaskAbortedException(exception(failed))),
                output,
            });
        }
        (Kind::Enqueued, Err(failed)) => return Err(jobs::not_stored(failed)),
        (_, Err(failed)) => return Err(refusal(failed)),
    };
    Ok(match kind {
        Kind::Eval => Reply::EvalResult(WireValue::new(&value)),
        Kind::Call => Reply::VerbCall {
            result: Ok(WireValue::new(&value)),
            output,
        },
        Kind::SystemProperty => Reply::SysPropValue(Some(WireValue::new(&value))),
        Kind::Verb => {
            let (info, code) = verb_and_code(&value).ok_or_else(malformed)?;
            Reply::VerbValue(info, code)
        }
        Kind::Property => {
            let (info, value) = property_and_value(&value).ok_or_else(malformed)?;
            Reply::PropertyValue(info, value)
        }
        Kind::Verbs => Reply::VerbList(rows(&value, verb_info)?),
        Kind::Properties => Reply::PropertyList(rows(&value, prop_info)?),
        Kind::Programmed => Reply::ProgramResult(Ok(programmed(&value).ok_or_else(malformed)?)),
        Kind::Updated => Reply::PropertyUpdated,
        // Nobody asks for that alone.
        Kind::Expected => return Err(malformed()),
        Kind::Resolved => Reply::ResolveResult(WireValue::new(&value)),
        Kind::Objects => Reply::ObjectList(rows(&value, object_info)?),
        Kind::Enqueued => Reply::JobEnqueued(jobs::id(&value).ok_or_else(malformed)?),
        Kind::Jobs => Reply::JobList(rows(&value, jobs::line)?),
        Kind::Job => jobs::facts(&value).ok_or_else(malformed)?,
        Kind::Cancelled => Reply::JobCancelled,
    })
}

fn in_batch(action: &Action, result: Result<Value, Failed>) -> Result<WorldResult, Refused> {
    let kind = kind_of(action);
    let value = result.map_err(|failed| match kind {
        Kind::Programmed => {
            RpcMessageError::TaskError(SchedulerError::VerbProgramFailed(not_programmed(failed)))
        }
        _ => refusal(failed),
    })?;
    Ok(match kind {
        Kind::Expected => {
            if !matches!(action, Action::Expect(.., tag) if moo_model::tag::tag(&value) == *tag) {
                let current = WireValue::new(&value);
                return Err(RpcMessageError::Changed { current });
            }
            WorldResult::Unchanged
        }
        Kind::Eval
        | Kind::Call
        | Kind::SystemProperty
        | Kind::Resolved
        | Kind::Objects
        | Kind::Enqueued
        | Kind::Jobs
        | Kind::Job
        | Kind::Cancelled => WorldResult::Value(WireValue::new(&value)),
        Kind::Verb => {
            let (info, code) = verb_and_code(&value).ok_or_else(malformed)?;
            WorldResult::Verb(info, code)
        }
        Kind::Property => {
            let (info, value) = property_and_value(&value).ok_or_else(malformed)?;
            WorldResult::Property(info, value)
        }
        Kind::Verbs => WorldResult::Verbs(rows(&value, verb_info)?),
        Kind::Properties => WorldResult::Properties(rows(&value, prop_info)?),
        Kind::Programmed => {
            let (object, verb) = programmed(&value).ok_or_else(malformed)?;
            WorldResult::Programmed { object, verb }
        }
        Kind::Updated => WorldResult::PropertyUpdated,
    })
}

/// The program that answers is ours, so its results have the agreed shape unless the world has put something else in
/// place of a built-in function.
fn malformed() -> Refused {
    RpcMessageError::InternalError("the world's own built-in functions gave something unexpected".to_owned())
}

/// The compiler's messages, where the error came with them.
fn compile_faults(failed: &Failed) -> Option<Vec<CompileFault>> {
    let lines = texts(&failed.value).filter(|lines| !lines.is_empty())?;
    let fault = |line: String| {
        let place = line.strip_prefix("Line ").and_then(|rest| rest.split_once(':'));
        let (number, message) = match place.and_then(|(number, rest)| Some((number.parse().ok()?, rest))) {
            Some((number, rest)) => (number, rest.trim().to_owned()),
            None => (0, line),
        };
        CompileFault {
            line: number,
            column: 0,
            message,
        }
    };
    failed
        .message
        .ends_with("does not compile")
        .then(|| lines.into_iter().map(fault).collect())
}

fn not_programmed(failed: Failed) -> VerbProgramError {
    match compile_faults(&failed) {
        Some(faults) => VerbProgramError::CompilationError(faults),
        None if failed.is(ErrorCode::Perm) => VerbProgramError::PermissionDenied,
        None if is_missing(&failed) => VerbProgramError::NoVerbToProgram(Obj::NOTHING.into()),
        None => VerbProgramError::DatabaseError(failed.message),
    }
}

fn is_missing(failed: &Failed) -> bool {
    [
        ErrorCode::VerbNf,
        ErrorCode::PropNf,
        ErrorCode::InvInd,
        ErrorCode::InvArg,
    ]
    .iter()
    .any(|&code| failed.is(code))
}

fn refusal(failed: Failed) -> Refused {
    if let Some(faults) = compile_faults(&failed) {
        return RpcMessageError::TaskError(SchedulerError::CompilationError(faults));
    }
    if failed.is(ErrorCode::Perm) {
        RpcMessageError::PermissionDenied
    } else if failed.is_no_value() {
        RpcMessageError::InvalidRequest(failed.message)
    } else if is_missing(&failed) {
        RpcMessageError::EntityRetrievalError(failed.message)
    } else {
        RpcMessageError::TaskError(SchedulerError::TaskAbortedException(exception(failed)))
    }
}

fn exception(failed: Failed) -> Exception {
    Exception {
        code: WireValue::new(&failed.code),
        message: failed.message,
        value: WireValue::new(&failed.value),
        traceback: Vec::new(),
    }
}

#[cfg(test)]
mod tests;

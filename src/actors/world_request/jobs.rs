//! Jobs as clients' programs ask for them: messages to actions, rows of the built-in functions to answers.
//!
//! Invariant: who may do what is decided by the built-in functions, which run as the asking player; the owner of a job is
//! whoever asked, whatever a message says.

use super::rows::{object, text};
use super::{Refused, exception, opened, refusal};
use crate::protocol::client::DaemonToClientReply;
use crate::protocol::error::{RpcMessageError, SchedulerError};
use crate::protocol::job::JobLine;
use crate::protocol::{JobId, Wall, WireValue};
use moo_model::{ErrorCode, Value};
use moo_tasks::jobs::id_of;
use moo_tasks::request::{Action, Failed};

/// What a client's program wants stored.
pub(super) fn enqueue(
    kind: String,
    data: &WireValue,
    options: Vec<(String, WireValue)>,
) -> Result<Action, Refused> {
    let option = |(name, value): (String, WireValue)| Ok((name, opened(&value)?));
    let options = options.into_iter().map(option).collect::<Result<_, Refused>>()?;
    Ok(Action::Enqueue(kind, opened(data)?, options))
}

/// Why a job was not stored: too many wait, it is nobody's to ask for, or it makes no sense.
pub(super) fn not_stored(failed: Failed) -> Refused {
    const NONSENSE: &str =
        "that is no job: its kind, its options or whom it is for are not as docs/jobs.md says";
    if failed.is(ErrorCode::Quota) {
        RpcMessageError::QueueFull
    } else if failed.is(ErrorCode::InvArg) || failed.is(ErrorCode::Type) {
        RpcMessageError::InvalidRequest(NONSENSE.to_owned())
    } else if failed.is(ErrorCode::Perm) {
        refusal(failed)
    } else {
        RpcMessageError::TaskError(SchedulerError::TaskAbortedException(exception(failed)))
    }
}

/// A job's id.
pub(super) fn id(value: &Value) -> Option<JobId> {
    id_of(value.as_str()?).map(JobId)
}

/// A row of `queued_jobs()`.
pub(super) fn line(row: &Value) -> Option<JobLine> {
    let [job, kind, to, state, owner, tries] = row.as_list()? else {
        return None;
    };
    Some(JobLine {
        job: id(job)?,
        kind: text(kind)?,
        to: text(to)?,
        state: text(state)?,
        owner: object(owner)?,
        tries: u8::try_from(tries.as_int()?).ok()?,
    })
}

/// What `job_info()` knows, as the request's program orders it.
pub(super) fn facts(value: &Value) -> Option<DaemonToClientReply> {
    let (known, more) = value.as_list()?.split_at_checked(6)?;
    let [since, error, data] = more else {
        return None;
    };
    let since = Wall(u64::try_from(since.as_int()?).ok()?.saturating_mul(1_000));
    let line = line(&Value::list(known.to_vec()))?;
    Some(DaemonToClientReply::JobFacts(
        line,
        since,
        text(error)?,
        WireValue::new(data),
    ))
}

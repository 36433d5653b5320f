//! A player's jobs. Who may have what done is decided by the built-in functions for jobs, under the player's permissions.

use super::super::json::{Fields, invalid, json_value, object_text, world_value};
use super::super::link::ask_for;
use super::answer::{Refused, finish};
use super::call::Call;
use super::operations::JobWish;
use crate::hosts::link::NoAnswer;
use crate::protocol::JobId;
use crate::protocol::client::{DaemonToClientReply as Reply, HostClientToDaemonMessage as Message};
use crate::protocol::error::RpcError;
use crate::protocol::hex::{from_hex, to_hex};
use crate::protocol::job::JobLine;
use actix_web::HttpResponse;
use serde_json::{Value, json};

/// Carries out what is asked about jobs.
pub async fn serve(mut call: Call, wish: JobWish) -> Result<HttpResponse, Refused> {
    let message = match wish {
        JobWish::Put => put(&mut call.fields)?,
        JobWish::List => Message::QueuedJobs { owner: None },
        JobWish::Info => Message::JobInfo {
            job: id(&mut call.fields)?,
        },
        JobWish::Cancel => Message::CancelJob {
            job: id(&mut call.fields)?,
        },
    };
    let said = match ask_for(&call.shared, call.auth, message).await? {
        Reply::JobEnqueued(job) => json!({"id": to_hex(&job.0)}),
        Reply::JobList(jobs) => json!({"jobs": jobs.iter().map(line).collect::<Value>()}),
        Reply::JobFacts(job, since, error, data) => {
            let mut said = line(&job);
            said["since_ms"] = since.0.into();
            said["error"] = error.into();
            said["data"] = json_value(&data);
            said
        }
        Reply::JobCancelled => json!({}),
        Reply::TaskSubmitted { task_id } => {
            return Ok(finish(&mut HttpResponse::Accepted(), json!({"task": task_id})));
        }
        other => {
            tracing::error!(?other, "an answer to something else than a question about jobs");
            let unexpected = RpcError::UnexpectedReply("it is not about jobs".into());
            return Err(NoAnswer::Failed(unexpected).into());
        }
    };
    Ok(finish(&mut HttpResponse::Ok(), said))
}

fn line(job: &JobLine) -> Value {
    json!({
        "id": to_hex(&job.job.0),
        "kind": job.kind,
        "to": job.to,
        "state": job.state,
        "owner": object_text(job.owner),
        "tries": job.tries,
    })
}

fn id(fields: &mut Fields) -> Result<JobId, Refused> {
    let id: Option<[u8; 16]> = from_hex(&fields.name("id")?);
    let wrong = || invalid("a job's id has 32 hexadecimal digits").into();
    id.map(JobId).ok_or_else(wrong)
}

/// A new job: all but its kind and its data are options, which the world's own function knows.
fn put(fields: &mut Fields) -> Result<Message, Refused> {
    let kind = fields.name("kind")?;
    let data = fields.take("data").unwrap_or_default();
    let read = |name: &str, value: &Value| {
        world_value(value).map_err(|why| Refused::from(invalid(format!("`{name}`: {why}"))))
    };
    let data = read("data", &data)?;
    let given = fields.0.iter().filter(|(_, value)| !value.is_null());
    let options = given.map(|(name, value)| Ok((name.clone(), read(name, value)?)));
    Ok(Message::EnqueueJob {
        kind,
        data,
        options: options.collect::<Result<_, Refused>>()?,
    })
}

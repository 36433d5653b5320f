//! `moothallctl jobs`: work that is not done, work that was given up, and what becomes of that.

use super::measures::json;
use super::status::{columns, row};
use super::{OperatorError, ask_daemon, failed, unexpected};
use crate::protocol::admin::{AdminReply, AdminRequest, JobStatus};
use crate::protocol::hex;
use std::path::Path;

/// Carries out `jobs [list|dead|retry|drop] [<id>]`; gives what to print.
pub fn jobs(data: &Path, word: &str, id: &str, as_json: bool) -> Result<String, OperatorError> {
    let request = match (word, hex::from_hex::<16>(id)) {
        ("" | "list", _) => AdminRequest::Jobs { dead: false },
        ("dead", _) => AdminRequest::Jobs { dead: true },
        ("retry", Some(id)) => AdminRequest::RetryJob(id),
        ("drop", Some(id)) => AdminRequest::DropJob(id),
        ("retry" | "drop", None) => {
            return Err(failed(
                "say which job, by the id that `moothallctl jobs dead` shows",
            ));
        }
        (other, _) => {
            return Err(failed(format!("`{other}` is none of list, dead, retry and drop")));
        }
    };
    match ask_daemon(data, &request)? {
        AdminReply::Jobs(jobs) if as_json => Ok(json(&jobs)),
        AdminReply::Jobs(jobs) => Ok(table(&jobs)),
        AdminReply::Done => Ok(String::new()),
        _ => unexpected(),
    }
}

fn table(jobs: &[JobStatus]) -> String {
    let mut rows = vec![row(["ID", "KIND", "QUEUE", "STATE", "TRIES", "AGE S", "ERROR"])];
    rows.extend(jobs.iter().map(|job| {
        row([
            &job.id,
            &job.kind,
            &job.queue,
            &job.state,
            &job.tries.to_string(),
            &job.age_s.to_string(),
            &job.error,
        ])
    }));
    let mut text = String::new();
    columns(&mut text, &rows);
    text
}

//! `moothallctl metrics`, `profile` and `conflicts`: what the daemon counts, for programs and for people.

use super::status::{columns, row};
use super::{OperatorError, ask_daemon, unexpected};
use crate::protocol::admin::{AdminReply, AdminRequest, ConflictCount, VerbUse};
use crate::protocol::figure;
use serde::Serialize;
use std::path::Path;

/// Everything that is counted, as the text that Prometheus reads.
pub fn metrics(data: &Path) -> Result<String, OperatorError> {
    match ask_daemon(data, &AdminRequest::Metrics)? {
        AdminReply::Metrics(figures) => Ok(figure::text(&figures)),
        _ => unexpected(),
    }
}

/// What verbs cost, those with the most time first: as a table, or as JSON.
pub fn profile(data: &Path, as_json: bool) -> Result<String, OperatorError> {
    let verbs = match ask_daemon(data, &AdminRequest::Profile)? {
        AdminReply::Profile(verbs) => verbs,
        _ => return unexpected(),
    };
    Ok(if as_json {
        json(&verbs)
    } else {
        profile_table(&verbs)
    })
}

/// Where tasks were in each other's way: as a table, or as JSON.
pub fn conflicts(data: &Path, as_json: bool) -> Result<String, OperatorError> {
    let counts = match ask_daemon(data, &AdminRequest::Conflicts)? {
        AdminReply::Conflicts(counts) => counts,
        _ => return unexpected(),
    };
    Ok(if as_json {
        json(&counts)
    } else {
        conflict_table(&counts)
    })
}

pub(super) fn json(rows: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(rows).expect("plain data has a JSON form");
    text + "\n"
}

fn profile_table(verbs: &[VerbUse]) -> String {
    let mut rows = vec![row(["SECONDS", "TICKS", "CALLS", "US A CALL", "VERB"])];
    rows.extend(verbs.iter().map(|verb| {
        row([
            &format!("{:.3}", verb.micros as f64 / 1e6),
            &verb.ticks.to_string(),
            &verb.calls.to_string(),
            &format!("{:.1}", verb.micros as f64 / verb.calls.max(1) as f64),
            &match verb.definer {
                0.. => format!("#{}:{}", verb.definer, verb.names),
                _ => verb.names.clone(),
            },
        ])
    }));
    let mut text = String::new();
    columns(&mut text, &rows);
    text
}

fn conflict_table(counts: &[ConflictCount]) -> String {
    let mut rows = vec![row(["TIMES", "OBJECT", "PART"])];
    rows.extend(counts.iter().map(|count| {
        row([
            &count.count.to_string(),
            &format!("#{}", count.object),
            &count.part,
        ])
    }));
    let mut text = String::new();
    columns(&mut text, &rows);
    text
}

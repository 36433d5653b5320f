//! The pages of `docs/` that are made from the protocol's tables, and the proof that they are fresh.
//!
//! `cargo xtask docs` (that is, `UPDATE=1 cargo test page`) writes them anew.

use std::fmt::{Debug, Write as _};
use std::path::Path;

use super::samples;
use super::surface::{session_errors, transport_errors};
use crate::protocol::figure;
use crate::protocol::kind::{Family, Lane, Resend, Row as KindRow, TABLE};
use crate::protocol::surface::{Row, SURFACE, Surface, Surfaced};

const ERRORS_HEAD: &str = "\
# Errors

What a person and a program see of each error, and how loud it is in the log. Made from the table in
`src/protocol/surface.rs` by `cargo xtask docs`; do not edit.

*Telnet* is the line that a player reads (none where the world itself has said enough). *Code* is what JSON clients get,
*HTTP* the status of a REST answer, *close* the code that a WebSocket is closed with where the error ends it. *Again*:
the same request may succeed later without a change.
";

const MESSAGES_HEAD: &str = "\
# Messages between the processes

Every kind of message, made from the table in `src/protocol/kind.rs` by `cargo xtask docs`; do not edit. What each field
means stands beside the enum of the family (`src/protocol/{host,client,event,broadcast,worker,enroll}.rs`).

A kind is two bytes: the family, then the variant. *Body* is the limit that is applied before anything is decoded.
*Again* says when a host sends a request a second time: never, always (it changes nothing more), or by number (the second
finds the first one's answer). Any request may also be answered by a refusal. *Bulk* requests have a socket of their own,
so that a listing never delays a command.
";

const METRICS_HEAD: &str = "\
# Metrics

What `moothallctl metrics` prints, for Prometheus. Made from the table in `src/protocol/figure/table.rs` by
`cargo xtask docs`; do not edit. `moothallctl status --json` shows the same figures by group and name, times in microseconds,
and what each is bounded by.

Counters start at 0 with the daemon. Histograms have 28 buckets, each twice as wide as the last: of times from a
microsecond to a minute.

| Name | Kind | Label | Meaning |
|---|---|---|---|
";

/// The names of a variant and of those inside it, as in `CommandExecutionError(NoObjectMatch)`.
fn variant_path(error: &impl Debug) -> String {
    let shown = format!("{error:?}");
    let mut path = String::new();
    let mut rest = shown.as_str();
    let mut depth = 0;
    loop {
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        path.push_str(&rest[..end]);
        match rest[end..].strip_prefix('(') {
            Some(inner) if inner.starts_with(|c: char| c.is_ascii_uppercase()) => {
                path.push('(');
                depth += 1;
                rest = inner;
            }
            _ => break,
        }
    }
    path.extend(std::iter::repeat_n(')', depth));
    path
}

fn error_lines<E: Debug + Surfaced>(page: &mut String, title: &str, errors: Vec<E>) {
    let _ = write!(
        page,
        "\n## {title}\n\n| Variant | Telnet | Code | HTTP | Close | Again | Log |\n|---|---|---|---|---|---|---|\n"
    );
    let mut rows: Vec<(Row, String)> = errors
        .iter()
        .map(|error| (error.row(), variant_path(error)))
        .collect();
    rows.sort_by_key(|(row, _)| *row);
    for (row, name) in rows {
        let Surface {
            telnet,
            code,
            http,
            close,
            retryable,
            log,
        } = SURFACE[row as usize];
        let close = if close == 0 {
            String::new()
        } else {
            close.to_string()
        };
        let again = if retryable { "yes" } else { "no" };
        let _ = writeln!(
            page,
            "| `{name}` | {telnet} | `{code}` | {http} | {close} | {again} | {} |",
            format!("{log:?}").to_lowercase()
        );
    }
}

fn errors_page() -> String {
    let mut page = ERRORS_HEAD.to_owned();
    let refusals = samples::refusals().into_iter();
    // A task's error inside a refusal is in the table of the tasks.
    let refusals: Vec<_> = refusals
        .filter(|error| !variant_path(error).starts_with("TaskError"))
        .collect();
    error_lines(
        &mut page,
        "`RpcError`: the link between processes",
        transport_errors(),
    );
    error_lines(
        &mut page,
        "`RpcMessageError`: the daemon refuses a request",
        refusals,
    );
    error_lines(
        &mut page,
        "`SchedulerError`: a task did not end well",
        samples::scheduler_errors(),
    );
    error_lines(
        &mut page,
        "`WorkerError`: outbound work failed",
        samples::worker_errors(),
    );
    error_lines(&mut page, "`SessionError`: a player's session", session_errors());
    page
}

fn kind_line(page: &mut String, family: Family, variant: usize, row: &KindRow) {
    let again = match row.resend {
        Resend::Never => "",
        Resend::Always => "always",
        Resend::Numbered => "by number",
    };
    let replies: Vec<String> = row.replies.iter().map(|reply| format!("`{reply}`")).collect();
    let lane = match row.lane() {
        Lane::Bulk => "bulk",
        Lane::Interactive => "",
    };
    let _ = writeln!(
        page,
        "| {:#06x} | `{}` | {} KiB | {} | {again} | {lane} |",
        (family as usize) << 8 | variant,
        row.name,
        row.body_max / 1024,
        replies.join(", "),
    );
}

fn messages_page() -> String {
    let mut page = MESSAGES_HEAD.to_owned();
    for (family, rows) in TABLE {
        let _ = write!(page, "\n## {family:?}\n\n");
        if let Some(answers) = family.answered_by() {
            let _ = write!(page, "Answered by `{answers:?}`.\n\n");
        }
        page.push_str("| Kind | Variant | Body | Answers | Again | Socket |\n|---|---|---|---|---|---|\n");
        for (variant, row) in rows.iter().enumerate() {
            kind_line(&mut page, *family, variant, row);
        }
    }
    page
}

fn metrics_page() -> String {
    let mut page = METRICS_HEAD.to_owned();
    for metric in figure::TABLE {
        let label = if metric.label.is_empty() {
            "-"
        } else {
            metric.label
        };
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let _ = writeln!(
            page,
            "| `{}` | {kind} | {label} | {} |",
            metric.full_name(),
            metric.help
        );
    }
    page
}

#[track_caller]
fn is_fresh(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, page).expect("the page can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "docs/{name} is stale: run `cargo xtask docs`");
}

#[test]
fn the_page_of_errors_is_fresh() {
    is_fresh("errors.md", &errors_page());
}

#[test]
fn the_page_of_metrics_is_fresh() {
    is_fresh("metrics.md", &metrics_page());
}

#[test]
fn the_page_of_messages_is_fresh() {
    is_fresh("messages.md", &messages_page());
}

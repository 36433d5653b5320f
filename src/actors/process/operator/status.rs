//! `moothallctl status`: how the supervisor and the daemon say they are, as tables or as JSON.

use super::{OperatorError, ask, nobody};
use crate::protocol::admin::{AdminReply, AdminRequest, DaemonStatus};
use crate::protocol::control::{FromSupervisor, SupervisorStatus, ToSupervisor};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Everything `status` knows. A part that does not answer is missing, and why is said instead.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The processes, unless the daemon runs alone.
    pub supervisor: Option<SupervisorStatus>,
    /// The world.
    pub daemon: Option<DaemonStatus>,
    /// What did not answer, and why.
    pub problems: Vec<String>,
}

/// Asks both sockets of a data folder. It is an error only when neither answers.
pub fn status(data: &Path) -> Result<Status, OperatorError> {
    let run_dir = data.join("run");
    let mut problems = Vec::new();
    let mut noted =
        |who: &str, problem: String| problems.push(format!("the {who} does not answer: {problem}"));
    let supervisor = match ask(&run_dir.join("control.sock"), &ToSupervisor::Status) {
        Ok(FromSupervisor::Status(status)) => Some(status),
        Ok(_) => {
            noted("supervisor", "it said something else".to_owned());
            None
        }
        Err(error) => {
            noted("supervisor", error.to_string());
            None
        }
    };
    let daemon = match ask(&run_dir.join("admin.sock"), &AdminRequest::Status) {
        Ok(AdminReply::Status(status)) => Some(status),
        Ok(AdminReply::Refused(reason)) => {
            noted("daemon", reason);
            None
        }
        Ok(_) => {
            noted("daemon", "it said something else".to_owned());
            None
        }
        Err(error) => {
            noted("daemon", error.to_string());
            None
        }
    };
    if supervisor.is_none() && daemon.is_none() {
        return Err(nobody(data));
    }
    Ok(Status {
        supervisor,
        daemon,
        problems,
    })
}

impl Status {
    /// One JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data has a JSON form")
    }

    /// For people: a section a kind of thing.
    pub fn to_table(&self) -> String {
        let mut text = String::new();
        if let Some(supervisor) = &self.supervisor {
            let mut rows = vec![row(["PROCESS", "PID", "STATE", "RESTARTS", "SERVES"])];
            rows.push(vec![
                "moothall".into(),
                supervisor.pid.to_string(),
                format!("{:?}", supervisor.health).to_lowercase(),
                "-".into(),
                up_for(supervisor.uptime_s),
            ]);
            rows.extend(supervisor.children.iter().map(|child| {
                let serves: Vec<String> = child
                    .addresses
                    .iter()
                    .map(|(service, at)| format!("{service} {at}"))
                    .collect();
                vec![
                    child.name.clone(),
                    child.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
                    format!("{:?}", child.state).to_lowercase(),
                    child.restarts.to_string(),
                    serves.join(", "),
                ]
            }));
            columns(&mut text, &rows);
        }
        if let Some(daemon) = &self.daemon {
            daemon_table(&mut text, daemon);
        }
        for problem in &self.problems {
            line(&mut text, problem);
        }
        text
    }
}

fn daemon_table(text: &mut String, daemon: &DaemonStatus) {
    let tasks = daemon.tasks;
    line(text, "");
    line(
        text,
        &format!(
            "world: {} objects, start {}, {}",
            daemon.objects,
            daemon.epoch,
            up_for(daemon.uptime_s)
        ),
    );
    line(
        text,
        &format!(
            "tasks: {} running, {} queued, {} suspended, {} reading",
            tasks.running, tasks.queued, tasks.suspended, tasks.reading
        ),
    );
    line(text, "");
    let mut rows = vec![row(["QUEUE", "WAITING", "BOUND"])];
    let queues = daemon.figures.iter().filter(|figure| figure.group == "queue");
    rows.extend(queues.map(|queue| {
        vec![
            queue.label.clone(),
            queue.value.to_string(),
            queue.bound.to_string(),
        ]
    }));
    columns(text, &rows);
    line(text, "");
    let mut rows = vec![row(["HOST", "STATE", "CONNECTIONS", "ID", "TOKEN"])];
    rows.extend(daemon.hosts.iter().map(|host| {
        vec![
            host.kind.clone(),
            host.state.clone(),
            host.connections.to_string(),
            host.id.clone(),
            or_dash(&host.token),
        ]
    }));
    columns(text, &rows);
    line(text, "");
    worker_table(text, daemon);
    line(text, "");
    connection_table(text, daemon);
}

fn worker_table(text: &mut String, daemon: &DaemonStatus) {
    let work = &daemon.work;
    line(
        text,
        &format!(
            "requests for workers: {} waiting, {} with a worker",
            work.queued, work.sent
        ),
    );
    let mut rows = vec![row(["WORKER", "STATE", "BUSY", "FREE", "ID", "TOKEN"])];
    rows.extend(work.workers.iter().map(|worker| {
        vec![
            worker.kind.clone(),
            worker.state.clone(),
            worker.in_flight.to_string(),
            worker.credits.to_string(),
            worker.id.clone(),
            or_dash(&worker.token),
        ]
    }));
    columns(text, &rows);
}

fn connection_table(text: &mut String, daemon: &DaemonStatus) {
    let mut rows = vec![row([
        "PLAYER",
        "NAME",
        "FROM",
        "CONNECTED",
        "IDLE",
        "CLIENT",
        "TOKEN",
        "PLAYER TOKEN",
    ])];
    rows.extend(daemon.connections.iter().map(|connection| {
        vec![
            format!("#{}", connection.player),
            connection.name.clone(),
            connection.peer.clone(),
            span(connection.connected_s),
            span(connection.idle_s),
            connection.client.clone(),
            or_dash(&connection.token),
            or_dash(&connection.player_token),
        ]
    }));
    columns(text, &rows);
    let unlisted = daemon
        .connections_total
        .saturating_sub(daemon.connections.len() as u64);
    if unlisted > 0 {
        line(text, &format!("and {unlisted} more connections"));
    }
}

/// The cells of a row.
pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn or_dash(cell: &str) -> String {
    if cell.is_empty() { "-" } else { cell }.to_owned()
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Rows with each column as wide as its widest cell.
pub(super) fn columns(text: &mut String, rows: &[Vec<String>]) {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    for row in rows {
        let mut cells = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            write!(cells, "{cell:<width$}  ").expect("writing to a string cannot fail");
        }
        line(text, cells.trim_end());
    }
}

fn up_for(seconds: u64) -> String {
    format!("up {}", span(seconds))
}

/// Seconds in the two largest units that fit.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m{}s", seconds % 60),
        3_600..86_400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

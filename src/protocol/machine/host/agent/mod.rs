//! The host as an agent: it takes jobs for the players whose connections it holds, and says what is to be shown to them.
//!
//! Invariants: what a job shows is told to the daemon and to nobody else, so that it is numbered like all that a client
//! hears; an outcome is said again until the daemon has answered it.

use std::collections::BTreeMap;

use moo_model::Value;

use crate::limits::{JOB_CREDITS, JOB_OFFER_PERIOD};
use crate::protocol::event::{ClientEvent, Content, Line, NarrativeEvent};
use crate::protocol::host::HostToDaemonMessage;
use crate::protocol::job::{JobOut, JobSpec};
use crate::protocol::{HostId, JobId, Moment, WireObj};

/// Kinds of jobs that every host does, for a player: lines as they are, and the messages of the agent network.
const NOTIFY: &str = "notify";
const DIRECT: &str = "DirectMessage";
const ROOM: &str = "ChatRoomMessage";
const GLOBAL: &str = "GlobalMessage";

/// What a host knows of its jobs.
#[derive(Debug, Default)]
pub(super) struct Agent {
    /// When it said last what it would take.
    offered: Option<Moment>,
    /// How many jobs came since.
    taken: usize,
    /// Outcomes that the daemon has not answered.
    unanswered: BTreeMap<JobId, (u64, JobOut)>,
}

impl Agent {
    /// The daemon is there: all is to be said anew. Gives the outcomes that it may not have heard.
    pub fn begin(&mut self) -> Vec<HostToDaemonMessage> {
        self.offered = None;
        let again = self.unanswered.iter();
        again
            .map(|(job, (lease, out))| acknowledged(*job, *lease, out))
            .collect()
    }

    /// What to offer now, if anything.
    pub fn offer(&mut self, now: Moment, id: HostId) -> Option<HostToDaemonMessage> {
        let is_fresh = self.offered.is_some_and(|at| now.since(at) < JOB_OFFER_PERIOD);
        if is_fresh && self.taken < usize::from(JOB_CREDITS / 2) {
            return None;
        }
        (self.offered, self.taken) = (Some(now), 0);
        Some(HostToDaemonMessage::JobTake {
            queues: vec![format!("agent:{id}")],
            credits: JOB_CREDITS,
        })
    }

    /// Does a job; gives what to say of it.
    pub fn work(&mut self, job: JobId, lease: u64, queue: &str, spec: &JobSpec) -> HostToDaemonMessage {
        let out = outcome(queue, spec);
        let message = acknowledged(job, lease, &out);
        self.taken += 1;
        self.unanswered.insert(job, (lease, out));
        message
    }

    /// The daemon has answered, in whatever way.
    pub fn answered(&mut self, job: JobId) {
        self.unanswered.remove(&job);
    }
}

fn acknowledged(job: JobId, lease: u64, out: &JobOut) -> HostToDaemonMessage {
    let out = out.clone();
    HostToDaemonMessage::JobAck { job, lease, out }
}

fn outcome(queue: &str, spec: &JobSpec) -> JobOut {
    let player = queue.strip_prefix("user:").and_then(|number| number.parse().ok());
    let Some(player) = player.map(WireObj) else {
        return match spec.kind.as_str() {
            // A job for the host itself, that asks for nothing: it is there.
            "ping" => JobOut::Done(None),
            kind => JobOut::Reject(format!("this host does nothing for itself that is called {kind}")),
        };
    };
    let Ok(data) = spec.data.open_foreign() else {
        return JobOut::Reject("its data cannot be read".to_owned());
    };
    match lines(&spec.kind, &data) {
        Some(lines) => {
            let content = Content::Lines(lines.into_iter().map(Line::text).collect());
            let author = spec.from.unwrap_or(WireObj(-1));
            let event = NarrativeEvent { author, content };
            JobOut::Deliver(player, ClientEvent::Narrative { event })
        }
        None => JobOut::Reject(format!(
            "no host shows a job of the kind {} with such data",
            spec.kind
        )),
    }
}

/// What a player sees of a job.
fn lines(kind: &str, data: &Value) -> Option<Vec<String>> {
    let field = |of: &Value, name: &str| of.as_map()?.get(&Value::str(name)).cloned();
    let text = |of: &Value, name: &str| field(of, name)?.as_str().map(str::to_owned);
    let said = || Some((text(&field(data, "from")?, "id")?, text(data, "message")?));
    match kind {
        NOTIFY => match data.as_str() {
            Some(line) => Some(vec![line.to_owned()]),
            None => data
                .as_list()?
                .iter()
                .map(|line| line.as_str().map(str::to_owned))
                .collect(),
        },
        DIRECT => said().map(|(from, message)| vec![format!("{from} tells you, \"{message}\"")]),
        ROOM => {
            let room = text(&field(data, "to")?, "id")?;
            said().map(|(from, message)| vec![format!("[{room}] {from}: {message}")])
        }
        GLOBAL => said().map(|(from, message)| vec![format!("{from} tells everybody, \"{message}\"")]),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

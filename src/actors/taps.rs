//! `Taps`: operators who watch the events of a connection as they are sent.
//!
//! Invariant: a tap changes nothing and holds up nothing. Without one the publisher pays for one look at a number; an
//! operator who does not read misses events, and is told how many.

use crate::limits::TAP_QUEUE_MAX;
use crate::protocol::ClientId;
use crate::protocol::admin::TappedEvent;
use crate::protocol::codec::decode_event;
use crate::protocol::event::{ClientEvent, Content, Line, LineBody, Route};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// One operator's tap on one connection.
struct Tap {
    client: ClientId,
    to: mpsc::Sender<TappedEvent>,
    missed: u64,
}

/// All taps.
#[derive(Default)]
pub struct Taps {
    count: AtomicUsize,
    taps: Mutex<Vec<Tap>>,
}

impl Taps {
    fn lock(&self) -> MutexGuard<'_, Vec<Tap>> {
        self.taps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a connection from now on, until the receiver is dropped.
    pub fn open(&self, client: ClientId) -> mpsc::Receiver<TappedEvent> {
        let (to, events) = mpsc::channel(TAP_QUEUE_MAX);
        let mut taps = self.lock();
        taps.retain(|tap| !tap.to.is_closed());
        taps.push(Tap {
            client,
            to,
            missed: 0,
        });
        self.count.store(taps.len(), Ordering::Release);
        events
    }

    /// An event is sent along this route.
    pub fn saw(&self, route: &Route, event: &[u8]) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut taps = self.lock();
        for tap in &mut *taps {
            let Some(to) = route.to.iter().find(|to| to.client == tap.client) else {
                continue;
            };
            let (what, lines) = decode_event(event).map_or(("Unreadable", Vec::new()), |event| show(&event));
            let tapped = TappedEvent {
                seq: to.seq,
                missed: tap.missed,
                what: what.to_owned(),
                lines,
            };
            match tap.to.try_send(tapped) {
                Ok(()) => tap.missed = 0,
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => tap.missed += 1,
            }
        }
        taps.retain(|tap| !tap.to.is_closed());
        self.count.store(taps.len(), Ordering::Release);
    }
}

/// The name of an event, and what of it a person sees. Tokens are not among that.
fn show(event: &ClientEvent) -> (&'static str, Vec<String>) {
    let one = |text: String| vec![text];
    match event {
        ClientEvent::Narrative { event } => match &event.content {
            Content::Lines(told) => ("Narrative", texts(told)),
            Content::Rich { content_type, .. } => ("Narrative", one(content_type.clone())),
        },
        ClientEvent::RequestInput { .. } => ("RequestInput", Vec::new()),
        ClientEvent::SystemMessage { message, .. } => ("SystemMessage", one(message.clone())),
        ClientEvent::Disconnect { reason, lines } => {
            ("Disconnect", [one(reason.clone()), texts(lines)].concat())
        }
        ClientEvent::TaskError { task, error } => ("TaskError", one(format!("task {task}: {error:?}"))),
        ClientEvent::TaskSuccess { task, .. } => ("TaskSuccess", one(format!("task {task}"))),
        ClientEvent::TaskSuspended { task } => ("TaskSuspended", one(format!("task {task}"))),
        ClientEvent::PlayerSwitched { player, .. } => ("PlayerSwitched", one(format!("#{}", player.0))),
        ClientEvent::SetConnectionOption { option, .. } => ("SetConnectionOption", one(option.clone())),
        ClientEvent::CredentialsUpdated { .. } => ("CredentialsUpdated", Vec::new()),
        ClientEvent::Typed { json, .. } => ("Typed", one(String::from_utf8_lossy(json).into_owned())),
        ClientEvent::Gap { lost } => ("Gap", one(format!("{lost} events were lost"))),
        ClientEvent::ForceInput { line, .. } => ("ForceInput", one(line.clone())),
        ClientEvent::FlushInput { .. } => ("FlushInput", Vec::new()),
        ClientEvent::Presentation { id, .. } => ("Presentation", one(id.clone())),
    }
}

fn texts(lines: &[Line]) -> Vec<String> {
    let text = |line: &Line| match &line.body {
        LineBody::Text(text) => text.clone(),
        LineBody::Bytes(bytes) => format!("({} bytes)", bytes.len()),
    };
    lines.iter().map(text).collect()
}

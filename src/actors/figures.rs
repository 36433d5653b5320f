//! What the running daemon shows of itself beside its status: its figures, and the events of one connection.
//!
//! Invariant: whoever looks changes nothing; the answer to hosts and the one to operators are made from the same figures.

use super::admin::Admin;
use crate::actors::kit::child_link::write_message;
use crate::limits::{HANDSHAKES_ALL_MAX, INTAKE_BYTES_MAX};
use crate::protocol::admin::{AdminReply, Figure, TaskCounts};
use crate::protocol::host::{Counter, CounterGroup};
use moo_model::Obj;
use std::io;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

impl Admin {
    /// Passes the events of a connection on until the operator hangs up.
    pub async fn tap(&self, object: i64, mut stream: UnixStream) -> io::Result<()> {
        let connections = self.outside.connections.all();
        let found = connections.iter().find(|conn| conn.object() == Obj(object));
        let client = found.and_then(|conn| self.outlet.outbox().client_of(conn.id.0));
        let Some(client) = client else {
            let reason = format!("#{object} is not connected; `moothallctl status` shows who is");
            return write_message(&mut stream, &AdminReply::Refused(reason)).await;
        };
        let mut events = self.taps.open(client);
        write_message(&mut stream, &AdminReply::Done).await?;
        let (mut reader, mut writer) = stream.split();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => write_message(&mut writer, &AdminReply::Tapped(event)).await?,
                    None => return Ok(()),
                },
                // An operator says nothing more, so this is the end.
                _ = reader.read_u8() => return Ok(()),
            }
        }
    }

    /// The answer to `RequestPerformanceCounters`, by group; nothing when one of the actors has no time.
    pub async fn counters(&self) -> Vec<CounterGroup> {
        let figures = self
            .status()
            .await
            .map(|status| status.figures)
            .unwrap_or_default();
        let counter = |name: String, value: u64| Counter {
            name,
            count: i64::try_from(value).unwrap_or(i64::MAX),
            total_us: 0,
        };
        let mut groups: Vec<CounterGroup> = Vec::new();
        for figure in figures {
            if groups.last().is_none_or(|group| group.name != figure.group) {
                groups.push(CounterGroup {
                    name: figure.group,
                    counters: Vec::new(),
                });
            }
            let counters = &mut groups.last_mut().expect("one was put there").counters;
            if figure.bound > 0 {
                counters.push(counter(format!("{}_max", figure.name), figure.bound));
            }
            counters.push(counter(figure.name, figure.value));
        }
        groups
    }

    /// Everything that is counted, group by group.
    pub async fn figures(&self, tasks: TaskCounts, objects: u64) -> Vec<Figure> {
        let mut figures = Vec::new();
        let mut add = |group: &str, name: &str, value: u64, bound: usize| {
            figures.push(Figure {
                group: group.to_owned(),
                name: name.to_owned(),
                value,
                bound: bound as u64,
            });
        };
        let queues = [
            ("gateway", self.gateway.waiting(), self.gateway.bound()),
            (
                "connections",
                self.connections.waiting(),
                self.connections.bound(),
            ),
            ("scheduler", self.scheduler.waiting(), self.scheduler.bound()),
            ("publisher", self.publisher.waiting(), self.publisher.bound()),
        ];
        for (name, waiting, bound) in queues {
            add("queue", name, waiting as u64, bound);
        }
        let sockets = self.keys.sender.figures();
        add(
            "sockets",
            "waiting_bytes",
            sockets.waiting_bytes as u64,
            INTAKE_BYTES_MAX,
        );
        add("sockets", "refused_frames", sockets.refused_frames, 0);
        add(
            "sockets",
            "handshakes",
            sockets.handshakes,
            HANDSHAKES_ALL_MAX as usize,
        );
        add("sockets", "turned_away", sockets.turned_away, 0);
        let outbox = self.outlet.outbox().counters();
        add("outbox", "events", outbox.events, 0);
        add("outbox", "deliveries", outbox.deliveries, 0);
        add("outbox", "frames", outbox.frames, 0);
        add("outbox", "lost", outbox.lost, 0);
        add("outbox", "stored", outbox.stored, 0);
        add("outbox", "stored_bytes", outbox.stored_bytes, 0);
        add("outbox", "memory_bytes", outbox.memory_bytes, 0);
        add("outbox", "streams", outbox.streams, 0);
        add("outbox", "choked_hosts", outbox.choked_hosts, 0);
        add("tasks", "running", tasks.running, 0);
        add("tasks", "queued", tasks.queued, 0);
        add("tasks", "suspended", tasks.suspended, 0);
        add("tasks", "reading", tasks.reading, 0);
        add("world", "objects", objects, 0);
        add("world", "commits", self.world.snapshot().stamp, 0);
        for actor in self.supervisor.observe().await {
            add("actor", &format!("{}_restarts", actor.name), actor.restarts, 0);
        }
        figures
    }
}

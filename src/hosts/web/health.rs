//! Whether the process runs, whether the world is there, and figures for Prometheus.
//!
//! Invariant: nothing here tells of a player.

use super::link::ask_host;
use super::{NAME, WebShared};
use crate::protocol::host::{CounterGroup, DaemonToHostReply, HostToDaemonMessage};
use actix_web::{HttpResponse, web};
use std::fmt::Write;
use std::sync::Arc;

/// The process runs.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().body("alive\n")
}

/// The daemon answers.
pub async fn ready(shared: web::Data<Arc<WebShared>>) -> HttpResponse {
    match ask_host(&shared, HostToDaemonMessage::GetServerFeatures).await {
        Ok(_) => HttpResponse::Ok().body("ready\n"),
        Err(error) => HttpResponse::ServiceUnavailable()
            .insert_header(("retry-after", "1"))
            .body(format!("the world is out of reach: {error}\n")),
    }
}

/// This host's figures, and the daemon's while it is there.
pub async fn metrics(shared: web::Data<Arc<WebShared>>) -> HttpResponse {
    let mut text = format!(
        "# TYPE moothall_web_sockets gauge\nmoothall_web_sockets {}\n# TYPE moothall_web_link_waiting gauge\n\
         moothall_web_link_waiting {}\n",
        shared.sockets(),
        shared.link.waiting()
    );
    let answer = ask_host(&shared, HostToDaemonMessage::RequestPerformanceCounters).await;
    let is_up = answer.is_ok();
    // Writing to a string does not fail.
    writeln!(
        text,
        "# TYPE moothall_{NAME}_up gauge\nmoothall_{NAME}_up {}",
        u8::from(is_up)
    )
    .ok();
    if let Ok(DaemonToHostReply::PerfCounters { groups, .. }) = answer {
        groups.iter().for_each(|group| write_group(group, &mut text));
    }
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body(text)
}

fn write_group(group: &CounterGroup, text: &mut String) {
    for counter in &group.counters {
        let name = format!("moothall_{}_{}", group.name, counter.name);
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        writeln!(text, "{name} {}", counter.count).ok();
        if counter.total_us != 0 {
            writeln!(text, "{name}_microseconds {}", counter.total_us).ok();
        }
    }
}

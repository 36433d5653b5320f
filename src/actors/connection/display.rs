//! What clients' programs say of themselves, and what they are shown beside their lines.
//!
//! Invariant: what is answered is stored in the connection's row; asked again, because the answer was lost, it changes
//! nothing more.

use super::ConnectionActor;
use crate::actors::outlet::{Item, Reply, wire_presentation};
use crate::actors::world_request;
use crate::protocol::WireValue;
use crate::protocol::client::{DaemonToClientReply, HostClientToDaemonMessage};
use crate::protocol::error::RpcMessageError;
use crate::protocol::host::Peer;
use moo_model::Value;
use moo_tasks::connections::{CONTENT_TYPES, ConnId, Connection};
use std::sync::Arc;

impl ConnectionActor {
    /// A message about what a client is or shows; any other is given back.
    pub(super) fn take_display(
        &mut self,
        conn: ConnId,
        reply: Reply,
        message: HostClientToDaemonMessage,
    ) -> Result<Option<HostClientToDaemonMessage>, RpcMessageError> {
        let known = self.clients.get(&conn).ok_or(RpcMessageError::NoConnection)?;
        let known = known.conn.clone();
        match message {
            HostClientToDaemonMessage::SetClientAttribute { .. }
            | HostClientToDaemonMessage::DismissPresentation { .. }
                if self.is_draining =>
            {
                return Err(RpcMessageError::Draining);
            }
            HostClientToDaemonMessage::SetClientAttribute { key, value } => {
                set_attribute(&known, &key, value.as_ref())?;
                self.store_display(&known, reply, DaemonToClientReply::ClientAttributeSet);
            }
            HostClientToDaemonMessage::RequestCurrentPresentations => {
                let shown = known.display().presentations();
                let shown = shown
                    .into_iter()
                    .map(|(id, shown)| (id, wire_presentation(&shown)));
                self.reply(reply, DaemonToClientReply::Presentations(shown.collect()));
            }
            HostClientToDaemonMessage::DismissPresentation { id } => {
                // Taking something away always fits.
                known.change_display(|display| display.present(&id, None)).ok();
                let shown = None;
                self.items.push(Item::Presented { conn, id, shown });
                self.store_display(&known, reply, DaemonToClientReply::PresentationDismissed);
            }
            message => return Ok(Some(message)),
        }
        Ok(None)
    }

    fn store_display(&mut self, conn: &Arc<Connection>, reply: Reply, answer: DaemonToClientReply) {
        self.errand.conns.push(conn.clone());
        self.answer_later(conn.id, reply, answer);
    }
}

/// A connection begins with what its host knows of the client; what is too much of that is left out.
pub(super) fn note_peer(conn: &Connection, peer: &Peer) {
    let types = (!peer.content_types.is_empty()).then(|| Value::strings(&peer.content_types));
    conn.change_display(|display| display.set_attribute(CONTENT_TYPES, types))
        .ok();
    for (key, value) in &peer.attrs {
        set_attribute(conn, key, Some(value)).ok();
    }
}

fn set_attribute(conn: &Connection, key: &str, value: Option<&WireValue>) -> Result<(), RpcMessageError> {
    let value = value.map(world_request::opened).transpose()?;
    let set = conn.change_display(|display| display.set_attribute(key, value));
    let words = "a client has that many attributes already, or it is too long; forget some first";
    set.map_err(|_| RpcMessageError::InvalidRequest(words.to_owned()))
}

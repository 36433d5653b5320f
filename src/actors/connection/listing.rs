//! What operators see of connections.

use super::ConnectionActor;
use crate::actors::executor::wall_seconds;
use crate::actors::kit::gate::Offered;
use crate::protocol::HostId;
use crate::protocol::admin::ConnectionStatus;
use crate::protocol::hex::to_hex;
use actix::{Context, Handler};
use moo_model::Obj;
use moo_model::world::Transaction;
use std::collections::HashMap;
use tokio::sync::oneshot;

/// Which connections are there? At most so many are listed; the number is that of all.
pub struct ListConnections(pub usize, pub oneshot::Sender<(Vec<ConnectionStatus>, u64)>);

/// How many clients does each host have?
pub struct CountClients(pub oneshot::Sender<HashMap<HostId, u64>>);

impl ConnectionActor {
    fn list(&mut self, most: usize) -> Vec<ConnectionStatus> {
        let now = wall_seconds() as i64;
        let mut connections = self.parts.outside.connections.all();
        connections.reverse();
        connections.truncate(most);
        let rows: Vec<_> = connections
            .iter()
            .map(|conn| {
                let seconds = |since: i64| u64::try_from(now - since).unwrap_or_default();
                let client = self.clients.get(&conn.id);
                let player_token = client.and_then(|client| client.player_token);
                ConnectionStatus {
                    player: conn.object().0,
                    name: String::new(),
                    peer: conn.peer.clone(),
                    connected_s: seconds(conn.since()),
                    idle_s: seconds(conn.last_input()),
                    client: to_hex(&conn.client()),
                    token: client.map_or_else(String::new, |client| to_hex(&client.credentials.jti)),
                    player_token: player_token.map_or_else(String::new, |jti| to_hex(&jti)),
                }
            })
            .collect();
        let named = |tx: &mut Transaction, row: ConnectionStatus| {
            let name = tx.name(Obj(row.player)).unwrap_or_default();
            let name = name.as_str().unwrap_or_default().to_owned();
            ConnectionStatus { name, ..row }
        };
        self.look(|tx| rows.into_iter().map(|row| named(tx, row)).collect())
    }
}

impl Handler<Offered<ListConnections>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, list: Offered<ListConnections>, _: &mut Context<Self>) {
        let ListConnections(most, answer) = list.accept();
        let rows = self.list(most);
        // Whoever asked may have stopped waiting.
        answer
            .send((rows, self.parts.outside.connections.len() as u64))
            .ok();
    }
}

impl Handler<Offered<CountClients>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, count: Offered<CountClients>, _: &mut Context<Self>) {
        let mut counts = HashMap::new();
        for client in self.clients.values() {
            *counts.entry(client.host()).or_default() += 1;
        }
        // Whoever asked may have stopped waiting.
        count.accept().0.send(counts).ok();
    }
}

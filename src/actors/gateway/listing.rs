//! What operators see of hosts.

use super::{GatewayActor, Host};
use crate::actors::kit::gate::Offered;
use crate::protocol::HostId;
use actix::{Context, Handler};
use tokio::sync::oneshot;

/// Which hosts are there, and how?
pub struct ListHosts(pub oneshot::Sender<Vec<HostState>>);

/// How a host is.
#[derive(Clone, Debug)]
pub struct HostState {
    /// Its id.
    pub id: HostId,
    /// What its token calls it.
    pub name: String,
    /// `alive` or `suspect`; a dead one is not listed.
    pub state: &'static str,
    /// The id of the token that it said hello with; none where its key stands for it.
    pub token: Option<[u8; 16]>,
}

impl GatewayActor {
    fn list(&self) -> Vec<HostState> {
        // One that has just come is watched from the next ping on.
        let state = |id: HostId, host: &Host| match host.missed == 0 || self.health.is_alive(id) {
            true => "alive",
            false => "suspect",
        };
        let hosts = self.hosts.iter();
        hosts
            .map(|(id, host)| HostState {
                id: *id,
                name: host.name.clone(),
                state: state(*id, host),
                token: host.token,
            })
            .collect()
    }
}

impl Handler<Offered<ListHosts>> for GatewayActor {
    type Result = ();

    fn handle(&mut self, list: Offered<ListHosts>, _: &mut Context<Self>) {
        // Whoever asked may have stopped waiting.
        list.accept().0.send(self.list()).ok();
    }
}

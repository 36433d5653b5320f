//! Where each client of a host hears, and how far its socket has come.
//!
//! Invariant: a client is in here from when its socket opened until that socket is gone, under whatever id it has by then.

use crate::protocol::ClientId;
use crate::protocol::machine::host::{Meter, ToClient};
use std::collections::HashMap;
use std::sync::Arc;

/// One client.
#[derive(Debug)]
struct Known<E> {
    ear: E,
    meter: Arc<Meter>,
}

/// The ears of all clients; `E` is what a client is told by.
#[derive(Debug)]
pub struct Ears<E> {
    known: HashMap<ClientId, Known<E>>,
}

impl<E> Default for Ears<E> {
    fn default() -> Self {
        Ears {
            known: HashMap::new(),
        }
    }
}

impl<E> Ears<E> {
    /// A client has come. Gives where the one heard who had this id until now.
    pub fn insert(&mut self, client: ClientId, ear: E, meter: Arc<Meter>) -> Option<E> {
        let known = Known { ear, meter };
        self.known.insert(client, known).map(|before| before.ear)
    }

    /// A client was not let in: it may come again, under an id that is its own.
    pub fn remove(&mut self, client: ClientId) -> Option<E> {
        self.known.remove(&client).map(|known| known.ear)
    }

    /// A client has another id from here on.
    pub fn rename(&mut self, from: ClientId, to: ClientId) {
        if let Some(known) = self.known.remove(&from) {
            self.known.insert(to, known);
        }
    }

    /// The socket with this meter is gone. Gives the id that its client has, which may be another by now than the one that
    /// the socket knew; none if another socket has the client.
    pub fn close(&mut self, client: ClientId, meter: &Arc<Meter>) -> Option<ClientId> {
        let is_own = |known: &Known<E>| Arc::ptr_eq(&known.meter, meter);
        let id = match self.known.get(&client).is_some_and(is_own) {
            true => Some(client),
            false => self
                .known
                .iter()
                .find(|(_, known)| is_own(known))
                .map(|(&id, _)| id),
        }?;
        self.known.remove(&id);
        Some(id)
    }

    /// A client is told something.
    pub fn tell(&mut self, client: ClientId, message: ToClient, tell: impl Fn(&E, ToClient)) {
        if let Some(Known { ear, .. }) = self.known.get(&client) {
            tell(ear, message);
        }
    }

    /// All are told something.
    pub fn tell_all(&mut self, message: &ToClient, tell: impl Fn(&E, ToClient)) {
        self.known
            .values()
            .for_each(|known| tell(&known.ear, message.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUEST: ClientId = ClientId([1; 16]);
    const NAMED: ClientId = ClientId([2; 16]);

    fn meter() -> Arc<Meter> {
        Arc::default()
    }

    #[test]
    fn a_socket_that_dies_while_its_client_is_renamed_takes_the_client_with_it() {
        let (mut ears, own) = (Ears::default(), meter());
        ears.insert(GUEST, 'a', Arc::clone(&own));
        ears.rename(GUEST, NAMED);
        assert_eq!(ears.close(GUEST, &own), Some(NAMED));
        assert_eq!(ears.remove(NAMED), None);
    }

    #[test]
    fn a_socket_whose_client_is_at_another_takes_nobody_with_it() {
        let (mut ears, old, new) = (Ears::default(), meter(), meter());
        ears.insert(NAMED, 'a', Arc::clone(&old));
        assert_eq!(ears.insert(NAMED, 'b', Arc::clone(&new)), Some('a'));
        assert_eq!(ears.close(NAMED, &old), None);
        assert_eq!(ears.close(NAMED, &new), Some(NAMED));
    }
}

//! Where each client of a host hears, how far its socket has come, and what it is to be told soon.
//!
//! Invariant: a client is in here from when its socket opened until that socket is gone, under whatever id it has by then; it is
//! told everything in its order.

use crate::protocol::ClientId;
use crate::protocol::machine::host::{Meter, ToClient};
use std::collections::HashMap;
use std::sync::Arc;

/// One client.
#[derive(Debug)]
struct Known<E> {
    ear: E,
    meter: Arc<Meter>,
    /// What it is to be told soon.
    waiting: Vec<ToClient>,
}

/// The ears of all clients; `E` is what a client is told by.
#[derive(Debug)]
pub struct Ears<E> {
    known: HashMap<ClientId, Known<E>>,
    /// Clients for which something waits; some may be gone, or have another id by now.
    waited_for: Vec<ClientId>,
}

impl<E> Default for Ears<E> {
    fn default() -> Self {
        Ears {
            known: HashMap::new(),
            waited_for: Vec::new(),
        }
    }
}

impl<E> Ears<E> {
    /// A client has come. Gives where the one heard who had this id until now.
    pub fn insert(&mut self, client: ClientId, ear: E, meter: Arc<Meter>) -> Option<E> {
        let waiting = Vec::new();
        let known = Known { ear, meter, waiting };
        self.known.insert(client, known).map(|before| before.ear)
    }

    /// A client was not let in: it may come again, under an id that is its own.
    pub fn remove(&mut self, client: ClientId) -> Option<E> {
        self.known.remove(&client).map(|known| known.ear)
    }

    /// A client has another id from here on.
    pub fn rename(&mut self, from: ClientId, to: ClientId) {
        if let Some(known) = self.known.remove(&from) {
            if !known.waiting.is_empty() {
                self.waited_for.push(to);
            }
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

    /// A client is told something, after what waits for it.
    pub fn tell(&mut self, client: ClientId, message: ToClient, tell: impl Fn(&E, ToClient)) {
        if let Some(Known { ear, waiting, .. }) = self.known.get_mut(&client) {
            std::mem::take(waiting)
                .into_iter()
                .for_each(|message| tell(ear, message));
            tell(ear, message);
        }
    }

    /// A client is to be told something soon.
    pub fn tell_later(&mut self, client: ClientId, message: ToClient) {
        if let Some(known) = self.known.get_mut(&client) {
            if known.waiting.is_empty() {
                self.waited_for.push(client);
            }
            known.waiting.push(message);
        }
    }

    /// Whether something waits for anybody.
    pub fn is_waited_for(&self) -> bool {
        !self.waited_for.is_empty()
    }

    /// All are told what waits for them.
    pub fn tell_waiting(&mut self, tell: impl Fn(&E, ToClient)) {
        for client in std::mem::take(&mut self.waited_for) {
            if let Some(Known { ear, waiting, .. }) = self.known.get_mut(&client) {
                std::mem::take(waiting)
                    .into_iter()
                    .for_each(|message| tell(ear, message));
            }
        }
    }

    /// All are told something, after what waits for them.
    pub fn tell_all(&mut self, message: &ToClient, tell: impl Fn(&E, ToClient)) {
        self.tell_waiting(&tell);
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

    #[test]
    fn what_waits_is_told_before_all_else_and_under_whatever_id() {
        let heard = std::cell::RefCell::new(Vec::new());
        let tell = |ear: &char, message| {
            let ToClient::Notice(words) = message else { return };
            heard.borrow_mut().push(format!("{ear} {words}"));
        };
        let notice = |words: &str| ToClient::Notice(words.into());
        let mut ears = Ears::default();
        ears.insert(GUEST, 'a', meter());
        ears.tell_later(GUEST, notice("1"));
        ears.tell_later(GUEST, notice("2"));
        ears.tell(GUEST, notice("3"), tell);
        ears.tell_later(GUEST, notice("4"));
        ears.rename(GUEST, NAMED);
        ears.insert(GUEST, 'b', meter());
        assert!(ears.is_waited_for());
        ears.tell_waiting(tell);
        assert!(!ears.is_waited_for());
        ears.tell_later(GUEST, notice("5"));
        ears.tell_all(&notice("6"), tell);
        let heard = heard.into_inner();
        assert_eq!(heard[..5], ["a 1", "a 2", "a 3", "a 4", "b 5"]);
        assert_eq!(heard.len(), 7);
    }
}

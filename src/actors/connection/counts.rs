//! How many clients each host says that it has, against what is known here, and what becomes of a difference.
//!
//! Invariants: a host is asked for its clients when it differed twice in a row, since one is always a little ahead; that
//! it lacks a client is believed of a whole list only, because a list travels in parts that may be lost.

use crate::protocol::{ClientId, HostId};
use moo_tasks::connections::ConnId;
use std::collections::HashMap;

/// So often a host's count differs before it is asked, and after how many more it is asked again.
const DIFFERS_BEFORE_ASKED: u32 = 2;
const DIFFERS_BEFORE_ASKED_AGAIN: u32 = 4;

/// How many clients somebody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// How many.
    pub clients: u32,
    /// The exclusive-or of the first eight bytes of their ids.
    pub digest: u64,
}

impl Count {
    /// One more.
    pub fn add(&mut self, client: ClientId) {
        self.clients = self.clients.saturating_add(1);
        self.digest ^= first_half(client);
    }

    /// One less, which was added.
    pub fn remove(&mut self, client: ClientId) {
        self.clients = self.clients.saturating_sub(1);
        self.digest ^= first_half(client);
    }
}

impl FromIterator<ClientId> for Count {
    fn from_iter<T: IntoIterator<Item = ClientId>>(clients: T) -> Count {
        let mut count = Count::default();
        clients.into_iter().for_each(|client| count.add(client));
        count
    }
}

fn first_half(client: ClientId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = client.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// A host that was asked for its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    /// The last connection that there was then.
    last: ConnId,
    /// What the host said just before.
    theirs: Count,
}

/// What the hosts' own counts have come to.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// How often in a row a host's count was not ours.
    differing: HashMap<HostId, u32>,
    asked: HashMap<HostId, Asked>,
}

impl Counts {
    /// A host has counted; gives whether it is to be asked for its clients. `last` is the last connection that there is.
    pub fn compare(&mut self, host: HostId, theirs: Count, ours: Count, last: ConnId) -> bool {
        if ours == theirs {
            self.differing.remove(&host);
            return false;
        }
        let differing = self.differing.entry(host).or_default();
        *differing += 1;
        if *differing == DIFFERS_BEFORE_ASKED {
            self.asked.insert(host, Asked { last, theirs });
            return true;
        }
        if *differing > DIFFERS_BEFORE_ASKED_AGAIN {
            self.differing.remove(&host);
        }
        false
    }

    /// A host has listed its clients. None if it was not asked; else the last connection that it could lack, or none
    /// if the list is not whole and says of no client that the host lacks it.
    pub fn listed(&mut self, host: HostId, listed: Count) -> Option<Option<ConnId>> {
        let asked = self.asked.remove(&host)?;
        self.differing.remove(&host);
        Some((asked.theirs == listed).then_some(asked.last))
    }

    /// The host is gone.
    pub fn forget(&mut self, host: HostId) {
        self.differing.remove(&host);
        self.asked.remove(&host);
    }
}

/// A client that a host lists, as it is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The host that has it, or had it last, and the start of that host.
    pub at: (HostId, [u8; 8]),
    /// Its attach epoch.
    pub epoch: u32,
    /// Whether no host has it now.
    pub lingers: bool,
}

/// What becomes of a client that a host lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Keep,
    /// It lingers, and its host has it after all: it goes on there.
    TakeUp,
    /// Another host has it.
    Fence(u32),
    /// It is no more.
    Close,
}

impl Verdict {
    /// What becomes of a client that this start of a host lists under this epoch. `has_ended` says of one that is not
    /// known that it was.
    pub fn of(known: Option<Known>, by: (HostId, [u8; 8]), epoch: u32, has_ended: bool) -> Verdict {
        match known {
            Some(known) if known.at == by && known.lingers => Verdict::TakeUp,
            Some(known) if known.at.0 != by.0 && known.epoch > epoch => Verdict::Fence(known.epoch),
            None if epoch > 0 || has_ended => Verdict::Close,
            Some(_) | None => Verdict::Keep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId([1; 16]);
    const OTHER: HostId = HostId([2; 16]);
    const LAST: ConnId = ConnId(9);

    fn count(clients: &[u8]) -> Count {
        clients.iter().map(|&n| ClientId([n; 16])).collect()
    }

    #[test]
    fn a_host_that_differs_twice_in_a_row_is_asked_and_after_a_while_again() {
        let mut counts = Counts::default();
        let (theirs, ours) = (count(&[1]), count(&[1, 2]));
        let mut compare = |theirs, ours| counts.compare(HOST, theirs, ours, LAST);
        assert!(!compare(theirs, ours));
        assert!(!compare(ours, ours));
        assert!(!compare(theirs, ours), "it is not in a row");
        assert!(compare(theirs, ours));
        let asked = (0..12).filter(|_| compare(theirs, ours)).count();
        assert_eq!(asked, 2);
        assert_ne!(count(&[1]), count(&[2]), "as many, but others");
    }

    #[test]
    fn a_list_of_which_a_part_is_missing_says_of_no_client_that_it_is_lacking() {
        let mut counts = Counts::default();
        let (theirs, ours) = (count(&[1, 2]), count(&[1, 2, 3]));
        let ask = |counts: &mut Counts| {
            while !counts.compare(HOST, theirs, ours, LAST) {}
        };
        assert_eq!(counts.listed(HOST, theirs), None, "it was not asked");
        ask(&mut counts);
        assert_eq!(counts.listed(HOST, count(&[2])), Some(None));
        ask(&mut counts);
        assert_eq!(counts.listed(HOST, theirs), Some(Some(LAST)));
        ask(&mut counts);
        counts.forget(HOST);
        assert_eq!(counts.listed(HOST, theirs), None);
    }

    #[test]
    fn a_client_that_lingers_and_is_listed_by_its_own_host_goes_on_there() {
        let (here, start) = ((HOST, [1; 8]), (HOST, [2; 8]));
        let known = |at, lingers| {
            Some(Known {
                at,
                epoch: 4,
                lingers,
            })
        };
        let verdict = |known, epoch| Verdict::of(known, here, epoch, false);
        assert_eq!(verdict(known(here, true), 4), Verdict::TakeUp);
        assert_eq!(verdict(known(here, false), 4), Verdict::Keep);
        assert_eq!(
            verdict(known(start, true), 4),
            Verdict::Keep,
            "its socket was another"
        );
        assert_eq!(verdict(known((OTHER, [1; 8]), true), 3), Verdict::Fence(4));
        assert_eq!(verdict(None, 1), Verdict::Close);
        assert_eq!(verdict(None, 0), Verdict::Keep, "it is just being opened");
        assert_eq!(Verdict::of(None, here, 0, true), Verdict::Close);
    }
}

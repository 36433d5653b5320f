//! What the publisher keeps of one host: its frames' numbers, its credit, and which of its clients take no more.
//!
//! Invariant: a host without credit is sent no event frames; it has credit again when half of what was under way has
//! arrived, so that it is not switched on and off with each frame.

use std::collections::{HashSet, VecDeque};

use crate::limits::CREDIT_BYTES;
use crate::protocol::ClientId;

/// What a frame costs besides its event: header, principal and what the route says but for recipients.
const FRAME_COST: usize = 80;
/// What a recipient costs.
const RECIPIENT_COST: usize = 26;

/// What an acknowledgement led to.
#[derive(Default)]
pub(super) struct Relief {
    /// The host has credit again: it must be told all heads.
    pub has_credit: bool,
    /// Clients that take events again: the host must be told their heads.
    pub resumed: Vec<ClientId>,
}

#[derive(Debug, Default)]
pub(super) struct Host {
    /// The last frame's number.
    frame: u64,
    /// Frames that were not acknowledged, with their bytes.
    under_way: VecDeque<(u64, usize)>,
    bytes: usize,
    is_choked: bool,
    paused: HashSet<ClientId>,
}

impl Host {
    /// The last frame's number.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// Whether it is sent no events for now.
    pub fn is_choked(&self) -> bool {
        self.is_choked
    }

    /// Whether this client takes no events for now.
    pub fn is_paused(&self, client: ClientId) -> bool {
        self.paused.contains(&client)
    }

    /// A frame is sent; gives its number.
    pub fn send(&mut self, event_bytes: usize, recipients: usize) -> u64 {
        let bytes = event_bytes + FRAME_COST + recipients * RECIPIENT_COST;
        self.frame += 1;
        self.under_way.push_back((self.frame, bytes));
        self.bytes += bytes;
        self.is_choked |= self.bytes >= CREDIT_BYTES as usize;
        self.frame
    }

    /// Everything up to this frame has arrived, and these clients take no more.
    pub fn acknowledge(&mut self, frame: u64, paused: &[ClientId]) -> Relief {
        while let Some(&(first, bytes)) = self.under_way.front()
            && first <= frame
        {
            self.under_way.pop_front();
            self.bytes -= bytes;
        }
        let paused: HashSet<ClientId> = paused.iter().copied().collect();
        let before = std::mem::replace(&mut self.paused, paused);
        let has_credit = self.is_choked && self.bytes <= CREDIT_BYTES as usize / 2;
        self.is_choked &= !has_credit;
        Relief {
            has_credit,
            resumed: before.difference(&self.paused).copied().collect(),
        }
    }
}

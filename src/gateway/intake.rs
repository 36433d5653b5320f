//! What was received and is not dealt with yet: how much it is, in all and of each peer of another machine.
//!
//! Invariants: a frame is counted from its reception until whoever deals with it lets go of its [`Claim`]; while all
//! together take up [`INTAKE_BYTES_MAX`] nothing more is received, so that it waits with its senders; what goes beyond the
//! share of one peer is dropped, and the others notice nothing.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::curve::Speaker;
use crate::limits::{INTAKE_BYTES_MAX, INTAKE_PEER_BYTES_MAX, INTAKE_PEER_FRAMES_MAX};
use crate::protocol::HostId;

/// Whose share it is: a host's of another machine, or that of all who are not enrolled.
type Peer = Option<HostId>;

/// What one peer has waiting.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    frames: usize,
    bytes: usize,
}

/// The counts. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Intake(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicUsize,
    refused: AtomicU64,
    /// Only of peers that have something waiting.
    shares: Mutex<HashMap<Peer, Share>>,
}

impl Intake {
    /// Counts a frame; `None`, which is counted too, if its sender has too much waiting already.
    pub(super) fn claim(&self, speaker: Speaker, bytes: usize) -> Option<Claim> {
        let peer = match speaker {
            Speaker::Local => None,
            Speaker::Enrolled(host, _) => Some(Some(host)),
            Speaker::Stranger(_) => Some(None),
        };
        if let Some(peer) = peer
            && !self.0.grow(peer, bytes)
        {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(Claim {
            counts: Arc::clone(&self.0),
            peer,
            bytes,
        })
    }

    /// Whether nothing more is to be received for now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting() >= INTAKE_BYTES_MAX
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Frames that were dropped because their sender had too much waiting.
    pub(super) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn grow(&self, peer: Peer, bytes: usize) -> bool {
        self.change(peer, |share| {
            let has_room =
                share.frames < INTAKE_PEER_FRAMES_MAX && share.bytes + bytes <= INTAKE_PEER_BYTES_MAX;
            if has_room {
                share.frames += 1;
                share.bytes += bytes;
            }
            has_room
        })
    }

    fn shrink(&self, peer: Peer, bytes: usize) {
        self.change(peer, |share| {
            share.frames -= 1;
            share.bytes -= bytes;
        });
    }

    fn change<R>(&self, peer: Peer, change: impl FnOnce(&mut Share) -> R) -> R {
        // Every change is complete before anything can panic, so a poisoned lock holds sound counts.
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares.entry(peer).or_default();
        let changed = change(share);
        if share.frames == 0 {
            shares.remove(&peer);
        }
        changed
    }
}

/// A frame's part of the counts. Dropping it says that the frame was dealt with.
#[derive(Debug)]
pub struct Claim {
    counts: Arc<Counts>,
    /// Whose share it is part of; none of a process on this machine, which is ours.
    peer: Option<Peer>,
    bytes: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.counts.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        if let Some(peer) = self.peer {
            self.counts.shrink(peer, self.bytes);
        }
    }
}

/// A frame that was received, counted for as long as it is held.
#[derive(Debug)]
pub struct Received {
    bytes: Vec<u8>,
    claim: Claim,
}

impl Received {
    pub(super) fn new(bytes: Vec<u8>, claim: Claim) -> Received {
        Received { bytes, claim }
    }

    /// The frame, and its claim for whoever deals with what it says.
    pub fn into_parts(self) -> (Vec<u8>, Claim) {
        (self.bytes, self.claim)
    }
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

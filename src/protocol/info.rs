//! Descriptions that clients are shown: of verbs, properties, objects, and of a player's own connections.
//!
//! Invariant: they travel, so their fields keep their places.

use bincode::{Decode, Encode};

use super::{ClientId, WireObj};

/// A verb's description.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct VerbInfo {
    /// The object that defines it.
    pub definer: WireObj,
    /// Its names, with their stars.
    pub names: Vec<String>,
    /// Who owns it.
    pub owner: WireObj,
    /// Some of `rwxd`.
    pub flags: String,
    /// Direct object, preposition and indirect object, as `verb_args()` words them.
    pub args: [String; 3],
}

/// A property's description.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PropInfo {
    /// The object that defines it.
    pub definer: WireObj,
    /// Its name.
    pub name: String,
    /// Who owns it.
    pub owner: WireObj,
    /// Some of `rwc`.
    pub flags: String,
    /// Whether the value is the parent's.
    pub clear: bool,
}

/// An object's description.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ObjectInfo {
    /// The object.
    pub obj: WireObj,
    /// Its name.
    pub name: String,
    /// Its parent.
    pub parent: WireObj,
    /// Who owns it.
    pub owner: WireObj,
    /// Where it is.
    pub location: WireObj,
    /// The flag bits, as a textdump has them.
    pub flags: u16,
}

/// One of a player's connections, as the player is shown it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SessionInfo {
    /// The connection.
    pub client: ClientId,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// The name of the host that has it, as `web`.
    pub host: String,
    /// The address of its far end.
    pub address: String,
    /// Seconds since it came.
    pub connected_s: u64,
    /// Seconds since something came from it.
    pub idle_s: u64,
    /// Whether its host is gone, and nobody has taken it up again.
    pub is_lingering: bool,
}

//! The 16-byte names of the things that meet on the wire.
//!
//! Invariant: an id is only ever compared; nothing reads a meaning out of its bytes.

use std::fmt;

use bincode::{Decode, Encode};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Sixteen zero bytes: no one. A frame without a principal carries it.
            pub const NONE: $name = $name([0; 16]);

            /// Whether this is [`Self::NONE`].
            pub fn is_none(&self) -> bool {
                self.0 == [0; 16]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        })*
    };
}

ids! {
    /// One client connection, from its first byte until it is gone for good. It outlives its socket and its host.
    ClientId
    /// One host, across its restarts.
    HostId
    /// One worker process's registration.
    WorkerId
    /// One question that waits for an answer: input from a player, or work from a worker.
    ReqId
    /// One job in the job store.
    JobId
}

impl HostId {
    /// The lasting id of a host that our own supervisor starts, from its name in the supervisor's table; of a longer
    /// name the first sixteen bytes count.
    pub fn named(name: &str) -> HostId {
        HostId(bytes_of(name))
    }
}

impl WorkerId {
    /// The same of a worker.
    pub fn named(name: &str) -> WorkerId {
        WorkerId(bytes_of(name))
    }
}

fn bytes_of(name: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id.iter_mut()
        .zip(name.bytes())
        .for_each(|(place, byte)| *place = byte);
    id
}

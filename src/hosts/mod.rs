//! The hosts: processes that hold clients' sockets and speak to the daemon in `protocol` messages only.
//!
//! Invariant: a host keeps nothing that the daemon could not give it again; whatever MOO code can see or change
//! about a connection is the daemon's.

pub mod telnet;

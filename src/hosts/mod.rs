//! The hosts: processes that hold clients' sockets and speak to the daemon in `protocol` messages only.
//!
//! What every host does is decided in [`crate::protocol::machine::host`]: it says hello with a token, proves that
//! events reach it, registers, answers pings, brings its connections back after the daemon was away, delivers each
//! client's events in order and acknowledges them, numbers commands, and sends again what was not answered. `link` is
//! the actor around it. What differs is how a client speaks, which is the business of the folder of each kind of host.
//!
//! Invariant: a host keeps nothing that the daemon could not give it again, but the lines that are not answered;
//! whatever MOO code can see or change about a connection (input queue, `.program`, delimiters, options) is the
//! daemon's.

pub mod identity;
pub mod link;
pub mod program;
pub mod telnet;
pub mod web;

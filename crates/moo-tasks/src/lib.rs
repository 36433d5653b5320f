//! When programs run: commands, queues, attempts and what they hold back, suspended tasks as bytes.
//!
//! Invariant: no actors, sockets, threads of its own or clocks; time, randomness and the way out are arguments.

pub mod command;

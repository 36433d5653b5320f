//! When programs run: commands, queues, attempts and what they hold back, suspended tasks as bytes.
//!
//! Invariant: no actors, sockets, threads of its own or clocks; time, randomness and the way out are arguments.

pub mod attempt;
pub mod board;
pub mod collection;
pub mod command;
pub mod conflicts;
pub mod connections;
pub mod held;
pub mod input_queue;
pub mod jobs;
pub mod login;
pub mod outside;
mod own_program;
pub mod priority;
pub mod request;
pub mod scheduler;
pub mod service;
pub mod snapshot;

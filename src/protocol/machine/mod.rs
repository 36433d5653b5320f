//! The conversations as state machines: input and the time go in, what to do comes out.
//!
//! Invariant: sans-IO. A machine never waits, sends or reads a clock, and iterates over nothing in an order of chance, so
//! a simulator can drive all of them and repeat every run.

pub mod dispatch;
pub mod health;
pub mod host;
pub mod link;
pub mod outbox;
pub mod stream;
pub mod strikes;
pub mod worker;

//! The real programs, started the way people start them, each on a fresh data folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![allow(
    clippy::too_many_lines,
    reason = "a scenario reads best from its first line to its last"
)]

use moothall::memory::CountingAllocator;

mod support;

mod anonymous;
mod attach;
mod browser;
mod command_line;
mod control;
mod fairness;
mod faults;
mod guests;
mod hall;
mod hostile;
mod jobs;
mod kill;
mod lambdacore;
mod malformed;
mod messages;
mod openapi;
mod pasted;
mod persistence;
mod requests;
mod rest;
mod rest_refused;
mod restart;
mod services;
mod simulation;
mod soak;
mod tokens;
mod typed;
mod web;
mod web_terminal;
mod worker;
mod worker_python;

/// As in the daemon, so that a test can see what something costs.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

//! The real programs, started the way people start them, each on a fresh data folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod command_line;

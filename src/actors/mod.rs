//! Everything that lives, fails and is started again: actors, and the processes they run in.
//!
//! `kit` is the machinery without a MOO in it; `process` is the program `moothall`, which watches the others.

pub mod kit;
pub mod process;

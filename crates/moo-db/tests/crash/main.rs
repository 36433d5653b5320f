//! What a store holds after its process was killed, at any place of the commit path or at any moment, or its last log was
//! torn: exactly the first commits, in their order, every answered one among them.
//!
//! A process of its own commits from several threads. Its sink tells each commit in the order of commits before the log
//! hears of it, and the log tells what is written; the parent reads both from a pipe and so knows all that can be in the
//! folder. Invariant: the expected state is computed from the plans of the commits, without the world or the store.
//!
//! `MOOTHALL_CRASH_ROUNDS` sets how many kills of each kind, `MOOTHALL_CRASH_SEED` when they come.

mod child;
mod durability;
mod judge;
mod kills;
mod parent;
mod plan;
mod state;

//! The language's text as a whole: real programs, random ones, hostile ones, and snapshots.
mod builtins;
mod lambda_core;
mod snapshots;

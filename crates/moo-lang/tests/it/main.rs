//! The language's text as a whole: real programs, random ones, hostile ones, and snapshots.

mod builtins;
mod hall;
mod hostile;
mod lambda_core;
mod random_trees;
mod snapshots;

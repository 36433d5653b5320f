//! Runs programs on a world.

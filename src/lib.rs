//! Moothall: an actor-model server for live-programmable shared worlds.

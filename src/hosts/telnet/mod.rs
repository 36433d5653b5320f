//! The telnet host: everyone who comes with a telnet, MUD or raw client.
//!
//! `engine` is telnet itself, `line_mode` the line editor, `output` the bounded queue to the socket, and `terminal`
//! the three together; none of them knows a socket, a clock or the daemon.

pub mod engine;
pub mod line_mode;
pub mod output;
pub mod terminal;

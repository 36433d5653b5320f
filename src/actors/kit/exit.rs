//! Exit codes of all our programs, by the conventions of sysexits, and what a supervisor makes of them.

/// All went well.
pub const OK: u8 = 0;
/// An operator's order was refused or failed (`moothallctl`, which ends like other small commands).
pub const FAILED: u8 = 1;
/// An operator's command line was not understood.
pub const MISUSE: u8 = 2;
/// The command line of a server's program was not understood.
pub const USAGE: u8 = 64;
/// A file that was handed in is wrong: a world that cannot be imported, or a folder that already holds one.
pub const DATA: u8 = 65;
/// A resource cannot be had: a port is in use, a program is missing, nobody answers.
pub const UNAVAILABLE: u8 = 69;
/// Our own failure: an actor or a child ended too often.
pub const INTERNAL: u8 = 70;
/// The folder is used by another server, or cannot be written.
pub const CANNOT_CREATE: u8 = 73;
/// A right is missing.
pub const NO_PERMISSION: u8 = 77;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;

/// Whether a process that exited so would exit so again, so that starting it again is no use.
pub fn is_final(code: u8) -> bool {
    matches!(
        code,
        USAGE | DATA | UNAVAILABLE | CANNOT_CREATE | NO_PERMISSION | CONFIG
    )
}

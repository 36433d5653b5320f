//! Every bound that is not a setting, by name, with its unit at the end of the name or in its words.

// The telnet host.

/// Raw bytes of one chunk of binary mode; written down as a MOO binary string it is three times as long at most.
pub const BINARY_CHUNK_MAX: usize = 16 * 1024;
/// Bytes of telnet answers that wait for a client before nothing more is read from it.
pub const ANSWERS_WAITING_MAX: usize = 4 * 1024;

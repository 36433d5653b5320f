//! Messages as bytes: round trips, golden bytes and truncations.

mod codec;
mod samples;
mod surface;

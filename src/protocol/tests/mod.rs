//! Messages as bytes: round trips, golden bytes and truncations.

mod codec;
mod pages;
mod samples;
mod surface;

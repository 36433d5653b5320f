//! The target `parser`: see `TARGETS` of the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| moothall_fuzz::parser(data));

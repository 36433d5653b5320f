//! The program `moothall`.

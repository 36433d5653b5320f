//! The vocabulary of the world: values, names, objects, and the transactional world they live in.
//!
//! Invariant: nothing here reads a clock, a socket, the environment or a random number; those come in as arguments.

pub mod binary;
pub mod bytes;
pub mod error;
pub mod json;
pub mod ledger;
pub mod literal;
pub mod number;
pub mod object;
pub mod preposition;
pub mod symbol;
pub mod tag;
pub mod text;
pub mod value;
pub mod world;

pub use error::{ErrorCode, Raised};
pub use object::Obj;
pub use symbol::Symbol;
pub use value::{Map, Value, View};

//! Values and object numbers as they travel.
//!
//! Invariant: a value is opaque bytes to bincode, so no nesting can reach a derived, recursive decoder.

use bincode::{Decode, Encode};
use moo_model::bytes::{self, DecodeError};
use moo_model::{Obj, Value};

/// A MOO value in the flat form of [`moo_model::bytes`]. It is checked when it is opened, not when the frame is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct WireValue(pub Vec<u8>);

impl WireValue {
    /// Writes a value down.
    pub fn new(value: &Value) -> WireValue {
        let mut out = Vec::with_capacity(16);
        bytes::encode(value, &mut out);
        WireValue(out)
    }

    /// Reads the value back; fails on anything that [`bytes::encode`] would not have written.
    pub fn open(&self) -> Result<Value, DecodeError> {
        bytes::decode(&self.0)
    }

    /// As [`WireValue::open`], for what comes from outside, where nobody can have a reference to an anonymous object.
    pub fn open_foreign(&self) -> Result<Value, ForeignError> {
        let value = self.open()?;
        if value.refers_to_anonymous() {
            Err(ForeignError::Reference)
        } else {
            Ok(value)
        }
    }
}

/// Why a value from outside is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ForeignError {
    /// It is no value.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// It refers to an anonymous object.
    #[error("it refers to an anonymous object, which only programs of the world can do")]
    Reference,
}

impl From<&Value> for WireValue {
    fn from(value: &Value) -> WireValue {
        WireValue::new(value)
    }
}

/// An object number as it travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct WireObj(pub i64);

impl From<Obj> for WireObj {
    fn from(obj: Obj) -> WireObj {
        WireObj(obj.0)
    }
}

impl From<WireObj> for Obj {
    fn from(obj: WireObj) -> Obj {
        Obj::numbered(obj.0)
    }
}

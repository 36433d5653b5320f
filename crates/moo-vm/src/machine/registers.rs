//! The registers of all frames, in memory that is used again: a call takes over places that are unset already, and its
//! return leaves them so.
//!
//! Invariant: only the first `len` places are registers; the others are unset.

use std::ops::{Deref, DerefMut};

use moo_model::Value;

/// Places that are added at once, beyond what is asked for.
const SPARE: usize = 64;

/// A stack of registers. It is a slice of them to whoever looks.
#[derive(Debug, Default)]
pub(super) struct Registers {
    places: Vec<Value>,
    len: usize,
}

impl Registers {
    /// These registers.
    pub fn new(registers: Vec<Value>) -> Registers {
        Registers {
            len: registers.len(),
            places: registers,
        }
    }

    /// Adds so many registers, unset.
    #[inline(always)]
    pub fn grow(&mut self, count: usize) {
        self.len += count;
        if self.len > self.places.len() {
            self.make_room();
        }
    }

    /// Adds so many registers for a frame, unset but for the first `taken`: those are moved there from `first` on.
    #[inline(always)]
    pub fn grow_with(&mut self, count: usize, first: usize, taken: usize) {
        let base = self.len;
        self.grow(count);
        let (below, own) = self.places.split_at_mut(base);
        let arguments = below.iter_mut().skip(first).take(taken);
        for (argument, register) in arguments.zip(own) {
            argument.move_to_unset(register);
        }
    }

    #[cold]
    fn make_room(&mut self) {
        self.places.resize(self.len + SPARE, Value::UNSET);
    }

    /// Takes off all registers from this one on.
    #[inline]
    pub fn shrink(&mut self, len: usize) {
        for place in &mut self.places[len..self.len] {
            *place = Value::UNSET;
        }
        self.len = len;
    }

    /// As [`Registers::shrink`], where all those are unset.
    #[inline(always)]
    pub fn cut(&mut self, len: usize) {
        debug_assert!(self[len..].iter().all(Value::is_unset));
        self.len = len;
    }

    /// Gives back the memory that no register uses now.
    pub fn trim(&mut self) {
        self.places.truncate(self.len);
        self.places.shrink_to_fit();
    }
}

/// A clone has no unused places.
impl Clone for Registers {
    fn clone(&self) -> Registers {
        Registers::new(self.to_vec())
    }
}

impl Deref for Registers {
    type Target = [Value];

    #[inline]
    fn deref(&self) -> &[Value] {
        &self.places[..self.len]
    }
}

impl DerefMut for Registers {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Value] {
        &mut self.places[..self.len]
    }
}

//! The frames of a machine, in places that are used again: a call writes its fields where the last call at that depth
//! had them, rather than moving a frame there.
//!
//! Invariant: only the first `depth` places are frames; of the others only the memory counts, and they hold no
//! list of arguments, no `player` of their own and no command words. What a place says of how its verb was found holds for
//! the transaction that the machine runs in. A place above the top frame was a verb's in this run of the machine, when no
//! fewer of the frames below it were verbs': one more verb there is not one too many.

use std::ops::{Deref, DerefMut};

use crate::frame::{FoundBy, Frame, Running};

/// A stack of frames, outermost first. It is a slice of them to whoever looks.
#[derive(Debug, Default)]
pub(super) struct Frames {
    places: Vec<Frame>,
    depth: usize,
}

impl Frames {
    /// These frames, outermost first.
    pub fn new(frames: Vec<Frame>) -> Frames {
        Frames {
            depth: frames.len(),
            places: frames,
        }
    }

    /// The top frame with those below it, and the places above it.
    #[inline(always)]
    pub fn split_top(&mut self) -> (&mut [Frame], &mut Frame, &mut [Frame]) {
        let (below, rest) = self.places.split_at_mut(self.depth.wrapping_sub(1));
        let (top, above) = rest.split_first_mut().expect("a machine that runs has a frame");
        (below, top, above)
    }

    /// A run begins. Nothing is known any more of how verbs were found: that was in another transaction.
    pub fn begin(&mut self) {
        self.places.truncate(self.depth);
        for place in &mut self.places {
            place.found_by = FoundBy::unknown();
        }
    }

    /// Puts a whole frame on top.
    pub fn push(&mut self, frame: Frame) {
        match self.places.get_mut(self.depth) {
            Some(place) => *place = frame,
            None => self.places.push(frame),
        }
        self.depth += 1;
    }

    /// The place above the top frame, for a frame's fields to be written. What only few frames have is unset there: a list
    /// of arguments, words, a `player` of its own.
    #[inline(always)]
    pub fn place(&mut self) -> &mut Frame {
        if self.depth == self.places.len() {
            self.add_place();
        }
        &mut self.places[self.depth]
    }

    /// Makes that place the top frame.
    #[inline(always)]
    pub fn enter_place(&mut self) {
        self.depth += 1;
    }

    #[cold]
    fn add_place(&mut self) {
        let mut place = self.last().expect("a verb is called from a frame").clone();
        (place.this, place.verb, place.caller) = Default::default();
        place.found_by = FoundBy::unknown();
        place.clear();
        self.places.push(place);
    }

    /// Takes the top frame off, letting go of what only it may hold.
    #[inline(always)]
    pub fn pop(&mut self) {
        self.depth -= 1;
        let place = &mut self.places[self.depth];
        place.clear();
        if !matches!(place.running, Running::Verb(_)) {
            self.places.truncate(self.depth);
        }
    }

    /// As [`Frames::pop`], for a verb's frame that was cleared.
    #[inline(always)]
    pub fn leave_place(&mut self) {
        self.depth -= 1;
    }

    /// Gives back the memory that no frame uses now.
    pub fn trim(&mut self) {
        self.places.truncate(self.depth);
        self.places.shrink_to_fit();
    }

    /// Takes all frames off.
    pub fn clear(&mut self) {
        self.places.clear();
        self.depth = 0;
    }
}

/// A clone has no unused places.
impl Clone for Frames {
    fn clone(&self) -> Frames {
        Frames::new(self.to_vec())
    }
}

impl Deref for Frames {
    type Target = [Frame];

    #[inline]
    fn deref(&self) -> &[Frame] {
        &self.places[..self.depth]
    }
}

impl DerefMut for Frames {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Frame] {
        &mut self.places[..self.depth]
    }
}

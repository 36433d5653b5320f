//! The frames of a machine, in places that are used again: a call writes its fields where the last call at that depth
//! had them, rather than moving a frame there.
//!
//! Invariant: only the first `depth` places are frames; of the others only the memory counts, and they hold no
//! arguments and no command words.

use std::ops::{Deref, DerefMut};

use super::Running;
use crate::frame::{Frame, FrameArgs};

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

    /// Puts a whole frame on top.
    pub fn push(&mut self, frame: Frame) {
        match self.places.get_mut(self.depth) {
            Some(place) => *place = frame,
            None => self.places.push(frame),
        }
        self.depth += 1;
    }

    /// Puts the place of an earlier frame on top, for its fields to be written, with the frame that was on top before.
    /// `None` where there was none so deep yet.
    #[inline]
    pub fn push_place(&mut self) -> Option<(&Frame, &mut Frame)> {
        let (below, above) = self.places.split_at_mut(self.depth);
        let pair = (below.last()?, above.first_mut()?);
        self.depth += 1;
        Some(pair)
    }

    /// Takes the top frame off, letting go of what only it may hold.
    #[inline]
    pub fn pop(&mut self) {
        self.depth -= 1;
        let place = &mut self.places[self.depth];
        if let FrameArgs::List(_) = place.args {
            place.args = FrameArgs::Window(0);
        }
        place.words = None;
        if let Running::Builtin(_) | Running::Eval(_) | Running::ForkOfEval(_) = place.running {
            self.places.truncate(self.depth);
        }
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

//! The predefined variables that are no registers: what the frame knows of its call and its command.

use std::sync::Arc;

use moo_lang::opcode::Env as EnvField;
use moo_model::Value;

use crate::frame::{CommandWords, Frame, FrameState, NOWHERE};

/// The command's words that a frame sees: its own, or those of the nearest frame below that has some.
pub(super) fn words_of<'a>(frame: &'a FrameState, below: &'a [Frame]) -> &'a Arc<CommandWords> {
    let own = frame
        .words
        .as_ref()
        .or_else(|| below.iter().rev().find_map(|frame| frame.words.as_ref()));
    own.expect("the outermost frame of a task has words")
}

/// What a predefined variable is in the frame. `lower` is the register stack below it.
#[inline(never)]
pub(super) fn load_env(
    frame: &mut FrameState,
    below: &[Frame],
    field: EnvField,
    lower: &mut [Value],
) -> Value {
    if field == EnvField::Args {
        return frame.args_list(lower);
    }
    let words = || words_of(frame, below);
    match field {
        EnvField::Player => frame.player_variable(),
        EnvField::This => frame.this.clone(),
        EnvField::Caller => frame.caller_variable(below),
        EnvField::Verb | EnvField::Args => frame.verb.clone(),
        EnvField::Argstr => words().argstr.clone(),
        EnvField::Dobj => words().dobj.clone(),
        EnvField::Dobjstr => words().dobjstr.clone(),
        EnvField::Prepstr => words().prepstr.clone(),
        EnvField::Iobj => words().iobj.clone(),
        EnvField::Iobjstr => words().iobjstr.clone(),
    }
}

/// Makes an assignment to a predefined variable seen by the verbs that the frame calls.
#[inline(never)]
pub(super) fn store_env(frame: &mut FrameState, below: &[Frame], field: EnvField, value: Value) {
    frame.returns_to = NOWHERE;
    if field == EnvField::Player {
        frame.assigned_player = value;
        return;
    }
    let seen = words_of(frame, below).clone();
    let words = Arc::make_mut(frame.words.insert(seen));
    match field {
        EnvField::Argstr => words.argstr = value,
        EnvField::Dobj => words.dobj = value,
        EnvField::Dobjstr => words.dobjstr = value,
        EnvField::Prepstr => words.prepstr = value,
        EnvField::Iobj => words.iobj = value,
        EnvField::Iobjstr => words.iobjstr = value,
        // The compiler stores only what callees see.
        EnvField::Player | EnvField::This | EnvField::Caller | EnvField::Verb | EnvField::Args => {}
    }
}

//! Programs and values that clients save.
//!
//! Invariant: what a client has not seen is not replaced by what it saves over it, if it says what it has seen.

use super::super::json::{Fields, Malformed, invalid};
use crate::protocol::client::{EntityType, HostClientToDaemonMessage as Message, ObjectRef, WorldAction};

/// What saving is called in its batch, and the reading of what was saved.
const SAVED: &str = "saved";
/// See [`SAVED`].
pub const READ: &str = "read";

/// A verb's new program, if the old one is still what the client has seen.
pub fn program(fields: &mut Fields) -> Result<Message, Malformed> {
    let (object, verb) = (fields.object("object")?, fields.name("verb")?);
    let change = WorldAction::Program {
        object: object.clone(),
        verb: verb.clone(),
        code: fields.texts("code")?,
    };
    let tag = fields.text_if("if_match")?;
    Ok(save((object, EntityType::Verb, verb), tag, change))
}

/// A property's new value, likewise.
pub fn update(fields: &mut Fields) -> Result<Message, Malformed> {
    let (object, property) = (fields.object("object")?, fields.name("property")?);
    let (of, name) = (object.clone(), property.clone());
    let change = match (fields.text_if("literal")?, fields.0.contains_key("value")) {
        (Some(literal), false) => WorldAction::UpdateLiteral {
            object,
            property,
            literal,
        },
        (None, true) => WorldAction::UpdateProperty {
            object,
            property,
            value: fields.value("value")?,
        },
        _ => return Err(invalid("give a `value` or a `literal`, and not both")),
    };
    let tag = fields.text_if("if_match")?;
    Ok(save((of, EntityType::Property, name), tag, change))
}

/// What is saved is read again in the same transaction, since the world may write it otherwise than it was said; a tag of
/// what the client has seen is held against what is there before.
fn save(
    (object, what, name): (ObjectRef, EntityType, String),
    tag: Option<String>,
    change: WorldAction,
) -> Message {
    let expect = tag.map(|tag| WorldAction::Expect {
        object: object.clone(),
        what,
        name: name.clone(),
        tag,
    });
    let expect = expect.map(|expect| ("expected".to_owned(), expect));
    let read = WorldAction::Retrieve { object, what, name };
    let change = [(SAVED.to_owned(), change), (READ.to_owned(), read)];
    Message::BatchWorldState {
        actions: expect.into_iter().chain(change).collect(),
        rollback: false,
    }
}

/// About how many bytes what is saved keeps while it waits.
pub fn length(actions: &[(String, WorldAction)]) -> usize {
    let length = |(_, action): &(String, WorldAction)| match action {
        WorldAction::Program { code, .. } => code.iter().map(|line| line.len() + 1).sum(),
        WorldAction::UpdateProperty { value, .. } => value.0.len(),
        WorldAction::UpdateLiteral { literal, .. } => literal.len(),
        _ => 0,
    };
    actions.iter().map(length).sum()
}

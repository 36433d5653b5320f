//! What the answering program gives, read as what clients are shown.
//!
//! Invariant: what has another shape than was agreed gives nothing, and no panic.

use super::{Refused, malformed};
use crate::protocol::client::{ObjectInfo, PropInfo, VerbInfo};
use crate::protocol::{WireObj, WireValue};
use moo_model::Value;

pub(super) fn rows<T>(value: &Value, row: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Refused> {
    let list = value.as_list().ok_or_else(malformed)?;
    list.iter().map(row).collect::<Option<_>>().ok_or_else(malformed)
}

pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub(super) fn object(value: &Value) -> Option<WireObj> {
    value.as_obj().map(WireObj::from)
}

pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_list()?.iter().map(text).collect()
}

pub(super) fn verb_info(row: &Value) -> Option<VerbInfo> {
    let [definer, owner, flags, names, args] = row.as_list()? else {
        return None;
    };
    Some(VerbInfo {
        definer: object(definer)?,
        names: names.as_str()?.split_whitespace().map(str::to_owned).collect(),
        owner: object(owner)?,
        flags: text(flags)?,
        args: texts(args)?.try_into().ok()?,
    })
}

pub(super) fn verb_and_code(value: &Value) -> Option<(VerbInfo, Vec<String>)> {
    let [info, code] = value.as_list()? else {
        return None;
    };
    Some((verb_info(info)?, texts(code)?))
}

pub(super) fn prop_info(row: &Value) -> Option<PropInfo> {
    let [definer, name, owner, flags, clear] = row.as_list()? else {
        return None;
    };
    Some(PropInfo {
        definer: object(definer)?,
        name: text(name)?,
        owner: object(owner)?,
        flags: text(flags)?,
        clear: clear.is_true(),
    })
}

pub(super) fn property_and_value(value: &Value) -> Option<(PropInfo, WireValue)> {
    let [info, value] = value.as_list()? else {
        return None;
    };
    Some((prop_info(info)?, WireValue::new(value)))
}

pub(super) fn programmed(value: &Value) -> Option<(WireObj, String)> {
    let [on, verb] = value.as_list()? else { return None };
    Some((object(on)?, text(verb)?))
}

pub(super) fn object_info(row: &Value) -> Option<ObjectInfo> {
    let [obj, name, parent, owner, location, flags] = row.as_list()? else {
        return None;
    };
    Some(ObjectInfo {
        obj: object(obj)?,
        name: text(name)?,
        parent: object(parent)?,
        owner: object(owner)?,
        location: object(location)?,
        flags: u16::try_from(flags.as_int()?).ok()?,
    })
}

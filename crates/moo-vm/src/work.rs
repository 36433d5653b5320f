//! What a task asks of a worker process, and what it waits for until that has answered.
//!
//! Invariant: an order that was written as a value reads back as the same order; it is stored in no other form.

use moo_model::{Obj, Value, binary};

/// Seconds that a request may take where its options say nothing.
pub const TIMEOUT_S: f64 = 30.0;
/// The most that they may say.
pub const TIMEOUT_S_MAX: f64 = 600.0;
/// Attempts in all of a request that may be made twice.
pub const TRIES_MAX: u8 = 2;
/// Bytes of a request: with what stands around it, it fits into one message.
pub const REQUEST_BYTES_MAX: usize = (4 << 20) - 4096;
/// Bytes of the name of a kind of work.
pub const KIND_LEN_MAX: usize = 64;
/// Tasks that may wait for workers at once.
pub const ORDERS_MAX: usize = 4_096;
/// Tasks of one programmer that may, where `$server_options.worker_requests_per_owner` says nothing.
pub const ORDERS_OF_OWNER_MAX: usize = 64;
/// Tasks from one verb that may, where `$server_options.worker_requests_per_verb` says nothing.
pub const ORDERS_OF_VERB_MAX: usize = 32;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkOrder {
    /// What it is known by to workers: no other request has or had it.
    pub id: [u8; 16],
    /// The kind of work.
    pub kind: String,
    /// What is asked: the arguments, with the options as a map at the end.
    pub request: Vec<Value>,
    /// Whose permissions the asking verb had.
    pub perms: Obj,
    /// The asking verb: the object that defines it, and the name that it was called by, in lower case.
    pub verb: (Obj, String),
    /// Milliseconds that it may take in all.
    pub timeout_ms: u32,
    /// When that is over, in seconds since 1970.
    pub deadline: f64,
    /// Attempts in all: 1 for what must never be done twice.
    pub tries_max: u8,
}

impl WorkOrder {
    /// The order as a value, for the row of its task.
    pub fn to_value(&self) -> Value {
        Value::list(vec![
            Value::string(binary::from_bytes(&self.id)),
            Value::str(&self.kind),
            Value::list(self.request.clone()),
            Value::obj(self.perms),
            Value::obj(self.verb.0),
            Value::str(&self.verb.1),
            Value::int(i64::from(self.timeout_ms)),
            Value::float(self.deadline),
            Value::int(i64::from(self.tries_max)),
        ])
    }

    /// The order that [`WorkOrder::to_value`] wrote; `None` for anything else.
    pub fn from_value(value: &Value) -> Option<WorkOrder> {
        let [
            id,
            kind,
            request,
            perms,
            definer,
            names,
            timeout_ms,
            deadline,
            tries_max,
        ] = value.as_list()?
        else {
            return None;
        };
        Some(WorkOrder {
            id: binary::to_bytes(id.as_str()?, true)?.try_into().ok()?,
            kind: kind.as_str()?.to_owned(),
            request: request.as_list()?.to_vec(),
            perms: perms.as_obj()?,
            verb: (definer.as_obj()?, names.as_str()?.to_owned()),
            timeout_ms: u32::try_from(timeout_ms.as_int()?).ok()?,
            deadline: deadline.as_float()?,
            tries_max: u8::try_from(tries_max.as_int()?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_back_as_it_was_written() {
        let order = WorkOrder {
            id: [0, 1, 126, 255, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            kind: "http".into(),
            request: vec![Value::str("GET"), Value::map(moo_model::Map::new())],
            perms: Obj(2),
            verb: (Obj(7), "fetch".into()),
            timeout_ms: 30_000,
            deadline: 1_030.5,
            tries_max: 2,
        };
        assert_eq!(WorkOrder::from_value(&order.to_value()), Some(order));
        for junk in [
            Value::int(1),
            Value::empty_list(),
            Value::list(vec![Value::int(0); 9]),
        ] {
            assert_eq!(WorkOrder::from_value(&junk), None);
        }
    }
}

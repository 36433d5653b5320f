//! What a `fork` statement asks for: a new task that runs its body later, with the variables as they are now.

use crate::frame::Frame;
use moo_model::Value;

/// A task to be started once this one commits.
#[derive(Clone, Debug)]
pub struct ForkRequest {
    /// Its id.
    pub id: i64,
    /// Seconds until it starts.
    pub delay: f64,
    /// Its only frame; `pc` is the body's first instruction and `base` is 0.
    pub frame: Frame,
    /// Its registers: the forking frame's as they were.
    pub registers: Vec<Value>,
    /// How many background tasks the programmer may have, if limited.
    pub queue_limit: Option<i64>,
}

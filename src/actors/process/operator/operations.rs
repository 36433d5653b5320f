//! `moothallctl drain` and `restart`: one order to the supervisor, and its steps until it is carried out.

use super::{OperatorError, connect, failed};
use crate::limits::OPERATION_STEP_MAX;
use crate::protocol::control::{FromSupervisor, Operation, ToSupervisor};
use crate::protocol::local;
use std::path::Path;

/// Gives the order to the supervisor of a data folder; `tell` hears each step. Returns when all is done.
pub fn operate(data: &Path, operation: Operation, mut tell: impl FnMut(&str)) -> Result<(), OperatorError> {
    let mut stream = connect(data, "control.sock", OPERATION_STEP_MAX)?;
    local::write_blocking(&mut stream, &ToSupervisor::Operate(operation)).map_err(failed)?;
    loop {
        match local::read_blocking(&mut stream).map_err(failed)? {
            FromSupervisor::Step(words) => tell(&words),
            FromSupervisor::Done => return Ok(()),
            FromSupervisor::Refused(why) => return Err(failed(why)),
            other => {
                return Err(failed(format!(
                    "the supervisor said {other:?}, which was not asked"
                )));
            }
        }
    }
}

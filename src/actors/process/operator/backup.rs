//! `moothallctl backup`: has the daemon write a copy of its data folder.

use super::{OperatorError, ask_for, failed, nobody};
use crate::limits::BACKUP_TIMEOUT;
use crate::protocol::admin::{AdminReply, AdminRequest};
use std::path::Path;

/// Has the daemon write a copy of its data folder, as of one commit, to a folder that does not exist yet.
pub fn backup(data: &Path, folder: &Path) -> Result<(), OperatorError> {
    let request = AdminRequest::Backup(folder.to_string_lossy().into_owned());
    match ask_for(&data.join("run/admin.sock"), &request, BACKUP_TIMEOUT) {
        Ok(AdminReply::Done) => Ok(()),
        Ok(AdminReply::Refused(reason)) => Err(failed(reason)),
        Ok(_) => Err(failed("the daemon said something else")),
        Err(_) => Err(nobody(data)),
    }
}

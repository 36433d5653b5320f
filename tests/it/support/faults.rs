//! `Orders`: the folder in which a test orders faults of programs that have fail points; see `src/fault.rs`.

use super::wait_for;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A folder of orders. Give its path to programs as `MOOTHALL_FAULTS`.
pub struct Orders(TempDir);

impl Orders {
    /// No orders.
    pub fn new() -> Orders {
        Orders(
            tempfile::Builder::new()
                .prefix("moothall-orders-")
                .tempdir()
                .unwrap(),
        )
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Orders something at a place: `crash`, `panic`, `err`, `wait MS` or `spin MS`, then `after N` or `always` if wanted.
    pub fn give(&self, place: &str, what: &str) {
        // Written elsewhere first, so that nobody reads half an order.
        let draft = self.0.path().join(".draft");
        fs::write(&draft, what).unwrap();
        fs::rename(draft, self.0.path().join(place)).unwrap();
    }

    /// Waits until somebody has begun to carry an order out.
    #[track_caller]
    pub fn wait_taken(&self, place: &str) {
        wait_for("an order to be carried out", || {
            self.is_taken(place).then_some(())
        });
    }

    /// Whether somebody has begun to carry an order out.
    pub fn is_taken(&self, place: &str) -> bool {
        !self.0.path().join(place).exists()
    }
}

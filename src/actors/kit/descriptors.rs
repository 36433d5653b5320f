//! How many files and sockets the process may have open.
//!
//! Invariant: the limit is only ever raised, to what the system lets this process have without asking anybody.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one, and logs what it is; warns if the process may need `wanted` of
/// them and cannot have so many.
pub fn raise(wanted: u64) {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    if before.current != before.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    tracing::info!(before = ?before.current, now = ?limit, "files and sockets that may be open (none: no limit)");
    if let Some(limit) = limit.filter(|&limit| limit < wanted) {
        tracing::warn!(
            limit,
            wanted,
            "fewer files may be open than the settings need; raise the hard limit of open files (LimitNOFILE, ulimit -Hn)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        // Every other test of this process needs far fewer.
        let lower = Rlimit {
            current: Some(before.current.map_or(1_000, |current| current.min(1_000))),
            ..before
        };
        setrlimit(Resource::Nofile, lower).unwrap();
        raise(0);
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }
}

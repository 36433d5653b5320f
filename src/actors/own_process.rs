//! What this process has used of its machine, as the kernel counts it in `/proc/self`.
//!
//! Invariant: where the kernel tells nothing, a figure is 0.

use moo_model::Value;
use rustix::param::{clock_ticks_per_second, page_size};
use std::fs;

/// What `/proc/self/stat` says.
#[derive(Debug, Default, PartialEq)]
pub struct Used {
    /// Seconds of CPU in the program itself.
    pub user: f64,
    /// Seconds of CPU in the kernel.
    pub system: f64,
    /// Page faults that needed no disk.
    pub minor_faults: u64,
    /// Those that did.
    pub major_faults: u64,
    /// Threads.
    pub threads: u64,
    /// Bytes of memory.
    pub resident: u64,
}

/// What this process has used so far.
pub fn used() -> Used {
    parse(&fs::read_to_string("/proc/self/stat").unwrap_or_default())
}

/// The fields after the name, which stands in parentheses and may hold anything.
fn parse(stat: &str) -> Used {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = rest
        .split_whitespace()
        .map(|field| field.parse().unwrap_or_default())
        .collect();
    // The manual of proc(5) counts the name as the second field.
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or_default();
    let seconds = |ticks: u64| ticks as f64 / clock_ticks_per_second() as f64;
    Used {
        user: seconds(field(14)),
        system: seconds(field(15)),
        minor_faults: field(10),
        major_faults: field(12),
        threads: field(20),
        resident: field(24) * page_size() as u64,
    }
}

/// A figure of `/proc/self/NAME` that stands after this word.
fn figure(name: &str, word: &str) -> i64 {
    let text = fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(word));
    found
        .and_then(|rest| rest.trim().parse().ok())
        .unwrap_or_default()
}

/// The value of `usage()`.
pub fn usage() -> Value {
    const BLOCK_BYTES: i64 = 512;
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let loads = loads.split_whitespace().take(3);
    let loads = loads.map(|load| Value::float(load.parse().unwrap_or_default()));
    let used = used();
    let count = |n: u64| Value::int(i64::try_from(n).unwrap_or(i64::MAX));
    Value::list(vec![
        Value::list(loads.collect()),
        Value::float(used.user),
        Value::float(used.system),
        count(used.minor_faults),
        count(used.major_faults),
        Value::int(figure("io", "read_bytes:") / BLOCK_BYTES),
        Value::int(figure("io", "write_bytes:") / BLOCK_BYTES),
        Value::int(figure("status", "voluntary_ctxt_switches:")),
        Value::int(figure("status", "nonvoluntary_ctxt_switches:")),
        // Linux does not count signals.
        Value::int(0),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_after_any_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 70 8 90 10 200 100 0 0 20 0 12 0 5 1000 3 0";
        let used = parse(stat);
        assert_eq!((used.minor_faults, used.major_faults, used.threads), (70, 90, 12));
        assert!(used.user > used.system && used.resident == 3 * page_size() as u64);
        assert_eq!(parse("").threads, 0);
    }

    #[test]
    fn usage_has_the_shape_that_worlds_expect() {
        let usage = usage();
        let rows = usage.as_list().expect("a list");
        assert_eq!(rows.len(), 10);
        assert_eq!(rows[0].as_list().map(<[Value]>::len), Some(3));
        assert!(rows[3].as_int() > Some(0), "a running program has pages");
    }
}

//! Buckets, and what Prometheus reads of them.

use super::*;
use std::collections::HashSet;

fn figure(group: &str, name: &str, label: &str, value: u64) -> Figure {
    Figure {
        group: group.to_owned(),
        name: name.to_owned(),
        label: label.to_owned(),
        value,
        bound: 0,
        spread: None,
    }
}

#[test]
fn a_value_is_in_the_bucket_with_the_least_bound_that_holds_it() {
    for value in (0..5_000).chain([1 << 26, (1 << 26) + 1, u64::MAX]) {
        let bucket = bucket_of(value);
        assert!(bucket_bound(bucket).is_none_or(|bound| value <= bound), "{value}");
        let lower = bucket.checked_sub(1).and_then(bucket_bound);
        assert!(lower.is_none_or(|bound| value > bound), "{value}");
    }
}

#[test]
fn quantiles_are_within_the_bucket_they_fall_in() {
    let mut buckets = vec![0; BUCKETS];
    assert_eq!(quantile(&buckets, 0.99), 0);
    for value in 1..=1_000 {
        buckets[bucket_of(value)] += 1;
    }
    assert!((490..=512).contains(&quantile(&buckets, 0.5)));
    assert!((960..=1_024).contains(&quantile(&buckets, 0.99)));
}

#[test]
fn prometheus_reads_names_labels_and_growing_buckets() {
    let mut buckets = vec![0; BUCKETS];
    (buckets[1], buckets[3]) = (2, 1);
    let wait = Figure {
        spread: Some(Spread::of(buckets, 11)),
        ..figure("tasks", "wait", "", 3)
    };
    let shown = text(&[
        wait,
        figure("queue", "waiting", "a\"b", 7),
        figure("world", "commits", "", 12),
    ]);
    let lines: Vec<&str> = shown.lines().collect();
    for wanted in [
        "# TYPE moothall_tasks_wait_seconds histogram",
        "moothall_tasks_wait_seconds_bucket{le=\"0.000001\"} 0",
        "moothall_tasks_wait_seconds_bucket{le=\"0.000002\"} 2",
        "moothall_tasks_wait_seconds_bucket{le=\"0.000008\"} 3",
        "moothall_tasks_wait_seconds_bucket{le=\"+Inf\"} 3",
        "moothall_tasks_wait_seconds_sum 0.000011",
        "moothall_tasks_wait_seconds_count 3",
        "moothall_queue_waiting{queue=\"a\\\"b\"} 7",
        "# TYPE moothall_world_commits_total counter",
        "moothall_world_commits_total 12",
    ] {
        assert!(lines.contains(&wanted), "{wanted} is missing in\n{shown}");
    }
}

#[test]
fn no_two_figures_have_one_name() {
    let names: HashSet<String> = TABLE.iter().map(Metric::full_name).collect();
    assert_eq!(names.len(), TABLE.len());
}

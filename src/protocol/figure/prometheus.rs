//! Figures as the text that Prometheus reads (exposition format 0.0.4).
//!
//! Invariant: every figure that the table knows stands under its HELP and TYPE, all of one name together; one that it does not
//! know is left out.

use super::{Figure, Kind, Metric, TABLE, Unit, bucket_bound};
use std::fmt::Write;

/// The text.
pub fn text(figures: &[Figure]) -> String {
    let mut text = String::new();
    for metric in TABLE {
        let mut of_this = figures
            .iter()
            .filter(|figure| figure.group == metric.group && figure.name == metric.name)
            .peekable();
        if of_this.peek().is_none() {
            continue;
        }
        let (name, kind) = (metric.full_name(), format!("{:?}", metric.kind).to_lowercase());
        line(&mut text, format_args!("# HELP {name} {}", metric.help));
        line(&mut text, format_args!("# TYPE {name} {kind}"));
        for figure in of_this {
            match metric.kind {
                Kind::Histogram => histogram(&mut text, metric, figure),
                Kind::Counter | Kind::Gauge => {
                    let (labels, value) = (labels(metric, figure, None), in_unit(metric, figure.value));
                    line(&mut text, format_args!("{name}{labels} {value}"));
                }
            }
        }
    }
    text
}

fn histogram(text: &mut String, metric: &Metric, figure: &Figure) {
    let Some(spread) = &figure.spread else { return };
    let name = metric.full_name();
    let mut below = 0;
    for (bucket, count) in spread.buckets.iter().enumerate() {
        below += count;
        let bound = bucket_bound(bucket).map_or_else(|| "+Inf".to_owned(), |bound| in_unit(metric, bound));
        let labels = labels(metric, figure, Some(bound));
        line(text, format_args!("{name}_bucket{labels} {below}"));
    }
    let labels = labels(metric, figure, None);
    line(
        text,
        format_args!("{name}_sum{labels} {}", in_unit(metric, spread.sum)),
    );
    line(text, format_args!("{name}_count{labels} {below}"));
}

fn in_unit(metric: &Metric, value: u64) -> String {
    match metric.unit {
        Unit::Count => value.to_string(),
        Unit::Micros => (value as f64 / 1e6).to_string(),
    }
}

fn labels(metric: &Metric, figure: &Figure, bound: Option<String>) -> String {
    let own = (!metric.label.is_empty()).then(|| format!("{}=\"{}\"", metric.label, escaped(&figure.label)));
    let bound = bound.map(|bound| format!("le=\"{bound}\""));
    let all: Vec<String> = own.into_iter().chain(bound).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", all.join(",")),
    }
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

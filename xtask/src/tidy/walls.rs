//! The import table of the house: which folder of `src/` may name which other, and who alone may name a package.
//!
//! Walls between crates are Cargo's: `dependencies` holds their manifests to the same table.

use super::Finding;
use super::source::{Named, Source};

/// What anybody in `src/` may name.
const COMMON: [&str; 4] = ["config", "fault", "limits", "telemetry"];

/// A folder and the folders of `src/` that its files may name beside itself and `COMMON`. The first row that fits holds.
const FOLDERS: [(&str, &[&str]); 12] = [
    ("protocol", &[]),
    ("gateway", &["protocol"]),
    ("jobs", &["protocol"]),
    ("actors::kit", &["protocol"]),
    ("actors::process", &["actors::kit", "protocol"]),
    ("actors", &["protocol", "gateway", "jobs", "memory"]),
    ("hosts", &["protocol", "gateway", "jobs", "actors::kit"]),
    (
        "workers",
        &["protocol", "gateway", "jobs", "actors::kit", "hosts::identity"],
    ),
    ("config", &[]),
    ("fault", &[]),
    ("memory", &[]),
    ("telemetry", &[]),
];

/// A package and the places that alone may name it.
const PACKAGES: [(&str, &[&str]); 14] = [
    ("rocksdb", &["crates/moo-db/"]),
    ("zmq", &["src/gateway/"]),
    ("redis", &["src/jobs/"]),
    ("pasetors", &["src/protocol/"]),
    ("tracing_subscriber", &["src/telemetry.rs"]),
    ("toml", &["src/config/", "xtask/"]),
    (
        "actix",
        &[
            "src/actors/",
            "src/hosts/",
            "src/workers/",
            "src/bin/",
            "tests/",
            "benches/",
        ],
    ),
    ("actix_web", &["src/hosts/web/", "src/workers/", "tests/"]),
    (
        "tokio",
        &[
            "src/actors/",
            "src/hosts/",
            "src/workers/",
            "src/bin/",
            "tests/",
            "benches/",
        ],
    ),
    (
        "moo_lang",
        &[
            "crates/",
            "src/actors/",
            "tests/",
            "benches/",
            "fuzz/",
            "src/bin/",
        ],
    ),
    (
        "moo_vm",
        &[
            "crates/",
            "src/actors/",
            "tests/",
            "benches/",
            "fuzz/",
            "src/bin/",
        ],
    ),
    (
        "moo_tasks",
        &[
            "crates/",
            "src/actors/",
            "tests/",
            "benches/",
            "fuzz/",
            "src/bin/",
        ],
    ),
    (
        "moo_db",
        &[
            "crates/",
            "src/actors/",
            "tests/",
            "benches/",
            "fuzz/",
            "src/bin/",
            "src/jobs/embedded/tests.rs",
        ],
    ),
    ("moo_model", &["crates/", "src/", "tests/", "benches/", "fuzz/"]),
];

/// Where `moo_*` crates stay out although `PACKAGES` lets the folder around in.
const NO_WORLD: [&str; 2] = ["src/actors/kit/", "src/actors/process/"];

/// Readings of clock and environment, and the places that do without: time and chance are arguments there.
const READINGS: [&str; 3] = ["Instant::now", "SystemTime::now", "env::var"];
const WITHOUT_READINGS: [&str; 2] = ["crates/", "src/protocol/"];

/// Everything that one file names and should not.
pub fn check(source: &Source) -> Vec<Finding> {
    source
        .paths()
        .iter()
        .filter_map(|named| {
            let problem = folder_wall(source, named)
                .or_else(|| package_wall(source, named))
                .or_else(|| reading(source, named))?;
            Some(Finding::new(&source.path, named.line, problem))
        })
        .collect()
}

fn folder_wall(source: &Source, named: &Named) -> Option<String> {
    let module = source
        .path
        .strip_prefix("src/")
        .map(|_| source.module().join("::"))?;
    let target = named.segments.strip_prefix(&["crate".to_owned()])?.join("::");
    let within = |folder: &str, path: &str| path == folder || path.starts_with(&format!("{folder}::"));
    let (home, allowed) = FOLDERS.iter().find(|(folder, _)| within(folder, &module))?;
    let open = |folder: &str| within(folder, &target);
    if open(home)
        || COMMON.iter().copied().any(open)
        || allowed.iter().copied().any(open)
        || target.is_empty()
    {
        return None;
    }
    Some(format!(
        "`{home}` may not name `{target}`: only itself, {}",
        [*allowed, &COMMON].concat().join(", ")
    ))
}

fn package_wall(source: &Source, named: &Named) -> Option<String> {
    let package = named.segments.first()?;
    if package.starts_with("moo_") && NO_WORLD.iter().any(|place| source.path.starts_with(place)) {
        return Some(format!(
            "`{package}` may not be named here: this folder knows no world"
        ));
    }
    let (_, places) = PACKAGES.iter().find(|(name, _)| name == package)?;
    let own = source
        .path
        .starts_with(&format!("crates/{}/", package.replace('_', "-")));
    if own || places.iter().any(|place| source.path.starts_with(place)) {
        return None;
    }
    Some(format!(
        "`{package}` may not be named here, only in {}",
        places.join(", ")
    ))
}

fn reading(source: &Source, named: &Named) -> Option<String> {
    let outside = !WITHOUT_READINGS
        .iter()
        .any(|place| source.path.starts_with(place));
    let exempt = ["/tests.rs", "/tests/", "/benches/", "/build.rs"]
        .iter()
        .any(|part| source.path.contains(part));
    if outside || exempt {
        return None;
    }
    let path = named.segments.join("::");
    let reading = READINGS
        .iter()
        .find(|reading| path == **reading || path.ends_with(&format!("::{reading}")))?;
    Some(format!(
        "`{reading}` may not be called here: time and chance are arguments in {}",
        WITHOUT_READINGS.join(" and ")
    ))
}

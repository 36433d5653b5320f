//! What comes in from outside: licences and duplicate versions by deny.toml, the floors of the crates, and a reason
//! beside every dependency.

use super::Finding;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use toml::Table;

/// The crates of the ground floors and what each may stand on.
const FLOORS: [(&str, &[&str]); 5] = [
    ("moo-model", &[]),
    ("moo-lang", &["moo-model"]),
    ("moo-vm", &["moo-model", "moo-lang"]),
    ("moo-tasks", &["moo-model", "moo-lang", "moo-vm"]),
    ("moo-db", &["moo-model", "moo-lang"]),
];

/// What deny.toml says.
#[derive(Debug, Default)]
pub struct Policy {
    /// Licences that are accepted.
    pub licences: BTreeSet<String>,
    /// `name@version-prefix` of old versions that are put up with.
    pub skipped: Vec<String>,
}

/// One package that is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence expression; empty if it states none.
    pub licence: String,
}

/// Looks at the lock file, through cargo, and at every manifest.
pub fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let text = read(&root.join("deny.toml"))?;
    let policy = policy(
        &text
            .parse()
            .map_err(|error| format!("deny.toml is not TOML: {error}"))?,
    );
    let packages = packages(root)?;
    let mut findings = licences(&packages, &policy);
    findings.extend(duplicates(&packages, &policy));
    let mut manifests = vec!["Cargo.toml".to_owned(), "xtask/Cargo.toml".to_owned()];
    manifests.extend(FLOORS.iter().map(|(name, _)| format!("crates/{name}/Cargo.toml")));
    for manifest in manifests {
        let text = read(&root.join(&manifest))?;
        findings.extend(reasons(&manifest, &text));
        findings.extend(floors(&manifest, &text)?);
        findings.extend(of_tests(&manifest, &text)?);
    }
    Ok(findings)
}

/// Features that only tests may ask for, each with what it would do to the programs that people run.
const OF_TESTS: [(&str, &str); 2] = [
    ("faults", "puts fail points into"),
    ("unsound-commits", "lets commits lose what others wrote in"),
];

/// No program for people may be built with a feature of tests without asking for it.
pub fn of_tests(manifest: &str, text: &str) -> Result<Vec<Finding>, String> {
    let table: Table = text
        .parse()
        .map_err(|error| format!("{manifest} is not TOML: {error}"))?;
    let asks = |value: &toml::Value, feature: &str| value.to_string().contains(&format!("\"{feature}\""));
    let sections = [
        ("dependencies", table.get("dependencies")),
        ("build-dependencies", table.get("build-dependencies")),
        (
            "features.default",
            table.get("features").and_then(|all| all.get("default")),
        ),
    ];
    let mut findings = Vec::new();
    for (feature, effect) in OF_TESTS {
        let named = sections
            .iter()
            .filter(|(_, value)| value.is_some_and(|value| asks(value, feature)));
        findings.extend(named.map(|(section, _)| {
            let problem = format!("`{feature}` may not be named in {section}: it {effect} what people run");
            Finding::new(manifest, 1, problem)
        }));
    }
    Ok(findings)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn policy(deny: &Table) -> Policy {
    let list = |section: &str, key: &str| {
        deny.get(section)
            .and_then(|section| section.get(key))
            .and_then(toml::Value::as_array)
    };
    let text = |value: &toml::Value| value.as_str().map(str::to_owned);
    Policy {
        licences: list("licenses", "allow")
            .into_iter()
            .flatten()
            .filter_map(text)
            .collect(),
        skipped: list("bans", "skip")
            .into_iter()
            .flatten()
            .filter_map(|skip| text(skip.get("crate")?))
            .collect(),
    }
}

/// The packages that are built on Linux, as cargo resolves them.
fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let words = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
    ];
    let output = Command::new(env!("CARGO")).args(words).current_dir(root).output();
    let output = output.map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resolved: BTreeSet<String> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|node| text(&node["id"]))
        .collect();
    let built = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| resolved.contains(&text(&package["id"])));
    Ok(built
        .map(|package| Package {
            name: text(&package["name"]),
            version: text(&package["version"]),
            licence: text(&package["license"]),
        })
        .collect())
}

/// Packages with a licence that deny.toml does not accept.
pub fn licences(packages: &[Package], policy: &Policy) -> Vec<Finding> {
    let refused = packages
        .iter()
        .filter(|package| !accepted(&package.licence, &policy.licences));
    refused
        .map(
            |Package {
                 name,
                 version,
                 licence,
             }| {
                Finding::new(
                    "deny.toml",
                    0,
                    format!("the licence `{licence}` of {name} {version} is not in [licenses] allow"),
                )
            },
        )
        .collect()
}

/// Whether one way through an SPDX expression is allowed: `AND` binds tighter than `OR`, `/` is an old `OR`.
fn accepted(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let words = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = words.split_whitespace().collect();
    let (value, rest) = either(&words, allowed);
    value && rest.is_empty()
}

fn either<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut value, mut rest) = both(words, allowed);
    while let ["OR", after @ ..] = rest {
        let (right, next) = both(after, allowed);
        value |= right;
        rest = next;
    }
    (value, rest)
}

fn both<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut value, mut rest) = one(words, allowed);
    while let ["AND", after @ ..] = rest {
        let (right, next) = one(after, allowed);
        value &= right;
        rest = next;
    }
    (value, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => {
            let (value, rest) = either(inner, allowed);
            match rest {
                [")", after @ ..] => (value, after),
                _ => (false, rest),
            }
        }
        [licence, "WITH", exception, rest @ ..] => {
            (allowed.contains(&format!("{licence} WITH {exception}")), rest)
        }
        [licence, rest @ ..] => (allowed.contains(*licence), rest),
        [] => (false, words),
    }
}

/// Packages that are built in more than one version, and entries of deny.toml that no longer fit any.
pub fn duplicates(packages: &[Package], policy: &Policy) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions
            .entry(&package.name)
            .or_default()
            .insert(&package.version);
    }
    let fits = |skip: &str, name: &str, version: &str| {
        skip.split_once('@').is_some_and(|(skipped, prefix)| {
            skipped == name && (version == prefix || version.starts_with(&format!("{prefix}.")))
        })
    };
    let mut findings = Vec::new();
    for (name, all) in &versions {
        let kept: Vec<&str> = all
            .iter()
            .copied()
            .filter(|version| !policy.skipped.iter().any(|skip| fits(skip, name, version)))
            .collect();
        if kept.len() > 1 {
            let text = format!(
                "{name} is built in {} versions: {}; skip the old one with its reason",
                kept.len(),
                kept.join(", ")
            );
            findings.push(Finding::new("deny.toml", 0, text));
        }
    }
    for skip in &policy.skipped {
        if !packages
            .iter()
            .any(|package| fits(skip, &package.name, &package.version))
        {
            findings.push(Finding::new(
                "deny.toml",
                0,
                format!("`{skip}` is skipped and no longer built"),
            ));
        }
    }
    findings
}

/// Dependencies of a manifest without a comment above them, or above the group they stand in.
pub fn reasons(manifest: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut within, mut explained) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            within = line.ends_with("dependencies]") && line != "[workspace.dependencies]";
            explained = false;
        } else if line.is_empty() {
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if within && !explained && line.contains('=') && !line.starts_with("moo") {
            findings.push(Finding::new(
                manifest,
                index + 1,
                "the dependency has no comment that says what it is for",
            ));
        }
    }
    findings
}

/// Dependencies of a ground-floor crate on a crate of ours that it may not stand on.
fn floors(manifest: &str, text: &str) -> Result<Vec<Finding>, String> {
    let Some((_, allowed)) = FLOORS
        .iter()
        .find(|(name, _)| manifest == format!("crates/{name}/Cargo.toml"))
    else {
        return Ok(Vec::new());
    };
    let table: Table = text
        .parse()
        .map_err(|error| format!("{manifest} is not TOML: {error}"))?;
    let given = table
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|table| table.keys());
    let ours = given.filter(|name| name.starts_with("moo") && !allowed.contains(&name.as_str()));
    Ok(ours
        .map(|name| Finding::new(manifest, 0, format!("`{name}` may not be imported on this floor")))
        .collect())
}

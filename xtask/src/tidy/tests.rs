//! Small sources and manifests with one fault each.

use super::dependencies::{Package, Policy, duplicates, licences, of_tests, reasons};
use super::{Finding, Source, faults, layout, read_sources, walls};

fn source(path: &str, text: &str) -> Source {
    Source::new(path.to_owned(), text)
}

#[track_caller]
fn check_wall(path: &str, text: &str, expected: &[(usize, &str)]) {
    let found = walls::check(&source(path, text));
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (Finding { line, text, .. }, (expected_line, part)) in found.iter().zip(expected) {
        assert!(
            line == expected_line && text.contains(part),
            "{found:?} has no {part} in line {expected_line}"
        );
    }
}

#[test]
fn a_folder_names_what_the_table_allows() {
    check_wall(
        "src/gateway/mod.rs",
        "use crate::protocol::Header;\nuse crate::limits::WINDOW;\nuse zmq::Socket;",
        &[],
    );
    check_wall(
        "src/actors/scheduler.rs",
        "use crate::gateway::X;\nuse moo_tasks::Y;\nuse super::kit::gate::Gate;",
        &[],
    );
    check_wall(
        "src/hosts/telnet/mod.rs",
        "use crate::actors::kit::slot::Slot;\nuse super::link::Link;",
        &[],
    );
}

#[test]
fn a_wall_holds_against_uses_paths_groups_and_supers() {
    check_wall(
        "src/gateway/mod.rs",
        "\nuse crate::actors::kit;",
        &[(2, "`gateway` may not name `actors::kit`")],
    );
    check_wall(
        "src/hosts/mod.rs",
        "fn f() { crate::actors::scheduler::go() }",
        &[(1, "`actors::scheduler::go`")],
    );
    check_wall(
        "src/protocol/a.rs",
        "use crate::{limits::X, gateway::{Y, z::Z}};",
        &[(1, "gateway::Y"), (1, "gateway::z::Z")],
    );
    check_wall(
        "src/hosts/telnet/a.rs",
        "use super::super::super::actors::health;",
        &[(1, "actors::health")],
    );
    check_wall(
        "src/actors/kit/gate/mod.rs",
        "use super::super::process::run;",
        &[(1, "actors::process::run")],
    );
}

#[test]
fn comments_and_texts_name_nothing() {
    let text = "// crate::actors::x\n/* crate::actors::y */ const A: &str = \"crate::actors\"; const B: char = '\"';\nconst C: &str = r#\"zmq::X\"#;";
    check_wall("src/gateway/mod.rs", text, &[]);
}

#[test]
fn a_package_is_named_in_its_own_place_alone() {
    check_wall(
        "src/actors/a.rs",
        "use zmq::Context;",
        &[(1, "only in src/gateway/")],
    );
    check_wall("src/hosts/a.rs", "fn f(_: moo_vm::Task) {}", &[(1, "`moo_vm`")]);
    check_wall(
        "src/actors/process/a.rs",
        "use moo_model::Value;",
        &[(1, "knows no world")],
    );
    check_wall(
        "crates/moo-vm/src/a.rs",
        "use rocksdb::DB;",
        &[(1, "only in crates/moo-db/")],
    );
}

#[test]
fn pure_places_read_no_clock_outside_their_tests() {
    let text = "fn f() { let _ = std::time::Instant::now(); }";
    check_wall("crates/moo-vm/src/a.rs", text, &[(1, "`Instant::now`")]);
    check_wall("src/protocol/a.rs", text, &[(1, "`Instant::now`")]);
    check_wall("crates/moo-vm/src/a/tests.rs", text, &[]);
    check_wall("src/actors/a.rs", text, &[]);
}

#[track_caller]
fn check_layout(files: &[(&str, &str)], expected: &[(&str, &str)]) {
    let sources: Vec<Source> = files.iter().map(|(path, text)| source(path, text)).collect();
    let found = layout::check(&sources);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (finding, (path, part)) in found.iter().zip(expected) {
        assert!(
            finding.path == *path && finding.text.contains(part),
            "{finding:?} is not {part} of {path}"
        );
    }
}

#[test]
fn a_file_has_a_first_line_a_name_a_bound_and_a_holder() {
    let lib = (
        "src/lib.rs",
        "//! The library.\nmod held;\npub mod folder;\nmod util;\nmod long;",
    );
    let long = format!("//! Long.\n{}", "\n".repeat(500));
    check_layout(
        &[
            lib,
            ("src/held.rs", "//! Held.\n"),
            ("src/folder/mod.rs", "//! A folder.\nmod tests;\n"),
            ("src/folder/tests.rs", "//! Tests.\n"),
            ("src/folder/lost.rs", "//! Lost.\n"),
            ("src/util.rs", "//! Bits.\n"),
            ("src/long.rs", &long),
            ("src/bin/program.rs", "fn main() {}\n"),
            ("crates/a/tests/program.rs", "//! A program of its own.\n"),
        ],
        &[
            ("src/folder/lost.rs", "`mod lost;` is missing"),
            ("src/util.rs", "`util` says nothing"),
            ("src/long.rs", "501 lines"),
            ("src/bin/program.rs", "does not open with"),
        ],
    );
}

#[test]
fn files_are_found_under_every_top_and_build_output_is_not() {
    let root = tempfile::tempdir().unwrap();
    for path in [
        "src/lib.rs",
        "crates/a/src/lib.rs",
        "crates/a/target/debug/x.rs",
        "other/y.rs",
    ] {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "no first line").unwrap();
    }
    let paths: Vec<String> = read_sources(root.path())
        .unwrap()
        .into_iter()
        .map(|source| source.path)
        .collect();
    assert_eq!(paths, ["crates/a/src/lib.rs", "src/lib.rs"]);
}

fn package(name: &str, version: &str, licence: &str) -> Package {
    Package {
        name: name.into(),
        version: version.into(),
        licence: licence.into(),
    }
}

#[test]
fn one_allowed_way_through_a_licence_is_enough() {
    let policy = Policy {
        licences: ["MIT", "Unicode-3.0"].map(str::to_owned).into(),
        ..Policy::default()
    };
    let refused = |licence: &str| !licences(&[package("a", "1.0.0", licence)], &policy).is_empty();
    for fine in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "MIT AND Unicode-3.0 OR GPL-3.0",
    ] {
        assert!(!refused(fine), "{fine}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR GPL-3.0) AND BSD-3-Clause",
        "MIT WITH x",
        "(MIT",
    ] {
        assert!(refused(bad), "{bad}");
    }
}

#[test]
fn a_second_version_needs_a_skip_and_a_skip_a_second_version() {
    let built = [
        package("a", "1.2.0", "MIT"),
        package("a", "2.0.0", "MIT"),
        package("b", "0.10.1", "MIT"),
    ];
    let texts = |skipped: &[&str]| {
        let policy = Policy {
            skipped: skipped.iter().map(|skip| (*skip).to_owned()).collect(),
            ..Policy::default()
        };
        duplicates(&built, &policy)
            .into_iter()
            .map(|finding| finding.text)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(&["a@1"]), Vec::<String>::new());
    assert!(texts(&[])[0].starts_with("a is built in 2 versions: 1.2.0, 2.0.0"));
    assert_eq!(
        texts(&["a@1", "b@0.1"]),
        ["`b@0.1` is skipped and no longer built"]
    );
}

#[test]
fn a_dependency_says_what_it_is_for() {
    let text = "[package]\nname = \"a\"\n[dependencies]\nmoo-model.workspace = true\n# Files.\nb = \"1\"\nc = \"1\"\n\nd = \"1\"\n[lints]\ne = 1\n";
    let found: Vec<usize> = reasons("Cargo.toml", text)
        .into_iter()
        .map(|finding| finding.line)
        .collect();
    assert_eq!(found, [9]);
}

#[test]
fn features_of_tests_are_asked_for_by_tests_alone() {
    let found = |text: &str| of_tests("Cargo.toml", text).expect("it is TOML").len();
    let used = r#"moothall = { path = ".", features = ["faults"] }"#;
    assert_eq!(
        found(&format!("[features]\nfaults = []\n[dev-dependencies]\n{used}")),
        0
    );
    assert_eq!(found(&format!("[dependencies]\n{used}")), 1);
    assert_eq!(found("[features]\ndefault = [\"faults\"]\nfaults = []"), 1);
    assert_eq!(
        found("[dependencies]\nmoo-model = { path = \"x\", features = [\"unsound-commits\"] }"),
        1
    );
}

#[test]
fn the_table_of_faults_and_the_tests_name_each_other() {
    let sources = [source(
        "tests/a.rs",
        "//! A.\nfn f07_holds() {}\nfn f08_holds() {}\nfn f9_is_none() {}",
    )];
    let table = "| Row | Tests |\n|---|---|\n| F07 | `f07_holds`, `f08_holds`, `MOOTHALL_X` |\n| F09 S | `f09_gone` |\n";
    let texts = |table| -> Vec<String> {
        let findings = faults::check(table, &sources);
        findings.into_iter().map(|finding| finding.text).collect()
    };
    assert_eq!(
        texts(table),
        [
            "`f08_holds` is of another row than F07",
            "there is no test `f09_gone`"
        ]
    );
    assert_eq!(
        texts("| F07 | `f07_holds` |"),
        ["`f08_holds` is not in the table of faults in docs/testing.md"]
    );
}

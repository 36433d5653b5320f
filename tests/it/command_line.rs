//! What the programs answer to a command line, before and beside any world: words, and an exit code for scripts.

use moothall::actors::kit::folder_lock::FolderLock;
use moothall::config::{Config, DEFAULTS};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const MOOTHALL: &str = env!("CARGO_BIN_EXE_moothall");
const MOOTHALLCTL: &str = env!("CARGO_BIN_EXE_moothallctl");

fn start(program: &str, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let settings = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("MOOTHALL_"));
    let mut command = Command::new(program);
    for name in settings {
        command.env_remove(name);
    }
    command
        .args(words)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

#[track_caller]
fn check_refused(output: &Output, code: i32, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn default_config_is_a_file_that_check_config_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let output = start(MOOTHALL, &["default-config"], &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), DEFAULTS);
    let file = folder.path().join("moothall.toml");
    std::fs::write(&file, &output.stdout).unwrap();
    let output = start(
        MOOTHALL,
        &["check-config", "--config", path(&file), "--data", "/somewhere"],
        &[],
    );
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("/somewhere"));
    assert_eq!(Config::default().workers.count, 1);
}

#[test]
fn a_word_that_is_not_understood_is_exit_code_64_and_2_to_an_operator() {
    check_refused(
        &start(MOOTHALL, &["--port", "1"], &[]),
        64,
        &["`--port`", "--help"],
    );
    check_refused(
        &start(MOOTHALLCTL, &["reboot"], &[]),
        2,
        &["`reboot`", "moothallctl --help"],
    );
}

#[test]
fn a_wrong_setting_is_exit_code_78_wherever_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("moothall.toml");
    std::fs::write(&file, "[telnet]\nport = 7777\n").unwrap();
    check_refused(
        &start(MOOTHALL, &["--config", path(&file)], &[]),
        78,
        &["line 2", "`telnet.port`"],
    );
    check_refused(
        &start(MOOTHALL, &["--telnet", "7777"], &[]),
        78,
        &["--telnet", "`7777`"],
    );
    check_refused(
        &start(MOOTHALL, &["check-config"], &[("MOOTHALL_TELNETT", "x")]),
        78,
        &["MOOTHALL_TELNETT"],
    );
}

#[test]
fn a_second_server_on_one_folder_is_exit_code_73_and_names_the_first() {
    let data = TempDir::new().unwrap();
    std::fs::create_dir(data.path().join("run")).unwrap();
    let lock = FolderLock::take(&data.path().join("run")).unwrap();
    let first = format!("process {}", std::process::id());
    check_refused(
        &start(MOOTHALL, &["--data", path(data.path())], &[]),
        73,
        &["in use", &first, "--data"],
    );
    drop(lock);
}

#[test]
fn a_data_folder_that_cannot_be_made_is_exit_code_73() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    check_refused(
        &start(MOOTHALL, &["--data", path(&file.join("data"))], &[]),
        73,
        &["cannot use the data folder"],
    );
}

#[test]
fn asking_where_nothing_runs_is_exit_code_69() {
    let data = TempDir::new().unwrap();
    check_refused(
        &start(MOOTHALLCTL, &["status", "--data", path(data.path())], &[]),
        69,
        &["no server answers", "--data"],
    );
}

//! The OpenAPI document before judges of another make: one makes requests up from it, the other one reads it.

use crate::rest::{character, wizard};
use crate::support::number_from;
use crate::support::rest::Rest;
use crate::support::server::{Options, Server};
use crate::support::web::request;
use crate::support::worlds::PASSWORD;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// A program that `scripts/setup` puts into its cache folder; none, said loudly, where it is missing.
fn tool(place: &str) -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = from("MOOTHALL_CACHE")
        .or_else(|| Some(from("XDG_CACHE_HOME")?.join("moothall")))
        .or_else(|| Some(from("HOME")?.join(".cache/moothall")))?;
    let tool = cache.join(place);
    if tool.exists() {
        return Some(tool);
    }
    eprintln!(
        "SKIPPED, AND SO NOT SHOWN TO WORK: there is no {} (scripts/setup installs it)",
        tool.display()
    );
    None
}

/// Requests of each operation and phase that are made up at most, unless `MOOTHALL_SCHEMATHESIS_EXAMPLES` says otherwise.
const EXAMPLES: u64 = 12;

#[test]
fn what_is_made_up_from_the_document_breaks_nothing_and_is_answered_as_documented() {
    let Some(schemathesis) = tool("python/bin/schemathesis") else {
        return;
    };
    let server = Server::start(Options::web());
    let address = server.web();
    let mut rest = Rest::new(address);
    character(&mut rest, "Ann");
    let wizard = wizard(&mut rest);
    // Somebody who may program, and so comes past the first refusal, but not end the world.
    let made = rest.eval(&wizard, "players()[length(players())].programmer = 1");
    assert_eq!(made.status, 200, "{made:?}");
    let ann = rest
        .post("/v1/login", None, json!({"name": "Ann", "password": PASSWORD}))
        .text("token");
    assert_eq!(
        rest.get("/v1/me", Some(&ann)).body["flags"],
        json!(["programmer"])
    );
    let folder = tempfile::tempdir().expect("a folder");
    let run = Command::new(schemathesis)
        .current_dir(folder.path())
        .arg("run")
        .arg(format!("http://{address}/openapi.json"))
        .args(["--header", &format!("Authorization: Bearer {ann}")])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,response_schema_conformance",
        ])
        // After that one, nobody is logged in any more.
        .args(["--exclude-operation-id", "LogoutEverywhere"])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--generation-database",
            "none",
        ])
        .args([
            "--max-examples",
            &number_from("MOOTHALL_SCHEMATHESIS_EXAMPLES", EXAMPLES).to_string(),
        ])
        .args(["--seed", "1", "--no-color", "--request-timeout", "30"])
        .output()
        .expect("it was there a moment ago");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let end: Vec<&str> = said.lines().rev().take(4).collect();
    println!("{}", end.join("\n"));
}

#[test]
fn a_linter_finds_no_fault_with_the_document() {
    let Some(redocly) = tool("npm/node_modules/.bin/redocly") else {
        return;
    };
    let server = Server::start(Options::web());
    let folder = tempfile::tempdir().expect("a folder");
    let page = request(server.web(), "GET /openapi.json", "");
    std::fs::write(folder.path().join("openapi.json"), &page.body).expect("a file");
    let run = Command::new(redocly)
        .current_dir(folder.path())
        .env("REDOCLY_TELEMETRY", "off")
        .args(["lint", "openapi.json"])
        .output()
        .expect("it was there a moment ago");
    let said = [run.stderr, run.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(run.status.success(), "{said}");
}

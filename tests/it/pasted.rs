//! The session in docs/json.md, as whoever pastes it would see it: each block of code is run as it stands, but for the port,
//! and prints what the block after it says.

use crate::support::python;
use crate::support::server::{Options, Server, clean_command};
use std::path::PathBuf;

/// The blocks of code in the page that are followed by what they print: language, code, output.
fn blocks(page: &str) -> Vec<(&str, &str, &str)> {
    let fences: Vec<&str> = page.split("\n```").collect();
    // Between two fences there is a block, and then what is not in one.
    let blocks: Vec<(&str, &str)> = fences
        .iter()
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').expect("a block has a first line"))
        .collect();
    let pairs = blocks.windows(2).filter(|two| two[1].0 == "text");
    pairs.map(|two| (two[0].0, two[0].1, two[1].1)).collect()
}

#[test]
fn the_session_in_the_docs_works_when_it_is_pasted() {
    let page = include_str!("../../docs/json.md");
    let blocks = blocks(page);
    let languages: Vec<&str> = blocks.iter().map(|block| block.0).collect();
    assert_eq!(languages, ["sh", "python"]);
    let server = Server::start(Options::web());
    let address = server.web().to_string();
    for (language, code, wanted) in blocks {
        let program = match language {
            "sh" => Some(PathBuf::from("/bin/sh")),
            _ => python("websockets"),
        };
        let Some(program) = program else { continue };
        let code = code.replace("127.0.0.1:8080", &address);
        let mut command = clean_command(&program.to_string_lossy());
        let ran = command.args(["-c", &code]).output().unwrap();
        let (said, wrong) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert_eq!(said.trim_end(), wanted, "{language}: {wrong}");
    }
}

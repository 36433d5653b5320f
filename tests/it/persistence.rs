//! What is on disk: a world survives its server, an import is whole or nothing, and a folder belongs to one server.

use crate::support::server::{Options, Refusal, Server};
use crate::support::wait_for;
use crate::support::worlds::{hall_character, hall_return, hall_wizard};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The built-in world as a textdump, made by the server itself.
fn hall_dump(folder: &TempDir) -> PathBuf {
    let file = folder.path().join("hall.db");
    let options = Options::default().with("MOOTHALL_DATABASE_DUMP_FILE", file.display());
    let server = Server::start(options);
    let mut wizard = hall_wizard(&server);
    wizard.check("@dump", &["The world is being written."]);
    wait_for("the dump", || is_whole(&file));
    file
}

/// A dump is written beside its place and renamed, so it is whole as soon as it is there.
fn is_whole(file: &Path) -> Option<()> {
    file.exists().then_some(())
}

#[track_caller]
fn refused(options: Options) -> Refusal {
    match Server::try_start(options) {
        Ok(_) => panic!("the server started, and should not have"),
        Err(refusal) => refusal,
    }
}

#[track_caller]
fn check_refused(refusal: &Refusal, code: i32, words: &[&str]) {
    assert_eq!(refusal.code, Some(code), "{}", refusal.said);
    for word in words {
        assert!(
            refusal.said.contains(word),
            "{:?} is not in: {}",
            word,
            refusal.said
        );
    }
}

#[test]
fn a_restart_brings_back_what_was_built() {
    let mut server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    ann.check("south", &["The Lane"]);
    ann.check("@dig gate|lane to Orchard", &["You make the room Orchard"]);
    ann.check("gate", &["Orchard"]);
    ann.check("@describe here as Apple trees in rows.", &["You describe"]);
    ann.check("@create $thing named drum", &["You make drum"]);
    ann.check("@prop drum.skin \"goat \\\"x\\\"\"", &["has the property skin"]);
    ann.check("drop drum", &["You put down the drum."]);
    server.restart();
    ann.expect("*** The server is going down.");
    ann.expect_end();
    let mut ann = hall_return(&server, "Ann");
    ann.check("look", &["Orchard", "Apple trees in rows.", "You see a drum."]);
    ann.check("@show drum.skin", &["goat"]);
    ann.check("lane", &["The Lane"]);
    ann.check("@quota", &["You may make 16 more objects."]);
}

#[test]
fn a_folder_of_objects_is_imported_like_the_world_that_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds/hall");
    let server = Server::start(Options::importing(&folder));
    hall_wizard(&server).check("look", &["The Porch"]);
}

#[test]
fn an_import_into_a_folder_with_a_world_is_refused_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let dump = hall_dump(&folder);
    let data = folder.path().join("data");
    let on_data = || Options {
        data: Some(data.clone()),
        ..Options::default()
    };
    let mut server = Server::start(on_data());
    hall_wizard(&server).check("@create $thing named keepsake", &["You make keepsake"]);
    assert!(server.stop().success());
    let refusal = refused(Options {
        import: Some(dump),
        ..on_data()
    });
    check_refused(&refusal, 65, &["world", "--import"]);
    let server = Server::start(on_data());
    hall_wizard(&server).check("inventory", &["keepsake"]);
}

#[test]
fn a_dump_of_an_imported_world_lies_beside_it_and_can_be_imported() {
    let folder = TempDir::new().unwrap();
    let dump = hall_dump(&folder);
    let server = Server::start(Options::importing(&dump));
    let mut wizard = hall_wizard(&server);
    wizard.check("@create $thing named keepsake", &["You make keepsake"]);
    wizard.check("drop keepsake", &["You put down the keepsake."]);
    wizard.check(
        "@prop keepsake.values {1, -2.5, \"\\\"q\\\" \\\\\", E_PERM, #3, {}}",
        &["property values"],
    );
    let values = wizard.eval("$start:find_exit(\"in\").source.contents[$].values");
    wizard.check("@dump", &["The world is being written."]);
    let second = folder.path().join("hall.db.new");
    wait_for("the second dump", || is_whole(&second));
    let other = Server::start(Options::importing(&second));
    let mut wizard = hall_wizard(&other);
    wizard.check("look", &["keepsake"]);
    assert_eq!(wizard.eval("player.location.contents[$ - 1].values"), values);
}

#[test]
fn a_damaged_textdump_is_refused_with_its_line_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let dump = hall_dump(&folder);
    let whole = fs::read_to_string(&dump).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let truncated = |part: usize| lines[..lines.len() * part / 8].join("\n");
    let replaced = |line: usize, by: &str| {
        let mut lines = lines.clone();
        lines[line] = by;
        lines.join("\n")
    };
    let object = lines
        .iter()
        .position(|line| *line == "#1")
        .expect("a dump has #1");
    let damaged = [
        ("nothing at all", String::new()),
        ("another file", "PK\u{3}\u{4} this is no dump\n".to_owned()),
        ("a count that is no number", replaced(1, "many")),
        ("a count that is too large", replaced(1, "99999999999")),
        ("a count below zero", replaced(1, "-5")),
        ("no number of an object", replaced(object, "1")),
        ("a flag that is no number", replaced(object + 3, "x")),
        ("an eighth", truncated(1)),
        ("a half", truncated(4)),
        ("seven eighths", truncated(7)),
    ];
    let data = folder.path().join("data");
    let file = folder.path().join("damaged.db");
    let options = || Options {
        import: Some(file.clone()),
        data: Some(data.clone()),
        ..Options::default()
    };
    for (damage, text) in damaged {
        fs::write(&file, text).unwrap();
        let refusal = refused(options());
        assert_eq!(refusal.code, Some(65), "{damage}: {}", refusal.said);
        assert!(refusal.said.contains("line "), "{damage}: {}", refusal.said);
        assert!(!refusal.said.contains("panicked"), "{damage}: {}", refusal.said);
    }
    fs::write(&file, replaced(0, "** LambdaMOO Database, Format Version 99 **")).unwrap();
    check_refused(&refused(options()), 65, &["version 99", "versions 0 to 4"]);
    fs::write(&file, whole).unwrap();
    let server = Server::start(options());
    hall_wizard(&server).check("look", &["The Porch"]);
}

#[test]
fn an_import_that_is_not_there_is_refused() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing.db");
    let refusal = refused(Options::importing(&missing));
    check_refused(&refusal, 65, &["missing.db"]);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_while_the_first_goes_on() {
    let server = Server::start(Options::default());
    let refusal = refused(Options {
        data: Some(server.data().to_owned()),
        ..Options::default()
    });
    check_refused(&refusal, 73, &["in use"]);
    hall_wizard(&server).check("look", &["The Porch"]);
}

#[test]
fn a_port_in_use_is_refused_with_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refusal = refused(Options {
        telnet: Some(address),
        ..Options::default()
    });
    check_refused(&refusal, 69, &[&address.port().to_string()]);
}

#[test]
fn a_server_that_is_told_to_end_says_goodbye_and_exits_with_0() {
    let mut server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let status = server.stop();
    ann.expect("*** The server is going down.");
    ann.expect_end();
    assert_eq!(status.code(), Some(0));
    assert!(server.pid("moothall-daemon").is_none() && server.pid("moothall-telnet").is_none());
}

#[test]
fn shutdown_by_a_wizard_ends_the_server() {
    let mut server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut wizard = hall_wizard(&server);
    wizard.send(";shutdown(\"for the night\")");
    ann.expect("*** Shutting down: shutdown() called by Wizard (#2): for the night ***");
    ann.expect_end();
    assert_eq!(server.ended().code(), Some(0));
    server.start_again();
    hall_return(&server, "Ann").check("look", &["The Porch"]);
}

//! What the file, the environment and the flags may say, and how a mistake is answered.

use super::arguments::{Command, Flag, Program};
use super::*;

const PROGRAM: Program = Program {
    name: "moothall",
    about: "a test",
    commands: &[
        Command::plain("run", "run it"),
        Command {
            name: "move",
            operands: &["<FROM>", "<TO>"],
            help: "move it",
            flags: &[Flag {
                name: "--slowly",
                value: "",
                key: None,
                help: "take your time",
            }],
        },
        Command::plain("version", "say which"),
    ],
    flags: &[
        Flag {
            name: "--telnet",
            value: "ADDR:PORT",
            key: Some("telnet.listen"),
            help: "where players connect",
        },
        Flag {
            name: "--config",
            value: "FILE",
            key: None,
            help: "settings",
        },
        Flag {
            name: "--quiet",
            value: "",
            key: None,
            help: "say less",
        },
    ],
};

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moothall.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let (_folder, path) = file(text);
    let error = Config::load(Some(&path), &[]).unwrap_err().to_string();
    assert!(error.contains(expected), "{error:?} does not say {expected:?}");
}

fn setting(key: &str, text: &str) -> Setting {
    Setting {
        key: key.into(),
        text: text.into(),
        source: "--flag".into(),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_defaults_are_a_whole_configuration() {
    assert_eq!(Config::default().telnet.listen, "127.0.0.1:7777".parse().unwrap());
    assert_eq!(
        Config::default().web.listen,
        Listen::At("127.0.0.1:8080".parse().unwrap())
    );
    Config::default().check().unwrap();
}

#[test]
fn a_file_changes_what_it_names_and_nothing_else() {
    let (_folder, path) = file("[telnet]\nlogin_timeout_s = 9\n");
    let config = Config::load(Some(&path), &[setting("data", "/world")]).unwrap();
    let mut expected = Config::default();
    expected.telnet.login_timeout_s = 9;
    expected.data = "/world".into();
    assert_eq!(config, expected);
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let (_folder, path) = file("[workers]\ncount = 1\n[telnet]\nlisten = \"127.0.0.1:1\"\n");
    let variables = [
        ("MOOTHALL_WORKERS_COUNT", "2"),
        ("MOOTHALL_TELNET_LISTEN", "127.0.0.1:2"),
        ("HOME", "/root"),
    ];
    let mut settings =
        from_environment(variables.iter().map(|(a, b)| (a.to_string(), b.to_string()))).unwrap();
    settings.push(setting("telnet.listen", "127.0.0.1:3"));
    let config = Config::load(Some(&path), &settings).unwrap();
    assert_eq!((config.workers.count, config.telnet.listen.port()), (2, 3));
}

#[test]
fn an_unknown_key_is_refused_with_its_name_and_line() {
    check_refused(
        "[telnet]\n\nlisten = \"127.0.0.1:0\"\nlissten = 1\n",
        "line 4: `telnet.lissten` is not a setting",
    );
    check_refused("# hello\ncolour = 3\n", "line 2: `colour` is not a setting");
    check_refused("[colour]\nred = 3\n", "line 2: `colour.red` is not a setting");
    check_refused("telnet = 3\n", "line 1: `telnet` is a section");
    check_refused("[telnet]\nlisten = \n", "not TOML");
}

#[test]
fn a_wrong_value_is_refused_with_its_key_and_line() {
    check_refused(
        "[telnet]\nlisten = \"nowhere\"\n",
        "line 2: `telnet.listen` is refused",
    );
    check_refused(
        "[telnet]\nconnections_max = -1\n",
        "line 2: `telnet.connections_max` is refused",
    );
    check_refused("[database]\ndurability = \"lax\"\n", "relaxed");
    for wrong in ["0 MiB", "2 GB", "12", "-1 MiB", "99999999999999 GiB"] {
        let text = format!("[database]\n\nmemory = \"{wrong}\"\n");
        check_refused(&text, "line 3: `database.memory` is refused");
        check_refused(&text, "such as \"512 MiB\"");
    }
    check_refused("[telnet]\nline_len_max = 0\n", "`telnet.line_len_max` is 0");
    check_refused("[processes]\nwatchdog_timeout_s = 1\n", "at least 3");
}

#[test]
fn an_unknown_variable_of_ours_is_refused_and_others_are_left_alone() {
    let error = from_environment([("MOOTHALL_TELNETT".to_owned(), String::new())].into_iter()).unwrap_err();
    assert!(error.to_string().contains("MOOTHALL_TELNETT"), "{error}");
    let fine = [
        ("MOOTHALL_CACHE".to_owned(), "/x".to_owned()),
        ("PATH".to_owned(), String::new()),
    ];
    assert_eq!(from_environment(fine.into_iter()), Ok(vec![]));
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Some(Path::new("/nowhere/x.toml")), &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere/x.toml"), "{error}");
}

#[test]
fn a_wrong_flag_value_is_named_with_its_flag() {
    let error = Config::load(None, &[setting("workers.count", "many")])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "--flag: `many` is not a whole number");
}

#[test]
fn a_command_line_is_a_command_and_flags_in_any_order() {
    let parsed = PROGRAM
        .parse(words("--telnet 127.0.0.1:0 version --config=x.toml --quiet"))
        .unwrap();
    assert_eq!(parsed.command, "version");
    assert_eq!(
        parsed.settings,
        [Setting {
            source: "--telnet".into(),
            ..setting("telnet.listen", "127.0.0.1:0")
        }]
    );
    assert_eq!(
        (parsed.get("--config"), parsed.has("--quiet")),
        (Some("x.toml"), true)
    );
    assert_eq!(PROGRAM.parse(words("")).unwrap().command, "run");
}

#[test]
fn a_command_takes_its_own_words_and_flags_and_no_others() {
    let parsed = PROGRAM.parse(words("move here there --slowly")).unwrap();
    assert_eq!((parsed.command, parsed.operands), ("move", words("here there")));
    assert!(parsed.others.contains_key("--slowly"));
    let refusal = |line: &str| PROGRAM.parse(words(line)).unwrap_err().to_string();
    assert!(refusal("move here").starts_with("move needs <TO> after it"));
    assert!(refusal("move a b c").starts_with("`c` is not understood"));
    assert!(refusal("run --slowly").starts_with("`--slowly` is not understood"));
    assert!(PROGRAM.parse(words("move --help")).unwrap().has("--help"));
    let help = PROGRAM.help();
    assert!(
        help.contains("  move <FROM> <TO>                 move it\n"),
        "{help}"
    );
}

#[test]
fn a_command_line_that_is_wrong_says_where() {
    for (line, expected) in [
        ("--telnett x", "`--telnett` is not understood"),
        ("run run", "`run` is not understood"),
        ("--config", "--config needs FILE after it"),
        ("--quiet=yes", "--quiet takes no value"),
    ] {
        let error = PROGRAM.parse(words(line)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn help_names_every_command_and_flag() {
    let help = PROGRAM.help();
    for word in [
        "run",
        "version",
        "--telnet ADDR:PORT",
        "--config FILE",
        "--quiet",
        "--help",
    ] {
        assert!(help.contains(word), "{help}");
    }
}

/// The settings of a file with this text.
fn of_file(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, format!("data = \"/tmp/x\"\n{text}")).expect("it can be written");
    Config::load(Some(&file), &[])
}

#[test]
fn f52_a_port_to_other_machines_without_keys_is_refused_by_name_and_line() {
    let cases = [
        (
            "[network]\nrpc = \"0.0.0.0:7899\"\nevents = \"0.0.0.0:7898\"\n",
            "line 3: `network.rpc`",
        ),
        (
            "[network]\nenroll = \"0.0.0.0:7900\"\n",
            "line 3: `network.enroll`",
        ),
        (
            "[daemon]\nrpc = \"far:7899\"\nevents = \"far:7898\"\n",
            "line 3: `daemon.rpc`",
        ),
    ];
    for (text, place) in cases {
        let refused = of_file(text).expect_err("it has no keys").to_string();
        assert!(refused.contains(place) && refused.contains("CURVE"), "{refused}");
    }
    let keys = "[network]\nkeys = \"/k\"\nevents = \"0.0.0.0:7898\"\n";
    let refused = of_file(keys).expect_err("one of two ports").to_string();
    assert!(
        refused.contains("line 4: `network.events`") && refused.contains("both"),
        "{refused}"
    );
    let flag = Setting {
        key: "daemon.rpc".into(),
        text: "far:7899".into(),
        source: "MOOTHALL_DAEMON_RPC".into(),
    };
    let refused = Config::load(None, &[flag])
        .expect_err("it has no keys")
        .to_string();
    assert!(
        refused.contains("MOOTHALL_DAEMON_RPC") && refused.contains("CURVE"),
        "{refused}"
    );
}

#[test]
fn ports_to_other_machines_with_keys_are_taken() {
    let network = "[network]\nrpc = \"0.0.0.0:7899\"\nevents = \"0.0.0.0:7898\"\nkeys = \"/k\"\n";
    assert!(of_file(network).is_ok());
    let daemon = "[daemon]\nrpc = \"far:7899\"\nevents = \"far:7898\"\nidentity = \"/i\"\n";
    assert!(of_file(daemon).is_ok());
}

#[test]
fn an_invitation_is_read_as_it_was_written_and_nothing_else_is() {
    let invitation = invitation::Invitation {
        daemon_key: "ab".into(),
        token_id: "one".into(),
        secret: "cd".into(),
        role: "telnet".into(),
    };
    let text = invitation.to_text(900);
    assert!(text.starts_with("# Lets one telnet host in, once, within 900 seconds."));
    assert_eq!(invitation::Invitation::from_text(&text), Ok(invitation));
    for junk in ["", "role = \"telnet\"", "x", &format!("{text}\nmore = 1")] {
        let refused = invitation::Invitation::from_text(junk)
            .expect_err("it is none")
            .to_string();
        assert!(refused.contains("moothallctl enroll"), "{refused}");
    }
}

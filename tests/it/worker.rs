//! Requests of the outside: from a verb through the daemon and a worker to a web server, and back.

use crate::support::outside::{Certificate, KINDS, Outside, PACKED};
use crate::support::remote::{Ports, order};
use crate::support::server::{Options, Server, clean_command};
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::worlds::{hall_character, hall_wizard};
use std::time::{Duration, Instant};

/// A server with a worker that may reach this machine.
pub fn options() -> Options {
    Options::default()
        .with("MOOTHALL_WORKERS_COUNT", 1)
        .with("MOOTHALL_WORKERS_PRIVATE_NETWORKS", "127.0.0.0/8, ::1")
}

/// What an expression gives whose task waits meanwhile; an error as `{code, message, value}`.
#[track_caller]
pub fn ask(wizard: &mut Telnet, expression: &str) -> String {
    wizard.send(&format!(
        ";;try return {expression}; except e (ANY) return {{e[1], e[2], e[3]}}; endtry"
    ));
    let line = wizard.expect("=> ");
    line.trim_start_matches("=> ").to_owned()
}

/// `worker_request("http", {method, url, ...})`.
pub fn http(method: &str, url: &str) -> String {
    format!("worker_request(\"http\", {{\"{method}\", \"{url}\"}}, [\"as\" -> \"lines\"])")
}

/// Starts a server with a worker, and somebody who asks.
fn scene() -> (Outside, Server, Telnet) {
    let server = Server::start(options());
    let wizard = hall_wizard(&server);
    (Outside::start(), server, wizard)
}

#[track_caller]
fn check_error(wizard: &mut Telnet, expression: &str, code: &str, name: &str) {
    let error = ask(wizard, expression);
    let fits = error.starts_with(&format!("{{{code}, ")) && error.ends_with(&format!(", \"{name}\"}}"));
    assert!(fits, "{expression} gives {error}");
}

#[test]
fn a_verb_gets_a_page_from_a_worker() {
    let (outside, server, mut wizard) = scene();
    let page = ask(&mut wizard, &http("GET", &outside.url("/chunked")));
    assert!(
        page.contains("\"status\" -> 200") && page.contains("{\"one\", \"two\", \"three\"}"),
        "{page}"
    );
    for kind in KINDS {
        let page = ask(
            &mut wizard,
            &format!("curl(\"{}\")", outside.url(&format!("/packed/{kind}"))),
        );
        assert_eq!(page, format!("\"{PACKED}\""), "{kind}");
    }
    let status = server.status().expect("it answers");
    assert_eq!(status["daemon"]["work"]["workers"][0]["kind"], "http");
    let table = server.control(&["status"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("worker-1"));
    assert_eq!(
        outside.connections(),
        1,
        "one connection serves one request after the other"
    );
}

#[test]
fn every_method_goes_out_with_its_headers_and_its_body() {
    let (outside, _server, mut wizard) = scene();
    let url = outside.url("/echo");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        let request = format!("{{\"{method}\", \"{url}\", [\"X-Test\" -> \"a b\"], {{\"one\", \"two\"}}}}");
        let echo = ask(
            &mut wizard,
            &format!("worker_request(\"http\", {request}, [\"as\" -> \"lines\"])[\"body\"]"),
        );
        assert!(
            echo.starts_with(&format!("{{\"{method} /echo HTTP/1.1\"")),
            "{echo}"
        );
        assert!(
            echo.contains("\"x-test: a b\"") && echo.ends_with("\"\", \"one\", \"two\"}"),
            "{echo}"
        );
    }
    let head = ask(&mut wizard, &http("HEAD", &url));
    assert!(
        head.contains("\"x-seen\" -> \"yes\"") && head.contains("\"body\" -> {}"),
        "{head}"
    );
    let missing = ask(&mut wizard, &http("GET", &outside.url("/nowhere")));
    assert!(missing.contains("\"status\" -> 404"), "{missing}");
}

#[test]
fn a_megabyte_goes_out_and_comes_in() {
    let (outside, _server, mut wizard) = scene();
    wizard.eval("$server_options.max_string_concat = 8000000");
    wizard.eval("load_server_options()");
    let (length, bytes) = (outside.url("/length"), outside.url("/bytes/1048576"));
    wizard.send(&format!(
        ";;s = \"0123456789abcdef\"; while (length(s) < 1048576) s = s + s; endwhile \
         return worker_request(\"http\", {{\"POST\", \"{length}\", {{}}, s}})[\"body\"];"
    ));
    assert_eq!(wizard.expect("=> "), "=> \"1048576\"");
    let shown: usize = (0..1_048_576_usize)
        .map(|at| if matches!(at % 251, 32..=125) { 1 } else { 3 })
        .sum();
    let whole = format!("length(worker_request(\"http\", {{\"GET\", \"{bytes}\"}})[\"body\"])");
    assert_eq!(ask(&mut wizard, &whole), shown.to_string());
}

#[test]
fn redirects_are_followed_as_far_as_is_wanted() {
    let (outside, _server, mut wizard) = scene();
    let page = ask(&mut wizard, &http("GET", &outside.url("/redirect/3")));
    assert!(
        page.contains(&format!("\"url\" -> \"{}\"", outside.url("/echo"))),
        "{page}"
    );
    let ask_for = |path: &str, options: &str| {
        format!(
            "worker_request(\"http\", {{\"POST\", \"{}\", [\"Cookie\" -> \"c\"], \"b\"}}, {options})",
            outside.url(path)
        )
    };
    let lines = "[\"as\" -> \"lines\"]";
    let kept = ask(
        &mut wizard,
        &format!("{}[\"body\"]", ask_for("/to/307//echo", lines)),
    );
    assert!(
        kept.starts_with("{\"POST /echo") && kept.ends_with("\"b\"}"),
        "{kept}"
    );
    let turned = ask(
        &mut wizard,
        &format!("{}[\"body\"]", ask_for("/to/303//echo", lines)),
    );
    assert!(
        turned.starts_with("{\"GET /echo") && turned.contains("\"cookie: c\""),
        "{turned}"
    );
    let elsewhere = format!("/to/307/{}", outside.url_by_name("/echo"));
    let stripped = ask(&mut wizard, &format!("{}[\"body\"]", ask_for(&elsewhere, lines)));
    assert!(!stripped.contains("cookie"), "{stripped}");
    let itself = ask(
        &mut wizard,
        &format!("{}[\"status\"]", ask_for("/redirect/3", "[\"redirects\" -> 0]")),
    );
    assert_eq!(itself, "302");
    check_error(
        &mut wizard,
        &http("GET", &outside.url("/redirect/11")),
        "E_EXEC",
        "RequestError",
    );
    check_error(
        &mut wizard,
        &http("GET", &outside.url("/to/302/ftp://x/")),
        "E_INVARG",
        "InvalidRequest",
    );
}

#[test]
fn an_outside_that_misbehaves_is_an_error_that_can_be_caught() {
    let (outside, _server, mut wizard) = scene();
    let slow = ask(&mut wizard, &format!("curl(\"{}\")", outside.url("/slow")));
    assert_eq!(slow, "\"zzzzzzzzzz\"");
    for path in ["/hang-up", "/short", "/nonsense", "/endless"] {
        check_error(
            &mut wizard,
            &http("GET", &outside.url(path)),
            "E_EXEC",
            "RequestError",
        );
    }
    let started = Instant::now();
    let never = format!("curl(\"{}\", 0, 0.3)", outside.url("/never"));
    check_error(&mut wizard, &never, "E_EXEC", "RequestTimedOut");
    assert!(started.elapsed() < Duration::from_secs(5));
    check_error(
        &mut wizard,
        &http("GET", "http://127.0.0.1:1/"),
        "E_EXEC",
        "RequestError",
    );
    check_error(
        &mut wizard,
        "worker_request(\"http\", {\"GET\"})",
        "E_INVARG",
        "InvalidRequest",
    );
}

#[test]
fn a_server_is_believed_for_its_certificate() {
    let (good, other) = (
        Certificate::of(&["localhost", "127.0.0.1"]),
        Certificate::of(&["example.org"]),
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, format!("{}{}", good.pem, other.pem)).unwrap();
    let (trusted, misnamed) = (Outside::start_tls(&good), Outside::start_tls(&other));
    let unknown = Outside::start_tls(&Certificate::of(&["localhost"]));
    let server = Server::start(options().with("MOOTHALL_WORKERS_CA_FILE", file.display()));
    let mut wizard = hall_wizard(&server);
    let page = ask(&mut wizard, &http("GET", &trusted.url_by_name("/chunked")));
    assert!(page.contains("\"status\" -> 200"), "{page}");
    for outside in [misnamed, unknown] {
        check_error(
            &mut wizard,
            &http("GET", &outside.url_by_name("/echo")),
            "E_EXEC",
            "RequestError",
        );
        assert_eq!(outside.hits("/echo"), 0);
    }
}

#[test]
fn addresses_that_are_not_public_are_refused_at_every_step() {
    let outside = Outside::start();
    let server = Server::start(Options::default().with("MOOTHALL_WORKERS_COUNT", 1));
    let mut wizard = hall_wizard(&server);
    let port = outside
        .url("")
        .rsplit_once(':')
        .expect("it has a port")
        .1
        .to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
        "169.254.169.254",
    ] {
        let url = format!("http://{host}:{port}/echo");
        check_error(&mut wizard, &http("GET", &url), "E_PERM", "PermissionDenied");
    }
    assert_eq!(outside.connections(), 0);
    let one = options().with("MOOTHALL_WORKERS_PRIVATE_NETWORKS", "127.0.0.1");
    let server = Server::start(one);
    let mut wizard = hall_wizard(&server);
    let hop = outside.url(&format!("/to/302/http://127.0.0.2:{port}/echo"));
    check_error(&mut wizard, &http("GET", &hop), "E_PERM", "PermissionDenied");
    assert_eq!(outside.hits("/echo"), 0);
}

#[test]
fn whoever_may_not_ask_is_told_so_and_what_nobody_does_fails_at_last() {
    let (outside, server, mut wizard) = scene();
    let url = outside.url("/chunked");
    hall_character(&server, "Ann");
    let ann = wizard.eval("players()[$]");
    let as_ann = format!(";;set_task_perms({ann}); return `curl(\"{url}\") ! E_PERM => \"no\"';");
    wizard.send(&as_ann);
    assert_eq!(wizard.expect("=> "), "=> \"no\"");
    assert_eq!(outside.connections(), 0);
    wizard.eval(&format!(
        "add_property($server_options, \"worker_programmers\", {{{ann}}}, {{player, \"r\"}})"
    ));
    wizard.send(&as_ann);
    assert_eq!(wizard.expect("=> "), "=> \"one~0Atwo~0Athree~0A\"");
    check_error(
        &mut wizard,
        "worker_request(\"printer\", {})",
        "E_EXEC",
        "NoWorkerAvailable",
    );
}

#[test]
fn a_killed_task_takes_its_request_with_it() {
    let (outside, server, mut wizard) = scene();
    wizard.send(&format!(
        ";;fork id (0) curl(\"{}\", 0, 60); endfork; return id;",
        outside.url("/never")
    ));
    let id = wizard.expect("=> ").trim_start_matches("=> ").to_owned();
    let in_flight = |server: &Server| server.status()?["daemon"]["work"]["sent"].as_u64();
    wait_for("the request to go out", || {
        (outside.hits("/never") == 1).then_some(())
    });
    assert_eq!(in_flight(&server), Some(1));
    wizard.eval(&format!("kill_task({id})"));
    wait_for("the request to be withdrawn", || {
        (in_flight(&server) == Some(0)).then_some(())
    });
    let credits = |server: &Server| server.status()?["daemon"]["work"]["workers"][0]["credits"].as_u64();
    wait_for("the worker to be free", || {
        (credits(&server) == Some(32)).then_some(())
    });
}

#[test]
fn a_worker_of_another_machine_is_enrolled_and_speaks_encrypted() {
    let outside = Outside::start();
    let folder = tempfile::tempdir().unwrap();
    let (keys, ports) = (folder.path().join("keys"), Ports::at("127.0.0.1"));
    let workers = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = Server::start(ports.serve(&keys).with("MOOTHALL_NETWORK_WORKERS", workers));
    let settings = folder.path().join("worker.toml");
    let text = format!(
        "data = {:?}\n[daemon]\nworkers = \"{workers}\"\nevents = {:?}\nenroll = {:?}\nidentity = {:?}\n\
         [workers]\nprivate_networks = \"127.0.0.0/8\"\n",
        folder.path().join("data"),
        ports.events,
        ports.enroll,
        folder.path().join("identity"),
    );
    std::fs::write(&settings, text).unwrap();
    let invitation = folder.path().join("invitation.toml");
    std::fs::write(&invitation, order(&server, &["enroll", "--role", "worker:http"])).unwrap();
    let worker = || {
        let mut command = clean_command(env!("CARGO_BIN_EXE_moothall-worker"));
        command.arg("--config").arg(&settings);
        command
    };
    let enrolled = worker().arg("--enroll").arg(&invitation).output().unwrap();
    assert!(
        enrolled.status.success(),
        "{}",
        String::from_utf8_lossy(&enrolled.stderr)
    );
    let mut child = worker().spawn().unwrap();
    let mut wizard = hall_wizard(&server);
    wait_for("the worker to attach", || {
        let status = server.status()?;
        status["daemon"]["work"]["workers"][0]["kind"].as_str().map(drop)
    });
    let page = ask(&mut wizard, &http("GET", &outside.url("/chunked")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(page.contains("\"one\""), "{page}");
}

#[test]
fn a_worker_whose_present_token_is_revoked_ends_and_the_next_one_does_its_work() {
    let (outside, server, mut wizard) = scene();
    ask(&mut wizard, &http("GET", &outside.url("/chunked")));
    let before = server.pid("moothall-worker").expect("it runs");
    let status = server.status().expect("it answers");
    let token = status["daemon"]["work"]["workers"][0]["token"]
        .as_str()
        .expect("it has one")
        .to_owned();
    order(&server, &["revoke", "token", &token]);
    wait_for("another worker", || {
        server.pid("moothall-worker").filter(|pid| *pid != before)
    });
    let page = ask(&mut wizard, &http("GET", &outside.url("/chunked")));
    assert!(page.contains("\"one\""), "{page}");
}

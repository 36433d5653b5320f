//! A server over real processes: small shell scripts in place of the daemon and a host, and the test in their place on
//! the control socket where they would speak.

use super::RunOptions;
use super::notify::Notifier;
mod adoption;
mod operations;

use super::root::{Attach, EndAll, RootActor, Said, StatusFor};
use super::run::{Notice, listen, start};
use super::spec::{ProcessSpec, Role, table};
use crate::actors::kit::child_link::{read_message, write_message};
use crate::actors::kit::gate::Gate;
use crate::config::{Config, Processes};
use crate::protocol::control::{
    ChildPhase, ChildReady, ChildStatus, FromSupervisor, SupervisorStatus, ToSupervisor,
};
use actix::System;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A process that serves until it is asked to stop.
const SERVE: &str = "trap 'exit 0' TERM; while :; do sleep 0.01; done";

fn shell(name: &'static str, role: Role, script: &str) -> ProcessSpec {
    ProcessSpec {
        name,
        role,
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        first_arguments: Vec::new(),
        check: None,
        listen: None,
        first_ready: OnceLock::new(),
        orphan: Mutex::default(),
        last: Mutex::default(),
    }
}

/// A running server of two shell scripts.
struct Server {
    root: Gate<RootActor>,
    said: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

impl Server {
    fn start(daemon: &str, host: &str, change: impl FnOnce(&mut Processes)) -> Server {
        Server::start_with(daemon, host, change, |_| {})
    }

    /// A server of which the children are prepared in some way.
    fn start_with(
        daemon: &str,
        host: &str,
        change: impl FnOnce(&mut Processes),
        prepare: impl FnOnce(&mut [ProcessSpec]),
    ) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let within = |script: &str| format!("cd {}; {script}", folder.path().display());
        let mut specs = vec![
            shell("daemon", Role::Daemon, &within(daemon)),
            shell("telnet", Role::Host, &within(host)),
        ];
        prepare(&mut specs);
        let mut settings = Config::default().processes;
        change(&mut settings);
        let listener = listen(&folder.path().join("control.sock")).unwrap();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&said);
        let voice = move |notice: Notice| match notice {
            Notice::Ready(text) | Notice::Failed(text) => notes.lock().unwrap().push(text.to_owned()),
        };
        let notifier = Notifier::default();
        let root = start(
            specs,
            &settings,
            folder.path(),
            listener,
            notifier,
            Arc::new(voice),
        );
        Server { root, said, folder }
    }

    async fn status(&self) -> SupervisorStatus {
        let (reply, status) = oneshot::channel();
        self.root.offer(StatusFor(reply)).unwrap();
        status.await.unwrap()
    }

    /// The state of one child once it is as wished.
    async fn child(&self, name: &str, wished: impl Fn(&ChildStatus) -> bool) -> ChildStatus {
        let look = async {
            loop {
                let children = self.status().await.children;
                if let Some(child) = children
                    .into_iter()
                    .find(|child| child.name == name && wished(child))
                {
                    return child;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .expect("the child comes to be as wished")
    }

    async fn running(&self, name: &str) -> u32 {
        self.child(name, |child| child.pid.is_some())
            .await
            .pid
            .expect("it was asked for")
    }

    /// Speaks as the living process of this name.
    async fn say(&self, name: &str, message: ToSupervisor) {
        let pid = self.running(name).await;
        self.root
            .offer(Said {
                name: name.into(),
                pid,
                message,
            })
            .unwrap();
    }

    /// Attaches as the living process of this name; gives what it is told.
    async fn attach(&self, name: &str) -> mpsc::Receiver<FromSupervisor> {
        let (peer, told) = mpsc::channel(8);
        let pid = self.running(name).await;
        self.root
            .offer(Attach {
                name: name.into(),
                pid,
                peer,
            })
            .unwrap();
        told
    }

    /// Makes both children ready.
    async fn make_ready(&self) {
        self.say("daemon", ToSupervisor::Ready(ChildReady::default()))
            .await;
        let addresses = vec![("telnet".to_owned(), "127.0.0.1:7777".to_owned())];
        let notes = vec!["Try: connect guest".to_owned()];
        self.say("telnet", ToSupervisor::Ready(ChildReady { addresses, notes }))
            .await;
        self.child("telnet", |child| child.state == ChildPhase::Ready)
            .await;
    }

    fn written(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
    }
}

/// Runs a test on a system of its own.
fn on_a_system(test: impl Future<Output = ()>) {
    System::new().block_on(test);
}

/// Runs a server from its start to the end that it brings about; gives its exit code too.
fn to_the_end<T>(test: impl Future<Output = T>) -> (T, i32) {
    let system = System::new();
    let result = system.block_on(test);
    (
        result,
        system
            .run_with_code()
            .expect("the system was stopped with a code"),
    )
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

#[test]
fn a_killed_daemon_is_started_again_and_its_host_is_left_alone() {
    on_a_system(async {
        let server = Server::start(SERVE, SERVE, |_| {});
        server.make_ready().await;
        let (daemon, host) = (server.running("daemon").await, server.running("telnet").await);
        kill(daemon, Signal::KILL);
        let next = server
            .child("daemon", |child| child.restarts == 1 && child.pid.is_some())
            .await;
        assert_ne!(next.pid, Some(daemon));
        assert_eq!(server.running("telnet").await, host);
    });
}

#[test]
fn hosts_are_started_once_the_daemon_is_ready_and_then_it_is_said_where_to_connect() {
    on_a_system(async {
        let server = Server::start(SERVE, SERVE, |_| {});
        server.running("daemon").await;
        assert_eq!(server.status().await.children[1].pid, None);
        server.make_ready().await;
        assert_eq!(
            *server.said.lock().unwrap(),
            ["Moothall is ready: telnet 127.0.0.1 7777", "Try: connect guest"]
        );
    });
}

#[test]
fn a_daemon_that_ends_again_and_again_ends_the_server_with_70() {
    let (server, code) = to_the_end(async { Server::start("echo x >> starts; exit 1", SERVE, |_| {}) });
    assert_eq!(code, 70);
    assert_eq!(
        server.written("starts").lines().count(),
        6,
        "one start and five restarts"
    );
    assert_eq!(
        *server.said.lock().unwrap(),
        ["the daemon ended too often and is not started again"]
    );
}

#[test]
fn an_exit_that_would_only_repeat_itself_ends_the_server_with_its_code() {
    let (server, code) = to_the_end(async { Server::start("echo x >> starts; exit 73", SERVE, |_| {}) });
    assert_eq!(code, 73);
    assert_eq!(server.written("starts").lines().count(), 1);
    assert_eq!(
        *server.said.lock().unwrap(),
        ["the daemon could not go on: exit code 73"]
    );
}

#[test]
fn a_program_that_is_missing_is_named() {
    let (server, code) = to_the_end(async {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = shell("daemon", Role::Daemon, "");
        daemon.program = "/nowhere/moothall-daemon".into();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&said);
        let voice = move |notice: Notice| match notice {
            Notice::Ready(text) | Notice::Failed(text) => notes.lock().unwrap().push(text.to_owned()),
        };
        let listener = listen(&folder.path().join("control.sock")).unwrap();
        start(
            vec![daemon],
            &Config::default().processes,
            folder.path(),
            listener,
            Notifier::default(),
            Arc::new(voice),
        );
        said
    });
    assert_eq!(code, 69);
    let said = server.lock().unwrap().concat();
    assert!(
        said.contains("/nowhere/moothall-daemon cannot be started"),
        "{said}"
    );
}

#[test]
fn the_end_comes_to_the_hosts_first_and_to_the_daemon_last() {
    let note = |name: &str| {
        format!("trap 'echo {name} >> ends; exit 0' TERM; touch {name}; while :; do sleep 0.01; done")
    };
    let (server, code) = to_the_end(async {
        let server = Server::start(&note("daemon"), &note("telnet"), |_| {});
        server.make_ready().await;
        while !(server.folder.path().join("daemon").exists() && server.folder.path().join("telnet").exists())
        {
            tokio::task::yield_now().await;
        }
        server.root.offer(EndAll).unwrap();
        server
    });
    assert_eq!(code, 0);
    assert_eq!(server.written("ends"), "telnet\ndaemon\n");
}

#[test]
fn a_child_that_will_not_stop_is_killed() {
    let (_server, code) = to_the_end(async {
        let deaf = "trap '' TERM; touch deaf; while :; do sleep 0.01; done";
        let server = Server::start(deaf, SERVE, |settings| settings.stop_timeout_s = 0);
        while !server.folder.path().join("deaf").exists() {
            tokio::task::yield_now().await;
        }
        server.root.offer(EndAll).unwrap();
        server
    });
    assert_eq!(code, 0);
}

#[test]
fn a_ready_child_that_shows_no_sign_of_life_is_replaced() {
    on_a_system(async {
        let server = Server::start(SERVE, SERVE, |settings| settings.watchdog_timeout_s = 1);
        let first = server.running("daemon").await;
        server
            .say("daemon", ToSupervisor::Ready(ChildReady::default()))
            .await;
        let next = server
            .child("daemon", |child| child.restarts == 1 && child.pid.is_some())
            .await;
        assert_ne!(next.pid, Some(first));
    });
}

#[test]
fn a_serving_host_that_cannot_go_on_is_failed_and_the_server_goes_on() {
    on_a_system(async {
        let server = Server::start(
            SERVE,
            "if [ -e once ]; then exit 69; fi; touch once; exec sleep 1000",
            |_| {},
        );
        server.make_ready().await;
        while !server.folder.path().join("once").exists() {
            tokio::task::yield_now().await;
        }
        kill(server.running("telnet").await, Signal::KILL);
        let host = server
            .child("telnet", |child| child.state == ChildPhase::Failed)
            .await;
        assert_eq!((host.pid, host.restarts), (None, 1));
        assert_eq!(server.status().await.children[0].state, ChildPhase::Ready);
    });
}

#[test]
fn a_host_gets_its_token_from_the_daemon_as_soon_as_that_is_ready() {
    on_a_system(async {
        let server = Server::start(SERVE, SERVE, |_| {});
        let mut to_daemon = server.attach("daemon").await;
        server.make_ready().await;
        let mut to_host = server.attach("telnet").await;
        server.say("telnet", ToSupervisor::WantToken).await;
        assert_eq!(to_daemon.recv().await, Some(FromSupervisor::Known));
        assert_eq!(to_host.recv().await, Some(FromSupervisor::Known));
        let Some(FromSupervisor::MintHostToken { request, host }) = to_daemon.recv().await else {
            panic!("the daemon is asked for a token");
        };
        assert_eq!(host, "telnet");
        server
            .say(
                "daemon",
                ToSupervisor::Minted {
                    request,
                    token: Ok("v4.public.x".into()),
                },
            )
            .await;
        assert_eq!(
            to_host.recv().await,
            Some(FromSupervisor::HostToken("v4.public.x".into()))
        );
        // Only the daemon mints.
        server
            .say(
                "telnet",
                ToSupervisor::Minted {
                    request,
                    token: Ok("forged".into()),
                },
            )
            .await;
        server.status().await;
        assert!(to_host.try_recv().is_err());
    });
}

#[test]
fn the_control_socket_answers_operators_and_hangs_up_on_strangers() {
    on_a_system(async {
        let server = Server::start(SERVE, SERVE, |_| {});
        let pid = server.running("daemon").await;
        let path = server.folder.path().join("control.sock");
        let mut operator = UnixStream::connect(&path).await.unwrap();
        write_message(&mut operator, &ToSupervisor::Status).await.unwrap();
        let FromSupervisor::Status(status) = read_message(&mut operator).await.unwrap() else {
            panic!("a status was asked for");
        };
        assert_eq!(
            (status.children[0].name.as_str(), status.children[0].pid),
            ("daemon", Some(pid))
        );
        // This test is not the process that the supervisor started, whatever it says.
        let mut stranger = UnixStream::connect(&path).await.unwrap();
        write_message(
            &mut stranger,
            &ToSupervisor::Hello {
                name: "daemon".into(),
            },
        )
        .await
        .unwrap();
        let answer: std::io::Result<FromSupervisor> = read_message(&mut stranger).await;
        assert_eq!(answer.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn only_the_first_start_imports_and_a_chosen_port_is_kept() {
    let mut config = Config::default();
    config.telnet.listen = "127.0.0.1:0".parse().unwrap();
    let options = RunOptions {
        import: Some("/core.db".into()),
        ..RunOptions::default()
    };
    let specs = table(&config, Path::new("/bin"), Path::new("/data/run"), &options);
    let line = |spec: &ProcessSpec| spec.command_line().join(" ".as_ref()).into_string().unwrap();
    assert_eq!(
        line(&specs[0]),
        "--supervised --run-dir /data/run --data  --import /core.db"
    );
    assert_eq!(
        line(&specs[1]),
        "--supervised --run-dir /data/run --listen 127.0.0.1:0"
    );
    let bound = ChildReady {
        addresses: vec![("telnet".into(), "127.0.0.1:4321".into())],
        notes: vec![],
    };
    specs
        .iter()
        .for_each(|spec| drop(spec.first_ready.set(bound.clone())));
    assert_eq!(line(&specs[0]), "--supervised --run-dir /data/run --data ");
    assert_eq!(
        line(&specs[1]),
        "--supervised --run-dir /data/run --listen 127.0.0.1:4321"
    );
}

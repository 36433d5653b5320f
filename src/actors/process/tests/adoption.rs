//! Orphans of another supervisor in place of the daemon.

use super::*;
use crate::actors::process::running::Handle;
use std::process::{Child, Command};

/// An orphan, which somebody else started, and a server that begins with it as its daemon.
fn adopting(script: &str) -> (Child, Server) {
    let orphan = Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
    let handle = Handle::open(orphan.id()).unwrap();
    let prepare = |specs: &mut [ProcessSpec]| drop(specs[0].orphan.lock().unwrap().replace(handle));
    (orphan, Server::start_with(SERVE, SERVE, |_| {}, prepare))
}

#[test]
fn an_orphan_is_adopted_with_its_connection_and_watched_to_its_end() {
    on_a_system(async {
        let (mut orphan, server) = adopting(SERVE);
        assert_eq!(server.running("daemon").await, orphan.id());
        let mut told = server.attach("daemon").await;
        assert_eq!(told.recv().await, Some(FromSupervisor::Known));
        server.make_ready().await;
        orphan.kill().unwrap();
        orphan.wait().unwrap();
        let next = server
            .child("daemon", |child| child.restarts == 1 && child.pid.is_some())
            .await;
        assert_ne!(next.pid, Some(orphan.id()));
    });
}

#[test]
fn an_adopted_child_ends_with_its_new_server() {
    let (mut orphan, code) = to_the_end(async {
        let (orphan, server) = adopting(SERVE);
        server.make_ready().await;
        server.root.offer(EndAll).unwrap();
        (orphan, server)
    });
    assert_eq!(code, 0);
    assert!(orphan.0.wait().unwrap().success());
}

#[test]
fn an_adopted_host_that_serves_elsewhere_is_replaced() {
    on_a_system(async {
        let mut orphan = Command::new("sleep").arg("1000").spawn().unwrap();
        let handle = Handle::open(orphan.id()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut host = shell("telnet", Role::Host, SERVE);
        host.listen = Some(("telnet", "127.0.0.1:7777".parse().unwrap()));
        host.orphan.lock().unwrap().replace(handle);
        let listener = listen(&folder.path().join("control.sock")).unwrap();
        let settings = Config::default().processes;
        let root = start(
            vec![host],
            &settings,
            folder.path(),
            listener,
            Notifier::default(),
            Arc::new(|_: Notice| {}),
        );
        let server = Server {
            root,
            said: Arc::default(),
            folder,
        };
        let elsewhere = ChildReady {
            addresses: vec![("telnet".to_owned(), "127.0.0.1:7778".to_owned())],
            notes: Vec::new(),
        };
        server.say("telnet", ToSupervisor::Ready(elsewhere)).await;
        let next = server
            .child("telnet", |child| child.pid.is_some_and(|pid| pid != orphan.id()))
            .await;
        assert_eq!(next.restarts, 1);
        assert!(!orphan.wait().unwrap().success());
    });
}

//! What an operator orders of children, and hosts that are left for a while.

use super::super::root::{ChildEvent, FromChild, Operate};
use super::super::running::Handle;
use super::*;
use crate::protocol::control::{Operation, ServerHealth};

impl Server {
    /// Gives an order; what it is answered comes through the channel.
    fn operate(&self, operation: Operation) -> mpsc::Receiver<FromSupervisor> {
        let (to, steps) = mpsc::channel(64);
        self.root.offer(Operate { operation, to }).unwrap();
        steps
    }

    async fn serving(daemon: &str, host: &str, change: impl FnOnce(&mut Processes)) -> Server {
        let server = Server::start(daemon, host, change);
        server.make_ready().await;
        server
    }

    /// A server whose daemon reads its settings when it is told to.
    fn start_checked(daemon: &str, host: &str) -> Server {
        Server::start_with(daemon, host, |_| {}, |specs| specs[0].check = Some("--check"))
    }

    /// Makes the process after `last` ready.
    async fn ready_after(&self, name: &str, last: u32) -> u32 {
        let next = self
            .child(name, |child| child.pid.is_some_and(|pid| pid != last))
            .await;
        self.say(name, ToSupervisor::Ready(ChildReady::default())).await;
        next.pid.expect("it was waited for")
    }
}

fn restart(child: &str, rolling: bool) -> Operation {
    Operation::Restart {
        child: child.into(),
        rolling,
    }
}

fn drain(child: &str) -> Operation {
    Operation::Drain { child: child.into() }
}

/// The last word of an operation.
async fn outcome(mut steps: mpsc::Receiver<FromSupervisor>) -> FromSupervisor {
    let last_word = async {
        loop {
            match steps.recv().await.expect("an operation ends with a word") {
                FromSupervisor::Step(_) => {}
                last => return last,
            }
        }
    };
    let last_word = tokio::time::timeout(PATIENCE, last_word).await;
    last_word.expect("an operation ends")
}

#[test]
fn a_daemon_is_asked_to_keep_its_clients_and_its_restart_counts_as_no_failure() {
    on_a_system(async {
        let server = Server::serving(SERVE, SERVE, |settings| settings.restarts_max = 0).await;
        let host = server.running("telnet").await;
        let mut daemon = server.running("daemon").await;
        for _ in 0..3 {
            let mut told = server.attach("daemon").await;
            let steps = server.operate(restart("daemon", false));
            assert_eq!(told.recv().await, Some(FromSupervisor::Known));
            assert_eq!(
                told.recv().await,
                Some(FromSupervisor::Stop { keep_clients: true })
            );
            kill(daemon, Signal::TERM);
            daemon = server.ready_after("daemon", daemon).await;
            assert_eq!(outcome(steps).await, FromSupervisor::Done);
        }
        assert_eq!(server.running("telnet").await, host);
        assert_eq!(server.status().await.health, ServerHealth::Ok);
    });
}

#[test]
fn a_restart_into_settings_that_are_wrong_is_refused_and_the_old_process_goes_on() {
    on_a_system(async {
        // A script that is started with one word more is asked about its settings.
        let script = format!("case $0 in --check) echo line 3 is wrong >&2; exit 78;; esac; {SERVE}");
        let server = Server::start_checked(&script, SERVE);
        server.make_ready().await;
        let (daemon, host) = (server.running("daemon").await, server.running("telnet").await);
        for child in ["daemon", "all"] {
            let refused = outcome(server.operate(restart(child, false))).await;
            let FromSupervisor::Refused(why) = refused else {
                panic!("{refused:?}")
            };
            assert!(
                why.contains("daemon would not start") && why.contains("line 3"),
                "{why}"
            );
        }
        assert_eq!(server.running("daemon").await, daemon);
        assert_eq!(server.status().await.health, ServerHealth::Ok);
        let steps = server.operate(restart("telnet", false));
        server.ready_after("telnet", host).await;
        assert_eq!(outcome(steps).await, FromSupervisor::Done);
    });
}

#[test]
fn a_rolling_restart_of_all_leaves_the_host_alone_until_the_daemon_is_ready() {
    on_a_system(async {
        let server = Server::serving(SERVE, SERVE, |_| {}).await;
        let (daemon, host) = (server.running("daemon").await, server.running("telnet").await);
        let steps = server.operate(restart("all", true));
        server
            .child("daemon", |child| child.pid.is_some_and(|pid| pid != daemon))
            .await;
        assert_eq!(server.running("telnet").await, host);
        server.ready_after("daemon", daemon).await;
        server.ready_after("telnet", host).await;
        assert_eq!(outcome(steps).await, FromSupervisor::Done);
    });
}

#[test]
fn a_drained_host_stays_ended_until_it_is_restarted() {
    on_a_system(async {
        let server = Server::serving(SERVE, SERVE, |_| {}).await;
        let host = server.running("telnet").await;
        assert_eq!(
            outcome(server.operate(drain("telnet"))).await,
            FromSupervisor::Done
        );
        let drained = server.child("telnet", |child| child.pid.is_none()).await;
        assert_eq!(drained.state, ChildPhase::Stopped);
        assert_eq!(server.status().await.health, ServerHealth::Degraded);
        let again = outcome(server.operate(drain("telnet"))).await;
        assert_eq!(again, FromSupervisor::Refused("telnet does not run".into()));
        let steps = server.operate(restart("telnet", false));
        server.ready_after("telnet", host).await;
        assert_eq!(outcome(steps).await, FromSupervisor::Done);
    });
}

#[test]
fn a_host_whose_last_process_will_not_go_is_drained_all_the_same_and_started_when_that_has_gone() {
    on_a_system(async {
        // More than any process of this machine has.
        let number = u32::MAX;
        let (last, life) = Handle::that_outlives_its_kill(number);
        let server = Server::start_with(SERVE, SERVE, |_| {}, |specs| specs[1].runs(last));
        // An actor that panics says nothing of its process, so the root counts on that until the next one is started.
        let event = ChildEvent::Started(number);
        let started = FromChild {
            name: "telnet",
            event,
        };
        server.root.offer(started).unwrap();
        server.make_ready().await;
        assert_eq!(
            outcome(server.operate(drain("telnet"))).await,
            FromSupervisor::Done
        );
        let drained = server.child("telnet", |child| child.pid.is_none()).await;
        assert_eq!(drained.state, ChildPhase::Stopped);
        let steps = server.operate(restart("telnet", false));
        drop(life);
        server.ready_after("telnet", number).await;
        assert_eq!(outcome(steps).await, FromSupervisor::Done);
    });
}

#[test]
fn an_order_that_cannot_be_carried_out_is_refused_with_the_reason() {
    on_a_system(async {
        let server = Server::start(SERVE, SERVE, |_| {});
        let refused = async |operation| match outcome(server.operate(operation)).await {
            FromSupervisor::Refused(why) => why,
            other => panic!("{other:?} is no refusal"),
        };
        assert!(refused(restart("all", true)).await.contains("starting"));
        server.make_ready().await;
        assert!(
            refused(drain("web"))
                .await
                .contains("no child `web`; this server has daemon, telnet")
        );
        let steps = server.operate(restart("daemon", false));
        assert!(refused(restart("telnet", false)).await.contains("under way"));
        server.root.offer(EndAll).unwrap();
        assert_eq!(
            outcome(steps).await,
            FromSupervisor::Refused("the server ends".into())
        );
    });
}

#[test]
fn a_host_that_ends_too_often_is_left_and_tried_again_once_at_a_time() {
    on_a_system(async {
        let server = Server::serving(SERVE, "exec sleep 1000", |settings| {
            settings.restarts_max = 1;
            settings.retry_after_s = 0;
        })
        .await;
        let mut last = 0;
        for starts in 1..=4 {
            let host = server
                .child("telnet", |child| child.pid.is_some_and(|pid| pid != last))
                .await;
            last = host.pid.expect("it was waited for");
            assert_eq!(host.restarts, starts - 1);
            kill(last, Signal::KILL);
        }
        assert_eq!(server.status().await.children[0].state, ChildPhase::Ready);
    });
}

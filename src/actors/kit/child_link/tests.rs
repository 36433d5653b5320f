//! A child's end of the control socket against a supervisor that is the test. Time is paused: a minute costs nothing.

use super::*;
use actix::System;
use tempfile::TempDir;
use tokio::net::UnixListener;

const ORPHAN_TIME: Duration = Duration::from_secs(60);

const CHILD: Upbringing = Upbringing {
    is_supervised: true,
    orphan_time: ORPHAN_TIME,
};

const LONER: Upbringing = Upbringing {
    is_supervised: false,
    ..CHILD
};

struct Link {
    link: ChildLink,
    orders: mpsc::Receiver<Order>,
    supervisor: UnixStream,
    _run_dir: TempDir,
}

async fn connected() -> Link {
    let run_dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(run_dir.path().join("control.sock")).unwrap();
    let (link, orders) = ChildLink::connect(run_dir.path(), "telnet", CHILD).await.unwrap();
    let (supervisor, _) = listener.accept().await.unwrap();
    Link {
        link,
        orders,
        supervisor,
        _run_dir: run_dir,
    }
}

impl Link {
    async fn heard(&mut self) -> ToSupervisor {
        read_message(&mut self.supervisor).await.unwrap()
    }

    /// The next thing said that is no beat.
    async fn heard_words(&mut self) -> ToSupervisor {
        loop {
            match self.heard().await {
                ToSupervisor::Beat => {}
                words => return words,
            }
        }
    }
}

fn in_paused_time(test: impl Future<Output = ()>) {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime")
    };
    System::with_tokio_rt(runtime).block_on(test);
}

#[test]
fn a_child_names_itself_first_and_then_beats_once_a_second() {
    in_paused_time(async {
        let mut link = connected().await;
        assert_eq!(
            link.heard().await,
            ToSupervisor::Hello {
                name: "telnet".into()
            }
        );
        assert_eq!(link.heard().await, ToSupervisor::Beat);
        let first = Instant::now();
        for _ in 0..3 {
            assert_eq!(link.heard().await, ToSupervisor::Beat);
        }
        assert_eq!(first.elapsed(), CHILD_BEAT * 3);
    });
}

#[test]
fn what_a_child_says_arrives_in_order() {
    in_paused_time(async {
        let mut link = connected().await;
        link.link.progress("reading");
        link.link.want_token();
        link.link.minted(7, Err("no key".into()));
        link.link.ready(ChildReady::default());
        assert_eq!(
            link.heard_words().await,
            ToSupervisor::Hello {
                name: "telnet".into()
            }
        );
        assert_eq!(link.heard_words().await, ToSupervisor::Progress("reading".into()));
        assert_eq!(link.heard_words().await, ToSupervisor::WantToken);
        assert_eq!(
            link.heard_words().await,
            ToSupervisor::Minted {
                request: 7,
                token: Err("no key".into())
            }
        );
        assert_eq!(
            link.heard_words().await,
            ToSupervisor::Ready(ChildReady::default())
        );
    });
}

#[test]
fn orders_reach_the_child() {
    in_paused_time(async {
        let mut link = connected().await;
        let mint = FromSupervisor::MintHostToken {
            request: 3,
            host: "telnet".into(),
        };
        write_message(&mut link.supervisor, &mint).await.unwrap();
        write_message(&mut link.supervisor, &FromSupervisor::HostToken("v4".into()))
            .await
            .unwrap();
        assert_eq!(
            link.orders.recv().await,
            Some(Order::MintHostToken {
                request: 3,
                host: "telnet".into()
            })
        );
        assert_eq!(link.orders.recv().await, Some(Order::HostToken("v4".into())));
        let stop = FromSupervisor::Stop { keep_clients: true };
        write_message(&mut link.supervisor, &stop).await.unwrap();
        assert_eq!(link.orders.recv().await, Some(Order::Stop { keep_clients: true }));
    });
}

#[test]
fn an_orphan_serves_on_for_a_while_and_is_then_told_to_stop() {
    in_paused_time(async {
        let Link {
            link,
            mut orders,
            supervisor,
            _run_dir,
        } = connected().await;
        let orphaned = Instant::now();
        drop(supervisor);
        assert_eq!(orders.recv().await, Some(END));
        assert!(orphaned.elapsed() >= ORPHAN_TIME && orphaned.elapsed() < ORPHAN_TIME * 2);
        drop(link);
    });
}

#[test]
fn an_orphan_finds_a_new_supervisor_and_tells_it_what_it_has_to_know() {
    in_paused_time(async {
        let mut link = connected().await;
        link.link.want_token();
        link.link.ready(ChildReady::default());
        while link.heard().await != ToSupervisor::Ready(ChildReady::default()) {}
        let socket = link._run_dir.path().join("control.sock");
        std::fs::remove_file(&socket).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        link.supervisor = {
            drop(link.supervisor);
            listener.accept().await.unwrap().0
        };
        let hello = ToSupervisor::Hello {
            name: "telnet".into(),
        };
        assert_eq!(
            read_message::<ToSupervisor>(&mut link.supervisor).await.unwrap(),
            hello
        );
        let mut heard = async || read_message::<ToSupervisor>(&mut link.supervisor).await.unwrap();
        assert_eq!(heard().await, ToSupervisor::WantToken);
        assert_eq!(heard().await, ToSupervisor::Ready(ChildReady::default()));
        write_message(&mut link.supervisor, &FromSupervisor::Known)
            .await
            .unwrap();
        write_message(&mut link.supervisor, &FromSupervisor::HostToken("v4".into()))
            .await
            .unwrap();
        assert_eq!(link.orders.recv().await, Some(Order::HostToken("v4".into())));
    });
}

#[test]
fn a_supervisor_that_hangs_up_at_once_does_not_make_the_orphan_time_longer() {
    in_paused_time(async {
        let mut link = connected().await;
        let socket = link._run_dir.path().join("control.sock");
        std::fs::remove_file(&socket).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        actix::spawn(async move { while listener.accept().await.is_ok() {} });
        drop(link.supervisor);
        let orphaned = Instant::now();
        assert_eq!(link.orders.recv().await, Some(END));
        assert!(orphaned.elapsed() < ORPHAN_TIME * 2);
    });
}

#[test]
fn a_frame_that_is_no_message_makes_an_orphan_and_no_panic() {
    in_paused_time(async {
        let mut link = connected().await;
        link.supervisor.write_all(&[255; 64]).await.unwrap();
        assert_eq!(link.orders.recv().await, Some(END));
    });
}

#[test]
fn a_child_that_finds_no_supervisor_is_an_orphan_from_the_start() {
    in_paused_time(async {
        let run_dir = tempfile::tempdir().unwrap();
        let born = Instant::now();
        let connected = ChildLink::connect(run_dir.path(), "telnet", CHILD).await;
        let (_link, mut orders) = connected.unwrap();
        assert_eq!(orders.recv().await, Some(END));
        assert!(born.elapsed() >= ORPHAN_TIME && born.elapsed() < ORPHAN_TIME * 2);
    });
}

#[test]
fn a_child_that_was_there_before_its_supervisor_is_taken_up() {
    in_paused_time(async {
        let run_dir = tempfile::tempdir().unwrap();
        let connected = ChildLink::connect(run_dir.path(), "telnet", CHILD).await;
        let (link, _orders) = connected.unwrap();
        link.ready(ChildReady::default());
        let listener = UnixListener::bind(run_dir.path().join("control.sock")).unwrap();
        let (mut supervisor, _) = listener.accept().await.unwrap();
        let hello = ToSupervisor::Hello {
            name: "telnet".into(),
        };
        for expected in [hello, ToSupervisor::Ready(ChildReady::default())] {
            let mut heard = read_message::<ToSupervisor>(&mut supervisor).await.unwrap();
            while heard == ToSupervisor::Beat {
                heard = read_message(&mut supervisor).await.unwrap();
            }
            assert_eq!(heard, expected);
        }
    });
}

#[test]
fn a_start_that_tells_much_while_no_supervisor_is_there_is_still_known_to_be_over() {
    in_paused_time(async {
        let run_dir = tempfile::tempdir().unwrap();
        let connected = ChildLink::connect(run_dir.path(), "daemon", CHILD).await;
        let (link, _orders) = connected.unwrap();
        for step in 0..CONTROL_QUEUE_MAX * 2 {
            link.progress(format!("step {step}"));
        }
        link.ready(ChildReady::default());
        let listener = UnixListener::bind(run_dir.path().join("control.sock")).unwrap();
        let (mut supervisor, _) = listener.accept().await.unwrap();
        loop {
            let heard: ToSupervisor = read_message(&mut supervisor).await.unwrap();
            // Beats only come when there is nothing more to say.
            assert_ne!(heard, ToSupervisor::Beat, "it was not said");
            if heard == ToSupervisor::Ready(ChildReady::default()) {
                break;
            }
        }
    });
}

#[test]
fn without_a_supervisor_a_program_runs_alone_and_may_say_what_it_likes() {
    in_paused_time(async {
        let run_dir = tempfile::tempdir().unwrap();
        let (link, mut orders) = ChildLink::connect(run_dir.path(), "daemon", LONER).await.unwrap();
        for _ in 0..CONTROL_QUEUE_MAX * 2 {
            link.ready(ChildReady::default());
        }
        assert!(
            tokio::time::timeout(ORPHAN_TIME * 10, orders.recv())
                .await
                .is_err(),
            "nobody orders anything"
        );
    });
}

//! A link with the daemon played by the test.

use std::time::Duration;

use crate::limits::LINK_TICK;
use crate::protocol::broadcast::HostBroadcastEvent;
use crate::protocol::client::{
    Auth, ClientReply, ClientRequest, DaemonToClientReply, HostClientToDaemonMessage,
};
use crate::protocol::codec::{Envelope, Frame, Message, encode};
use crate::protocol::event::StreamControl;
use crate::protocol::host::{DaemonToHostReply, HostToDaemonMessage, HostType, Limits};
use crate::protocol::machine::link::{Answer, Attachment, Input, Link, LinkConfig, Output};
use crate::protocol::{ClientId, HostId, Moment, Wall, WireObj};

pub(super) const T0: Moment = Moment(5_000_000);
pub(super) const HOST: HostId = HostId([1; 16]);
pub(super) const CLIENT: ClientId = ClientId([2; 16]);
pub(super) const PROBE: [u8; 16] = [3; 16];

/// The two ends and what the link wanted done.
pub(super) struct Scene {
    pub(super) link: Link<u64>,
    pub(super) now: Moment,
    pub(super) out: Vec<Output<u64>>,
}

impl Scene {
    pub(super) fn new() -> Scene {
        let config = LinkConfig {
            build: "test".into(),
            id: HOST,
            instance: 4,
            world: String::new(),
            host_type: HostType::Tcp,
            capacity: 100,
            skills: Vec::new(),
        };
        Scene {
            link: Link::new(config),
            now: T0,
            out: Vec::new(),
        }
    }

    pub(super) fn on(&mut self, input: Input<u64>) {
        self.out.extend(self.link.on(self.now, input));
    }

    /// Lets time pass as it passes in the actor: tick by tick.
    pub(super) fn after_ms(&mut self, ms: u64) {
        let mut left = Duration::from_millis(ms);
        while !left.is_zero() {
            let step = left.min(LINK_TICK);
            self.now = self.now.plus(step);
            left -= step;
            self.on(Input::Tick);
        }
    }

    /// Lets time pass without a tick before its end.
    pub(super) fn stall_ms(&mut self, ms: u64) {
        self.now = self.now.plus(Duration::from_millis(ms));
        self.on(Input::Tick);
    }

    /// The same with a ping of the daemon every two seconds.
    pub(super) fn after_pinged_s(&mut self, epoch: u32, seconds: u64) {
        for _ in 0..seconds.div_ceil(2) {
            self.publish(epoch, &ping());
            self.out.pop();
            self.after_ms(2_000);
        }
    }

    /// A link with sockets that are connected and a token, and nothing said yet but hello.
    pub(super) fn started() -> Scene {
        let mut scene = Scene::new();
        scene.on(Input::Start { wall: Wall(1) });
        assert_eq!(scene.look(), [Output::WantToken]);
        scene.on(Input::Token("first".into()));
        assert_eq!(scene.look(), [], "there is no connection to say hello over");
        scene.on(Input::Connected);
        scene
    }

    /// The outputs since the last look.
    pub(super) fn look(&mut self) -> Vec<Output<u64>> {
        std::mem::take(&mut self.out)
    }

    /// The one frame sent since the last look: envelope and message.
    #[track_caller]
    pub(super) fn sent<M: Message>(&mut self) -> (Envelope, M) {
        let out = self.look();
        let [Output::Send { frame, .. }] = &out[..] else {
            panic!("not one frame: {out:?}")
        };
        let frame = Frame::parse(frame).expect("our own frame");
        (frame.envelope, frame.decode().expect("our own message"))
    }

    pub(super) fn reply<M: Message>(&mut self, to: Envelope, epoch: u32, message: &M) {
        self.on(Input::Reply(
            encode(&to.reply(epoch), message).expect("a small message"),
        ));
    }

    pub(super) fn publish<M: Message>(&mut self, epoch: u32, message: &M) {
        let envelope = Envelope {
            epoch,
            ..Envelope::default()
        };
        self.on(Input::Event(encode(&envelope, message).expect("a small message")));
    }

    #[track_caller]
    pub(super) fn hello(&mut self) -> Envelope {
        let (envelope, message) = self.sent();
        assert!(
            matches!(
                message,
                HostToDaemonMessage::Hello {
                    id: HOST,
                    instance: 4,
                    ..
                }
            ),
            "{message:?}"
        );
        envelope
    }

    /// From the `Hello` just sent on.
    #[track_caller]
    pub(super) fn attach(&mut self, epoch: u32) {
        let hello = self.hello();
        self.reply(hello, epoch, &welcome(epoch));
        assert_eq!(self.look(), []);
        self.publish(epoch, &StreamControl::Probe { probe: PROBE });
        let (envelope, message) = self.sent();
        assert!(
            matches!(message, HostToDaemonMessage::RegisterHost { probe: PROBE, .. }),
            "{message:?}"
        );
        self.reply(envelope, epoch, &DaemonToHostReply::Ack);
    }

    /// A link that is attached to epoch 7.
    #[track_caller]
    pub(super) fn attached() -> Scene {
        let mut scene = Scene::started();
        scene.attach(7);
        assert!(matches!(
            &scene.look()[..],
            [Output::Attached(Attachment { epoch: 7, .. })]
        ));
        scene
    }

    pub(super) fn command(&mut self, ticket: u64) {
        let message = HostClientToDaemonMessage::Command {
            handler: WireObj(0),
            command: "look".into(),
        };
        let request = ClientRequest {
            message,
            auth: Auth::Bound([0; 16]),
            cmd_seq: ticket,
            cmd_acked: 0,
        };
        self.on(Input::AskClient {
            ticket,
            client: CLIENT,
            request,
            again: false,
        });
    }
}

pub(super) fn welcome(epoch: u32) -> DaemonToHostReply {
    let limits = Limits {
        window: 512,
        frame_max: 1,
        linger_s: 300,
        input_lines: 64,
        input_bytes: 1,
        credit_bytes: 1,
    };
    DaemonToHostReply::Welcome {
        version: 1,
        daemon_epoch: epoch,
        world: "hall".into(),
        now: Wall(9),
        ping_ms: 2_000,
        limits,
        keys: Vec::new(),
        topic: b"c/".to_vec(),
        host_token: "second".into(),
    }
}

pub(super) fn submitted(task_id: u64) -> ClientReply {
    ClientReply {
        reply: DaemonToClientReply::TaskSubmitted { task_id },
        head: None,
    }
}

pub(super) fn answer(ticket: u64, answer: Answer) -> Output<u64> {
    Output::Answer {
        ticket,
        answer: Box::new(answer),
    }
}

pub(super) fn ping() -> HostBroadcastEvent {
    HostBroadcastEvent::PingPong {
        ping: 1,
        timestamp: 1,
    }
}

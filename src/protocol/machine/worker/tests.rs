//! A worker and the frames of a daemon, step by step.

use super::*;
use crate::protocol::Message;

const DEAD: &[Output] = &[];

/// A worker, the time, and what it has said to the daemon that nobody has looked at yet.
struct Scene {
    worker: Worker,
    now: Moment,
    said: Vec<(u64, WorkerToDaemonMessage)>,
    epoch: u32,
}

impl Scene {
    fn new() -> Scene {
        let config = WorkerConfig {
            build: "0.1.0".to_owned(),
            id: WorkerId([7; 16]),
            instance: 1,
            kind: "http".to_owned(),
            concurrency: 4,
        };
        Scene {
            worker: Worker::new(config),
            now: Moment(0),
            said: Vec::new(),
            epoch: 5,
        }
    }

    /// One that the daemon knows.
    fn attached() -> Scene {
        let mut scene = Scene::new();
        assert_eq!(scene.give(Input::Start), [Output::WantToken]);
        scene.give(Input::Token("t1".to_owned()));
        scene.give(Input::Connected);
        scene.attach();
        assert_eq!(scene.heard(), [WorkerToDaemonMessage::Ready { credits: 4 }]);
        scene
    }

    /// Goes through hello and attach; gives what the worker said that it has.
    fn attach(&mut self) -> Vec<(ReqId, u8)> {
        let (hello, said) = self.said.pop().expect("it has said hello");
        assert!(matches!(said, WorkerToDaemonMessage::Hello { .. }), "{said:?}");
        self.reply(hello, &DaemonToWorkerReply::Ack);
        let (attach, said) = self.said.pop().expect("it attaches");
        let WorkerToDaemonMessage::AttachWorker { known, .. } = said else {
            panic!("it attaches: {said:?}");
        };
        let attached = DaemonToWorkerReply::Attached {
            worker: WorkerId([7; 16]),
            token: "t2".to_owned(),
        };
        assert_eq!(self.reply(attach, &attached), [Output::Up]);
        known
    }

    /// What follows from an input besides what is said.
    fn give(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.worker.on(self.now, input, &mut out);
        out.retain(|output| {
            let Output::Send(frame) = output else { return true };
            let frame = Frame::parse(frame).expect("it is a frame");
            self.said
                .push((frame.envelope.correlation, frame.decode().expect("of a worker")));
            false
        });
        out
    }

    fn frame(&self, correlation: u64, message: &impl Message) -> Vec<u8> {
        let envelope = Envelope {
            correlation,
            epoch: self.epoch,
            ..Envelope::default()
        };
        encode(&envelope, message).expect("it is short")
    }

    fn reply(&mut self, correlation: u64, message: &impl Message) -> Vec<Output> {
        let frame = self.frame(correlation, message);
        self.give(Input::Reply(frame))
    }

    fn event(&mut self, message: &DaemonToWorkerMessage) -> Vec<Output> {
        let frame = self.frame(0, message);
        self.give(Input::Event(frame))
    }

    /// What was said since the last look.
    fn heard(&mut self) -> Vec<WorkerToDaemonMessage> {
        self.said.drain(..).map(|(_, said)| said).collect()
    }

    fn ask(&mut self, number: u8) -> Vec<Output> {
        let request = DaemonDirect::WorkerRequest {
            id: ReqId([number; 16]),
            attempt: 1,
            perms: WireObj(2),
            request: Vec::new(),
            timeout_ms: 1_000,
            retry: RetryClass::AtMostOnce,
        };
        self.reply(0, &request)
    }

    fn finish(&mut self, number: u8) -> u64 {
        let value = WireValue::new(&moo_model::Value::int(1));
        assert_eq!(self.give(Input::Finished(ReqId([number; 16]), Ok(value))), DEAD);
        let (correlation, said) = self.said.pop().expect("it says so");
        assert!(
            matches!(said, WorkerToDaemonMessage::RequestResult { attempt: 1, .. }),
            "{said:?}"
        );
        correlation
    }
}

#[test]
fn a_request_is_carried_out_answered_and_makes_room_for_another() {
    let mut scene = Scene::attached();
    assert!(matches!(&scene.ask(1)[..], [Output::Begin(task)] if task.id == ReqId([1; 16])));
    assert_eq!(scene.ask(1), DEAD, "it came twice and is begun once");
    let answer = scene.finish(1);
    assert_eq!((scene.worker.busy(), scene.worker.pending()), (0, 1));
    scene.reply(answer, &DaemonToWorkerReply::Ack);
    assert_eq!(scene.heard(), [WorkerToDaemonMessage::Ready { credits: 1 }]);
    assert_eq!(scene.worker.pending(), 0);
}

#[test]
fn a_ping_is_answered_with_all_that_the_daemon_has_not_settled() {
    let mut scene = Scene::attached();
    scene.ask(1);
    scene.ask(2);
    scene.finish(2);
    scene.event(&DaemonToWorkerMessage::PingWorkers { ping: 9 });
    let in_flight = vec![ReqId([1; 16]), ReqId([2; 16])];
    assert_eq!(
        scene.heard(),
        [WorkerToDaemonMessage::WorkerPong { ping: 9, in_flight }]
    );
}

#[test]
fn what_is_cancelled_is_stopped_and_its_answer_forgotten() {
    let mut scene = Scene::attached();
    scene.ask(1);
    let cancel = DaemonDirect::CancelRequest { id: ReqId([1; 16]) };
    assert_eq!(scene.reply(0, &cancel), [Output::Cancel(ReqId([1; 16]))]);
    assert_eq!(scene.heard(), [WorkerToDaemonMessage::Ready { credits: 1 }]);
    let late = Input::Finished(
        ReqId([1; 16]),
        Err(WorkerError::InternalError("dropped".to_owned())),
    );
    assert_eq!(scene.give(late), DEAD);
    assert_eq!(scene.heard(), []);
}

#[test]
fn another_daemon_is_told_what_is_known_and_given_what_was_answered() {
    let mut scene = Scene::attached();
    scene.ask(1);
    scene.ask(2);
    scene.finish(2);
    scene.epoch = 6;
    scene.give(Input::Disconnected);
    scene.give(Input::Connected);
    let known = scene.attach();
    assert_eq!(known, [(ReqId([1; 16]), 1), (ReqId([2; 16]), 1)]);
    let heard = scene.heard();
    assert!(
        matches!(&heard[0], WorkerToDaemonMessage::RequestResult { id, .. } if *id == ReqId([2; 16])),
        "{heard:?}"
    );
    assert_eq!(heard[1..], [WorkerToDaemonMessage::Ready { credits: 2 }]);
}

#[test]
fn a_ping_of_another_daemon_is_noticed_without_a_word_from_the_sockets() {
    let mut scene = Scene::attached();
    scene.epoch = 6;
    scene.event(&DaemonToWorkerMessage::PingWorkers { ping: 1 });
    assert!(matches!(
        &scene.heard()[..],
        [WorkerToDaemonMessage::Hello { .. }]
    ));
    assert!(!scene.worker.is_up());
}

#[test]
fn a_worker_that_the_daemon_does_not_know_says_hello() {
    let mut scene = Scene::attached();
    scene.reply(99, &DaemonToWorkerReply::NotRegistered(WorkerId([7; 16])));
    assert!(matches!(
        &scene.heard()[..],
        [WorkerToDaemonMessage::Hello { .. }]
    ));
}

#[test]
fn a_refused_token_is_not_shown_again_at_once() {
    let mut scene = Scene::new();
    scene.give(Input::Start);
    scene.give(Input::Token("bad".to_owned()));
    scene.give(Input::Connected);
    let (hello, _) = scene.said.pop().expect("it says hello");
    let refused = DaemonToWorkerReply::AuthFailed("no".to_owned());
    assert_eq!(scene.reply(hello, &refused), [Output::WantToken]);
    assert_eq!(scene.give(Input::Token("bad".to_owned())), DEAD);
    assert_eq!(scene.heard(), []);
}

#[test]
fn silence_of_the_daemon_opens_the_sockets_anew_but_not_after_a_pause_of_our_own() {
    let mut scene = Scene::attached();
    for tick in 0..=60 {
        scene.now = Moment(tick * 100_000);
        let out = scene.give(Input::Tick);
        assert_eq!(out.contains(&Output::Rebuild), tick == 60, "tick {tick}");
    }
    let mut scene = Scene::attached();
    scene.give(Input::Tick);
    scene.now = Moment(60_000_000);
    assert_eq!(scene.give(Input::Tick), DEAD, "it was the one that stood still");
}

#[test]
fn an_answer_that_nobody_acknowledges_is_given_again() {
    let mut scene = Scene::attached();
    scene.ask(1);
    let first = scene.finish(1);
    for tick in 0..=100 {
        scene.now = Moment(tick * 100_000);
        scene.event(&DaemonToWorkerMessage::PingWorkers { ping: tick });
        scene.give(Input::Tick);
    }
    let again = scene
        .said
        .iter()
        .filter(|(_, said)| matches!(said, WorkerToDaemonMessage::RequestResult { .. }));
    assert_eq!(again.count(), 1);
    scene.reply(first, &DaemonToWorkerReply::Ack);
    assert_eq!(scene.worker.pending(), 1, "the first time counts no more");
    scene.reply(0, &DaemonToWorkerReply::UnknownRequest(ReqId([1; 16])));
    assert_eq!(scene.worker.pending(), 0);
}

#[test]
fn a_draining_worker_takes_nothing_more() {
    let mut scene = Scene::attached();
    scene.ask(1);
    scene.give(Input::Drain);
    assert_eq!(scene.heard(), [WorkerToDaemonMessage::Ready { credits: 0 }]);
    let answer = scene.finish(1);
    scene.reply(answer, &DaemonToWorkerReply::Ack);
    assert_eq!(scene.heard(), []);
    let reason = "it ends".to_owned();
    scene.give(Input::Leave {
        reason: reason.clone(),
    });
    assert_eq!(scene.heard(), [WorkerToDaemonMessage::DetachWorker { reason }]);
}

//! What comes from sockets: frames between processes, and telnet from anybody.

use moothall::hosts::telnet::engine::options::TABLE;
use moothall::hosts::telnet::engine::{Engine, Event};
use moothall::hosts::telnet::line_mode::LineMode;
use moothall::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent};
use moothall::protocol::client::{ClientReply, ClientRequest, Refusal};
use moothall::protocol::codec::{self, Message};
use moothall::protocol::enroll::Enrollment;
use moothall::protocol::event::{EventFrame, StreamControl};
use moothall::protocol::host::{DaemonDirect, DaemonToHostReply, HostToDaemonMessage};
use moothall::protocol::worker::{DaemonToWorkerMessage, DaemonToWorkerReply, WorkerToDaemonMessage};
use moothall::protocol::{Family, Frame};

/// A line of a client is at most so long here: short, so that the bound is met.
const LINE_MAX: usize = 64;
/// Answers to one byte of input take at most so many bytes.
const ANSWER_MAX: usize = 64;

/// Bytes that are read as a frame of any conversation: what can be read says the same after it was written.
pub fn frames(data: &[u8]) {
    let Ok(frame) = Frame::parse(data) else { return };
    let Some((family, _)) = moothall::protocol::kind::TABLE
        .iter()
        .find(|(family, _)| *family as u8 == frame.kind.family())
    else {
        return;
    };
    match family {
        Family::HostToDaemon => again::<HostToDaemonMessage>(&frame),
        Family::DaemonToHost => again::<DaemonToHostReply>(&frame),
        Family::DaemonDirect => again::<DaemonDirect>(&frame),
        Family::HostClientToDaemon => again::<ClientRequest>(&frame),
        Family::DaemonToClient => again::<ClientReply>(&frame),
        Family::Refusal => again::<Refusal>(&frame),
        Family::Event => again::<EventFrame>(&frame),
        Family::Stream => again::<StreamControl>(&frame),
        Family::HostBroadcast => again::<HostBroadcastEvent>(&frame),
        Family::ClientsBroadcast => again::<ClientsBroadcastEvent>(&frame),
        Family::WorkerToDaemon => again::<WorkerToDaemonMessage>(&frame),
        Family::DaemonToWorkerReply => again::<DaemonToWorkerReply>(&frame),
        Family::DaemonToWorker => again::<DaemonToWorkerMessage>(&frame),
        Family::Enrollment => again::<Enrollment>(&frame),
    }
}

fn again<M: Message>(frame: &Frame<'_>) {
    let Ok(message) = frame.decode::<M>() else { return };
    // Numbers have one shortest form, which is what is written, so that it is never longer.
    let written = codec::encode(&frame.envelope, &message).expect("it was not too large before");
    let second = Frame::parse(&written).expect("our own frame");
    assert_eq!((second.kind, second.envelope), (frame.kind, frame.envelope));
    let message = second.decode::<M>().expect("what was written can be read");
    assert_eq!(codec::encode(&frame.envelope, &message), Ok(written));
}

/// What a connection makes of its input.
#[derive(PartialEq, Debug, Default)]
struct Heard {
    text: Vec<u8>,
    others: Vec<String>,
    lines: Vec<String>,
    answers: Vec<u8>,
}

/// Feeds the bytes in pieces of these lengths, in turn.
fn hear(data: &[u8], pieces: &[usize]) -> Heard {
    let mut engine = Engine::new(TABLE);
    let mut editor = LineMode::new(LINE_MAX);
    let mut heard = Heard::default();
    let mut rest = data;
    let mut lengths = pieces.iter().cycle();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(lengths.next().map_or(1, |&len| len.clamp(1, rest.len())));
        rest = after;
        let Heard {
            text, others, lines, ..
        } = &mut heard;
        engine.receive(piece, |event| match event {
            Event::Text(bytes) => {
                text.extend_from_slice(bytes);
                editor.feed(bytes, |line| lines.push(format!("{line:?}")));
            }
            other => others.push(format!("{} {other:?}", text.len())),
        });
    }
    heard.answers = engine.answers().clone();
    heard
}

/// Bytes from a client, the first of which says how they are cut: what is heard does not depend on it, and answers are no
/// storm.
pub fn telnet(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else {
        return;
    };
    let whole = hear(data, &[data.len()]);
    let pieces = [1 + usize::from(cut & 7), 1 + usize::from(cut >> 3)];
    assert_eq!(hear(data, &pieces), whole);
    assert!(whole.answers.len() <= ANSWER_MAX * (data.len() + 1));
}

//! Enrollment against a daemon of the test's own, over real sockets.

use super::*;
use crate::gateway::curve::{Admitted, Speaker};
use crate::gateway::{Inbound, Network, ServerEndpoints, ServerSender, ServerSide};
use crate::protocol::codec::{Envelope, Frame, encode};
use crate::protocol::hex::to_hex;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};

const SECRET: [u8; 32] = [1; 32];
const ID: HostId = HostId([3; 16]);

/// A daemon that answers as the list says, one entry a question; without an answer at all for `None`.
struct Daemon {
    folder: tempfile::TempDir,
    _side: ServerSide,
    config: Config,
    keys: CurveKeys,
    asked: Receiver<[u8; 32]>,
}

fn daemon(mut answers: Vec<Option<Enrollment>>) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let free = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let (keys, enroll) = (CurveKeys::generate().unwrap(), free());
    let tcp = |at: &str| format!("tcp://{at}");
    let endpoints = ServerEndpoints {
        rpc: format!("ipc://{}", folder.path().join("rpc.sock").display()),
        events: format!("ipc://{}", folder.path().join("events.sock").display()),
        workers: format!("ipc://{}", folder.path().join("workers.sock").display()),
        network: Some(Network {
            rpc: tcp(&free()),
            events: tcp(&free()),
            enroll: Some(tcp(&enroll)),
            workers: None,
            keys: keys.clone(),
            admitted: Admitted::default(),
        }),
    };
    let (tell, asked) = channel();
    let place = Arc::new(OnceLock::<ServerSender>::new());
    let filled = Arc::clone(&place);
    let on_burst = move |burst: &mut Vec<Inbound>| {
        for item in burst.drain(..) {
            if let Inbound::Frame { from, speaker, frame } = item
                && let Speaker::Stranger(key) = speaker
            {
                tell.send(key).ok();
                if let Some(answer) = answers.remove(0) {
                    let envelope = Frame::parse(&frame).unwrap().envelope;
                    let answer = encode(&Envelope::reply(&envelope, 1), &answer).unwrap();
                    filled.wait().reply(from, answer).unwrap();
                }
            }
        }
    };
    let (side, sender) = ServerSide::start(&endpoints, on_burst).unwrap();
    assert!(place.set(sender).is_ok());
    let mut config = Config::default();
    config.daemon.enroll = enroll;
    config.daemon.identity = folder.path().join("identity");
    Daemon {
        folder,
        _side: side,
        config,
        keys,
        asked,
    }
}

impl Daemon {
    fn enroll(&self, patience: Duration) -> Result<HostId, IdentityError> {
        let invitation = Invitation {
            daemon_key: to_hex(&self.keys.public),
            token_id: "one".to_owned(),
            secret: to_hex(&SECRET),
            role: "telnet".to_owned(),
        };
        enroll_within(&self.config, "telnet", &invitation.to_text(60), patience)
    }

    fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("identity")).collect()
    }
}

fn enrolled() -> Option<Enrollment> {
    Some(Enrollment::Enrolled {
        id: ID.0,
        token: String::new(),
    })
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_host_whose_answer_was_lost_asks_again_with_the_same_key() {
    let daemon = daemon(vec![None, enrolled()]);
    // Long enough for the question to arrive, which the test waits for anyway.
    let lost = daemon.enroll(Duration::from_secs(2));
    assert!(matches!(lost, Err(IdentityError::Gateway(_))), "{lost:?}");
    let first = daemon.asked.recv_timeout(PATIENCE).unwrap();
    assert_eq!(daemon.files(), ["identity.draft"]);
    assert_eq!(daemon.enroll(PATIENCE).unwrap(), ID);
    assert_eq!(daemon.asked.recv_timeout(PATIENCE).unwrap(), first);
    assert_eq!(daemon.files(), ["identity"]);
    let identity = Identity::read(&daemon.config.daemon.identity).unwrap();
    assert_eq!((identity.id, identity.curve.keys.public), (ID, first));
}

#[test]
fn a_host_that_was_refused_asks_the_next_time_with_another_key() {
    let refused = Some(Enrollment::Refused("no".to_owned()));
    let daemon = daemon(vec![refused, enrolled()]);
    let first = daemon.enroll(PATIENCE);
    assert!(matches!(first, Err(IdentityError::Refused(_))), "{first:?}");
    daemon.enroll(PATIENCE).unwrap();
    let keys: Vec<_> = (0..2)
        .map(|_| daemon.asked.recv_timeout(PATIENCE).unwrap())
        .collect();
    assert_ne!(keys[0], keys[1]);
}

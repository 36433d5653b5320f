//! `Tab`: one client's program, as a host of JSON clients would serve it: it shows what its attach epoch allows, in order,
//! and asks again for what it misses.

use super::peer::{Answer, Peer, Unasked, at};
use super::wait_for;
use moothall::protocol::client::{
    Attachment, Auth, ConnectType, DaemonToClientReply as Reply, HostClientToDaemonMessage as Ask, LoginOk,
};
use moothall::protocol::event::{ClientEvent, Content, LineBody, StreamPos};
use moothall::protocol::host::{DaemonDirect, DaemonToHostReply, HostToDaemonMessage};
use moothall::protocol::{ClientId, WireObj};
use std::collections::BTreeMap;

/// One client.
#[derive(Clone, Debug)]
pub struct Tab {
    pub client: ClientId,
    pub token: String,
    pub sid: String,
    pub player: WireObj,
    pub epoch: u32,
    pub recovered: bool,
    /// The last event that was shown.
    pub last: StreamPos,
    pub bound: [u8; 16],
    pub cmd_next: u64,
    /// The epoch under which another host has the client, once that was said.
    pub fenced: Option<u32>,
    /// All events that were shown, by number.
    pub shown: BTreeMap<u64, ClientEvent>,
}

impl Tab {
    /// A client that has not logged in.
    #[track_caller]
    pub fn open(peer: &mut Peer, client: ClientId) -> Tab {
        let (token, bound) = peer.establish_from("127.0.0.1", client);
        Tab {
            client,
            token,
            sid: String::new(),
            player: WireObj(-1),
            epoch: 0,
            recovered: false,
            last: StreamPos::default(),
            bound,
            cmd_next: 1,
            fenced: None,
            shown: BTreeMap::new(),
        }
    }

    /// Logs in, for good or only to be known.
    #[track_caller]
    pub fn log_in(&mut self, peer: &mut Peer, line: &str, do_attach: bool) -> Option<LoginOk> {
        let ask = Ask::LoginCommand {
            handler: WireObj(0),
            connect_args: Vec::new(),
            command: line.to_owned(),
            do_attach,
        };
        match self.changes(peer, ask) {
            Ok(Reply::LoginResult(login)) => {
                if let Some(attachment) = login.as_ref().and_then(|login| login.attach.clone()) {
                    self.take(attachment);
                }
                login
            }
            other => panic!("no answer to a login: {other:?}"),
        }
    }

    /// The player of this token comes in at a host.
    #[track_caller]
    pub fn attach(peer: &mut Peer, client: ClientId, auth_token: &str, takeover: bool) -> Tab {
        let ask = Ask::Attach {
            connect_type: ConnectType::Connected,
            handler: WireObj(0),
            peer: at("127.0.0.1"),
            takeover,
        };
        let auth = Auth::Player(auth_token.to_owned());
        match peer.request(client, auth, 0, ask) {
            Ok(Reply::AttachResult(attachment)) => {
                let mut tab = Tab {
                    client: attachment.client,
                    token: String::new(),
                    sid: String::new(),
                    player: WireObj(-1),
                    epoch: 0,
                    recovered: false,
                    last: attachment.last,
                    bound: [0; 16],
                    cmd_next: 1,
                    fenced: None,
                    shown: BTreeMap::new(),
                };
                tab.take(attachment);
                tab
            }
            other => panic!("not attached: {other:?}"),
        }
    }

    /// The client comes back at some host.
    #[track_caller]
    pub fn come_back(&mut self, peer: &mut Peer) -> Answer {
        let ask = Ask::Reattach {
            last: self.last,
            peer: at("127.0.0.1"),
        };
        let auth = Auth::Full {
            client: self.token.clone(),
            player: None,
        };
        let answer = peer.request(self.client, auth, 0, ask);
        if let Ok(Reply::AttachResult(attachment)) = &answer {
            self.take(attachment.clone());
        }
        answer
    }

    fn take(&mut self, attachment: Attachment) {
        assert_eq!(attachment.client, self.client);
        if self.last.era == 0 {
            self.last = attachment.last;
        }
        self.token = attachment.client_token;
        self.sid = attachment.sid;
        self.player = attachment.player;
        self.epoch = attachment.attach_epoch;
        self.recovered = attachment.recovered;
        self.bound = attachment.bound;
        self.cmd_next = attachment.cmd_next;
        self.fenced = None;
    }

    /// Asks under the next number.
    #[track_caller]
    pub fn changes(&mut self, peer: &mut Peer, ask: Ask) -> Answer {
        let cmd_seq = self.cmd_next;
        self.cmd_next += 1;
        self.asks(peer, cmd_seq, ask)
    }

    /// Asks under this number; 0 is none.
    #[track_caller]
    pub fn asks(&mut self, peer: &mut Peer, cmd_seq: u64, ask: Ask) -> Answer {
        peer.request(self.client, Auth::Bound(self.bound), cmd_seq, ask)
    }

    /// Types a line.
    #[track_caller]
    pub fn types(&mut self, peer: &mut Peer, line: &str) -> Answer {
        self.changes(
            peer,
            Ask::Command {
                handler: WireObj(0),
                command: line.to_owned(),
            },
        )
    }

    /// Shows what has come for the client under its epoch.
    pub fn hear(&mut self, unasked: &[Unasked]) {
        for unasked in unasked {
            match unasked {
                Unasked::Direct(direct) => {
                    if let DaemonDirect::Fence { client, attach_epoch } = **direct
                        && client == self.client
                        && attach_epoch > self.epoch
                    {
                        self.fenced = Some(attach_epoch);
                    }
                }
                Unasked::Event(frame) => {
                    let own = frame.route.to.iter().find(|to| to.client == self.client);
                    if let Some(own) = own.filter(|own| own.attach_epoch == self.epoch)
                        && own.seq == self.last.seq + 1
                    {
                        self.show(own.seq, frame.event.clone());
                    }
                }
            }
        }
    }

    fn show(&mut self, seq: u64, event: ClientEvent) {
        assert_eq!(seq, self.last.seq + 1, "an event is missing or comes twice");
        self.last.seq = seq;
        self.shown.insert(seq, event);
    }

    /// Asks for everything that was told since the last event that was shown.
    #[track_caller]
    pub fn catch_up(&mut self, peer: &mut Peer) {
        let ask = HostToDaemonMessage::Replay {
            client: self.client,
            from: StreamPos {
                seq: self.last.seq + 1,
                ..self.last
            },
            to: None,
            bytes_max: 1 << 20,
        };
        let DaemonToHostReply::ReplayChunk {
            events, done: true, ..
        } = peer.tell(&ask)
        else {
            panic!("no replay");
        };
        for (seq, _, event) in events {
            self.show(seq, event);
        }
    }

    /// Waits until the client was shown this text.
    #[track_caller]
    pub fn expect(&mut self, peer: &mut Peer, text: &str) {
        wait_for(text, || {
            self.catch_up(peer);
            self.lines().iter().any(|line| line.contains(text)).then_some(())
        });
    }

    /// Waits for an event that is looked for.
    #[track_caller]
    pub fn wait<T>(&mut self, peer: &mut Peer, what: &str, look: impl Fn(&ClientEvent) -> Option<T>) -> T {
        wait_for(what, || {
            self.catch_up(peer);
            self.shown.values().find_map(&look)
        })
    }

    /// The lines that were shown.
    pub fn lines(&self) -> Vec<String> {
        self.shown.values().flat_map(lines_of).collect()
    }
}

/// The lines of an event.
pub fn lines_of(event: &ClientEvent) -> Vec<String> {
    match event {
        ClientEvent::Narrative { event } => match &event.content {
            Content::Lines(lines) => {
                let texts = lines.iter().filter_map(|line| match &line.body {
                    LineBody::Text(text) => Some(text.clone()),
                    LineBody::Bytes(_) => None,
                });
                texts.collect()
            }
            _ => Vec::new(),
        },
        ClientEvent::SystemMessage { message, .. } => vec![message.clone()],
        _ => Vec::new(),
    }
}

//! `Proxy`: stands between a host and the daemon on their Unix sockets, understands ZMTP, and loses, delays, doubles,
//! cuts or overwrites whole messages by rules that a test may change while it runs.
//!
//! Invariants: what no rule names passes unchanged and in its order; which messages a share of less than one picks
//! follows from the seed, the connection and the message's place in it.

use super::random::Random;
use moothall::protocol::{Family, Kind};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Bytes of a ZMTP greeting.
const GREETING_LEN: usize = 64;
/// Flags of a ZMTP frame.
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// Bytes of one frame at most: more than either end allows, so that a frame over the limit can pass.
const FRAME_MAX: u64 = 64 << 20;
/// Where in a frame of ours its kind stands.
const KIND_AT: usize = 4;

/// Which of the daemon's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Requests and their answers.
    Rpc,
    /// Events, pings and the like.
    Events,
}

impl Socket {
    const ALL: [Socket; 2] = [Socket::Rpc, Socket::Events];

    fn file(self) -> &'static str {
        match self {
            Socket::Rpc => "rpc.sock",
            Socket::Events => "events.sock",
        }
    }
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToDaemon,
    ToHost,
}

/// Which messages a rule is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Which {
    /// All that go this way over this socket, subscriptions too.
    All(Socket, Way),
    /// Those of a conversation.
    Of(Family),
    /// Those of one kind, by its name in the table of kinds.
    Named(&'static str),
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// It never arrives.
    Lose,
    /// It arrives so much later; others overtake it.
    Late(Duration),
    /// It arrives, and once more so much later.
    Twice(Duration),
    /// It and all after it on its connection wait until the rules change.
    Hold,
    /// Only so many bytes of it arrive.
    Cut(usize),
    /// These bytes stand in it from this place on.
    Overwrite(usize, Vec<u8>),
    /// These bytes follow its end.
    Append(Vec<u8>),
}

/// What happens to which messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub which: Which,
    /// Of a thousand such messages, how many.
    pub per_mille: usize,
    /// To how many at most.
    pub times: u64,
    pub act: Act,
}

impl Rule {
    /// A rule for every such message.
    pub fn all(which: Which, act: Act) -> Rule {
        Rule::some(1_000, which, act)
    }

    /// A rule for so many of a thousand such messages.
    pub fn some(per_mille: usize, which: Which, act: Act) -> Rule {
        Rule {
            which,
            per_mille,
            times: u64::MAX,
            act,
        }
    }

    /// A rule for the next so many such messages.
    pub fn next(times: u64, which: Which, act: Act) -> Rule {
        Rule {
            times,
            ..Rule::all(which, act)
        }
    }
}

/// One message or command: its frames with their flags.
#[derive(Clone, Debug)]
struct Message(Vec<(u8, Vec<u8>)>);

impl Message {
    fn read(from: &mut impl Read) -> io::Result<Message> {
        let mut frames = Vec::new();
        loop {
            let mut flags = [0];
            from.read_exact(&mut flags)?;
            let [flags] = flags;
            let len = if flags & LONG == 0 {
                let mut len = [0];
                from.read_exact(&mut len)?;
                u64::from(len[0])
            } else {
                let mut len = [0; 8];
                from.read_exact(&mut len)?;
                u64::from_be_bytes(len)
            };
            if len > FRAME_MAX {
                return Err(io::Error::other("a frame is too long for the proxy"));
            }
            let mut body = Vec::new();
            from.take(len).read_to_end(&mut body)?;
            if (body.len() as u64) < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            frames.push((flags, body));
            if flags & MORE == 0 {
                return Ok(Message(frames));
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (flags, body) in &self.0 {
            match u8::try_from(body.len()) {
                Ok(len) => out.extend([flags & !LONG, len]),
                Err(_) => {
                    out.push(flags | LONG);
                    out.extend((body.len() as u64).to_be_bytes());
                }
            }
            out.extend_from_slice(body);
        }
        out
    }

    fn is_command(&self) -> bool {
        self.0.iter().any(|(flags, _)| flags & COMMAND != 0)
    }

    fn is_ready(&self) -> bool {
        self.is_command() && self.0[0].1.starts_with(b"\x05READY")
    }

    /// The frame of ours in it.
    fn body(&mut self) -> &mut Vec<u8> {
        &mut self.0.last_mut().expect("a message has a frame").1
    }

    /// What it is, if it is one of ours.
    fn kind(&self) -> Option<Kind> {
        let (_, body) = self.0.last().filter(|_| !self.is_command())?;
        let kind = body.get(KIND_AT..KIND_AT + 2)?;
        Some(Kind(u16::from_le_bytes([kind[0], kind[1]])))
    }
}

/// The rules in force, and what has come by.
#[derive(Default)]
struct Plan {
    rules: Vec<Rule>,
    /// Messages by their kind's name.
    seen: BTreeMap<&'static str, u64>,
    hits: u64,
}

struct Shared {
    plan: Mutex<Plan>,
    changed: Condvar,
    over: AtomicBool,
    connections: AtomicU64,
    live: Mutex<Vec<UnixStream>>,
    seed: u64,
}

/// The running proxy. Dropping it cuts all connections.
pub struct Proxy {
    shared: Arc<Shared>,
    front: PathBuf,
}

impl Proxy {
    /// Listens in the folder `front` for hosts of the daemon whose sockets are in `back`.
    pub fn start(front: &Path, back: &Path, seed: u64) -> Proxy {
        let shared = Arc::new(Shared {
            plan: Mutex::default(),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            live: Mutex::default(),
            seed,
        });
        std::fs::create_dir_all(front).unwrap();
        for socket in Socket::ALL {
            let listener = UnixListener::bind(front.join(socket.file())).unwrap();
            let (shared, back) = (shared.clone(), back.join(socket.file()));
            std::thread::spawn(move || shared.accept(&listener, &back, socket));
        }
        Proxy {
            shared,
            front: front.to_owned(),
        }
    }

    /// From now on these rules hold and no others. The first that fits a message is carried out.
    pub fn set(&self, rules: Vec<Rule>) {
        self.shared.plan.lock().unwrap().rules = rules;
        self.shared.changed.notify_all();
    }

    /// From now on everything passes.
    pub fn clear(&self) {
        self.set(Vec::new());
    }

    /// How many messages rules were carried out on.
    pub fn hits(&self) -> u64 {
        self.shared.plan.lock().unwrap().hits
    }

    /// How many messages of a kind came by, whatever became of them.
    pub fn seen(&self, name: &str) -> u64 {
        let [seen] = self.seen_all([name]);
        seen
    }

    /// The same for several kinds, at one moment.
    pub fn seen_all<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        let plan = self.shared.plan.lock().unwrap();
        names.map(|name| plan.seen.get(name).copied().unwrap_or_default())
    }

    /// Hangs up on both ends of every connection; they connect anew.
    pub fn cut(&self) {
        for stream in self.shared.live.lock().unwrap().drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.clear();
        self.cut();
        // The listeners wait in `accept`: a last caller wakes them.
        for socket in Socket::ALL {
            UnixStream::connect(self.front.join(socket.file())).ok();
        }
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &UnixListener, back: &Path, socket: Socket) {
        for host in listener.incoming() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            // A daemon that is away hangs up on its host, which tries again.
            let (Ok(host), Ok(daemon)) = (host, UnixStream::connect(back)) else {
                continue;
            };
            let number = self.connections.fetch_add(1, Ordering::SeqCst);
            self.live
                .lock()
                .unwrap()
                .extend([host.try_clone().unwrap(), daemon.try_clone().unwrap()]);
            for (way, from, to) in [(Way::ToDaemon, &host, &daemon), (Way::ToHost, &daemon, &host)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let random = Random::new(self.seed ^ (number << 2 | (socket as u64) << 1 | way as u64));
                let shared = self.clone();
                std::thread::spawn(move || shared.pump(from, to, socket, way, random));
            }
        }
    }

    /// Carries one direction of one connection until either end hangs up.
    fn pump(&self, from: UnixStream, mut to: UnixStream, socket: Socket, way: Way, mut random: Random) {
        let (both, mut reader) = (to.try_clone().unwrap(), BufReader::new(from));
        let (send, due) = channel();
        if greet(&mut reader, &mut to).is_ok() {
            let writer = std::thread::spawn(move || write_due(&due, &mut to));
            while let Ok(message) = Message::read(&mut reader) {
                for (at, message) in self.decide(message, socket, way, &mut random) {
                    send.send((at, message.bytes())).ok();
                }
            }
            drop(send);
            writer.join().ok();
        }
        reader.get_ref().shutdown(Shutdown::Both).ok();
        both.shutdown(Shutdown::Both).ok();
    }

    /// What arrives of a message, and when. Waits while it is held.
    fn decide(
        &self,
        mut message: Message,
        socket: Socket,
        way: Way,
        random: &mut Random,
    ) -> Vec<(Instant, Message)> {
        let kind = message.kind();
        let name = kind.and_then(Kind::row).map(|row| row.name);
        let mut plan = self.plan.lock().unwrap();
        if let Some(name) = name {
            *plan.seen.entry(name).or_default() += 1;
        }
        loop {
            let fits = |rule: &&mut Rule| {
                let is_meant = match &rule.which {
                    Which::All(on, to) => (*on, *to) == (socket, way) && !message.is_ready(),
                    Which::Of(family) => kind.is_some_and(|kind| kind.family() == *family as u8),
                    Which::Named(which) => name == Some(which),
                };
                is_meant && rule.times > 0 && random.below(1_000) < rule.per_mille
            };
            let Some(rule) = plan.rules.iter_mut().find(fits) else {
                return vec![(Instant::now(), message)];
            };
            if rule.act == Act::Hold {
                plan = self.changed.wait(plan).unwrap();
                continue;
            }
            rule.times -= 1;
            let act = rule.act.clone();
            plan.hits += 1;
            return apply(&act, &mut message);
        }
    }
}

fn apply(act: &Act, message: &mut Message) -> Vec<(Instant, Message)> {
    let now = Instant::now();
    match act {
        Act::Lose => return Vec::new(),
        Act::Late(time) => return vec![(now + *time, message.clone())],
        Act::Twice(time) => return vec![(now, message.clone()), (now + *time, message.clone())],
        Act::Cut(len) => message.body().truncate(*len),
        Act::Overwrite(at, bytes) => {
            let body = message.body();
            body.resize(body.len().max(at + bytes.len()), 0);
            body[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Act::Append(bytes) => message.body().extend_from_slice(bytes),
        Act::Hold => unreachable!("a held message waits"),
    }
    vec![(now, message.clone())]
}

/// Passes the greeting on as it comes, since each end waits for parts of the other's.
fn greet(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let (mut buffer, mut passed) = ([0; GREETING_LEN], 0);
    while passed < GREETING_LEN {
        let count = from.read(&mut buffer[passed..])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&buffer[passed..passed + count])?;
        passed += count;
    }
    Ok(())
}

/// Writes each message at its time, those of one time in the order they came. What is late on a connection that ends is
/// lost with it.
fn write_due(due: &Receiver<(Instant, Vec<u8>)>, to: &mut UnixStream) {
    let mut waiting: BTreeMap<(Instant, u64), Vec<u8>> = BTreeMap::new();
    for number in 0.. {
        let next = waiting.first_key_value().map(|((at, _), _)| *at);
        let patience = next.map_or(Duration::from_secs(1), |at| {
            at.saturating_duration_since(Instant::now())
        });
        match due.recv_timeout(patience) {
            Ok((at, bytes)) => drop(waiting.insert((at, number), bytes)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while let Some(entry) = waiting.first_entry()
            && entry.key().0 <= Instant::now()
        {
            if to.write_all(&entry.remove()).is_err() {
                to.shutdown(Shutdown::Both).ok();
                return;
            }
        }
    }
}

#[test]
fn a_message_is_written_as_it_was_read() {
    let long = vec![7; 300];
    let mut wire = vec![MORE, 3, 1, 2, 3, LONG, 0, 0, 0, 0, 0, 0, 1, 44];
    wire.extend_from_slice(&long);
    let message = Message::read(&mut wire.as_slice()).unwrap();
    assert_eq!(message.0, vec![(MORE, vec![1, 2, 3]), (LONG, long)]);
    assert_eq!(message.bytes(), wire);
    assert!(Message::read(&mut &wire[..100]).is_err());
}

#[test]
fn a_rule_changes_what_it_says_and_nothing_else() {
    let body: Vec<u8> = (0..10).collect();
    let arrives = |act: Act| -> Vec<Vec<u8>> {
        let mut message = Message(vec![(0, body.clone())]);
        let mut arrived = apply(&act, &mut message);
        arrived
            .iter_mut()
            .map(|(_, message)| message.body().clone())
            .collect()
    };
    assert!(arrives(Act::Lose).is_empty());
    assert_eq!(arrives(Act::Twice(Duration::ZERO)), [body.clone(), body.clone()]);
    assert_eq!(arrives(Act::Cut(2)), [vec![0, 1]]);
    assert_eq!(
        arrives(Act::Overwrite(0, vec![9])),
        [vec![9, 1, 2, 3, 4, 5, 6, 7, 8, 9]]
    );
    assert_eq!(arrives(Act::Append(vec![1]))[0].len(), 11);
}

//! One run: a daemon, two hosts, their people, a minute of faults and half a minute of calm, and then the reckoning.

use std::collections::BTreeMap;
use std::time::Duration;

use moothall::limits::LINK_TICK;
use moothall::protocol::host::{HostType, Peer};
use moothall::protocol::machine::host::{Entry, Host, Input, Order, Output, ToClient};
use moothall::protocol::machine::link::LinkConfig;
use moothall::protocol::{ClientId, HostId, Moment, Wall, WireObj};

use super::daemon::{Daemon, Sent};
use super::network::{Agenda, Happening, Weather, fate};
use super::people::Person;
use crate::support::random::Random;

pub const HOSTS: usize = 2;
const PEOPLE: usize = 6;
/// When faults end and people stop typing, and when everything must have come to rest.
pub const FAULTS_END: Moment = Moment(60_000_000);
const TYPING_ENDS: Moment = Moment(62_000_000);
const END: Moment = Moment(110_000_000);
/// Bytes that a person may leave unread before the host pauses them: little, so that it happens.
const PAUSE_BYTES: usize = 4_096;

/// What happened, over all runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub seeds: u64,
    pub daemon_crashes: u64,
    pub host_crashes: u64,
    pub pauses: u64,
    pub frames: u64,
    pub frames_lost: u64,
    pub refusals: u64,
    pub fenced: u64,
    pub lines: u64,
    pub deliveries: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.seeds += 1;
        self.daemon_crashes += other.daemon_crashes;
        self.host_crashes += other.host_crashes;
        self.pauses += other.pauses;
        self.frames += other.frames;
        self.frames_lost += other.frames_lost;
        self.refusals += other.refusals;
        self.fenced += other.fenced;
        self.lines += other.lines;
        self.deliveries += other.deliveries;
    }
}

/// A host's process.
pub struct Process {
    pub machine: Host,
    pub id: HostId,
    pub instance: u64,
    /// Which sockets it has; frames of earlier ones are dropped.
    pub link: u64,
    pub is_up: bool,
    pub is_connected: bool,
    pub stands_until: Moment,
}

/// The run.
pub struct World {
    pub(super) now: Moment,
    pub(super) random: Random,
    pub(super) agenda: Agenda,
    pub(super) weather: Weather,
    pub daemon: Daemon,
    pub(super) daemon_stands_until: Moment,
    pub(super) hosts: Vec<Process>,
    pub(super) people: BTreeMap<ClientId, Person>,
    born: u64,
    pub(super) tally: Tally,
    is_loud: bool,
}

impl World {
    pub fn new(seed: u64, is_loud: bool) -> World {
        let mut world = World {
            now: Moment(0),
            random: Random::new(seed),
            agenda: Agenda::default(),
            weather: Weather::default(),
            daemon: Daemon::new(seed),
            daemon_stands_until: Moment(0),
            hosts: Vec::new(),
            people: BTreeMap::new(),
            born: 0,
            tally: Tally::default(),
            is_loud,
        };
        for host in 0..HOSTS {
            world.hosts.push(process(host, 1));
        }
        world.plan_faults();
        world
    }

    /// Runs to the end; gives what happened, or which promise was broken.
    pub fn run(&mut self) -> Result<Tally, String> {
        for host in 0..HOSTS {
            self.start_host(host);
        }
        self.start_daemon_timers();
        for _ in 0..PEOPLE {
            let at = Moment(self.random.below(3_000_000) as u64);
            self.agenda.plan(at, Happening::Comes);
        }
        while let Some((at, what)) = self.agenda.next() {
            if at > END {
                break;
            }
            self.now = at;
            self.happens(what);
            if let Some((client, person)) = self.people.iter().find(|(_, person)| person.complaint.is_some())
            {
                let complaint = person.complaint.as_deref().unwrap_or_default();
                return Err(format!("at {} ms, of {client}: {complaint}", self.now.0 / 1000));
            }
        }
        self.tally.refusals = self.daemon.refusals;
        self.reckon()?;
        Ok(self.tally.clone())
    }

    fn happens(&mut self, what: Happening) {
        match what {
            Happening::AtDaemon { .. }
            | Happening::DaemonTick { .. }
            | Happening::Ping { .. }
            | Happening::Written { .. }
                if self.now < self.daemon_stands_until =>
            {
                self.agenda.plan(self.daemon_stands_until, what);
            }
            Happening::AtHost { host, .. }
            | Happening::HostTick { host, .. }
            | Happening::Connected { host, .. }
                if self.now < self.hosts[host].stands_until =>
            {
                self.agenda.plan(self.hosts[host].stands_until, what);
            }
            Happening::AtDaemon { host, link, frame } => self.at_daemon(host, link, &frame),
            Happening::AtHost {
                host,
                link,
                is_event,
                frame,
            } => {
                if self.hosts[host].link == link && self.hosts[host].is_connected {
                    let input = if is_event { Input::Event } else { Input::Reply };
                    self.give(host, input(frame));
                }
            }
            Happening::Connected { host, link } => self.connected(host, link),
            Happening::HostTick { host, instance } => {
                if self.hosts[host].is_up && self.hosts[host].instance == instance {
                    self.give(host, Input::Tick);
                    self.agenda
                        .plan(self.now.plus(LINK_TICK), Happening::HostTick { host, instance });
                }
            }
            Happening::DaemonTick { epoch } => {
                if self.is_daemon(epoch) {
                    let sent = self.daemon.ticks();
                    self.carry(sent);
                    let at = self.now.plus(Duration::from_millis(50));
                    self.agenda.plan(at, Happening::DaemonTick { epoch });
                }
            }
            Happening::Ping { epoch } => {
                if self.is_daemon(epoch) {
                    let sent = self.daemon.pings();
                    self.carry(sent);
                    let at = self.now.plus(Duration::from_secs(2));
                    self.agenda.plan(at, Happening::Ping { epoch });
                }
            }
            Happening::Written { epoch, stamp } => {
                if self.is_daemon(epoch) {
                    let sent = self.daemon.written(stamp);
                    self.carry(sent);
                }
            }
            Happening::Types(client) => self.types(client),
            Happening::Reads(client) => self.reads(client),
            Happening::Fault(fault) => self.goes_wrong(fault),
            Happening::DaemonStarts => self.daemon_starts(),
            Happening::HostStarts(host) => {
                let instance = self.hosts[host].instance + 1;
                let link = self.hosts[host].link + 1;
                self.hosts[host] = process(host, instance);
                self.hosts[host].link = link;
                self.start_host(host);
            }
            Happening::Comes => self.comes(),
        }
    }

    fn is_daemon(&self, epoch: u32) -> bool {
        self.daemon.is_up && self.daemon.epoch == epoch
    }

    fn start_daemon_timers(&mut self) {
        let epoch = self.daemon.epoch;
        self.agenda.plan(self.now, Happening::DaemonTick { epoch });
        self.agenda.plan(self.now, Happening::Ping { epoch });
    }

    fn start_host(&mut self, host: usize) {
        let instance = self.hosts[host].instance;
        self.agenda.plan(self.now, Happening::HostTick { host, instance });
        self.give(host, Input::Start { wall: Wall(0) });
        self.give(host, Input::Token("token".into()));
        self.reconnect(host);
    }

    /// Opens a host's sockets; they are connected a while later, if the daemon is there then.
    fn reconnect(&mut self, host: usize) {
        let process = &mut self.hosts[host];
        process.link += 1;
        process.is_connected = false;
        let link = process.link;
        self.agenda.plan(
            self.now.plus(Duration::from_millis(5)),
            Happening::Connected { host, link },
        );
    }

    fn connected(&mut self, host: usize, link: u64) {
        if self.hosts[host].link == link
            && self.hosts[host].is_up
            && !self.hosts[host].is_connected
            && self.daemon.is_up
        {
            self.hosts[host].is_connected = true;
            self.give(host, Input::Connected);
        }
    }

    fn at_daemon(&mut self, host: usize, link: u64, frame: &[u8]) {
        if !self.daemon.is_up || self.hosts[host].link != link {
            return;
        }
        let before = self.daemon.stamp();
        let sent = self.daemon.hears(self.hosts[host].id, frame);
        self.carry(sent);
        self.write_after(before);
    }

    /// The log writes what was committed since, in a while.
    pub(super) fn write_after(&mut self, before: u64) {
        let stamp = self.daemon.stamp();
        if stamp > before {
            let delay = Duration::from_micros(50 + self.random.below(3_000) as u64);
            let epoch = self.daemon.epoch;
            self.agenda
                .plan(self.now.plus(delay), Happening::Written { epoch, stamp });
        }
    }

    /// Takes frames of the daemon to their hosts.
    fn carry(&mut self, sent: Vec<Sent>) {
        let before = self.daemon.stamp();
        for Sent { to, is_event, frame } in sent {
            let Some(host) = self.hosts.iter().position(|process| process.id == to) else {
                continue;
            };
            let link = self.hosts[host].link;
            for delay in self.fates(is_event) {
                let frame = frame.clone();
                self.agenda.plan(
                    self.now.plus(delay),
                    Happening::AtHost {
                        host,
                        link,
                        is_event,
                        frame,
                    },
                );
            }
        }
        self.write_after(before);
    }

    fn fates(&mut self, is_event: bool) -> Vec<Duration> {
        let fates = fate(self.weather, is_event, &mut self.random);
        self.tally.frames += 1;
        self.tally.frames_lost += u64::from(fates.is_empty());
        fates
    }

    /// Gives a host an input and does what it wants.
    pub(super) fn give(&mut self, host: usize, input: Input) {
        if !self.hosts[host].is_up {
            return;
        }
        for output in self.hosts[host].machine.on(self.now, input) {
            match output {
                Output::Send { frame, .. } => {
                    if !self.hosts[host].is_connected {
                        continue;
                    }
                    let link = self.hosts[host].link;
                    for delay in self.fates(false) {
                        let frame = frame.clone();
                        self.agenda
                            .plan(self.now.plus(delay), Happening::AtDaemon { host, link, frame });
                    }
                }
                Output::Rebuild => self.reconnect(host),
                Output::ToClient(client, what) => self.tell(client, what),
                Output::ToAll(what) => {
                    let here: Vec<ClientId> = self
                        .people
                        .iter()
                        .filter(|(_, person)| person.host == host)
                        .map(|(id, _)| *id)
                        .collect();
                    here.into_iter()
                        .for_each(|client| self.tell(client, what.clone()));
                }
                Output::Order(Order::WantToken) => self.give(host, Input::Token("token".into())),
                Output::Order(_) | Output::Rename { .. } | Output::Answer { .. } => {}
                Output::Garbled(error) => panic!("the model sends whole frames: {error}"),
            }
        }
    }

    fn tell(&mut self, client: ClientId, what: ToClient) {
        let Some(person) = self.people.get_mut(&client) else {
            return;
        };
        let was_here = !person.is_gone;
        let host = person.host;
        let has_something = person.hears(what);
        let is_closed = was_here && person.is_gone;
        if has_something {
            let at = self.now.max(person.reads_again_at);
            self.agenda.plan(at, Happening::Reads(client));
        }
        if is_closed {
            self.give(
                host,
                Input::Closed {
                    client,
                    may_return: false,
                },
            );
        }
    }

    fn comes(&mut self) {
        let host = self.random.below(HOSTS);
        self.born += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.random.next().to_le_bytes());
        id[8..].copy_from_slice(&self.born.to_le_bytes());
        let client = ClientId(id);
        if !self.hosts[host].is_up || self.now < self.hosts[host].stands_until {
            // Nobody answers: they try again.
            let at = self.now.plus(Duration::from_millis(300));
            return self.agenda.plan(at, Happening::Comes);
        }
        let person = Person::new(host);
        let meter = person.meter.clone();
        self.people.insert(client, person);
        let peer = Peer {
            addr: "192.0.2.1".into(),
            local_port: 7777,
            remote_port: 1,
            content_types: Vec::new(),
            attrs: Vec::new(),
        };
        self.say(&format!("{client} comes to host {host}"));
        self.give(
            host,
            Input::Opened {
                client,
                peer,
                handler: WireObj(0),
                meter,
                entry: Entry::New,
            },
        );
        self.agenda.plan(self.now, Happening::Types(client));
    }

    fn types(&mut self, client: ClientId) {
        let Some(person) = self.people.get_mut(&client).filter(|person| !person.is_gone) else {
            return;
        };
        if self.now > TYPING_ENDS {
            return;
        }
        let host = person.host;
        // Input that comes while the host stands still waits in the kernel; here it is simply typed later.
        if self.now >= self.hosts[host].stands_until
            && let Some(line) = person.types()
        {
            self.give(
                host,
                Input::Lines {
                    client,
                    lines: vec![line],
                },
            );
        }
        let pause = Duration::from_millis(20 + self.random.below(1_000) as u64);
        self.agenda.plan(self.now.plus(pause), Happening::Types(client));
    }

    fn reads(&mut self, client: ClientId) {
        let Some(person) = self.people.get_mut(&client) else {
            return;
        };
        if self.now < person.reads_again_at {
            let at = person.reads_again_at;
            return self.agenda.plan(at, Happening::Reads(client));
        }
        if person.reads() {
            let host = person.host;
            self.give(host, Input::Drained { client });
        }
    }

    fn daemon_starts(&mut self) {
        self.daemon.starts();
        self.start_daemon_timers();
        for host in 0..HOSTS {
            let link = self.hosts[host].link;
            let delay = Duration::from_millis(10 + self.random.below(100) as u64);
            self.agenda
                .plan(self.now.plus(delay), Happening::Connected { host, link });
        }
    }

    pub(super) fn say(&self, what: &str) {
        if self.is_loud {
            println!("{:>9.3} {what}", self.now.0 as f64 / 1e6);
        }
    }
}

fn process(host: usize, instance: u64) -> Process {
    let id = HostId::named(&format!("host-{host}"));
    let config = LinkConfig {
        build: "simulated".into(),
        id,
        instance,
        world: String::new(),
        host_type: HostType::Tcp,
        capacity: 1_000,
        skills: Vec::new(),
    };
    Process {
        machine: Host::new(config, PAUSE_BYTES),
        id,
        instance,
        link: 0,
        is_up: true,
        is_connected: false,
        stands_until: Moment(0),
    }
}

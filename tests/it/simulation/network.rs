//! The network between daemon and hosts, and the agenda of everything that is to happen.
//!
//! Invariant: things happen in the order of their times, those of one time in the order of their planning, so a seed
//! decides everything.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use moothall::protocol::{ClientId, Moment};

use crate::support::random::Random;

/// Something that happens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Happening {
    /// A frame reaches the daemon over a host's link of that number.
    AtDaemon { host: usize, link: u64, frame: Vec<u8> },
    /// A frame reaches a host.
    AtHost {
        host: usize,
        link: u64,
        is_event: bool,
        frame: Vec<u8>,
    },
    /// A host's sockets are connected.
    Connected { host: usize, link: u64 },
    /// A host's timer.
    HostTick { host: usize, instance: u64 },
    /// The daemon's timer: deletions are written, hosts that say hello are probed.
    DaemonTick { epoch: u32 },
    /// The daemon pings.
    Ping { epoch: u32 },
    /// The daemon's log has written everything up to this commit.
    Written { epoch: u32, stamp: u64 },
    /// A person types, and will again.
    Types(ClientId),
    /// A person's socket takes what waits.
    Reads(ClientId),
    /// Something goes wrong.
    Fault(Fault),
    /// The daemon is started again.
    DaemonStarts,
    /// A host is started again.
    HostStarts(usize),
    /// Somebody comes.
    Comes,
}

/// Something that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// The daemon is killed.
    KillDaemon,
    /// A host is killed.
    KillHost(usize),
    /// The daemon stands still for so long.
    PauseDaemon(Duration),
    /// A host stands still for so long.
    PauseHost(usize, Duration),
    /// The network is as bad as this from now on.
    Weather(Weather),
    /// A host's sockets break.
    Break(usize),
    /// Somebody stops reading for so long.
    StopReading(Duration),
    /// Somebody leaves.
    Leave,
    /// Somebody's connection goes to another host, as after a login there.
    Fence,
}

/// How bad the network is, and how busy the daemon; the first four by thousandths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Weather {
    pub events_lost: u16,
    pub requests_lost: u16,
    pub repeated: u16,
    /// Requests that the daemon has no time for.
    pub refused: u16,
    /// A frame takes up to this long, and may overtake others; in calm weather none does.
    pub delay_us: u32,
}

/// The agenda.
#[derive(Default)]
pub struct Agenda {
    waiting: BinaryHeap<Reverse<(Moment, u64, Happening)>>,
    planned: u64,
}

impl Agenda {
    pub fn plan(&mut self, at: Moment, what: Happening) {
        self.planned += 1;
        self.waiting.push(Reverse((at, self.planned, what)));
    }

    pub fn next(&mut self) -> Option<(Moment, Happening)> {
        self.waiting.pop().map(|Reverse((at, _, what))| (at, what))
    }
}

/// What the weather does with one frame: the delays after which copies of it arrive.
pub fn fate(weather: Weather, is_event: bool, random: &mut Random) -> Vec<Duration> {
    let mut happens = |thousandths: u16| random.below(1000) < usize::from(thousandths);
    let lost = if is_event {
        weather.events_lost
    } else {
        weather.requests_lost
    };
    if happens(lost) {
        return Vec::new();
    }
    let copies = 1 + usize::from(happens(weather.repeated));
    let mut delay = || {
        // In calm weather all frames take the same time, so they keep their order.
        let extra = match weather.delay_us {
            0 => 0,
            most => random.below(most as usize) as u64,
        };
        Duration::from_micros(100 + extra)
    };
    (0..copies).map(|_| delay()).collect()
}

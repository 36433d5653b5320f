//! What goes wrong in a run, by chance, and what follows from it at once.

use std::time::Duration;

use moothall::protocol::Moment;
use moothall::protocol::machine::host::Input;

use super::network::{Fault, Happening, Weather};
use super::people::Person;
use super::world::{FAULTS_END, HOSTS, World};

impl World {
    pub(super) fn plan_faults(&mut self) {
        for _ in 0..3 + self.random.below(12) {
            let at = Moment(self.random.below(FAULTS_END.0 as usize) as u64);
            let fault = self.fault();
            self.agenda.plan(at, Happening::Fault(fault));
            if let Fault::Weather(_) = fault {
                let lasts = Duration::from_millis(200 + self.random.below(8_000) as u64);
                self.agenda.plan(
                    at.plus(lasts),
                    Happening::Fault(Fault::Weather(Weather::default())),
                );
            }
        }
        self.agenda
            .plan(FAULTS_END, Happening::Fault(Fault::Weather(Weather::default())));
    }

    fn fault(&mut self) -> Fault {
        let mut below = |bound: usize| self.random.below(bound);
        let host = below(HOSTS);
        let span = Duration::from_millis(100 + below(9_000) as u64);
        match below(12) {
            0..=1 => Fault::KillDaemon,
            2 => Fault::KillHost(host),
            3 => Fault::PauseDaemon(span),
            4 => Fault::PauseHost(host, span),
            5 => Fault::Break(host),
            6 => Fault::StopReading(span),
            7 => Fault::Leave,
            8 => Fault::Weather(Weather {
                events_lost: [10, 500, 1000][below(3)],
                requests_lost: [0, 10, 200][below(3)],
                repeated: 0,
                refused: 0,
                delay_us: 0,
            }),
            9 => Fault::Weather(Weather {
                events_lost: 0,
                requests_lost: [0, 10][below(2)],
                repeated: 0,
                refused: [50, 300, 900][below(3)],
                delay_us: [0, 20_000][below(2)],
            }),
            10 => Fault::Fence,
            _ => Fault::Weather(Weather {
                events_lost: 10,
                requests_lost: 10,
                repeated: 200,
                refused: 20,
                delay_us: 20_000,
            }),
        }
    }

    pub(super) fn goes_wrong(&mut self, fault: Fault) {
        self.say(&format!("{fault:?}"));
        match fault {
            Fault::Weather(weather) => {
                self.weather = weather;
                self.daemon.refused_per_mille = usize::from(weather.refused);
            }
            Fault::KillDaemon if self.daemon.is_up => {
                self.tally.daemon_crashes += 1;
                self.daemon.is_killed();
                self.daemon_stands_until = self.now;
                for host in 0..HOSTS {
                    if std::mem::take(&mut self.hosts[host].is_connected) {
                        self.hosts[host].link += 1;
                        self.give(host, Input::Disconnected);
                    }
                }
                let down = Duration::from_millis(50 + self.random.below(3_000) as u64);
                self.agenda.plan(self.now.plus(down), Happening::DaemonStarts);
            }
            Fault::KillHost(host) if self.hosts[host].is_up => {
                self.tally.host_crashes += 1;
                self.hosts[host].is_up = false;
                self.hosts[host].link += 1;
                for person in self.people.values_mut().filter(|person| person.host == host) {
                    person.is_gone = true;
                }
                self.agenda.plan(
                    self.now.plus(Duration::from_millis(200)),
                    Happening::HostStarts(host),
                );
                self.agenda
                    .plan(self.now.plus(Duration::from_millis(300)), Happening::Comes);
            }
            Fault::PauseDaemon(span) => {
                self.tally.pauses += 1;
                self.daemon_stands_until = self.now.plus(span);
            }
            Fault::PauseHost(host, span) => {
                self.tally.pauses += 1;
                self.hosts[host].stands_until = self.now.plus(span);
            }
            Fault::Break(host) if self.hosts[host].is_connected => {
                self.hosts[host].link += 1;
                let link = self.hosts[host].link;
                self.hosts[host].is_connected = false;
                self.give(host, Input::Disconnected);
                self.agenda.plan(
                    self.now.plus(Duration::from_millis(100)),
                    Happening::Connected { host, link },
                );
            }
            Fault::StopReading(span) => {
                let again = self.now.plus(span);
                if let Some(person) = self.someone() {
                    person.reads_again_at = again;
                }
            }
            Fault::Leave => self.leaves(),
            Fault::Fence if self.daemon.is_up => self.fence(),
            Fault::Fence | Fault::KillDaemon | Fault::KillHost(_) | Fault::Break(_) => {}
        }
    }

    fn someone(&mut self) -> Option<&mut Person> {
        let at = self.random.below(self.people.len().max(1));
        self.people.values_mut().nth(at).filter(|person| !person.is_gone)
    }

    /// Somebody's connection is another host's from now on. They may notice at once, with their next line, or never.
    fn fence(&mut self) {
        let at = self.random.below(self.people.len().max(1));
        let Some((&client, person)) = self
            .people
            .iter_mut()
            .nth(at)
            .filter(|(_, person)| !person.is_gone)
        else {
            return;
        };
        if self.daemon.knows(client) {
            person.is_fenced = true;
            self.tally.fenced += 1;
            let before = self.daemon.stamp();
            self.daemon.fence(client);
            self.write_after(before);
        }
    }

    fn leaves(&mut self) {
        let at = self.random.below(self.people.len().max(1));
        let Some((&client, person)) = self.people.iter_mut().nth(at) else {
            return;
        };
        if !std::mem::replace(&mut person.is_gone, true) {
            let host = person.host;
            self.give(
                host,
                Input::Closed {
                    client,
                    may_return: false,
                },
            );
            self.agenda.plan(self.now, Happening::Comes);
        }
    }
}

//! `Cable`: a second machine, as far as the network goes: a namespace with two cables to this one, of which one can be
//! pulled out. Only root may make it; without that right there is none, and the scenario says so and is skipped.

use std::process::Command;

/// A namespace with its two cables. Dropping it takes all away.
pub struct Cable {
    name: String,
    net: u8,
}

fn ip(words: &str) -> bool {
    let output = Command::new("ip").args(words.split(' ')).output();
    output.is_ok_and(|output| output.status.success())
}

impl Cable {
    /// A machine of this name, one letter, at addresses that have `net` in them; none where that is not allowed.
    pub fn plug(name: char, net: u8) -> Option<Cable> {
        let cable = Cable {
            name: format!("mt{}{name}", std::process::id()),
            net,
        };
        let done = ip(&format!("netns add {}", cable.name)) && cable.lay('a', 77) && cable.lay('b', 78);
        if !done {
            eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: network namespaces need root and the program `ip`");
        }
        done.then_some(cable)
    }

    fn lay(&self, end: char, family: u8) -> bool {
        let Cable { name, net } = self;
        let (here, there) = (format!("{name}{end}"), format!("{name}{end}2"));
        [
            format!("link add {here} type veth peer name {there} netns {name}"),
            format!("addr add 10.{family}.{net}.1/24 dev {here}"),
            format!("link set {here} up"),
            format!("-n {name} addr add 10.{family}.{net}.2/24 dev {there}"),
            format!("-n {name} link set {there} up"),
        ]
        .iter()
        .all(|words| ip(words))
    }

    /// This machine's address on the cable that can be pulled out.
    pub fn here(&self) -> String {
        format!("10.77.{}.1", self.net)
    }

    /// The other machine's address on the cable that stays.
    pub fn there(&self) -> String {
        format!("10.78.{}.2", self.net)
    }

    /// A program of ours on the other machine.
    pub fn command(&self, program: &str) -> Command {
        let mut command = super::server::clean_command("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Pulls the cable out, or puts it in again.
    pub fn set(&self, is_in: bool) {
        let state = if is_in { "up" } else { "down" };
        assert!(ip(&format!("link set {}a {state}", self.name)));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.name));
    }
}

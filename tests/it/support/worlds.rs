//! Ways into the worlds that scenarios play in.

use super::lone::Lone;
use super::server::Server;
use super::telnet::Telnet;
use std::net::SocketAddr;

/// Anything that players come in by.
pub trait Door {
    /// Where they connect.
    fn telnet(&self) -> SocketAddr;
}

impl Door for Server {
    fn telnet(&self) -> SocketAddr {
        Server::telnet(self)
    }
}

impl Door for Lone {
    fn telnet(&self) -> SocketAddr {
        Lone::telnet(self)
    }
}

/// In the greeting of the hall, near its end.
const HALL: &str = "Type guest and press Enter";

/// In the greeting of LambdaCore.
const CORE: &str = "Welcome to the LambdaCore database.";

/// The password of every character that scenarios make.
pub const PASSWORD: &str = "sesame123";

/// What stands around lines that are shown again to somebody who comes back.
pub const REPLAY_BEGINS: &str = "*** What follows was said while your connection was broken.";
pub const REPLAY_ENDS: &str = "*** That was all that was said.";

/// The wizard of the hall, who has no password and comes from this machine.
#[track_caller]
pub fn hall_wizard(server: &impl Door) -> Telnet {
    let mut wizard = Telnet::arrive(server.telnet(), "Wizard", HALL);
    wizard.send("connect Wizard");
    wizard.expect("***");
    wizard.mark_commands();
    wizard
}

/// A new character of the hall, who takes no tour.
#[track_caller]
pub fn hall_character(server: &impl Door, name: &str) -> Telnet {
    let mut player = Telnet::arrive(server.telnet(), name, HALL);
    player.send(&format!("create {name} {PASSWORD}"));
    player.expect("*** Created ***");
    player.send("tour off");
    player.expect("The porter nods and leaves you to it.");
    player.mark_commands();
    player
}

/// A character of the hall who comes back.
#[track_caller]
pub fn hall_return(server: &impl Door, name: &str) -> Telnet {
    let mut player = Telnet::arrive(server.telnet(), name, HALL);
    player.send(&format!("connect {name} {PASSWORD}"));
    player.expect("***");
    player.mark_commands();
    player
}

/// A guest of the hall, who takes no tour.
#[track_caller]
pub fn hall_guest(server: &impl Door) -> Telnet {
    let mut guest = Telnet::arrive(server.telnet(), "guest", HALL);
    guest.send("guest");
    guest.expect("***");
    guest.send("tour off");
    guest.expect("The porter nods");
    guest.mark_commands();
    guest
}

/// The wizard of LambdaCore, who has no password either.
#[track_caller]
pub fn core_wizard(server: &impl Door) -> Telnet {
    let mut wizard = Telnet::arrive(server.telnet(), "wizard", CORE);
    wizard.send("connect wizard");
    wizard.expect("*** Connected ***");
    wizard.mark_commands();
    wizard
}

/// A new player of LambdaCore.
#[track_caller]
pub fn core_player(server: &impl Door, name: &str) -> Telnet {
    let mut player = Telnet::arrive(server.telnet(), name, CORE);
    player.send(&format!("create {name} {PASSWORD}"));
    player.expect("*** Created ***");
    player.mark_commands();
    player
}

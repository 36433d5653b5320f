//! Which addresses a worker may connect to: public ones, and those that the operator allows besides.
//!
//! Invariant: an address is judged by what it leads to; one that carries another inside (IPv4 in IPv6) is judged by that.

use rustix::io::Errno;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// A network: an address, and how many of its first bits count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Net {
    base: u128,
    len: u32,
}

/// Networks of IPv4 that are not public, as the registry of special-purpose addresses has them.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The one part of IPv6 that is public, and the networks in it that are not.
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const SPECIAL_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
/// Addresses of translators, which carry one of IPv4 in their last bits.
const TRANSLATED: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// Addresses of 6to4, which carry one of IPv4 after their first 16 bits.
const SIX_TO_FOUR: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);

impl Net {
    fn v4((base, len): (Ipv4Addr, u32)) -> Net {
        Net {
            base: bits(IpAddr::V4(base)),
            len: len + 96,
        }
    }

    fn v6((base, len): (Ipv6Addr, u32)) -> Net {
        let base = base.to_bits();
        Net { base, len }
    }

    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address.
    fn read(text: &str) -> Option<Net> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (most, before) = match address {
            IpAddr::V4(_) => (32, 96),
            IpAddr::V6(_) => (128, 0),
        };
        let len = len.unwrap_or(most);
        (len <= most).then(|| Net {
            base: bits(address),
            len: len + before,
        })
    }

    fn holds(self, address: IpAddr) -> bool {
        let differing = (self.base ^ bits(address)).leading_zeros();
        differing >= self.len
    }
}

/// An address as one of IPv6.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address of IPv4 that one of IPv6 leads to, if it does.
fn inner(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = v6.to_bits();
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return Some(mapped);
    }
    if Net::v6(TRANSLATED).holds(IpAddr::V6(v6)) {
        return Some(Ipv4Addr::from_bits(bits as u32));
    }
    let is_six_to_four = Net::v6(SIX_TO_FOUR).holds(IpAddr::V6(v6));
    is_six_to_four.then(|| Ipv4Addr::from_bits((bits >> 80) as u32))
}

/// Whether everybody may reach the address.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !SPECIAL_V4.iter().any(|net| Net::v4(*net).holds(address)),
        IpAddr::V6(v6) => match inner(v6) {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                Net::v6(PUBLIC_V6).holds(address)
                    && !SPECIAL_V6.iter().any(|net| Net::v6(*net).holds(address))
            }
        },
    }
}

/// Whether it is an address of this machine. What is sent to one's own address comes from that address, and the kernel says
/// without anything being sent where it would come from. Where there is no socket to ask it with, every address is taken for
/// one of this machine, so that none is reached that must not be; where nothing can be sent, none is.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    is_sent_from_itself(address, UdpSocket::bind((any, 0)))
}

fn is_sent_from_itself(address: IpAddr, socket: io::Result<UdpSocket>) -> bool {
    let socket = match socket {
        Ok(socket) => socket,
        // A machine that does not know this kind of address has none of it.
        Err(error) => return error.raw_os_error() != Some(Errno::AFNOSUPPORT.raw_os_error()),
    };
    // No port is ever used; this one is nobody's.
    let is_led_there = socket.connect((address, 9)).is_ok();
    is_led_there && socket.local_addr().map_or(true, |from| from.ip() == address)
}

/// What a worker may connect to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    is_unbounded: bool,
    allowed: Vec<Net>,
}

impl Reach {
    /// Public addresses, and the networks of the setting; `Err` is the part of it that is no network.
    pub fn read(setting: &str) -> Result<Reach, String> {
        let mut reach = Reach::default();
        for word in setting.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match Net::read(word) {
                Some(net) => reach.allowed.push(net),
                None if word == "all" => reach.is_unbounded = true,
                None => return Err(word.to_owned()),
            }
        }
        Ok(reach)
    }

    /// Whether a worker may connect there. This machine's own addresses are as private as the loopback, also those that are
    /// public.
    pub fn holds(&self, address: IpAddr) -> bool {
        let leads_to = match address {
            IpAddr::V6(v6) => inner(v6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        let is_everybodys = || is_public(address) && !is_own(leads_to);
        self.is_unbounded || is_everybodys() || self.allowed.iter().any(|net| net.holds(leads_to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(setting: &str, cases: &[(&str, bool)]) {
        let reach = Reach::read(setting).expect("the setting is well-formed");
        for (address, expected) in cases {
            assert_eq!(
                reach.holds(address.parse().expect(address)),
                *expected,
                "{address}"
            );
        }
    }

    #[test]
    fn only_public_addresses_are_reached_by_themselves() {
        let public = [
            "1.1.1.1",
            "100.63.255.255",
            "172.32.0.1",
            "223.255.255.255",
            "2606:4700::1111",
        ];
        let others = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
        ];
        check("", &public.map(|address| (address, true)));
        check("", &others.map(|address| (address, false)));
    }

    #[test]
    fn an_address_within_another_is_what_counts() {
        check(
            "",
            &[
                ("::ffff:127.0.0.1", false),
                ("::ffff:1.1.1.1", true),
                ("64:ff9b::a00:1", false),
                ("64:ff9b::101:101", true),
                ("2002:7f00:1::", false),
                ("2002:101:101::", true),
                ("::127.0.0.1", false),
            ],
        );
        check(
            "127.0.0.0/8",
            &[("::ffff:127.0.0.1", true), ("2002:7f00:1::", true)],
        );
    }

    #[test]
    fn an_address_of_this_machine_is_known_as_its_own() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_own(Ipv4Addr::new(192, 0, 2, 1).into()));
        // Whatever the machine would send from is its own as well; one without a network has nothing more to show.
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there is a port");
        if socket.connect("192.0.2.1:9").is_ok() {
            let from = socket.local_addr().expect("it is bound");
            assert!(is_own(from.ip()), "{from}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_asked_about_is_taken_for_ones_own() {
        let public = Ipv4Addr::new(1, 1, 1, 1).into();
        let none_left = io::Error::from(Errno::MFILE);
        assert!(is_sent_from_itself(public, Err(none_left)));
        let unknown_kind = io::Error::from(Errno::AFNOSUPPORT);
        assert!(!is_sent_from_itself(public, Err(unknown_kind)));
    }

    #[test]
    fn an_operator_allows_networks() {
        check(
            "127.0.0.1, 10.1.0.0/16,fd00::/8",
            &[
                ("127.0.0.1", true),
                ("127.0.0.2", false),
                ("10.1.255.255", true),
                ("10.2.0.0", false),
                ("fd99::1", true),
                ("fe80::1", false),
                ("1.1.1.1", true),
            ],
        );
        check("all", &[("127.0.0.1", true), ("::1", true)]);
        for junk in ["10.0.0.0/33", "somewhere", "10.0.0/8", "::/129"] {
            assert_eq!(Reach::read(junk), Err(junk.to_owned()));
        }
    }
}

//! `BadCable`: a stretch of tcp between a host and its daemon on which a bit can be turned over. What flows is encrypted, so
//! it knows nothing of what it carries.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Which way something flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    Daemon,
    Host,
}

#[derive(Default)]
struct Counts {
    /// How many pieces are still to be damaged, by direction.
    orders: [AtomicU32; 2],
    connections: AtomicU32,
}

/// The cable. Its threads end with the connections, or with the test.
pub struct BadCable {
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

impl BadCable {
    /// A cable to this address, as long as the test lasts.
    pub fn to(daemon: SocketAddr) -> BadCable {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let counts: Arc<Counts> = Arc::default();
        let shared = Arc::clone(&counts);
        thread::spawn(move || {
            for host in listener.incoming().map_while(Result::ok) {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                // A daemon that is not there hangs up, as it does without a cable.
                let Ok(daemon) = TcpStream::connect(daemon) else {
                    continue;
                };
                let ends = || (host.try_clone().unwrap(), daemon.try_clone().unwrap());
                let ((from, to), counts) = (ends(), Arc::clone(&shared));
                thread::spawn(move || carry(from, to, &counts, Toward::Daemon));
                let ((to, from), counts) = (ends(), Arc::clone(&shared));
                thread::spawn(move || carry(from, to, &counts, Toward::Host));
            }
        });
        BadCable { address, counts }
    }

    /// Turns one bit over in the next piece that flows this way.
    pub fn damage(&self, toward: Toward) {
        self.counts.orders[toward as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether everything was damaged that was to be.
    pub fn is_done(&self, toward: Toward) -> bool {
        self.counts.orders[toward as usize].load(Ordering::Relaxed) == 0
    }

    /// How many connections there have been.
    pub fn connections(&self) -> u32 {
        self.counts.connections.load(Ordering::Relaxed)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, counts: &Counts, toward: Toward) {
    let mut piece = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        let orders = &counts.orders[toward as usize];
        let ordered = orders.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if ordered.is_ok() {
            // The last byte is part of a sealed box, whatever stands before it.
            piece[len - 1] ^= 0x10;
        }
        if to.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        end.shutdown(Shutdown::Both).ok();
    }
}

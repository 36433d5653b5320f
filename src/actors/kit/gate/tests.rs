//! The bound of a gate under clones, a slow receiver and a receiver that dies.

use super::*;
use actix::{Context, System};
use std::sync::mpsc;

struct Receiver {
    seen: mpsc::Sender<u32>,
}

impl Actor for Receiver {
    type Context = Context<Self>;
}

impl Handler<Offered<u32>> for Receiver {
    type Result = ();

    fn handle(&mut self, offered: Offered<u32>, _: &mut Context<Self>) {
        let number = offered.accept();
        self.seen.send(number).expect("the test listens");
        assert_ne!(number, 13, "a message that panics");
    }
}

fn gate(bound: usize) -> (Gate<Receiver>, mpsc::Receiver<u32>) {
    let (seen, heard) = mpsc::channel();
    let slot = Slot::default();
    slot.fill(Receiver { seen }.start());
    (Gate::new(slot, bound), heard)
}

#[test]
fn a_full_gate_says_busy_to_all_its_clones_and_opens_again() {
    System::new().block_on(async {
        let (gate, heard) = gate(16);
        let results: Vec<bool> = (100..1100)
            .map(|number| gate.clone().offer(number).is_ok())
            .collect();
        assert_eq!(results.iter().filter(|taken| **taken).count(), 16);
        assert_eq!((gate.waiting(), gate.bound()), (16, 16));
        while gate.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            heard.try_iter().collect::<Vec<_>>(),
            (100..116).collect::<Vec<_>>()
        );
        assert_eq!(gate.offer(99), Ok(()));
    });
}

#[test]
fn a_thread_that_may_wait_gets_through_once_there_is_room() {
    System::new().block_on(async {
        let (gate, heard) = gate(1);
        gate.offer(1).unwrap();
        assert_eq!(gate.offer_for(2, Duration::ZERO), Err(Busy));
        let patient = gate.clone();
        let waiting = thread::spawn(move || patient.offer_for(3, Duration::from_secs(60)));
        while !waiting.is_finished() || gate.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [1, 3]);
    });
}

#[test]
fn an_empty_slot_is_busy_and_costs_no_place() {
    let gate: Gate<Receiver> = Gate::new(Slot::default(), 1);
    assert_eq!(gate.offer(1), Err(Busy));
    assert_eq!(gate.waiting(), 0);
}

#[test]
fn places_come_back_when_the_receiver_dies_with_its_mailbox() {
    System::new().block_on(async {
        let (gate, _heard) = gate(4);
        for number in [13, 1, 2, 3] {
            gate.offer(number).unwrap();
        }
        while gate.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.offer(5), Err(Busy), "the dead receiver is not sent to");
    });
}

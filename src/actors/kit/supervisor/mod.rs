//! `Supervisor`: starts actors from specifications, hears of every end, and starts again what should live.
//!
//! Parent: the program. Mailbox: only ends, orders and guards of its own children, each at most once per start.
//! One for one: an end touches no other child. A child that ends too often makes the whole process give up, so that
//! the level above takes over. What a restart loses is said in the file of each actor.

use super::chance;
use super::restart::{Intensity, Restarts, Verdict};
use super::slot::Slot;
use crate::limits::{ACTOR_RESTART_WINDOW, ACTOR_RESTARTS_MAX};
use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message, MessageResult};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use tokio::time::Instant;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// It stopped by itself or on request.
    Stopped,
    /// A handler, or the factory itself, panicked.
    Panicked,
}

/// Which ends are answered by a new start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Every end.
    Permanent,
    /// A panic only.
    Transient,
    /// None.
    Temporary,
}

impl Restart {
    fn answers(self, reason: ExitReason) -> bool {
        match self {
            Restart::Permanent => true,
            Restart::Transient => reason == ExitReason::Panicked,
            Restart::Temporary => false,
        }
    }
}

/// What a child is, as data. Its factory is given beside it.
#[derive(Clone, Copy, Debug)]
pub struct ChildSpec {
    /// What the log and `moothallctl status` call it.
    pub name: &'static str,
    /// Which ends are answered.
    pub restart: Restart,
    /// How often.
    pub intensity: Intensity,
}

impl ChildSpec {
    /// A permanent child with the intensity of all actors: restarts at once, a bounded number in a window.
    pub const fn permanent(name: &'static str) -> Self {
        let intensity = Intensity {
            restarts_max: ACTOR_RESTARTS_MAX,
            window: ACTOR_RESTART_WINDOW,
            pause_first: Duration::ZERO,
            pause_max: Duration::ZERO,
        };
        ChildSpec {
            name,
            restart: Restart::Permanent,
            intensity,
        }
    }
}

/// What each supervised actor keeps as a field: dropping it tells the supervisor that, and how, the actor ended.
pub struct ExitGuard {
    supervisor: Supervisor,
    child: u64,
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let reason = if thread::panicking() {
            ExitReason::Panicked
        } else {
            ExitReason::Stopped
        };
        self.supervisor.tell(Ended {
            child: self.child,
            reason,
        });
    }
}

/// One child as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildState {
    /// The name in its specification.
    pub name: &'static str,
    /// Whether it runs, as far as the supervisor knows.
    pub running: bool,
    /// How often it was started again.
    pub restarts: u64,
    /// How it ended last, if it ever did.
    pub last_exit: Option<ExitReason>,
}

/// Starts one more life of a child.
type Starter = Arc<dyn Fn(ExitGuard) + Send + Sync>;

#[derive(Message)]
#[rtype(result = "()")]
struct Ended {
    child: u64,
    reason: ExitReason,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Adopt {
    child: u64,
    spec: ChildSpec,
    start: Starter,
}

#[derive(Message)]
#[rtype(result = "()")]
struct LetEnd;

#[derive(Message)]
#[rtype(result = "Vec<ChildState>")]
struct Observe;

/// The way to a supervisor. Clones are the same one.
#[derive(Clone)]
pub struct Supervisor {
    address: Addr<SupervisorActor>,
}

impl Supervisor {
    /// Starts a supervisor on the current arbiter. `give_up` is called when a child has ended too often: it should
    /// end the process.
    pub fn start(give_up: impl Fn(&ChildState) + 'static) -> Supervisor {
        let born = Instant::now();
        let actor = SupervisorActor {
            children: BTreeMap::new(),
            ending: false,
            born,
            give_up: Box::new(give_up),
        };
        Supervisor {
            address: actor.start(),
        }
    }

    /// Starts a child on `arbiter`, now and after each end that its specification answers. The slot is filled when
    /// this returns, and filled anew with each start. A message sent to a life that panics is lost with it. A child whose
    /// slot nobody has any more ends when it has nothing left to do by itself.
    pub fn supervise<A>(
        &self,
        spec: ChildSpec,
        arbiter: ArbiterHandle,
        factory: impl Fn(ExitGuard) -> A + Send + Sync + 'static,
    ) -> Slot<A>
    where
        A: Actor<Context = Context<A>>,
    {
        static NEXT_CHILD: AtomicU64 = AtomicU64::new(0);
        let child = NEXT_CHILD.fetch_add(1, Ordering::Relaxed);
        let slot = Slot::default();
        let (place, factory) = (slot.downgrade(), Arc::new(factory));
        let start: Starter = Arc::new(move |guard| {
            let factory = Arc::clone(&factory);
            let address = A::start_in_arbiter(&arbiter, move |_| factory(guard));
            if let Some(slot) = place.upgrade() {
                slot.fill(address);
            }
        });
        // Told first, so that the supervisor knows a child before it can hear of its end.
        self.tell(Adopt {
            child,
            spec,
            start: Arc::clone(&start),
        });
        start(ExitGuard {
            supervisor: self.clone(),
            child,
        });
        slot
    }

    /// From now on every end is final: the program stops.
    pub fn let_end(&self) {
        self.tell(LetEnd);
    }

    /// The state of every child, in the order of their first starts; empty when the supervisor itself is gone.
    pub async fn observe(&self) -> Vec<ChildState> {
        self.address.send(Observe).await.unwrap_or_default()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "at most two messages for each start of a child, and one at the end"
    )]
    fn tell<M>(&self, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        SupervisorActor: Handler<M>,
    {
        self.address.do_send(message);
    }
}

struct Child {
    spec: ChildSpec,
    /// None for one that has ended for good: its row makes room for the next child of its name.
    start: Option<Starter>,
    restarts: Restarts,
    state: ChildState,
}

/// The parent of actors.
struct SupervisorActor {
    children: BTreeMap<u64, Child>,
    ending: bool,
    born: Instant,
    give_up: Box<dyn Fn(&ChildState)>,
}

impl SupervisorActor {
    fn start_again(&mut self, child: u64, context: &mut Context<Self>) {
        if let Some(entry) = self.children.get_mut(&child).filter(|_| !self.ending)
            && let Some(start) = entry.start.clone()
        {
            entry.state.running = true;
            entry.state.restarts += 1;
            let supervisor = Supervisor {
                address: context.address(),
            };
            start(ExitGuard { supervisor, child });
        }
    }
}

impl Actor for SupervisorActor {
    type Context = Context<Self>;
}

impl Handler<Adopt> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, Adopt { child, spec, start }: Adopt, _: &mut Context<Self>) {
        let state = ChildState {
            name: spec.name,
            running: true,
            restarts: 0,
            last_exit: None,
        };
        self.children
            .retain(|_, other| other.start.is_some() || other.spec.name != spec.name);
        let restarts = Restarts::new(spec.intensity);
        let entry = Child {
            spec,
            start: Some(start),
            restarts,
            state,
        };
        self.children.insert(child, entry);
    }
}

impl Handler<Ended> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, Ended { child, reason }: Ended, context: &mut Context<Self>) {
        let now = self.born.elapsed();
        let Some(entry) = self.children.get_mut(&child) else {
            return;
        };
        let (name, restart) = (entry.spec.name, entry.spec.restart);
        entry.state.running = false;
        entry.state.last_exit = Some(reason);
        if self.ending || !restart.answers(reason) {
            tracing::debug!(actor = name, ?reason, "an actor ended");
            entry.start = None;
            return;
        }
        match entry.restarts.on_end(now, chance()) {
            Verdict::GiveUp => {
                tracing::error!(actor = name, "an actor ended too often and is given up");
                entry.start = None;
                (self.give_up)(&entry.state);
            }
            Verdict::Restart(pause) => {
                tracing::warn!(actor = name, ?reason, "an actor ended and is started again");
                context.run_later(pause, move |supervisor, context| {
                    supervisor.start_again(child, context)
                });
            }
        }
    }
}

impl Handler<LetEnd> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, _: LetEnd, _: &mut Context<Self>) {
        self.ending = true;
    }
}

impl Handler<Observe> for SupervisorActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.children.values().map(|child| child.state.clone()).collect())
    }
}

#[cfg(test)]
mod tests;

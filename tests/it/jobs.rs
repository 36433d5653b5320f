//! Jobs of real programs: what a verb enqueues is done, by the world or by the host that holds the player, once.
//!
//! `MOOTHALL_JOB_KILLS` sets how many kills the long run makes (4 if nothing is said), `MOOTHALL_JOBS` how many jobs it
//! enqueues meanwhile (2,000), `MOOTHALL_KILL_SEED` which program is killed when.

use crate::support::checker::entries;
use crate::support::ledger;
use crate::support::peer::{Peer, Unasked};
use crate::support::random::Random;
use crate::support::redis::Redis;
use crate::support::server::{Options, Server};
use crate::support::tab::Tab;
use crate::support::telnet::Telnet;
use crate::support::web::Web;
use crate::support::worlds::{PASSWORD, hall_character, hall_return, hall_wizard};
use crate::support::{number_from, wait_for};
use moo_model::Value;
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::host::{DaemonDirect, DaemonToHostReply, HostToDaemonMessage};
use moothall::protocol::job::{Confirm, JobOut, JobSpec, JobTarget};
use moothall::protocol::{ClientId, HostId, JobId, WireObj, WireValue};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const MANY: &str = "1000000";
/// Jobs that one command enqueues.
const BATCH: u64 = 100;

/// Has jobs of the kind `count` add a row to the ledger: a mark and the number that is their data.
#[track_caller]
pub fn count_jobs(wizard: &mut Telnet) {
    ledger::make(wizard);
    wizard.eval("add_verb($ledger, {player, \"rxd\", \"count_job\"}, {\"this\", \"none\", \"this\"})");
    let code = "{\"{number, owner, id} = args;\", \"$ledger.rows = {@$ledger.rows, {0, number}};\"}";
    assert_eq!(
        wizard.eval(&format!("set_verb_code($ledger, \"count_job\", {code})")),
        "{}"
    );
    assert_eq!(
        wizard.eval("$jobs:handle(\"count\", $ledger, \"count_job\")"),
        "0"
    );
}

#[track_caller]
pub fn counted(wizard: &mut Telnet) -> Vec<u64> {
    let rows = entries(&wizard.eval("$ledger.rows"));
    rows.into_iter().map(|(_, number)| number).collect()
}

#[test]
fn a_job_for_the_world_is_done_by_its_verb() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    count_jobs(&mut wizard);
    let id = wizard.eval("enqueue_job(\"count\", 7)");
    assert_eq!(id.len(), 34, "{id} is an id in quotes");
    wait_for("the job to be done", || {
        (counted(&mut wizard) == [7]).then_some(())
    });
    assert_eq!(wizard.eval("queued_jobs()"), "{}");
    // Nobody hears of a job whose task did not commit.
    wizard.command(";enqueue_job(\"count\", 8) || 1; raise(E_NONE)");
    wizard.eval("enqueue_job(\"count\", 9, [\"delay\" -> 0.2])");
    wait_for("the later job", || {
        counted(&mut wizard).contains(&9).then_some(())
    });
}

#[test]
fn a_job_that_the_world_cannot_do_is_dead_and_says_why() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let id = wizard.eval("enqueue_job(\"unheard_of\", 0)");
    let state = format!("job_info({id})[\"state\"]");
    wait_for("the job to be given up", || {
        (wizard.eval(&state) == "\"dead\"").then_some(())
    });
    let why = wizard.eval(&format!("job_info({id})[\"error\"]"));
    assert!(why.contains("no verb of this world"), "{why}");
    assert_eq!(wizard.eval("queued_jobs()"), "{}");
}

#[test]
fn a_job_for_a_player_is_shown_by_the_host_that_has_them() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut ann = hall_character(&server, "Ann");
    let number = wizard.eval("$people:find(\"Ann\")");
    wizard.eval(&format!(
        "enqueue_job(\"notify\", \"a parcel\", [\"to\" -> {number}])"
    ));
    ann.expect("a parcel");
    drop(ann);
    wait_for("Ann to be gone", || {
        (wizard.eval(&format!("{number} in connected_players()")) == "0").then_some(())
    });
    wizard.eval(&format!(
        "enqueue_job(\"notify\", {{\"while\", \"away\"}}, [\"to\" -> {number}])"
    ));
    let queued = wizard.eval("queued_jobs()");
    assert!(queued.contains("\"ready\""), "{queued}");
    let mut ann = hall_return(&server, "Ann");
    ann.expect("while");
    ann.expect("away");
    wait_for("the job to be gone", || {
        (wizard.eval("queued_jobs()") == "{}").then_some(())
    });
}

/// Has jobs of the kind `tally` add their number to a list of their batch, which is a property of its own.
#[track_caller]
fn tally_jobs(wizard: &mut Telnet) {
    ledger::make(wizard);
    wizard.eval("add_verb($ledger, {player, \"rxd\", \"tally_job\"}, {\"this\", \"none\", \"this\"})");
    let code = "{\"{pair, owner, id} = args;\", \"{batch, number} = pair;\", \"$ledger.(batch) = {@$ledger.(batch), number};\"}";
    assert_eq!(
        wizard.eval(&format!("set_verb_code($ledger, \"tally_job\", {code})")),
        "{}"
    );
    assert_eq!(
        wizard.eval("$jobs:handle(\"tally\", $ledger, \"tally_job\")"),
        "0"
    );
}

/// Batches that are under way at once: so many jobs may wait here while Redis is away.
const BATCHES: u64 = 50;
/// A kill comes after fewer answers than this, while the jobs of its batch are being enqueued and done.
const ANSWERS_MAX: usize = 12;

/// A long run: jobs are enqueued while programs are killed, Redis among them if there is one, and each has its effect once.
struct LongRun<'a> {
    server: &'a mut Server,
    redis: Option<&'a mut Redis>,
    wizard: Telnet,
    random: Random,
    /// How often each program was killed.
    killed: BTreeMap<&'static str, u64>,
}

impl LongRun<'_> {
    /// Sends the batch of this number. Its keys make it one batch, however often it is sent.
    fn send(&mut self, batch: u64) {
        let (first, last) = (batch * BATCH + 1, (batch + 1) * BATCH);
        self.wizard.send(&format!(
            ";add_property($ledger, \"batch{batch}\", {{}}, {{player, \"r\"}})"
        ));
        self.wizard.send(&format!(
            ";;for n in [{first}..{last}] enqueue_job(\"tally\", {{\"batch{batch}\", n}}, [\"dedupe\" -> tostr(n)]); endfor return \"batch done\";"
        ));
    }

    /// Kills one of the programs a random while after the batch was sent, and sends it again to whoever is there then.
    fn kill(&mut self, batch: u64) {
        for _ in 0..self.random.below(ANSWERS_MAX) {
            self.wizard.eval("length($ledger.rows)");
        }
        let programs = [
            "moothall-daemon",
            "moothall-telnet",
            "moothall-worker",
            "redis-server",
        ];
        let known = programs.len() - usize::from(self.redis.is_none());
        let program = programs[self.random.below(known)];
        match (program, &mut self.redis) {
            ("redis-server", Some(redis)) => {
                redis.kill9();
                redis.start_again(true);
            }
            _ => self.server.kill9(program),
        }
        *self.killed.entry(program).or_default() += 1;
        self.wizard = hall_wizard(self.server);
        self.send(batch);
    }

    /// The numbers that a batch has left in the world, once it is done.
    fn tallied(&mut self, batch: u64) -> Vec<u64> {
        let look = format!("$ledger.batch{batch}");
        wait_for("a batch to be done", || {
            let list = self.wizard.eval(&look);
            let words = list.trim_matches(['{', '}']).split(", ").map(str::to_owned);
            let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
            (numbers.len() as u64 >= BATCH).then_some(numbers)
        })
    }
}

/// The long run, as long as the environment says.
fn survive_kills(server: &mut Server, redis: Option<&mut Redis>) {
    let kills = number_from("MOOTHALL_JOB_KILLS", 4);
    let batches = number_from("MOOTHALL_JOBS", 2_000) / BATCH;
    let started = Instant::now();
    let mut wizard = hall_wizard(server);
    tally_jobs(&mut wizard);
    let mut run = LongRun {
        server,
        redis,
        wizard,
        random: Random::new(number_from("MOOTHALL_KILL_SEED", 2_026)),
        killed: BTreeMap::new(),
    };
    for batch in 0..batches {
        if let Some(earlier) = batch.checked_sub(BATCHES) {
            run.tallied(earlier);
        }
        run.send(batch);
        // So many kills are due by now, spread over the whole run.
        for _ in batch * kills / batches..(batch + 1) * kills / batches {
            run.kill(batch);
        }
        run.wizard.expect("batch done");
    }
    let tallied: Vec<u64> = (0..batches).flat_map(|batch| run.tallied(batch)).collect();
    wait_for("nothing to be left", || {
        (run.wizard.eval("queued_jobs()") == "{}").then_some(())
    });
    let once: BTreeSet<u64> = tallied.iter().copied().collect();
    assert_eq!(tallied.len(), once.len(), "jobs took effect twice");
    assert_eq!(once.len() as u64, batches * BATCH, "jobs were lost");
    eprintln!(
        "killed {:?}; {} jobs, none lost and none twice, in {:?}",
        run.killed,
        once.len(),
        started.elapsed()
    );
}

#[test]
fn jobs_survive_kills_and_take_effect_once() {
    let mut server = Server::start(enduring());
    survive_kills(&mut server, None);
}

#[test]
fn jobs_on_redis_survive_kills_and_take_effect_once() {
    let Some(mut redis) = Redis::start() else { return };
    let mut server = Server::start(on(&redis, "here", enduring()));
    survive_kills(&mut server, Some(&mut redis));
}

/// A world of this name whose jobs are on that Redis.
pub fn world_on(redis: &Redis, world: &str) -> Server {
    Server::start(on(redis, world, Options::default()))
}

/// A server whose programs, a worker among them, are started again as often as they die. Its leases are as long as ever, so
/// that nothing which is lost on its way is made good by the end of one.
fn enduring() -> Options {
    Options::default()
        .with("MOOTHALL_PROCESSES_RESTARTS_MAX", MANY)
        .with("MOOTHALL_WORKERS_COUNT", 1)
}

/// The same with other options.
pub fn on(redis: &Redis, world: &str, options: Options) -> Options {
    options
        .with("MOOTHALL_JOBS_STORE", redis.url())
        .with("MOOTHALL_JOBS_WORLD", world)
        .with("MOOTHALL_PROCESSES_RESTARTS_MAX", MANY)
}

/// A host that is only a test, which takes so many jobs of this kind from now on.
#[track_caller]
pub fn taker(server: &Server, id: u8, kind: &str, credits: u16) -> Peer {
    let mut peer = Peer::registered(server.data(), HostId([id; 16]), "telnet");
    let queues = vec![format!("any:{kind}")];
    let answer = peer.tell(&HostToDaemonMessage::JobTake { queues, credits });
    assert_eq!(answer, DaemonToHostReply::Ack);
    peer
}

/// The job that it is given next: which, under which lease, at which try, and its data.
#[track_caller]
pub fn assigned(peer: &mut Peer) -> (JobId, u64, u8, Value) {
    wait_for("a job to be given to the host", || assigned_now(peer))
}

/// The same, if it was given one already.
pub fn assigned_now(peer: &mut Peer) -> Option<(JobId, u64, u8, Value)> {
    let given = peer.look().into_iter().find_map(|unasked| match unasked {
        Unasked::Direct(direct) => match *direct {
            DaemonDirect::JobAssign {
                job,
                lease,
                attempt,
                spec,
                ..
            } => Some((job, lease, attempt, spec.data)),
            _ => None,
        },
        Unasked::Event(_) => None,
    });
    given.map(|(job, lease, attempt, data)| (job, lease, attempt, data.open().unwrap()))
}

/// A job of a host's own, for whoever this is.
pub fn job_for(target: JobTarget, kind: &str, data: &Value) -> JobSpec {
    JobSpec {
        kind: kind.to_owned(),
        target,
        data: WireValue::new(data),
        order_key: None,
        dedupe: None,
        not_before: None,
        ttl_ms: 0,
        tries_max: 0,
        from: None,
        confirm: Confirm::Queued,
    }
}

/// In the name of a player a host puts what that player's programs may, and only while the player is there.
#[test]
fn a_host_puts_jobs_for_the_players_whose_connections_it_holds() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut agent = taker(&server, 7, "nothing", 0);
    let me = WireObj(wizard.eval("player")[1..].parse().unwrap());
    let put = |from, target, confirm| {
        let job = job_for(target, "carry", &Value::int(1));
        HostToDaemonMessage::JobPut {
            job: JobSpec { from, confirm, ..job },
        }
    };
    // The wizard is at another host.
    let refused = agent.refusal(&put(Some(me), JobTarget::World, Confirm::Queued));
    assert_eq!(refused, RpcMessageError::PermissionDenied);
    let refused = agent.refusal(&put(None, JobTarget::Any, Confirm::Replicated));
    assert!(
        matches!(refused, RpcMessageError::InvalidRequest(_)),
        "{refused:?}"
    );
    let tab = &mut Tab::open(&mut agent, ClientId([9; 16]));
    tab.log_in(&mut agent, &format!("create Fay {PASSWORD}"), true);
    let fay = tab.player;
    let stored = agent.tell(&put(Some(fay), JobTarget::User(fay), Confirm::Queued));
    assert!(
        matches!(stored, DaemonToHostReply::JobStored { .. }),
        "{stored:?}"
    );
    for target in [JobTarget::Any, JobTarget::User(me), JobTarget::Peers] {
        let refused = agent.refusal(&put(Some(fay), target, Confirm::Queued));
        assert_eq!(refused, RpcMessageError::PermissionDenied);
    }
}

/// The picture of the agent network: clients 1 and 2 at the two hosts of one daemon, clients 3 to 5 at the host of another,
/// and jobs of each in one Redis, taken by whoever holds the client or does that kind.
#[test]
fn two_daemons_with_three_hosts_exchange_messages_and_jobs() {
    let Some(redis) = Redis::start() else { return };
    let one = Server::start(on(&redis, "one", Options::web()));
    let two = world_on(&redis, "two");
    let (mut wizard1, mut wizard2) = (hall_wizard(&one), hall_wizard(&two));
    let (mut ann, mut ben) = (hall_character(&one, "Ann"), Web::character(one.web(), "Ben"));
    let (mut cat, mut dan) = (hall_character(&two, "Cat"), hall_character(&two, "Dan"));
    let mut eve = hall_character(&two, "Eve");

    wizard1.eval("$jobs:direct(player, \"Cat\", \"Hello world\")");
    cat.expect("Wizard tells you, \"Hello world\"");
    wizard2.eval("$jobs:direct(player, \"ann\", \"Hello back\")");
    ann.expect("Wizard tells you, \"Hello back\"");
    wizard2.eval("$jobs:direct(player, \"Ben\", \"Hello browser\")");
    ben.expect("Wizard tells you, \"Hello browser\"");

    eve.send("@leave chat");
    eve.expect("chat");
    wizard1.eval("$jobs:to_room(player, \"chat\", \"Hello room\")");
    ann.expect("[chat] Wizard: Hello room");
    dan.expect("[chat] Wizard: Hello room");
    let says = |kind: &'static str, text: &'static str| {
        move |message: &serde_json::Value| {
            (message["type"] == kind && message["message"] == text).then_some(())
        }
    };
    ben.wait("what the room hears", says("ChatRoomMessage", "Hello room"));
    eve.expect_none("Hello room");

    wizard2.eval("$jobs:to_all(player, \"Hello all\")");
    for client in [&mut ann, &mut cat, &mut dan, &mut eve] {
        client.expect("Wizard tells everybody, \"Hello all\"");
    }
    ben.wait("what all hear", says("GlobalMessage", "Hello all"));

    exchange_between_agents(&one, &two, (&mut wizard1, &mut ben));
    count_jobs(&mut wizard1);
    count_jobs(&mut wizard2);
    wizard1.eval("enqueue_job(\"count\", 1)");
    wizard1.eval("enqueue_job(\"count\", 2, [\"to\" -> {\"world\", \"two\"}])");
    wizard2.eval("enqueue_job(\"count\", 3, [\"to\" -> \"worlds\"])");
    let in_order = |wizard: &mut Telnet| {
        let mut rows = counted(wizard);
        rows.sort_unstable();
        rows
    };
    wait_for("the jobs of world one", || {
        (in_order(&mut wizard1) == [1, 3]).then_some(())
    });
    wait_for("the jobs of world two", || {
        (in_order(&mut wizard2) == [2, 3]).then_some(())
    });
}

/// A job of one world is done by an agent of the other, and that agent has one done by whoever holds a client of the first.
#[track_caller]
fn exchange_between_agents(one: &Server, two: &Server, (wizard, ben): (&mut Telnet, &mut Web)) {
    let mut agent = taker(two, 7, "carry", 4);
    wizard.eval("enqueue_job(\"carry\", 42, [\"to\" -> \"any\"])");
    let (job, lease, _, data) = assigned(&mut agent);
    assert_eq!(data, Value::int(42));
    let out = JobOut::Done(None);
    let done = HostToDaemonMessage::JobAck { job, lease, out };
    assert_eq!(agent.tell(&done), DaemonToHostReply::Ack);
    let parcel = job_for(
        JobTarget::Named("Ben".into()),
        "notify",
        &Value::str("a parcel for you"),
    );
    let stored = agent.tell(&HostToDaemonMessage::JobPut { job: parcel });
    assert!(
        matches!(stored, DaemonToHostReply::JobStored { .. }),
        "{stored:?}"
    );
    ben.expect("a parcel for you");
    let back = job_for(JobTarget::Any, "return", &Value::int(43));
    agent.tell(&HostToDaemonMessage::JobPut { job: back });
    let (_, _, _, data) = assigned(&mut taker(one, 8, "return", 1));
    assert_eq!(data, Value::int(43));
}

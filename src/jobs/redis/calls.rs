//! Calls whose answers are heard later, so that puts, takes and ends are under way at the same time.
//!
//! Invariants: answers are heard in the order of the calls; each call is heard about once, also where the connection broke; who
//! asks for jobs again after an answer that was lost is given what that call had taken.

use super::link::{Which, is_of_another_life};
use super::packed::Facts;
use super::wording::{Given, entry_word, id_word, millis, number, stored_of, text};
use super::{JobError, Now, OnRedis};
use crate::jobs::{Ending, Queue, Stored, Taken};
use crate::limits::{JOB_BACKOFF_MAX, JOB_FEED_BATCH, JOB_FEED_BYTES, JOBS_BYTES_MAX, JOBS_KNOWN_MAX};
use crate::protocol::JobId;
use crate::protocol::job::JobSpec;
use redis::{FromRedisValue, ParsingError, Value};
use std::collections::BTreeMap;

/// A call.
#[derive(Clone, Debug)]
pub enum Call {
    /// Stores jobs, each under its id: no more of them than [`OnRedis::fit`].
    Put(Vec<(JobId, JobSpec)>),
    /// Ends tries, [`JOB_FEED_BATCH`] of them at most.
    End(Vec<(JobId, u64, Ending)>),
    /// Takes jobs.
    Take {
        /// For this taker.
        taker: String,
        /// From these queues.
        queues: Vec<Queue>,
        /// So many at most.
        most: usize,
    },
}

/// A call and what came of it.
#[derive(Debug)]
pub enum Heard {
    /// Of jobs that were put, what came of each.
    Put(
        Vec<(JobId, JobSpec)>,
        Result<Vec<Result<Stored, JobError>>, JobError>,
    ),
    /// Of tries that have ended, whether the lease of each held.
    End(
        Vec<(JobId, u64, Ending)>,
        Result<Vec<Result<(), JobError>>, JobError>,
    ),
    /// What a taker was given.
    Take(String, Result<Vec<Taken>, JobError>),
}

/// A call that was sent.
pub(super) struct Sent {
    call: Call,
    plan: Plan,
    which: Which,
    args: Vec<Vec<u8>>,
    /// What was heard, if it was before anybody asked.
    heard: Option<Result<Value, JobError>>,
}

/// What is needed to read the answer to a call.
enum Plan {
    /// Of each group of jobs its last one, and whether they have an owner.
    Put(Vec<(usize, bool)>),
    /// Of each group of ends, and then of each other end, which they are.
    End(Vec<Vec<usize>>, Vec<usize>),
    /// The name of the call.
    Take(String),
}

impl OnRedis {
    /// How many of these jobs fit into one call: [`JOB_FEED_BATCH`] at most, of about [`JOB_FEED_BYTES`].
    pub fn fit(jobs: &[(JobId, JobSpec)]) -> usize {
        let mut bytes = 0;
        let fits = |(_, spec): &&(JobId, JobSpec)| {
            bytes += crate::jobs::size_of(spec);
            bytes <= JOB_FEED_BYTES
        };
        jobs.iter().take(JOB_FEED_BATCH).take_while(fits).count().max(1)
    }

    /// Sends a call. Where this fails, nobody hears about it again.
    pub fn send(&mut self, now: Now, call: Call) -> Result<(), JobError> {
        let (which, args, plan) = match &call {
            Call::Put(jobs) => self.plan_put(jobs),
            Call::End(ends) => self.plan_end(now, ends),
            Call::Take { taker, queues, most } => self.plan_take(taker, queues, *most),
        };
        if let Err(error) = self.start(now, which, &args) {
            self.not_heard(&call, &plan, &error);
            return Err(error);
        }
        let heard = None;
        self.sent.push_back(Sent {
            call,
            plan,
            which,
            args,
            heard,
        });
        Ok(())
    }

    /// What came of the oldest call that was sent and not heard about, if there is one.
    pub fn receive(&mut self, now: Now) -> Option<Heard> {
        let sent = self.sent.pop_front()?;
        Some(self.heard(now, sent))
    }

    /// Sends a call and waits for its answer. What else is under way is heard about later.
    pub(super) fn call(&mut self, now: Now, call: Call) -> Result<Heard, JobError> {
        self.send(now, call)?;
        self.hear_all(now);
        let sent = self.sent.pop_back();
        sent.map(|sent| self.heard(now, sent))
            .ok_or(JobError::Away("it gave no answer".to_owned()))
    }

    /// Waits for the answers to all that is under way.
    pub(super) fn hear_all(&mut self, now: Now) {
        for at in 0..self.sent.len() {
            if self.sent[at].heard.is_none() {
                self.sent[at].heard = Some(self.hear(now));
            }
        }
    }

    fn heard(&mut self, now: Now, mut sent: Sent) -> Heard {
        let answer = match sent.heard.take() {
            Some(answer) => answer,
            None => self.hear(now),
        };
        let answer = match answer {
            Err(error) if is_of_another_life(&error) => self.again(now, sent.which, &sent.args),
            answer => answer,
        };
        if let Err(error) = &answer {
            self.not_heard(&sent.call, &sent.plan, error);
        }
        match (sent.call, sent.plan) {
            (Call::Put(jobs), Plan::Put(groups)) => {
                let stored = answer.and_then(|answer| readable(self.stored(&jobs, &groups, answer)));
                Heard::Put(jobs, stored)
            }
            (Call::End(ends), Plan::End(groups, others)) => {
                let ended = answer.and_then(|answer| readable(self.ended(&ends, &groups, &others, answer)));
                Heard::End(ends, ended)
            }
            (Call::Take { taker, .. }, _) => {
                let taken = answer.and_then(|answer| readable(self.given(answer)));
                Heard::Take(taker, taken)
            }
            (Call::Put(jobs), _) => Heard::Put(jobs, Err(unreadable())),
            (Call::End(ends), _) => Heard::End(ends, Err(unreadable())),
        }
    }

    /// Nobody knows whether a call has had its effect. What was taken, its taker can ask for again.
    fn not_heard(&mut self, call: &Call, plan: &Plan, error: &JobError) {
        if let (Call::Take { taker, .. }, Plan::Take(name), JobError::Away(_)) = (call, plan, error) {
            self.unheard.insert(taker.clone(), name.clone());
        }
    }

    /// Jobs that follow each other and have the same queue, keys, times and owner are a group.
    fn plan_put(&self, jobs: &[(JobId, JobSpec)]) -> (Which, Vec<Vec<u8>>, Plan) {
        let (mut groups, mut plan, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let mut before: Option<(Facts, Option<&str>)> = None;
        for (at, (job, spec)) in jobs.iter().enumerate() {
            let (facts, row) = self.put_row(spec, at as u64 + 1);
            rows.extend([id_word(*job), row]);
            let dedupe = spec.dedupe.as_deref();
            let is_alike = |(before, key): &(Facts, Option<&str>)| {
                let of = |facts: &Facts| (facts.due, facts.ttl);
                before.queue == facts.queue
                    && before.order_key == facts.order_key
                    && before.owner == facts.owner
                    && of(before) == of(&facts)
                    && *key == dedupe
            };
            match &mut before {
                Some(group) if is_alike(group) => group.0.size += facts.size,
                _ => {
                    if let Some((group, key)) = before.replace((facts, dedupe)) {
                        plan.push((at, !group.owner.is_empty()));
                        groups.extend(group_words(&group, key, at));
                    }
                }
            }
        }
        if let Some((group, key)) = before {
            plan.push((jobs.len(), !group.owner.is_empty()));
            groups.extend(group_words(&group, key, jobs.len()));
        }
        let mut args = vec![
            text(&self.settings.world),
            number(self.settings.jobs_max as u64),
            number(JOBS_BYTES_MAX as u64),
            number(millis(self.settings.dedupe)),
            number(plan.len() as u64),
        ];
        args.extend(groups);
        args.extend(jobs.iter().map(|(job, _)| id_word(*job)));
        args.extend(rows);
        (Which::Put, args, Plan::Put(plan))
    }

    fn stored(
        &mut self,
        jobs: &[(JobId, JobSpec)],
        groups: &[(usize, bool)],
        answer: Value,
    ) -> Result<Vec<Result<Stored, JobError>>, ParsingError> {
        let (answers, written): (Vec<Value>, u64) = FromRedisValue::from_redis_value(answer)?;
        self.written = written;
        let mut stored = Vec::with_capacity(jobs.len());
        for ((last, has_owner), answer) in groups.iter().zip(answers) {
            let of_group: Vec<JobId> = jobs[stored.len()..*last].iter().map(|(job, _)| *job).collect();
            stored.extend(stored_of(answer, &of_group, *has_owner)?);
        }
        for ((job, _), stored) in jobs.iter().zip(&stored) {
            if matches!(stored, Ok(stored) if !stored.duplicate) {
                self.trail.stored(*job);
                self.tally.puts += 1;
            }
        }
        Ok(stored)
    }

    /// Of jobs that are done, without order keys, those of the same queue and owner are a group: nothing about them has to
    /// be looked up.
    fn plan_end(&mut self, now: Now, ends: &[(JobId, u64, Ending)]) -> (Which, Vec<Vec<u8>>, Plan) {
        let mut groups: BTreeMap<(String, String, String), (u64, Vec<usize>)> = BTreeMap::new();
        let mut others = Vec::new();
        for (at, (job, lease, how)) in ends.iter().enumerate() {
            let known = self.known.remove(job).filter(|(known, _)| known == lease);
            match known {
                Some((_, facts)) if *how == Ending::Done && facts.order_key.is_empty() => {
                    let (bytes, of_group) =
                        groups.entry((facts.queue, facts.world, facts.owner)).or_default();
                    *bytes += facts.size;
                    of_group.push(at);
                }
                _ => others.push(at),
            }
        }
        let mut args = vec![
            number(millis(self.settings.backoff)),
            number(millis(JOB_BACKOFF_MAX)),
            number(groups.len() as u64),
        ];
        let mut plan: Vec<Vec<usize>> = Vec::with_capacity(groups.len());
        for ((queue, world, owner), (bytes, mut of_group)) in groups {
            args.extend([&queue, &world, &owner].map(|word| text(word)));
            args.extend([number(bytes), number(of_group.len() as u64)]);
            of_group.sort_unstable_by_key(|at| ends[*at].1);
            plan.push(of_group);
        }
        for of_group in &plan {
            args.extend(of_group.iter().map(|at| entry_word(ends[*at].1)));
            args.extend(of_group.iter().map(|at| id_word(ends[*at].0)));
        }
        for (job, lease, how) in others.iter().map(|at| &ends[*at]) {
            args.extend(Self::end_words(now, *job, *lease, how));
        }
        (Which::End, args, Plan::End(plan, others))
    }

    fn ended(
        &mut self,
        ends: &[(JobId, u64, Ending)],
        groups: &[Vec<usize>],
        others: &[usize],
        answer: Value,
    ) -> Result<Vec<Result<(), JobError>>, ParsingError> {
        let answers: Vec<Value> = FromRedisValue::from_redis_value(answer)?;
        let mut holds = vec![false; ends.len()];
        let (of_groups, of_others) = answers.split_at(groups.len().min(answers.len()));
        for (group, answer) in groups.iter().zip(of_groups) {
            let each: Vec<bool> = match answer {
                Value::Int(_) => vec![true; group.len()],
                each => FromRedisValue::from_redis_value_ref(each)?,
            };
            for (at, held) in group.iter().zip(each) {
                holds[*at] = held;
            }
        }
        for (at, answer) in others.iter().zip(of_others) {
            holds[*at] = FromRedisValue::from_redis_value_ref(answer)?;
        }
        for ((.., how), _) in ends.iter().zip(&holds).filter(|(_, held)| **held) {
            self.tally.ended(how);
        }
        Ok(super::held(holds).collect())
    }

    fn plan_take(&mut self, taker: &str, queues: &[Queue], most: usize) -> (Which, Vec<Vec<u8>>, Plan) {
        self.asked += 1;
        let name = self.unheard.remove(taker);
        let name = name.unwrap_or_else(|| format!("{:x}-{:x}", self.nonce, self.asked));
        let mut args = vec![
            text(taker),
            text(&name),
            number(millis(self.settings.lease)),
            number(most as u64),
        ];
        args.extend(queues.iter().map(|queue| self.queue_name(queue).into_bytes()));
        (Which::Take, args, Plan::Take(name))
    }

    fn given(&mut self, answer: Value) -> Result<Vec<Taken>, ParsingError> {
        let given: Vec<Given> = FromRedisValue::from_redis_value(answer)?;
        // What is forgotten of them is looked up when they end.
        if self.known.len() > JOBS_KNOWN_MAX {
            self.known.clear();
        }
        let mut all = Vec::new();
        for (queue, entries, ids, rows) in given {
            self.tally.takes += ids.len() as u64;
            for ((entry, id), row) in entries.iter().zip(&ids).zip(&rows) {
                match self.taken(entry, id, row) {
                    Some((taken, facts)) => {
                        self.known.insert(taken.job, (taken.lease, facts));
                        all.push(taken);
                    }
                    None => {
                        tracing::error!(
                            queue,
                            entry,
                            "a job on Redis cannot be read; it is left to its last try"
                        );
                    }
                }
            }
        }
        Ok(all)
    }
}

fn group_words(group: &Facts, dedupe: Option<&str>, last: usize) -> [Vec<u8>; 8] {
    [
        text(&group.queue),
        text(&group.order_key),
        text(dedupe.unwrap_or_default()),
        number(group.due),
        number(group.ttl),
        text(&group.owner),
        number(group.size),
        number(last as u64),
    ]
}

fn unreadable() -> JobError {
    JobError::Refused("Redis gives an answer that cannot be read".to_owned())
}

fn readable<T>(answer: Result<T, ParsingError>) -> Result<T, JobError> {
    answer.map_err(|error| JobError::Refused(format!("Redis gives an answer that cannot be read: {error}")))
}

//! The connection to Redis: made when it is needed, given up at the first error, and made anew after a rest.
//!
//! Invariant: while Redis is away, nobody waits for it longer than one try takes, and tries come further and further apart.

use super::scripts::Scripts;
use super::{LATE, Loss, OnRedis};
use crate::jobs::{JobError, Now};
use crate::limits::{JOB_REDIS_PATIENCE, JOB_REDIS_REST, JOB_REDIS_REST_MAX, JOB_WORLDS_MAX};
use crate::protocol::Moment;
use redis::{Connection, ErrorKind, FromRedisValue, RedisError, Script, Value};
use std::time::Duration;

/// What a script answers that finds another life of Redis than it was told.
const OTHER_LIFE: &str = "NOLIFE";
/// What `JOIN` answers where there are as many worlds as may be.
const TOO_MANY: &str = "WORLDS";

/// Which script.
#[derive(Clone, Copy)]
pub(super) enum Which {
    Put,
    Take,
    Extend,
    End,
    GiveBack,
    Sweep,
    Cancel,
    Retry,
    Drop,
    See,
    Counts,
    Owners,
    Known,
}

impl Which {
    fn script(self, scripts: &Scripts) -> &Script {
        match self {
            Which::Put => &scripts.put,
            Which::Take => &scripts.take,
            Which::Extend => &scripts.extend,
            Which::End => &scripts.end,
            Which::GiveBack => &scripts.give_back,
            Which::Sweep => &scripts.sweep,
            Which::Cancel => &scripts.cancel,
            Which::Retry => &scripts.retry,
            Which::Drop => &scripts.drop,
            Which::See => &scripts.see,
            Which::Counts => &scripts.counts,
            Which::Owners => &scripts.owners,
            Which::Known => &scripts.known,
        }
    }
}

/// How Redis is missed.
pub(super) struct Away {
    /// How long the rest before the next try is, and until when it lasts.
    rest: Duration,
    rest_until: Option<Moment>,
    /// Until when its absence is counted in `so_far`, while it is away.
    counted: Option<Moment>,
    /// How long it was away in all.
    pub so_far: Duration,
}

impl Default for Away {
    fn default() -> Away {
        Away {
            rest: JOB_REDIS_REST,
            rest_until: None,
            counted: None,
            so_far: Duration::ZERO,
        }
    }
}

impl Away {
    /// It does not answer, or may not be asked yet.
    fn note(&mut self, now: Now) {
        // Who only looks has no time to count by.
        if now.moment < LATE {
            let counted = self.counted.replace(now.moment).unwrap_or(now.moment);
            self.so_far += Duration::from_micros(now.moment.0.saturating_sub(counted.0));
        }
    }

    /// It does not answer: there is a rest before it is asked again.
    fn rest(&mut self, now: Now) {
        self.note(now);
        self.rest_until = (now.moment < LATE).then(|| now.moment.plus(self.rest));
        self.rest = (self.rest * 2).min(JOB_REDIS_REST_MAX);
    }

    /// It answers.
    fn over(&mut self, now: Now) {
        if self.counted.is_some() && now.moment < LATE {
            self.note(now);
            self.counted = None;
        }
        self.rest = JOB_REDIS_REST;
    }
}

impl OnRedis {
    /// Runs a script. One that finds what Redis had to be gone has changed nothing, so it is run again on what there is now.
    pub(super) fn run<T: FromRedisValue>(
        &mut self,
        now: Now,
        which: Which,
        args: &[Vec<u8>],
    ) -> Result<T, JobError> {
        match self.run_once(now, which, args) {
            Err(error) if is_of_another_life(&error) => {
                self.connection = None;
                self.run_once(now, which, args)
            }
            other => other,
        }
    }

    fn run_once<T: FromRedisValue>(
        &mut self,
        now: Now,
        which: Which,
        args: &[Vec<u8>],
    ) -> Result<T, JobError> {
        if self.connection.is_none() {
            self.connect(now)?;
        }
        let question = self.question(which, args);
        self.ask(now, |connection, _| question.query(connection))
    }

    /// A script's call, in the life of Redis that is known.
    fn question(&self, which: Which, args: &[Vec<u8>]) -> redis::Cmd {
        let life = self.life.as_deref().unwrap_or_default();
        let mut call = redis::cmd("EVALSHA");
        call.arg(which.script(&self.scripts).get_hash())
            .arg(2)
            .arg(&self.key)
            .arg(format!("{}:life:{life}", self.key));
        for arg in args {
            call.arg(arg.as_slice());
        }
        call
    }

    /// Sends a script's call, whose answer is heard later.
    pub(super) fn start(&mut self, now: Now, which: Which, args: &[Vec<u8>]) -> Result<(), JobError> {
        if self.connection.is_none() {
            self.connect(now)?;
        }
        let question = self.question(which, args).get_packed_command();
        let sent = match &mut self.connection {
            Some(connection) => connection.send_packed_command(&question),
            None => return Err(JobError::Away("it is not connected".to_owned())),
        };
        self.judge(now, sent)
    }

    /// The next answer to what was sent.
    pub(super) fn hear(&mut self, now: Now) -> Result<Value, JobError> {
        let heard = match &mut self.connection {
            Some(connection) => connection.recv_response().and_then(Value::extract_error),
            None => return Err(JobError::Away("it is not connected any more".to_owned())),
        };
        self.judge(now, heard)
    }

    /// Runs a script's call again that has found another life of Redis than it was told, and so has changed nothing.
    pub(super) fn again(&mut self, now: Now, which: Which, args: &[Vec<u8>]) -> Result<Value, JobError> {
        self.hear_all(now);
        self.run(now, which, args)
    }

    /// Asks Redis something, on a connection that stands.
    pub(super) fn ask<T>(
        &mut self,
        now: Now,
        question: impl FnOnce(&mut Connection, &Scripts) -> Result<T, RedisError>,
    ) -> Result<T, JobError> {
        self.hear_all(now);
        if self.connection.is_none() {
            self.connect(now)?;
        }
        let Some(connection) = &mut self.connection else {
            return Err(JobError::Away("it is not connected".to_owned()));
        };
        let answer = question(connection, &self.scripts);
        self.judge(now, answer)
    }

    /// What an answer says of Redis, and of its connection.
    fn judge<T>(&mut self, now: Now, answer: Result<T, RedisError>) -> Result<T, JobError> {
        match answer {
            Ok(answer) => {
                self.away.over(now);
                Ok(answer)
            }
            Err(error) if is_full(&error) => {
                self.away.over(now);
                Err(JobError::Full)
            }
            Err(error) if is_refusal(&error) => Err(JobError::Refused(format!("Redis refuses: {error}"))),
            Err(error) => Err(self.lost(now, &error)),
        }
    }

    /// The connection is of no more use.
    fn lost(&mut self, now: Now, error: &RedisError) -> JobError {
        self.connection = None;
        self.away.rest(now);
        JobError::Away(error.to_string())
    }

    fn connect(&mut self, now: Now) -> Result<(), JobError> {
        // What was under way on the last connection is not answered on the next.
        self.hear_all(now);
        if self.away.rest_until.is_some_and(|until| now.moment < until) {
            self.away.note(now);
            return Err(JobError::Away("it was away a moment ago".to_owned()));
        }
        self.joined += 1;
        let (connection, life, written) = self.open(now).map_err(|error| self.lost(now, &error))?;
        if life.is_empty() || life == TOO_MANY {
            self.away.rest(now);
            return Err(match life.is_empty() {
                true => self.not_ours(),
                false => self.too_many(),
            });
        }
        let lost = self.written.saturating_sub(written);
        let loss = match self.life.replace(life.clone()) {
            Some(before) if before != life => Some(Loss::All),
            Some(_) if lost > 0 => Some(Loss::Last(lost)),
            _ => None,
        };
        self.tally.losses += u64::from(loss.is_some());
        match loss {
            Some(loss) => self.trail.lost(loss),
            None if written > self.written => self.trail.interrupted(),
            None => {}
        }
        self.loss = loss.or(self.loss);
        self.written = written;
        self.connection = Some(connection);
        Ok(())
    }

    fn not_ours(&self) -> JobError {
        let (world, url) = (&self.settings.world, &self.settings.url);
        let key = format!("{}:world:{world}", self.key);
        JobError::NotOurs(format!(
            "another world is called `{world}` in the job store {url}: its key {key} has the id of another data folder; \
             give this one a name of its own, [jobs] world or MOOTHALL_JOBS_WORLD, or a namespace of its own; if that \
             other folder is gone for good, delete the key"
        ))
    }

    fn too_many(&self) -> JobError {
        let (key, url) = (&self.key, &self.settings.url);
        JobError::NotOurs(format!(
            "the job store {url} has {JOB_WORLDS_MAX} worlds, which is as many as may share it: take the name of one that \
             is gone for good from the set {key}:worlds, or give this world a namespace of its own"
        ))
    }

    fn open(&self, now: Now) -> Result<(Connection, String, u64), RedisError> {
        let mut connection = self.client.get_connection_with_timeout(JOB_REDIS_PATIENCE)?;
        connection.set_read_timeout(Some(JOB_REDIS_PATIENCE))?;
        connection.set_write_timeout(Some(JOB_REDIS_PATIENCE))?;
        // From here on they are called by their names alone.
        for script in self.scripts.all() {
            script.prepare_invoke().load(&mut connection)?;
        }
        let life = format!("{:x}-{:x}-{}", now.wall.0, self.nonce, self.joined);
        let join = &self.scripts.join;
        let (life, written): (String, u64) = join
            .key(self.key.as_str())
            .arg(self.settings.world.as_str())
            .arg(self.settings.folder.as_str())
            .arg(life)
            .arg(JOB_WORLDS_MAX)
            .invoke(&mut connection)?;
        Ok((connection, life, written))
    }
}

/// Whether a script has found another life of Redis than it was told.
pub(super) fn is_of_another_life(error: &JobError) -> bool {
    matches!(error, JobError::Refused(why) if why.contains(OTHER_LIFE))
}

/// Whether Redis has no memory for what was to be written. It changed nothing then, and whatever frees memory still works.
fn is_full(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) && error.to_string().contains("OOM")
}

/// Whether Redis has answered, and the connection is as good as before. One that is loading its data, or is somebody's
/// replica now, is as good as away.
fn is_refusal(error: &RedisError) -> bool {
    let is_answer = matches!(
        error.kind(),
        ErrorKind::Server(_) | ErrorKind::UnexpectedReturnType | ErrorKind::Extension
    );
    let text = error.to_string();
    let is_away = ["LOADING", "READONLY", "MASTERDOWN", "MISCONF", "NOSCRIPT", "BUSY"]
        .iter()
        .any(|word| text.contains(word));
    is_answer && !is_away
}

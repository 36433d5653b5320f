//! The connection to Redis: made when it is needed, given up at the first error, and made anew after a rest.
//!
//! Invariant: while Redis is away, nobody waits for it longer than one try takes, and tries come further and further apart.

use super::scripts::Scripts;
use super::{LATE, OnRedis};
use crate::jobs::{JobError, Now};
use crate::limits::{JOB_REDIS_PATIENCE, JOB_REDIS_REST, JOB_REDIS_REST_MAX};
use redis::{Connection, ErrorKind, FromRedisValue, RedisError, Script};

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
        }
    }
}

impl OnRedis {
    /// Runs a script.
    pub(super) fn run<T: FromRedisValue>(
        &mut self,
        now: Now,
        which: Which,
        args: Vec<Vec<u8>>,
    ) -> Result<T, JobError> {
        let key = self.key.clone();
        self.ask(now, |connection, scripts| {
            let mut call = which.script(scripts).key(key.as_str());
            for arg in &args {
                call.arg(arg.as_slice());
            }
            call.invoke(connection)
        })
    }

    /// Runs a script many times in one round trip.
    pub(super) fn run_many<T: FromRedisValue>(
        &mut self,
        now: Now,
        which: Which,
        calls: Vec<Vec<Vec<u8>>>,
    ) -> Result<Vec<T>, JobError> {
        let key = self.key.clone();
        self.ask(now, |connection, scripts| {
            let script = which.script(scripts);
            let mut pipe = redis::pipe();
            for call in &calls {
                pipe.cmd("EVALSHA")
                    .arg(script.get_hash())
                    .arg(1)
                    .arg(key.as_str());
                for arg in call {
                    pipe.arg(arg.as_slice());
                }
            }
            pipe.query(connection)
        })
    }

    /// Asks Redis something, on a connection that stands.
    pub(super) fn ask<T>(
        &mut self,
        now: Now,
        question: impl FnOnce(&mut Connection, &Scripts) -> Result<T, RedisError>,
    ) -> Result<T, JobError> {
        if self.connection.is_none() {
            self.connect(now)?;
        }
        let Some(connection) = &mut self.connection else {
            return Err(JobError::Away("it is not connected".to_owned()));
        };
        match question(connection, &self.scripts) {
            Ok(answer) => {
                self.rest = JOB_REDIS_REST;
                Ok(answer)
            }
            Err(error) if is_refusal(&error) => Err(JobError::Refused(format!("Redis refuses: {error}"))),
            Err(error) => Err(self.lost(now, &error)),
        }
    }

    /// The connection is of no more use.
    fn lost(&mut self, now: Now, error: &RedisError) -> JobError {
        self.connection = None;
        // Who only looks has no time to rest by.
        self.rest_until = (now.moment < LATE).then(|| now.moment.plus(self.rest));
        self.rest = (self.rest * 2).min(JOB_REDIS_REST_MAX);
        JobError::Away(error.to_string())
    }

    fn connect(&mut self, now: Now) -> Result<(), JobError> {
        if self.rest_until.is_some_and(|until| now.moment < until) {
            return Err(JobError::Away("it was away a moment ago".to_owned()));
        }
        match self.open(now) {
            Ok((connection, life)) => {
                let before = self.life.replace(life.clone());
                self.has_forgotten |= before.is_some_and(|before| before != life);
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) => Err(self.lost(now, &error)),
        }
    }

    fn open(&self, now: Now) -> Result<(Connection, String), RedisError> {
        let mut connection = self.client.get_connection_with_timeout(JOB_REDIS_PATIENCE)?;
        connection.set_read_timeout(Some(JOB_REDIS_PATIENCE))?;
        connection.set_write_timeout(Some(JOB_REDIS_PATIENCE))?;
        // From here on they are called by their names alone.
        for script in self.scripts.all() {
            script.prepare_invoke().load(&mut connection)?;
        }
        let life = format!("{:x}-{:x}", now.wall.0, now.chance);
        let join = &self.scripts.join;
        let life: String = join
            .key(self.key.as_str())
            .arg(self.settings.world.as_str())
            .arg(life)
            .invoke(&mut connection)?;
        Ok((connection, life))
    }
}

/// Whether Redis has answered, and the connection is as good as before. One that is loading its data, or is somebody's
/// replica now, is as good as away.
fn is_refusal(error: &RedisError) -> bool {
    let is_answer = matches!(
        error.kind(),
        ErrorKind::Server(_) | ErrorKind::UnexpectedReturnType
    );
    let text = error.to_string();
    let is_away = [
        "LOADING",
        "READONLY",
        "MASTERDOWN",
        "OOM",
        "MISCONF",
        "NOSCRIPT",
        "BUSY",
    ]
    .iter()
    .any(|word| text.contains(word));
    is_answer && !is_away
}

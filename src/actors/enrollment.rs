//! `EnrollmentActor`: lets processes of other machines in, each by an invitation that an operator made.
//!
//! Parent: the supervisor. Bound: [`ENROLLMENT_GATE_MAX`](crate::limits::ENROLLMENT_GATE_MAX) questions; past it one is
//! dropped, and whoever asked asks again. A restart loses nothing: the roll is shared with `EnrollmentDesk`, which
//! operators use, and stored. Invariant: a process is told that it is in only after that is on the disk.

use super::keyring::Keys;
use super::outlet::Reply;
use super::publisher::answer;
use crate::actors::kit::gate::Offered;
use crate::actors::kit::secret_file::random;
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::ServerSender;
use crate::gateway::curve::Admitted;
use crate::limits::{INVITATION_TTL_S, INVITATIONS_MAX};
use crate::protocol::admin::{EnrolledStatus, InvitationText};
use crate::protocol::enroll::{Enrollment, EnrollmentRequest, Invitation, Roll};
use crate::protocol::hex::to_hex;
use crate::protocol::token::key_hash;
use crate::protocol::worker::REMOTE_WORKER;
use crate::protocol::{HostId, WorkerId};
use actix::{Actor, Context, Handler};
use moo_db::Log;
use moo_model::ledger::Row;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// What hosts there are, on this machine and on others.
pub const KINDS: [&str; 2] = ["telnet", "web"];

/// A process asks to be let in.
pub struct Ask {
    /// Where the answer goes.
    pub reply: Reply,
    /// The key that it speaks CURVE with.
    pub key: [u8; 32],
    /// What it says.
    pub request: EnrollmentRequest,
}

/// Why an operator's order about enrollment is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum EnrollmentError {
    /// Nobody could come.
    #[error(
        "this server takes no enrollments: set network.enroll, network.rpc, network.events and network.keys"
    )]
    Closed,
    /// Nothing of the kind runs elsewhere.
    #[error(
        "`{0}` is no kind of process that runs on another machine; `telnet` and `web` are, and `worker:KIND` is a worker"
    )]
    Kind(String),
    /// It would hold too short or too long.
    #[error("an invitation holds for 1 second to {} days", INVITATION_TTL_S.1 / 86_400)]
    Ttl,
    /// So many have not come yet.
    #[error("{INVITATIONS_MAX} invitations are open; wait until some are used or over")]
    Full,
    /// It cannot be stored.
    #[error("the store has ended; nothing was changed for good")]
    Store,
}

/// The roll, and what a change of it leads to. Its calls wait for the disk.
#[derive(Clone)]
pub struct EnrollmentDesk {
    roll: Arc<Mutex<Roll>>,
    admitted: Admitted,
    keys: Arc<Keys>,
    log: Log,
    sender: ServerSender,
    /// The key that other machines know this server by, while it takes enrollments.
    public_key: Option<[u8; 32]>,
}

impl EnrollmentDesk {
    /// With those who were let in before, whom this lets connect.
    pub fn new(
        roll: Roll,
        admitted: Admitted,
        keys: Arc<Keys>,
        log: Log,
        sender: ServerSender,
        public_key: Option<[u8; 32]>,
    ) -> EnrollmentDesk {
        for member in roll.members() {
            admitted.admit(member.curve_pk, member.id);
        }
        EnrollmentDesk {
            roll: Arc::new(Mutex::new(roll)),
            admitted,
            keys,
            log,
            sender,
            public_key,
        }
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        // Every change is complete before anything can panic, so a poisoned lock holds a sound state.
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, rows: Vec<Row>) -> Result<(), EnrollmentError> {
        self.log.put_rows(rows).map_err(|_| EnrollmentError::Store)?;
        self.log.flush().map_err(|_| EnrollmentError::Store)
    }

    /// Everybody who was let in.
    pub fn list(&self) -> Vec<EnrolledStatus> {
        let roll = self.roll();
        let members = roll.members().map(|member| EnrolledStatus {
            id: member.id.to_string(),
            kind: member.service_type.clone(),
            hostname: member.hostname.clone(),
        });
        members.collect()
    }

    /// What a member serves.
    pub fn kind_of(&self, id: HostId) -> Option<String> {
        self.roll().member(id).map(|member| member.service_type.clone())
    }

    /// Invites one process.
    pub fn invite(&self, kind: &str, ttl_s: Option<u64>) -> Result<InvitationText, EnrollmentError> {
        let public_key = self.public_key.ok_or(EnrollmentError::Closed)?;
        let ttl_s = ttl_s.unwrap_or(INVITATION_TTL_S.0);
        if !KINDS.contains(&kind) && kind.strip_prefix(REMOTE_WORKER).is_none_or(str::is_empty) {
            return Err(EnrollmentError::Kind(kind.to_owned()));
        }
        if ttl_s == 0 || ttl_s > INVITATION_TTL_S.1 {
            return Err(EnrollmentError::Ttl);
        }
        let now = self.keys.now();
        let invitation = Invitation {
            token_id: to_hex(&random::<8>()),
            secret: random(),
            service_type: kind.to_owned(),
            expires: now.plus(Duration::from_secs(ttl_s)),
        };
        let text = InvitationText {
            daemon_key: to_hex(&public_key),
            token_id: invitation.token_id.clone(),
            secret: to_hex(&invitation.secret),
            kind: kind.to_owned(),
            ttl_s,
        };
        let rows = self.roll().invite(invitation, now).ok_or(EnrollmentError::Full)?;
        self.store(rows)?;
        Ok(text)
    }

    /// Strikes a member off: its key opens nothing any more. Gives whether it was one; see [`Self::cut`].
    pub fn expel(&self, id: HostId) -> Result<bool, EnrollmentError> {
        let Some(rows) = self.roll().expel(id) else {
            return Ok(false);
        };
        self.admitted.expel(id);
        self.store(rows)?;
        Ok(true)
    }

    /// Ends the connections of those who were struck off, and for a moment those of all other machines.
    pub fn cut(&self) {
        if self.sender.cut_network().is_err() {
            tracing::error!("an expelled host could not be disconnected; it is refused all the same");
        }
    }

    fn enroll(&self, key: &[u8; 32], request: &EnrollmentRequest) -> Enrollment {
        let enrolled = self
            .roll()
            .enroll(request, key, HostId(random()), self.keys.now());
        let (member, rows) = match enrolled {
            Ok(enrolled) => enrolled,
            Err(error) => {
                tracing::warn!(hostname = request.hostname, %error, "a process was not enrolled");
                return Enrollment::Refused(error.to_string());
            }
        };
        if let Err(error) = self.store(rows) {
            return Enrollment::Refused(error.to_string());
        }
        self.admitted.admit(member.curve_pk, member.id);
        tracing::info!(host = %member.id, hostname = member.hostname, "a process of another machine was enrolled");
        let (id, kind) = (member.id, &member.service_type);
        let key = key_hash(&member.curve_pk);
        Enrollment::Enrolled {
            id: id.0,
            token: match kind.strip_prefix(REMOTE_WORKER) {
                Some(kind) => self.keys.worker_token(WorkerId(id.0), kind, key).0,
                None => self.keys.host_token(id, kind, key),
            },
        }
    }
}

/// The actor.
pub struct EnrollmentActor {
    desk: EnrollmentDesk,
    _guard: ExitGuard,
}

impl EnrollmentActor {
    /// It answers for the desk.
    pub fn new(desk: EnrollmentDesk, guard: ExitGuard) -> Self {
        EnrollmentActor { desk, _guard: guard }
    }
}

impl Actor for EnrollmentActor {
    type Context = Context<Self>;
}

impl Handler<Offered<Ask>> for EnrollmentActor {
    type Result = ();

    fn handle(&mut self, ask: Offered<Ask>, _: &mut Context<Self>) {
        let Ask { reply, key, request } = ask.accept();
        let desk = self.desk.clone();
        actix::spawn(async move {
            let sender = desk.sender.clone();
            if let Ok(said) = spawn_blocking(move || desk.enroll(&key, &request)).await {
                answer(&sender, reply, &said);
            }
        });
    }
}

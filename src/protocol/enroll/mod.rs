//! How a process on another machine becomes known to the daemon: an operator's invitation, one question, one answer.
//!
//! Invariants: an invitation lets in one process, once, before its end, and only the one that holds its secret; that
//! process is told so again as often as it asks, since an answer may be lost. No two members have the same key. The enums
//! are append-only; a variant's place is its number on the wire.

use std::collections::HashMap;

use bincode::{Decode, Encode};
use moo_model::ledger::{Relation, Row};

use super::{HostId, Wall};
use crate::limits::{BODY_HELLO_MAX, HOSTNAME_LEN_MAX, INVITATIONS_MAX};

/// Asks to be let in, once, under a token that an operator made.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct EnrollmentRequest {
    /// Which enrollment token.
    pub token_id: String,
    /// The keyed hash, under the token's secret, of `curve_pk`, role and host name.
    pub proof: [u8; 32],
    /// The key that the process will speak CURVE with.
    pub curve_pk: [u8; 32],
    /// What it will serve.
    pub service_type: String,
    /// Where it runs, for the operator.
    pub hostname: String,
}

/// The enrollment socket's messages.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Enrollment {
    /// A process asks.
    Request(EnrollmentRequest),
    /// It is known from now on by this id, and may say `Hello` with this token.
    Enrolled {
        /// The id given.
        id: [u8; 16],
        /// Its first token.
        token: String,
    },
    /// It is not let in, and why.
    Refused(String),
}

/// What shows that whoever asks has the invitation's secret, and ties it to the key it asks for.
pub fn proof(secret: &[u8; 32], curve_pk: &[u8; 32], service_type: &str, hostname: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(curve_pk);
    for part in [service_type, hostname] {
        hasher.update(b"|");
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Why nobody is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EnrollError {
    /// There is no such invitation, it was used, or it is over.
    #[error("this invitation was used or has expired; ask for another with `moothallctl enroll`")]
    NotInvited,
    /// It is for something else.
    #[error("the invitation is for another kind of process; ask for one with `moothallctl enroll --role`")]
    WrongKind,
    /// Whoever asks does not know the secret, or does not speak with the key that it asks for.
    #[error(
        "the proof does not fit the invitation and the key: it was damaged on its way or is another server's; ask for a new one"
    )]
    BadProof,
    /// The key is a member's already.
    #[error("this key was enrolled already; enroll with a new one")]
    KnownKey,
    /// What the machine calls itself would do more than be shown.
    #[error(
        "the host name is longer than {HOSTNAME_LEN_MAX} bytes or has control characters; change what the machine calls itself"
    )]
    BadName,
}

/// What an operator hands to one process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// What it is found by.
    pub token_id: String,
    /// What only the invited knows.
    pub secret: [u8; 32],
    /// What the process will serve.
    pub service_type: String,
    /// It holds until then.
    pub expires: Wall,
}

/// A process that was let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The key that it speaks CURVE with.
    pub curve_pk: [u8; 32],
    /// The id that the daemon gave it.
    pub id: HostId,
    /// What it serves.
    pub service_type: String,
    /// Where it runs, by its own words.
    pub hostname: String,
    /// The invitation that it came by; empty where that was not written down.
    pub token_id: String,
}

/// The version of the stored rows.
const ROW_VERSION: u8 = 1;
/// The version of the rows of members that tell the invitation.
const MEMBER_VERSION: u8 = 2;
const INVITATION_TAG: u8 = b'i';
const MEMBER_TAG: u8 = b'k';
type MemberRow = (u8, [u8; 16], String, String, String);
type OldMemberRow = (u8, [u8; 16], String, String);
type InvitationRow = (u8, [u8; 32], String, u64);

/// Who may come, and who has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roll {
    invitations: HashMap<String, Invitation>,
    members: HashMap<HostId, Member>,
}

impl Roll {
    /// What was stored.
    pub fn load(rows: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Roll {
        let mut roll = Roll::default();
        for (key, value) in rows {
            match key.split_first() {
                Some((&MEMBER_TAG, pk)) => {
                    if let Some(member) = pk.try_into().ok().and_then(|pk| read_member(pk, &value)) {
                        roll.members.insert(member.id, member);
                    }
                }
                Some((&INVITATION_TAG, id)) => {
                    if let (Ok(token_id), Some((ROW_VERSION, secret, service_type, expires))) =
                        (String::from_utf8(id.to_vec()), read::<InvitationRow>(&value))
                    {
                        let invitation = Invitation {
                            token_id: token_id.clone(),
                            secret,
                            service_type,
                            expires: Wall(expires),
                        };
                        roll.invitations.insert(token_id, invitation);
                    }
                }
                _ => {}
            }
        }
        roll
    }

    /// Everybody who was let in.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// One of them.
    pub fn member(&self, id: HostId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// Invites. Gives what has to be stored, or `None` if [`INVITATIONS_MAX`] are open already.
    pub fn invite(&mut self, invitation: Invitation, now: Wall) -> Option<Vec<Row>> {
        let over = self.invitations.extract_if(|_, open| now >= open.expires);
        let mut rows: Vec<Row> = over.map(|(id, _)| invitation_row(&id, None)).collect();
        if self.invitations.len() >= INVITATIONS_MAX {
            return None;
        }
        rows.push(invitation_row(&invitation.token_id, Some(&invitation)));
        self.invitations.insert(invitation.token_id.clone(), invitation);
        Some(rows)
    }

    /// Lets in whoever asks rightly, under `id`; `spoken_with` is the key that the question was encrypted with. Gives
    /// the member and what has to be stored, which is nothing for one that was let in by this invitation before: its key
    /// is proof enough.
    pub fn enroll(
        &mut self,
        request: &EnrollmentRequest,
        spoken_with: &[u8; 32],
        id: HostId,
        now: Wall,
    ) -> Result<(Member, Vec<Row>), EnrollError> {
        if request.hostname.len() > HOSTNAME_LEN_MAX || request.hostname.chars().any(char::is_control) {
            return Err(EnrollError::BadName);
        }
        let has_key =
            |member: &&Member| member.curve_pk == request.curve_pk && member.curve_pk == *spoken_with;
        let known = self.members.values().find(has_key);
        if let Some(known) = known.filter(|known| known.token_id == request.token_id) {
            return Ok((known.clone(), Vec::new()));
        }
        let is_known = known.is_some();
        let invitation = self.invitations.get(&request.token_id);
        let invitation = invitation
            .filter(|open| now < open.expires)
            .ok_or(EnrollError::NotInvited)?;
        let EnrollmentRequest {
            curve_pk,
            service_type,
            hostname,
            ..
        } = request;
        if *service_type != invitation.service_type {
            return Err(EnrollError::WrongKind);
        }
        let expected = blake3::Hash::from(proof(&invitation.secret, curve_pk, service_type, hostname));
        // The comparison of two hashes takes the same time wherever they differ.
        if expected != blake3::Hash::from(request.proof) || curve_pk != spoken_with {
            return Err(EnrollError::BadProof);
        }
        if is_known {
            return Err(EnrollError::KnownKey);
        }
        let member = Member {
            curve_pk: *curve_pk,
            id,
            service_type: service_type.clone(),
            hostname: hostname.clone(),
            token_id: request.token_id.clone(),
        };
        self.invitations.remove(&request.token_id);
        self.members.insert(id, member.clone());
        let rows = vec![invitation_row(&request.token_id, None), member_row(&member, true)];
        Ok((member, rows))
    }

    /// Strikes a member off; `None` if there is none of this id.
    pub fn expel(&mut self, id: HostId) -> Option<Vec<Row>> {
        let member = self.members.remove(&id)?;
        Some(vec![member_row(&member, false)])
    }
}

fn read<R: Decode<()>>(bytes: &[u8]) -> Option<R> {
    let config = bincode::config::standard().with_limit::<BODY_HELLO_MAX>();
    let (row, read) = bincode::decode_from_slice(bytes, config).ok()?;
    (read == bytes.len()).then_some(row)
}

fn read_member(curve_pk: [u8; 32], value: &[u8]) -> Option<Member> {
    let (id, service_type, hostname, token_id) = match *value.first()? {
        MEMBER_VERSION => {
            let (_, id, service_type, hostname, token_id) = read::<MemberRow>(value)?;
            (id, service_type, hostname, token_id)
        }
        ROW_VERSION => {
            let (_, id, service_type, hostname) = read::<OldMemberRow>(value)?;
            (id, service_type, hostname, String::new())
        }
        _ => return None,
    };
    Some(Member {
        curve_pk,
        id: HostId(id),
        service_type,
        hostname,
        token_id,
    })
}

fn row(tag: u8, id: &[u8], value: Option<&impl Encode>) -> Row {
    let value = value.map(|value| {
        bincode::encode_to_vec(value, bincode::config::standard()).expect("plain data can be written")
    });
    Row {
        relation: Relation::Enrolled,
        key: [&[tag], id].concat(),
        value,
    }
}

fn invitation_row(token_id: &str, invitation: Option<&Invitation>) -> Row {
    let value: Option<InvitationRow> = invitation.map(|open| {
        (
            ROW_VERSION,
            open.secret,
            open.service_type.clone(),
            open.expires.0,
        )
    });
    row(INVITATION_TAG, token_id.as_bytes(), value.as_ref())
}

fn member_row(member: &Member, is_member: bool) -> Row {
    let value: MemberRow = (
        MEMBER_VERSION,
        member.id.0,
        member.service_type.clone(),
        member.hostname.clone(),
        member.token_id.clone(),
    );
    row(MEMBER_TAG, &member.curve_pk, Some(&value).filter(|_| is_member))
}

#[cfg(test)]
mod tests;

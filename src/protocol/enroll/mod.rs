//! How a process on another machine becomes known to the daemon: an operator's invitation, one question, one answer.
//!
//! Invariants: an invitation lets in one process, once, before its end, and only the one that holds its secret. The
//! enums are append-only; a variant's place is its number on the wire.

use std::collections::HashMap;

use bincode::{Decode, Encode};
use moo_model::ledger::{Relation, Row};

use super::{HostId, Wall};
use crate::limits::{BODY_HELLO_MAX, INVITATIONS_MAX};

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
    #[error("the invitation is for another kind of process")]
    WrongKind,
    /// Whoever asks does not know the secret, or does not speak with the key that it asks for.
    #[error("the proof does not fit the invitation and the key")]
    BadProof,
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
}

/// The version of the stored rows.
const ROW_VERSION: u8 = 1;
const INVITATION_TAG: u8 = b'i';
const MEMBER_TAG: u8 = b'k';
type MemberRow = (u8, [u8; 16], String, String);
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
                    if let (Ok(curve_pk), Some((ROW_VERSION, id, service_type, hostname))) =
                        (pk.try_into(), read::<MemberRow>(&value))
                    {
                        let id = HostId(id);
                        let member = Member {
                            curve_pk,
                            id,
                            service_type,
                            hostname,
                        };
                        roll.members.insert(id, member);
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
    /// the member and what has to be stored.
    pub fn enroll(
        &mut self,
        request: &EnrollmentRequest,
        spoken_with: &[u8; 32],
        id: HostId,
        now: Wall,
    ) -> Result<(Member, Vec<Row>), EnrollError> {
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
        let member = Member {
            curve_pk: *curve_pk,
            id,
            service_type: service_type.clone(),
            hostname: hostname.clone(),
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
        ROW_VERSION,
        member.id.0,
        member.service_type.clone(),
        member.hostname.clone(),
    );
    row(MEMBER_TAG, &member.curve_pk, Some(&value).filter(|_| is_member))
}

#[cfg(test)]
mod tests;

//! How clients come in: as strangers, as players who prove to be some, and back to what they had.
//!
//! Invariant: a client is known here by the id that the daemon has for it, and by one socket.

use super::client::Life;
use super::hear::{GONE, rest_after, unexpected};
use super::output::NoAnswer;
use super::{ELSEWHERE, Ending, Entry, Farewell, Host, Output, ToClient, first_half};
use crate::protocol::client::{Attachment, ClientReply, DaemonToClientReply};
use crate::protocol::error::RpcError;
use crate::protocol::machine::link::Answer;
use crate::protocol::machine::stream;
use crate::protocol::surface::Surfaced;
use crate::protocol::{ClientId, Moment};
use std::time::Duration;

impl Host {
    pub(super) fn establish_answered(
        &mut self,
        now: Moment,
        id: ClientId,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let rest = rest_after(&answer);
        let Some(client) = self.clients.get_mut(&id) else {
            // It has gone meanwhile.
            return self.established_too_late(now, id, answer);
        };
        match answer {
            _ if client.life != Life::Opening => {}
            Answer::Client(ClientReply {
                reply: DaemonToClientReply::NewConnection { bound, pos, .. },
                ..
            }) => {
                (client.life, client.bound) = (Life::There, Some(bound));
                client.begin_at(pos.seq);
                let fresh = std::mem::take(&mut client.fresh);
                self.stream(now, id, stream::Input::Opened(pos), out);
                out.push(Output::ToClient(id, ToClient::Ready { fresh }));
                self.send_commands(now, id);
                self.send_asked(now, id);
            }
            Answer::Client(ClientReply {
                reply: DaemonToClientReply::AttachResult(attachment),
                ..
            }) => self.entered(now, id, attachment, out),
            Answer::Failed(RpcError::ConnectionLost) => {}
            _ if rest.is_some() => {
                let wait = Duration::from_millis(rest.unwrap_or_default());
                client.rest_until = Some(now.plus(wait));
                self.watch_client(id);
            }
            answer if client.entry != Entry::New => self.not_entered(id, answer, out),
            Answer::Refused(refusal) => self.end_for(id, &refusal.error, out),
            Answer::Failed(error) => self.end(id, Ending::Over, error.surface().telnet, out),
            Answer::Client(_) | Answer::Host(_) => self.end(id, Ending::Over, GONE, out),
        }
    }

    /// A connection that was asked for is there, and its client has gone meanwhile.
    fn established_too_late(&mut self, now: Moment, id: ClientId, answer: Answer) {
        let Some(farewell) = self.farewells.remove(&id) else {
            return;
        };
        let Answer::Client(ClientReply { reply, .. }) = answer else {
            return;
        };
        let (id, bound) = match reply {
            DaemonToClientReply::NewConnection { bound, .. } => (id, bound),
            DaemonToClientReply::AttachResult(attachment) => (attachment.client, attachment.bound),
            _ => return,
        };
        let bound = Some(bound);
        self.farewells.insert(id, Farewell { bound, ..farewell });
        self.detach(now, id, false);
    }

    /// The daemon has let a client in that proved who it is: under the id that it had before, if there is one.
    fn entered(&mut self, now: Moment, id: ClientId, attachment: Attachment, out: &mut Vec<Output>) {
        let id = self.rename(id, attachment.client, out);
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        let pos = client.enter(&attachment);
        let &Attachment {
            attach_epoch, head, ..
        } = &attachment;
        let attachment = Box::new(attachment);
        out.push(Output::ToClient(id, ToClient::Entered { attachment, pos }));
        self.stream(now, id, stream::Input::Opened(pos), out);
        self.stream(now, id, stream::Input::Attached { attach_epoch, head }, out);
        self.send_commands(now, id);
        self.send_asked(now, id);
    }

    /// A client is known to the daemon under another id than it came with. Whoever had that here is closed.
    fn rename(&mut self, from: ClientId, to: ClientId, out: &mut Vec<Output>) -> ClientId {
        if from == to {
            return to;
        }
        if let Some(client) = self.clients.remove(&from) {
            if self.clients.contains_key(&to) {
                self.end(to, Ending::Elsewhere, ELSEWHERE, out);
            } else {
                self.digest ^= first_half(to);
            }
            self.digest ^= first_half(from);
            self.farewells.remove(&to);
            self.clients.insert(to, client);
            out.push(Output::Rename { from, to });
        }
        to
    }

    /// A client that had proof was not let in. It is nobody's, and may try again otherwise.
    fn not_entered(&mut self, id: ClientId, answer: Answer, out: &mut Vec<Output>) {
        if self.clients.remove(&id).is_some() {
            self.digest ^= first_half(id);
        }
        let why = match answer {
            Answer::Refused(refusal) => NoAnswer::Refused(refusal.error),
            Answer::Failed(error) => NoAnswer::Failed(error),
            Answer::Client(_) | Answer::Host(_) => NoAnswer::Failed(unexpected()),
        };
        out.push(Output::ToClient(id, ToClient::NotEntered(Box::new(why))));
    }
}

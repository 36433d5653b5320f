//! What clients' programs ask besides their lines: of the world, of a handler in it, and in answer to a task that reads.
//!
//! Invariant: what may change anything is carried out once for each number of its connection, and a message for the world
//! once if its client gives it an id, as far back as numbers are known. Without a connection there
//! are no numbers: a host that gets no answer cannot know, and does not ask again.

use super::ConnectionActor;
use super::attach::Asker;
use crate::actors::outlet::{After, AskHistory, Reply};
use crate::actors::scheduler::{Answer, Woken};
use crate::actors::world_request;
use crate::limits::BUSY_RETRY_MS;
use crate::protocol::client::{
    Auth, CmdOutcome, DaemonToClientReply, HistoryRecall, HostClientToDaemonMessage,
};
use crate::protocol::codec::put_stored;
use crate::protocol::error::{RpcMessageError, SchedulerError};
use crate::protocol::{ReqId, WireValue};
use moo_model::Obj;
use moo_tasks::attempt::Work;
use moo_tasks::connections::{ConnId, stored};

/// Stands for no connection.
const NO_CONNECTION: ConnId = ConnId(0);

impl ConnectionActor {
    /// What a client's program asks is a task of its own, beside the connection's lines.
    pub(super) fn ask_world(
        &mut self,
        conn: ConnId,
        reply: Reply,
        cmd_seq: u64,
        message: HostClientToDaemonMessage,
    ) -> Result<(), RpcMessageError> {
        let known = self.clients.get(&conn).ok_or(RpcMessageError::NoConnection)?;
        // The login of this client may have been answered already, and its word be still on its way here.
        let (player, is_next) = (known.conn.owner(), known.commands.is_next(cmd_seq));
        let mark = mark_of(&known.sid, &message);
        if player.0 < 0 {
            return Err(RpcMessageError::PermissionDenied);
        }
        let Some(message) = self.take_own(conn, reply, player, message)? else {
            return Ok(());
        };
        if let Some(known) = mark.and_then(|mark| self.known_by(conn, cmd_seq, mark)) {
            return self.answer_known(conn, reply, cmd_seq, known);
        }
        let (work, only_reads) = work_of(message, player, Some(conn))?;
        if cmd_seq == 0 && !only_reads {
            let words = "what may change the world needs a number";
            return Err(RpcMessageError::InvalidRequest(words.to_owned()));
        }
        if !self.beside.has_room(player) && (cmd_seq == 0 || is_next) {
            return Err(busy());
        }
        if self.is_new(conn, reply, cmd_seq)? {
            if let (Some(mark), Some(client)) = (mark, self.clients.get_mut(&conn)) {
                client.commands.mark(cmd_seq, mark);
            }
            self.start_beside(conn, reply, cmd_seq, player, work);
        }
        Ok(())
    }

    /// The earlier number of what is known by this, if it has now come under another one that leaves no hole, and the task
    /// that it became if it is done.
    fn known_by(&self, conn: ConnId, cmd_seq: u64, mark: [u8; 16]) -> Option<(u64, Option<i64>)> {
        let commands = &self.clients.get(&conn)?.commands;
        let is_in_turn = (1..=commands.next()).contains(&cmd_seq);
        commands
            .known_by(mark)
            .filter(|(seq, _)| is_in_turn && *seq != cmd_seq)
    }

    /// A message that came before, under another number, is answered by what became of it, and uses its own number up.
    fn answer_known(
        &mut self,
        conn: ConnId,
        reply: Reply,
        cmd_seq: u64,
        (known, task): (u64, Option<i64>),
    ) -> Result<(), RpcMessageError> {
        let is_read_only = self.parts.outside.is_read_only();
        let client = self.takes_from(conn)?;
        // It is asked again until what it came to is known.
        let task = task.ok_or_else(busy)?;
        if client.commands.is_next(cmd_seq) {
            if is_read_only {
                return Err(RpcMessageError::ReadOnly);
            }
            if !client.commands.pass(cmd_seq, task) {
                return Err(busy());
            }
            let row = stored::command(client.conn.client(), cmd_seq, task);
            self.errand.rows.push(row);
        }
        let outcome = CmdOutcome::Submitted { task: task as u64 };
        let cmd_seq = known;
        self.answer_later(conn, reply, DaemonToClientReply::Duplicate { cmd_seq, outcome });
        Ok(())
    }

    /// The same for a player's token without a connection; and handlers, which anybody may call who can reach a host.
    pub(super) fn ask_without_connection(
        &mut self,
        by: &Asker,
        auth: &Auth,
        message: HostClientToDaemonMessage,
    ) -> Result<(), RpcMessageError> {
        let is_handler = matches!(message, HostClientToDaemonMessage::InvokeSystemHandler { .. });
        let (player, auth_time) = match auth {
            Auth::None if is_handler => (Obj::NOTHING, None),
            auth => match self.player_of(by, auth) {
                Ok((player, auth_time)) => (player, Some(auth_time)),
                // What is refused from here on is refused to the player, and not to whoever says to be one.
                Err(RpcMessageError::PermissionDenied) => return Err(RpcMessageError::InvalidToken),
                Err(error) => return Err(error),
            },
        };
        if self.is_draining {
            return Err(RpcMessageError::Draining);
        }
        if self.is_behind || !self.beside.has_room(player) {
            return Err(busy());
        }
        if let (HostClientToDaemonMessage::RenewToken, Some(auth_time)) = (&message, auth_time) {
            return self.renew_token(by.reply, player, auth_time);
        }
        let conn = self.connection_of(auth).unwrap_or(NO_CONNECTION);
        let Some(message) = self.take_own(conn, by.reply, player, message)? else {
            return Ok(());
        };
        let (work, _) = work_of(message, player, None)?;
        self.start_beside(NO_CONNECTION, by.reply, 0, player, work);
        Ok(())
    }

    /// What a player asks about the player, and not of the world; any other message is given back.
    fn take_own(
        &mut self,
        conn: ConnId,
        reply: Reply,
        player: Obj,
        message: HostClientToDaemonMessage,
    ) -> Result<Option<HostClientToDaemonMessage>, RpcMessageError> {
        match message {
            HostClientToDaemonMessage::RequestHistory { recall } => {
                self.recall(reply, player, conn, recall)?
            }
            HostClientToDaemonMessage::ListSessions => self.list_sessions(reply, player, conn),
            HostClientToDaemonMessage::LogoutEverywhere => self.logout_everywhere(reply, player, conn),
            message => return Ok(Some(message)),
        }
        Ok(None)
    }

    /// What a player was told before is read from the store, which is not done here.
    fn recall(
        &self,
        reply: Reply,
        player: Obj,
        conn: ConnId,
        recall: HistoryRecall,
    ) -> Result<(), RpcMessageError> {
        let ask = AskHistory {
            reply,
            player,
            conn,
            recall,
        };
        self.parts.past.recall(ask).then_some(()).ok_or_else(busy)
    }

    /// A client's program answers a task that reads from its connection, with any value.
    pub(super) fn requested_input(
        &mut self,
        conn: ConnId,
        reply: Reply,
        cmd_seq: u64,
        (request, input): (ReqId, &WireValue),
    ) -> Result<(), RpcMessageError> {
        if cmd_seq == 0 {
            return Err(RpcMessageError::InvalidRequest("an answer needs a number".into()));
        }
        let value = world_request::opened(input)?;
        let client = self.clients.get(&conn).ok_or(RpcMessageError::NoConnection)?;
        let known = client.conn.clone();
        if client.commands.is_next(cmd_seq) {
            let reader = known.input().reader();
            let waiting = reader.and_then(|task| self.parts.outside.board.find(task));
            if waiting.and_then(|waiting| waiting.request()) != Some(request.0) {
                if known.asked() == Some(request.0) {
                    // The task has committed its question, and its word is still on its way here.
                    return Err(busy());
                }
                return Err(RpcMessageError::TaskError(SchedulerError::InputRequestNotFound(
                    request,
                )));
            }
            if !known.input().can_answer() {
                return Err(busy());
            }
        }
        if !self.is_new(conn, reply, cmd_seq)? {
            return Ok(());
        }
        let task = known
            .input()
            .answer()
            .expect("a number is new when it is the next one, so this was looked at");
        let asked = self.settle_with(conn, cmd_seq, task);
        known.set_input_task(task);
        known.set_asked(None);
        let thanks = asked.map(|reply| After::Answer {
            conn,
            reply,
            answer: Box::new(DaemonToClientReply::InputThanks),
        });
        let with = Woken {
            value: Ok(value),
            rows: vec![stored::command(known.client(), cmd_seq, task)],
            reply: None,
            after: thanks.into_iter().collect(),
        };
        self.inputs.push_back(Answer { task, with });
        Ok(())
    }
}

pub(super) fn busy() -> RpcMessageError {
    RpcMessageError::Busy {
        retry_after_ms: BUSY_RETRY_MS,
    }
}

/// What a message for the world is known by if its client gives it an id: that, all it says, and the session. So a program
/// that counts its messages anew, after it has come back or logged in again, is not taken to repeat itself.
fn mark_of(sid: &str, message: &HostClientToDaemonMessage) -> Option<[u8; 16]> {
    let HostClientToDaemonMessage::Typed { id: Some(_), .. } = message else {
        return None;
    };
    let mut said = sid.as_bytes().to_vec();
    put_stored(&mut said, message);
    blake3::hash(&said).as_bytes().first_chunk().copied()
}

/// What a message is for a task, and whether that changes nothing.
fn work_of(
    message: HostClientToDaemonMessage,
    player: Obj,
    conn: Option<ConnId>,
) -> Result<(Work, bool), RpcMessageError> {
    use HostClientToDaemonMessage as Message;
    if matches!(
        message,
        Message::Typed { .. } | Message::InvokeSystemHandler { .. }
    ) {
        let service = world_request::service_of(message, player, conn)?;
        return Ok((Work::Service(service.into()), false));
    }
    let request = world_request::request_of(message)?;
    let only_reads = request.only_reads();
    Ok((Work::Request(request.into()), only_reads))
}

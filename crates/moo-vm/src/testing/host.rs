//! The host of tests: connections and tasks are plain lists that a test fills and looks at.

use moo_model::{ErrorCode, Obj, Value};

use crate::fork::ForkRequest;
use crate::host::{
    Close, ConflictRow, Host, JobSeen, JobTo, LagRow, NewJob, OrderCounts, Output, Presentation, QueuedTask,
    Rich,
};

/// Somebody who is connected.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The text of `connection_name()`.
    pub name: String,
    /// The options that were set.
    pub options: Vec<(String, Value)>,
    /// The lines that wait to be read.
    pub input: Vec<Value>,
    /// What was sent.
    pub output: Vec<String>,
    /// What is shown, by id.
    pub shown: Vec<(String, Presentation)>,
}

/// A host that keeps what is done to it.
#[derive(Debug)]
pub struct TestHost {
    /// The time, in seconds since 1970.
    pub now: f64,
    /// The next random number; each use adds a large odd number, so that all bits change.
    pub random: u64,
    /// Who is connected, newest first.
    pub connections: Vec<(Obj, Connection)>,
    /// Who was disconnected, and why.
    pub closed: Vec<(Obj, Close)>,
    /// Whose sessions were ended.
    pub ended: Vec<Obj>,
    /// The tasks that wait.
    pub tasks: Vec<QueuedTask>,
    /// How many tasks wait for workers.
    pub orders: OrderCounts,
    /// What `resume()` gave to which task.
    pub resumed: Vec<(i64, Value)>,
    /// The tasks that were started.
    pub forks: Vec<ForkRequest>,
    /// How many task ids were given out.
    pub task_ids: i64,
    /// The jobs that were stored; their ids are `job-1` and on.
    pub jobs: Vec<(String, NewJob)>,
    /// Open ports.
    pub listeners: Vec<(Obj, i64, bool)>,
    /// The server's log.
    pub log: Vec<String>,
    /// What `shutdown()` was given.
    pub shutdown: Option<String>,
    /// How often a dump, and the options to be read again, was asked for.
    pub requests: (u32, u32),
    /// Whether this task handles the last line that came in.
    pub is_input_task: bool,
    /// Whether somebody asked for this task's end.
    pub killed: bool,
}

impl Default for TestHost {
    fn default() -> TestHost {
        TestHost {
            now: 0.0,
            random: 0,
            connections: Vec::new(),
            closed: Vec::new(),
            ended: Vec::new(),
            tasks: Vec::new(),
            orders: OrderCounts::default(),
            resumed: Vec::new(),
            forks: Vec::new(),
            task_ids: 0,
            jobs: Vec::new(),
            listeners: Vec::new(),
            log: Vec::new(),
            shutdown: None,
            requests: (0, 0),
            is_input_task: true,
            killed: false,
        }
    }
}

impl TestHost {
    /// Connects somebody.
    pub fn connect(&mut self, who: Obj) -> &mut Connection {
        let name = "port 7777 from localhost, port 54321".to_string();
        let connection = Connection {
            name,
            ..Connection::default()
        };
        self.connections.insert(0, (who, connection));
        &mut self.connections[0].1
    }

    /// Somebody's connection.
    pub fn connection(&self, who: Obj) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|(obj, _)| *obj == who)
            .map(|(_, c)| c)
    }

    fn connection_mut(&mut self, who: Obj) -> Option<&mut Connection> {
        self.connections
            .iter_mut()
            .find(|(obj, _)| *obj == who)
            .map(|(_, c)| c)
    }
}

impl Host for TestHost {
    fn now(&self) -> f64 {
        self.now
    }

    fn zone(&self, _time: i64) -> (i32, String) {
        (0, "UTC".to_string())
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random
    }

    fn seconds_left(&self) -> f64 {
        5.0
    }

    fn is_killed(&self) -> bool {
        self.killed
    }

    fn yield_now(&mut self) {}

    fn is_over_memory(&self) -> bool {
        false
    }

    fn connected(&self, all: bool) -> Vec<Obj> {
        let everybody = self.connections.iter().map(|(obj, _)| *obj);
        everybody.filter(|obj| all || obj.0 >= 0).collect()
    }

    fn connection_times(&self, conn: Obj) -> Option<(i64, i64)> {
        self.connection(conn).map(|_| (60, 10))
    }

    fn connection_name(&self, conn: Obj) -> Option<String> {
        self.connection(conn).map(|c| c.name.clone())
    }

    fn connection_option(&self, conn: Obj, name: &str) -> Option<Option<Value>> {
        let options = &self.connection(conn)?.options;
        Some(
            options
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, v)| v.clone()),
        )
    }

    fn connection_options(&self, conn: Obj) -> Option<Vec<(String, Value)>> {
        self.connection(conn).map(|c| c.options.clone())
    }

    fn set_connection_option(&mut self, conn: Obj, name: &str, value: &Value) -> Result<(), ErrorCode> {
        let connection = self.connection_mut(conn).ok_or(ErrorCode::InvArg)?;
        connection.options.retain(|(known, _)| known != name);
        connection.options.push((name.to_string(), value.clone()));
        Ok(())
    }

    fn connection_attributes(&self, conn: Obj) -> Option<Vec<(String, Value)>> {
        let connection = self.connection(conn)?;
        Some(vec![("address".to_string(), Value::str(&connection.name))])
    }

    fn present(&mut self, conn: Obj, id: &str, shown: Option<Presentation>) -> Result<(), ErrorCode> {
        let connection = self.connection_mut(conn).ok_or(ErrorCode::InvArg)?;
        connection.shown.retain(|(known, _)| known != id);
        connection
            .shown
            .extend(shown.map(|shown| (id.to_string(), shown)));
        Ok(())
    }

    fn output_delimiters(&self, conn: Obj) -> Option<(String, String)> {
        self.connection(conn)
            .map(|_| ("<<".to_string(), ">>".to_string()))
    }

    fn buffered_output(&self, conn: Obj) -> Option<usize> {
        let output = &self.connection(conn)?.output;
        Some(output.iter().map(String::len).sum())
    }

    fn notify(&mut self, conn: Obj, output: Output) -> bool {
        if let Some(connection) = self.connection_mut(conn) {
            connection.output.push(moo_model::literal::to_str(&output.text));
        }
        true
    }

    fn notify_rich(&mut self, conn: Obj, rich: Rich) -> bool {
        if let Some(connection) = self.connection_mut(conn) {
            connection
                .output
                .push(format!("{}: {}", rich.content_type, rich.content));
        }
        true
    }

    fn close(&mut self, conn: Obj, why: Close) {
        if self.connection(conn).is_some() {
            self.connections.retain(|(obj, _)| *obj != conn);
            self.closed.push((conn, why));
        }
    }

    fn switch_player(&mut self, conn: Obj, player: Obj, _silent: bool) -> Result<(), ErrorCode> {
        let at = self.connections.iter().position(|(obj, _)| *obj == conn);
        self.connections[at.ok_or(ErrorCode::InvArg)?].0 = player;
        Ok(())
    }

    fn end_sessions(&mut self, player: Obj) {
        self.ended.push(player);
    }

    fn force_input(&mut self, conn: Obj, line: &str, at_front: bool) -> Result<(), ErrorCode> {
        let connection = self.connection_mut(conn).ok_or(ErrorCode::InvArg)?;
        let at = if at_front { 0 } else { connection.input.len() };
        connection.input.insert(at, Value::str(line));
        Ok(())
    }

    fn flush_input(&mut self, conn: Obj, _show: bool) {
        if let Some(connection) = self.connection_mut(conn) {
            connection.input.clear();
        }
    }

    fn read_line(&mut self, conn: Obj, take: bool) -> Result<Option<Value>, ErrorCode> {
        let connection = self.connection_mut(conn).ok_or(ErrorCode::InvArg)?;
        let ready = take && !connection.input.is_empty();
        Ok(ready.then(|| connection.input.remove(0)))
    }

    fn is_input_task(&self, _conn: Obj) -> bool {
        self.is_input_task
    }

    fn listen(&mut self, handler: Obj, port: i64, print_messages: bool) -> Result<i64, ErrorCode> {
        if self.listeners.iter().any(|row| row.1 == port) {
            return Err(ErrorCode::InvArg);
        }
        self.listeners.insert(0, (handler, port, print_messages));
        Ok(port)
    }

    fn unlisten(&mut self, port: i64) -> Result<(), ErrorCode> {
        let at = self.listeners.iter().position(|row| row.1 == port);
        self.listeners.remove(at.ok_or(ErrorCode::InvArg)?);
        Ok(())
    }

    fn listeners(&self) -> Vec<(Obj, i64, bool)> {
        self.listeners.clone()
    }

    fn next_task_id(&mut self) -> i64 {
        self.task_ids += 1;
        1000 + self.task_ids
    }

    fn fork(&mut self, request: ForkRequest) -> Result<(), ErrorCode> {
        self.forks.push(request);
        Ok(())
    }

    fn may_queue(&mut self, progr: Obj, limit: Option<i64>) -> bool {
        let queued = self.tasks.iter().filter(|task| task.owner == progr).count();
        limit.is_none_or(|limit| (queued as i64) < limit)
    }

    fn orders(&self, _owner: Obj, _verb: &(Obj, String)) -> OrderCounts {
        self.orders
    }

    fn queued_tasks(&self) -> Vec<QueuedTask> {
        self.tasks.clone()
    }

    fn resume(&mut self, id: i64, value: Value) -> Result<(), ErrorCode> {
        let at = self.tasks.iter().position(|task| task.id == id);
        self.tasks.remove(at.ok_or(ErrorCode::InvArg)?);
        self.resumed.push((id, value));
        Ok(())
    }

    fn kill(&mut self, id: i64) -> Result<(), ErrorCode> {
        let at = self.tasks.iter().position(|task| task.id == id);
        self.tasks.remove(at.ok_or(ErrorCode::InvArg)?);
        Ok(())
    }

    fn enqueue_job(&mut self, job: NewJob, _is_limited: bool) -> Result<String, ErrorCode> {
        let id = format!("job-{}", self.jobs.len() + 1);
        self.jobs.push((id.clone(), job));
        Ok(id)
    }

    fn queued_jobs(&self, owner: Option<Obj>) -> Vec<JobSeen> {
        let wanted = |(_, job): &&(String, NewJob)| owner.is_none_or(|owner| job.owner == owner);
        self.jobs.iter().filter(wanted).map(seen).collect()
    }

    fn find_job(&self, id: &str) -> Option<JobSeen> {
        self.jobs.iter().find(|(known, _)| known == id).map(seen)
    }

    fn cancel_job(&mut self, id: &str) -> Result<(), ErrorCode> {
        let before = self.jobs.len();
        self.jobs.retain(|(known, _)| known != id);
        if self.jobs.len() < before {
            Ok(())
        } else {
            Err(ErrorCode::InvArg)
        }
    }

    fn queue_info(&self) -> Vec<Obj> {
        self.connected(false)
    }

    fn log(&mut self, text: &str, _is_error: bool) {
        self.log.push(text.to_string());
    }

    fn shutdown(&mut self, message: String) {
        self.shutdown = Some(message);
    }

    fn dump_database(&mut self) {
        self.requests.0 += 1;
    }

    fn db_disk_size(&self) -> i64 {
        4096
    }

    fn conflicts(&self) -> Vec<ConflictRow> {
        vec![ConflictRow {
            obj: Obj(7),
            part: "count".to_string(),
            count: 2,
        }]
    }

    fn lag(&self) -> Vec<LagRow> {
        vec![LagRow {
            step: "start",
            median: 0.25,
            p99: 0.5,
        }]
    }

    fn usage(&self) -> Value {
        Value::empty_list()
    }

    fn collect_garbage(&mut self) {}

    fn load_server_options(&mut self) {
        self.requests.1 += 1;
    }
}

fn seen((id, job): &(String, NewJob)) -> JobSeen {
    let to = match &job.to {
        JobTo::Player(player) => format!("user:{}", player.0),
        _ => "world".to_owned(),
    };
    JobSeen {
        id: id.clone(),
        owner: job.owner,
        kind: job.kind.clone(),
        to,
        state: "ready".to_owned(),
        tries: 0,
        since: 0,
        error: String::new(),
        data: job.data.clone(),
    }
}

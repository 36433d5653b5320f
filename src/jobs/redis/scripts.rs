//! The scripts of the job store on Redis. Each begins with `library.lua`.
//!
//! Invariant: all that one call of the store changes, one script changes; so a connection that breaks has changed all of
//! it or nothing.

/// What all scripts begin with.
const LIBRARY: &str = include_str!("library.lua");

/// Stores a job: id, queue, kind of answer as in the store, line, dedupe key, its milliseconds, due, ttl, tries, size,
/// spec, world, most jobs, most bytes. Gives the id, and whether it was known.
const PUT: &str = "
local id, queue, line, dedupe, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local due, ttl, tries, size, spec = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10]
local world, jobs_max, bytes_max = ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])
local fed = key('fed', world)
if redis.call('EXISTS', job(id)) == 1 or redis.call('ZSCORE', fed, id) then return {id, 1} end
local dedupe_key = key('dedupe', world, dedupe)
if dedupe ~= '' then
  local known = redis.call('GET', dedupe_key)
  if known then return {known, 1} end
end
local queues = {queue}
if queue == 'worlds' then
  queues = {}
  for _, name in ipairs(redis.call('SMEMBERS', key('worlds'))) do queues[#queues + 1] = 'w:' .. name .. ':world' end
end
local peer = string.match(queue, '^w:([^:]+):world$')
if peer and redis.call('SISMEMBER', key('worlds'), peer) == 0 then return {'NOWORLD', peer} end
if redis.call('ZCARD', key('alive')) + #queues > jobs_max then return {'FULL', 0} end
if tonumber(redis.call('GET', key('bytes')) or '0') + tonumber(size) > bytes_max then return {'FULL', 0} end
if dedupe ~= '' then redis.call('SET', dedupe_key, id, 'PX', keep) end
redis.call('ZADD', fed, now, id)
redis.call('ZREMRANGEBYRANK', fed, 0, -4097)
for number, name in ipairs(queues) do
  -- Every world has a job of its own: the byte of the id in which no two jobs of one producer differ tells them apart.
  local own = id
  if number > 1 then own = string.sub(id, 1, 16) .. string.format('%02x', number - 1) .. string.sub(id, 19) end
  local seq = redis.call('INCR', key('seq'))
  local until_ = math.max(due, now) + ttl
  local line_key = ''
  if line ~= '' then line_key = key('line', name, line) end
  redis.call('HSET', job(own), 's', spec, 'q', name, 'n', 0, 'max', tries, 'l', 0, 'since', now, 'until', until_,
    'why', '', 'line', line_key, 'size', size, 'seq', seq, 'due', due, 'ttl', ttl, 'st', 'behind', 'by', '')
  redis.call('ZADD', key('ends'), until_, own)
  redis.call('ZADD', key('alive'), seq, own)
  redis.call('INCRBY', key('bytes'), size)
  if line_key == '' or redis.call('RPUSH', line_key, own) == 1 then place(own, due) end
end
return {id, 0}
";

/// Gives jobs: taker, how many, queues. Each is id, lease, queue, try, spec.
const TAKE: &str = "
local taker, most = ARGV[1], tonumber(ARGV[2])
local taken = {}
for place_of = 3, #ARGV do
  local queue = ARGV[place_of]
  local stream = key('q', queue)
  while #taken < most and redis.call('EXISTS', stream) == 1 do
    local ask = {'XREADGROUP', 'GROUP', 'g', taker, 'COUNT', most - #taken, 'STREAMS', stream, '>'}
    local ok, read = pcall(redis.call, unpack(ask))
    if not ok then
      redis.call('XGROUP', 'CREATE', stream, 'g', '0')
      read = redis.call(unpack(ask))
    end
    if not read or not read[1] then break end
    for _, entry in ipairs(read[1][2]) do
      local id = entry[2][2]
      local it = redis.call('HMGET', job(id), 'until', 'n', 's', 'eid')
      if it[4] ~= entry[1] then
        redis.call('XACK', stream, 'g', entry[1])
        redis.call('XDEL', stream, entry[1])
      elseif tonumber(it[1]) <= now then
        bury(id, expired)
      else
        local tries, lease = tonumber(it[2]) + 1, redis.call('INCR', key('lease'))
        redis.call('HSET', job(id), 'st', 'taken', 'n', tries, 'l', lease, 'by', taker)
        redis.call('SADD', key('taken'), id)
        taken[#taken + 1] = {id, lease, queue, tries, it[3]}
      end
    end
  end
end
return taken
";

/// A taker is still at work: id, lease.
const EXTEND: &str = "
local id = ARGV[1]
if not holds(id, ARGV[2]) then return 0 end
local it = redis.call('HMGET', job(id), 'q', 'eid', 'by')
redis.call('XCLAIM', key('q', it[1]), 'g', it[3], 0, it[2], 'JUSTID')
return 1
";

/// A try has ended: id, lease, how, pause or -1 for the usual one, why, first pause, longest pause, chance in thousandths.
const END: &str = "
local id, how, pause, why = ARGV[1], ARGV[3], tonumber(ARGV[4]), ARGV[5]
if not holds(id, ARGV[2]) then return 0 end
if how == 'done' then
  finish(id)
elseif how == 'reject' then
  bury(id, why)
else
  if pause < 0 then
    local tries = tonumber(redis.call('HGET', job(id), 'n'))
    pause = math.min(tonumber(ARGV[6]) * 2 ^ math.min(tries - 1, 16), tonumber(ARGV[7]))
    pause = math.floor(pause + pause * tonumber(ARGV[8]) / 4000)
  end
  fail(id, pause, why)
end
return 1
";

/// A taker is gone: its name. What it had comes back in the order in which it was put.
const GIVE_BACK: &str = "
local theirs = {}
for _, id in ipairs(redis.call('SMEMBERS', key('taken'))) do
  local it = redis.call('HMGET', job(id), 'by', 'seq')
  if it[1] == ARGV[1] then theirs[#theirs + 1] = {tonumber(it[2]), id} end
end
table.sort(theirs, function(a, b) return a[1] < b[1] end)
for _, it in ipairs(theirs) do fail(it[2], 0, vanished) end
return #theirs
";

/// What time asks for: the lease in milliseconds, and how many jobs at most of each sort.
const SWEEP: &str = "
local lease, most = ARGV[1], ARGV[2]
for _, queue in ipairs(redis.call('SMEMBERS', key('queues'))) do
  local stream = key('q', queue)
  local ok, claimed = pcall(redis.call, 'XAUTOCLAIM', stream, 'g', 'sweeper', lease, '0-0', 'COUNT', most)
  if ok and claimed[2] then
    for _, entry in ipairs(claimed[2]) do
      local id = entry[2] and entry[2][2]
      if id and redis.call('HGET', job(id), 'eid') == entry[1] then fail(id, 0, vanished) end
    end
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('ends'), '-inf', now, 'LIMIT', 0, most)) do
  if redis.call('HGET', job(id), 'st') ~= 'taken' then bury(id, expired) end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('delay'), '-inf', now, 'LIMIT', 0, most)) do
  redis.call('ZREM', key('delay'), id)
  place(id, 0)
end
return redis.status_reply('OK')
";

/// Forgets a job that nobody has: id.
const CANCEL: &str = "
local st = redis.call('HGET', job(ARGV[1]), 'st')
if not st or st == 'dead' then return 'UNKNOWN' end
if st == 'taken' then return 'ATWORK' end
finish(ARGV[1])
return 'OK'
";

/// Brings a dead job back: id, most jobs.
const RETRY: &str = "
local id = ARGV[1]
if redis.call('HGET', job(id), 'st') ~= 'dead' then return 'UNKNOWN' end
if redis.call('ZCARD', key('alive')) >= tonumber(ARGV[2]) then return 'FULL' end
local it = redis.call('HMGET', job(id), 'ttl', 'size', 'line')
redis.call('ZREM', key('dead'), id)
local seq, until_ = redis.call('INCR', key('seq')), now + tonumber(it[1])
redis.call('HSET', job(id), 'n', 0, 'seq', seq, 'until', until_, 'st', 'behind', 'due', 0)
redis.call('ZADD', key('ends'), until_, id)
redis.call('ZADD', key('alive'), seq, id)
redis.call('INCRBY', key('bytes'), it[2])
if it[3] == '' or redis.call('RPUSH', it[3], id) == 1 then place(id, 0) end
return 'OK'
";

/// Forgets a dead job: id.
const DROP: &str = "
if redis.call('HGET', job(ARGV[1]), 'st') ~= 'dead' then return 'UNKNOWN' end
redis.call('ZREM', key('dead'), ARGV[1])
redis.call('DEL', job(ARGV[1]))
return 'OK'
";

/// Jobs as they are: their ids, or so many of a sorted set. Each is id, queue, standing, tries, since, why, spec, due,
/// taker.
const SEE: &str = "
local ids = ARGV
if ARGV[1] == '*' then ids = redis.call('ZRANGE', key(ARGV[2]), 0, tonumber(ARGV[3]) - 1) end
local seen = {}
for _, id in ipairs(ids) do
  local it = redis.call('HMGET', job(id), 'q', 'st', 'n', 'since', 'why', 's', 'due', 'by')
  if it[1] then seen[#seen + 1] = {id, unpack(it)} end
end
return seen
";

/// How many jobs there are: alive, taken, delayed, dead, bytes.
const COUNTS: &str = "
return {redis.call('ZCARD', key('alive')), redis.call('SCARD', key('taken')), redis.call('ZCARD', key('delay')),
  redis.call('ZCARD', key('dead')), tonumber(redis.call('GET', key('bytes')) or '0')}
";

/// Makes a world known, and gives what tells one life of this Redis from another: the world, and what to call a new life.
const JOIN: &str = "
redis.call('SADD', key('worlds'), ARGV[1])
redis.call('SET', key('life'), ARGV[2], 'NX')
return redis.call('GET', key('life'))
";

/// One of the scripts.
#[derive(Debug)]
pub(super) struct Scripts {
    pub put: redis::Script,
    pub take: redis::Script,
    pub extend: redis::Script,
    pub end: redis::Script,
    pub give_back: redis::Script,
    pub sweep: redis::Script,
    pub cancel: redis::Script,
    pub retry: redis::Script,
    pub drop: redis::Script,
    pub see: redis::Script,
    pub counts: redis::Script,
    pub join: redis::Script,
}

impl Scripts {
    pub fn new() -> Scripts {
        let script = |own: &str| redis::Script::new(&format!("{LIBRARY}{own}"));
        Scripts {
            put: script(PUT),
            take: script(TAKE),
            extend: script(EXTEND),
            end: script(END),
            give_back: script(GIVE_BACK),
            sweep: script(SWEEP),
            cancel: script(CANCEL),
            retry: script(RETRY),
            drop: script(DROP),
            see: script(SEE),
            counts: script(COUNTS),
            join: script(JOIN),
        }
    }

    /// All of them.
    pub fn all(&self) -> [&redis::Script; 12] {
        [
            &self.put,
            &self.take,
            &self.extend,
            &self.end,
            &self.give_back,
            &self.sweep,
            &self.cancel,
            &self.retry,
            &self.drop,
            &self.see,
            &self.counts,
            &self.join,
        ]
    }
}

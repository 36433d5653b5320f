//! The scripts of the job store on Redis. Each begins with `library.lua`, but for the first that a connection runs.
//!
//! Invariant: all that one call of the store changes, one script changes; so a connection that breaks has changed all of
//! it or nothing.

use crate::limits::JOBS_KNOWN_MAX;

/// What scripts begin with.
const LIBRARY: &str = include_str!("library.lua");

/// Stores jobs: world, most jobs, most bytes, milliseconds that dedupe keys are kept; and for each its id, queue, line,
/// dedupe key, due, ttl, tries, size, owner, spec. Gives of each its id, whether it was known, and how many its owner has.
const PUT: &str = include_str!("put.lua");

/// Gives jobs: taker, how many, queues. Each is id, lease, queue, try, spec, world, owner.
const TAKE: &str = "
local taker, most = ARGV[1], tonumber(ARGV[2])
local found = {}
for at = 3, #ARGV, 1000 do
  local some = {unpack(ARGV, at, math.min(at + 999, #ARGV))}
  for place_of, has in ipairs(call('SMISMEMBER', queues, unpack(some))) do
    if has == 1 then found[#found + 1] = some[place_of] end
  end
end
local taken, ids, held = {}, {}, {}
local last = tonumber(call('GET', key('lease')) or '0')
for _, queue in ipairs(found) do
  while #taken < most do
    local read = call('XREADGROUP', 'GROUP', 'g', taker, 'COUNT', most - #taken, 'STREAMS', stream(queue), '>')
    if not read or not read[1] then break end
    for _, entry in ipairs(read[1][2]) do
      local id = entry[2][2]
      local it = call('HMGET', job(id), 'until', 'n', 'eid', 'w', 'own')
      if it[3] ~= entry[1] then
        call('XACK', stream(queue), 'g', entry[1])
        call('XDEL', stream(queue), entry[1])
        left[queue] = true
      elseif tonumber(it[1]) <= now then
        bury(id, look(id), expired)
      else
        last = last + 1
        local tries = tonumber(it[2] or '0') + 1
        call('HSET', job(id), 'st', 'taken', 'n', tries, 'l', last, 'by', taker)
        taken[#taken + 1] = {id, last, queue, tries, '', it[4] or '', it[5] or ''}
        ids[#ids + 1] = spec_of(id)
        held[#held + 1] = now
        held[#held + 1] = id
      end
    end
  end
end
if #taken > 0 then
  call('SET', key('lease'), last)
  call('ZADD', leases, unpack(held))
  for place_of, spec in ipairs(call('MGET', unpack(ids))) do taken[place_of][5] = spec or '' end
end
settle()
return taken
";

/// Takers are still at work: of each id and lease. Gives 1 for each that holds.
const EXTEND: &str = "
local held = {}
for at = 1, #ARGV, 2 do
  local id = ARGV[at]
  local it = look(id)
  if it.st == 'taken' and it.lease == ARGV[at + 1] then
    call('XCLAIM', stream(it.queue), 'g', call('HGET', job(id), 'by'), 0, it.entry, 'JUSTID')
    call('ZADD', leases, now, id)
    held[#held + 1] = 1
  else
    held[#held + 1] = 0
  end
end
return held
";

/// Tries have ended: first pause, longest pause; and of each id, lease, how, pause or -1 for the usual one, why, chance in
/// thousandths. Gives 1 for each whose lease held.
const END: &str = "
local first, longest = tonumber(ARGV[1]), tonumber(ARGV[2])
local answers, done, its, is_done, lines = {}, {}, {}, {}, {}
for at = 3, #ARGV, 6 do
  local id, how, pause, why = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4]
  local it = look(id)
  local holds = it.st == 'taken' and it.lease == ARGV[at + 1] and not is_done[id]
  answers[#answers + 1] = holds and 1 or 0
  if not holds then
    -- Somebody else decides what becomes of it.
  elseif how == 'done' then
    is_done[id] = true
    done[#done + 1] = id
    its[#its + 1] = it
  elseif how == 'reject' then
    bury(id, it, why)
  elseif how == 'park' then
    call('HINCRBY', job(id), 'n', -1)
    come_back(id, it, pause, why)
  else
    if pause < 0 then
      pause = math.min(first * 2 ^ math.min(it.tries - 1, 16), longest)
      pause = math.floor(pause + pause * tonumber(ARGV[at + 5]) / 4000)
    end
    fail(id, it, pause, why)
  end
end
if #done > 0 then
  leave(done, its)
  forget(done)
end
settle()
return answers
";

/// A taker is gone: its name. What it had comes back in the order in which it was put.
const GIVE_BACK: &str = "
local theirs = {}
for _, id in ipairs(call('ZRANGE', leases, 0, -1)) do
  if call('HGET', job(id), 'by') == ARGV[1] then theirs[#theirs + 1] = {look(id), id} end
end
table.sort(theirs, function(a, b) return tonumber(a[1].seq) < tonumber(b[1].seq) end)
for _, their in ipairs(theirs) do fail(their[2], their[1], 0, vanished) end
settle()
return #theirs
";

/// What time asks for: the lease in milliseconds, and how many jobs at most of each sort. Gives how many of the dead were
/// ever forgotten.
const SWEEP: &str = "
local lease, most = tonumber(ARGV[1]), ARGV[2]
for _, id in ipairs(call('ZRANGEBYSCORE', leases, '-inf', now - lease, 'LIMIT', 0, most)) do
  local it = look(id)
  -- The group knows how long nobody has had anything to do with it.
  local claimed = call('XCLAIM', stream(it.queue), 'g', 'sweeper', lease, it.entry, 'JUSTID')
  if claimed[1] then fail(id, it, 0, vanished) end
end
for _, id in ipairs(call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, most)) do
  local it = look(id)
  if it.st ~= 'taken' then bury(id, it, expired) end
end
for _, id in ipairs(call('ZRANGEBYSCORE', delay, '-inf', now, 'LIMIT', 0, most)) do
  call('ZREM', delay, id)
  place(id, call('HGET', job(id), 'q'), 0)
end
settle()
return tonumber(call('GET', key('forgotten')) or '0')
";

/// Forgets a job that nobody has: id.
const CANCEL: &str = "
local id = ARGV[1]
local it = look(id)
if not it.st or it.st == 'dead' then return 'UNKNOWN' end
if it.st == 'taken' then return 'ATWORK' end
leave({id}, {it})
forget({id})
settle()
return 'OK'
";

/// Brings a dead job back: id, most jobs, most bytes.
const RETRY: &str = "
local id = ARGV[1]
local it = look(id)
if it.st ~= 'dead' then return 'UNKNOWN' end
local bytes = tonumber(call('GET', key('bytes')) or '0') + it.size
if call('ZCARD', alive) >= tonumber(ARGV[2]) or bytes > tonumber(ARGV[3]) then return 'FULL' end
call('ZREM', dead, id)
call('DECRBY', key('dead_bytes'), it.size)
local seq, until_ = call('INCR', key('seq')), now + tonumber(call('HGET', job(id), 'ttl'))
call('HSET', job(id), 'n', 0, 'seq', seq, 'until', until_, 'st', 'behind', 'due', 0)
call('ZADD', ends, until_, id)
call('ZADD', alive, seq, id)
call('INCRBY', key('bytes'), it.size)
local owners = {}
note_owner(owners, it.world, it.owner, 1)
count_owners(owners)
if not it.line or call('RPUSH', it.line, id) == 1 then place(id, it.queue, 0) else call('INCR', behind) end
settle()
return 'OK'
";

/// Forgets a dead job: id.
const DROP: &str = "
local it = look(ARGV[1])
if it.st ~= 'dead' then return 'UNKNOWN' end
call('ZREM', dead, ARGV[1])
call('DECRBY', key('dead_bytes'), it.size)
forget({ARGV[1]})
return 'OK'
";

/// Jobs as they are: their ids, or so many of a sorted set. Each is id, queue, standing, tries, since, why, spec, due,
/// taker, world, owner.
const SEE: &str = "
local ids = ARGV
if ARGV[1] == '*' then ids = call('ZRANGE', key(ARGV[2]), 0, tonumber(ARGV[3]) - 1) end
local seen = {}
for _, id in ipairs(ids) do
  local it = call('HMGET', job(id), 'q', 'st', 'n', 'since', 'why', 'due', 'by', 'w', 'own')
  if it[1] then
    for place_of = 1, 9 do it[place_of] = it[place_of] or '' end
    local spec = call('GET', spec_of(id)) or ''
    local tries, due = tonumber(it[3]) or 0, tonumber(it[6]) or 0
    seen[#seen + 1] = {id, it[1], it[2], tries, it[4], it[5], spec, due, it[7], it[8], it[9]}
  end
end
return seen
";

/// How many jobs there are: alive, behind, taken, delayed, dead, bytes, bytes of the dead, forgotten.
const COUNTS: &str = "
local function count(name) return tonumber(call('GET', key(name)) or '0') end
return {call('ZCARD', alive), count('behind'), call('ZCARD', leases), call('ZCARD', delay), call('ZCARD', dead),
  count('bytes'), count('dead_bytes'), count('forgotten')}
";

/// How many jobs each owner of a world has: the world. Gives pairs.
const OWNERS: &str = "return call('HGETALL', key('owners', ARGV[1]))";

/// Makes a world known, and gives what tells one life of this Redis from another: the world, the id of its folder, and what
/// to call a new life. What it gives is empty if the world of that name has another folder.
const JOIN: &str = "
local ns, world = KEYS[1], ARGV[1]
local holder = redis.call('GET', ns .. ':world:' .. world)
if holder and holder ~= ARGV[2] then return '' end
redis.call('SET', ns .. ':world:' .. world, ARGV[2])
redis.call('SADD', ns .. ':worlds', world)
redis.call('SET', ns .. ':life', ARGV[3], 'NX')
return redis.call('GET', ns .. ':life')
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
    pub owners: redis::Script,
    pub join: redis::Script,
}

impl Scripts {
    /// Scripts that keep so many of the dead, of so many bytes.
    pub fn new((dead_max, dead_bytes_max): (usize, usize)) -> Scripts {
        let bounds = format!(
            "local dead_max, dead_bytes_max, known_max = {dead_max}, {dead_bytes_max}, {JOBS_KNOWN_MAX}\n"
        );
        let script = |own: &str| redis::Script::new(&format!("{bounds}{LIBRARY}{own}"));
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
            owners: script(OWNERS),
            join: redis::Script::new(JOIN),
        }
    }

    /// All of them.
    pub fn all(&self) -> [&redis::Script; 13] {
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
            &self.owners,
            &self.join,
        ]
    }
}

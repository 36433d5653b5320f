//! The scripts of the job store on Redis. Each begins with `library.lua`, but for the first that a connection runs.
//!
//! Invariant: all that one call of the store changes, one script changes; so a connection that breaks has changed all of
//! it or nothing.

use crate::limits::{JOB_PARKED_MAX, JOB_SWEPT_AT_ONCE, JOB_WORLDS_MAX, JOBS_KNOWN_MAX};

/// What scripts begin with.
const LIBRARY: &str = include_str!("library.lua");

/// Stores jobs: world, most jobs, most bytes, milliseconds that dedupe keys are kept; and for each its id, queue, line,
/// dedupe key, due, ttl, tries, size, owner, spec. Gives of each its id, whether it was known, and how many its
/// owner has; and how many this world ever put.
const PUT: &str = include_str!("put.lua");

/// Gives jobs: taker, how many, queues. A call that finds many which nobody may have any more leaves the rest to the next.
/// Each is id, lease, queue, try, spec, world, owner.
const TAKE: &str = include_str!("take.lua");

/// Takers are still at work: of each id and lease. Gives 1 for each that holds.
const EXTEND: &str = "
local held = {}
for at = 1, #ARGV, 2 do
  local id = ARGV[at]
  local it = look(id)
  if it and it[STANDS] == 'taken' and it[LEASE] == tonumber(ARGV[at + 1]) then
    call('XCLAIM', stream(it[QUEUE]), 'g', it[TAKER], 0, it[ENTRY], 'JUSTID')
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
local first, longest, each = tonumber(ARGV[1]), tonumber(ARGV[2]), 6
local ids = {}
for at = 3, #ARGV, each do ids[#ids + 1] = ARGV[at] end
local its, answers, has_ended = look_at(ids), {}, {}
local done, of_done = {}, {}
for number = 1, #ids do
  local id, it, at = ids[number], its[number], 3 + (number - 1) * each
  local how, pause, why = ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4]
  -- Where it does not hold, somebody else decides what becomes of it.
  local holds = it and it[STANDS] == 'taken' and it[LEASE] == tonumber(ARGV[at + 1]) and not has_ended[id]
  answers[number] = holds and 1 or 0
  has_ended[id] = true
  if holds and how == 'done' then
    done[#done + 1] = id
    of_done[#of_done + 1] = it
  elseif holds and how == 'reject' then
    bury(id, it, why)
  elseif holds and how == 'park' then
    it[TRIES] = it[TRIES] - 1
    come_back(id, it, pause, why)
  elseif holds then
    if pause < 0 then
      pause = math.min(first * 2 ^ math.min(it[TRIES] - 1, 16), longest)
      pause = math.floor(pause + pause * tonumber(ARGV[at + 5]) / 4000)
    end
    fail(id, it, pause, why)
  end
end
if #done > 0 then
  leave(done, of_done)
  forget(done)
end
settle()
return answers
";

/// A taker is gone: its name. What it had comes back in the order in which it was put.
const GIVE_BACK: &str = "
local theirs = {}
for _, id in ipairs(call('ZRANGE', leases, 0, -1)) do
  local it = look(id)
  if it[TAKER] == ARGV[1] then theirs[#theirs + 1] = {it, id} end
end
table.sort(theirs, function(a, b) return a[1][SEQ] < b[1][SEQ] end)
for _, their in ipairs(theirs) do fail(their[2], their[1], 0, vanished) end
settle()
return #theirs
";

/// What time asks for: the lease in milliseconds, and how many jobs at most of each sort. Gives how many of the dead were
/// ever forgotten.
const SWEEP: &str = "
local lease, most = tonumber(ARGV[1]), tonumber(ARGV[2])
for _, id in ipairs(call('ZRANGEBYSCORE', leases, '-inf', now - lease, 'LIMIT', 0, most)) do
  local it = look(id)
  -- The group knows how long nobody has had anything to do with it.
  local claimed = call('XCLAIM', stream(it[QUEUE]), 'g', 'sweeper', lease, it[ENTRY], 'JUSTID')
  if claimed[1] then fail(id, it, 0, vanished) end
end
-- What somebody has is theirs still, and holds up nothing behind it; nor does what was put to be done so much later.
local function give_up(set, latest)
  local passed, gone = 0, 0
  repeat
    local ids = call('ZRANGEBYSCORE', set, '-inf', latest, 'LIMIT', passed, most)
    for _, id in ipairs(ids) do
      local it = look(id)
      if it[STANDS] == 'taken' then
        passed = passed + 1
      else
        gone = gone + 1
        if it[TILL] > now then call('ZADD', set, it[TILL] - longest, id) else bury(id, it, expired) end
      end
    end
  until #ids < most or gone >= most
end
give_up(ends, now)
give_up(alive, now - longest)
for _, id in ipairs(call('ZRANGEBYSCORE', delay, '-inf', now, 'LIMIT', 0, most)) do
  call('ZREM', delay, id)
  place(id, look(id), 0)
end
settle()
return tonumber(call('GET', key('forgotten')) or '0')
";

/// Forgets jobs that nobody has: ids. One for all worlds is forgotten in each of them, and counts as one that somebody has if
/// any world is at work on it. Gives a word for each.
const CANCEL: &str = "
local function cancel(id, it)
  if not it or it[STANDS] == 'dead' then return 'UNKNOWN' end
  if it[STANDS] == 'taken' then return 'ATWORK' end
  leave({id}, {it})
  forget({id})
  return 'OK'
end
local words, of_note = {}, {UNKNOWN = 0, OK = 1, ATWORK = 2}
for at = 1, #ARGV do
  local ids = all_of(ARGV[at])
  local its, word = look_at(ids), 'UNKNOWN'
  for number = 1, #ids do
    local own = cancel(ids[number], its[number])
    if of_note[own] > of_note[word] then word = own end
  end
  words[at] = word
end
settle()
return words
";

/// Of jobs, whether a world ever stored them: the world, ids. Gives 1 for each that it did, as far back as is known.
const KNOWN: &str = "
local ids, known = {unpack(ARGV, 2)}, {}
for at, stored in ipairs(were_stored(ARGV[1], ids)) do known[at] = stored and 1 or 0 end
return known
";

/// Brings a dead job back: id, most jobs, most bytes.
const RETRY: &str = "
local id = ARGV[1]
local it = look(id)
if not it or it[STANDS] ~= 'dead' then return 'UNKNOWN' end
local bytes = tonumber(call('GET', key('bytes')) or '0') + it[SIZE]
if call('ZCARD', alive) >= tonumber(ARGV[2]) or bytes > tonumber(ARGV[3]) then return 'FULL' end
call('ZREM', dead, id)
call('DECRBY', key('dead_bytes'), it[SIZE])
it[STANDS], it[TRIES], it[DUE] = 'behind', 0, 0
it[SEQ], it[TILL] = call('INCR', key('seq')), now + it[TTL]
call('ZADD', alive, now, id)
if it[TTL] < longest then call('ZADD', ends, it[TILL], id) end
call('INCRBY', key('bytes'), it[SIZE])
local owners = {}
note_owner(owners, it[WORLD], it[OWNER], 1, it[SIZE])
count_owners(owners)
if it[LINE] ~= '' and call('RPUSH', it[LINE], id) > 1 then
  call('INCR', behind)
  write(id, it)
else
  place(id, it, 0)
end
settle()
return 'OK'
";

/// Forgets a dead job: id.
const DROP: &str = "
local it = look(ARGV[1])
if not it or it[STANDS] ~= 'dead' then return 'UNKNOWN' end
call('ZREM', dead, ARGV[1])
call('DECRBY', key('dead_bytes'), it[SIZE])
forget({ARGV[1]})
return 'OK'
";

/// Jobs as they are: their ids, or so many of a sorted set and bytes of them; of those alive the oldest, in the
/// order of their puts, and the newest of the dead first. Each is id, queue, standing, tries, since, why, spec, due,
/// taker, world, owner.
const SEE: &str = "
local ids, bytes, bytes_max = ARGV, 0, math.huge
if ARGV[1] == '*' then
  ids = call(ARGV[2] == 'dead' and 'ZREVRANGE' or 'ZRANGE', key(ARGV[2]), 0, tonumber(ARGV[3]) - 1)
  bytes_max = tonumber(ARGV[4])
end
local found, seen = {}, {}
for _, id in ipairs(ids) do
  local it = look(id)
  if it then found[#found + 1] = {id, it} end
end
if ARGV[2] == 'alive' then table.sort(found, function(a, b) return a[2][SEQ] < b[2][SEQ] end) end
for _, one in ipairs(found) do
  local id, it = one[1], one[2]
  bytes = bytes + it[SIZE]
  if #seen > 0 and bytes > bytes_max then break end
  local spec = call('GET', specs_of .. id) or ''
  seen[#seen + 1] = {id, it[QUEUE], it[STANDS], it[TRIES], it[SINCE], it[WHY], spec, it[DUE], it[TAKER], it[WORLD], it[OWNER]}
end
return seen
";

/// How many jobs there are: alive, behind, taken, delayed, dead, bytes, bytes of the dead, forgotten.
const COUNTS: &str = "
local function count(name) return tonumber(call('GET', key(name)) or '0') end
return {call('ZCARD', alive), count('behind'), call('ZCARD', leases), call('ZCARD', delay), call('ZCARD', dead),
  count('bytes'), count('dead_bytes'), count('forgotten')}
";

/// How many jobs each owner of a world has, and bytes of them under their number with a b before it: the world. Gives pairs.
const OWNERS: &str = "return call('HGETALL', key('owners', ARGV[1]))";

/// Makes a world known, and gives what tells one life of this Redis from another: the world, the id of its folder, what to
/// call a new life, and how many worlds there may be. Gives that, and how many jobs the world ever put; the first is empty if
/// the world of that name has another folder, and `WORLDS` if there are too many. It writes only what is not so already, so it is of use to a Redis that is full.
const JOIN: &str = "
local ns, world = KEYS[1], ARGV[1]
local holder = redis.call('GET', ns .. ':world:' .. world)
if holder and holder ~= ARGV[2] then return {'', 0} end
local is_known = redis.call('SISMEMBER', ns .. ':worlds', world) == 1
if not is_known and redis.call('SCARD', ns .. ':worlds') >= tonumber(ARGV[4]) then return {'WORLDS', 0} end
if not holder then redis.call('SET', ns .. ':world:' .. world, ARGV[2]) end
if not is_known then redis.call('SADD', ns .. ':worlds', world) end
if redis.call('EXISTS', ns .. ':life') == 0 then redis.call('SET', ns .. ':life', ARGV[3]) end
return {redis.call('GET', ns .. ':life'), tonumber(redis.call('GET', ns .. ':written:' .. world) or '0')}
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
    pub known: redis::Script,
    pub join: redis::Script,
}

impl Scripts {
    /// Scripts that keep so many of the dead, of so many bytes.
    pub fn new((dead_max, dead_bytes_max): (usize, usize)) -> Scripts {
        let bounds = format!(
            "local dead_max, dead_bytes_max, known_max = {dead_max}, {dead_bytes_max}, {JOBS_KNOWN_MAX}\n\
             local swept_max, worlds_max = {JOB_SWEPT_AT_ONCE}, {JOB_WORLDS_MAX}\n\
             local longest = {}\n",
            JOB_PARKED_MAX.as_millis()
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
            known: script(KNOWN),
            join: redis::Script::new(JOIN),
        }
    }

    /// All of them.
    pub fn all(&self) -> [&redis::Script; 14] {
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
            &self.known,
            &self.join,
        ]
    }
}

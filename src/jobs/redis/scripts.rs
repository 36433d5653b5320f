//! The scripts of the job store on Redis. Each begins with `library.lua`, but for the first that a connection runs.
//!
//! Invariant: all that one call of the store changes, one script changes; so a connection that breaks has changed all of
//! it or nothing.

use super::wording::NUMBER_MAX;
use crate::limits::{JOB_PARKED_MAX, JOB_SWEPT_AT_ONCE, JOB_WORLDS_MAX, JOBS_KNOWN_MAX};

/// What scripts begin with.
const LIBRARY: &str = include_str!("library.lua");

/// Stores jobs: world, most jobs, most bytes, milliseconds that dedupe keys are kept, number of groups; of each group its
/// queue, order key, dedupe key, due, ttl, owner, bytes, and the number of its last job; the ids of all jobs; and of each its id
/// and its row, as `wording` packs it. Gives of each group how many jobs the owner had before, where all are stored; else of each
/// of its jobs the id, whether it was known, and how many its owner has; and how many this world ever put.
const PUT: &str = include_str!("put.lua");

/// Gives jobs: taker, the name of this call, milliseconds that it is remembered, how many, queues. The same call again gives
/// the same jobs, as far as they are the taker's still. A call that finds many which nobody may have any more leaves the rest to
/// the next. Gives of each queue its name, entries, ids and rows.
const TAKE: &str = include_str!("take.lua");

/// Tries have ended: first pause, longest pause, number of groups; of each group of jobs that are done, without order keys, their
/// queue, world, owner, bytes and number; of each group the entries, in order, and the ids; and of each other job id, entry, how,
/// pause or -1 for the usual one, why, chance in thousandths. Gives 1 for each group whose leases all held, else 1 or 0 for each
/// of its leases; and for each other lease.
const END: &str = include_str!("end.lua");

/// Takers are still at work: of each id and entry. Gives 1 for each that holds.
const EXTEND: &str = "
local held = {}
for at = 1, #ARGV, 2 do
  local it = look(ARGV[at])
  local taker = it and it[ENTRY] == ARGV[at + 1] and taker_of(it)
  if taker then call('XCLAIM', stream(it[QUEUE]), 'g', taker, 0, it[ENTRY], 'JUSTID') end
  held[#held + 1] = taker and 1 or 0
end
return held
";

/// A taker is gone: its name. What it had comes back in the order in which it was put.
const GIVE_BACK: &str = "
local theirs = {}
for _, queue in ipairs(busy_queues()) do
  local from = '-'
  repeat
    local some = call('XPENDING', stream(queue), 'g', from, '+', swept_max, ARGV[1])
    for _, pending in ipairs(some) do
      local id = job_of(queue, pending[1])
      local it = id and look(id)
      if it then theirs[#theirs + 1] = {it, id} else drop(queue, pending[1]) end
      from = '(' .. pending[1]
    end
  until #some < swept_max
end
table.sort(theirs, function(a, b) return is_earlier(a[1], b[1]) end)
for _, their in ipairs(theirs) do fail(their[2], their[1], 0, vanished) end
settle()
return #theirs
";

/// What time asks for: the lease in milliseconds, and how many jobs at most of each sort. Gives how many of the dead were
/// ever forgotten.
const SWEEP: &str = "
local lease, most = ARGV[1], tonumber(ARGV[2])
local swept = 0
for _, queue in ipairs(busy_queues()) do
  if swept >= most then break end
  -- The group knows how long nobody has had anything to do with an entry.
  local late = call('XPENDING', stream(queue), 'g', 'IDLE', lease, '-', '+', most - swept)
  for _, pending in ipairs(late) do
    local id = job_of(queue, pending[1])
    local it = id and look(id)
    if it then fail(id, it, 0, vanished) else drop(queue, pending[1]) end
  end
  swept = swept + #late
  if #late == 0 and call('XPENDING', stream(queue), 'g')[1] == 0 then call('SREM', busy, queue) end
end
-- What somebody has is theirs still, and holds up nothing behind it; nor does what was put to be done so much later.
local function give_up(set, latest, in_set)
  local passed, gone = 0, 0
  repeat
    local ids = call('ZRANGEBYSCORE', set, '-inf', latest, 'LIMIT', passed, most)
    for _, id in ipairs(ids) do
      local it = look(id)
      if taker_of(it) then
        passed = passed + 1
      else
        gone = gone + 1
        if it[TILL] > now then
          call('ZREM', set, id)
          write(id, it)
          call('ZADD', set, word(in_set(it[TILL])), id)
        else
          bury(id, it, expired)
        end
      end
    end
  until #ids < most or gone >= most
end
give_up(ends, now, function(till) return till end)
give_up(alive, micros - longest * 1000, function(till) return (till - longest) * 1000 end)
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
local function cancel(id)
  local it = look(id)
  if not it or it[STANDS] == 'dead' then return 'UNKNOWN' end
  if taker_of(it) then return 'ATWORK' end
  leave(id, it)
  call('HDEL', jobs, id)
  return 'OK'
end
local words, of_note = {}, {UNKNOWN = 0, OK = 1, ATWORK = 2}
for at = 1, #ARGV do
  local word_of = 'UNKNOWN'
  for _, id in ipairs(all_of(ARGV[at])) do
    local own = cancel(id)
    if of_note[own] > of_note[word_of] then word_of = own end
  end
  words[at] = word_of
end
settle()
return words
";

/// Of jobs, whether a world ever stored them: the world, ids. Gives 1 for each that it did, as far back as is known.
const KNOWN: &str = "
local ids, known = {unpack(ARGV, 2)}, {}
local were, live, gone = were_stored(ARGV[1], ids), call('ZMSCORE', alive, unpack(ids)), call('ZMSCORE', dead, unpack(ids))
for at = 1, #ids do known[at] = (were[at] or live[at] or gone[at]) and 1 or 0 end
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
next_turn()
it[STANDS], it[TRIES], it[DUE], it[TURN], it[TILL] = 'behind', 0, 0, turn, now + it[TTL]
call('ZADD', alive, word(turn), id)
if it[TTL] < longest then call('ZADD', ends, it[TILL], id) end
call('INCRBY', key('bytes'), it[SIZE])
count_owner(it[WORLD], it[OWNER], 1, it[SIZE])
if it[LINE] ~= '' and call('RPUSH', line_of(it), id) > 1 then
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
call('HDEL', jobs, ARGV[1])
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
  if it then
    bytes = bytes + it[SIZE]
    if #found > 0 and bytes > bytes_max then break end
    found[#found + 1] = {id, it}
  end
end
if ARGV[2] == 'alive' then table.sort(found, function(a, b) return is_earlier(a[2], b[2]) end) end
for _, one in ipairs(found) do
  local id, it = one[1], one[2]
  local taker, stands, tries = taker_of(it), it[STANDS], it[TRIES]
  if taker then stands, tries = 'taken', tries + 1 end
  if stands == 'placed' then stands = 'ready' end
  seen[#seen + 1] = {id, it[QUEUE], stands, tries, it[SINCE], it[WHY], it.spec, it[DUE], taker or '', it[WORLD], it[OWNER]}
end
return seen
";

/// How many jobs there are: alive, behind, taken, delayed, dead, bytes, bytes of the dead, forgotten.
const COUNTS: &str = "
local function count(name) return tonumber(call('GET', key(name)) or '0') end
local taken = 0
for _, queue in ipairs(busy_queues()) do taken = taken + call('XPENDING', stream(queue), 'g')[1] end
return {call('ZCARD', alive), count('behind'), taken, call('ZCARD', delay), call('ZCARD', dead),
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
             local swept_max, worlds_max, number_max = {JOB_SWEPT_AT_ONCE}, {JOB_WORLDS_MAX}, {NUMBER_MAX}\n\
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

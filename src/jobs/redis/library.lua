-- What all scripts of the job store on Redis share. Each script is run as a whole, so nobody sees a job in two places.
-- A call may be about many jobs: what their changes have in common is then done once for all of them.
--
-- Keys, all under one hash tag: jobs has of each id how the job stands, packed, and behind that what to do; q:<queue> is its
-- stream, with the group `g`, which both are there while `queues` has the queue; who has a job of it is a consumer of the group,
-- and the lease is its entry, which is pending: each time a job may be taken it has a new entry. `busy` has the queues of which
-- something may be pending. line:<queue>:<key> is the jobs of an order key, of which only the first is anywhere else; delay
-- is a sorted set of ids by when a job is due, alive and dead by the turn in which it was put; ends, by when a job is given up,
-- has those that are kept for less than the longest time. One that is still to be done that longest time after its put counts in
-- alive from then on as if it had been put by so much later. fed:<world> and fed:<world>:old are the last ids that a world has
-- put; given:<taker> what a taker was given last. bytes, dead_bytes, behind, forgotten and written:<world>, the jobs that a
-- world ever put, are counts; owners:<world> counts the jobs of each owner and, with a b before it, their bytes.
-- dedupe:<world>:<key> has the id that a key stands for; bell:<world> rings for whoever waits for jobs; world:<world> is the id of
-- the folder that goes by the name, and life tells one life of this Redis from another. `turn` is the last turn. Turns are Redis's
-- own time in microseconds, but for one that would not be later than the last; all other times are in milliseconds.

local call, pack = redis.call, cmsgpack.pack
local ns = KEYS[1]
if KEYS[2] ~= ns .. ':life:' .. (call('GET', ns .. ':life') or '') then
  return redis.error_reply('NOLIFE this job store has lost what it had')
end

-- The places of a job's facts in what is packed: its queue, the most of its tries, its order key, size, the world and the owner
-- that it is from, when it is due, how long it is kept, its number in the turn of its put, how it stands, its entry in the
-- stream, tries that have ended, what went wrong last; and, where they are not what follows from these, the turn of its put,
-- when it was put, and when it is given up. `wording.rs` packs what is put.
local QUEUE, MOST, LINE, SIZE, WORLD, OWNER, DUE, TTL, NUMBER = 1, 2, 3, 4, 5, 6, 7, 8, 9
local STANDS, ENTRY, TRIES, WHY, TURN, SINCE, TILL = 10, 11, 12, 13, 14, 15, 16

local function key(...) return ns .. ':' .. table.concat({...}, ':') end
local function stream(queue) return ns .. ':q:' .. queue end
local jobs, alive, dead, delay, ends = key('jobs'), key('alive'), key('dead'), key('delay'), key('ends')
local queues, busy, worlds, behind = key('queues'), key('busy'), key('worlds'), key('behind')

local time = call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = math.floor(micros / 1000)

-- The queues that jobs came into, and those that jobs went out of, in this call.
local entered, left = {}, {}

-- Calls with some of these words at a time: all of many would not fit on the stack. A thousand is even, and more.
local function in_parts(words, with)
  for at = 1, #words, 1000 do with(unpack(words, at, math.min(at + 999, #words))) end
end

-- A number as Redis reads it.
local function word(number) return string.format('%.0f', number) end

-- The turn of this call, and the numbers in it that were used.
local turn, used = nil, 0

local function next_turn()
  turn, used = math.max(tonumber(call('GET', key('turn')) or '0') + 1, micros), 0
  call('SET', key('turn'), word(turn))
end

-- Adds to a sorted set what stands in pairs of score and member, the last pair first: Redis looks a small set through from
-- its start, and what comes in order is found there last.
local function add_to(set, pairs_of)
  local backwards, number = {}, 0
  for at = #pairs_of - 1, 1, -2 do
    backwards[number + 1], backwards[number + 2] = pairs_of[at], pairs_of[at + 1]
    number = number + 2
  end
  in_parts(backwards, function(...) call('ZADD', set, ...) end)
end

-- Every world has a job of its own of one that is for all: the byte of the id in which no two jobs of one producer differ tells
-- them apart. The first has the id itself.
local function copy_of(id, number)
  if number == 1 then return id end
  return string.sub(id, 1, 8) .. string.char(number - 1) .. string.sub(id, 10)
end

-- The ids of a job and of all that may be copies of it.
local function all_of(id)
  local ids = {id}
  if string.byte(id, 9) ~= 0 then return ids end
  for number = 2, worlds_max do ids[number] = copy_of(id, number) end
  return ids
end

-- How a job stands, out of what is stored of it; the turn is that of its put, if that is known.
local function unpacked(id, bytes, put_in)
  local after, it = cmsgpack.unpack_limit(bytes, 1, 0)
  it.spec = string.sub(bytes, after + 1)
  if it[TURN] == 0 then it[TURN] = put_in or tonumber(call('ZSCORE', alive, id)) end
  if it[ENTRY] == '' then it[ENTRY] = word(it[TURN]) .. '-' .. it[NUMBER] end
  if it[SINCE] == 0 then it[SINCE] = math.floor(it[TURN] / 1000) end
  if it[TILL] == 0 then it[TILL] = math.max(it[DUE], it[SINCE]) + it[TTL] end
  return it
end

-- How a job stands, if there is one.
local function look(id)
  local bytes = call('HGET', jobs, id)
  return bytes and unpacked(id, bytes)
end

-- What is stored of a job that stands so.
local function packed(it)
  local spec = it.spec
  it.spec = nil
  local bytes = pack(it) .. spec
  it.spec = spec
  return bytes
end

local function write(id, it) call('HSET', jobs, id, packed(it)) end

-- Of jobs that a world puts or has put, whether each was ever stored, as far back as is known.
local function were_stored(world, ids)
  local fed = key('fed', world)
  local new, old = call('SMISMEMBER', fed, unpack(ids)), call('SMISMEMBER', fed .. ':old', unpack(ids))
  local stored = {}
  for at = 1, #ids do stored[at] = new[at] == 1 or old[at] == 1 end
  return stored
end

-- Makes a queue ready for a job.
local function open(queue)
  if entered[queue] then return end
  entered[queue] = true
  local is_new = call('SADD', queues, queue) == 1
  -- A stream that is gone is nobody's doing here.
  if is_new or call('EXISTS', stream(queue)) == 0 then call('XGROUP', 'CREATE', stream(queue), 'g', '0', 'MKSTREAM') end
end

-- Puts a job into the stream of its queue, and gives where it is there.
local function enter(queue, id)
  open(queue)
  if not turn or used == number_max then next_turn() end
  used = used + 1
  return call('XADD', stream(queue), word(turn) .. '-' .. used, 'j', id)
end

-- Puts a job where the calendar says: into its stream, or among those that wait for their time.
local function place(id, it, due)
  if due > now then
    call('ZADD', delay, due, id)
    it[STANDS], it[DUE] = 'delayed', due
  else
    it[STANDS], it[ENTRY] = 'placed', enter(it[QUEUE], id)
  end
  write(id, it)
end

-- Who has the job of an entry; nobody if it is ready.
local function taker_of(it)
  if it[STANDS] ~= 'placed' then return nil end
  if call('EXISTS', stream(it[QUEUE])) == 0 then return nil end
  local pending = call('XPENDING', stream(it[QUEUE]), 'g', it[ENTRY], it[ENTRY], 1)[1]
  return pending and pending[2]
end

-- Takes a job out of its stream, or out of those that wait.
local function unplace(id, it)
  if it[STANDS] == 'placed' then
    call('XACK', stream(it[QUEUE]), 'g', it[ENTRY])
    call('XDEL', stream(it[QUEUE]), it[ENTRY])
    left[it[QUEUE]] = true
  elseif it[STANDS] == 'delayed' then
    call('ZREM', delay, id)
  elseif it[STANDS] == 'behind' then
    call('DECR', behind)
  end
end

-- So many more jobs and bytes of an owner, or fewer.
local function count_owner(world, owner, more, bytes)
  if owner == '' then return end
  local counts = key('owners', world)
  if call('HINCRBY', counts, owner, more) <= 0 then call('HDEL', counts, owner) end
  if call('HINCRBY', counts, 'b' .. owner, bytes) <= 0 then call('HDEL', counts, 'b' .. owner) end
end

local function line_of(it) return key('line', it[QUEUE], it[LINE]) end

-- A job of an order key leaves its line; the next one comes to its place.
local function leave_line(id, line)
  local first = call('LINDEX', line, 0)
  call('LREM', line, 1, id)
  local following = first == id and call('LINDEX', line, 0)
  if following then
    call('DECR', behind)
    local it = look(following)
    if it then place(following, it, it[DUE]) end
  end
end

-- A job is not alive any more. What frees memory comes first: a Redis that has none lets a script go on that began so.
local function leave(id, it)
  call('ZREM', alive, id)
  unplace(id, it)
  if it[TTL] < longest then call('ZREM', ends, id) end
  call('DECRBY', key('bytes'), it[SIZE])
  count_owner(it[WORLD], it[OWNER], -1, -it[SIZE])
  if it[LINE] ~= '' then leave_line(id, line_of(it)) end
end

-- The oldest of the dead go until there is room for the rest.
local function forget_oldest_dead()
  local bytes = key('dead_bytes')
  while call('ZCARD', dead) > dead_max or tonumber(call('GET', bytes) or '0') > dead_bytes_max do
    local oldest = call('ZPOPMIN', dead)[1]
    if not oldest then return end
    local it = look(oldest)
    if it then call('DECRBY', bytes, it[SIZE]) end
    call('HDEL', jobs, oldest)
    call('INCR', key('forgotten'))
  end
end

local function bury(id, it, why)
  leave(id, it)
  it[STANDS], it[WHY] = 'dead', why
  write(id, it)
  call('ZADD', dead, word(it[TURN]), id)
  call('INCRBY', key('dead_bytes'), it[SIZE])
  forget_oldest_dead()
end

-- A job comes back after a pause.
local function come_back(id, it, pause, why)
  unplace(id, it)
  it[WHY] = why
  place(id, it, now + pause)
end

-- A try has failed: the next one comes after a pause, or none.
local function fail(id, it, pause, why)
  it[TRIES] = it[TRIES] + 1
  if it[TRIES] >= it[MOST] then return bury(id, it, 'tried ' .. it[TRIES] .. ' times; at last: ' .. why) end
  come_back(id, it, pause, why)
end

-- Which of two jobs was put first.
local function is_earlier(a, b)
  if a[TURN] ~= b[TURN] then return a[TURN] < b[TURN] end
  return a[NUMBER] < b[NUMBER]
end

-- The job of an entry that is pending.
local function job_of(queue, entry)
  local read = call('XRANGE', stream(queue), entry, entry)[1]
  return read and read[2][2]
end

-- What is to be done once at the end of a call: a stream that is empty goes, and those who may want what came are told,
-- its own world or all.
local function settle()
  local empty = {}
  for queue in pairs(left) do
    if call('XLEN', stream(queue)) == 0 then
      call('DEL', stream(queue))
      empty[#empty + 1] = queue
    end
  end
  in_parts(empty, function(...)
    call('SREM', queues, ...)
    call('SREM', busy, ...)
  end)
  local bells = {}
  for queue in pairs(entered) do
    local world = string.match(queue, '^w:([^:]+):')
    for _, name in ipairs(world and {world} or call('SMEMBERS', worlds)) do bells[name] = true end
  end
  for name in pairs(bells) do
    local bell = key('bell', name)
    if call('EXISTS', bell) == 0 then call('RPUSH', bell, '1') end
  end
end

-- An entry whose job is not there, or elsewhere, leaves its stream.
local function drop(queue, entry)
  call('XACK', stream(queue), 'g', entry)
  call('XDEL', stream(queue), entry)
  left[queue] = true
end

-- The queues of which somebody may have a job. One whose stream is gone, which is nobody's doing here, is none of them.
local function busy_queues()
  local found = {}
  for _, queue in ipairs(call('SMEMBERS', busy)) do
    if call('EXISTS', stream(queue)) == 1 then found[#found + 1] = queue else call('SREM', busy, queue) end
  end
  return found
end

local expired = 'nobody has done it in the time that it was given'
local vanished = 'whoever had it let its lease run out'

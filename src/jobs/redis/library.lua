-- What all scripts of the job store on Redis share. Each script is run as a whole, so nobody sees a job in two places.
-- A call may be about many jobs: what their changes have in common is then done once for all of them.
--
-- Keys, all under one hash tag: job:<id> is how a job stands, packed; spec:<id> what to do; q:<queue> its stream, with the
-- group `g`, which both are there while `queues` has the queue; line:<queue>:<key> the jobs of an order key, of which only
-- the first is anywhere else; alive, delay and leases are sorted sets of ids by when a job was put, is due and was taken, dead
-- by the order of puts; ends, by when a job is given up, has those that are kept for less than the longest time. One that
-- is still to be done that longest time after its put counts in alive from then on as if it had been put by so much later.
-- fed:<world> and fed:<world>:old are the last ids that a world has put. bytes, dead_bytes, behind, forgotten and
-- written:<world>, the jobs that a world ever put, are counts; owners:<world> counts the jobs of each owner and, with a b before
-- it, their bytes. Times are Redis's own, in milliseconds.

local call, pack, unpacked = redis.call, cmsgpack.pack, cmsgpack.unpack
local ns = KEYS[1]
if KEYS[2] ~= ns .. ':life:' .. (call('GET', ns .. ':life') or '') then
  return redis.error_reply('NOLIFE this job store has lost what it had')
end

-- The places of a job's facts in what is packed: its queue, standing, entry in the stream, lease, tries and the most of them,
-- line, size, the world and the owner that it is from, number in the order of puts, when it was put, when it is given up and
-- how long after that start, when it is due, what went wrong last, and who has it.
local QUEUE, STANDS, ENTRY, LEASE, TRIES, MOST, LINE, SIZE, WORLD, OWNER = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local SEQ, SINCE, TILL, TTL, DUE, WHY, TAKER = 11, 12, 13, 14, 15, 16, 17

local function key(...) return ns .. ':' .. table.concat({...}, ':') end
local jobs, specs_of = ns .. ':job:', ns .. ':spec:'
local function stream(queue) return ns .. ':q:' .. queue end
local alive, dead, delay, ends, leases = key('alive'), key('dead'), key('delay'), key('ends'), key('leases')
local queues, worlds, behind = key('queues'), key('worlds'), key('behind')

local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- The queues that jobs came into, and those that jobs went out of, in this call.
local entered, left = {}, {}

-- Calls with some of these words at a time: all of many would not fit on the stack. A thousand is even, and more.
local function in_parts(words, with)
  for at = 1, #words, 1000 do with(unpack(words, at, math.min(at + 999, #words))) end
end

-- A number as Redis reads it; of many that are the same it is made once, which is cheaper than to let each call make it.
local function word(number) return string.format('%.0f', number) end

-- Adds to a sorted set what stands in pairs of score and member, the last pair first: Redis looks a small set through from
-- its start, and what comes in order is found there last.
local function add_to(set, pairs_of)
  local backwards = {}
  for at = #pairs_of - 1, 1, -2 do
    backwards[#backwards + 1], backwards[#backwards + 2] = pairs_of[at], pairs_of[at + 1]
  end
  in_parts(backwards, function(...) call('ZADD', set, ...) end)
end

-- Every world has a job of its own of one that is for all: the byte of the id in which no two jobs of one producer differ tells
-- them apart. The first has the id itself.
local function copy_of(id, number)
  if number == 1 then return id end
  return string.sub(id, 1, 16) .. string.format('%02x', number - 1) .. string.sub(id, 19)
end

-- The ids of a job and of all that may be copies of it.
local function all_of(id)
  local ids = {id}
  if string.sub(id, 17, 18) ~= '00' then return ids end
  for number = 2, worlds_max do ids[number] = copy_of(id, number) end
  return ids
end

-- How a job stands, if there is one.
local function look(id)
  local bytes = call('GET', jobs .. id)
  return bytes and unpacked(bytes)
end

-- The same of many; false where there is none.
local function look_at(ids)
  local keys = {}
  for at = 1, #ids do keys[at] = jobs .. ids[at] end
  local its = call('MGET', unpack(keys))
  for at = 1, #ids do its[at] = its[at] and unpacked(its[at]) end
  return its
end

-- Of jobs that a world puts or has put, whether each was ever stored, as far back as is known.
local function were_stored(world, ids)
  local fed = key('fed', world)
  local new, old, its = call('SMISMEMBER', fed, unpack(ids)), call('SMISMEMBER', fed .. ':old', unpack(ids)), look_at(ids)
  local stored = {}
  for at = 1, #ids do stored[at] = new[at] == 1 or old[at] == 1 or its[at] and true end
  return stored
end

local function write(id, it) call('SET', jobs .. id, pack(it)) end

-- Puts a job into the stream of its queue, and gives where it is there.
local function enter(queue, id)
  if not entered[queue] then
    entered[queue] = true
    if call('SADD', queues, queue) == 1 then call('XGROUP', 'CREATE', stream(queue), 'g', '0', 'MKSTREAM') end
  end
  return call('XADD', stream(queue), '*', 'j', id)
end

-- Puts a job where the calendar says: into its stream, or among those that wait for their time.
local function place(id, it, due)
  if due > now then
    call('ZADD', delay, due, id)
    it[STANDS], it[DUE] = 'delayed', due
  else
    it[STANDS], it[ENTRY] = 'ready', enter(it[QUEUE], id)
  end
  write(id, it)
end

-- Takes jobs out of their streams, or out of those that wait.
local function unplace(ids, its)
  local entries = {}
  for at = 1, #ids do
    local it = its[at]
    local stands, queue = it[STANDS], it[QUEUE]
    if stands == 'ready' or stands == 'taken' then
      local own = entries[queue]
      if not own then
        own = {}
        entries[queue] = own
      end
      own[#own + 1] = it[ENTRY]
    elseif stands == 'delayed' then
      call('ZREM', delay, ids[at])
    elseif stands == 'behind' then
      call('DECR', behind)
    end
  end
  for queue, own in pairs(entries) do
    call('XACK', stream(queue), 'g', unpack(own))
    call('XDEL', stream(queue), unpack(own))
    left[queue] = true
  end
  call('ZREM', leases, unpack(ids))
end

-- So many more jobs and bytes, or fewer, of owners by world.
local function count_owners(owners)
  for world, own in pairs(owners) do
    local counts = key('owners', world)
    for owner, more in pairs(own) do
      if call('HINCRBY', counts, owner, more) <= 0 then call('HDEL', counts, owner) end
    end
  end
end

local function note_owner(owners, world, owner, more, bytes)
  if owner == '' then return end
  local own = owners[world] or {}
  owners[world] = own
  own[owner] = (own[owner] or 0) + more
  own['b' .. owner] = (own['b' .. owner] or 0) + bytes
end

-- A job of an order key leaves its line; the next one comes to its place.
local function leave_line(id, line)
  local first = call('LINDEX', line, 0)
  call('LREM', line, 1, id)
  local following = first == id and call('LINDEX', line, 0)
  if following then
    call('DECR', behind)
    local it = look(following)
    place(following, it, it[DUE])
  end
end

-- Jobs are not alive any more. No two of them are of the same order key.
local function leave(ids, its)
  unplace(ids, its)
  call('ZREM', alive, unpack(ids))
  local bytes, owners, short = 0, {}, {}
  for at = 1, #ids do
    local it = its[at]
    if it[TTL] < longest then short[#short + 1] = ids[at] end
    bytes = bytes + it[SIZE]
    note_owner(owners, it[WORLD], it[OWNER], -1, -it[SIZE])
    if it[LINE] ~= '' then leave_line(ids[at], it[LINE]) end
  end
  if #short > 0 then call('ZREM', ends, unpack(short)) end
  call('DECRBY', key('bytes'), bytes)
  count_owners(owners)
end

local function forget(ids)
  local keys = {}
  for at = 1, #ids do
    keys[2 * at - 1] = jobs .. ids[at]
    keys[2 * at] = specs_of .. ids[at]
  end
  call('DEL', unpack(keys))
end

-- The oldest of the dead go until there is room for the rest.
local function forget_oldest_dead()
  local bytes = key('dead_bytes')
  while call('ZCARD', dead) > dead_max or tonumber(call('GET', bytes) or '0') > dead_bytes_max do
    local oldest = call('ZPOPMIN', dead)[1]
    if not oldest then return end
    call('DECRBY', bytes, look(oldest)[SIZE])
    forget({oldest})
    call('INCR', key('forgotten'))
  end
end

local function bury(id, it, why)
  leave({id}, {it})
  it[STANDS], it[WHY] = 'dead', why
  write(id, it)
  call('ZADD', dead, it[SEQ], id)
  call('INCRBY', key('dead_bytes'), it[SIZE])
  forget_oldest_dead()
end

-- A job comes back after a pause.
local function come_back(id, it, pause, why)
  unplace({id}, {it})
  it[WHY] = why
  place(id, it, now + pause)
end

-- A try has failed: the next one comes after a pause, or none.
local function fail(id, it, pause, why)
  if it[TRIES] >= it[MOST] then return bury(id, it, 'tried ' .. it[TRIES] .. ' times; at last: ' .. why) end
  come_back(id, it, pause, why)
end

-- What is to be done once at the end of a call: a stream that is empty goes, and those who may want what came are told,
-- its own world or all.
local function settle()
  for queue in pairs(left) do
    if call('XLEN', stream(queue)) == 0 then
      call('DEL', stream(queue))
      call('SREM', queues, queue)
    end
  end
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

local expired = 'nobody has done it in the time that it was given'
local vanished = 'whoever had it let its lease run out'

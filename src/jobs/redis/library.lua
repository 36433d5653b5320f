-- What all scripts of the job store on Redis share. Each script is run as a whole, so nobody sees a job in two places.
-- A call may be about many jobs: what their changes have in common is then done once for all of them.
--
-- Keys, all under one hash tag: job:<id> is a job as a hash, spec:<id> what to do; q:<queue> its stream, with the group
-- `g`, which both are there while `queues` has the queue; line:<queue>:<key> the jobs of an order key, of which only the
-- first is anywhere else; delay, ends, leases, alive and dead are sorted sets of ids; bytes, dead_bytes, behind, forgotten
-- are counts; owners:<world> counts the jobs of each owner. Times are Redis's own, in milliseconds.

local call = redis.call
local ns = KEYS[1]
if KEYS[2] ~= ns .. ':life:' .. (call('GET', ns .. ':life') or '') then
  return redis.error_reply('NOLIFE this job store has lost what it had')
end

local function key(...) return ns .. ':' .. table.concat({...}, ':') end
local function job(id) return ns .. ':job:' .. id end
local function spec_of(id) return ns .. ':spec:' .. id end
local function stream(queue) return ns .. ':q:' .. queue end
local alive, dead, delay, ends, leases = key('alive'), key('dead'), key('delay'), key('ends'), key('leases')
local queues, worlds, behind = key('queues'), key('worlds'), key('behind')

local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- The queues that jobs came into, and those that jobs went out of, in this call.
local entered, left = {}, {}

-- What a job is, as far as its places ask.
local function look(id)
  local it = call('HMGET', job(id), 'st', 'l', 'q', 'eid', 'line', 'size', 'w', 'own', 'n', 'max', 'seq', 'due')
  return {
    st = it[1], lease = it[2], queue = it[3], entry = it[4], line = it[5], size = it[6], world = it[7], owner = it[8],
    tries = tonumber(it[9] or 0), max = tonumber(it[10] or 0), seq = it[11], due = tonumber(it[12] or 0),
  }
end

-- Puts a job into the stream of its queue, and gives where it is there.
local function enter(queue, id)
  if not entered[queue] then
    entered[queue] = true
    if call('SADD', queues, queue) == 1 then call('XGROUP', 'CREATE', stream(queue), 'g', '0', 'MKSTREAM') end
  end
  return call('XADD', stream(queue), '*', 'j', id)
end

-- Puts a job where the calendar says: into its stream, or among those that wait for their time.
local function place(id, queue, due)
  if due > now then
    call('ZADD', delay, due, id)
    call('HSET', job(id), 'st', 'delayed', 'due', due)
  else
    call('HSET', job(id), 'st', 'ready', 'eid', enter(queue, id))
  end
end

-- Takes jobs out of their streams, or out of those that wait.
local function unplace(ids, its)
  local entries = {}
  for at, id in ipairs(ids) do
    local it = its[at]
    if it.st == 'ready' or it.st == 'taken' then
      local own = entries[it.queue]
      if not own then
        own = {}
        entries[it.queue] = own
      end
      own[#own + 1] = it.entry
    elseif it.st == 'delayed' then
      call('ZREM', delay, id)
    elseif it.st == 'behind' then
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

-- So many more jobs, or fewer, of owners by world.
local function count_owners(owners)
  for world, own in pairs(owners) do
    local counts = key('owners', world)
    for owner, more in pairs(own) do
      if call('HINCRBY', counts, owner, more) <= 0 then call('HDEL', counts, owner) end
    end
  end
end

local function note_owner(owners, world, owner, more)
  if not owner or owner == '' then return end
  local own = owners[world] or {}
  owners[world] = own
  own[owner] = (own[owner] or 0) + more
end

-- Jobs are not alive any more; the next of each order key comes to its place. No two of them are of the same key.
local function leave(ids, its)
  unplace(ids, its)
  call('ZREM', ends, unpack(ids))
  call('ZREM', alive, unpack(ids))
  local bytes, owners = 0, {}
  for at, id in ipairs(ids) do
    local it = its[at]
    bytes = bytes + it.size
    note_owner(owners, it.world, it.owner, -1)
    if it.line then
      local first = call('LINDEX', it.line, 0)
      call('LREM', it.line, 1, id)
      local following = first == id and call('LINDEX', it.line, 0)
      if following then
        call('DECR', behind)
        place(following, it.queue, look(following).due)
      end
    end
  end
  call('DECRBY', key('bytes'), bytes)
  count_owners(owners)
end

local function forget(ids)
  local keys = {}
  for _, id in ipairs(ids) do
    keys[#keys + 1] = job(id)
    keys[#keys + 1] = spec_of(id)
  end
  call('DEL', unpack(keys))
end

-- The oldest of the dead go until there is room for the rest.
local function forget_oldest_dead()
  local bytes = key('dead_bytes')
  while call('ZCARD', dead) > dead_max or tonumber(call('GET', bytes) or '0') > dead_bytes_max do
    local oldest = call('ZPOPMIN', dead)[1]
    if not oldest then return end
    call('DECRBY', bytes, call('HGET', job(oldest), 'size') or 0)
    forget({oldest})
    call('INCR', key('forgotten'))
  end
end

local function bury(id, it, why)
  leave({id}, {it})
  call('HSET', job(id), 'st', 'dead', 'why', why)
  call('ZADD', dead, it.seq, id)
  call('INCRBY', key('dead_bytes'), it.size)
  forget_oldest_dead()
end

-- A job comes back after a pause.
local function come_back(id, it, pause, why)
  call('HSET', job(id), 'why', why)
  unplace({id}, {it})
  place(id, it.queue, now + pause)
end

-- A try has failed: the next one comes after a pause, or none.
local function fail(id, it, pause, why)
  if it.tries >= it.max then return bury(id, it, 'tried ' .. it.tries .. ' times; at last: ' .. why) end
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

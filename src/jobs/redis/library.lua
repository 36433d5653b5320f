-- What all scripts of the job store on Redis share. Each script is run as a whole, so nobody sees a job in two places.
--
-- Keys, all under one hash tag: job:<id> is a job as a hash; q:<queue> its stream, with the group `g`; line:<queue>:<key>
-- the jobs of an order key, of which only the first is anywhere else; delay, ends, alive and dead are sorted sets of ids;
-- taken is a set of them. Times are Redis's own, in milliseconds.

local ns = KEYS[1]
local function key(...) return ns .. ':' .. table.concat({...}, ':') end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function job(id) return key('job', id) end

-- Tells those who may want it that a queue has something: its own world, or all.
local function ring(queue)
  local world = string.match(queue, '^w:([^:]+):')
  local worlds = world and {world} or redis.call('SMEMBERS', key('worlds'))
  for _, name in ipairs(worlds) do
    local bell = key('bell', name)
    if redis.call('EXISTS', bell) == 0 then redis.call('RPUSH', bell, '1') end
  end
end

-- Puts a job where the calendar says: into its stream, or among those that wait for their time.
local function place(id, due)
  local queue = redis.call('HGET', job(id), 'q')
  if due > now then
    redis.call('ZADD', key('delay'), due, id)
    redis.call('HSET', job(id), 'st', 'delayed', 'due', due)
  else
    local entry = redis.call('XADD', key('q', queue), '*', 'j', id)
    redis.call('SADD', key('queues'), queue)
    redis.call('HSET', job(id), 'st', 'ready', 'eid', entry)
    ring(queue)
  end
end

-- Takes a job out of its stream, or out of those that wait.
local function unplace(id)
  local it = redis.call('HMGET', job(id), 'q', 'st', 'eid')
  if it[2] == 'ready' or it[2] == 'taken' then
    local stream = key('q', it[1])
    -- The group goes with its stream; whoever takes from it next makes it anew.
    pcall(redis.call, 'XACK', stream, 'g', it[3])
    redis.call('XDEL', stream, it[3])
    redis.call('SREM', key('taken'), id)
    if redis.call('XLEN', stream) == 0 then
      redis.call('DEL', stream)
      redis.call('SREM', key('queues'), it[1])
    end
  elseif it[2] == 'delayed' then
    redis.call('ZREM', key('delay'), id)
  end
end

-- A job is not alive any more; the next of its order key comes to its place.
local function leave(id)
  unplace(id)
  local it = redis.call('HMGET', job(id), 'line', 'size')
  redis.call('ZREM', key('ends'), id)
  redis.call('ZREM', key('alive'), id)
  redis.call('DECRBY', key('bytes'), it[2] or 0)
  local line = it[1]
  if line and line ~= '' then
    local first = redis.call('LINDEX', line, 0)
    redis.call('LREM', line, 1, id)
    local next = redis.call('LINDEX', line, 0)
    if first == id and next then
      place(next, tonumber(redis.call('HGET', job(next), 'due') or '0'))
    end
  end
end

local function finish(id)
  leave(id)
  redis.call('DEL', job(id))
end

local function bury(id, why)
  leave(id)
  redis.call('HSET', job(id), 'st', 'dead', 'why', why)
  redis.call('ZADD', key('dead'), redis.call('HGET', job(id), 'seq'), id)
  local dead_max = 10000
  local over = redis.call('ZCARD', key('dead')) - dead_max
  if over > 0 then
    for _, old in ipairs(redis.call('ZRANGE', key('dead'), 0, over - 1)) do redis.call('DEL', job(old)) end
    redis.call('ZREMRANGEBYRANK', key('dead'), 0, over - 1)
  end
end

-- A try has failed: the next one comes after a pause, or none.
local function fail(id, pause, why)
  local it = redis.call('HMGET', job(id), 'n', 'max')
  if tonumber(it[1]) >= tonumber(it[2]) then
    return bury(id, 'tried ' .. it[1] .. ' times; at last: ' .. why)
  end
  redis.call('HSET', job(id), 'why', why)
  unplace(id)
  place(id, now + pause)
end

-- Whether this lease of the job holds.
local function holds(id, lease)
  local it = redis.call('HMGET', job(id), 'st', 'l')
  return it[1] == 'taken' and it[2] == lease
end

local expired = 'nobody has done it in the time that it was given'
local vanished = 'whoever had it let its lease run out'

-- Stores jobs; `scripts.rs` says what it is given and gives.

local world, jobs_max, bytes_max, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local each = 10
local ids = {}
for at = 5, #ARGV, each do ids[#ids + 1] = ARGV[at] end

-- What is there already, or was put a while ago and may be done.
local fed = key('fed', world)
local known, are_alive, are_dead =
  call('ZMSCORE', fed, unpack(ids)), call('ZMSCORE', alive, unpack(ids)), call('ZMSCORE', dead, unpack(ids))
local was_known = {}
for at, id in ipairs(ids) do was_known[id] = known[at] or are_alive[at] or are_dead[at] end

local count, seq = call('ZCARD', alive), tonumber(call('GET', key('seq')) or '0')
local bytes = tonumber(call('GET', key('bytes')) or '0')
local more_bytes, more_behind, of_owner, owners = 0, 0, {}, {}
local specs, by_seq, by_end, by_due, fresh = {}, {}, {}, {}, {}

local function push(list, ...)
  for _, word in ipairs({...}) do list[#list + 1] = word end
end

-- How many jobs an owner has, with those of this call.
local function count_of(owner)
  if owner == '' then return 0 end
  if not of_owner[owner] then of_owner[owner] = tonumber(call('HGET', key('owners', world), owner) or '0') end
  local own = owners[world]
  return of_owner[owner] + (own and own[owner] or 0)
end

local function store(id, queue, at)
  local line, due, ttl, size, owner = ARGV[at + 2], tonumber(ARGV[at + 4]), ARGV[at + 5], ARGV[at + 7], ARGV[at + 8]
  seq = seq + 1
  local till = math.max(due, now) + tonumber(ttl)
  local fields = {'q', queue, 'max', ARGV[at + 6], 'since', now, 'until', till, 'size', size, 'seq', seq, 'ttl', ttl, 'w', world}
  if owner ~= '' then push(fields, 'own', owner) end
  local is_first = true
  if line ~= '' then
    local line_key = key('line', queue, line)
    push(fields, 'line', line_key)
    is_first = call('RPUSH', line_key, id) == 1
  end
  if not is_first then
    more_behind = more_behind + 1
    push(fields, 'st', 'behind', 'due', due)
  elseif due > now then
    push(by_due, due, id)
    push(fields, 'st', 'delayed', 'due', due)
  else
    push(fields, 'st', 'ready', 'eid', enter(queue, id))
  end
  call('HSET', job(id), unpack(fields))
  push(specs, spec_of(id), ARGV[at + 9])
  push(by_seq, seq, id)
  push(by_end, till, id)
  more_bytes = more_bytes + tonumber(size)
  count_of(owner)
  note_owner(owners, world, owner, 1)
end

-- Where a job goes: to each world a job of its own, if it is for all.
local function queues_of(queue)
  if queue ~= 'worlds' then return {queue} end
  local all = {}
  for _, name in ipairs(call('SMEMBERS', worlds)) do all[#all + 1] = 'w:' .. name .. ':world' end
  return all
end

local function put(id, at)
  local queue, dedupe, size, owner = ARGV[at + 1], ARGV[at + 3], tonumber(ARGV[at + 7]), ARGV[at + 8]
  if was_known[id] then return {id, 1, count_of(owner)} end
  local dedupe_key = dedupe ~= '' and key('dedupe', world, dedupe)
  local first = dedupe_key and call('GET', dedupe_key)
  if first then return {first, 1, count_of(owner)} end
  local peer = string.match(queue, '^w:([^:]+):world$')
  if peer and peer ~= world and call('SISMEMBER', worlds, peer) == 0 then return {'NOWORLD', 0, 0} end
  local names = queues_of(queue)
  if count + #by_seq / 2 + #names > jobs_max or bytes + more_bytes + size * #names > bytes_max then
    return {'FULL', 0, count_of(owner)}
  end
  was_known[id] = true
  if dedupe_key then call('SET', dedupe_key, id, 'PX', keep) end
  push(fresh, now, id)
  for number, name in ipairs(names) do
    -- Every world has a job of its own: the byte of the id in which no two jobs of one producer differ tells them apart.
    local own = id
    if number > 1 then own = string.sub(id, 1, 16) .. string.format('%02x', number - 1) .. string.sub(id, 19) end
    store(own, name, at)
  end
  return {id, 0, count_of(owner)}
end

local answers = {}
for place_of, id in ipairs(ids) do answers[place_of] = put(id, 5 + (place_of - 1) * each) end

if #fresh > 0 then
  call('ZADD', fed, unpack(fresh))
  call('ZREMRANGEBYRANK', fed, 0, -(known_max + 1))
end
if #by_seq > 0 then
  call('MSET', unpack(specs))
  call('ZADD', alive, unpack(by_seq))
  call('ZADD', ends, unpack(by_end))
  call('SET', key('seq'), seq)
  call('INCRBY', key('bytes'), more_bytes)
  count_owners(owners)
end
if #by_due > 0 then call('ZADD', delay, unpack(by_due)) end
if more_behind > 0 then call('INCRBY', behind, more_behind) end
settle()
return answers

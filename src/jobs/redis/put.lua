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
for at = 1, #ids do was_known[ids[at]] = known[at] or are_alive[at] or are_dead[at] end

local count, seq = call('ZCARD', alive), tonumber(call('GET', key('seq')) or '0')
local bytes = tonumber(call('GET', key('bytes')) or '0')
local more, more_bytes, more_behind, of_owner, owners = 0, 0, 0, {}, {}
-- Of the jobs that are new, pairs as commands take them.
local rows, by_seq, by_end, by_due, fresh = {}, {}, {}, {}, {}

-- How many jobs an owner has, with those of this call.
local function count_of(owner)
  if owner == '' then return 0 end
  if not of_owner[owner] then of_owner[owner] = tonumber(call('HGET', key('owners', world), owner) or '0') end
  local own = owners[world]
  return of_owner[owner] + (own and own[owner] or 0)
end

-- Where a job of an order key has to wait until the first of them is done, it is behind.
local function is_behind(id, line)
  return line ~= '' and call('RPUSH', line, id) > 1
end

local function store(id, queue, at)
  local line, due, ttl = ARGV[at + 2], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local size, owner = tonumber(ARGV[at + 7]), ARGV[at + 8]
  if line ~= '' then line = key('line', queue, line) end
  seq = seq + 1
  local till = math.max(due, now) + ttl
  local stands, entry = 'ready', ''
  if is_behind(id, line) then
    stands = 'behind'
    more_behind = more_behind + 1
  elseif due > now then
    stands = 'delayed'
    by_due[#by_due + 1] = due
    by_due[#by_due + 1] = id
  else
    entry = enter(queue, id)
  end
  local it = {queue, stands, entry, 0, 0, tonumber(ARGV[at + 6]), line, size, world, owner, seq, now, till, ttl, due, '', ''}
  local place_of = 4 * more
  rows[place_of + 1], rows[place_of + 2] = jobs .. id, pack(it)
  rows[place_of + 3], rows[place_of + 4] = specs_of .. id, ARGV[at + 9]
  place_of = 2 * more
  by_seq[place_of + 1], by_seq[place_of + 2] = seq, id
  by_end[place_of + 1], by_end[place_of + 2] = till, id
  more, more_bytes = more + 1, more_bytes + size
  note_owner(owners, world, owner, 1, size)
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
  if count + more + #names > jobs_max or bytes + more_bytes + size * #names > bytes_max then
    return {'FULL', 0, count_of(owner)}
  end
  count_of(owner)
  was_known[id] = true
  if dedupe_key then call('SET', dedupe_key, id, 'PX', keep) end
  fresh[#fresh + 1] = now
  fresh[#fresh + 1] = id
  for number, name in ipairs(names) do
    -- Every world has a job of its own: the byte of the id in which no two jobs of one producer differ tells them apart.
    local own = id
    if number > 1 then own = string.sub(id, 1, 16) .. string.format('%02x', number - 1) .. string.sub(id, 19) end
    store(own, name, at)
  end
  return {id, 0, count_of(owner)}
end

local answers = {}
for place_of = 1, #ids do answers[place_of] = put(ids[place_of], 5 + (place_of - 1) * each) end

-- A job counts as known only after everything else of it is there.
if more > 0 then
  in_parts(rows, function(...) call('MSET', ...) end)
  in_parts(by_seq, function(...) call('ZADD', alive, ...) end)
  in_parts(by_end, function(...) call('ZADD', ends, ...) end)
  in_parts(by_due, function(...) call('ZADD', delay, ...) end)
  call('SET', key('seq'), seq)
  call('INCRBY', key('bytes'), more_bytes)
  count_owners(owners)
end
if more_behind > 0 then call('INCRBY', behind, more_behind) end
settle()
if #fresh > 0 then
  call('ZADD', fed, unpack(fresh))
  call('ZREMRANGEBYRANK', fed, 0, -(known_max + 1))
end
return answers

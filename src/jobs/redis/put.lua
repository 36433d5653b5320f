-- Stores jobs; `scripts.rs` says what it is given and gives.

local world, jobs_max, bytes_max, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local each = 10
local ids = {}
for at = 5, #ARGV, each do ids[#ids + 1] = ARGV[at] end

-- What is there already, or was put a while ago and may be done.
local was_known = {}
for at, stored in ipairs(were_stored(world, ids)) do was_known[ids[at]] = stored end

local count, seq = call('ZCARD', alive), tonumber(call('GET', key('seq')) or '0')
local bytes = tonumber(call('GET', key('bytes')) or '0')
local more, more_bytes, more_behind, of_owner, owners = 0, 0, 0, {}, {}
-- Of the jobs that are new, pairs as commands take them.
local rows, by_put, by_end, by_due, fresh, now_word = {}, {}, {}, {}, {}, word(now)

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
  by_put[place_of + 1], by_put[place_of + 2] = now_word, id
  if ttl < longest then
    by_end[#by_end + 1] = till
    by_end[#by_end + 1] = id
  end
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
  fresh[#fresh + 1] = id
  for number, name in ipairs(names) do
    store(copy_of(id, number), name, at)
  end
  return {id, 0, count_of(owner)}
end

local answers = {}
for place_of = 1, #ids do answers[place_of] = put(ids[place_of], 5 + (place_of - 1) * each) end

-- A job counts as known only after everything else of it is there.
if more > 0 then
  in_parts(rows, function(...) call('MSET', ...) end)
  add_to(alive, by_put)
  add_to(ends, by_end)
  add_to(delay, by_due)
  call('SET', key('seq'), seq)
  call('INCRBY', key('bytes'), more_bytes)
  count_owners(owners)
end
if more_behind > 0 then call('INCRBY', behind, more_behind) end
settle()
local written = key('written', world)
if #fresh > 0 then
  local fed = key('fed', world)
  call('SADD', fed, unpack(fresh))
  if call('SCARD', fed) > known_max then call('RENAME', fed, fed .. ':old') end
  call('INCRBY', written, #fresh)
end
return {answers, tonumber(call('GET', written) or '0')}

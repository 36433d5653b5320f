-- Stores jobs; `scripts.rs` says what it is given and gives.

local world, jobs_max, bytes_max, keep, groups = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local each = 8
local first_id = 6 + groups * each
local many = (#ARGV - first_id + 1) / 3
local first_row = first_id + many
local ids = {unpack(ARGV, first_id, first_row - 1)}

-- What is there already, or was put a while ago and may be done.
local is_new, was_known = true, were_stored(world, ids)
for at = 1, many do is_new = is_new and not was_known[at] end

local count, bytes = call('ZCARD', alive), tonumber(call('GET', key('bytes')) or '0')
local fed, fresh, answers = key('fed', world), 0, {}
-- Of the jobs that are stored as they were sent, their ids, pairs as sets take them and as the rows are kept, and all bytes.
local alike, by_turn, by_end, rows, alike_bytes = {}, {}, {}, {}, 0
next_turn()
local turn_word = word(turn)

-- How many jobs an owner has.
local function count_of(owner)
  return owner == '' and 0 or tonumber(call('HGET', key('owners', world), owner) or '0')
end

-- Whether a queue is there, or may be made.
local function is_there(queue)
  local peer = string.match(queue, '^w:([^:]+):world$')
  return not peer or peer == world or call('SISMEMBER', worlds, peer) == 1
end

-- Jobs that have nothing of their own about them, of the same queue and owner: they are stored as they were sent.
local function put_alike(queue, ttl, owner, size, from, to)
  local own, number, till = stream(queue), 2 * #alike, ttl < longest and word(now + ttl)
  local before = count_of(owner)
  open(queue)
  for at = from, to do
    local id = ids[at]
    call('XADD', own, turn_word .. '-' .. at, 'j', id)
    alike[#alike + 1] = id
    by_turn[number + 1], by_turn[number + 2] = turn_word, id
    rows[number + 1], rows[number + 2] = id, ARGV[first_row + 2 * at - 1]
    number = number + 2
    if till then
      by_end[#by_end + 1] = till
      by_end[#by_end + 1] = id
    end
  end
  alike_bytes = alike_bytes + size
  count_owner(world, owner, to - from + 1, size)
  answers[#answers + 1] = before
end

-- Where a job goes: to each world a job of its own, if it is for all.
local function queues_of(queue)
  if queue ~= 'worlds' then return {queue} end
  local all = {}
  for _, name in ipairs(call('SMEMBERS', worlds)) do all[#all + 1] = 'w:' .. name .. ':world' end
  return all
end

-- One of those of a job. Where a job of an order key has to wait until the first of them is done, it is behind.
local function store(id, queue, it)
  it[QUEUE] = queue
  call('ZADD', alive, turn_word, id)
  if it[TTL] < longest then call('ZADD', ends, it[TILL], id) end
  call('INCRBY', key('bytes'), it[SIZE])
  count_owner(it[WORLD], it[OWNER], 1, it[SIZE])
  if it[LINE] ~= '' and call('RPUSH', line_of(it), id) > 1 then
    it[STANDS] = 'behind'
    call('INCR', behind)
  elseif it[DUE] > now then
    it[STANDS] = 'delayed'
    call('ZADD', delay, it[DUE], id)
  else
    open(queue)
    call('XADD', stream(queue), it[ENTRY], 'j', id)
  end
  write(id, it)
end

-- Any job.
local function put(at, queue, dedupe, owner, size)
  local id = ids[at]
  if was_known[at] then
    -- Whoever puts it again does so until this is heard: it is not forgotten meanwhile.
    call('SADD', fed, id)
    return {id, 1, count_of(owner)}
  end
  local dedupe_key = dedupe ~= '' and key('dedupe', world, dedupe)
  local first = dedupe_key and call('GET', dedupe_key)
  if first then return {first, 1, count_of(owner)} end
  if not is_there(queue) then return {'NOWORLD', 0, 0} end
  local names = queues_of(queue)
  if count + #names > jobs_max or bytes + size * #names > bytes_max then return {'FULL', 0, count_of(owner)} end
  count, bytes, fresh = count + #names, bytes + size * #names, fresh + 1
  for later = at + 1, many do was_known[later] = was_known[later] or ids[later] == id end
  if dedupe_key then call('SET', dedupe_key, id, 'PX', keep) end
  for number, name in ipairs(names) do
    store(copy_of(id, number), name, unpacked(id, ARGV[first_row + 2 * at - 1], turn))
  end
  call('SADD', fed, id)
  return {id, 0, count_of(owner)}
end

-- The same job twice in one call is for the long way as well.
if is_new then
  local seen = {}
  for at = 1, many do
    is_new = is_new and not seen[ids[at]]
    seen[ids[at]] = true
  end
end

local from = 1
for group = 1, groups do
  local queue, line, dedupe, due, ttl, owner, size, to = unpack(ARGV, 6 + (group - 1) * each, 5 + group * each)
  to = tonumber(to)
  local more, all_bytes = to - from + 1, tonumber(size)
  local are_alike = is_new and line == '' and dedupe == '' and tonumber(due) <= now and queue ~= 'worlds'
  if are_alike and is_there(queue) and count + more <= jobs_max and bytes + all_bytes <= bytes_max then
    put_alike(queue, tonumber(ttl), owner, all_bytes, from, to)
    count, bytes, fresh = count + more, bytes + all_bytes, fresh + more
  else
    local own = {}
    for at = from, to do
      local it = unpacked(ids[at], ARGV[first_row + 2 * at - 1], turn)
      own[#own + 1] = put(at, queue, dedupe, owner, it[SIZE])
    end
    answers[#answers + 1] = own
  end
  from = to + 1
end
if #alike > 0 then
  in_parts(rows, function(...) call('HSET', jobs, ...) end)
  add_to(alive, by_turn)
  add_to(ends, by_end)
  call('INCRBY', key('bytes'), alike_bytes)
  in_parts(alike, function(...) call('SADD', fed, ...) end)
end
settle()
if call('SCARD', fed) > known_max then call('RENAME', fed, fed .. ':old') end
if fresh > 0 then call('INCRBY', key('written', world), fresh) end
return {answers, tonumber(call('GET', key('written', world)) or '0')}

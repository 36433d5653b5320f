-- Ends tries; `scripts.rs` says what it is given and gives.

local first, longest_pause, groups = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local each, answers = 5, {}
-- Those that are done and out of their streams, and their bytes.
local gone, gone_bytes = {}, 0

-- Whether a lease holds.
local function holds(it, entry) return it and it[STANDS] == 'placed' and it[ENTRY] == entry end

-- Takes out of a stream what was done of it, which is in order. All before the first entry that somebody has is done, and
-- where nobody has any, all up to the last of these is: that much goes at once, which is cheaper than one by one.
local function take_out(queue, from, to)
  local own, last = stream(queue), ARGV[to]
  left[queue] = true
  -- Where these are all that there is, the stream goes as a whole.
  if call('XLEN', own) == to - from + 1 then return call('DEL', own) end
  local pending = call('XPENDING', own, 'g')
  if pending[1] == 0 then
    local turn_word, number = string.match(last, '^(%d+)-(%d+)$')
    call('XTRIM', own, 'MINID', '=', turn_word .. '-' .. (number + 1))
    return
  end
  call('XTRIM', own, 'MINID', '=', pending[2])
  local function place_of(entry)
    local turn_word, number = string.match(entry, '^(%d+)-(%d+)$')
    return tonumber(turn_word), tonumber(number)
  end
  local turn_of, number_of = place_of(pending[2])
  local low, high = from, to + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local its_turn, its_number = place_of(ARGV[middle])
    if its_turn < turn_of or (its_turn == turn_of and its_number < number_of) then
      low = middle + 1
    else
      high = middle
    end
  end
  if low <= to then call('XDEL', own, unpack(ARGV, low, to)) end
end

-- Jobs of one queue and owner that are done, and of which the taker knows all that matters here.
local function done_alike(queue, world, owner, size, entries, ids, many)
  if call('SISMEMBER', queues, queue) == 1
    and call('XACK', stream(queue), 'g', unpack(ARGV, entries, entries + many - 1)) == many then
    take_out(queue, entries, entries + many - 1)
    for at = ids, ids + many - 1 do gone[#gone + 1] = ARGV[at] end
    gone_bytes = gone_bytes + size
    count_owner(world, owner, -many, -size)
    answers[#answers + 1] = 1
    return
  end
  -- Some of these leases do not hold, so what was pending of them is none any more: how each job stands says which did.
  local own = {}
  for at = 0, many - 1 do
    local id = ARGV[ids + at]
    local it = look(id)
    own[at + 1] = holds(it, ARGV[entries + at]) and 1 or 0
    if own[at + 1] == 1 then
      leave(id, it)
      call('HDEL', jobs, id)
    end
  end
  answers[#answers + 1] = own
end

local at = 4 + groups * each
for group = 1, groups do
  local queue, world, owner, size, many = unpack(ARGV, 4 + (group - 1) * each, 3 + group * each)
  many = tonumber(many)
  done_alike(queue, world, owner, tonumber(size), at, at + many, many)
  at = at + 2 * many
end
if #gone > 0 then
  in_parts(gone, function(...)
    call('ZREM', alive, ...)
    call('ZREM', ends, ...)
    call('HDEL', jobs, ...)
  end)
  call('DECRBY', key('bytes'), gone_bytes)
end

while at < #ARGV do
  local id, entry, how, pause, why, chance = unpack(ARGV, at, at + 5)
  local it = look(id)
  -- Where it does not hold, somebody else decides what becomes of it.
  local is_held = holds(it, entry) and taker_of(it) and true
  answers[#answers + 1] = is_held and 1 or 0
  if is_held and how == 'done' then
    leave(id, it)
    call('HDEL', jobs, id)
  elseif is_held and how == 'reject' then
    it[TRIES] = it[TRIES] + 1
    bury(id, it, why)
  elseif is_held and how == 'park' then
    come_back(id, it, tonumber(pause), why)
  elseif is_held then
    pause = tonumber(pause)
    if pause < 0 then
      pause = math.min(first * 2 ^ math.min(it[TRIES], 16), longest_pause)
      pause = math.floor(pause + pause * tonumber(chance) / 4000)
    end
    fail(id, it, pause, why)
  end
  at = at + 6
end
settle()
return answers

-- Gives jobs; `scripts.rs` says what it is given and gives. What is looked at here is bounded: what nobody may have any more
-- is taken out on the way, and a call that finds much of it leaves the rest to the next.

local taker, token, keep, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local found = {}
for at = 5, #ARGV, 1000 do
  local some = {unpack(ARGV, at, math.min(at + 999, #ARGV))}
  for place_of, has in ipairs(call('SMISMEMBER', queues, unpack(some))) do
    if has == 1 then found[#found + 1] = some[place_of] end
  end
end
local answer, given, given_of, count, looked = {}, {token}, {}, 0, 0

-- These jobs are the taker's, under these entries, which are in order.
local function give(queue, entries, ids, rows)
  if #ids == 0 then return end
  count = count + #ids
  answer[#answer + 1] = {queue, entries, ids, rows}
  given[#given + 1] = {queue, entries[1], entries[#entries]}
  given_of[#given_of + 1] = queue
end

-- What was given to the same call before, if its answer was lost: it is the taker's anew from now on.
local function give_again(queue, from, to)
  if call('EXISTS', stream(queue)) == 0 then return end
  local entries, ids = {}, {}
  for _, pending in ipairs(call('XPENDING', stream(queue), 'g', from, to, 10000, taker)) do
    entries[#entries + 1] = pending[1]
    ids[#ids + 1] = job_of(queue, pending[1])
  end
  if #ids == 0 then return end
  for at = 1, #entries do call('XCLAIM', stream(queue), 'g', taker, 0, entries[at], 'JUSTID') end
  give(queue, entries, ids, call('HMGET', jobs, unpack(ids)))
end

local before = call('GET', key('given', taker))
before = before and cmsgpack.unpack(before)
if before and before[1] == token then
  for at = 2, #before do give_again(unpack(before[at])) end
  return answer
end

-- Whether any job is over that nobody has swept away yet.
local are_over = call('ZCOUNT', ends, '-inf', now) > 0 or call('ZCOUNT', alive, '-inf', micros - longest * 1000) > 0

-- Of what was read, those that may be done.
local function sifted(queue, entries, ids, rows)
  local kept_entries, kept_ids, kept_rows = {}, {}, {}
  for at = 1, #ids do
    local it = rows[at] and unpacked(ids[at], rows[at])
    if not it or it[ENTRY] ~= entries[at] then
      drop(queue, entries[at])
    elseif it[TILL] <= now then
      bury(ids[at], it, expired)
    else
      local number = #kept_ids + 1
      kept_entries[number], kept_ids[number], kept_rows[number] = entries[at], ids[at], rows[at]
    end
  end
  return kept_entries, kept_ids, kept_rows
end

for _, queue in ipairs(found) do
  while count < most and looked < swept_max and call('EXISTS', stream(queue)) == 1 do
    local read = call('XREADGROUP', 'GROUP', 'g', taker, 'COUNT', most - count, 'STREAMS', stream(queue), '>')
    if not read or not read[1] then break end
    local entries, ids = {}, {}
    for at, entry in ipairs(read[1][2]) do entries[at], ids[at] = entry[1], entry[2][2] end
    looked = looked + #ids
    local rows = call('HMGET', jobs, unpack(ids))
    local are_whole = not are_over
    for at = 1, #ids do are_whole = are_whole and rows[at] end
    if are_whole then
      give(queue, entries, ids, rows)
    else
      give(queue, sifted(queue, entries, ids, rows))
    end
  end
end
in_parts(given_of, function(...) call('SADD', busy, ...) end)
if count > 0 then call('SET', key('given', taker), pack(given), 'PX', keep) end
settle()
return answer

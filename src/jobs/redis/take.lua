-- Gives jobs; `scripts.rs` says what it is given and gives. What is looked at here is bounded: what nobody may have any more
-- is taken out on the way, and a call that finds much of it leaves the rest to the next.

local taker, most = ARGV[1], tonumber(ARGV[2])
local found = {}
for at = 3, #ARGV, 1000 do
  local some = {unpack(ARGV, at, math.min(at + 999, #ARGV))}
  for place_of, has in ipairs(call('SMISMEMBER', queues, unpack(some))) do
    if has == 1 then found[#found + 1] = some[place_of] end
  end
end
local taken, specs, held, rows = {}, {}, {}, {}
local last = tonumber(call('GET', key('lease')) or '0')
local looked, now_word = 0, word(now)

local function take(queue, id, entry, it)
  if not it or it[ENTRY] ~= entry then
    call('XACK', stream(queue), 'g', entry)
    call('XDEL', stream(queue), entry)
    left[queue] = true
  elseif it[TILL] <= now then
    bury(id, it, expired)
  else
    last = last + 1
    it[STANDS], it[LEASE], it[TRIES], it[TAKER] = 'taken', last, it[TRIES] + 1, taker
    local number = #taken
    taken[number + 1] = {id, last, queue, it[TRIES], '', it[WORLD], it[OWNER]}
    specs[number + 1] = specs_of .. id
    held[2 * number + 1], held[2 * number + 2] = now_word, id
    rows[2 * number + 1], rows[2 * number + 2] = jobs .. id, pack(it)
  end
end

for _, queue in ipairs(found) do
  while #taken < most and looked < swept_max do
    local read = call('XREADGROUP', 'GROUP', 'g', taker, 'COUNT', most - #taken, 'STREAMS', stream(queue), '>')
    if not read or not read[1] then break end
    local entries, ids = read[1][2], {}
    for at = 1, #entries do ids[at] = entries[at][2][2] end
    local its = look_at(ids)
    looked = looked + #ids
    for at = 1, #ids do take(queue, ids[at], entries[at][1], its[at]) end
  end
end
if #taken > 0 then
  call('SET', key('lease'), last)
  call('MSET', unpack(rows))
  add_to(leases, held)
  for place_of, spec in ipairs(call('MGET', unpack(specs))) do taken[place_of][5] = spec or '' end
end
settle()
return taken

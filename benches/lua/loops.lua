-- The loops of benches/vm/loops.rs in Lua, as a Lua programmer writes them: local variables, methods by `:`, ipairs.
-- usage: lua5.4 loops.lua NAME N; prints the CPU seconds that the loop itself took.

local loops = {}

local parent = { inherited = 7 }

function parent:noop(i)
end

function parent:fib2(n)
  if n < 2 then return n end
  return self:fib2(n - 1) + self:fib2(n - 2)
end

local object = setmetatable({ count = 0 }, { __index = parent })

function object:fib(n)
  if n < 2 then return n end
  return self:fib(n - 1) + self:fib(n - 2)
end

local function filled(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

local function appended(n, size)
  for round = 1, n // size do
    local list = {}
    for i = 1, size do list[#list + 1] = i end
  end
end

loops["empty for"] = function(n)
  for i = 1, n do end
end

loops["while with add"] = function(n)
  local i = 0
  while i < n do i = i + 1 end
end

loops["fib by verb call"] = function(n)
  return object:fib(n)
end

loops["fib by inherited verb"] = function(n)
  return object:fib2(n)
end

loops["noop verb call"] = function(n)
  for i = 1, n do object:noop(i) end
end

loops["list append to 1000"] = function(n)
  appended(n, 1000)
end

loops["list append to 10000"] = function(n)
  appended(n, 10000)
end

loops["list index"] = function(n)
  local list, sum = filled(1000), 0
  for round = 1, n // 1000 do
    for i = 1, 1000 do sum = sum + list[i] end
  end
  return sum
end

loops["list set"] = function(n)
  local list = filled(1000)
  for round = 1, n // 1000 do
    for i = 1, 1000 do list[i] = list[i] + 1 end
  end
end

loops["nested list set"] = function(n)
  local rows = {}
  for i = 1, 100 do rows[i] = filled(10) end
  for round = 1, n // 1000 do
    for i = 1, 100 do
      for j = 1, 10 do rows[i][j] = round end
    end
  end
end

loops["list iteration"] = function(n)
  local list, sum = filled(1000), 0
  for round = 1, n // 1000 do
    for _, x in ipairs(list) do sum = sum + x end
  end
  return sum
end

-- Other than in a MOO, the keys of these have no order.
loops["map set in 100"] = function(n)
  local map = filled(100)
  for round = 1, n // 100 do
    for i = 1, 100 do map[i] = round end
  end
end

loops["map get by a name in 1000"] = function(n)
  local map, keys, sum = {}, {}, 0
  for i = 1, 1000 do keys[i] = "name" .. i end
  for i = 1, 1000 do map[keys[i]] = i end
  for round = 1, n // 1000 do
    for i = 1, 1000 do sum = sum + map[keys[i]] end
  end
end

loops["map iteration"] = function(n)
  local map, sum = filled(1000), 0
  for round = 1, n // 1000 do
    for key, value in pairs(map) do sum = sum + key end
  end
end

loops["string append"] = function(n)
  for round = 1, n // 20000 do
    local text = ""
    for i = 1, 20000 do text = text .. "x" end
  end
end

loops["tostr append"] = function(n)
  for round = 1, n // 4000 do
    local text = ""
    for i = 1, 4000 do text = text .. i .. " " end
  end
end

loops["property increment"] = function(n)
  for i = 1, n do object.count = object.count + 1 end
end

loops["property get"] = function(n)
  local x
  for i = 1, n do x = object.count end
end

loops["inherited property get"] = function(n)
  local x
  for i = 1, n do x = object.inherited end
end

loops["property append to 1000"] = function(n)
  for round = 1, n // 1000 do
    object.l = {}
    for i = 1, 1000 do object.l[#object.l + 1] = i end
  end
end

loops["length of a list"] = function(n)
  local list, x = { 1, 2, 3 }, nil
  for i = 1, n do x = #list end
end

loops["caught error"] = function(n)
  local x
  for i = 1, n do
    local ok, value = pcall(function() return 1 // 0 end)
    x = ok and value or 0
  end
end

loops["string index"] = function(n)
  local text, c = ("abcdefghij"):rep(10), nil
  for i = 1, n do c = text:sub(77, 77) end
end

local function contains(list, wanted)
  for i, x in ipairs(list) do
    if x == wanted then return i end
  end
  return 0
end

loops["setadd to 2000"] = function(n)
  for round = 1, n // 2000 do
    local list = {}
    for i = 1, 2000 do
      if contains(list, i) == 0 then list[#list + 1] = i end
    end
  end
end

loops["integer in a list of 100"] = function(n)
  local list, x = filled(100), nil
  for i = 1, n do x = contains(list, 75) end
end

loops["string in a list of 100"] = function(n)
  local list, x = {}, nil
  for i = 1, 100 do list[i] = "name" .. i end
  for i = 1, n do x = contains(list, "name75") end
end

loops["text in a text of 200"] = function(n)
  local text, x = ("abcdefghij"):rep(20) .. "needle", nil
  for i = 1, n do x = text:find("needle", 1, true) end
end

loops["substring"] = function(n)
  local text, c = ("abcdefghij"):rep(10), nil
  for i = 1, n do c = text:sub(21, 50) end
end

loops["map set in 1000"] = function(n)
  for round = 1, n // 1000 do
    local map = {}
    for i = 1, 1000 do map[i] = i end
  end
end

loops["map get in 1000"] = function(n)
  local map, sum = {}, 0
  for i = 1, 1000 do map[i] = i end
  for round = 1, n // 1000 do
    for i = 1, 1000 do sum = sum + map[i] end
  end
  return sum
end

loops["map get by a name in 20"] = function(n)
  local map, x = {}, nil
  for i = 1, 20 do map["name" .. i] = i end
  for i = 1, n do x = map["name15"] end
end

local run, n = assert(loops[arg[1]], "no such loop"), assert(math.tointeger(tonumber(arg[2])), "N is missing")
local started = os.clock()
run(n)
print(os.clock() - started)

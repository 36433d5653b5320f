-- The loops of benches/vm.rs in Lua, as a Lua programmer writes them: local variables, methods by `:`, ipairs.
-- usage: lua5.4 loops.lua NAME N; prints the CPU seconds that the loop itself took.

local loops = {}

loops["empty for"] = function(n)
  for i = 1, n do end
end

loops["while with add"] = function(n)
  local i = 0
  while i < n do i = i + 1 end
end

local object = { count = 0 }

function object:fib(n)
  if n < 2 then return n end
  return self:fib(n - 1) + self:fib(n - 2)
end

loops["fib by verb call"] = function(n)
  return object:fib(n)
end

loops["property increment"] = function(n)
  for i = 1, n do object.count = object.count + 1 end
end

loops["list append"] = function(n)
  for round = 1, n // 1000 do
    local list = {}
    for i = 1, 1000 do list[#list + 1] = i end
  end
end

loops["list iteration"] = function(n)
  local list, sum = {}, 0
  for i = 1, 1000 do list[i] = i end
  for round = 1, n // 1000 do
    for _, x in ipairs(list) do sum = sum + x end
  end
  return sum
end

loops["string append"] = function(n)
  for round = 1, n // 20000 do
    local text = ""
    for i = 1, 20000 do text = text .. "x" end
  end
end

local run, n = assert(loops[arg[1]], "no such loop"), assert(math.tointeger(tonumber(arg[2])), "N is missing")
local started = os.clock()
run(n)
print(os.clock() - started)

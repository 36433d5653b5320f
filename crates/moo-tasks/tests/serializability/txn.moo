"What one task of a workload does: each of its arguments is an operation, and it returns what they saw, in order.";
seen = {};
for op in (args)
  "Here others may come between.";
  random();
  {what, ?a = 0, ?b = 0, ?c = 0} = op;
  if (what == "read")
    saw = #0.(a);
  elseif (what == "write")
    saw = 0;
    #0.(a) = b;
  elseif (what == "append")
    saw = 0;
    #0.(a) = {@#0.(a), b};
  elseif (what == "add")
    saw = 0;
    #0.(a) = #0.(a) + b;
  elseif (what == "transfer")
    saw = #0.(a) >= c;
    if (saw)
      #0.(a) = #0.(a) - c;
      random();
      #0.(b) = #0.(b) + c;
    endif
  elseif (what == "leave")
    saw = #0.(a) && #0.(b);
    random();
    saw && (#0.(a) = 0);
  elseif (what == "create")
    saw = valid(a) && toint(create(a));
  elseif (what == "recycle")
    saw = valid(a);
    saw && recycle(a);
  elseif (what == "enter")
    saw = valid(a) && valid(b) && length(b.contents) < c;
    random();
    saw && move(a, b);
  elseif (what == "adopt")
    saw = valid(a) && valid(b) && length(children(b)) < c;
    random();
    saw && chparent(a, b);
  elseif (what == "contents")
    saw = valid(a) ? a.contents | {};
  elseif (what == "children")
    saw = valid(a) ? children(a) | {};
  elseif (what == "where")
    saw = valid(a) ? {a.location, parent(a)} | {};
  elseif (what == "last")
    saw = toint(max_object());
  endif
  seen = {@seen, saw};
endfor
random();
return seen;

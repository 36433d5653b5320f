results = {};
for action in (args)
  {what, named, @rest} = action;
  try
    if (typeof(named) == LIST)
      object = #0;
      for part in (named)
        object = object.(part);
      endfor
    else
      object = named;
    endif
    if (what == "eval")
      {compiled, result} = eval("return " + rest[1] + ";");
      compiled || raise(E_INVARG, "The expression does not compile", result);
    elseif (what == "invoke")
      player.programmer || raise(E_PERM);
      {verb, arguments} = rest;
      result = object:(verb)(@arguments);
    elseif (what == "read")
      result = object.(rest[1]);
    elseif (what == "update")
      object.(rest[1]) = rest[2];
      result = 0;
    elseif (what == "unreadable")
      raise(E_INVARG, rest[1]);
    elseif (what == "program")
      errors = set_verb_code(object, rest[1], rest[2]);
      errors && raise(E_INVARG, "The program does not compile", errors);
      result = {object, rest[1]};
    elseif (what == "code")
      result = verb_code(object, rest[1]);
    elseif (what == "verb")
      where = object;
      while (valid(where) && `verb_info(where, rest[1]) ! E_VERBNF => 0' == 0)
        where = parent(where);
      endwhile
      valid(where) || raise(valid(object) ? E_VERBNF | E_INVIND);
      result = {{where, @verb_info(where, rest[1]), verb_args(where, rest[1])}, verb_code(where, rest[1])};
    elseif (what == "property")
      info = `property_info(object, rest[1]) ! E_PROPNF => {#-1, ""}';
      clear = `is_clear_property(object, rest[1]) ! ANY => 0';
      where = object;
      while (`property_info(parent(where), rest[1]) ! ANY => 0')
        where = parent(where);
      endwhile
      result = {{where, rest[1], @info, clear}, object.(rest[1])};
    elseif (what == "verbs")
      verbs(object);
      result = {};
      where = object;
      while (valid(where))
        for i in [1..length(`verbs(where) ! E_PERM => {}')]
          info = `verb_info(where, i) ! E_PERM => 0';
          info && (result = {@result, {where, @info, verb_args(where, i)}});
        endfor
        where = rest[1] ? parent(where) | #-1;
      endwhile
    elseif (what == "properties")
      properties(object);
      result = {};
      where = object;
      while (valid(where))
        for name in (`properties(where) ! E_PERM => {}')
          info = `property_info(object, name) ! E_PERM => {#-1, ""}';
          clear = `is_clear_property(object, name) ! E_PERM => 0';
          result = {@result, {where, name, @info, clear}};
        endfor
        where = rest[1] ? parent(where) | #-1;
      endwhile
    elseif (what == "resolve")
      valid(object) || raise(E_INVIND);
      result = object;
    elseif (what == "objects")
      {after, limit} = rest;
      result = {};
      while (after < tonum(max_object()) && length(result) < limit)
        after = after + 1;
        object = toobj(after);
        if (valid(object))
          flags = is_player(object) + 2 * object.programmer + 4 * object.wizard + 16 * object.r + 32 * object.w + 128 * object.f;
          result = {@result, {object, object.name, parent(object), object.owner, object.location, flags}};
        endif
      endwhile
    elseif (what == "enqueue_job")
      result = enqueue_job(@rest);
    elseif (what == "queued_jobs")
      result = queued_jobs(@rest);
    elseif (what == "job_info")
      info = job_info(rest[1]);
      parts = {"id", "kind", "to", "state", "owner", "tries", "since", "error", "data"};
      result = {};
      for part in (parts)
        result = {@result, info[part]};
      endfor
    elseif (what == "cancel_job")
      result = cancel_job(rest[1]);
    endif
    results = {@results, {1, result}};
  except error (ANY)
    results = {@results, {0, error[1], error[2], error[3]}};
  endtry
endfor
return results;

// A person who writes verbs. Every command here runs with the rights of whoever types it.
object PROGRAMMER
  name: "Programmer class"
  parent: BUILDER
  owner: KEEPER
  readable: true

  verb "eval @eval" (any any any) owner: OPERATOR flags: "rd"
    "; <expression>, or ;; <statements>: run it, and show what comes out";
    this:only_me();
    set_task_perms(player);
    statements = argstr && argstr[1] == ";";
    code = statements ? argstr[2..$] | tostr("return ", argstr, ";");
    {worked, result} = eval(tostr("me = player; here = player.location; ", code));
    if (worked)
      player:tell("=> ", toliteral(result));
    else
      player:tell_lines(result);
    endif
  endverb

  verb "@verb" (any any any) owner: OPERATOR flags: "rd"
    "@verb <thing>:<names> [<direct> <preposition> <indirect>]";
    this:only_me();
    set_task_perms(player);
    {?reference = "", @spec} = args;
    {thing, names} = player:find_part(reference, ":");
    if (!valid(thing))
      return;
    elseif (length(verbs(thing)) >= $limits.parts_of_object || length(names) > $limits.line_length)
      return player:tell("It cannot have more verbs, or one with so many names.");
    endif
    spec = player:verb_spec(spec);
    if (spec)
      flags = spec == {"this", "none", "this"} ? "rxd" | "rd";
      add_verb(thing, {player, flags, names}, spec);
      player:tell("You add ", player:verb_lines(thing, length(verbs(thing)))[1]);
    endif
  endverb

  verb "@rmverb" (any none none) owner: OPERATOR flags: "rd"
    "@rmverb <thing>:<name>";
    this:only_me();
    set_task_perms(player);
    {thing, name} = player:find_part(dobjstr, ":");
    if (valid(thing))
      delete_verb(thing, name);
      player:tell(thing:label(), " has no verb ", name, " of its own any more.");
    endif
  endverb

  verb "@args" (any any any) owner: OPERATOR flags: "rd"
    "@args <thing>:<verb> <direct> <preposition> <indirect>";
    this:only_me();
    set_task_perms(player);
    {?reference = "", @spec} = args;
    {thing, name} = player:find_part(reference, ":");
    spec = valid(thing) ? player:verb_spec(spec) | {};
    if (spec)
      set_verb_args(thing, name, spec);
      player:tell_lines(player:verb_lines(thing, name));
    endif
  endverb

  verb "@list" (any none none) owner: OPERATOR flags: "rd"
    "@list <thing>:<verb>";
    this:only_me();
    set_task_perms(player);
    {thing, name} = player:find_part(dobjstr, ":");
    definer = player:definer_of(thing, name);
    if (!valid(definer))
      return;
    endif
    player:tell_lines(player:verb_lines(definer, name));
    number = 0;
    for line in (verb_code(definer, name))
      number = number + 1;
      player:tell(number, ": ", line);
    endfor
    number || player:tell("It has no program yet.");
  endverb

  verb "@program" (any none none) owner: OPERATOR flags: "rd"
    "@program <thing>:<verb>: type the lines, then a dot";
    this:only_me();
    {thing, name} = player:find_part(dobjstr, ":");
    if (!valid(thing))
      return;
    elseif (!player:has_verb(thing, name))
      return player:tell("It has no verb ", name, " of its own. Add it with @verb.");
    endif
    player:tell("Type the program of ", thing:label(), ":", name, ", then a dot on a line of its own; or @abort.");
    lines = player:ask_lines($limits.code_lines, $limits.code_line_length);
    set_task_perms(player);
    if (typeof(lines) == LIST)
      errors = set_verb_code(thing, name, lines);
      player:tell_lines(errors);
      player:tell(errors ? "Nothing was changed." | tostr("The verb is programmed: ", $string:count(length(lines), "line"), "."));
    endif
  endverb

  // Methods

  method verb_spec owner: KEEPER
    "verb_spec(words): {direct, preposition, indirect}; {} and I am told if they are not that.";
    {words} = args;
    if (!words)
      return {"this", "none", "this"};
    endif
    objects = {"this", "any", "none"};
    if (length(words) < 3 || !(words[1] in objects) || !(words[$] in objects))
      this:tell("Say what it expects in three parts, like this: this none none, or any on this.");
      return {};
    endif
    prep = words[2];
    for word in (words[3..$ - 1])
      prep = tostr(prep, " ", word);
    endfor
    return {words[1], prep, words[$]};
  endmethod

  method has_verb owner: OPERATOR
    "has_verb(thing, name): true if thing itself defines it.";
    {thing, name} = args;
    set_task_perms(caller_perms());
    try
      verb_info(thing, name);
      return 1;
    except (E_VERBNF)
      return 0;
    endtry
  endmethod

  method definer_of owner: OPERATOR
    "definer_of(thing, name): thing or the nearest ancestor that defines the verb; $failed and I am told if there is none.";
    {thing, name} = args;
    set_task_perms(caller_perms());
    object = thing;
    while (valid(object))
      if (this:has_verb(object, name))
        return object;
      endif
      object = parent(object);
    endwhile
    valid(thing) && this:tell(thing:label(), " has no verb ", name, ".");
    return $failed;
  endmethod
endobject

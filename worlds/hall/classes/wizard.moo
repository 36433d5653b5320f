// A person who looks after this world.
object WIZARD
  name: "Wizard class"
  parent: PROGRAMMER
  owner: KEEPER
  readable: true

  verb "@programmer" (any none none) owner: OPERATOR flags: "rd"
    "@programmer <name>: let somebody write verbs";
    this:wizards_only();
    who = this:character_named(dobjstr);
    if (valid(who))
      who.programmer = 1;
      this:promote(who, $prog);
      this:tell(who.name, " is a programmer now.");
      who:tell("You are a programmer now. See: help programming");
    endif
  endverb

  verb "@wizard" (any none none) owner: OPERATOR flags: "rd"
    "@wizard <name>: share all your powers";
    this:wizards_only();
    who = this:character_named(dobjstr);
    if (valid(who) && who.password)
      who.programmer = 1;
      who.wizard = 1;
      this:promote(who, $wiz);
      this:tell(who.name, " is a wizard now.");
      who:tell("You are a wizard now. Take care. See: help wizards");
    endif
  endverb

  verb "@builder" (any any any) owner: OPERATOR flags: "rd"
    "@builder <name> <number>: how many more objects somebody may make";
    this:wizards_only();
    {?name = "", ?number = ""} = args;
    who = this:character_named(name);
    if (!valid(who))
      return;
    elseif (!match(number, "^[0-9]+$"))
      return this:tell("Try: @builder ", who.name, " 20");
    endif
    this:promote(who, $builder);
    who.quota = toint(number);
    this:tell(who.name, " may make ", $string:count(who.quota, "more object"), ".");
  endverb

  verb "@newpassword" (any none none) owner: OPERATOR flags: "rd"
    "@newpassword <name>: choose a password for somebody who forgot theirs";
    this:wizards_only();
    who = this:character_named(dobjstr);
    if (!valid(who))
      return;
    endif
    new = this:ask_secret(tostr("Type the new password of ", who.name, "."));
    if (problem = $login:password_problem(new))
      return this:tell(problem, " Nothing was changed.");
    endif
    $login:set_password(who, new);
    this:tell("The password of ", who.name, " is changed.");
  endverb

  verb "@boot" (any none none) owner: OPERATOR flags: "rd"
    "@boot <name>: disconnect somebody";
    this:wizards_only();
    who = $people:find(dobjstr);
    if (valid(who) && who in connected_players())
      boot_player(who);
      this:tell(who.name, " is disconnected.");
    else
      this:tell("Nobody of that name is connected.");
    endif
  endverb

  verb "@toad" (any none none) owner: OPERATOR flags: "rd"
    "@toad <name>: end a character for good. What it made stays, and is yours.";
    this:wizards_only();
    who = this:character_named(dobjstr);
    if (!valid(who))
      return;
    elseif (who.wizard)
      return this:tell("Not a wizard.");
    endif
    this:tell("Type yes to end ", who.name, " for good.");
    if (this:ask_line() == "yes")
      name = who.name;
      kept = this:inherit_from(who);
      recycle(who);
      this:tell(name, " is no more. You own what they made: ", $string:count(kept, "object"), ".");
    else
      this:tell("Nothing was changed.");
    endif
  endverb

  verb "@announce" (any any any) owner: OPERATOR flags: "rd"
    "@announce <text>: everybody connected hears it";
    this:wizards_only();
    if (text = this:speakable(argstr))
      for who in (connected_players())
        who:tell("Announcement from ", this.name, ": ", text);
      endfor
    endif
  endverb

  verb "@shutdown" (any any any) owner: OPERATOR flags: "rd"
    "@shutdown <text>: stop the server, after a question";
    this:wizards_only();
    this:tell("Type yes to stop the server for everybody.");
    this:ask_line() == "yes" ? shutdown(argstr) | this:tell("The server goes on.");
  endverb

  verb "@dump" (none none none) owner: OPERATOR flags: "rd"
    "@dump: write the world to a file now";
    this:wizards_only();
    dump_database();
    this:tell("The world is being written.");
  endverb

  verb "@lag" (none none none) owner: OPERATOR flags: "rd"
    "@lag: how late the server's own steps are";
    this:wizards_only();
    for row in (lag())
      {step, median, p99} = row;
      this:tell(step, ": ", this:millis(median), " usually, ", this:millis(p99), " one time in a hundred");
    endfor
  endverb

  verb "@profile" (none none none) owner: OPERATOR flags: "rd"
    "@profile: the verbs that take most of the server's time";
    this:wizards_only();
    rows = verb_profile();
    for row in (rows[1..min(20, length(rows))])
      {definer, names, calls, ticks, seconds} = row;
      this:tell(definer, ":", names, ": ", this:millis(seconds), ", ", $string:count(calls, "call"), ", ", $string:count(ticks, "tick"));
    endfor
  endverb

  verb "@conflicts" (none none none) owner: OPERATOR flags: "rd"
    "@conflicts: where tasks are in each other's way";
    this:wizards_only();
    rows = conflicts();
    rows || this:tell("No task was in another's way.");
    for row in (rows[1..min(20, length(rows))])
      {object, part, times} = row;
      this:tell(object, ".", part, ": ", $string:count(times, "time"));
    endfor
  endverb

  // Methods

  method millis owner: OPERATOR
    "millis(seconds): as text, in thousandths.";
    {seconds} = args;
    return tostr(floatstr(1000.0 * seconds, 1), " ms");
  endmethod

  method wizards_only owner: OPERATOR
    "Stop a command that was typed by anybody but the wizard it belongs to.";
    (player == this && this.wizard) || raise(E_PERM);
  endmethod

  method character_named owner: OPERATOR
    "character_named(text): the character, never a guest; $failed and I am told if there is none.";
    {name} = args;
    who = $people:named(name);
    if (!valid(who) || who:is_a($guest))
      this:tell("There is no character called \"", name, "\".");
      return $failed;
    endif
    return who;
  endmethod

  method promote owner: OPERATOR
    "promote(who, class): make who a child of class, unless they are that already.";
    {who, class} = args;
    caller_perms().wizard || raise(E_PERM);
    who:is_a(class) || chparent(who, class);
  endmethod

  method inherit_from owner: OPERATOR
    "inherit_from(who): take over all that who owns; returns how many objects that was.";
    {who} = args;
    caller_perms().wizard || raise(E_PERM);
    count = 0;
    for number in [0..toint(max_object())]
      object = toobj(number);
      if (valid(object) && object != who && object.owner == who)
        object.owner = this;
        count = count + 1;
      endif
      ticks_left() < 2000 && suspend(0);
    endfor
    return count;
  endmethod
endobject

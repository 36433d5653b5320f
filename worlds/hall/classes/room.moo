// A place. Rooms carry sound, know their exits, and make sense of words nothing else understood.
object ROOM
  name: "Room"
  parent: ROOT
  owner: KEEPER
  fertile: true
  readable: true

  property exits (owner: KEEPER, flags: "r") = {};
  property details (owner: KEEPER, flags: "rc") = {};
  property open_ground (owner: KEEPER, flags: "rc") = 0;

  method look_self owner: KEEPER
    "Name, description, what and who is here, exits: one line each, nothing in columns.";
    {viewer} = args;
    viewer:tell(this.name);
    viewer:tell_lines(this:describe());
    people = $list:without(this:people(), {viewer});
    things = $list:without(this.contents, {viewer, @people});
    things && viewer:tell("You see ", $string:and_list($list:titles(things)), ".");
    people && viewer:tell($string:and_list($list:titles(people)), length(people) == 1 ? " is" | " are", " here.");
    viewer:tell(this:exit_line());
  endmethod

  method exit_line owner: KEEPER
    "My exits, in one sentence.";
    return this.exits ? tostr("Exits: ", $string:and_list($list:titles(this.exits)), ".") | "There is no way out that you can see.";
  endmethod

  method the owner: KEEPER
    return this.name[1..min(4, $)] == "The " ? "the " + this.name[5..$] | this.name;
  endmethod

  method people owner: KEEPER
    "The players who are here.";
    found = {};
    for thing in (this.contents)
      is_player(thing) && (found = {@found, thing});
    endfor
    return found;
  endmethod

  method detail owner: KEEPER
    "detail(word): what there is to see about something too slight to be an object, or \"\".";
    {word} = args;
    for detail in (this.details)
      if (word in detail[1])
        return detail[2];
      endif
    endfor
    return "";
  endmethod

  method announce owner: KEEPER
    "announce(text...): everybody here hears it.";
    for listener in (this.contents)
      `listener:tell(@args) ! ANY';
    endfor
  endmethod

  method announce_all_but owner: KEEPER
    "announce_all_but({who...}, text...): everybody here hears it but those.";
    {deaf, @text} = args;
    for listener in ($list:without(this.contents, deaf))
      `listener:tell(@text) ! ANY';
    endfor
  endmethod

  method speech owner: KEEPER
    "speech(speaker, text): somebody said something aloud. People hear it as a line, things may listen.";
    {speaker, text} = args;
    caller in {speaker, this, $messenger} || raise(E_PERM);
    this:announce_all_but({speaker}, speaker.name, " says, \"", text, "\"");
    for listener in (this.contents)
      `listener:hears(speaker, text) ! ANY';
    endfor
  endmethod

  method find_exit owner: KEEPER
    "find_exit(word): the exit of that name, or $failed.";
    {word} = args;
    for way in (this.exits)
      if (way:is_called(word))
        return way;
      endif
    endfor
    return $failed;
  endmethod

  method add_exit owner: KEEPER
    "add_exit(exit): for those who control me, and for everybody if I am open ground.";
    {way} = args;
    this.open_ground || this:is_controlled_by(caller_perms()) || raise(E_PERM);
    length(this.exits) < $limits.room_exits || raise(E_QUOTA);
    way.source == this || raise(E_INVARG);
    this.exits = setadd(this.exits, way);
  endmethod

  method forget_exit owner: KEEPER
    "forget_exit(exit): for those who control either of us.";
    {way} = args;
    caller == way || this:is_controlled_by(caller_perms()) || way:is_controlled_by(caller_perms()) || raise(E_PERM);
    this.exits = setremove(this.exits, way);
  endmethod

  method accept owner: KEEPER
    "People always fit in; things do while there is room.";
    {what} = args;
    return is_player(what) || (what:is_a($thing) && length(this.contents) < $limits.room_contents);
  endmethod

  method huh owner: KEEPER
    "No object understood the line. It may be an exit or a channel; else say something useful.";
    way = args ? $failed | this:find_exit(verb);
    channel = $channel:named(verb);
    unclear = dobj == $ambiguous ? dobjstr | (iobj == $ambiguous ? iobjstr | "");
    unseen = dobjstr && dobj == $failed ? dobjstr | (iobjstr && iobj == $failed ? iobjstr | "");
    if (valid(way))
      way:invoke(player);
    elseif (valid(channel))
      channel:speak(player, argstr);
    elseif (unclear)
      player:tell("You see more than one \"", unclear, "\". Say which by its full name.");
    elseif (index(verb, "@") == 1 || verb == "eval")
      player:tell("\"", $string:clip(verb, 40), "\" does not work like that. ", $help:hint(verb));
    elseif (unseen && $help:knows(verb))
      player:tell("You see no \"", unseen, "\" here.");
    elseif (unseen)
      player:tell("You see no \"", unseen, "\" here that you could ", verb, ".");
    else
      player:tell("I do not understand \"", $string:clip(verb, 40), "\". ", $help:hint(verb));
    endif
  endmethod

  method recycle owner: KEEPER
    "People inside go home, things go to their owners, and the ways out of me go with me.";
    this:is_controlled_by(caller_perms()) || raise(E_PERM);
    for who in (this:people())
      who:tell("The place fades around you.");
      who:go_home();
    endfor
    for thing in (this.contents)
      `thing:moveto(thing.owner) ! ANY';
    endfor
    for way in (this.exits)
      `this:recycle_exit(way) ! ANY';
    endfor
  endmethod

  method recycle_exit owner: OPERATOR
    {way} = args;
    caller == this || raise(E_PERM);
    set_task_perms(this.owner);
    recycle(way);
  endmethod
endobject

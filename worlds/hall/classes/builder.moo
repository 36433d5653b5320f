// A person who makes places and things. Every command here runs with the rights of whoever types it.
object BUILDER
  name: "Builder class"
  parent: PLAYER
  owner: KEEPER
  readable: true

  property draft (owner: OPERATOR, flags: "") = {};

  // Making and unmaking

  verb "@create" (any any any) owner: OPERATOR flags: "rd"
    "@create <class> named <name,alias,...>";
    this:only_me();
    set_task_perms(player);
    if (!(parts = $string:cut(argstr, {" named ", " called "})))
      return player:tell("Try: @create $thing named walking stick,stick");
    endif
    class = player:find(parts[1]);
    names = player:names_from(parts[2]);
    if (!valid(class) || !names)
      return;
    endif
    thing = create(class);
    player:give_names(thing, names);
    `move(thing, player) ! E_NACC';
    player:tell("You make ", thing:label(), ".");
  endverb

  verb "@dig" (any any any) owner: OPERATOR flags: "rd"
    "@dig <room>; @dig <exit> to <room>; @dig <exit>|<exit back> to <room>. <room> may be #number.";
    this:only_me();
    set_task_perms(player);
    parts = $string:cut(argstr, {" to "});
    {ways, name} = parts ? parts | {"", $string:trim(argstr)};
    here = player.location;
    if (!name)
      return player:tell("Try: @dig north,n|south,s to Potting Shed");
    elseif (ways && !(here.open_ground || here:is_controlled_by(player)))
      return player:tell("You can start exits in rooms of your own and on open ground, such as the lane.");
    endif
    room = player:room_called(name);
    if (!valid(room))
      return;
    endif
    ways = $string:split(ways, "|");
    for i in [1..min(2, length(ways))]
      {from, to} = i == 1 ? {here, room} | {room, here};
      player:make_exit(ways[i], from, to);
    endfor
  endverb

  verb "@recycle" (any none none) owner: OPERATOR flags: "rd"
    "@recycle <thing>";
    this:only_me();
    set_task_perms(player);
    thing = player:find(dobjstr);
    if (!valid(thing))
      return;
    elseif (is_player(thing) || !thing:is_controlled_by(player))
      return player:tell("You may not destroy ", thing:the(), ".");
    endif
    label = thing:label();
    recycle(thing);
    player:tell(label, " is gone for good.");
  endverb

  verb "@chparent" (any at any) owner: OPERATOR flags: "rd"
    "@chparent <thing> to <class>";
    this:only_me();
    set_task_perms(player);
    thing = player:find(dobjstr);
    class = valid(thing) ? player:find(iobjstr) | $nothing;
    if (!valid(class))
      return;
    elseif (is_player(thing))
      return player:tell("People cannot be changed like that.");
    endif
    chparent(thing, class);
    player:tell(thing:label(), " is now a kind of ", class:label(), ".");
  endverb

  // Names and looks

  verb "@rename" (any at any) owner: OPERATOR flags: "rd"
    "@rename <thing> to <name,alias,...>";
    this:only_me();
    set_task_perms(player);
    thing = player:find(dobjstr);
    if (!valid(thing))
      return;
    elseif (is_player(thing))
      return player:rename_player(thing, iobjstr);
    endif
    names = player:names_from(iobjstr);
    if (names)
      player:give_names(thing, names);
      player:tell("It is now called ", thing:label(), ".");
    endif
  endverb

  verb "@aliases" (any as any) owner: OPERATOR flags: "rd"
    "@aliases <thing> as <alias,...>";
    this:only_me();
    set_task_perms(player);
    thing = player:find(dobjstr);
    names = valid(thing) ? player:names_from(iobjstr) | {};
    if (!names)
      return;
    elseif (is_player(thing))
      return player:tell("People have just their name.");
    endif
    thing.aliases = names;
    player:tell(thing:label(), " is also called ", $string:and_list(names), ".");
  endverb

  verb "@detail" (any as any) owner: OPERATOR flags: "rd"
    "@detail <word,word> as <text>: something to look at in this room.";
    this:only_me();
    set_task_perms(player);
    words = player:names_from(dobjstr);
    text = words ? $string:cut(argstr, {" as "})[2] | "";
    room = player.location;
    if (!words)
      return;
    elseif (length(text) > $limits.description_length || length(room.details) >= $limits.room_details)
      return player:tell("There is no room for that much detail here.");
    endif
    details = {};
    for detail in (room.details)
      detail[1] == words || (details = {@details, detail});
    endfor
    room.details = text ? {@details, {words, text}} | details;
    player:tell(text ? "People can now look at " | "There is no more to see of ", $string:and_list(words, "or"), ".");
  endverb

  // Properties and permissions

  verb "@prop*erty" (any any any) owner: OPERATOR flags: "rd"
    "@prop <thing>.<name> [value]";
    this:only_me();
    set_task_perms(player);
    {reference, text} = $string:cut(argstr, {" "});
    {thing, name} = player:find_part(reference, ".");
    if (!valid(thing))
      return;
    elseif (length(properties(thing)) >= $limits.parts_of_object || length(name) > $limits.name_length)
      return player:tell("It cannot have more properties, or one with so long a name.");
    elseif (length(text) > $limits.description_length)
      return player:tell("That value is too long.");
    endif
    add_property(thing, name, $string:to_value(text), {player, "rc"});
    player:tell(thing:label(), " has the property ", name, " now: ", toliteral(thing.(name)));
  endverb

  verb "@rmprop*erty" (any none none) owner: OPERATOR flags: "rd"
    "@rmprop <thing>.<name>";
    this:only_me();
    set_task_perms(player);
    {thing, name} = player:find_part(dobjstr, ".");
    if (valid(thing))
      delete_property(thing, name);
      player:tell(thing:label(), " has no property ", name, " of its own any more.");
    endif
  endverb

  verb "@set" (any at any) owner: OPERATOR flags: "rd"
    "@set <thing>.<name> to <value>";
    this:only_me();
    set_task_perms(player);
    parts = $string:cut(argstr, {" to "});
    {thing, name} = parts ? player:find_part(parts[1], ".") | {$nothing, ""};
    if (!valid(thing))
      return;
    elseif (length(parts[2]) > $limits.description_length)
      return player:tell("That value is too long.");
    elseif (name in {"name", "owner", "location", "contents", "programmer", "wizard"})
      return player:tell("That is not set with @set. See: help @rename");
    endif
    thing.(name) = $string:to_value(parts[2]);
    player:tell(thing:label(), ".", name, " is now ", toliteral(thing.(name)));
  endverb

  verb "@perms @chmod" (any is any) owner: OPERATOR flags: "rd"
    "@perms <thing> is <flags>; also <thing>.<property> and <thing>:<verb>. \"none\" for no flags.";
    this:only_me();
    set_task_perms(player);
    flags = iobjstr == "none" ? "" | iobjstr;
    if (index(dobjstr, ":"))
      {thing, name} = player:find_part(dobjstr, ":");
      valid(thing) && set_verb_info(thing, name, {(info = verb_info(thing, name))[1], flags, info[3]});
    elseif (index(dobjstr, "."))
      {thing, name} = player:find_part(dobjstr, ".");
      valid(thing) && set_property_info(thing, name, {property_info(thing, name)[1], flags});
    elseif (valid(thing = player:find(dobjstr)))
      thing.r = index(flags, "r");
      thing.w = index(flags, "w");
      thing.f = index(flags, "f");
    endif
    valid(thing) && player:tell("The flags of ", dobjstr, " are ", flags || "none", " now.");
  endverb

  // Looking at how things are made

  verb "@show" (any none none) owner: OPERATOR flags: "rd"
    "@show <thing>; @show <thing>.<property>; @show <thing>:<verb>";
    this:only_me();
    set_task_perms(player);
    if (index(dobjstr, ":"))
      {thing, name} = player:find_part(dobjstr, ":");
      valid(thing) && player:tell_lines(player:verb_lines(thing, name));
    elseif (index(dobjstr, "."))
      {thing, name} = player:find_part(dobjstr, ".");
      valid(thing) && player:tell_lines(player:property_lines(thing, name));
    elseif (valid(thing = player:find(dobjstr)))
      player:tell_lines(player:object_lines(thing));
    endif
  endverb

  verb "@quota" (none none none) owner: OPERATOR flags: "rd"
    "@quota: how many more objects you may make";
    this:only_me();
    player:tell("You may make ", $string:count(player.quota, "more object"), ".");
  endverb

  verb "@audit" (none none none) owner: OPERATOR flags: "rd"
    "@audit: what you own";
    this:only_me();
    set_task_perms(player);
    for number in [0..toint(max_object())]
      object = toobj(number);
      valid(object) && object.owner == player && player:tell(object:label());
      ticks_left() < 2000 && suspend(0);
    endfor
  endverb

  verb "@edit" (any none none) owner: OPERATOR flags: "rd"
    "@edit <thing>.<property>; @edit <thing>:<verb>; @edit to go on with an unsaved text.";
    this:only_me();
    if (dobjstr && ($editor:open_on_page(player, dobjstr) || !$editor:open(player, dobjstr)))
      return;
    endif
    $editor:run(player);
  endverb

  verb "@go @teleport" (any none none) owner: OPERATOR flags: "rd"
    "@go <room>: to a room of yours, or open ground";
    this:only_me();
    room = player:find(dobjstr);
    if (!valid(room))
      return;
    elseif (!room:is_a($room) || !(room.open_ground || room:is_controlled_by(player)))
      return player:tell("You can only go like that to rooms of your own and to open ground.");
    endif
    player:travel(room, tostr(player.name, " is suddenly gone."), tostr(player.name, " is suddenly here."));
  endverb

  // Methods

  method only_me owner: OPERATOR
    "Stop a command that reached me because somebody else named me in it.";
    player == this || raise(E_PERM);
  endmethod

  method names_from owner: KEEPER
    "names_from(text): the names between commas, or {} and I am told what is wrong.";
    {text} = args;
    names = $string:split(text, ",");
    for name in (names)
      if (length(name) > $limits.name_length)
        this:tell("A name may have at most ", $limits.name_length, " characters.");
        return {};
      endif
    endfor
    if (!names || length(names) > $limits.names)
      this:tell("Give it a name, and at most ", $limits.names - 1, " more, with commas between.");
      return {};
    endif
    return names;
  endmethod

  method give_names owner: OPERATOR
    "give_names(thing, names): the first is its name. The last word of a name is an alias by itself.";
    {thing, names} = args;
    set_task_perms(caller_perms());
    thing.name = names[1];
    thing.article in {"a", "an"} && (thing.article = index("aeiou", names[1][1]) ? "an" | "a");
    words = $string:words(names[1]);
    thing.aliases = length(words) > 1 ? setadd(names[2..$], words[$]) | names[2..$];
  endmethod

  method rename_player owner: OPERATOR
    "rename_player(who, name): only wizards change other people's names, and those cannot be taken twice.";
    {who, name} = args;
    caller_perms() == who || caller_perms().wizard || raise(E_PERM);
    if (who:is_a($guest))
      this:tell("Guests cannot choose a name. Make a character of your own!");
    elseif (problem = $people:name_problem(name, who))
      this:tell(problem);
    else
      who.name = name;
      this:tell("The name is now ", name, ".");
    endif
  endmethod

  method room_called owner: OPERATOR
    "room_called(text): the room #number, or a new one of that name; $failed if neither can be had.";
    {text} = args;
    set_task_perms(caller_perms());
    if (match(text, "^#[0-9]+$"))
      room = this:find(text);
      return valid(room) && room:is_a($room) ? room | $failed;
    elseif (names = this:names_from(text))
      room = create($room);
      this:give_names(room, names);
      this:tell("You make the room ", room:label(), ".");
      return room;
    endif
    return $failed;
  endmethod

  method make_exit owner: OPERATOR
    "make_exit(names, from, to): a new way between two rooms.";
    {text, from, to} = args;
    set_task_perms(caller_perms());
    if (!(names = this:names_from(text)))
      return;
    elseif (!from.open_ground && !from:is_controlled_by(this))
      return this:tell("You cannot make a way out of ", from:the(), ".");
    elseif (valid(from:find_exit(names[1])))
      return this:tell("There is a way called ", names[1], " in ", from:the(), " already.");
    endif
    way = create($exit);
    way.name = names[1];
    way.aliases = names[2..$];
    way.source = from;
    way.destination = to;
    from:add_exit(way);
    this:tell("You make the way ", way:label(), " from ", from:the(), " to ", to:the(), ".");
  endmethod

  method find_part owner: KEEPER
    "find_part(\"thing.name\", \".\"): {thing, name}; {$nothing, \"\"} and I am told what is wrong.";
    {text, mark} = args;
    at = rindex(text, mark);
    name = at ? $string:trim(text[at + 1..$]) | "";
    if (!name)
      this:tell("Give a thing and a name, like this: lamp", mark, "name");
      return {$nothing, ""};
    endif
    return {this:find($string:trim(text[1..at - 1])), name};
  endmethod

  method object_lines owner: OPERATOR
    "object_lines(thing): how it is made, as far as I may know.";
    {thing} = args;
    set_task_perms(caller_perms());
    owner = valid(thing.owner) ? thing.owner:label() | "nobody";
    above = valid(parent(thing)) ? parent(thing):label() | "nothing";
    where = valid(thing.location) ? "in " + thing.location:label() | "nowhere";
    flags = $list:words_for({{thing.r, "readable"}, {thing.w, "writable"}, {thing.f, "fertile"}});
    lines = {thing:label() + ", a kind of " + above + ", owned by " + owner + "."};
    lines = {@lines, tostr("It is ", $string:and_list(flags, "and", "private"), ", and ", where, ".")};
    own = `properties(thing) ! E_PERM => {"(not readable)"}';
    programs = `verbs(thing) ! E_PERM => {"(not readable)"}';
    lines = {@lines, tostr("Properties of its own: ", $string:and_list(own, "and", "none"), ".")};
    return {@lines, tostr("Verbs of its own: ", $string:and_list(programs, "and", "none"), ".")};
  endmethod

  method property_lines owner: OPERATOR
    {thing, name} = args;
    set_task_perms(caller_perms());
    value = thing.(name);
    info = `property_info(thing, name) ! E_PROPNF => {thing.owner, "built in"}';
    flags = info[2] || "none";
    inherited = `is_clear_property(thing, name) ! ANY => 0';
    lines = {tostr(thing:label(), ".", name, ", owned by ", valid(info[1]) ? info[1]:label() | "nobody", ", flags ", flags, inherited ? ", inherited:" | ":")};
    return {@lines, toliteral(value)};
  endmethod

  method verb_lines owner: OPERATOR
    {thing, name} = args;
    set_task_perms(caller_perms());
    {owner, flags, names} = verb_info(thing, name);
    {direct, prep, indirect} = verb_args(thing, name);
    who = valid(owner) ? owner:label() | "nobody";
    return {tostr(thing:label(), ":", names, ", ", direct, " ", prep, " ", indirect, ", owned by ", who, ", flags ", flags || "none", ".")};
  endmethod
endobject

// A person: what everybody can type, and how the world speaks to them.
object PLAYER
  name: "Player class"
  parent: ROOT
  owner: KEEPER
  readable: true

  property password (owner: OPERATOR, flags: "") = "";
  property quota (owner: OPERATOR, flags: "r") = 0;
  property last_seen (owner: OPERATOR, flags: "r") = 0;
  property home (owner: KEEPER, flags: "r") = PORCH;
  property last_place (owner: KEEPER, flags: "r") = #-1;
  property tour_step (owner: KEEPER, flags: "r") = 0;
  property farewell (owner: KEEPER, flags: "r") = "Goodbye. You will wake up where you fell asleep.";
  property channels (owner: KEEPER, flags: "r") = {CHAT};
  property spoke_to_all (owner: KEEPER, flags: "r") = 0;

  override description = "Somebody who has not described themselves yet.";

  // Looking

  verb "l*ook" (any any any) owner: KEEPER flags: "rd"
    "look; look <thing>; look at <thing>; look in <container>";
    what = prepstr ? iobjstr | dobjstr;
    if (!args)
      player:look_around();
    elseif (prepstr && !(prepstr in {"at", "to", "in", "inside", "into"}))
      player:tell("Try: look, look at something, or look in something.");
    elseif (valid(player.location) && (detail = player.location:detail(what)))
      player:tell(detail);
    else
      thing = player:find(what);
      if (valid(thing))
        prepstr in {"in", "inside", "into"} ? thing:look_inside(player) | thing:look_self(player);
      endif
    endif
    $tour:notices(player, what ? "look at" | "look");
  endverb

  verb "exam*ine" (any none none) owner: KEEPER flags: "rd"
    "examine <thing>: everything a visitor may know about it.";
    thing = player:find(dobjstr);
    if (!valid(thing))
      return;
    endif
    owner = valid(thing.owner) ? thing.owner.name | "nobody";
    player:tell(thing:label(), ", owned by ", owner, ".");
    thing.aliases && player:tell("Also called ", $string:and_list(thing.aliases), ".");
    thing:look_self(player);
    hints = $help:commands_of(thing);
    hints && player:tell("You could type: ", $string:and_list(hints, "or"), ".");
  endverb

  verb "i inv*entory" (none none none) owner: KEEPER flags: "rd"
    "inventory: what you carry";
    player:tell("You are carrying ", $string:and_list($list:titles(player.contents)), ".");
  endverb

  verb "who @who" (none none none) owner: KEEPER flags: "rd"
    "who: everybody who is connected";
    player:tell_lines($people:who_lines());
  endverb

  // Talking

  verb say (any any any) owner: KEEPER flags: "rd"
    "say <text>, or \"<text>: speak to everybody here";
    if (text = player:speakable(argstr))
      player:tell("You say, \"", text, "\"");
      player:utter(text);
      $tour:notices(player, "say");
    endif
  endverb

  verb emote (any any any) owner: KEEPER flags: "rd"
    "emote <text>, or :<text>: everybody here sees your name and the text. ::<text> leaves no space.";
    if (text = player:speakable(argstr))
      glued = text[1] == ":";
      line = glued ? player.name + text[2..$] | tostr(player.name, " ", text);
      valid(player.location) && player.location:announce(line);
    endif
  endverb

  verb "whis*per" (any any any) owner: KEEPER flags: "rd"
    "whisper <text> to <somebody here>. The last \"to\" counts, so the text may have some of its own.";
    if (!(at = rindex(argstr, " to ")))
      return player:tell("Try: whisper hello to somebody");
    endif
    who = player:find($string:trim(argstr[at + 4..$]));
    if (!valid(who) || !(text = player:speakable($string:unquoted(argstr[1..at]))))
      return;
    elseif (!is_player(who) || who == player)
      return player:tell("You can only whisper to somebody else who is here.");
    endif
    player:tell("You whisper to ", who.name, ", \"", text, "\"");
    who:tell(player.name, " whispers to you, \"", text, "\"");
  endverb

  verb page (any any any) owner: KEEPER flags: "rd"
    "page <somebody> <text>: speak to somebody anywhere";
    {name, text} = $string:cut(argstr, {" "});
    who = $people:find(name);
    if (!name)
      player:tell("Try: page somebody hello");
    elseif (!valid(who))
      player:tell("Nobody is called \"", $string:clip(name, 40), "\".");
    elseif (!(who in connected_players()))
      player:tell(who.name, " is not connected.");
    elseif (text = player:speakable(text))
      $messenger:direct(player, who, text, tostr(player.name, " pages you, \"", text, "\""));
      player:tell("You page ", who.name, ", \"", text, "\"");
    endif
  endverb

  verb shout (any any any) owner: KEEPER flags: "rd"
    "shout <text>: speak to everybody who is connected";
    if (text = player:speakable(argstr))
      $messenger:global(player, text);
    endif
  endverb

  verb "=*" (any any any) owner: KEEPER flags: "rd"
    "=<text>: talk on the chat channel";
    $chat:speak(player, $string:trim(tostr(verb[2..$], " ", argstr)));
  endverb

  verb "@join" (any none none) owner: KEEPER flags: "rd"
    "@join [channel]: hear it and speak on it. A channel that nobody has opened yet is opened.";
    channel = $channel:named(dobjstr || $chat.name);
    valid(channel) || (channel = $channel:open(player, dobjstr));
    channel:join(player);
  endverb

  verb "@leave" (any none none) owner: KEEPER flags: "rd"
    "@leave [channel]";
    channel = $channel:named(dobjstr || $chat.name);
    valid(channel) ? channel:leave(player) | player:tell("There is no such channel.");
  endverb

  // Moving

  verb "go walk" (any any any) owner: KEEPER flags: "rd"
    "go <exit>";
    place = player.location;
    way = valid(place) ? place:find_exit(argstr) | $failed;
    if (!argstr)
      player:tell("Go where? ", valid(place) ? place:exit_line() | "Type home.");
    elseif (valid(way))
      way:invoke(player);
    else
      player:tell("You see no way \"", $string:clip(argstr, 40), "\". ", valid(place) ? place:exit_line() | "Type home.");
    endif
  endverb

  verb home (none none none) owner: KEEPER flags: "rd"
    "home: go to the place you call home";
    if (player.location == player.home)
      player:tell("You are at home already.");
    else
      player:tell("You close your eyes for a moment.");
      player:go_home();
    endif
  endverb

  verb "@sethome" (none none none) owner: KEEPER flags: "rd"
    "@sethome: make this place your home";
    if (valid(player.location))
      player.home = player.location;
      player:tell("From now on your home is ", player.location:the(), ".");
    endif
  endverb

  // Yourself, and help

  verb help (any any any) owner: KEEPER flags: "rd"
    "help; help topics; help <command>";
    player:tell_lines($help:page(argstr));
  endverb

  verb tour (any any any) owner: KEEPER flags: "rd"
    "tour; tour on; tour off. \"on\" and \"off\" count as prepositions.";
    if (prepstr == "off")
      $tour:stop(player);
    elseif (prepstr == "on" || !player.tour_step)
      $tour:start(player);
    else
      $tour:prompt(player);
    endif
  endverb

  verb "@desc*ribe" (any as any) owner: OPERATOR flags: "rd"
    "@describe <thing> as <text>: builders describe what is theirs, everybody themselves.";
    set_task_perms(player);
    thing = player:find(dobjstr);
    most = valid(thing) && is_player(thing) ? $limits.self_description_length | $limits.description_length;
    if (!valid(thing))
      return;
    elseif (length(iobjstr) > most)
      player:tell("That is too long: at most ", most, " characters, please.");
    else
      text = $string:cut(argstr, {" as "})[2];
      thing.description = text;
      player:tell("You describe ", thing == player ? "yourself" | thing:the(), ".");
    endif
  endverb

  verb "@password" (none none none) owner: OPERATOR flags: "rd"
    "@password: choose a new password. You are asked for the words; they are not shown.";
    if (player != this || this:is_a($guest))
      return player:tell("Guests have no password.");
    elseif (this.password && !$login:password_fits(this, this:ask_secret("Type your password as it is now.")))
      return this:tell("That is not your password. Nothing was changed.");
    endif
    new = this:ask_secret("Type your new password.");
    if (problem = $login:password_problem(new))
      return this:tell(problem, " Nothing was changed.");
    elseif (strcmp(new, this:ask_secret("Type your new password once more.")))
      return this:tell("Those two were different. Nothing was changed.");
    endif
    $login:set_password(this, new);
    this:tell("Your password is changed.");
  endverb

  verb "@quit quit" (none none none) owner: OPERATOR flags: "rd"
    "@quit: leave the world";
    if (player == this)
      this:tell(this.farewell);
      boot_player(this);
    endif
  endverb

  // Methods: hearing

  method tell owner: OPERATOR
    "tell(text...): show me one line.";
    notify(this, tostr(@args));
  endmethod

  method tell_typed owner: OPERATOR
    "tell_typed(message [, line]): the message if my program takes such, else the line. It is believed, so only this world's code may.";
    {message, @line} = args;
    caller_perms() == $keeper || caller_perms().wizard || raise(E_PERM);
    return notify_rich(this, "application/json", message, @line);
  endmethod

  method tell_lines owner: OPERATOR
    {lines} = args;
    for line in (lines)
      notify(this, tostr(line));
    endfor
  endmethod

  method others_see owner: KEEPER
    "others_see(text...): tell everybody else where I am.";
    valid(this.location) && this.location:announce_all_but({this}, @args);
  endmethod

  method speakable owner: KEEPER
    "speakable(text): the text if it can be said, else \"\" and I am told why.";
    {text} = args;
    if (!(text = $string:trim(text)))
      this:tell("You need to say what, after the command.");
    elseif (length(text) > $limits.speech_length)
      this:tell("That is too long to say at once: at most ", $limits.speech_length, " characters.");
      return "";
    endif
    return text;
  endmethod

  method utter owner: KEEPER
    "utter(text): say it aloud where I am.";
    {text} = args;
    caller == this || raise(E_PERM);
    valid(this.location) && this.location:speech(this, text);
  endmethod

  method look_around owner: KEEPER
    "Look at where I am.";
    valid(this.location) ? this.location:look_self(this) | this:tell("You are nowhere at all. Type home.");
  endmethod

  method look_self owner: KEEPER
    "Show me to somebody who looks at me.";
    {viewer} = args;
    viewer:tell(this.name);
    pass(viewer);
    awake = this in connected_players();
    viewer:tell(this.name, awake ? tostr(" is awake", this:idle_words(), ".") | " is asleep.");
    this.contents && viewer:tell("Carrying ", $string:and_list($list:titles(this.contents)), ".");
  endmethod

  method idle_words owner: KEEPER
    "\", idle for 5 minutes\", or \"\" for somebody who was active in the last two minutes.";
    idle = `idle_seconds(this) ! E_INVARG => 0';
    return idle < 120 ? "" | ", idle for " + $string:duration(idle);
  endmethod

  // Methods: naming things

  method pick owner: KEEPER
    "pick(text, objects): the one called that, else the one whose name begins so, or $failed or $ambiguous.";
    {text, objects} = args;
    exact = partial = {};
    for object in (objects)
      if (`object:is_called(text) ! ANY')
        exact = setadd(exact, object);
      elseif (`object:could_be_called(text) ! ANY')
        partial = setadd(partial, object);
      endif
    endfor
    found = exact || partial;
    return !found ? $failed | (length(found) > 1 ? $ambiguous | found[1]);
  endmethod

  method match_object owner: KEEPER
    "match_object(text): what I mean by it: me, here, #12, $name, or something within reach.";
    {text} = args;
    if (!text)
      return $nothing;
    elseif (text == "me")
      return this;
    elseif (text == "here")
      return this.location;
    elseif (match(text, "^#[0-9]+$"))
      return valid(toobj(text)) ? toobj(text) | $failed;
    elseif (text[1] == "$")
      object = `#0.(text[2..$]) ! ANY => $failed';
      return typeof(object) == OBJ && valid(object) ? object | $failed;
    endif
    near = valid(this.location) ? {@this.location.contents, @this.location.exits} | {};
    return this:pick(text, {@this.contents, @near});
  endmethod

  method find owner: KEEPER
    "find(text): like match_object(), but if it finds nothing I am told so.";
    {text} = args;
    object = this:match_object(text);
    if (object == $nothing)
      this:tell("You need to say what.");
    elseif (object == $ambiguous)
      this:tell("You see more than one \"", text, "\". Say which by its full name.");
    elseif (!valid(object))
      this:tell("You see no \"", $string:clip(text, 40), "\" here.");
    endif
    return object;
  endmethod

  // Methods: moving

  method accept owner: KEEPER
    "I carry things, up to a number.";
    {what} = args;
    return what:is_a($thing) && length(this.contents) < $limits.carried_things;
  endmethod

  method travel owner: KEEPER
    "travel(room, leaving, arriving): go there; the texts are for those I leave and those I find.";
    {where, leaving, arriving} = args;
    this:may_be_moved_by(caller_perms()) || raise(E_PERM);
    old = this.location;
    try
      this:moveto(where);
    except (E_NACC, E_RECMOVE)
      this:tell("There is no room for you there.");
      return 0;
    endtry
    valid(old) && leaving && old:announce_all_but({this}, leaving);
    arriving && where:announce_all_but({this}, arriving);
    where:look_self(this);
    return 1;
  endmethod

  method go_home owner: KEEPER
    "Go to my home, or to the start if I have none.";
    this:may_be_moved_by(caller_perms()) || raise(E_PERM);
    where = valid(this.home) && this.home != this.location ? this.home | $start;
    if (this == player)
      this:travel(where, tostr(this.name, " goes home."), tostr(this.name, " comes home."));
    else
      this:moveto(where);
    endif
  endmethod

  method wake owner: OPERATOR
    "I have just connected: put me back where I fell asleep.";
    caller in {#0, this} || raise(E_PERM);
    seen = this.last_seen;
    this.last_seen = time();
    seen && this:tell("Welcome back, ", this.name, ". You were last here ", $string:duration(time() - seen), " ago.");
    where = valid(this.last_place) ? this.last_place | (valid(this.home) ? this.home | $start);
    arriving = tostr(this.name, seen ? " wakes up." | " arrives.");
    this:travel(where, "", arriving) || this:travel($start, "", arriving);
    seen || $tour:start(this);
    if (this.wizard && !this.password)
      this:tell("You have no password, so anybody on this machine can be you. Type @password now.");
    endif
  endmethod

  method sleep owner: OPERATOR
    "I have just disconnected: take me out of sight, and leave what belongs here where it belongs.";
    caller in {#0, this} || raise(E_PERM);
    this.last_seen = time();
    this.last_place = this.location;
    this:fade();
  endmethod

  method fade owner: OPERATOR
    "Leave the place where I am. What builders wrote may fail or never end: I wait for none of it, and nothing comes after it.";
    caller == this || raise(E_PERM);
    room = this.location;
    things = {@this.contents, @this:left_behind()};
    if (valid(room))
      fork (0)
        `room:announce_all_but({this}, this.name, " falls asleep and fades from view.") ! ANY';
      endfork
    endif
    if (things)
      fork (0)
        for thing in (things)
          is_player(thing) || `thing:go_home() ! ANY';
        endfor
      endfork
    endif
    `move(this, #-1) ! ANY';
  endmethod

  method left_behind owner: KEEPER
    "What lies about where I am, if I am the last one there.";
    things = valid(this.location) ? this.location.contents | {};
    for thing in (things)
      if (is_player(thing) && thing != this)
        return {};
      endif
    endfor
    return things;
  endmethod

  // Methods: asking

  method ask_line owner: OPERATOR
    "ask_line(): the next line I type, without its outer spaces.";
    caller_perms().wizard || raise(E_PERM);
    return $string:trim(read(this));
  endmethod

  method ask_secret owner: OPERATOR
    "ask_secret(prompt): the next line I type, not shown while I type it.";
    {prompt} = args;
    caller_perms().wizard || raise(E_PERM);
    this:tell(prompt);
    try
      set_connection_option(this, "client-echo", 0);
      return read(this);
    finally
      `set_connection_option(this, "client-echo", 1) ! ANY';
    endtry
  endmethod

  method ask_lines owner: OPERATOR
    "ask_lines(most, longest): the lines I type up to a \".\"; or 0 if I type @abort or too much.";
    {most, longest} = args;
    caller_perms().wizard || raise(E_PERM);
    lines = {};
    while ((line = read(this)) != ".")
      if (line == "@abort")
        this:tell("Nothing was changed.");
        return 0;
      elseif (length(lines) >= most || length(line) > longest)
        this:tell("Too long: at most ", most, " lines of ", longest, " characters. Nothing was changed.");
        return 0;
      endif
      lines = {@lines, line};
    endwhile
    return lines;
  endmethod
endobject

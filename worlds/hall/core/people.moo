// Who is who: finding characters by name, and the list of those connected.
object PEOPLE
  name: "People"
  parent: ROOT
  owner: KEEPER
  readable: true

  override description = "Finds characters. Call me as $people:find(...).";

  method named owner: KEEPER
    "named(text): the character with exactly that name, or $failed. Aliases are their owner's to write, names are not.";
    {text} = args;
    for who in (players())
      if (who.name == text)
        return who;
      endif
    endfor
    return $failed;
  endmethod

  method find owner: KEEPER
    "find(text): the character named so; else the only connected one whose name begins so; else $failed.";
    {text} = args;
    who = text ? this:named(text) | $failed;
    found = {};
    if (text && !valid(who))
      for candidate in (connected_players())
        $string:starts_with(candidate.name, text) && (found = {@found, candidate});
      endfor
    endif
    return length(found) == 1 ? found[1] | who;
  endmethod

  method who_lines owner: KEEPER
    "One sentence for everybody who is connected, most recently active first.";
    people = connected_players();
    lines = {tostr($string:count(length(people), "person is", "people are"), " connected.")};
    for who in (people)
      where = valid(who.location) ? "in " + who.location:the() | "between places";
      lines = {@lines, tostr(who.name, ", ", where, who:idle_words(), ".")};
    endfor
    return lines;
  endmethod

  method presence owner: KEEPER
    "presence(viewer): the most recently active people, the place, and the channels, as maps.";
    {viewer} = args;
    people = {};
    connected = connected_players();
    for who in (connected[1..min($, $limits.people_listed)])
      room = who.location;
      row = ["player" -> who, "name" -> who.name, "idle_s" -> `idle_seconds(who) ! E_INVARG => 0'];
      row["here"] = valid(room) && room == viewer.location;
      if (valid(room))
        row["room"] = room;
        row["room_name"] = room.name;
      endif
      people = {@people, row};
    endfor
    channels = {};
    for channel in (children($channel))
      channels = {@channels, ["id" -> channel.name, "name" -> channel.name, "on" -> channel in viewer.channels && 1]};
    endfor
    place = viewer.location;
    rooms = valid(place) ? {["id" -> tostr(place), "name" -> place.name]} | {};
    return ["players" -> people, "rooms" -> rooms, "channels" -> channels];
  endmethod

  method name_problem owner: KEEPER
    "name_problem(name [, who]): why nobody (or nobody but who) may be called that, or \"\".";
    {name, ?who = $nothing} = args;
    taken = this:named(name);
    if (length(name) < 2 || length(name) > $limits.player_name_length)
      return tostr("A name has 2 to ", $limits.player_name_length, " characters.");
    elseif (!match(name, "^[a-z][a-z0-9_'-]*$"))
      return "A name is made of letters, digits, - _ and ', and starts with a letter.";
    elseif (name in {"me", "here", "guest", "nobody", "somebody", "porter", "keeper"})
      return "That name is reserved.";
    elseif (valid(taken) && taken != who)
      return "Somebody is called that already.";
    endif
    return "";
  endmethod
endobject

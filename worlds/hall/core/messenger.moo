// Typed messages: what programs of people say to each other through the world. See docs/json.md for their form.
object MESSENGER
  name: "Messenger"
  parent: ROOT
  owner: KEEPER
  readable: true

  property games (owner: OPERATOR, flags: "r") = {SHOOTER};

  override description = "Carries typed messages. A wizard adds a game to $messenger.games; it answers action(who, payload).";

  method carry owner: KEEPER
    "carry(type, from, to, data): a message of somebody's program; E_VERBNF for a type that nobody here knows.";
    {type, from, to, data} = args;
    caller == #0 || raise(E_PERM);
    if (type == "DirectMessage")
      return this:direct(from, this:user(this:addressee(to, "User")), this:field(data, "message"));
    elseif (type == "ChatRoomMessage")
      return this:room(from, this:addressee(to, "ChatRoom"), this:field(data, "message"));
    elseif (type == "GlobalMessage")
      return this:global(from, this:field(data, "message"));
    elseif (type == "GameAction")
      return this:game(this:field(data, "game")):action(from, `data["payload"] ! E_RANGE => []');
    endif
    return E_VERBNF;
  endmethod

  method envelope owner: KEEPER
    "envelope(type, from, to, text): the message as programs get it; to is {kind, id} or {}.";
    {type, from, to, text} = args;
    message = ["type" -> type, "from" -> ["type" -> "User", "id" -> from.name], "message" -> text];
    if (to)
      message["to"] = ["type" -> to[1], "id" -> to[2]];
    endif
    return message;
  endmethod

  method direct owner: KEEPER
    "direct(from, who, text [, line]): for one person; line is what a terminal shows, where this world's own code says so.";
    {from, who, text, ?line = ""} = args;
    this:speaks_for(from, caller, caller_perms());
    text = this:fit(text);
    who in connected_players() || raise(E_INVARG, who.name + " is not connected");
    line = line && caller_perms() == $keeper ? line | tostr(from.name, " tells you, \"", text, "\"");
    who:tell_typed(this:envelope("DirectMessage", from, {"User", who.name}, text), line);
  endmethod

  method room owner: KEEPER
    "room(from, id, text): for a channel, which is opened if need be, or aloud for the place where from is.";
    {from, id, text} = args;
    this:speaks_for(from, caller, caller_perms());
    text = this:fit(text);
    place = from.location;
    if (valid(place) && id in {"here", tostr(place)})
      from:tell("You say, \"", text, "\"");
      return place:speech(from, text);
    elseif (match(id, "^#[0-9]+$"))
      raise(E_PERM, "You are not there");
    endif
    channel = $channel:named(id);
    valid(channel) || (channel = $channel:open(from, id));
    channel:let_in(from);
    channel:carry(from, text);
  endmethod

  method global owner: KEEPER
    "global(from, text): for everybody who is connected. Not for guests, and not all the time.";
    {from, text} = args;
    this:speaks_for(from, caller, caller_perms());
    text = this:fit(text);
    from:is_a($guest) && raise(E_PERM, "Guests may not speak to everybody");
    wait = from.spoke_to_all + $limits.seconds_between_globals - time();
    wait > 0 && !from.wizard && raise(E_QUOTA, tostr("You may speak to everybody again in ", $string:count(wait, "second")));
    from.spoke_to_all = time();
    message = this:envelope("GlobalMessage", from, {}, text);
    for who in (connected_players())
      `who:tell_typed(message, tostr(from.name, " tells everybody, \"", text, "\"")) ! ANY';
    endfor
  endmethod

  method speaks_for owner: KEEPER
    "speaks_for(from, caller, perms): raises E_PERM unless these may speak in the name of from.";
    {from, asker, perms} = args;
    asker == this || perms == $keeper || perms == from || (valid(perms) && perms.wizard) || raise(E_PERM);
  endmethod

  method addressee owner: KEEPER
    "addressee(to, kind): the id in {kind, id}.";
    {to, kind} = args;
    to && to[1] == kind || raise(E_INVARG, "This message needs a \"to\" of type " + kind);
    return to[2];
  endmethod

  method user owner: KEEPER
    "user(id): the character of that name or number.";
    {id} = args;
    who = match(id, "^#[0-9]+$") ? toobj(id) | $people:named(id);
    valid(who) && is_player(who) || raise(E_INVARG, "Nobody is called " + $string:clip(id, 40));
    return who;
  endmethod

  method game owner: KEEPER
    "game(id): the game of that name.";
    {id} = args;
    for game in (this.games)
      if (valid(game) && game:is_called(id))
        return game;
      endif
    endfor
    raise(E_INVARG, "There is no game called " + $string:clip(id, 40));
  endmethod

  method field owner: KEEPER
    "field(data, name): a field that has to be a text and not empty.";
    {data, name} = args;
    value = `data[name] ! E_RANGE, E_TYPE => ""';
    value && typeof(value) == STR || raise(E_INVARG, tostr("This message needs a text as \"", name, "\""));
    return value;
  endmethod

  method fit owner: KEEPER
    "fit(text): what a message says, trimmed, if it can be said.";
    {text} = args;
    typeof(text) == STR || raise(E_TYPE, "A message is a text");
    text = $string:trim(text);
    text || raise(E_INVARG, "This message says nothing");
    length(text) > $limits.speech_length && raise(E_QUOTA, tostr("A message has at most ", $limits.speech_length, " characters"));
    $string:is_line(text) || raise(E_INVARG, "A message is one line, without control characters");
    return text;
  endmethod
endobject

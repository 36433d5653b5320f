// A line of talk that reaches all who joined it, wherever they are. Typing its name speaks on it.
object CHANNEL
  name: "Channel class"
  parent: ROOT
  owner: KEEPER
  readable: true

  property recent (owner: KEEPER, flags: "") = {};

  override description = "A channel. Type its name and what you want to say.";

  method named owner: KEEPER
    "$channel:named(text): the channel of that name, or $failed.";
    {text} = args;
    for channel in (children($channel))
      if (channel:is_called(text))
        return channel;
      endif
    endfor
    return $failed;
  endmethod

  method members owner: KEEPER
    "Those who joined and are connected.";
    found = {};
    for who in (connected_players())
      this in who.channels && (found = {@found, who});
    endfor
    return found;
  endmethod

  method speak owner: KEEPER
    "speak(who, text): who, the one acting, says it here. Without text: what was said lately.";
    {who, text} = args;
    who == player && (caller_perms() == $keeper || caller_perms() == who || caller_perms().wizard) || raise(E_PERM);
    if (!(this in who.channels))
      who:tell("You are not on ", this.name, ". Type @join ", this.name, " first.");
    elseif (!text)
      who:tell_lines(this.recent || {tostr("Nothing was said on ", this.name, " lately.")});
    elseif (text = who:speakable(text))
      this:carry(who, text);
    endif
  endmethod

  method carry owner: KEEPER
    "carry(who, text): what who said here, to all members.";
    {who, text} = args;
    caller == this || caller_perms() == $keeper || raise(E_PERM);
    line = $string:clip(tostr("[", this.name, "] ", who.name, ": ", text), $limits.speech_length);
    this.recent = $list:last({@this.recent, line}, $limits.channel_memory);
    message = $messenger:envelope("ChatRoomMessage", who, {"ChatRoom", this.name}, text);
    for member in (this:members())
      `member:tell_typed(message, line) ! ANY';
    endfor
  endmethod

  method open owner: OPERATOR
    "open(who, name): a new channel, for who to join. It closes when the last member leaves.";
    {who, name} = args;
    this == $channel && (caller_perms() == $keeper || caller_perms().wizard) || raise(E_PERM);
    who:is_a($guest) && raise(E_PERM, "Guests may not open a channel");
    this:make_room(who);
    length(children(this)) < $limits.channels || raise(E_QUOTA, "There are too many channels already");
    if (length(name) > $limits.channel_name_length || !match(name, "^[a-z][a-z0-9_-]*$"))
      raise(E_INVARG, tostr("A channel's name has at most ", $limits.channel_name_length, " letters, digits, - and _, a letter first"));
    endif
    channel = create(this, $keeper);
    channel.name = name;
    return channel;
  endmethod

  method make_room owner: KEEPER
    "make_room(who): raises E_QUOTA unless who may join one more.";
    {who} = args;
    length(who.channels) < $limits.channels_joined || raise(E_QUOTA, "You are on too many channels; leave one first");
  endmethod

  method let_in owner: KEEPER
    "let_in(who): who is a member from now on.";
    {who} = args;
    caller == this || caller_perms() == $keeper || raise(E_PERM);
    this in who.channels || this:make_room(who);
    who.channels = setadd(who.channels, this);
  endmethod

  method close_if_empty owner: OPERATOR
    "Without members I go, but for the channel that everybody begins with.";
    caller == this || caller_perms().wizard || raise(E_PERM);
    for who in (this == $chat ? {$chat} | players())
      if (who == $chat || this in who.channels)
        return;
      endif
    endfor
    recycle(this);
  endmethod

  method join owner: KEEPER
    {who} = args;
    who == player && (caller_perms() == $keeper || caller_perms() == who || caller_perms().wizard) || raise(E_PERM);
    if (this in who.channels)
      return who:tell("You are on ", this.name, " already.");
    endif
    this:let_in(who);
    who:tell("You join ", this.name, ". Type ", this.name, " and some text to talk on it.");
  endmethod

  method leave owner: KEEPER
    {who} = args;
    who == player && (caller_perms() == $keeper || caller_perms() == who || caller_perms().wizard) || raise(E_PERM);
    who.channels = setremove(who.channels, this);
    who:tell("You are not on ", this.name, " any more.");
    this:close_if_empty();
  endmethod
endobject

object CHAT
  name: "chat"
  parent: CHANNEL
  owner: KEEPER
  readable: true
endobject

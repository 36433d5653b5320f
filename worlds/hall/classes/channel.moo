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
      line = $string:clip(tostr("[", this.name, "] ", who.name, ": ", text), $limits.speech_length);
      this.recent = $list:last({@this.recent, line}, $limits.channel_memory);
      for member in (this:members())
        member:tell(line);
      endfor
    endif
  endmethod

  method join owner: KEEPER
    {who} = args;
    who == player && (caller_perms() == $keeper || caller_perms() == who || caller_perms().wizard) || raise(E_PERM);
    if (this in who.channels)
      return who:tell("You are on ", this.name, " already.");
    endif
    who.channels = {@who.channels, this};
    who:tell("You join ", this.name, ". Type ", this.name, " and some text to talk on it.");
  endmethod

  method leave owner: KEEPER
    {who} = args;
    who == player && (caller_perms() == $keeper || caller_perms() == who || caller_perms().wizard) || raise(E_PERM);
    who.channels = setremove(who.channels, this);
    who:tell("You are not on ", this.name, " any more.");
  endmethod
endobject

object CHAT
  name: "chat"
  parent: CHANNEL
  owner: KEEPER
  readable: true
endobject

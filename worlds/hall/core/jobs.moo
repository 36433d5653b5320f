// What this world does with jobs: work that was stored until somebody does it, here or in another world of the same store.
object JOBS
  name: "Job desk"
  parent: ROOT
  owner: OPERATOR
  readable: true

  property handlers (owner: OPERATOR, flags: "r") = {};

  override description = "The desk where jobs for this world arrive. Wizards say with $jobs:handle(kind, object, verb) who does which.";

  method handle owner: OPERATOR
    "handle(kind, object, verb): jobs of this kind are done by that verb, called with the data, the owner and the id; without an object, by nobody any more. For wizards.";
    {kind, ?object = #-1, ?verb = ""} = args;
    caller_perms().wizard || raise(E_PERM);
    kept = {};
    for known in (this.handlers)
      known[1] == kind || (kept = {@kept, known});
    endfor
    this.handlers = valid(object) ? {@kept, {kind, object, verb}} | kept;
  endmethod

  method perform owner: OPERATOR
    "Does one job. E_VERBNF says that nobody here does its kind, and the job is given up.";
    {kind, data, owner, id, attempt} = args;
    caller == #0 || raise(E_PERM);
    for known in (this.handlers)
      if (known[1] == kind)
        return known[2]:(known[3])(data, owner, id);
      endif
    endfor
    "Anybody may enqueue a job for this world; only what a wizard's code has enqueued is believed as to who speaks. From another world, whose owner is {world, object}, comes nothing else.";
    believed = typeof(owner) == LIST || (valid(owner) && owner.wizard);
    if (believed && kind in {"DirectMessage", "ChatRoomMessage", "GlobalMessage"})
      return this:("show_" + kind)(data);
    endif
    return E_VERBNF;
  endmethod

  method show_DirectMessage owner: OPERATOR
    "Somebody in another world speaks to one of ours. Whoever is not here any more hears nothing.";
    {data} = args;
    caller == this || raise(E_PERM);
    who = $people:named(data["to"]["id"]);
    valid(who) && who:tell_typed(data, tostr(data["from"]["id"], " tells you, \"", data["message"], "\""));
  endmethod

  method show_ChatRoomMessage owner: OPERATOR
    {data} = args;
    caller == this || raise(E_PERM);
    channel = $channel:named(data["to"]["id"]);
    if (valid(channel))
      for who in (channel:members())
        `who:tell_typed(data, tostr("[", channel.name, "] ", data["from"]["id"], ": ", data["message"])) ! ANY';
      endfor
    endif
  endmethod

  method show_GlobalMessage owner: OPERATOR
    {data} = args;
    caller == this || raise(E_PERM);
    for who in (connected_players())
      `who:tell_typed(data, tostr(data["from"]["id"], " tells everybody, \"", data["message"], "\"")) ! ANY';
    endfor
  endmethod

  method direct owner: OPERATOR
    "direct(who, name, message): who, the one acting, tells the player of that name, in whichever world of the store that is. Gives the job's id.";
    {who, name, message} = args;
    this:may_speak(who, caller_perms());
    data = $messenger:envelope("DirectMessage", who, {"User", name}, this:clip(message));
    return enqueue_job("DirectMessage", data, ["to" -> {"user", name}]);
  endmethod

  method to_room owner: OPERATOR
    "to_room(who, name, message): says it on the channel of that name, in every world of the store.";
    {who, name, message} = args;
    this:may_speak(who, caller_perms());
    data = $messenger:envelope("ChatRoomMessage", who, {"ChatRoom", name}, this:clip(message));
    return enqueue_job("ChatRoomMessage", data, ["to" -> "worlds"]);
  endmethod

  method to_all owner: OPERATOR
    "to_all(who, message): tells everybody in every world of the store. For wizards.";
    {who, message} = args;
    caller_perms().wizard || raise(E_PERM);
    data = $messenger:envelope("GlobalMessage", who, {}, this:clip(message));
    return enqueue_job("GlobalMessage", data, ["to" -> "worlds"]);
  endmethod

  method may_speak owner: OPERATOR
    {who, perms} = args;
    who == player && (perms == who || perms == $keeper || perms.wizard) || raise(E_PERM);
  endmethod

  method clip owner: OPERATOR
    {text} = args;
    return $string:clip(text, $limits.speech_length);
  endmethod
endobject

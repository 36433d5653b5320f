// The system object: the $names, and what the server calls by itself.
object SYSTEM
  name: "System object"
  parent: ROOT
  owner: OPERATOR
  readable: true

  property root (owner: OPERATOR, flags: "r") = ROOT;
  property room (owner: OPERATOR, flags: "r") = ROOM;
  property exit (owner: OPERATOR, flags: "r") = EXIT;
  property thing (owner: OPERATOR, flags: "r") = THING;
  property scenery (owner: OPERATOR, flags: "r") = SCENERY;
  property container (owner: OPERATOR, flags: "r") = CONTAINER;
  property note (owner: OPERATOR, flags: "r") = NOTE;
  property player (owner: OPERATOR, flags: "r") = PLAYER;
  property guest (owner: OPERATOR, flags: "r") = GUEST;
  property builder (owner: OPERATOR, flags: "r") = BUILDER;
  property prog (owner: OPERATOR, flags: "r") = PROGRAMMER;
  property wiz (owner: OPERATOR, flags: "r") = WIZARD;
  property channel (owner: OPERATOR, flags: "r") = CHANNEL;
  property game (owner: OPERATOR, flags: "r") = GAME;
  property tour (owner: OPERATOR, flags: "r") = TOUR;
  property help (owner: OPERATOR, flags: "r") = HELP;
  property login (owner: OPERATOR, flags: "r") = LOGIN;
  property people (owner: OPERATOR, flags: "r") = PEOPLE;
  property editor (owner: OPERATOR, flags: "r") = EDITOR;
  property string (owner: OPERATOR, flags: "r") = STRING_KIT;
  property list (owner: OPERATOR, flags: "r") = LIST_KIT;
  property limits (owner: OPERATOR, flags: "r") = LIMITS;
  property server_options (owner: OPERATOR, flags: "r") = SERVER_OPTIONS;
  property messenger (owner: OPERATOR, flags: "r") = MESSENGER;
  property hooks (owner: OPERATOR, flags: "r") = HOOKS;
  property jobs (owner: OPERATOR, flags: "r") = JOBS;
  property chat (owner: OPERATOR, flags: "r") = CHAT;
  property keeper (owner: OPERATOR, flags: "r") = KEEPER;
  property operator (owner: OPERATOR, flags: "r") = OPERATOR;
  property start (owner: OPERATOR, flags: "r") = PORCH;
  property nothing (owner: OPERATOR, flags: "r") = #-1;
  property ambiguous (owner: OPERATOR, flags: "r") = #-2;
  property failed (owner: OPERATOR, flags: "r") = #-3;
  property dump_interval (owner: OPERATOR, flags: "r") = 3600;

  override description = "The object the server itself talks to. Its properties are the $names.";

  method do_login_command owner: OPERATOR
    "A line from a connection that is nobody yet. Returning a player logs it in.";
    callers() && raise(E_PERM);
    return $login:answer(player, args, argstr);
  endmethod

  method "user_connected user_created" owner: OPERATOR
    callers() && raise(E_PERM);
    {who} = args;
    who:wake();
  endmethod

  method user_reconnected owner: OPERATOR
    callers() && raise(E_PERM);
    {who} = args;
    who:tell("You were connected already; this connection takes over.");
    valid(who.location) ? who.location:look_self(who) | who:wake();
  endmethod

  method "user_disconnected user_client_disconnected" owner: OPERATOR
    "A line dropped. Strangers have negative numbers and leave nothing behind.";
    callers() && raise(E_PERM);
    {who} = args;
    valid(who) ? who:sleep() | $login:forget(who);
  endmethod

  method server_started owner: OPERATOR
    "Connections outlive the server: whoever has none and still stands about goes to sleep.";
    callers() && raise(E_PERM);
    $login:forget_strangers();
    for who in (players())
      if (valid(who.location) && !(who in connected_players()))
        `who:sleep() ! ANY';
      endif
    endfor
  endmethod

  method do_typed_message owner: OPERATOR
    "A typed message of a player's program. E_VERBNF for a type that nobody here knows; any other error refuses it.";
    callers() && raise(E_PERM);
    return $messenger:carry(@args);
  endmethod

  method invoke_http_handler owner: OPERATOR
    "A request from the web, under /v1/hooks/. Returns [\"status\" -> number, \"headers\" -> map, \"body\" -> text].";
    callers() && raise(E_PERM);
    return $hooks:answer(@args);
  endmethod

  method invoke_presence_handler owner: OPERATOR
    "invoke_presence_handler(viewer): who is here and where talk goes on, as the program of a player shows it.";
    callers() && raise(E_PERM);
    return $people:presence(@args);
  endmethod

  method do_job owner: OPERATOR
    "A job for this world, on somebody's behalf. If it fails, nothing of it takes effect and it is tried again.";
    callers() && raise(E_PERM);
    return $jobs:perform(@args);
  endmethod

  method handle_uncaught_error owner: OPERATOR
    "Programmers get the whole traceback; everybody else gets one friendly line.";
    callers() && raise(E_PERM);
    {code, message, value, stack, lines} = args;
    programmer = valid(player) && player.programmer;
    command = stack[$][2];
    if (command == "do_typed_message")
      "Whoever sent it hears why it was refused by how its task ends; the world's own mistakes are in the log.";
      code in {E_INVARG, E_PERM, E_QUOTA, E_TYPE} || server_log(tostr("error for ", player, ": ", lines[1]));
      return 1;
    endif
    ours = index(command, "@") == 1 && stack[$][4].owner == $keeper;
    if (ours && (!programmer || length(stack) < 3 || code == E_QUOTA))
      notify(player, tostr($string:words(command)[1], ": ", message, "."));
    elseif (programmer)
      player:tell_lines(lines);
    elseif (code == E_PERM)
      notify(player, "You may not do that.");
    else
      notify(player, "Something in the world just broke. It was not your fault, and its maker can find it in the log.");
      server_log(tostr("error for ", player, ": ", lines[1]));
    endif
    return 1;
  endmethod

  method handle_task_timeout owner: OPERATOR
    callers() && raise(E_PERM);
    {resource, stack, lines} = args;
    if (valid(player) && player.programmer)
      player:tell_lines(lines);
    else
      notify(player, "That took far too long, so it was stopped. You can go on with something else.");
      server_log(tostr("out of ", resource, " for ", player, ": ", lines[1]));
    endif
    return 1;
  endmethod

  method bf_create owner: OPERATOR
    "create() for everybody but wizards takes one from the quota of whoever asks.";
    who = caller_perms();
    if (who.wizard)
      return create(@args);
    elseif (!is_player(who) || who.quota < 1)
      raise(E_QUOTA, "You may not make any more objects");
    endif
    who.quota = who.quota - 1;
    last = max_object();
    try
      return this:create_for(who, args);
    except error (ANY)
      "An object whose initialize failed is there all the same, and stays paid for.";
      max_object() == last && (who.quota = who.quota + 1);
      raise(@error[1..3]);
    endtry
  endmethod

  method create_for owner: OPERATOR
    {who, arguments} = args;
    caller == this || raise(E_PERM);
    set_task_perms(who);
    return create(@arguments);
  endmethod

  method bf_recycle owner: OPERATOR
    "recycle() gives one back to the quota of the owner.";
    {object} = args;
    owner = valid(object) ? object.owner | #-1;
    this:recycle_for(caller_perms(), object);
    if (valid(owner) && is_player(owner) && !owner.wizard)
      owner.quota = owner.quota + 1;
    endif
  endmethod

  method recycle_for owner: OPERATOR
    {who, object} = args;
    caller == this || raise(E_PERM);
    set_task_perms(who);
    recycle(object);
  endmethod
endobject

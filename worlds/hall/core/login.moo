// The front door: what a connection that is nobody yet can do, and passwords.
object LOGIN
  name: "Front door"
  parent: ROOT
  owner: OPERATOR
  readable: true

  property welcome (owner: OPERATOR, flags: "r") = {
    "Welcome to the Moot Hall.",
    "",
    "A grey stone hall stands on a hill above a tidal estuary. There is a light in the porch, and somebody is talking inside.",
    "",
    "Type guest and press Enter to look around without a name of your own.",
    "Type create and a name to make a character, or connect and your name to come back. You will be asked for a password.",
    "Or type who, help or quit."
  };
  property welcome_operator (owner: OPERATOR, flags: "r") = {
    "",
    "You are on the machine that runs this world, and its operator has no password yet.",
    "Type connect Wizard to become the operator, then @password to set one."
  };
  property help_text (owner: OPERATOR, flags: "r") = {
    "This is a place made of text: you read what is around you and type what you do.",
    "guest: come in without a name. You can look, talk and play; nothing you make is kept.",
    "create NAME PASSWORD: make a character. Leave out the password and you are asked for it, unseen.",
    "connect NAME PASSWORD: come in as a character you made. Here too you may leave out the password.",
    "who: see who is inside.",
    "quit: hang up.",
    "Once inside, type help."
  };
  property commands (owner: OPERATOR, flags: "r") = {
    {"connect", "co", "con", "login"},
    {"create", "cr", "new"},
    {"guest"},
    {"who", "@who"},
    {"help", "?"},
    {"quit", "@quit", "exit"}
  };
  property new_class (owner: OPERATOR, flags: "r") = BUILDER;
  property open_to_new (owner: OPERATOR, flags: "r") = 1;
  property visits (owner: OPERATOR, flags: "") = {};
  property recent_creations (owner: OPERATOR, flags: "") = {};

  override description = "Lets people in. The texts and switches are my properties; see the operator's handbook.";

  method answer owner: OPERATOR
    "answer(connection, words, line): handle one line of a stranger, or its arrival, which has no words. A player returned is logged in.";
    {connection, words, line} = args;
    caller == #0 || raise(E_PERM);
    visit = this:visit_of(connection);
    if (visit[3])
      this:keep_visit({@visit[1..2], "", ""});
      this:echo(connection, 1);
      who = line ? this:(visit[3] + "_with")(visit, visit[4], line) | notify(connection, "Never mind, then.");
    elseif (words)
      who = this:obey(visit, words);
    else
      who = this:show_welcome(connection);
    endif
    typeof(who) == OBJ && this:forget(connection);
    return who;
  endmethod

  method obey owner: OPERATOR
    {visit, words} = args;
    caller == this || raise(E_PERM);
    for names in (this.commands)
      if (words[1] in names)
        return this:("do_" + names[1])(visit, @words[2..$]);
      endif
    endfor
    notify(visit[1], tostr("I do not know \"", $string:clip(words[1], 40), "\". Type guest, create NAME, connect NAME, who, help or quit."));
  endmethod

  // Commands at the door. Each takes the visit and the words after the command.

  method do_connect owner: OPERATOR
    caller == this || raise(E_PERM);
    {visit, ?name = "", ?password = 0, @rest} = args;
    who = $people:named(name);
    if (!name)
      return notify(visit[1], "Type connect and your name.");
    elseif (name == "guest")
      return this:do_guest(visit);
    elseif (valid(who) && !who.password)
      return this:enter_without_password(visit, who);
    elseif (password == 0)
      return this:ask(visit, "connect", name, "Type your password. It is not shown.");
    endif
    return this:connect_with(visit, name, password);
  endmethod

  method connect_with owner: OPERATOR
    "The second half of connect, now that there is a password.";
    caller == this || raise(E_PERM);
    {visit, name, password} = args;
    who = $people:named(name);
    if (valid(who) && who.password && this:password_fits(who, password))
      return who;
    endif
    this:count_failure(visit, name);
  endmethod

  method do_create owner: OPERATOR
    caller == this || raise(E_PERM);
    {visit, ?name = "", ?password = 0, @rest} = args;
    if (!name)
      return notify(visit[1], "Type create and the name you would like.");
    elseif (problem = this:why_closed() || $people:name_problem(name))
      return notify(visit[1], problem);
    elseif (password == 0)
      return this:ask(visit, "create", name, "Choose a password and type it. It is not shown.");
    endif
    return this:create_with(visit, name, password);
  endmethod

  method create_with owner: OPERATOR
    "The second half of create, now that there is a password.";
    caller == this || raise(E_PERM);
    {visit, name, password} = args;
    if (problem = this:why_closed() || $people:name_problem(name) || this:password_problem(password))
      return notify(visit[1], tostr(problem, " Nobody was created."));
    endif
    this.recent_creations = {@this.recent_creations, time()};
    return this:make_character(this.new_class, name, password);
  endmethod

  method do_guest owner: OPERATOR
    caller == this || raise(E_PERM);
    {visit, @rest} = args;
    guests = children($guest);
    for guest in (guests)
      if (!(guest in connected_players()) && guest.promised_until < time())
        try
          guest:sleep();
        except (ANY)
          continue;
        endtry
        guest.promised_until = time() + 10;
        return guest;
      endif
    endfor
    if (length(guests) >= $limits.guests)
      return notify(visit[1], "All guest places are taken. Make a character, or try again later.");
    endif
    return this:make_character($guest, tostr("Guest-", length(guests) + 1), "");
  endmethod

  method do_who owner: OPERATOR
    caller == this || raise(E_PERM);
    for line in ($people:who_lines())
      notify(args[1][1], line);
    endfor
  endmethod

  method do_help owner: OPERATOR
    caller == this || raise(E_PERM);
    for line in (this.help_text)
      notify(args[1][1], line);
    endfor
  endmethod

  method do_quit owner: OPERATOR
    caller == this || raise(E_PERM);
    notify(args[1][1], "Goodbye.");
    boot_player(args[1][1]);
  endmethod

  // Steps of those commands

  method show_welcome owner: OPERATOR
    {connection} = args;
    caller == this || raise(E_PERM);
    lines = this.welcome;
    if (!$operator.password && this:is_local(connection))
      lines = {@lines, @this.welcome_operator};
    endif
    for line in (lines)
      notify(connection, line);
    endfor
  endmethod

  method ask owner: OPERATOR
    "ask(visit, command, name, prompt): take the next line of this connection as the password.";
    {visit, command, name, prompt} = args;
    caller == this || raise(E_PERM);
    this:keep_visit({@visit[1..2], command, name});
    notify(visit[1], prompt);
    this:echo(visit[1], 0);
  endmethod

  method echo owner: OPERATOR
    {connection, on} = args;
    caller == this || raise(E_PERM);
    `set_connection_option(connection, "client-echo", on) ! E_INVARG';
  endmethod

  method enter_without_password owner: OPERATOR
    "A character without a password can only be entered from this machine. Guests have a command of their own.";
    {visit, who} = args;
    caller == this || raise(E_PERM);
    if (parent(who) == $guest)
      notify(visit[1], "Type guest to come in as a guest.");
    elseif (this:is_local(visit[1]))
      return who;
    else
      notify(visit[1], tostr(who.name, " has no password yet, and can only connect from the machine that runs this world."));
    endif
  endmethod

  method count_failure owner: OPERATOR
    {visit, name} = args;
    caller == this || raise(E_PERM);
    {connection, failures, @rest} = visit;
    this:keep_visit({connection, failures + 1, "", ""});
    server_log(tostr("wrong name or password for ", $string:clip(name, 40), " from ", this:host_of(connection)));
    if (failures + 1 >= $limits.login_failures)
      notify(connection, "That was wrong too often. Goodbye.");
      boot_player(connection);
    else
      notify(connection, "No character has that name and password. Please try again.");
    endif
  endmethod

  method why_closed owner: OPERATOR
    "Why no new character may be made right now, or \"\".";
    caller == this || raise(E_PERM);
    recent = this.recent_creations;
    while (recent && recent[1] < time() - 3600)
      recent = recent[2..$];
    endwhile
    this.recent_creations = recent;
    if (!this.open_to_new)
      return "New characters are not being made here at present.";
    elseif (length(players()) >= $limits.characters || length(recent) >= $limits.characters_an_hour)
      return "Too many characters have been made lately. Come in as a guest, or try again later.";
    endif
    return "";
  endmethod

  method make_character owner: OPERATOR
    "make_character(class, name, password): a new player that owns itself.";
    {class, name, password} = args;
    caller == this || raise(E_PERM);
    who = create(class, #-1);
    who.name = name;
    set_player_flag(who, 1);
    if (class != $guest)
      who.quota = $limits.new_character_quota;
      this:set_password(who, password);
    endif
    return who;
  endmethod

  // Passwords

  method password_problem owner: OPERATOR
    "password_problem(text): why that cannot be a password, or \"\".";
    {text} = args;
    if (length(text) < 6)
      return "A password needs at least 6 characters.";
    endif
    return length(text) > $limits.password_length ? "That password is too long." | "";
  endmethod

  method set_password owner: OPERATOR
    "set_password(who, text): keep only a salted hash of it.";
    {who, text} = args;
    caller_perms().wizard || raise(E_PERM);
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    salt = "";
    for i in [1..22]
      salt = salt + letters[random(length(letters))];
    endfor
    who.password = argon2(text, salt);
  endmethod

  method password_fits owner: OPERATOR
    "password_fits(who, text): true if that is the password of who.";
    {who, text} = args;
    caller_perms().wizard || raise(E_PERM);
    return length(text) <= $limits.password_length && argon2_verify(who.password, text);
  endmethod

  // Visits: {connection, wrong passwords, command awaiting a password, name it was given}. Only those with something to
  // remember are kept, so thousands who just wait at the door cost nothing and never conflict.

  method visit_of owner: OPERATOR
    {connection} = args;
    caller == this || raise(E_PERM);
    at = $list:row(this.visits, connection);
    return at ? this.visits[at] | {connection, 0, "", ""};
  endmethod

  method keep_visit owner: OPERATOR
    {visit} = args;
    caller == this || raise(E_PERM);
    {connection, failures, command, name} = visit;
    at = $list:row(this.visits, connection);
    if (!failures && !command)
      this:forget(connection);
    elseif (at)
      this.visits[at] = visit;
    else
      this.visits = {@this.visits, visit};
    endif
  endmethod

  method forget owner: OPERATOR
    "forget(connection): it has become somebody, or is gone.";
    {connection} = args;
    caller in {this, #0} || raise(E_PERM);
    at = $list:row(this.visits, connection);
    at && (this.visits = listdelete(this.visits, at));
  endmethod

  method forget_strangers owner: OPERATOR
    "Drop the visits whose connection went while the server was away.";
    caller == #0 || raise(E_PERM);
    here = connected_players(1);
    for visit in (this.visits)
      visit[1] in here || this:forget(visit[1]);
    endfor
  endmethod

  // Where connections come from

  method host_of owner: OPERATOR
    "host_of(connection): its address, from either form that connection_name() can take.";
    {connection} = args;
    caller == this || raise(E_PERM);
    text = `connection_name(connection, 1) ! E_ARGS => connection_name(connection)';
    m = match(text, "from %([^ ,]+%)");
    text = m ? substitute("%1", m) | text;
    m = match(text, "^%([0-9.]+%):[0-9]+$");
    return m ? substitute("%1", m) | text;
  endmethod

  method is_local owner: OPERATOR
    {connection} = args;
    return this:host_of(connection) in {"127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost"};
  endmethod
endobject

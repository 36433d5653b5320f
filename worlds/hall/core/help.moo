// Help: one property on_TOPIC for each topic, and the way to find it.
object HELP
  name: "Help"
  parent: ROOT
  owner: KEEPER
  readable: true

  property overview (owner: KEEPER, flags: "rc") = {
    "You act by typing a line. The ones you will want first:",
    "look, or look at something: see what is around you.",
    "The name of a way out, such as north: go there.",
    "say hello: speak to those who are here. who: see who is about.",
    "get, drop, give, open, read: use things.",
    "examine something: learn which commands it understands.",
    "tour: be shown around. help topics: everything there is help for. @quit: leave."
  };
  property groups (owner: KEEPER, flags: "rc") = {
    {"Looking and holding", {"look", "examine", "inventory", "get", "drop", "give", "put", "open", "read"}},
    {"Talking", {"say", "emote", "whisper", "page", "shout", "chat", "@join", "who"}},
    {"Moving", {"go", "home", "@sethome"}},
    {"You", {"@describe", "@password", "@quit", "tour", "play", "sign", "help"}},
    {"Building", {"building", "@dig", "@go", "@create", "@rename", "@detail", "@prop", "@set", "@perms", "@show", "@edit", "@chparent", "@recycle", "@quota", "@audit"}},
    {"Programming", {"programming", "@verb", "@args", "@program", "@list", "@eval"}},
    {"Running this world", {"wizards"}}
  };
  property also (owner: KEEPER, flags: "rc") = {
    {"look", {"l"}},
    {"examine", {"exam"}},
    {"inventory", {"i"}},
    {"get", {"take"}},
    {"give", {"hand"}},
    {"put", {"place"}},
    {"open", {"close"}},
    {"read", {"write", "erase"}},
    {"go", {"walk"}},
    {"say", {"\""}},
    {"emote", {":"}},
    {"chat", {"="}},
    {"@join", {"@leave"}},
    {"who", {"@who"}},
    {"help", {"?"}},
    {"play", {"leave"}},
    {"@describe", {"@desc"}},
    {"@quit", {"quit"}},
    {"building", {"builders"}},
    {"@go", {"@teleport"}},
    {"@rename", {"@aliases"}},
    {"@prop", {"@rmprop"}},
    {"@perms", {"@chmod"}},
    {"programming", {"programmers"}},
    {"@verb", {"@rmverb"}},
    {"@eval", {";", "eval"}},
    {"wizards", {"wizardry", "@programmer", "@builder", "@wizard", "@newpassword", "@boot", "@toad", "@announce", "@lag", "@profile", "@conflicts", "@shutdown", "@dump"}}
  };
  property "on_look" (owner: KEEPER, flags: "rc") = {
    "look, look THING, look at THING, look in CONTAINER",
    "Shows the place you are in, or one thing more closely. Much of what a description mentions can be looked at, though it is not listed. l is short for it."
  };
  property "on_examine" (owner: KEEPER, flags: "rc") = {
    "examine THING",
    "Shows a thing's number, owner and other names, and which commands it understands."
  };
  property "on_inventory" (owner: KEEPER, flags: "rc") = {
    "inventory, or i",
    "Shows what you carry."
  };
  property "on_get" (owner: KEEPER, flags: "rc") = {
    "get THING, or get THING from CONTAINER",
    "Picks something up, or takes it out of something open."
  };
  property "on_drop" (owner: KEEPER, flags: "rc") = {
    "drop THING",
    "Puts down something you carry."
  };
  property "on_give" (owner: KEEPER, flags: "rc") = {
    "give THING to SOMEBODY",
    "Hands over something you carry to somebody who is here."
  };
  property "on_put" (owner: KEEPER, flags: "rc") = {
    "put THING in CONTAINER",
    "Puts something you carry into something open."
  };
  property "on_open" (owner: KEEPER, flags: "rc") = {
    "open CONTAINER, close CONTAINER",
    "Opens or shuts a chest and the like."
  };
  property "on_read" (owner: KEEPER, flags: "rc") = {
    "read NOTE; write \"TEXT\" on NOTE; erase NOTE",
    "Reads what is written on something. You can write on notes of your own; @edit NOTE.text changes them line by line."
  };
  property "on_go" (owner: KEEPER, flags: "rc") = {
    "go EXIT, or just the name of the exit",
    "Leaves by that exit. Directions have short forms: n is north, u is up."
  };
  property "on_home" (owner: KEEPER, flags: "rc") = {
    "home",
    "Takes you home from wherever you are. @sethome makes the place you are in your home."
  };
  property "on_@sethome" (owner: KEEPER, flags: "rc") = {
    "@sethome",
    "Makes the place you are in your home, where the command home takes you."
  };
  property "on_say" (owner: KEEPER, flags: "rc") = {
    "say TEXT, or \"TEXT",
    "Everybody where you are hears it. Some things listen too."
  };
  property "on_emote" (owner: KEEPER, flags: "rc") = {
    "emote TEXT, or :TEXT",
    "Everybody where you are sees your name and the text: :waves is seen as Anna waves. ::'s hat falls off leaves no space after your name."
  };
  property "on_whisper" (owner: KEEPER, flags: "rc") = {
    "whisper TEXT to SOMEBODY",
    "Only that person hears it. They must be where you are."
  };
  property "on_page" (owner: KEEPER, flags: "rc") = {
    "page SOMEBODY TEXT",
    "Only that person hears it, wherever they are."
  };
  property "on_shout" (owner: KEEPER, flags: "rc") = {
    "shout TEXT",
    "Everybody who is connected hears it. Not too often, please."
  };
  property "on_chat" (owner: KEEPER, flags: "rc") = {
    "chat TEXT, or =TEXT",
    "Talks on the chat channel, heard everywhere by those who joined it. Everybody joins at first. chat alone shows what was said lately."
  };
  property "on_@join" (owner: KEEPER, flags: "rc") = {
    "@join CHANNEL, @leave CHANNEL",
    "Joins or leaves a channel. Without a name it is the chat channel. Joining one that is not there opens it; it closes when the last has left."
  };
  property "on_who" (owner: KEEPER, flags: "rc") = {
    "who",
    "Lists everybody who is connected, and where they are."
  };
  property "on_help" (owner: KEEPER, flags: "rc") = {
    "help, help topics, help COMMAND",
    "Explains things."
  };
  property "on_tour" (owner: KEEPER, flags: "rc") = {
    "tour, tour on, tour off",
    "The porter shows you the first steps. tour repeats the current one; tour off sends him away."
  };
  property "on_play" (owner: KEEPER, flags: "rc") = {
    "play PEBBLES, leave PEBBLES",
    "Sits down at a game, or gives up. In the snug, play pebbles waits for somebody to play with, and play pebbles with porter starts at once. The board explains the rules when you look at it."
  };
  property "on_sign" (owner: KEEPER, flags: "rc") = {
    "sign TEXT",
    "In the porch: writes a line in the visitors' book. Your newest line takes the place of the one before."
  };
  property "on_@describe" (owner: KEEPER, flags: "rc") = {
    "@describe me as TEXT, @describe THING as TEXT",
    "Sets what others see when they look at you, or at something of yours."
  };
  property "on_@password" (owner: KEEPER, flags: "rc") = {
    "@password",
    "Changes your password. You are asked for the old and the new one, and they are not shown."
  };
  property "on_@quit" (owner: KEEPER, flags: "rc") = {
    "@quit",
    "Leaves the world. You fall asleep where you are and wake up there."
  };
  property "on_building" (owner: KEEPER, flags: "rc") = {
    "Building means making places and things. Everybody with a character can do it, up to a number of objects (@quota shows it).",
    "@dig makes rooms and exits, @create makes things, @describe describes them, @detail adds what can be looked at. The lane south of the porch is open ground: anybody may start a new exit there.",
    "The primer on the workbench in the library walks you through it: read building primer."
  };
  property "on_@dig" (owner: KEEPER, flags: "rc") = {
    "@dig ROOM; @dig EXIT to ROOM; @dig EXIT|EXIT-BACK to ROOM",
    "Makes a new room, and if you like the ways there and back: @dig west,w|east,e to Potting Shed. Instead of a new room you can give an existing one by number, #123. You can start an exit in rooms of your own and on open ground."
  };
  property "on_@go" (owner: KEEPER, flags: "rc") = {
    "@go ROOM",
    "Takes you to a room of yours, or to open ground, by number."
  };
  property "on_@create" (owner: KEEPER, flags: "rc") = {
    "@create CLASS named NAME,ALIAS,...",
    "Makes a new thing and puts it in your hands. Classes: $thing, $note, $container, $scenery, $game, or anything fertile."
  };
  property "on_@rename" (owner: KEEPER, flags: "rc") = {
    "@rename THING to NAME,ALIAS,...; @aliases THING as ALIAS,...",
    "Changes the name, the other names, or both. @rename me to NAME changes your own."
  };
  property "on_@detail" (owner: KEEPER, flags: "rc") = {
    "@detail WORD,WORD as TEXT",
    "In a room of yours: what people see when they look at that word. An empty text removes it."
  };
  property "on_@recycle" (owner: KEEPER, flags: "rc") = {
    "@recycle THING",
    "Destroys something of yours for good, and gives you back your quota for it."
  };
  property "on_@chparent" (owner: KEEPER, flags: "rc") = {
    "@chparent THING to CLASS",
    "Changes what kind of thing it is."
  };
  property "on_@prop" (owner: KEEPER, flags: "rc") = {
    "@prop THING.NAME VALUE; @rmprop THING.NAME",
    "Adds a property to something of yours, or removes it."
  };
  property "on_@set" (owner: KEEPER, flags: "rc") = {
    "@set THING.NAME to VALUE",
    "Sets a property. A number or #123 is taken as such, everything else as text. @edit is for text of several lines."
  };
  property "on_@perms" (owner: KEEPER, flags: "rc") = {
    "@perms THING is FLAGS; @perms THING.NAME is FLAGS; @perms THING:VERB is FLAGS",
    "Sets permissions. Objects: r readable, w writable, f may have children. Properties: r, w, c owned by the owner of each child. Verbs: r, w, x callable by programs, d errors stop it. Write none for no flags."
  };
  property "on_@show" (owner: KEEPER, flags: "rc") = {
    "@show THING, @show THING.NAME, @show THING:VERB",
    "Shows how something is made: its parent, flags, properties and verbs, or one of them."
  };
  property "on_@edit" (owner: KEEPER, flags: "rc") = {
    "@edit THING.NAME, @edit THING:VERB",
    "Opens a line editor on a text or a verb. Inside, type help. @edit alone goes on with what you had not saved."
  };
  property "on_@quota" (owner: KEEPER, flags: "rc") = {
    "@quota",
    "Shows how many more objects you may make."
  };
  property "on_@audit" (owner: KEEPER, flags: "rc") = {
    "@audit",
    "Lists what you own."
  };
  property "on_programming" (owner: KEEPER, flags: "rc") = {
    "Programming means giving things new commands and behaviour, in the MOO language. A wizard makes somebody a programmer with @programmer NAME.",
    "Use ; to try things out, @verb to add a verb, @program or @edit to write it, @list to read it. Read the world's own verbs: @show $root, @list $room:huh.",
    "The primer on the workbench in the library has a first verb to type in: read coding primer."
  };
  property "on_@verb" (owner: KEEPER, flags: "rc") = {
    "@verb THING:NAMES [DIRECT PREPOSITION INDIRECT]; @rmverb THING:NAME",
    "Adds a verb. Each of the two objects is this, any or none. Without arguments it is a method, this none this: programs call it, people do not. Commands get the flags rd, methods rxd."
  };
  property "on_@args" (owner: KEEPER, flags: "rc") = {
    "@args THING:VERB DIRECT PREPOSITION INDIRECT",
    "Changes what a command expects: @args lamp:light this none none."
  };
  property "on_@program" (owner: KEEPER, flags: "rc") = {
    "@program THING:VERB",
    "Type the lines of the verb, then a line with only a dot. @abort instead of the dot leaves it as it was."
  };
  property "on_@list" (owner: KEEPER, flags: "rc") = {
    "@list THING:VERB",
    "Shows the program of a verb with line numbers."
  };
  property "on_@eval" (owner: KEEPER, flags: "rc") = {
    "; EXPRESSION, or ;; STATEMENTS",
    "Runs a piece of MOO code and shows the result. me is you and here is where you are."
  };
  property "on_wizards" (owner: KEEPER, flags: "rc") = {
    "@programmer NAME makes somebody a programmer, @builder NAME NUMBER sets how many more objects they may make, @newpassword NAME lets somebody in again, @boot NAME disconnects somebody, @toad NAME ends a character, @announce TEXT tells everybody, @shutdown TEXT stops the server."
  };

  override description = "Explains every command. Its texts are properties: on_look holds help look.";

  method page owner: KEEPER
    "page(text): the lines to show to somebody who typed help and that text.";
    {text} = args;
    if (!text)
      return this.overview;
    elseif (text in {"topics", "index", "commands"})
      return this:topics_page();
    endif
    topic = this:topic_for(text);
    return topic ? this.("on_" + topic) | {tostr("There is no help for \"", $string:clip(text, 40), "\". Type help topics to see what there is.")};
  endmethod

  method topics_page owner: KEEPER
    lines = {};
    for group in (this.groups)
      lines = {@lines, tostr(group[1], ": ", $string:and_list(group[2]), ".")};
    endfor
    return {@lines, "Type help and one of these words."};
  endmethod

  method topics owner: KEEPER
    "All topics.";
    found = {};
    for property in (properties(this))
      $string:starts_with(property, "on_") && (found = {@found, property[4..$]});
    endfor
    return found;
  endmethod

  method topic_for owner: KEEPER
    "topic_for(text): the topic of that name, other name, or only possible beginning; or \"\".";
    {text} = args;
    topics = this:topics();
    if (text in topics)
      return text;
    endif
    for row in (this.also)
      if (text in row[2])
        return row[1];
      endif
    endfor
    found = {};
    for topic in (topics)
      $string:starts_with(topic, text) && (found = {@found, topic});
    endfor
    return length(found) == 1 ? found[1] | "";
  endmethod

  method knows owner: KEEPER
    "knows(verb): true if that is a command with help.";
    {word} = args;
    return this:topic_for(word) != "";
  endmethod

  method hint owner: KEEPER
    "hint(verb): what to say to the player, whose line was not understood.";
    {word} = args;
    topic = this:topic_for(word);
    if (!topic)
      return "Type help to see what you can do.";
    elseif ((index(word, "@") == 1 || word == "eval") && !this:is_command_of(player, word))
      return "It takes more rights than you have. See: help building, help programming";
    endif
    return "It is used like this: " + this.("on_" + topic)[1];
  endmethod

  method is_command_of owner: KEEPER
    "is_command_of(who, word): true if who has such a command.";
    {who, word} = args;
    while (valid(who))
      if (`verb_info(who, word) ! E_VERBNF, E_PERM')
        return 1;
      endif
      who = parent(who);
    endwhile
    return 0;
  endmethod

  method commands_of owner: KEEPER
    "commands_of(thing): the commands that thing itself understands, such as \"ring bell\".";
    {thing} = args;
    found = {};
    object = thing;
    while (valid(object))
      for i in [1..length(`verbs(object) ! E_PERM => {}')]
        command = `this:command_text(object, i, thing.name) ! E_PERM => ""';
        command && (found = setadd(found, command));
      endfor
      object = parent(object);
    endwhile
    return found;
  endmethod

  method command_text owner: KEEPER
    "command_text(object, verb number, name): how to type that verb, or \"\" if it is no command about this object.";
    {object, number, name} = args;
    {direct, prep, indirect} = verb_args(object, number);
    word = strsub($string:words(verb_info(object, number)[3])[1], "*", "");
    if (direct == "this" && prep == "none" && indirect == "none")
      return tostr(word, " ", name);
    elseif (indirect == "this" && direct == "any")
      return tostr(word, " something ", $string:split(prep, "/")[1], " ", name);
    endif
    return "";
  endmethod
endobject

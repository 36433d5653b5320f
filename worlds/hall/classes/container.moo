// A thing that holds other things, and can be shut.
object CONTAINER
  name: "Container"
  parent: THING
  owner: KEEPER
  fertile: true
  readable: true

  property open (owner: KEEPER, flags: "r") = 1;

  verb open (this none none) owner: KEEPER flags: "rd"
    "open <container>";
    this:set_open(1);
  endverb

  verb "close shut" (this none none) owner: KEEPER flags: "rd"
    "close <container>";
    this:set_open(0);
  endverb

  verb "put place" (any in this) owner: OPERATOR flags: "rd"
    "put <thing> in <container>";
    thing = player:find(dobjstr);
    if (!valid(thing))
      return;
    elseif (thing == this)
      player:tell("That would take some folding.");
    elseif (thing.location != player)
      player:tell("You are not holding ", thing:the(), ".");
    elseif (!this.open)
      player:tell($string:capital(this:the()), " is shut.");
    elseif (thing:moves_to(this))
      player:tell("You put ", thing:the(), " in ", this:the(), ".");
      player:others_see(player.name, " puts ", thing:title(), " in ", this:the(), ".");
    else
      player:tell("It will not go in.");
    endif
  endverb

  verb "get take" (any from this) owner: OPERATOR flags: "rd"
    "take <thing> from <container>";
    if (!this.open)
      return player:tell($string:capital(this:the()), " is shut.");
    endif
    thing = player:pick(dobjstr, this.contents);
    if (!(thing in this.contents))
      player:tell("You find no \"", dobjstr, "\" in ", this:the(), ".");
    elseif (refusal = thing:refuses_to_be_taken(player))
      player:tell(refusal);
    elseif (thing:moves_to(player))
      player:tell("You take ", thing:the(), " out of ", this:the(), ".");
      player:others_see(player.name, " takes ", thing:title(), " out of ", this:the(), ".");
    else
      player:tell("Your hands are full.");
    endif
  endverb

  method set_open owner: KEEPER
    "The common part of open and close.";
    {open} = args;
    caller == this || raise(E_PERM);
    if (this.open == open)
      return player:tell("It is ", open ? "open" | "shut", " already.");
    endif
    this.open = open;
    player:tell("You ", open ? "open " | "shut ", this:the(), ".");
    player:others_see(player.name, open ? " opens " | " shuts ", this:the(), ".");
    open && this:look_inside(player);
  endmethod

  method look_self owner: KEEPER
    pass(@args);
    this:look_inside(@args);
  endmethod

  method look_inside owner: KEEPER
    {viewer} = args;
    if (this.open)
      viewer:tell("Inside: ", $string:and_list($list:titles(this.contents)), ".");
    else
      viewer:tell("It is shut.");
    endif
  endmethod

  method accept owner: KEEPER
    "Things, but neither players nor other containers, and not too many.";
    {what} = args;
    return what:is_a($thing) && !what:is_a($container) && length(this.contents) < $limits.container_contents;
  endmethod
endobject

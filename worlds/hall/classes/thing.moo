// Something that can be picked up, carried, given and dropped.
object THING
  name: "Thing"
  parent: ROOT
  owner: KEEPER
  fertile: true
  readable: true

  property place (owner: KEEPER, flags: "rc") = #-1;

  override article = "a";

  verb "get take" (this none none) owner: OPERATOR flags: "rd"
    "get <thing>: pick it up.";
    if (this.location == player)
      player:tell("You have ", this:the(), " already.");
    elseif (this.location != player.location)
      player:tell("You cannot reach ", this:the(), ".");
    elseif (refusal = this:refuses_to_be_taken(player))
      player:tell(refusal);
    elseif (this:moves_to(player))
      player:tell("You take ", this:the(), ".");
      player:others_see(player.name, " takes ", this:title(), ".");
      $tour:notices(player, "get");
    else
      player:tell("Your hands are full.");
    endif
  endverb

  verb "drop" (this none none) owner: OPERATOR flags: "rd"
    "drop <thing>: put it down where you are.";
    if (this.location != player)
      player:tell("You do not have ", this:the(), ".");
    elseif (this:moves_to(player.location))
      player:tell("You put down ", this:the(), ".");
      player:others_see(player.name, " puts down ", this:title(), ".");
    else
      player:tell("There is no room for it here.");
    endif
  endverb

  verb "give hand" (this at any) owner: OPERATOR flags: "rd"
    "give <thing> to <somebody>";
    who = player:find(iobjstr);
    if (!valid(who))
      return;
    elseif (this.location != player)
      player:tell("You do not have ", this:the(), ".");
    elseif (who == player || !is_player(who) || who.location != player.location)
      player:tell("You can only give things to somebody who is here.");
    elseif (this:moves_to(who))
      player:tell("You give ", this:the(), " to ", who.name, ".");
      who:tell(player.name, " gives you ", this:title(), ".");
    else
      player:tell(who.name, " cannot carry any more.");
    endif
  endverb

  method refuses_to_be_taken owner: KEEPER
    "refuses_to_be_taken(who): the reason why who may not take me, or \"\".";
    return "";
  endmethod

  method moves_to owner: OPERATOR
    "moves_to(where): true if the move worked. Only this world's own commands may ask for it.";
    {where} = args;
    caller_perms().wizard || caller_perms() == $keeper || raise(E_PERM);
    try
      this:moveto(where);
      return 1;
    except (E_NACC, E_RECMOVE)
      return 0;
    endtry
  endmethod

  method go_home owner: KEEPER
    "Go back where I belong, if I belong anywhere.";
    this:is_controlled_by(caller_perms()) || raise(E_PERM);
    if (valid(this.place) && this.location != this.place && this:moves_to(this.place))
      this.place:announce($string:capital(this:title()), " is back in its place.");
    endif
  endmethod
endobject

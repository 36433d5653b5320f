// A game at a table: who sits there, whose turn it is. Children say what a turn means.
object GAME
  name: "Game class"
  parent: SCENERY
  owner: KEEPER
  fertile: true
  readable: true

  property seats (owner: KEEPER, flags: "r") = {};
  property turn (owner: KEEPER, flags: "r") = 0;
  property seats_needed (owner: KEEPER, flags: "rc") = 2;

  verb play (this none none) owner: KEEPER flags: "rd"
    "play <game>: take a seat";
    this:tidy();
    if (player in this.seats)
      player:tell("You are sitting at ", this:the(), " already.");
    elseif (this.turn)
      player:tell("A game is going on. Watch, or wait for a seat.");
    else
      this.seats = {@this.seats, player};
      this.location:announce(player.name, " sits down at ", this:the(), ".");
      length(this.seats) == this.seats_needed ? this:begin() | this:invite(player);
    endif
  endverb

  verb "leave stop" (this none none) owner: KEEPER flags: "rd"
    "leave <game>: give up your seat, and with it the game";
    if (player in this.seats)
      this:finish(player.name + " gets up from the table.");
    else
      player:tell("You are not sitting at ", this:the(), ".");
    endif
  endverb

  method invite owner: KEEPER
    {who} = args;
    who:tell("You wait for somebody to sit down opposite.");
  endmethod

  method begin owner: KEEPER
    "Everybody is seated: whoever sat down first begins.";
    caller == this || raise(E_PERM);
    this.turn = 1;
  endmethod

  method whose_turn owner: KEEPER
    return this.turn ? this.seats[this.turn] | $nothing;
  endmethod

  method pass_turn owner: KEEPER
    caller == this || raise(E_PERM);
    this.turn = this.turn % length(this.seats) + 1;
  endmethod

  method finish owner: KEEPER
    "finish(text): the game is over, for the reason given.";
    {text} = args;
    caller == this || raise(E_PERM);
    this.location:announce(text);
    this.seats = {};
    this.turn = 0;
  endmethod

  method is_present owner: KEEPER
    "is_present(who): true if who still sits here.";
    {who} = args;
    return who.location == this.location;
  endmethod

  method tidy owner: KEEPER
    "Clear the table if somebody in the game has left the room.";
    for who in (this.seats)
      if (!this:is_present(who))
        return this:finish("The table is cleared, for " + who.name + " has gone.");
      endif
    endfor
  endmethod
endobject

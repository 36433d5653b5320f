// A small room with a game in it.
object SNUG
  name: "The Snug"
  parent: ROOM
  owner: KEEPER
  readable: true

  property board (owner: KEEPER, flags: "r") = PEBBLES;

  override description = "A small panelled room with a small stove, made for few people and long evenings. Two chairs face each other across a board.";
  override details = {
    {{"stove"}, "It ticks as it warms up and ticks as it cools down."},
    {{"chairs", "chair"}, "One is more comfortable, and everybody knows which. Type play pebbles to sit down."},
    {{"panels", "panelling", "panelled room"}, "Somebody has kept score in pencil. The porter is ahead."}
  };
  override exits = {SNUG_EAST};

  verb draw (any any any) owner: KEEPER flags: "rd"
    "draw <number> from <heap>: a move in the game on the board";
    this.board:draw(player, dobjstr, iobjstr);
  endverb
endobject

object SNUG_EAST
  name: "east"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"e", "hall", "out"};
  override source = SNUG;
  override destination = GREAT_HALL;
  override arrive_message = "%n comes out of the snug.";
endobject

object PEBBLES
  name: "pebbles"
  parent: GAME
  location: SNUG
  owner: KEEPER
  readable: true

  property heap_names (owner: KEEPER, flags: "r") = {"left", "middle", "right"};
  property opening (owner: KEEPER, flags: "r") = {3, 5, 7};
  property heaps (owner: KEEPER, flags: "r") = {3, 5, 7};
  property house (owner: KEEPER, flags: "r") = PORTER;

  override article = "a game of";
  override aliases = {"board", "game", "game of pebbles", "pebble"};

  verb play (this with any) owner: KEEPER flags: "rd"
    "play <game> with porter: start at once, against the house";
    this:tidy();
    if (this.seats)
      player:tell("Somebody is sitting there already. Type play pebbles to join.");
    elseif (!this.house:is_called(iobjstr))
      player:tell("Type play pebbles and let them do the same, or play pebbles with porter.");
    else
      this.seats = {player, this.house};
      this.location:announce(player.name, " sits down. The porter looks in, rubs his hands, and takes the other chair.");
      this:begin();
    endif
  endverb

  method the owner: KEEPER
    return "the game of pebbles";
  endmethod

  method describe owner: KEEPER
    rules = "Three heaps of pebbles on a board. In turn, each player draws one or more from one heap: draw 2 from left. Whoever draws the last pebble wins.";
    return {rules, this:heap_line(), this:seat_line()};
  endmethod

  method heap_line owner: KEEPER
    parts = {};
    for i in [1..length(this.heaps)]
      parts = {@parts, tostr(this.heaps[i], " in the ", this.heap_names[i])};
    endfor
    return "There are " + $string:and_list(parts) + " heap.";
  endmethod

  method seat_line owner: KEEPER
    if (this.turn)
      return tostr(this.seats[1].name, " and ", this.seats[2]:the(), " are playing, and it is the turn of ", this:whose_turn():the(), ".");
    endif
    return this.seats ? tostr(this.seats[1].name, " waits for somebody to play with.") | "Nobody is playing.";
  endmethod

  method invite owner: KEEPER
    {who} = args;
    who:tell("You wait for somebody to sit down opposite. If nobody comes: leave pebbles, then play pebbles with porter.");
  endmethod

  method begin owner: KEEPER
    caller == this || raise(E_PERM);
    pass();
    this.heaps = this.opening;
    this.location:announce(this:heap_line(), " ", this:whose_turn():the(), " begins.");
  endmethod

  method is_present owner: KEEPER
    {who} = args;
    return who == this.house || pass(who);
  endmethod

  method draw owner: KEEPER
    "draw(who, number, heap name): a turn, as somebody typed it.";
    {who, number, heap} = args;
    who == player || raise(E_PERM);
    this:tidy();
    place = $string:words(heap + " ?")[1] in this.heap_names;
    count = toint(number);
    if (this:whose_turn() != who)
      who:tell(this.turn ? "It is not your turn." | "Nobody is playing. Type play pebbles, or play pebbles with porter.");
    elseif (!place || count < 1 || count > this.heaps[place])
      who:tell("Type draw, a number, from, and a heap that has so many: draw 2 from left. ", this:heap_line());
    else
      this:take(place, count);
      this:whose_turn() == this.house && this:house_turn();
    endif
  endmethod

  method take owner: KEEPER
    "take(heap, count): the one whose turn it is does it, and wins or the turn passes.";
    {place, count} = args;
    caller == this || raise(E_PERM);
    name = this:whose_turn():the();
    this.heaps[place] = this.heaps[place] - count;
    this.location:announce($string:capital(name), " draws ", count, " from the ", this.heap_names[place], " heap.");
    if (this.heaps == {0, 0, 0})
      this:finish(tostr("That was the last pebble: ", name, " wins!"));
      this.heaps = this.opening;
    else
      this:pass_turn();
      this.location:announce(this:heap_line(), " It is the turn of ", this:whose_turn():the(), ".");
    endif
  endmethod

  method house_turn owner: KEEPER
    "The porter knows how to win, but his mind wanders now and then.";
    caller == this || raise(E_PERM);
    moves = this:winning_moves();
    if (!moves || random(4) == 1)
      moves = {};
      for i in [1..length(this.heaps)]
        this.heaps[i] && (moves = {@moves, {i, random(this.heaps[i])}});
      endfor
    endif
    this:take(@moves[random(length(moves))]);
  endmethod

  method winning_moves owner: KEEPER
    "Every {heap, count} that leaves a position from which the other side can only lose.";
    found = {};
    for i in [1..length(this.heaps)]
      for count in [1..this.heaps[i]]
        after = this.heaps;
        after[i] = after[i] - count;
        this:is_lost(after) && (found = {@found, {i, count}});
      endfor
    endfor
    return found;
  endmethod

  method is_lost owner: KEEPER
    "is_lost(heaps): true if, for each power of two, an even number of heaps have it in their size.";
    {heaps} = args;
    for power in ({1, 2, 4})
      odd = 0;
      for heap in (heaps)
        odd = odd + heap / power % 2;
      endfor
      if (odd % 2)
        return 0;
      endif
    endfor
    return 1;
  endmethod
endobject

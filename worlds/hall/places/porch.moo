// Where everybody first arrives.
object PORCH
  name: "The Porch"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "A deep stone porch, worn smooth by people who came in out of the rain. Benches run along both sides. Warm light and the sound of voices come through the great door, which stands open; behind you a path goes down to a lane.";
  override details = {
    {{"bench", "benches"}, "Oak, black with age. Names are cut into it, the newest on top of the oldest; there is still room for yours."},
    {{"door", "great door"}, "Twice your height and never shut, they say, since the day the hall was opened. Type in to go through."},
    {{"light"}, "Firelight, from the hearth inside."},
    {{"path"}, "Flagstones, going down to the lane between wet grass."}
  };
  override exits = {PORCH_IN, PORCH_SOUTH};
  property book (owner: KEEPER, flags: "r") = VISITORS_BOOK;

  verb sign (any any any) owner: KEEPER flags: "rd"
    "sign <text>: write a line in the visitors' book";
    this.book:sign(player, $string:unquoted(argstr));
  endverb
endobject

object PORCH_IN
  name: "in"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"north", "n", "hall", "door"};
  override source = PORCH;
  override destination = GREAT_HALL;
  override leave_message = "%n goes in.";
  override arrive_message = "%n comes in from the porch.";
endobject

object PORCH_SOUTH
  name: "south"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"s", "lane", "path"};
  override source = PORCH;
  override destination = LANE;
  override arrive_message = "%n comes down the path.";
endobject

object PORTER
  name: "porter"
  parent: SCENERY
  location: PORCH
  owner: KEEPER
  readable: true

  override description = "A broad old man in a leather apron, who seems to know everybody's name before they say it. Type tour, and he shows you around.";

  verb "get take" (this none none) owner: KEEPER flags: "rd"
    player:tell("The porter looks at you until you think better of it.");
  endverb

  method hears owner: KEEPER
    "hears(who, text): answer a greeting.";
    {who, text} = args;
    if (match(text, "%<%(hello%|hi%|hey%|hail%|good %(morning%|day%|evening%)%)%>"))
      this.location:announce("The porter nods to ", who.name, ".");
    endif
  endmethod
endobject

object LANTERN
  name: "brass lantern"
  parent: THING
  location: PORCH
  owner: KEEPER
  readable: true

  property lit (owner: KEEPER, flags: "r") = 0;

  override aliases = {"lantern", "lamp"};
  override place = PORCH;

  verb "light" (this none none) owner: KEEPER flags: "rd"
    "light <lantern>";
    this:set_lit(1);
  endverb

  verb "douse extinguish" (this none none) owner: KEEPER flags: "rd"
    "douse <lantern>";
    this:set_lit(0);
  endverb

  method set_lit owner: KEEPER
    {lit} = args;
    caller == this || raise(E_PERM);
    if (!(this.location in {player, player.location}))
      return player:tell("You cannot reach it.");
    elseif (this.lit == lit)
      return player:tell("It is ", lit ? "lit" | "dark", " already.");
    endif
    this.lit = lit;
    player:tell(lit ? "You light the lantern, and a warm glow fills it." | "You put out the lantern.");
    player:others_see(player.name, lit ? " lights" | " puts out", " the lantern.");
  endmethod

  method title owner: KEEPER
    return this.lit ? "a lit brass lantern" | "a brass lantern";
  endmethod

  method describe owner: KEEPER
    text = "A lantern of dented brass with a ring to carry it by. There is oil in it, and there always seems to be.";
    return {tostr(text, this.lit ? " It is burning steadily." | " It is not lit.")};
  endmethod

  method gives_light owner: KEEPER
    return this.lit;
  endmethod

  method go_home owner: KEEPER
    "Put out before it is hung up.";
    this:is_controlled_by(caller_perms()) || raise(E_PERM);
    this.lit = 0;
    return pass(@args);
  endmethod
endobject

object VISITORS_BOOK
  name: "visitors' book"
  parent: SCENERY
  location: PORCH
  owner: KEEPER
  readable: true

  property entries (owner: KEEPER, flags: "r") = {
    {"Porter", "Swept the step, lit the fire. All welcome."}
  };

  override aliases = {"book", "visitors book"};
  override description = "A thick book on a stand, with a pencil on a string. You can read book, or leave a line of your own: sign Glad I came.";

  verb read (this none none) owner: KEEPER flags: "rd"
    "read <book>: the last ten lines";
    player:tell("The last lines in the visitors' book:");
    for entry in ($list:last(this.entries, 10))
      player:tell(entry[1], " wrote: ", entry[2]);
    endfor
  endverb

  method sign owner: KEEPER
    "sign(who, text): one line for each person, the newest in place of the one before.";
    {who, text} = args;
    (who == player && typeof(text) == STR) || raise(E_PERM);
    if (!text || length(text) > $limits.book_entry_length)
      return who:tell("A line in the book has 1 to ", $limits.book_entry_length, " characters.");
    endif
    kept = {};
    for entry in (this.entries)
      entry[1] == who.name || (kept = {@kept, entry});
    endfor
    this.entries = $list:last({@kept, {who.name, text}}, $limits.book_entries);
    who:tell("You write in the book: ", text);
    who:others_see(who.name, " writes in the visitors' book.");
  endmethod
endobject

// The riddle stone.
object GARDEN
  name: "The Walled Garden"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "Four brick walls hold the warmth in and the wind out. Pear trees are trained along them, bees work the thyme between the paving stones, and where the paths cross stand a sundial and a stone much older than anything else here.";
  override details = {
    {{"walls", "wall"}, "Warm to the hand, even at night."},
    {{"pear trees", "pears", "trees", "tree"}, "Hard as wood until the day they are ready; that is never the day you look."},
    {{"bees", "bee", "thyme"}, "They have their own meeting, and unlike the one indoors it ends in honey."}
  };
  override exits = {GARDEN_SOUTH};
endobject

object GARDEN_SOUTH
  name: "south"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"s", "hall"};
  override source = GARDEN;
  override destination = GREAT_HALL;
  override arrive_message = "%n comes in from the garden.";
endobject

object SUNDIAL
  name: "sundial"
  parent: SCENERY
  location: GARDEN
  owner: KEEPER
  readable: true

  override aliases = {"dial"};

  method describe owner: KEEPER
    return {"Round the edge is written: I count only the hours you spend here. Its shadow is oddly exact.", tostr("It shows ", ctime(), ".")};
  endmethod
endobject

object RIDDLE_STONE
  name: "riddle stone"
  parent: SCENERY
  location: GARDEN
  owner: KEEPER
  readable: true

  property riddles (owner: KEEPER, flags: "") = {
    {"Twice a day I come to the hall, and never through the door. I take nothing away, and yet I leave the ground bare.", {"tide", "sea"}},
    {"I have one tongue and know one word, and the whole valley understands it.", {"bell"}},
    {"I sit in the middle of every meeting. Feed me and I dance; give me a drink and I die.", {"fire", "hearth"}},
    {"I am full of voices and never make a sound.", {"book", "library"}},
    {"You carried me into every room of this house, and set me down in none. In the undercroft you lost me.", {"shadow"}}
  };
  property current (owner: KEEPER, flags: "r") = 1;
  property solvers (owner: KEEPER, flags: "r") = {};

  override aliases = {"stone", "riddle"};

  method describe owner: KEEPER
    lines = {"Grey, upright, and taller than you. Words stand on it that were not cut by any tool:"};
    lines = {@lines, "\"" + this.riddles[this.current][1] + "\""};
    lines = {@lines, "It seems to be waiting for somebody to say the answer. Those who doubt look for it under the hall, with a light."};
    return this.solvers ? {@lines, tostr("It remembers ", $string:and_list(this.solvers), ".")} | lines;
  endmethod

  method hears owner: KEEPER
    "hears(who, text): the right word, said aloud anywhere in a sentence, turns the stone to its next riddle.";
    {who, text} = args;
    words = $string:words(strsub(strsub(strsub(text, ".", ""), "!", ""), "?", ""));
    for answer in (this.riddles[this.current][2])
      if (answer in words)
        this.current = this.current % length(this.riddles) + 1;
        this.solvers = $list:last(setadd(setremove(this.solvers, who.name), who.name), 10);
        return this.location:announce("The stone hums like a struck bowl, for ", who.name, " has the answer. Its words fade, and others take their place.");
      endif
    endfor
  endmethod
endobject

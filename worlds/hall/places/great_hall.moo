// The middle of everything.
object GREAT_HALL
  name: "The Great Hall"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "A long, high room under a roof like an upturned ship. A fire burns in a hearth you could stand up in, and a table runs the whole length of the floor, scarred by elbows, knives and arguments. People have met here to decide things for eight hundred years; mostly they decided to talk about it again tomorrow.";
  override details = {
    {{"roof", "beams"}, "Curved oak, pegged together without a nail. The shipwrights who made it knew no other way to make a roof."},
    {{"table", "long table"}, "Somebody has cut a row of notches along the edge, one for every meeting that ended in agreement. There are nine."},
    {{"floor"}, "Flagstones, hollowed along the way from the door to the fire."},
    {{"notches"}, "Nine. The ninth looks recent."},
    {{"fire"}, "It lives in the hearth. Try: look hearth"}
  };
  override exits = {HALL_OUT, HALL_UP, HALL_EAST, HALL_WEST, HALL_NORTH, HALL_DOWN};

  method speech owner: KEEPER
    "What is said here carries up to the gallery.";
    {speaker, text} = args;
    pass(speaker, text);
    gallery = this:find_exit("up").destination;
    gallery:announce("From below you hear ", speaker.name, " say, \"", text, "\"");
  endmethod
endobject

object HALL_OUT
  name: "out"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"south", "s", "porch"};
  override source = GREAT_HALL;
  override destination = PORCH;
  override leave_message = "%n goes out to the porch.";
  override arrive_message = "%n comes out of the hall.";
endobject

object HALL_UP
  name: "up"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"u", "stairs", "gallery"};
  override source = GREAT_HALL;
  override destination = GALLERY;
  override leave_message = "%n climbs the stairs.";
  override arrive_message = "%n comes up from the hall.";
endobject

object HALL_EAST
  name: "east"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"e", "library"};
  override source = GREAT_HALL;
  override destination = LIBRARY;
  override arrive_message = "%n comes in quietly from the hall.";
endobject

object HALL_WEST
  name: "west"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"w", "snug"};
  override source = GREAT_HALL;
  override destination = SNUG;
  override arrive_message = "%n ducks in from the hall.";
endobject

object HALL_NORTH
  name: "north"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"n", "garden"};
  override source = GREAT_HALL;
  override destination = GARDEN;
  override arrive_message = "%n steps out into the garden.";
endobject

object HALL_DOWN
  name: "down"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"d", "undercroft"};
  override source = GREAT_HALL;
  override destination = UNDERCROFT;
  override leave_message = "%n goes down the worn steps.";
  override arrive_message = "%n feels their way down the steps.";
endobject

object HEARTH
  name: "hearth"
  parent: SCENERY
  location: GREAT_HALL
  owner: KEEPER
  readable: true

  property fed_at (owner: KEEPER, flags: "r") = 0;
  property states (owner: KEEPER, flags: "rc") = {
    {600, "A fresh log has caught, and flames stand up straight in the chimney."},
    {3600, "The fire burns low and steady."},
    {86400, "The fire has sunk to red embers under grey ash. Somebody should feed it."}
  };

  override aliases = {"fireplace", "fire"};

  verb "feed stoke" (this none none) owner: KEEPER flags: "rd"
    "feed <hearth>: put a log on the fire";
    if (time() - this.fed_at < 60)
      return player:tell("It is blazing already. Give it a minute.");
    endif
    this.fed_at = time();
    player:tell("You lay a log on the fire. Sparks go up, and the room brightens.");
    player:others_see(player.name, " lays a log on the fire. Sparks go up, and the room brightens.");
  endverb

  method describe owner: KEEPER
    "The fire burns down with time; no task has to watch it.";
    age = time() - this.fed_at;
    text = this.states[$][2];
    for state in (this.states)
      if (age < state[1])
        text = state[2];
        break;
      endif
    endfor
    return {"A hearth of blackened stone, with a stack of logs beside it.", text};
  endmethod
endobject

object CHEST
  name: "oak chest"
  parent: CONTAINER
  location: GREAT_HALL
  owner: KEEPER
  readable: true

  override aliases = {"chest"};
  override article = "an";
  override description = "A chest bound with iron, big enough to sit on, and often sat on.";
  override open = 0;

  method refuses_to_be_taken owner: KEEPER
    return "It took four people to bring the chest in here. It would take four to move it.";
  endmethod
endobject

object CHARTER
  name: "charter"
  parent: NOTE
  location: CHEST
  owner: KEEPER
  readable: true

  override place = CHEST;
  override aliases = {"parchment"};
  override description = "A sheet of parchment, folded and unfolded so often that it is coming apart. You can read it.";
  override text = {
    "This hall is for whoever comes in.",
    "Speak, and let others finish.",
    "What you build is yours; leave room for what others build.",
    "Nobody owns the fire, and everybody feeds it.",
    "What was promised under this roof was heard by the roof."
  };
endobject

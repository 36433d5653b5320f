// The bell everybody hears, and the view.
object BELL_TOWER
  name: "The Bell Tower"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "Four arches open to the wind, and one bell hangs between them, green with age. Far below, the hall's roof; beyond it the lane, the fields, and the wide estuary shining all the way to the sea.";
  override details = {
    {{"arches", "arch"}, "North, a garden behind a wall. South, a lane with new doors in it. East and west, the water."},
    {{"roof"}, "From above it looks even more like a ship."},
    {{"sea"}, "A bright line. You cannot hear it from here, but you can smell it."},
    {{"rope"}, "It hangs from the bell. Try: ring bell"}
  };
  override exits = {TOWER_DOWN};
endobject

object TOWER_DOWN
  name: "down"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"d", "ladder", "gallery"};
  override source = BELL_TOWER;
  override destination = GALLERY;
  override arrive_message = "%n comes down the ladder.";
endobject

object BELL
  name: "moot bell"
  parent: SCENERY
  location: BELL_TOWER
  owner: KEEPER
  readable: true

  property rung_at (owner: KEEPER, flags: "r") = 0;
  property rest (owner: KEEPER, flags: "r") = 30;

  override aliases = {"bell"};
  override description = "Cast before anybody could read what is written on it: CALL THEM IN. A rope hangs down; ring the bell and the whole place will hear it.";

  verb "ring pull" (this none none) owner: KEEPER flags: "rd"
    "ring <bell>: everybody hears it, and it must rest a while after";
    if (time() - this.rung_at < this.rest)
      return player:tell("The bell is still humming. Let it come to rest.");
    endif
    this.rung_at = time();
    player:tell("You throw your weight on the rope. The bell swings, and one great note goes out over the water.");
    player:others_see(player.name, " rings the bell. You feel it in your teeth.");
    for who in (connected_players())
      who.location == this.location || who:tell("Somewhere above, the moot bell rings once.");
    endfor
  endverb
endobject

object ESTUARY
  name: "estuary"
  parent: SCENERY
  location: BELL_TOWER
  owner: KEEPER
  readable: true

  property period (owner: KEEPER, flags: "r") = 44714;

  override article = "an";
  override aliases = {"water", "tide", "view"};

  method describe owner: KEEPER
    "The tide follows the real one: twelve hours, 25 minutes and 14 seconds from high water to high water.";
    eighth = time() % this.period * 8 / this.period;
    states = {
      "The tide is full; the water stands brim-high and dead calm.",
      "The tide has just turned, and boats swing round at their moorings.",
      "The water is running out, and mud begins to show.",
      "Banks of mud shine between narrow channels, and birds come down to them.",
      "It is low water: a plain of wet sand, with one far figure digging.",
      "The first thread of the new tide comes up the channel.",
      "The tide is coming in fast over the flats, a hand's breadth deep.",
      "The water is nearly full, and lifts the boats one after the other."
    };
    return {states[eighth + 1]};
  endmethod
endobject

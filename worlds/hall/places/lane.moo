// Open ground: everybody may start exits here.
object LANE
  name: "The Lane"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "A sunken lane between hedges, leading from nowhere in particular to wherever people have built. New doors stand in the hedge, some of them still smelling of paint. There is plenty of hedge left.";
  override details = {
    {{"hedge", "hedges"}, "Hawthorn, thick enough to put a door in. With @dig you can: see help building."},
    {{"doors", "door"}, "Whoever puts one here decides what lies behind it. The exits tell you where they lead."}
  };
  override open_ground = 1;
  override exits = {LANE_NORTH};
endobject

object LANE_NORTH
  name: "north"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"n", "porch", "path"};
  override source = LANE;
  override destination = PORCH;
  override arrive_message = "%n comes up from the lane.";
endobject

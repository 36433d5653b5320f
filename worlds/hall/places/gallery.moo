// Above the hall.
object GALLERY
  name: "The Gallery"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "A wooden gallery runs around three sides of the hall, just under the beams. From the rail you can hear every word said below. Portraits hang along the wall, and in the corner a ladder goes on up into the dark.";
  override details = {
    {{"rail"}, "Polished by leaning. Down there somebody is always just about to say something."},
    {{"portraits", "portrait", "wall"}, "Speakers of the hall. Each is painted with a hand raised, and each looks as if they had been interrupted. The last frame is empty."},
    {{"frame", "empty frame"}, "A brass plate under it says: You, perhaps."},
    {{"ladder"}, "It leads up to the bell."}
  };
  override exits = {GALLERY_DOWN, GALLERY_UP};
endobject

object GALLERY_DOWN
  name: "down"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"d", "hall"};
  override source = GALLERY;
  override destination = GREAT_HALL;
  override leave_message = "%n goes down the stairs.";
  override arrive_message = "%n comes down from the gallery.";
endobject

object GALLERY_UP
  name: "up"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"u", "ladder", "tower"};
  override source = GALLERY;
  override destination = BELL_TOWER;
  override leave_message = "%n climbs the ladder.";
  override arrive_message = "%n comes up through the trapdoor.";
endobject

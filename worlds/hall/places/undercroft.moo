// Dark, unless somebody brings a light.
object UNDERCROFT
  name: "The Undercroft"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "Low vaults stand on pillars as thick as three people. The hall above rests on this, and this rests on rock. An arch at the far end leads nowhere; somebody has cut words over it.";
  override details = {
    {{"vaults", "pillars", "rock"}, "Each pillar has a mason's mark on it. One mason could only draw fish."},
    {{"words", "arch"}, "Five words, deep and plain: TIDE. BELL. FIRE. BOOK. SHADOW."},
    {{"fish", "mark", "marks"}, "A good fish, though."}
  };
  override exits = {UNDERCROFT_UP};

  method is_lit owner: KEEPER
    "True if something here, lying or carried, gives light.";
    for thing in (this.contents)
      for source in ({thing, @thing.contents})
        if (`source:gives_light() ! ANY => 0')
          return 1;
        endif
      endfor
    endfor
    return 0;
  endmethod

  method look_self owner: KEEPER
    {viewer} = args;
    if (this:is_lit())
      return pass(viewer);
    endif
    viewer:tell(this.name);
    viewer:tell("It is too dark to see anything but the grey steps going up. Somewhere water drips. You could do with a lantern.");
  endmethod

  method detail owner: KEEPER
    return this:is_lit() ? pass(@args) | "";
  endmethod
endobject

object UNDERCROFT_UP
  name: "up"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"u", "steps", "hall"};
  override source = UNDERCROFT;
  override destination = GREAT_HALL;
  override leave_message = "%n goes up the steps.";
  override arrive_message = "%n comes up the steps from below.";
endobject

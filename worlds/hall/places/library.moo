// Where the primers lie.
object LIBRARY
  name: "The Library"
  parent: ROOM
  owner: KEEPER
  readable: true

  override description = "Shelves to the ceiling, a smell of leather and dust, and one tall window. A workbench stands where you would expect a reading desk: in this library people take things apart to see how they are made. Two primers lie on it, chained so that they stay.";
  override details = {
    {{"shelves", "books"}, "Minutes of meetings, mostly. You open one: \"The matter was put off.\" You open another: \"The matter was put off again.\""},
    {{"window"}, "It looks out on the garden, where a standing stone catches the light."},
    {{"workbench", "bench", "desk"}, "Pliers, ink, a half-built exit. The primers are for reading: read building primer, read coding primer."},
    {{"exit", "half-built exit"}, "It leads nowhere yet."}
  };
  override exits = {LIBRARY_WEST};
endobject

object LIBRARY_WEST
  name: "west"
  parent: EXIT
  owner: KEEPER
  readable: true

  override aliases = {"w", "hall"};
  override source = LIBRARY;
  override destination = GREAT_HALL;
  override arrive_message = "%n comes in from the library.";
endobject

object BUILDING_PRIMER
  name: "building primer"
  parent: NOTE
  location: LIBRARY
  owner: KEEPER
  readable: true

  override aliases = {"building"};
  override description = "A thin book with a trowel on the cover.";
  override text = {
    "Building, in ten lines. You need a character for it, not a guest.",
    "1. Go out and down to the lane, which is open ground.",
    "2. @dig east,e|west,w to Potting Shed",
    "3. Type east. You are in a room of your own.",
    "4. @describe here as A small shed that smells of earth.",
    "5. @detail pot,pots as Stacked by size, and one of them hums.",
    "6. @create $thing named blue flower pot",
    "7. @describe pot as It hums, very quietly.",
    "8. drop pot, then look, look pots and look pot.",
    "9. @create $note named seed packet, then @edit packet.text",
    "10. @sethome, and home brings you back. See also: help building"
  };

  method refuses_to_be_taken owner: KEEPER
    return "A fine chain holds it to the bench.";
  endmethod
endobject

object CODING_PRIMER
  name: "coding primer"
  parent: NOTE
  location: LIBRARY
  owner: KEEPER
  readable: true

  override aliases = {"coding", "programming primer"};
  override description = "A thin book with a colon and a semicolon on the cover.";
  override text = {
    "Programming, in ten lines. A wizard has to make you a programmer first.",
    "1. ; 6 * 7 shows 42. ; me.location shows where you are.",
    "2. @create $thing named tin whistle",
    "3. @verb whistle:blow this none none",
    "4. @program whistle:blow",
    "5. player:tell(\"You play three notes.\");",
    "6. player:others_see(player.name, \" plays three notes.\");",
    "7. Then a line with only a dot. Now type: blow whistle",
    "8. @list whistle:blow shows it; @edit whistle:blow changes it.",
    "9. Everything here is made like that: @show $thing, @list $thing:drop",
    "10. @list $room:huh is how the names of exits work. See also: help programming"
  };

  method refuses_to_be_taken owner: KEEPER
    return "A fine chain holds it to the bench.";
  endmethod
endobject

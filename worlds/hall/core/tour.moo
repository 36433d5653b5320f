// The first minute: the porter asks for one small thing at a time, and notices when it is done.
object TOUR
  name: "Tour"
  parent: ROOT
  owner: KEEPER
  readable: true

  property steps (owner: KEEPER, flags: "rc") = {
    {"look", "Welcome in! Let me show you how things work here; it takes a minute. You act by typing. Type: look"},
    {"look at", "That is the place you are in, and what is here. Now look at one thing more closely; at me, if you like. Type: look porter"},
    {"say", "Just so. People hear you when you say something. Type: say hello"},
    {"go", "Pleased to meet you. Ways out are listed last when you look; type one to take it. Type: in"},
    {"look at", "You have found the great hall. Nearly everything that is mentioned can be looked at. Type: look hearth"}
  };
  property ending (owner: KEEPER, flags: "rc") = {
    "The porter says, \"That is all there is to it. There is a bell to ring above, a game in the snug, a riddle in the garden, and something below that wants a light.\"",
    "The porter says, \"Type help for everything you can do, who to see who is about, and chat to talk to them all. Enjoy the hall!\""
  };

  override description = "Teaches newcomers. What I say are my properties.";

  method start owner: KEEPER
    "start(who): begin at the beginning.";
    {who} = args;
    who == player || raise(E_PERM);
    who.tour_step = 1;
    who:tell("A voice beside you speaks up. It is the porter. (Type tour off if you know your way.)");
    this:prompt(who);
  endmethod

  method stop owner: KEEPER
    {who} = args;
    who == player || raise(E_PERM);
    who.tour_step = 0;
    who:tell("The porter nods and leaves you to it. Type tour to begin again, or help.");
  endmethod

  method prompt owner: KEEPER
    "prompt(who): say what to do next.";
    {who} = args;
    step = min(who.tour_step, length(this.steps));
    step && who:tell("The porter says, \"", this.steps[step][2], "\"");
  endmethod

  method notices owner: KEEPER
    "notices(who, deed): somebody did something; if it is what I asked for, go on.";
    {who, deed} = args;
    step = who.tour_step;
    if (!step || step > length(this.steps) || this.steps[step][1] != deed)
      return;
    elseif (step == length(this.steps))
      who.tour_step = 0;
      who:tell_lines(this.ending);
    else
      who.tour_step = step + 1;
      this:prompt(who);
    endif
  endmethod
endobject

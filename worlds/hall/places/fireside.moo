// A small game in real time, for programs and for people at a terminal: sparks fall, and somebody shoots them.
object SHOOTER
  name: "row of stones"
  parent: SCENERY
  location: GREAT_HALL
  owner: KEEPER
  readable: true

  property stones (owner: KEEPER, flags: "r") = 9;
  property height (owner: KEEPER, flags: "r") = 5;
  property burns_allowed (owner: KEEPER, flags: "r") = 5;
  property beats_allowed (owner: KEEPER, flags: "r") = 300;
  property seats_allowed (owner: KEEPER, flags: "r") = 9;
  property seats (owner: KEEPER, flags: "r") = {};
  property sparks (owner: KEEPER, flags: "r") = {};
  property burns (owner: KEEPER, flags: "r") = 0;
  property beat (owner: KEEPER, flags: "r") = 0;
  property beat_at (owner: KEEPER, flags: "r") = 0;
  property timekeeper (owner: KEEPER, flags: "r") = 0;

  override aliases = {"firesideshooter1", "fireside shooter", "shooter", "stones", "sparks"};
  override description = "Nine flat stones before the fire, and a rug that has seen better days. Sparks rise and fall on it; who stands under one may shoot it. Type play stones, then shoot 4 at sparks. Programs can play it from anywhere.";

  verb play (this none none) owner: KEEPER flags: "rd"
    "play <game>: take part";
    this:action(player, []);
    player:tell("You take part. Type shoot, the number of a stone, at sparks: shoot 4 at sparks. To stop: leave stones.");
  endverb

  verb shoot (any at this) owner: KEEPER flags: "rd"
    "shoot <stone> at <game>: step on that stone and shoot at what falls there";
    stone = toint(dobjstr);
    if (stone < 1 || stone > this.stones)
      return player:tell("There are stones 1 to ", this.stones, ".");
    endif
    this:action(player, ["move" -> stone, "shoot" -> 1]);
  endverb

  verb "leave stop" (this none none) owner: KEEPER flags: "rd"
    "leave <game>: stop playing";
    this:action(player, ["leave" -> 1]);
    player:tell("You step back from the fire.");
  endverb

  method action owner: KEEPER
    "action(who, payload): move (\"left\", \"right\" or a stone), then shoot, or leave; an empty one takes part. Returns the state.";
    {who, payload} = args;
    caller in {this, $messenger} || raise(E_PERM);
    typeof(payload) == MAP || raise(E_TYPE, "A payload is an object");
    if (`payload["leave"] ! E_RANGE => 0')
      this:stand_up(who);
      return this:state();
    endif
    seat = this:sit_down(who);
    (move = `payload["move"] ! E_RANGE => 0') && this:move_to(seat, move);
    `payload["shoot"] ! E_RANGE => 0' && this:shoot_from(seat);
    this:keep_going();
    return this:state();
  endmethod

  method sit_down owner: KEEPER
    {who} = args;
    caller == this || raise(E_PERM);
    if (!(seat = $list:row(this.seats, who)))
      length(this.seats) < this.seats_allowed || raise(E_QUOTA, "All seats are taken");
      this.seats || this:begin();
      this.seats = {@this.seats, {who, this.stones / 2 + 1, 0}};
      seat = length(this.seats);
    endif
    return seat;
  endmethod

  method stand_up owner: KEEPER
    {who} = args;
    caller == this || raise(E_PERM);
    (seat = $list:row(this.seats, who)) && (this.seats = listdelete(this.seats, seat));
  endmethod

  method move_to owner: KEEPER
    {seat, move} = args;
    caller == this || raise(E_PERM);
    stone = this.seats[seat][2];
    stone = move == "left" ? stone - 1 | (move == "right" ? stone + 1 | move);
    typeof(stone) == INT || raise(E_INVARG, "A move is left, right or the number of a stone");
    this.seats[seat][2] = max(1, min(this.stones, stone));
  endmethod

  method shoot_from owner: KEEPER
    "shoot_from(seat): the lowest spark over that stone goes out.";
    {seat} = args;
    caller == this || raise(E_PERM);
    {who, stone, score} = this.seats[seat];
    lowest = 0;
    for spark in [1..length(this.sparks)]
      if (this.sparks[spark][1] == stone && (!lowest || this.sparks[spark][2] < this.sparks[lowest][2]))
        lowest = spark;
      endif
    endfor
    if (lowest)
      this.sparks = listdelete(this.sparks, lowest);
      this.seats[seat][3] = score + 1;
      this:tell_all(tostr(who.name, " shoots a spark over stone ", stone, "."));
    endif
  endmethod

  method begin owner: KEEPER
    caller == this || raise(E_PERM);
    this.sparks = {};
    this.burns = this.beat = this.beat_at = 0;
  endmethod

  method keep_going owner: KEEPER
    "Starts a timekeeper where none has been heard of lately; an older one notices, and ends.";
    caller == this || raise(E_PERM);
    if (this.seats && time() - this.beat_at > 3)
      this.beat_at = time();
      fork keeper (1)
        this:keep_time(task_id());
      endfork
      this.timekeeper = keeper;
    endif
  endmethod

  method keep_time owner: KEEPER
    "One beat a second while somebody plays.";
    {keeper} = args;
    caller == this || raise(E_PERM);
    while (this.timekeeper == keeper && this.seats)
      this:pass_beat();
      suspend(1);
    endwhile
  endmethod

  method pass_beat owner: KEEPER
    "Sparks fall by one; those that reach the ground burn the rug, unless somebody stands there.";
    caller == this || raise(E_PERM);
    this.beat = this.beat + 1;
    this.beat_at = time();
    this:forget_the_gone();
    stones = $list:column(this.seats, 2);
    falling = {};
    for spark in (this.sparks)
      if (spark[2] > 1)
        falling = {@falling, {spark[1], spark[2] - 1}};
      elseif (!(spark[1] in stones))
        this.burns = this.burns + 1;
      endif
    endfor
    line = "";
    if (random(2) == 1 && length(falling) < this.stones)
      falling = {@falling, {random(this.stones), this.height}};
      line = tostr("A spark rises over stone ", falling[$][1], ".");
    endif
    this.sparks = falling;
    this:tell_all(line);
    (this.burns >= this.burns_allowed || this.beat >= this.beats_allowed) && this:finish();
  endmethod

  method forget_the_gone owner: KEEPER
    caller == this || raise(E_PERM);
    for seat in (this.seats)
      seat[1] in connected_players() || this:stand_up(seat[1]);
    endfor
  endmethod

  method finish owner: KEEPER
    caller == this || raise(E_PERM);
    scores = {};
    for seat in (this.seats)
      scores = {@scores, tostr(seat[1].name, " ", seat[3])};
    endfor
    why = this.burns >= this.burns_allowed ? "The rug is past saving" | "The fire burns down";
    this:tell_all(tostr(why, ". The game is over: ", $string:and_list(scores), "."), 1);
    this.seats = {};
  endmethod

  method state owner: KEEPER
    "state([over]): everything there is to see, as a message.";
    {?over = 0} = args;
    people = {};
    for seat in (this.seats)
      people = {@people, ["id" -> seat[1].name, "stone" -> seat[2], "score" -> seat[3]]};
    endfor
    return ["type" -> "GameState", "game" -> "firesideshooter1", "beat" -> this.beat, "stones" -> this.stones, "height" -> this.height, "sparks" -> this.sparks, "players" -> people, "burns" -> this.burns, "burns_allowed" -> this.burns_allowed, "over" -> over];
  endmethod

  method tell_all owner: KEEPER
    "tell_all(line [, over]): the state for programs, the line for terminals, to everybody who plays.";
    {line, ?over = 0} = args;
    caller == this || raise(E_PERM);
    state = this:state(over);
    for seat in (this.seats)
      `seat[1]:tell_typed(state, @(line ? {line} | {})) ! ANY';
    endfor
  endmethod
endobject

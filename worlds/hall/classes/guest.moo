// A passing visitor. Nothing of a guest stays behind.
object GUEST
  name: "Guest class"
  parent: PLAYER
  owner: KEEPER
  readable: true

  property promised_until (owner: OPERATOR, flags: "r") = 0;

  override farewell = "Goodbye. Come back soon, perhaps with a name of your own.";
  override description = "A passing guest, still looking around.";

  method wake owner: OPERATOR
    "The visitor to whom I was promised is here.";
    caller == #0 || raise(E_PERM);
    this.promised_until = 0;
    pass(@args);
  endmethod

  method sleep owner: OPERATOR
    "Leave everything here and become a fresh guest for the next visitor, unless that one has come already.";
    caller in {#0, $login} || raise(E_PERM);
    if (this in connected_players() || this.promised_until >= time())
      return;
    endif
    end_sessions(this);
    left = this.channels;
    for property in ({"description", "aliases", "home", "last_place", "tour_step", "channels", "last_seen"})
      clear_property(this, property);
    endfor
    for channel in (left)
      valid(channel) && `channel:close_if_empty() ! ANY';
    endfor
    this:put_down();
    this:fade();
  endmethod

  method put_down owner: OPERATOR
    "Let go of everything at once. It lies here as soon as the place has taken it, and then goes where it belongs.";
    caller == this || raise(E_PERM);
    if (!(things = this.contents))
      return;
    endif
    place = valid(this.location) ? this.location | $start;
    for thing in (things)
      move(thing, #-1);
    endfor
    fork (0)
      for thing in (things)
        `move(thing, valid(place) ? place | $start) ! ANY';
      endfor
      for thing in (things)
        is_player(thing) || `thing:go_home() ! ANY';
      endfor
    endfork
  endmethod
endobject

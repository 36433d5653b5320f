// A way from one room to another. Its name and aliases are what people type to take it.
object EXIT
  name: "Exit"
  parent: ROOT
  owner: KEEPER
  fertile: true
  readable: true

  property source (owner: KEEPER, flags: "rc") = #-1;
  property destination (owner: KEEPER, flags: "rc") = #-1;
  property leave_message (owner: KEEPER, flags: "rc") = "%n goes %d.";
  property arrive_message (owner: KEEPER, flags: "rc") = "%n comes in.";

  method title owner: KEEPER
    "\"north to the Library\"";
    return tostr(this.name, " to ", valid(this.destination) ? this.destination:the() | "nowhere yet");
  endmethod

  method the owner: KEEPER
    return "the way " + this.name;
  endmethod

  method look_self owner: KEEPER
    "Show where I lead.";
    {viewer} = args;
    where = valid(this.destination) ? this.destination:the() | "nowhere yet";
    viewer:tell_lines(this:describe() || {tostr($string:capital(this.name), " leads to ", where, ".")});
  endmethod

  method refuses_passage_to owner: KEEPER
    "refuses_passage_to(who): the reason why who may not pass, or \"\". Override me to make a lock.";
    return valid(this.destination) ? "" | "That way leads nowhere yet.";
  endmethod

  method invoke owner: KEEPER
    "invoke(who): take who, who must be the one acting, through me.";
    {who} = args;
    who == player || raise(E_PERM);
    if (refusal = this:refuses_passage_to(who))
      return who:tell(refusal);
    endif
    marks = {{"%n", who.name}, {"%d", this.name}};
    if (who:travel(this.destination, $string:fill(this.leave_message, marks), $string:fill(this.arrive_message, marks)))
      $tour:notices(who, "go");
    endif
  endmethod

  method recycle owner: KEEPER
    "The room I leave from forgets me.";
    this:is_controlled_by(caller_perms()) || raise(E_PERM);
    valid(this.source) && this.source:forget_exit(this);
  endmethod
endobject

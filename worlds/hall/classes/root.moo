// What everything in this world has: a description, other names, and a way to move.
// Commands (things people type) are verbs without the x bit, so no program can call them in
// somebody else's name; methods (things programs call) are (this none this) with the x bit.
object ROOT
  name: "Root class"
  owner: KEEPER
  fertile: true
  readable: true

  property description (owner: KEEPER, flags: "rc") = "";
  property aliases (owner: KEEPER, flags: "rc") = {};
  property article (owner: KEEPER, flags: "rc") = "";

  method title owner: KEEPER
    "What to call me when I am mentioned: \"a brass lantern\", \"Anna\".";
    return this.article ? tostr(this.article, " ", this.name) | this.name;
  endmethod

  method the owner: KEEPER
    "What to call me once I am known: \"the brass lantern\", \"Anna\".";
    return this.article ? "the " + this.name | this.name;
  endmethod

  method label owner: KEEPER
    "My name and number, for builders.";
    return tostr(this.name || "(nameless)", " (", this, ")");
  endmethod

  method describe owner: KEEPER
    "My description as a list of lines.";
    return $string:lines(this.description);
  endmethod

  method look_self owner: KEEPER
    "Show me to somebody who looks at me.";
    {viewer} = args;
    viewer:tell_lines(this:describe() || {tostr("You see nothing special about ", this:the(), ".")});
  endmethod

  method look_inside owner: KEEPER
    {viewer} = args;
    viewer:tell("You cannot look inside ", this:the(), ".");
  endmethod

  method is_called owner: KEEPER
    "is_called(text): true if that is my name or one of my aliases.";
    {text} = args;
    return text == this.name || text in this.aliases;
  endmethod

  method could_be_called owner: KEEPER
    "could_be_called(text): true if my name or one of my aliases begins like that.";
    {text} = args;
    for name in ({this.name, @this.aliases})
      if ($string:starts_with(name, text))
        return 1;
      endif
    endfor
    return 0;
  endmethod

  method is_controlled_by owner: KEEPER
    "is_controlled_by(who): true if who may change me.";
    {who} = args;
    return valid(who) && (who == this.owner || who.wizard);
  endmethod

  method is_a owner: KEEPER
    "is_a(class): true if class is me or one of my ancestors.";
    {class} = args;
    object = this;
    while (valid(object))
      if (object == class)
        return 1;
      endif
      object = parent(object);
    endwhile
    return 0;
  endmethod

  method may_be_moved_by owner: KEEPER
    "may_be_moved_by(who): those who control me, this world's own code, and whatever I act on myself.";
    {who} = args;
    return this == player || who == $keeper || this:is_controlled_by(who);
  endmethod

  method moveto owner: OPERATOR
    "Move me with the rights of my owner, so that the place may refuse.";
    {where} = args;
    this:may_be_moved_by(caller_perms()) || raise(E_PERM);
    set_task_perms(this.owner);
    return move(this, where);
  endmethod

  method accept owner: KEEPER
    "accept(what): true if what may be moved into me.";
    return 0;
  endmethod

  method gives_light owner: KEEPER
    "True for what lights up a dark place.";
    return 0;
  endmethod

  method "tell tell_lines hears announce announce_all_but" owner: KEEPER
    "Most objects have no ears, and nobody inside who has.";
  endmethod
endobject

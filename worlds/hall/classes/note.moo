// A thing with words on it. Whoever controls it writes with @edit <note>.text.
object NOTE
  name: "Note"
  parent: THING
  owner: KEEPER
  fertile: true
  readable: true

  property text (owner: KEEPER, flags: "rc") = {};

  verb read (this none none) owner: KEEPER flags: "rd"
    "read <note>";
    player:tell_lines($string:lines(this.text) || {tostr("There is nothing written on ", this:the(), ".")});
    player:others_see(player.name, " reads ", this:the(), ".");
  endverb

  verb write (any on this) owner: OPERATOR flags: "rd"
    "write <text> on <note>: add a line to a note of yours.";
    set_task_perms(player);
    lines = $string:lines(this.text);
    if (!this:is_controlled_by(player))
      player:tell("You may only write on notes of your own.");
    elseif (length(lines) >= $limits.text_lines || length(dobjstr) > $limits.line_length)
      player:tell("There is no room for that on ", this:the(), ".");
    else
      this.text = {@lines, dobjstr};
      player:tell("You add a line to ", this:the(), ".");
    endif
  endverb

  verb erase (this none none) owner: OPERATOR flags: "rd"
    "erase <note>: remove all text from a note of yours.";
    set_task_perms(player);
    if (this:is_controlled_by(player))
      this.text = {};
      player:tell("You wipe ", this:the(), " clean.");
    else
      player:tell("You may only erase notes of your own.");
    endif
  endverb
endobject

// A line editor for texts and verbs. A draft is {object, "property" or "verb", name, lines,
// saved}; it is kept on the builder after every command, so that a dropped line loses nothing.
object EDITOR
  name: "Line editor"
  parent: ROOT
  owner: OPERATOR
  readable: true

  property help_text (owner: OPERATOR, flags: "r") = {
    "list, or list 3, or list 3 7: show lines.",
    "add: type lines to go at the end, then a dot. insert 3: the same, before line 3.",
    "replace 3 TEXT: put TEXT in place of line 3.",
    "change 3 OLD => NEW: change part of line 3.",
    "delete 3, or delete 3 7: remove lines.",
    "save: store the text. quit: leave; what is not saved waits for @edit. discard: leave and forget it."
  };

  override description = "Edits texts and verbs, one line at a time.";

  method open owner: OPERATOR
    "open(who, reference): begin a draft; 0 and who is told if that cannot be edited.";
    {who, reference} = args;
    caller == who || raise(E_PERM);
    kind = index(reference, ":") ? "verb" | "property";
    {thing, name} = who:find_part(reference, kind == "verb" ? ":" | ".");
    if (!valid(thing))
      return 0;
    endif
    try
      who.draft = {thing, kind, name, this:(kind + "_text")(who, thing, name), 1};
      return 1;
    except error (E_PERM, E_PROPNF, E_VERBNF, E_TYPE)
      who:tell(error[2], ".");
      return 0;
    endtry
  endmethod

  method open_on_page owner: OPERATOR
    "open_on_page(who, reference): true if who is at a page with an editor of its own, which shows it instead of this one.";
    {who, reference} = args;
    caller == who || raise(E_PERM);
    if (!who.programmer || !({"editor", 1} in connection_attributes(who)))
      return 0;
    endif
    mark = index(reference, ":") ? ":" | ".";
    {thing, name} = who:find_part(reference, mark);
    valid(thing) && present(who, "edit", "text/plain", "editor", tostr(thing, mark, name));
    return 1;
  endmethod

  method property_text owner: OPERATOR
    {who, thing, name} = args;
    caller == this || raise(E_PERM);
    set_task_perms(who);
    lines = $string:lines(value = thing.(name));
    (value == "" || lines == value || lines == {value}) || raise(E_TYPE, "That is not a text; see help @set");
    return lines;
  endmethod

  method verb_text owner: OPERATOR
    {who, thing, name} = args;
    caller == this || raise(E_PERM);
    set_task_perms(who);
    who.programmer || raise(E_PERM);
    return verb_code(thing, name);
  endmethod

  method run owner: OPERATOR
    "run(who): take the lines who types as commands, until one of them leaves.";
    {who} = args;
    caller == who || raise(E_PERM);
    if (!who.draft)
      return who:tell("There is nothing to go on with. Try: @edit note.text");
    endif
    who:tell("You are editing ", this:draft_label(who), ", ", $string:count(length(who.draft[4]), "line"), ". Type help for the commands.");
    editing = 1;
    while (editing)
      {command, rest} = $string:cut(who:ask_line(), {" "});
      if (command in {"list", "add", "insert", "replace", "change", "delete", "save", "help"})
        this:("do_" + command)(who, rest);
      elseif (command in {"quit", "discard"})
        editing = 0;
        (command == "discard" || who.draft[5]) && (who.draft = {});
        who:tell("You stop editing.");
      elseif (command)
        who:tell("The editor knows: list, add, insert, replace, change, delete, save, quit, discard, help.");
      endif
    endwhile
  endmethod

  method draft_label owner: OPERATOR
    {who} = args;
    caller == this || raise(E_PERM);
    {thing, kind, name, lines, saved} = who.draft;
    return tostr(valid(thing) ? thing:label() | thing, kind == "verb" ? ":" | ".", name);
  endmethod

  // Commands

  method do_help owner: OPERATOR
    args[1]:tell_lines(this.help_text);
  endmethod

  method do_list owner: OPERATOR
    {who, text} = args;
    caller == this || raise(E_PERM);
    lines = who.draft[4];
    {first, last} = this:range(who, text || tostr("1 ", length(lines)));
    for number in [first..last]
      who:tell(number, ": ", lines[number]);
    endfor
    lines || who:tell("There are no lines yet.");
  endmethod

  method do_add owner: OPERATOR
    {who, text} = args;
    caller == this || raise(E_PERM);
    this:insert_at(who, length(who.draft[4]) + 1);
  endmethod

  method do_insert owner: OPERATOR
    {who, text} = args;
    caller == this || raise(E_PERM);
    {first, last} = this:range(who, text);
    first <= last && this:insert_at(who, first);
  endmethod

  method do_replace owner: OPERATOR
    {who, text} = args;
    caller == this || raise(E_PERM);
    {place, new} = $string:cut(text, {" "});
    {first, last} = this:range(who, place);
    first <= last && this:put_lines(who, first, last, {new});
  endmethod

  method do_change owner: OPERATOR
    {who, text} = args;
    caller == this || raise(E_PERM);
    {place, rest} = $string:cut(text, {" "});
    parts = $string:cut(rest, {"=>"});
    {first, last} = this:range(who, place);
    if (first > last)
      return;
    elseif (!parts || !parts[1])
      return who:tell("Try: change 3 old words => new words");
    elseif (!index(line = who.draft[4][first], parts[1], 1))
      return who:tell("Line ", first, " does not have that.");
    endif
    this:put_lines(who, first, first, {strsub(line, parts[1], parts[2], 1)});
  endmethod

  method do_delete owner: OPERATOR
    {who, text} = args;
    caller == this || raise(E_PERM);
    {first, last} = this:range(who, text);
    first <= last && this:put_lines(who, first, last, {});
  endmethod

  method do_save owner: OPERATOR
    {who, text} = args;
    caller == this || raise(E_PERM);
    {thing, kind, name, lines, saved} = who.draft;
    try
      problems = this:("store_" + kind)(who, thing, name, lines);
      problems || (who.draft = {thing, kind, name, lines, 1});
      who:tell_lines(problems || {"Saved."});
    except error (ANY)
      who:tell("That could not be saved: ", error[2], ".");
    endtry
  endmethod

  // Parts of commands

  method range owner: OPERATOR
    "range(who, \"3\" or \"3 7\"): {first, last}; {1, 0} and who is told if there are no such lines.";
    {who, text} = args;
    caller == this || raise(E_PERM);
    words = $string:words(text);
    first = words ? toint(words[1]) | 0;
    last = length(words) > 1 ? toint(words[2]) | first;
    if (first < 1 || last < first || last > length(who.draft[4]))
      text == "1 0" || who:tell("Lines go from 1 to ", length(who.draft[4]), ".");
      return {1, 0};
    endif
    return {first, last};
  endmethod

  method insert_at owner: OPERATOR
    {who, place} = args;
    caller == this || raise(E_PERM);
    who:tell("Type lines, then a dot on a line of its own.");
    lines = who:ask_lines($limits.code_lines, $limits.code_line_length);
    lines && this:put_lines(who, place, place - 1, lines);
  endmethod

  method put_lines owner: OPERATOR
    "put_lines(who, first, last, new): replace those lines of the draft, within the bounds of its kind.";
    {who, first, last, new} = args;
    caller == this || raise(E_PERM);
    {thing, kind, name, lines, saved} = who.draft;
    lines = {@lines[1..first - 1], @new, @lines[last + 1..$]};
    {most, longest} = kind == "verb" ? {$limits.code_lines, $limits.code_line_length} | {$limits.text_lines, $limits.line_length};
    if (length(lines) > most)
      return who:tell("That would be too long: at most ", most, " lines.");
    endif
    for line in (new)
      if (length(line) > longest)
        return who:tell("A line may have at most ", longest, " characters.");
      endif
    endfor
    who.draft = {thing, kind, name, lines, 0};
    who:tell("The text has ", $string:count(length(lines), "line"), " now.");
  endmethod

  method store_property owner: OPERATOR
    "A text of one line is stored as that line, so that descriptions stay simple.";
    {who, thing, name, lines} = args;
    caller == this || raise(E_PERM);
    set_task_perms(who);
    was_string = typeof(thing.(name)) == STR;
    thing.(name) = was_string && length(lines) < 2 ? {@lines, ""}[1] | lines;
    return {};
  endmethod

  method store_verb owner: OPERATOR
    {who, thing, name, lines} = args;
    caller == this || raise(E_PERM);
    set_task_perms(who);
    return set_verb_code(thing, name, lines);
  endmethod
endobject

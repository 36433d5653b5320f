// A small kit for text.
object STRING_KIT
  name: "String kit"
  parent: ROOT
  owner: KEEPER
  readable: true

  override description = "Methods for text. Call them as $string:name(...).";

  method trim owner: KEEPER
    "trim(text): text without the spaces at either end.";
    {text} = args;
    m = match(text, "[^ ]%(.*[^ ]%)?");
    return m ? text[m[1]..m[2]] | "";
  endmethod

  method words owner: KEEPER
    "words(text): the list of what stands between spaces.";
    {text} = args;
    found = {};
    while (m = match(text, "[^ ]+"))
      found = {@found, text[m[1]..m[2]]};
      text = text[m[2] + 1..$];
    endwhile
    return found;
  endmethod

  method split owner: KEEPER
    "split(text, separator): the trimmed pieces between separators, empty ones left out.";
    {text, separator} = args;
    pieces = {};
    text = text + separator;
    while (at = index(text, separator))
      piece = this:trim(text[1..at - 1]);
      piece && (pieces = {@pieces, piece});
      text = text[at + length(separator)..$];
    endwhile
    return pieces;
  endmethod

  method cut owner: KEEPER
    "cut(text, {separators}): {before, after} at the first separator found, both trimmed, or {} if there is none.";
    {text, separators} = args;
    text = text + " ";
    first = 0;
    for separator in (separators)
      at = index(text, separator);
      if (at && (!first || at < first))
        first = at;
        chosen = separator;
      endif
    endfor
    return first ? {this:trim(text[1..first - 1]), this:trim(text[first + length(chosen)..$])} | {};
  endmethod

  method starts_with owner: KEEPER
    "starts_with(text, beginning): true if it does, whatever the case of the letters.";
    {text, beginning} = args;
    return length(text) >= length(beginning) && text[1..length(beginning)] == beginning;
  endmethod

  method is_line owner: KEEPER
    "is_line(text): true if it has no control characters but tabs, so that a terminal shows it as one line.";
    {text} = args;
    return !match(encode_binary(text), "~%(0[0-8A-F]%|1%)");
  endmethod

  method clip owner: KEEPER
    "clip(text, length): text, cut short with a sign of it if it is longer.";
    {text, most} = args;
    return length(text) > most ? text[1..most - 3] + "..." | text;
  endmethod

  method capital owner: KEEPER
    "capital(text): text with its first letter in upper case.";
    {text} = args;
    at = text ? index("abcdefghijklmnopqrstuvwxyz", text[1], 1) | 0;
    return at ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at] + text[2..$] | text;
  endmethod

  method and_list owner: KEEPER
    "and_list({\"a\", \"b\", \"c\"} [, word [, none]]): \"a, b and c\".";
    {items, ?word = "and", ?none = "nothing"} = args;
    if (!items)
      return none;
    endif
    text = items[1];
    for i in [2..length(items)]
      text = tostr(text, i == length(items) ? " " + word + " " | ", ", items[i]);
    endfor
    return text;
  endmethod

  method count owner: KEEPER
    "count(number, \"pebble\" [, \"pebbles\"]): \"1 pebble\" or \"2 pebbles\".";
    {number, one, ?many = tostr(one, "s")} = args;
    return tostr(number, " ", number == 1 ? one | many);
  endmethod

  method duration owner: KEEPER
    "duration(seconds): the time in words, in its largest unit.";
    {seconds} = args;
    for unit in ({{86400, "day"}, {3600, "hour"}, {60, "minute"}})
      if (seconds >= unit[1])
        return this:count(seconds / unit[1], unit[2]);
      endif
    endfor
    return this:count(seconds, "second");
  endmethod

  method fill owner: KEEPER
    "fill(template, {{\"%n\", text}, ...}): the template with each mark replaced, in order.";
    {text, marks} = args;
    for mark in (marks)
      text = strsub(text, mark[1], mark[2]);
    endfor
    return text;
  endmethod

  method to_value owner: KEEPER
    "to_value(text): a number or an object if the text looks like one, else the text without its outer quotes.";
    {text} = args;
    if (match(text, "^-?[0-9]+$"))
      return toint(text);
    elseif (match(text, "^#-?[0-9]+$"))
      return toobj(text);
    elseif (match(text, "^-?[0-9]+%.[0-9]+$"))
      return tofloat(text);
    endif
    return this:unquoted(text);
  endmethod

  method unquoted owner: KEEPER
    "unquoted(text): the trimmed text, without quotes if it stands in them.";
    text = this:trim(args[1]);
    return length(text) > 1 && text[1] == "\"" && text[$] == "\"" ? text[2..$ - 1] | text;
  endmethod

  method lines owner: KEEPER
    "lines(value): a text property as a list of lines; anything that is not text becomes a literal.";
    {value} = args;
    if (typeof(value) == STR)
      return value ? {value} | {};
    elseif (typeof(value) != LIST)
      return {toliteral(value)};
    endif
    lines = {};
    for line in (value)
      lines = {@lines, typeof(line) == STR ? line | toliteral(line)};
    endfor
    return lines;
  endmethod
endobject

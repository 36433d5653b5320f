// A small kit for lists.
object LIST_KIT
  name: "List kit"
  parent: ROOT
  owner: KEEPER
  readable: true

  override description = "Methods for lists. Call them as $list:name(...).";

  method row owner: KEEPER
    "row(rows, key [, column]): the place of the first row that has key in that column, or 0.";
    {rows, key, ?column = 1} = args;
    for i in [1..length(rows)]
      if (rows[i][column] == key)
        return i;
      endif
    endfor
    return 0;
  endmethod

  method column owner: KEEPER
    "column(rows, number): one column of a table, as a list.";
    {rows, number} = args;
    found = {};
    for row in (rows)
      found = {@found, row[number]};
    endfor
    return found;
  endmethod

  method titles owner: KEEPER
    "titles(objects): what each calls itself, ready for $string:and_list().";
    {objects} = args;
    found = {};
    for object in (objects)
      found = {@found, `object:title() ! ANY => object.name'};
    endfor
    return found;
  endmethod

  method last owner: KEEPER
    "last(list, number): at most that many elements from the end.";
    {list, number} = args;
    return list[max(1, length(list) - number + 1)..$];
  endmethod

  method without owner: KEEPER
    "without(list, unwanted): the elements that are not in unwanted.";
    {list, unwanted} = args;
    for item in (unwanted)
      list = setremove(list, item);
    endfor
    return list;
  endmethod

  method words_for owner: KEEPER
    "words_for({{truth, word}, ...}): the words whose truth is true.";
    {rows} = args;
    found = {};
    for row in (rows)
      row[1] && (found = {@found, row[2]});
    endfor
    return found;
  endmethod
endobject

/* Each kind of node once, small. */
{first, ?second = 2, @rest} = args;
if (first in rest && !second)
  return `this:act(@rest)[1..$] ! E_PERM, @codes => -first';
endif
fork task (5)
  $note.text = "done" || #12;
endfork
for value, key in ([1 -> {}, key -> ["x" -> value[^]]])
  continue key;
endfor

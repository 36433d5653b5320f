x = = 1;
if (x = )
  y = no_such_function(1);
  break;
elseif z)
	foo(;);
endif
while (1) fork (2) continue; endfork endwhile
return $ + "unfinished;
{} = 5; 1 = 2;
{a, b.c} = {@d, @e} = x;
try except (ANY) except (E_PERM) endtry
x = [1 -> 2, 3];
for i in (list
  é = 1;
endwhile

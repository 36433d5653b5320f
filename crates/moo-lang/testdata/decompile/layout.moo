/* Every kind of statement, crowded together. */
IF(A)b;ELSEIF(c)d;else e;endif
for X in(many)continue x;endfor for x in[1..length(many)-1]break;endfor
try a;except e(E_PERM,@c)b;except(any)endtry
try a;/* on the way */finally b;endtry
fork(5)a;endfork fork id(n)if(n)while name(c)break NAME;endwhile endif endfork
return;return(a);

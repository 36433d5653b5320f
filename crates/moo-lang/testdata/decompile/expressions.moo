x = ((a+b)*c)-d; x = a-(b-c); x = (b^c)^d; x = b^(c^d); x = (a&&b)||c; x = a||(b||c);
x = (b=c)+1; x = !!y; x = -b^c; x = -(b^c); x = !b in c; x = 2^(-5);
raw ? line | (("return " + line) + ";");
x[$/2..$] = {1,@y,{}}[(1)]; #0.("x") = #0:("y z")(#0.("if"));
(5).foo + (b+c).foo + (-b).foo + -(b.foo);
`a.b!E_PERM,@c=>d'; `(b = c) ! any';
{a,?b,?c=1+2,@d} = {1e10,.5,5.,1e100,1.0e15,- 5,123456789.123456789};
Unknown(a, @b);
m = [];m=["a"->1,b+c->(d=e),f->g?h|i]; m[^+1..$-2^^]=[k->v][k]; for v,k in(m)break k;endfor for x in("abc")endfor

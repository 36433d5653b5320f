// Requests from the web: which object answers which path under /v1/hooks/.
object HOOKS
  name: "Hooks"
  parent: ROOT
  owner: KEEPER
  readable: true

  property routes (owner: OPERATOR, flags: "r") = [];

  override description = "Answers requests from the web. A wizard says which object answers a path: ;$hooks:route(\"weather\", #123)";

  method route owner: OPERATOR
    "route(path, object): object:hook(method, path, query, headers, body) answers the path; $nothing takes it away.";
    {path, object} = args;
    caller_perms().wizard || raise(E_PERM);
    valid(object) || object == $nothing || raise(E_INVARG);
    if (valid(object))
      length(this.routes) < $limits.parts_of_object || raise(E_QUOTA);
      this.routes[path] = object;
    else
      this.routes = `mapdelete(this.routes, path) ! E_RANGE => this.routes';
    endif
  endmethod

  method answer owner: OPERATOR
    "answer(method, path, query, headers, body): what the object of that path says, with the rights of its owner.";
    {method, path, query, headers, body} = args;
    caller == #0 || raise(E_PERM);
    object = `this.routes[path] ! E_RANGE => $nothing';
    if (!valid(object))
      return ["status" -> 404, "headers" -> [], "body" -> "Nothing here answers to that."];
    endif
    set_task_perms(object.owner);
    return object:hook(@args);
  endmethod
endobject

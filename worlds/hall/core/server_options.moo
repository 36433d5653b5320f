// What the server reads to know how much a task may use. After a change: ;load_server_options()
object SERVER_OPTIONS
  name: "Server options"
  parent: ROOT
  owner: OPERATOR
  readable: true

  property fg_ticks (owner: OPERATOR, flags: "r") = 60000;
  property bg_ticks (owner: OPERATOR, flags: "r") = 30000;
  property fg_seconds (owner: OPERATOR, flags: "r") = 5;
  property bg_seconds (owner: OPERATOR, flags: "r") = 3;
  property max_stack_depth (owner: OPERATOR, flags: "r") = 50;
  property queued_task_limit (owner: OPERATOR, flags: "r") = 200;
  property connect_timeout (owner: OPERATOR, flags: "r") = 300;
  property max_string_concat (owner: OPERATOR, flags: "r") = 1000000;
  property max_list_concat (owner: OPERATOR, flags: "r") = 100000;
  property max_concat_catchable (owner: OPERATOR, flags: "r") = 1;
  property protect_create (owner: OPERATOR, flags: "r") = 1;
  property protect_recycle (owner: OPERATOR, flags: "r") = 1;

  override description = "The server's settings, described in the operator's handbook.";
endobject

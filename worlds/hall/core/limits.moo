// Every bound of this world by name, so that an operator finds them in one place.
// Lengths count characters.
object LIMITS
  name: "Limits"
  parent: ROOT
  owner: OPERATOR
  readable: true

  property name_length (owner: OPERATOR, flags: "r") = 40;
  property player_name_length (owner: OPERATOR, flags: "r") = 20;
  property names (owner: OPERATOR, flags: "r") = 10;
  property description_length (owner: OPERATOR, flags: "r") = 4000;
  property self_description_length (owner: OPERATOR, flags: "r") = 1000;
  property speech_length (owner: OPERATOR, flags: "r") = 1000;
  property carried_things (owner: OPERATOR, flags: "r") = 30;
  property room_contents (owner: OPERATOR, flags: "r") = 200;
  property room_exits (owner: OPERATOR, flags: "r") = 40;
  property room_details (owner: OPERATOR, flags: "r") = 30;
  property container_contents (owner: OPERATOR, flags: "r") = 20;
  property text_lines (owner: OPERATOR, flags: "r") = 60;
  property line_length (owner: OPERATOR, flags: "r") = 300;
  property code_lines (owner: OPERATOR, flags: "r") = 1000;
  property code_line_length (owner: OPERATOR, flags: "r") = 2000;
  property parts_of_object (owner: OPERATOR, flags: "r") = 40;
  property book_entries (owner: OPERATOR, flags: "r") = 50;
  property book_entry_length (owner: OPERATOR, flags: "r") = 200;
  property channel_memory (owner: OPERATOR, flags: "r") = 20;
  property channels (owner: OPERATOR, flags: "r") = 100;
  property channels_joined (owner: OPERATOR, flags: "r") = 20;
  property channel_name_length (owner: OPERATOR, flags: "r") = 20;
  property seconds_between_globals (owner: OPERATOR, flags: "r") = 5;
  property people_listed (owner: OPERATOR, flags: "r") = 200;
  property guests (owner: OPERATOR, flags: "r") = 10;
  property characters (owner: OPERATOR, flags: "r") = 2000;
  property characters_an_hour (owner: OPERATOR, flags: "r") = 60;
  property login_failures (owner: OPERATOR, flags: "r") = 5;
  property password_length (owner: OPERATOR, flags: "r") = 200;
  property new_character_quota (owner: OPERATOR, flags: "r") = 20;

  override description = "The bounds of this world. A wizard changes one with @set $limits.name to number.";
endobject

// dialect: lambda
//
// Names for the objects of the built-in world. They hold in every file of this directory,
// outside verb bodies; inside verb bodies the same objects are reached through $names.

// The system, and those who own what stands here.
define SYSTEM = #0;
define ROOT = #1;
define OPERATOR = #2;
define KEEPER = #3;

// Classes.
define ROOM = #4;
define EXIT = #5;
define THING = #6;
define SCENERY = #7;
define CONTAINER = #8;
define NOTE = #9;
define PLAYER = #10;
define GUEST = #11;
define BUILDER = #12;
define PROGRAMMER = #13;
define WIZARD = #14;
define CHANNEL = #15;
define GAME = #16;

// Services: one object each.
define TOUR = #17;
define HELP = #18;
define LOGIN = #19;
define PEOPLE = #20;
define EDITOR = #21;
define STRING_KIT = #22;
define LIST_KIT = #23;
define LIMITS = #24;
define SERVER_OPTIONS = #25;
define CHAT = #26;
define MESSENGER = #27;
define HOOKS = #28;
define JOBS = #29;

// Places.
define PORCH = #30;
define GREAT_HALL = #31;
define GALLERY = #32;
define BELL_TOWER = #33;
define LIBRARY = #34;
define GARDEN = #35;
define UNDERCROFT = #36;
define SNUG = #37;
define LANE = #38;

// Exits, named for where they start and which way they lead.
define PORCH_IN = #40;
define PORCH_SOUTH = #41;
define HALL_OUT = #42;
define HALL_UP = #43;
define HALL_EAST = #44;
define HALL_NORTH = #45;
define HALL_DOWN = #46;
define HALL_WEST = #47;
define GALLERY_DOWN = #48;
define GALLERY_UP = #49;
define TOWER_DOWN = #50;
define LIBRARY_WEST = #51;
define GARDEN_SOUTH = #52;
define UNDERCROFT_UP = #53;
define SNUG_EAST = #54;
define LANE_NORTH = #55;

// Things to find.
define PORTER = #60;
define LANTERN = #61;
define VISITORS_BOOK = #62;
define HEARTH = #63;
define CHEST = #64;
define CHARTER = #65;
define BELL = #66;
define ESTUARY = #67;
define BUILDING_PRIMER = #68;
define CODING_PRIMER = #69;
define SUNDIAL = #70;
define RIDDLE_STONE = #71;
define PEBBLES = #72;
define SHOOTER = #73;

// Something that stays where it is.
object SCENERY
  name: "Scenery"
  parent: ROOT
  owner: KEEPER
  fertile: true
  readable: true

  override article = "a";

  verb "get take" (this none none) owner: KEEPER flags: "rd"
    player:tell($string:capital(this:the()), " stays where it is.");
  endverb
endobject

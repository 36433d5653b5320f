// The two who own what is built in. What needs no power belongs to the Keeper, who has none:
// its verbs may write the properties it owns and nothing else. What needs power belongs to Wizard.
object KEEPER
  name: "Keeper"
  parent: ROOT
  owner: OPERATOR
  readable: true

  override description = "Owns the hall and looks after it. Nobody can connect as the Keeper.";
endobject

object OPERATOR
  name: "Wizard"
  parent: WIZARD
  owner: OPERATOR
  player: true
  wizard: true
  programmer: true

  override description = "The one who runs this world.";
endobject

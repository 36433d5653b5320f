// How somebody wants in.

/** By name and password, as a new character, or as a guest. */
export type Entrance =
  | { readonly by: "login" | "create"; readonly name: string; readonly password: string }
  | { readonly by: "guest" };

// Reading JSON that somebody else wrote.
//
// Invariant: whatever is there, the answer has the type that was asked for; what is missing or of another type is empty.

/** An object of JSON whose fields have not been looked at. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether it is an object, and no list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a text holds. */
export function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A field that is an object. */
export function fieldsIn(from: Fields, name: string): Fields {
  const value = from[name];
  return isFields(value) ? value : {};
}

/** A field that is a list. */
export function listIn(from: Fields, name: string): readonly unknown[] {
  const value = from[name];
  return Array.isArray(value) ? value : [];
}

/** The objects in a field that is a list. */
export function objectsIn(from: Fields, name: string): readonly Fields[] {
  return listIn(from, name).filter(isFields);
}

/** The strings in a field that is a list. */
export function stringsIn(from: Fields, name: string): readonly string[] {
  return listIn(from, name).filter((item) => typeof item === "string");
}

/** A field that is text. */
export function textIn(from: Fields, name: string): string {
  const value = from[name];
  return typeof value === "string" ? value : "";
}

/** A field that is a number. */
export function numberIn(from: Fields, name: string): number | undefined {
  const value = from[name];
  return typeof value === "number" ? value : undefined;
}

/** A field that names an object of the world: `"#97"`, or the value `{"$object":"#97"}`. */
export function objectIn(from: Fields, name: string): string {
  return textIn(from, name) || textIn(fieldsIn(from, name), "$object");
}

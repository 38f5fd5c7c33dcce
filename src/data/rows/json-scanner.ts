/** What is expected next, outside of a value. */
type Place = "document" | "element" | "key" | "colon" | "value" | "end";

/**
 * Cuts a JSON document into the texts of its rows, from pieces of any length: only the row being read is held. Finds
 * where a value ends by its brackets and quotes; whether it is JSON inside is for who parses it.
 */
export class JsonScanner {
  /** What stands where something else must: no row comes behind it. */
  surprise: { got: string; expected: string } | undefined;

  #buffer = "";
  /** Where the value being read begins, and how far it is read. */
  #begin = 0;
  #at = 0;
  #place: Place = "document";
  /** Whether the array being read is an object's value. */
  #nested = false;
  #key = "";
  /** Values of the document's own object that are no rows. */
  readonly #fields: string[] = [];
  /** The value being read, as far as it is. */
  #value: { kind: string; depth: number; quoted: boolean; escaped: boolean } | undefined;

  /** Takes the document's next piece. Gives the rows that it completes. */
  *push(piece: string): Generator<string> {
    this.#buffer = this.#buffer.slice(this.#begin) + piece;
    this.#at -= this.#begin;
    this.#begin = 0;
    while (this.surprise === undefined) {
      if (this.#value) {
        const { kind } = this.#value;
        if (!this.#readValue()) return;
        const row = this.#take(this.#buffer.slice(this.#begin, this.#at), kind);
        this.#begin = this.#at;
        if (row !== undefined) yield row;
      } else {
        this.#begin = this.#at = this.#nextCharacter(this.#at);
        if (this.#at === this.#buffer.length || !this.#enter(this.#buffer[this.#at])) return;
      }
    }
  }

  /** The text of the row that the document's end cut off, "" where it was cut between rows; undefined where it is whole. */
  unfinished(): string | undefined {
    const whole = this.#place === "end" || (this.#place === "document" && !this.#value);
    return whole ? undefined : this.#buffer.slice(this.#begin);
  }

  /** The document itself, where it is an object of plain fields. */
  fieldsAsRow(): string | undefined {
    return this.#fields.length > 0 ? `{${this.#fields.join(",")}}` : undefined;
  }

  /** Takes a character between values. Returns false where it cannot tell what it is before more comes. */
  #enter(character: string): boolean {
    const place = this.#place;
    if (place === "document") {
      if (character !== "[" && character !== "{") return this.#refuse("[ or {");
      return this.#go(character === "[" ? "element" : "key");
    }
    if (place === "end") return this.#refuse("nothing");
    if (place === "colon") return character === ":" ? this.#go("value") : this.#refuse(":");
    if (character === "," && place !== "value") return this.#go(place);
    if (place === "element" && character === "]") {
      const nested = this.#nested;
      this.#nested = false;
      return this.#go(nested ? "key" : "end");
    }
    if (place === "key") {
      if (character === "}") return this.#go("end");
      if (character !== '"') return this.#refuse("a key or }");
    }
    if (place === "value" && character === "[") {
      const first = this.#nextCharacter(this.#at + 1);
      if (first === this.#buffer.length) return false;
      this.#nested = this.#buffer[first] === "{";
      if (this.#nested) return this.#go("element");
    }
    if (character === "]" || character === "}" || character === ":") return this.#refuse("a value");
    this.#value = { kind: character, depth: 0, quoted: false, escaped: false };
    return true;
  }

  #go(place: Place): true {
    this.#place = place;
    this.#at++;
    return true;
  }

  #refuse(expected: string): false {
    this.surprise = { got: this.#buffer.slice(this.#at, this.#at + 40), expected };
    return false;
  }

  /** What a value that was read is. Returns it if it is a row. */
  #take(text: string, kind: string): string | undefined {
    this.#value = undefined;
    if (this.#place === "key") {
      this.#key = text;
      this.#place = "colon";
      return undefined;
    }
    if (this.#place === "element") return text;
    this.#place = "key";
    if (kind === "{") return text;
    this.#fields.push(`${this.#key}:${text}`);
    return undefined;
  }

  /** Reads on in a value. Returns whether it ends in what there is. */
  #readValue(): boolean {
    const value = this.#value!;
    for (; this.#at < this.#buffer.length; this.#at++) {
      const character = this.#buffer.charCodeAt(this.#at);
      if (value.quoted) {
        if (value.escaped) value.escaped = false;
        else if (character === 0x5c) value.escaped = true;
        else if (character === 0x22) {
          value.quoted = false;
          if (value.depth === 0) return this.#ends(1);
        }
      } else if (character === 0x22) {
        value.quoted = true;
      } else if (character === 0x7b || character === 0x5b) {
        value.depth++;
      } else if (character === 0x7d || character === 0x5d) {
        // A number, or a word like null, ends at what closes the object or array that it is in.
        if (value.depth === 0) return this.#ends(0);
        if (--value.depth === 0) return this.#ends(1);
      } else if (value.depth === 0 && (character === 0x2c || isBlank(character))) {
        return this.#ends(0);
      }
    }
    return false;
  }

  #ends(length: number): true {
    this.#at += length;
    return true;
  }

  #nextCharacter(from: number): number {
    let at = from;
    while (at < this.#buffer.length && isBlank(this.#buffer.charCodeAt(at))) at++;
    return at;
  }
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x0a || character === 0x0d || character === 0x09;
}

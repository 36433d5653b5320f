// The socket: it keeps the connection to the world, over lost sockets and restarted hosts.
//
// Invariant: an event is handed on once and in order; a numbered message is sent until it is answered; what decides is in
// `link`, `outbox` and `receipts`, which have no socket and no clock.

import { type Fields, numberIn, parsed, textIn } from "./json";
import { Link, type LinkInput, type LinkState } from "./link";
import { Outbox, type Sent } from "./outbox";
import { type Place, placeIn } from "./place";
import { DELAY_MS, Receipts } from "./receipts";

/** What a tab remembers, so that a reload comes back to the same connection. */
export interface Ticket {
  readonly session: string;
  readonly token: string;
  readonly pos: Place | undefined;
}

/** Who is told what happens. */
export interface Hearer {
  /** How the connection stands. */
  link(state: LinkState): void;
  /** In the world; `anew` if the stream is not the one from before. The events from `first` on will be told. */
  welcomed(welcome: Fields, anew: boolean, first: Place | undefined): void;
  /** An event, or another word without an answer's id. */
  event(event: Fields): void;
  /** Messages of which nobody can tell any more whether they took effect. */
  doubtful(messages: readonly Fields[]): void;
  /** The way in is closed; `words` are what the world said to it. */
  refused(reason: string, words: readonly Fields[]): void;
}

/** A request that was refused. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** The whole refusal. */
    readonly fields: Fields = {},
  ) {
    super(message);
  }
}

interface Answer {
  readonly resolve: (answer: Fields) => void;
  readonly reject: (refusal: Refusal) => void;
}

const NUMBERED = ["Command", "Eval", "Call", "Input", "Program", "UpdateProperty"];
const TYPED = ["DirectMessage", "ChatRoomMessage", "GlobalMessage", "GameAction"];
/** After so long what was not taken is sent again, if the server does not say when. */
const RETRY_MS = 1_000;
const SUBPROTOCOL = "json.moothall.v1";

/** The connection of this page. */
export class Session {
  readonly #link = new Link();
  readonly #outbox = new Outbox();
  readonly #receipts = new Receipts();
  readonly #answers = new Map<string, Answer>();
  readonly #sent = new Set<string>();
  #socket: WebSocket | undefined;
  #ticket: Ticket | undefined;
  #how: "stranger" | "login" | "attach" | "resume" = "stranger";
  /** What a stranger asked to be let in by, until it is answered. */
  #entrance: Fields | undefined;
  #takeover = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #ids = 0;
  /** What was told since this page asked to be let in: of the world it comes into. */
  #early: Fields[] = [];

  constructor(
    private readonly address: string,
    private readonly hearer: Hearer,
  ) {}

  /** What a reload needs to come back; nothing before login. */
  get ticket(): Ticket | undefined {
    return this.#ticket && { ...this.#ticket, pos: this.#receipts.last };
  }

  /** Connects as nobody, to hear the greeting. */
  greet(): void {
    this.#how = "stranger";
    this.#on({ on: "start" });
  }

  /** Asks to be let in as a stranger does: by `Login`, `Create` or `Guest`. */
  login(entrance: Fields): void {
    this.#entrance = entrance;
    if (this.#link.state.at === "greeted") this.#knock();
    else this.greet();
  }

  /** Comes in with a token. */
  attach(token: string, takeover = false): void {
    this.#ticket = { session: "", token, pos: undefined };
    this.#how = "attach";
    this.#takeover = takeover;
    this.#receipts.startAt(undefined);
    // Who was greeted as a stranger stays one on that socket.
    if (this.#link.state.at === "greeted") this.#hangUp();
    this.#on({ on: "start" });
  }

  /** Comes back to a connection. */
  resume(ticket: Ticket): void {
    this.#ticket = ticket;
    this.#how = "resume";
    this.#receipts.startAt(ticket.pos);
    this.#on({ on: "start" });
  }

  /** The network is there again, or the page is looked at again. */
  reachable(): void {
    this.#on({ on: "reachable" });
  }

  /** Ends the connection for good. */
  leave(): void {
    this.#ticket = undefined;
    this.#on({ on: "leave" });
  }

  /** Asks, and answers with the answer or throws a `Refusal`. What may change something is sent until it is answered. */
  ask(message: Fields): Promise<Fields> {
    const id = `m${Date.now().toString(36)}-${++this.#ids}`;
    const type = textIn(message, "type");
    const typed = TYPED.includes(type);
    return new Promise((resolve, reject) => {
      if (typed || NUMBERED.includes(type)) {
        const sent = this.#outbox.put(id, message);
        if (sent === undefined) return reject(new Refusal("BUSY", "too much waits to be sent"));
        this.#answers.set(id, { resolve, reject });
        if (this.#link.state.at === "open") this.#deliver(sent);
      } else if (this.#link.state.at === "open") {
        this.#answers.set(id, { resolve, reject });
        this.#write({ ...message, id });
      } else {
        reject(new Refusal("OFFLINE", "there is no connection right now"));
      }
    });
  }

  #on(input: LinkInput): void {
    for (const order of this.#link.on(input)) {
      switch (order.do) {
        case "dial":
          this.#dial();
          break;
        case "hang-up":
          this.#hangUp();
          break;
        case "ping":
          this.#write({ type: "Ping" });
          break;
        case "timer":
          clearTimeout(this.#timer);
          if (order.ms !== null) this.#timer = setTimeout(() => this.#on({ on: "timer", now: Date.now() }), order.ms);
          break;
      }
    }
    this.hearer.link(this.#link.state);
  }

  #dial(): void {
    const socket = new WebSocket(this.address, SUBPROTOCOL);
    this.#socket = socket;
    socket.onmessage = (message) => {
      if (socket === this.#socket && typeof message.data === "string") this.#heard(message.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
  }

  /** Gives a socket up at once: its closing handshake may never be answered. */
  #hangUp(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    socket.close(1000);
    this.#lost(1006);
  }

  #lost(code: number): void {
    this.#socket = undefined;
    for (const [id, answer] of this.#answers) {
      if (this.#outbox.waiting.some((sent) => sent.id === id)) continue;
      this.#answers.delete(id);
      answer.reject(new Refusal("OFFLINE", "the connection was lost"));
    }
    this.#on({ on: "closed", code, now: Date.now(), chance: Math.random() });
    if (this.#how === "login") this.#shut("The server has closed the connection.");
  }

  #write(message: Fields): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #heard(text: string): void {
    this.#on({ on: "heard" });
    const message = parsed(text);
    if (message === undefined) return;
    const type = textIn(message, "type");
    if (type === "Hello") return this.#comeIn();
    if (type === "Welcome") return this.#welcomed(message);
    if (type === "Error" && textIn(message, "id") === "in") return this.#notLetIn(message);
    const pos = placeIn(message);
    if (this.#link.state.at !== "open") this.#heardEarly(message);
    else if (pos !== undefined) this.#took(message, pos, text.length);
    else if (!this.#answered(message)) this.hearer.event(message);
  }

  /** Before the welcome: a stranger hears the greeting; what is told after asking to be let in belongs to what follows. */
  #heardEarly(message: Fields): void {
    if (this.#how === "stranger") this.hearer.event(message);
    else if (this.#how !== "resume") this.#early.push(message);
  }

  #knock(): void {
    this.#early = [];
    this.#how = "login";
    this.#write({ ...this.#entrance, id: "in" });
    this.#entrance = undefined;
  }

  /** Says who is there, once the server has said hello. */
  #comeIn(): void {
    const ticket = this.#ticket;
    this.#early = [];
    if (this.#how === "stranger" || ticket === undefined) {
      this.#on({ on: "greeted" });
      if (this.#entrance !== undefined) this.#knock();
      return;
    }
    if (this.#how === "resume") {
      const pos = this.#receipts.last ?? { era: 0, seq: 0 };
      return this.#write({ type: "Resume", id: "in", session: ticket.session, pos });
    }
    this.#write({ type: "Attach", id: "in", token: ticket.token, ...(this.#takeover ? { takeover: true } : {}) });
  }

  #welcomed(welcome: Fields): void {
    const resumed = this.#how === "resume";
    const pos = placeIn(welcome);
    const early = this.#early;
    if (!resumed) this.#receipts.startAt(pos);
    this.#ticket = {
      session: textIn(welcome, "session"),
      token: textIn(welcome, "token") || (this.#ticket?.token ?? ""),
      pos: this.#receipts.last,
    };
    this.#how = "resume";
    this.#takeover = false;
    this.#on({ on: "welcomed" });
    const first = early.map(placeIn).find((place) => place !== undefined);
    this.hearer.welcomed(welcome, !resumed, first ?? (pos && { era: pos.era, seq: pos.seq + 1 }));
    for (const event of early) this.hearer.event(event);
    this.#sendAgain(numberIn(welcome, "next") ?? 1, resumed);
  }

  #sendAgain(next: number, resumed: boolean): void {
    if (resumed) return this.#outbox.resumed(next).forEach((sent) => this.#deliver(sent));
    const { lost, send } = this.#outbox.begun(next, (sent) => this.#sent.has(sent.id));
    for (const { id } of lost) {
      this.#answers.get(id)?.reject(new Refusal("LOST", "nobody can tell whether it took effect"));
      this.#answers.delete(id);
    }
    if (lost.length > 0) this.hearer.doubtful(lost.map((sent) => sent.message));
    for (const sent of send) this.#deliver(sent);
  }

  /** Typed messages say whose they are each time, by the session that holds now. */
  #deliver(sent: Sent): void {
    this.#sent.add(sent.id);
    const from = sent.message["from"] as Fields | undefined;
    const session = this.#ticket?.session ?? "";
    this.#write(from === undefined ? sent.message : { ...sent.message, from: { ...from, session } });
  }

  /** A session that has ended may still be followed by another one, as long as the token holds. */
  #notLetIn(refusal: Fields): void {
    const token = this.#ticket?.token ?? "";
    this.#on({ on: "greeted" });
    if (this.#how === "resume" && token !== "") return this.attach(token);
    this.#shut(textIn(refusal, "message"));
  }

  /** Back to being a stranger. */
  #shut(reason: string): void {
    this.#how = "stranger";
    this.#ticket = undefined;
    this.hearer.refused(reason, this.#early);
  }

  #took(event: Fields, pos: Place, characters: number): void {
    if (!this.#receipts.take(pos, characters)) return;
    if (textIn(event, "type") === "Player") {
      this.#ticket = { session: textIn(event, "session"), token: textIn(event, "token"), pos };
    } else if (textIn(event, "type") === "Token" && this.#ticket !== undefined) {
      this.#ticket = { ...this.#ticket, token: textIn(event, "token") };
    }
    this.hearer.event(event);
    if (this.#receipts.due === "now") this.#acknowledge();
    else this.#ackTimer ??= setTimeout(() => this.#acknowledge(), DELAY_MS);
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (this.#link.state.at !== "open" || this.#receipts.due === "no") return;
    this.#write({ type: "Ack", pos: this.#receipts.acknowledge() });
  }

  #answered(message: Fields): boolean {
    const id = textIn(message, "id");
    const answer = this.#answers.get(id);
    if (answer === undefined) return false;
    if (this.#isUntaken(message)) return true;
    this.#answers.delete(id);
    this.#outbox.answered(id);
    this.#sent.delete(id);
    if (textIn(message, "type") !== "Error") answer.resolve(message);
    else answer.reject(new Refusal(textIn(message, "code"), textIn(message, "message"), message));
    return true;
  }

  /** Whether a refusal only says "not now" of a numbered message: it stays in the outbox, and is sent again. */
  #isUntaken(message: Fields): boolean {
    const code = textIn(message, "code");
    if (textIn(message, "type") !== "Error" || !this.#outbox.waiting.some(({ id }) => id === textIn(message, "id"))) return false;
    // After a message that was not taken, all later ones have the wrong number; coming back tells the right one.
    if (code === "BAD_NUMBER") this.#hangUp();
    else if (code === "BUSY") {
      const ms = numberIn(message, "retry_after_ms") ?? RETRY_MS;
      this.#retryTimer ??= setTimeout(() => this.#retry(), ms);
    } else return false;
    return true;
  }

  #retry(): void {
    this.#retryTimer = undefined;
    if (this.#link.state.at === "open") for (const sent of this.#outbox.waiting) this.#deliver(sent);
  }
}

// Keeps what is typed: stores it a moment after each change, one request at a time, and never over somebody else's text.

const PAUSE = 250; // milliseconds without a change
const PATIENCE = 10_000; // milliseconds for an answer
const AGAIN = 3_000; // milliseconds until the next try, when the server did not answer

function token() {
  return document.querySelector('meta[name="csrf-token"]').content;
}

/** Send a form, and get the answer as data: {status, data}. Throws when there is no answer. */
async function send(address, fields, more = {}) {
  const answer = await fetch(address, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { "X-CSRF-Token": token(), Accept: "application/json" },
    ...more,
  });
  return { status: answer.status, data: await answer.json() };
}

export class Keeper {
  /**
   * `text()` gives the text as it is now. `told` is called with `judged` (data), `stored` (version, of a text that is not judged yet),
   * `state` (saved, waits, unsaved, saving, offline, refused; and why) and `conflict` (theirs).
   */
  constructor({ address, file, version, stored, text, told }) {
    Object.assign(this, { address, file, version, stored, text, told });
    this.sent = null; // a text whose answer never came
    this.unjudged = false; // what is stored waits for its turn to be judged
    this.timer = 0;
    this.running = null;
    this.theirs = undefined; // what somebody else has stored, while the learner has not chosen
  }

  get dirty() {
    return this.text() !== this.stored;
  }

  /** The text has changed: store it soon. */
  changed() {
    if (this.theirs !== undefined) return;
    this.told.state("unsaved");
    this.later(PAUSE);
  }

  later(pause) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.store("preview"), pause);
  }

  /** Store and judge now; gives whether everything is stored. Waits for a request that is under way. */
  async store(what) {
    window.clearTimeout(this.timer);
    while (this.running) await this.running;
    if (this.theirs !== undefined) return false;
    if (what !== "check" && !this.dirty && !this.unjudged) {
      this.told.state("saved");
      return true;
    }
    this.running = this.request(what);
    try {
      return await this.running;
    } finally {
      this.running = null;
    }
  }

  async request(what) {
    const content = this.text();
    this.told.state("saving");
    let answer;
    try {
      const fields = { file: this.file, content, version: this.version, do: what };
      answer = await send(this.address, fields, { signal: AbortSignal.timeout(PATIENCE) });
    } catch {
      this.sent = content;
      this.told.state("offline");
      this.later(AGAIN);
      return false;
    }
    const { status, data } = answer;
    if (status === 409 && "conflict" in data) return this.conflict(data.conflict.theirs);
    if (status === 429 && data.version) return this.waits(content, data);
    if (status !== 200) {
      this.told.state("refused", `${data.error} ${data.help ?? ""}`);
      return false;
    }
    this.keep(content, data.version);
    this.unjudged = false;
    const newest = !this.dirty;
    this.told.state(newest ? "saved" : "unsaved");
    if (newest || what === "check") this.told.judged(data, what); // an older answer is dropped: the next one is on its way
    if (!newest) this.later(PAUSE);
    return newest;
  }

  keep(content, version) {
    Object.assign(this, { sent: null, version, stored: content });
  }

  /** It is stored, but the server judges no more of ours for some seconds. */
  waits(content, { version, seconds, error, help }) {
    this.keep(content, version);
    this.unjudged = true;
    this.told.stored(version);
    this.told.state("waits", `${error} ${help}`);
    this.later(seconds * 1000);
    return !this.dirty;
  }

  conflict(theirs) {
    if (theirs && this.sent !== null && theirs.content === this.sent) {
      // our own text, stored although its answer was lost
      Object.assign(this, { version: theirs.version, stored: theirs.content, sent: null });
      this.later(0);
      return false;
    }
    this.theirs = theirs;
    this.told.state("refused", "");
    this.told.conflict(theirs);
    return false;
  }

  /** The learner has chosen: what is in the editor now goes over theirs. */
  chosen() {
    const { version } = this.theirs;
    this.theirs = undefined;
    this.goOnFrom(version);
  }

  /** Store and judge what is in the editor, over the text of that version. */
  goOnFrom(version) {
    Object.assign(this, { version, stored: null });
    this.later(0);
  }

  /** Look whether the file was changed elsewhere meanwhile; gives its {version, content} then, else null. */
  async newer() {
    if (this.running || this.theirs !== undefined || this.dirty) return null;
    try {
      const answer = await fetch(`/api/workspace/${this.file}?seen=${this.version}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return null;
      const { version, content } = await answer.json();
      return content === undefined || this.dirty || this.running ? null : { version, content };
    } catch {
      return null;
    }
  }

  /** The page goes away: send what is not stored, without waiting. */
  last() {
    if (!this.dirty || this.running || this.theirs !== undefined) return;
    const fields = { file: this.file, content: this.text(), version: this.version, do: "preview" };
    send(this.address, fields, { keepalive: true }).catch(() => {});
  }
}

// What a person writes: at once in the local storage, a moment later on the disk of the server.

const DELAY = 500, RETRY = 4000;

export async function request(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(path, options);
  const data = await response.json();
  if (!response.ok) throw Object.assign(new Error(data.error || response.statusText), { status: response.status });
  return data;
}

// Saves one kind of documents by key. Events: status(text, isBad), conflict(key, this), saved(key, value, this).
export class Drafts {
  constructor(path, prefix, events) {
    Object.assign(this, { path, prefix, events, stored: new Map(), timers: new Map(), running: new Map() });
  }

  // The document with a key: a draft that is not on the disk yet, or the stored one, or null.
  get(key) {
    const draft = localStorage.getItem(this.prefix + key);
    return draft ? JSON.parse(draft) : this.stored.get(key) || null;
  }

  // An answer that was on its way while another save was made is an older one.
  setStored(key, value) {
    if (value.revision >= (this.stored.get(key)?.revision || 0)) this.stored.set(key, value);
  }

  pending() {
    return Object.keys(localStorage).filter((key) => key.startsWith(this.prefix)).map((key) => key.slice(this.prefix.length));
  }

  change(key, value) {
    localStorage.setItem(this.prefix + key, JSON.stringify(value));
    this.events.status("not on disk yet", true);
    this.later(key, DELAY);
  }

  later(key, delay) {
    clearTimeout(this.timers.get(key));
    this.timers.set(key, setTimeout(() => this.flush(key), delay));
  }

  // Saves the draft with a key, after a save of it that is under way.
  flush(key) {
    clearTimeout(this.timers.get(key));
    const saved = Promise.resolve(this.running.get(key)).then(() => this.save(key));
    this.running.set(key, saved);
    return saved;
  }

  async save(key) {
    const text = localStorage.getItem(this.prefix + key);
    if (!text) return;
    try {
      const saved = await request(this.path, JSON.parse(text));
      this.setStored(key, saved);
      const now = localStorage.getItem(this.prefix + key);
      if (now === text) localStorage.removeItem(this.prefix + key);
      else if (now) {  // changed while it was saved
        localStorage.setItem(this.prefix + key, JSON.stringify({ ...JSON.parse(now), revision: saved.revision }));
        this.later(key, DELAY);
      }
      this.events.saved(key, saved, this);
      this.events.status(this.pending().length ? "not on disk yet" : "saved", this.pending().length > 0);
    } catch (error) {
      if (error.status === 409) this.events.conflict(key, this);
      else if (error.status) this.events.status(`not saved: ${error.message}`, true);
      else {
        this.events.status("no connection; kept in this browser", true);
        this.later(key, RETRY);
      }
    }
  }

  flushAll() { return Promise.all(this.pending().map((key) => this.flush(key))); }

  // Another tab has saved: make mine the next revision, or drop the draft where mine is null.
  resolve(key, mine) {
    const { revision } = this.stored.get(key);
    if (mine) this.change(key, { ...mine, revision });
    else {
      localStorage.removeItem(this.prefix + key);
      this.events.status("saved", false);
    }
  }
}

// The page: items, modes, fields. Drawing is in viewer.js, saving in drafts.js, rules in rules.js.

import { Drafts, request } from "./drafts.js";
import { bindKeys, helpTable } from "./keys.js";
import { check, emptySubset, isComplete } from "./rules.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const FLAGS = ["wrong instances", "ambiguous", "names the target", "unnatural", "language"];
// wanted: the place that is being loaded; until it is shown, all edits belong to the item on the screen.
const state = { items: [], place: 0, wanted: 0, mode: "annotate", person: "", author: "", subset: 0, work: null, verdicts: null };
let drafts, verdictDrafts;
const viewer = new Viewer($("left"), $("right"), (point, remove) => {
  if (state.mode !== "annotate") return;
  const { points } = subset();
  if (remove >= 0) points.splice(remove, 1);
  else points.push(point);
  changed();
});

const item = () => state.items[state.place];
const subset = () => state.work.subsets[state.subset];
const status = (text, isBad) => { $("status").textContent = text; $("status").className = isBad ? "bad" : "good"; };

// What the person edits now: who saves it, its key there, and its content.
const shown = () => (state.mode === "annotate" ? { owner: drafts, key: item().id, work: state.work }
  : { owner: verdictDrafts, key: verdictKey(), work: state.verdicts });
const isShown = (key, owner) => Boolean(state.work) && shown().owner === owner && shown().key === key;
const flushShown = () => (state.work ? shown().owner.flush(shown().key) : null);
const events = {
  status,
  conflict: (key, owner) => {
    state.conflict = isShown(key, owner);
    $("conflict").hidden = !state.conflict;
    status(state.conflict ? "conflict" : `conflict: ${key}`, true);
  },
  saved: (key, saved, owner) => { if (isShown(key, owner)) shown().work.revision = saved.revision; },
};

async function load() {
  const data = await request("api/state");
  Object.assign(state, { items: data.items, annotations: data.annotations, agreement: data.agreement });
  for (const each of data.annotations) if (each.person === state.person) drafts.setStored(each.item, each);
  for (const each of data.verdicts)
    if (each.person === state.person) verdictDrafts.setStored(`${each.item}~${each.author}`, each);
  $("names").replaceChildren(...state.items.map((each) => new Option(each.id)));
}

async function setPerson() {
  state.person = $("person").value.trim();
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/.test(state.person)) {
    status("enter your name: letters, digits, . _ -", true);
    state.work = null;
    setReady();
    return;
  }
  localStorage.setItem("person", state.person);
  drafts = new Drafts("api/annotation", `annotation ${state.person} `, events);
  verdictDrafts = new Drafts("api/verdicts", `verdicts ${state.person} `, events);
  await load();
  state.mode = localStorage.getItem(`mode ${state.person}`) || "annotate";
  const last = localStorage.getItem(`last ${state.person}`);
  const open = state.items.findIndex((each) => !isComplete(drafts.get(each.id)));
  const place = state.items.findIndex((each) => each.id === last);
  const waiting = drafts.pending().length + verdictDrafts.pending().length;
  status(waiting ? "not on disk yet" : "saved", waiting > 0);
  await show(place >= 0 ? place : Math.max(0, open));
  setReady();
  flushAll();
}

const flushAll = () => Promise.all([drafts.flushAll(), verdictDrafts.flushAll()]);

// Without a name there is nobody whose work the buttons could change.
function setReady() {
  for (const each of document.querySelectorAll("header > :not(label, #status), main, #work")) each.inert = !state.work;
}

async function show(place) {
  if (place < 0 || place >= state.items.length) return;
  flushShown();
  state.wanted = place;
  const { id } = state.items[place], query = `?item=${encodeURIComponent(id)}`, picture = new Image();
  picture.src = `api/picture${query}`;
  try {
    const [masks] = await Promise.all([request(`api/masks${query}`), picture.decode()]);
    if (state.wanted !== place) return;  // the person went on meanwhile
    state.place = place;
    viewer.show(picture, masks);
  } catch (error) {
    if (state.wanted === place) state.wanted = state.place;
    status(`cannot show ${id}: ${error.message}`, true);
    return;
  }
  localStorage.setItem(`last ${state.person}`, id);
  openWork();
}

function openWork() {
  state.conflict = false;
  $("conflict").hidden = true;
  if (state.mode === "annotate") {
    const fresh = { item: item().id, person: state.person, revision: 0, subsets: [emptySubset([])] };
    state.work = drafts.get(item().id) || fresh;
    if (!state.work.subsets.length) state.work.subsets.push(emptySubset([]));
    const first = state.work.subsets[0];
    if (!state.work.revision && !first.points.length)
      first.points = item().target.map((number) => viewer.inner(number));
    state.verdicts = null;
  } else openInspection();
  state.subset = 0;
  render();
  flushShown();
}

const verdictKey = () => `${item().id}~${state.author}`;

function openInspection() {
  const works = state.annotations.filter((each) => each.item === item().id && each.person !== state.person);
  $("author").replaceChildren(...works.map((each) => new Option(each.person)));
  const work = works.find((each) => each.person === state.author) || works[0];
  state.author = work ? work.person : "";
  $("author").value = state.author;
  state.work = work || { item: item().id, person: "", revision: 0, subsets: [emptySubset([])] };
  const known = work && verdictDrafts.get(verdictKey());
  state.verdicts = { item: item().id, author: state.author, person: state.person, revision: 0, judgements: {}, ...known };
  if (state.verdicts.of_revision !== state.work.revision) state.verdicts.judgements = {};  // of an older text
  state.verdicts.of_revision = state.work.revision;
}

function judge(change) {
  if (state.mode !== "inspect" || !state.author) return;
  const old = state.verdicts.judgements[subset().id] || { verdict: "unsure", flags: [], note: "" };
  state.verdicts.judgements[subset().id] = { ...old, ...change };
  verdictDrafts.change(verdictKey(), state.verdicts);
  render();
}

function changed() {
  drafts.change(item().id, state.work);
  render();
}

function render() {
  const inspecting = state.mode === "inspect", current = subset();
  viewer.subset = current;
  viewer.draw();
  $("position").textContent = `${state.place + 1} / ${state.items.length}  ${item().id}`;
  $("note").textContent = inspecting && !state.author ? "nobody else has described this item" : item().note;
  for (const mode of ["annotate", "inspect"]) $(`mode-${mode}`).setAttribute("aria-pressed", state.mode === mode);
  for (const button of document.querySelectorAll("[data-zoom]"))
    button.setAttribute("aria-pressed", Number(button.dataset.zoom) === viewer.zoom);
  renderSubsets(inspecting);
  const nouns = current.points.map((point) => `${item().instances[point.instance].noun} (${Math.round(point.x)}, ${Math.round(point.y)})`);
  $("points").textContent = nouns.join("; ") || "none: click on masks";
  for (const field of ["referring", "reasoning"]) {
    if ($(field).value !== current[field]) $(field).value = current[field];
    $(field).readOnly = inspecting;
  }
  const { wrong, missing } = check(current, item().instances);
  $("rules").textContent = [...wrong, ...missing].join("; ") || "complete";
  $("rules").className = wrong.length ? "bad" : missing.length ? "" : "good";
  renderInspection(inspecting);
}

function renderSubsets(inspecting) {
  const tabs = state.work.subsets.map((each, number) => {
    const tab = document.createElement("button");
    tab.textContent = `Subset ${number + 1} (${new Set(each.points.map((p) => p.instance)).size})`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", number === state.subset);
    tab.onclick = () => { state.subset = number; render(); };
    return tab;
  });
  const button = (text, id, run) => Object.assign(document.createElement("button"), { textContent: text, id, onclick: run });
  if (!inspecting) tabs.push(button("New subset (S)", "new-subset", addSubset), button("Delete subset", "delete-subset", removeSubset));
  $("subsets").replaceChildren(...tabs);
}

function renderInspection(inspecting) {
  $("inspection").hidden = $("authors").hidden = !inspecting;
  if (!inspecting) return;
  const judgement = state.verdicts.judgements[subset().id];
  for (const button of document.querySelectorAll("[data-verdict]"))
    button.setAttribute("aria-pressed", judgement?.verdict === button.dataset.verdict);
  for (const button of $("flags").children)
    button.setAttribute("aria-pressed", Boolean(judgement?.flags.includes(button.dataset.flag)));
  if (document.activeElement !== $("remark")) $("remark").value = judgement?.note || "";
  const { choice, pairs, share, kappa } = state.agreement;
  const percent = (value) => `${Math.round(100 * value)} %`;
  const here = item().id in choice ? `same instances: ${percent(choice[item().id])}; ` : "";
  const beyond = kappa === null ? "" : `, kappa ${kappa.toFixed(2)}`;
  $("agreement").textContent = here + (pairs ? `verdicts agree: ${percent(share)} of ${pairs} pairs${beyond}` : "no verdicts to compare");
}

function addSubset() {
  if (state.mode !== "annotate") return;
  state.work.subsets.push(emptySubset(state.work.subsets));
  state.subset = state.work.subsets.length - 1;
  changed();
}

function removeSubset() {
  if (state.mode !== "annotate") return;
  state.work.subsets.splice(state.subset, 1);
  if (!state.work.subsets.length) state.work.subsets.push(emptySubset([]));
  state.subset = Math.max(0, state.subset - 1);
  changed();
}

function turnSubset(step) {
  const count = state.work.subsets.length;
  state.subset = (state.subset + step + count) % count;
  render();
}

function turnInstance(step) {
  const count = viewer.masks.length;
  if (count) viewer.cursor = (viewer.cursor + step + (viewer.cursor < 0 && step < 0 ? 1 : 0) + count) % count;
  if (count) status(item().instances[viewer.cursor].noun, false);
  viewer.draw();
}

function toggleInstance() {
  if (state.mode !== "annotate" || viewer.cursor < 0) return;
  const rest = subset().points.filter((point) => point.instance !== viewer.cursor);
  if (rest.length === subset().points.length) rest.push(viewer.inner(viewer.cursor));
  subset().points = rest;
  changed();
}

async function setMode(mode) {
  await flushShown();
  await load();
  state.mode = mode;
  localStorage.setItem(`mode ${state.person}`, mode);
  openWork();
}

function download(name, data) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 1)], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function exportAll() {
  await flushAll();
  download("annotations.json", await request("api/export"));
}

async function importFile() {
  const [file] = $("file").files;
  $("file").value = "";
  try {
    await flushAll();
    const { imported } = await request(`api/import?person=${encodeURIComponent(state.person)}`, JSON.parse(await file.text()));
    await load();
    openWork();
    status(`imported ${imported} items`, false);
  } catch (error) { status(`not imported: ${error.message}`, true); }
}

async function resolveConflict(keepMine) {
  if (!state.conflict) return;
  const { owner, key, work } = shown();
  await load();
  owner.resolve(key, keepMine ? work : null);
  openWork();
}

const zoom = (value) => { viewer.setZoom(value); render(); };
const actions = [
  { keys: ["ArrowLeft", "p"], text: "previous item", run: () => show(state.wanted - 1) },
  { keys: ["ArrowRight", "n"], text: "next item", run: () => show(state.wanted + 1) },
  { keys: ["j"], text: "jump to a file name", run: () => $("jump").focus() },
  ...[1, 2, 3].map((value) => ({ keys: [String(value)], text: `zoom ${value}x`, run: () => zoom(value) })),
  { keys: ["Shift+ArrowLeft"], text: "move the view, as Shift+drag does", run: () => viewer.pan(-0.1, 0) },
  { keys: ["Shift+ArrowRight"], text: "", run: () => viewer.pan(0.1, 0) },
  { keys: ["Shift+ArrowUp"], text: "", run: () => viewer.pan(0, -0.1) },
  { keys: ["Shift+ArrowDown"], text: "", run: () => viewer.pan(0, 0.1) },
  { keys: ["f"], text: "full screen", run: () => $("full").click() },
  { keys: ["[", "ArrowUp"], text: "previous instance", run: () => turnInstance(-1) },
  { keys: ["]", "ArrowDown"], text: "next instance", run: () => turnInstance(1) },
  { keys: [" ", "Enter"], text: "choose or leave the instance", run: toggleInstance },
  { keys: ["Backspace"], text: "remove the last point", run: () => { if (state.mode === "annotate") { subset().points.pop(); changed(); } } },
  { keys: ["s"], text: "new subset", run: addSubset },
  { keys: ["Delete"], text: "delete the subset", run: removeSubset },
  { keys: [","], text: "previous subset", run: () => turnSubset(-1) },
  { keys: ["."], text: "next subset", run: () => turnSubset(1) },
  { keys: ["r"], text: "referring description; Esc leaves a field", run: () => $("referring").focus() },
  { keys: ["c"], text: "reasoning description", run: () => $("reasoning").focus() },
  { keys: ["m"], text: "annotate or inspect", run: () => setMode(state.mode === "annotate" ? "inspect" : "annotate") },
  { keys: ["o"], text: "whose work to inspect", run: () => $("author").focus() },
  ...[["a", "accept"], ["x", "reject"], ["u", "unsure"]].map(([key, verdict]) => ({ keys: [key], text: `verdict: ${verdict}`, run: () => judge({ verdict }) })),
  ...FLAGS.map((flag, number) => ({ keys: [String(number + 5)], text: `flag: ${flag}`, run: () => toggleFlag(flag) })),
  { keys: ["v"], text: "remark of the inspection", run: () => $("remark").focus() },
  { keys: ["e"], text: "export this item", run: () => download(`${item().id}.json`, { annotations: [state.work], verdicts: [] }) },
  { keys: ["Shift+E", "Shift+e"], text: "export all", run: exportAll },
  { keys: ["i"], text: "import", run: () => $("file").click() },
  { keys: ["k"], text: "conflict: keep mine", run: () => resolveConflict(true) },
  { keys: ["t"], text: "conflict: take the stored one", run: () => resolveConflict(false) },
  { keys: ["h"], text: "this help", run: () => $("help").showModal() },
];

function toggleFlag(flag) {
  const flags = state.verdicts?.judgements[subset().id]?.flags || [];
  judge({ flags: flags.includes(flag) ? flags.filter((each) => each !== flag) : [...flags, flag] });
}

function bind() {
  $("person").value = localStorage.getItem("person") || "";
  $("person").onchange = setPerson;
  $("previous").onclick = () => show(state.wanted - 1);
  $("next").onclick = () => show(state.wanted + 1);
  $("jump").onchange = () => {
    const place = state.items.findIndex((each) => each.id.includes($("jump").value));
    if (place >= 0) { $("jump").value = ""; $("jump").blur(); show(place); } else status("no such file name", true);
  };
  $("full").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  for (const button of document.querySelectorAll("[data-zoom]")) button.onclick = () => zoom(Number(button.dataset.zoom));
  for (const mode of ["annotate", "inspect"]) $(`mode-${mode}`).onclick = () => setMode(mode);
  for (const field of ["referring", "reasoning"]) $(field).oninput = () => { subset()[field] = $(field).value; changed(); };
  for (const button of document.querySelectorAll("[data-verdict]")) button.onclick = () => judge({ verdict: button.dataset.verdict });
  $("flags").replaceChildren(...FLAGS.map((flag, number) => {
    const button = Object.assign(document.createElement("button"), { textContent: `${flag} (${number + 5})`, onclick: () => toggleFlag(flag) });
    button.dataset.flag = flag;
    return button;
  }));
  $("remark").oninput = () => judge({ note: $("remark").value });
  $("author").onchange = () => { state.author = $("author").value; openWork(); };
  $("export-item").onclick = actions.find((each) => each.keys[0] === "e").run;
  $("export-all").onclick = exportAll;
  $("import").onclick = () => $("file").click();
  $("file").onchange = importFile;
  $("keep").onclick = () => resolveConflict(true);
  $("take").onclick = () => resolveConflict(false);
  $("help").append(helpTable(actions));
  $("help-button").onclick = () => $("help").showModal();
  window.addEventListener("visibilitychange", () => { if (document.hidden && state.work) flushAll(); });
  bindKeys(actions.map((each) => ({ ...each, run: () => (state.work || "hf".includes(each.keys[0])) && each.run() })));
}

bind();
if ($("person").value) setPerson();
else { status("enter your name to begin", true); setReady(); $("person").focus(); }

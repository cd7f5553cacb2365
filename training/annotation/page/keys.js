// The keyboard: a table of keys that are also listed in the help.

export function bindKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "Escape" && typing) { event.target.blur(); document.getElementById("left").focus(); return; }
    if (document.getElementById("help").open || event.ctrlKey || event.metaKey) return;
    if (typing && !event.altKey) return;
    const name = (event.shiftKey ? "Shift+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
    const action = actions.find((each) => each.keys.includes(name));
    const isButton = event.target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ");
    if (!action || isButton) return;
    event.preventDefault();
    action.run();
  });
}

export function helpTable(actions) {
  const table = document.createElement("table");
  for (const { keys, text } of actions) {
    const row = table.insertRow();
    const cell = row.insertCell();
    keys.forEach((key) => {
      const kbd = document.createElement("kbd");
      kbd.textContent = key === " " ? "Space" : key;
      cell.append(kbd, " ");
    });
    row.insertCell().textContent = text;
  }
  return table;
}

// Rules that are checked while a person types. The words come from target_words.py, so that both sides agree.

export function usedWords(text, words) {
  const plain = text.toLowerCase().replace(/[\s\-_]+/g, " ");
  return words.filter((word) => {
    const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, "u").test(plain);
  });
}

// What is wrong with a subset, and what is missing: lists of texts.
export function check(subset, instances) {
  const chosen = [...new Set(subset.points.map((point) => point.instance))];
  const words = [...new Set(chosen.flatMap((number) => instances[number].words))];
  const wrong = [], missing = [];
  if (!chosen.length) missing.push("choose the instances");
  if (!subset.referring.trim()) missing.push("write the referring description");
  else if (chosen.length && !usedWords(subset.referring, words).length)
    wrong.push(`the referring description does not name the target (${instances[chosen[0]].noun})`);
  if (!subset.reasoning.trim()) missing.push("write the reasoning description");
  const used = usedWords(subset.reasoning, words);
  if (used.length) wrong.push(`the reasoning description names the target: ${used.join(", ")}`);
  return { wrong, missing };
}

// A subset with an id that none of the others has.
export function emptySubset(subsets) {
  const taken = new Set(subsets.map((each) => each.id));
  let number = 1;
  while (taken.has(`s${number}`)) number += 1;
  return { id: `s${number}`, points: [], referring: "", reasoning: "" };
}

// Whether nothing is missing from what a person wrote about an item.
export function isComplete(work) {
  return Boolean(work?.subsets.length && work.subsets.every((s) => s.points.length && s.referring && s.reasoning));
}

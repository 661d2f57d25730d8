// The sentences of scripts in the language of the page. They are written in English; the page
// carries the others (data-words: by the English sentence), and a page in English carries none.

let read = null;
let words = {};

function known() {
  const said = document.body.dataset.words || "{}";
  if (said !== read) [read, words] = [said, JSON.parse(said)];
  return words;
}

const filled = (sentence, values) => sentence.replace(/%\((\w+)\)s/g, (_whole, name) => values[name]);

/** The sentence in the page's language, with `%(name)s` filled in. */
export function _(sentence, values = {}) {
  return filled(known()[sentence] ?? sentence, values);
}

/** The same for a number, `%(num)s`: one person, two people, and what other languages tell apart. */
export function ngettext(one, many, num) {
  const forms = known()[one];
  const plain = num === 1 ? one : many;
  const form = forms ? (forms[new Intl.PluralRules(document.documentElement.lang).select(num)] ?? forms.other) : plain;
  return filled(form, { num });
}

/** What Intl formats by; figures as the ticket and the screens in the lobby write them. */
export function locale() {
  const code = document.documentElement.lang || "en";
  return code === "en" ? "en-GB" : `${code}-u-nu-latn`;
}

// t.forms.js — which fields of a form browsers refuse, and why: an event "Form Error" with the form, the field
// and the kind of the error, each once a page view. Never what was typed. Load it after t.js.

type Send = (name: string, options: { props: Record<string, string>; interactive: boolean }) => void;
type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const MOST_CHARS = 100;
const told = new Set<string>();

// An address without its query: what a form that is sent by GET was filled in with may be there.
const nameOf = (form: HTMLFormElement | null): string =>
  form?.getAttribute('id') ||
  form?.getAttribute('name') ||
  new URL(form?.getAttribute('action') || '', location.href).pathname;

const kindOf = (validity: ValidityState): string | undefined => {
  for (const kind in validity) if (kind != 'valid' && validity[kind as keyof ValidityState]) return kind;
  return undefined;
};

// "invalid" does not bubble. Scripts that check at each key would have it told again and again.
addEventListener(
  'invalid',
  ({ target }) => {
    const { form, name, id, type, validity } = target as Field;
    const kind = validity && kindOf(validity);
    if (!kind) return;
    const props = {
      form: nameOf(form).slice(0, MOST_CHARS),
      field: (name || id || type).slice(0, MOST_CHARS),
      kind,
    };
    const key = location.pathname + JSON.stringify(props);
    if (told.has(key)) return;
    told.add(key);
    (window as typeof window & { tamis?: Send }).tamis?.('Form Error', { props, interactive: false });
  },
  true,
);

export {};

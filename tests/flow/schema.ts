// As much of JSON Schema 2020-12 as our schemas use; a keyword it does not know is an error.
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Schema = { [key: string]: Json };

const isObject = (v: Json | undefined): v is { [key: string]: Json } => typeof v === 'object' && v !== null && !Array.isArray(v);
const same = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);

function typeOf(v: Json): string {
  if (v === null) return 'null';
  if (Array.isArray(v)) return 'array';
  return typeof v === 'number' && Number.isInteger(v) ? 'integer' : typeof v;
}

function ofType(v: Json, type: Json): boolean {
  const is = typeOf(v);
  return ([] as Json[]).concat(type).some((t) => t === is || (t === 'number' && is === 'integer'));
}

function resolve(root: Schema, ref: string): Schema {
  const at = ref.replace(/^#\//, '').split('/').reduce<Json | undefined>((o, key) => (isObject(o) ? o[key] : undefined), root);
  if (!isObject(at)) throw new Error(`no ${ref}`);
  return at;
}

/** What is wrong with the value; empty when nothing is. */
export function faults(value: Json, schema: Schema, root: Schema = schema, at = '$'): string[] {
  const sub = (v: Json, s: Json, where = at): string[] => faults(v, s as Schema, root, where);
  const found: string[] = [];
  const expect = (ok: boolean, what: string): void => void (ok || found.push(`${at}: ${what}`));
  for (const [key, rule] of Object.entries(schema)) {
    switch (key) {
      case '$schema': case '$defs': case 'title': case 'description': break;
      case '$ref': found.push(...sub(value, resolve(root, rule as string))); break;
      case 'type': expect(ofType(value, rule), `not of type ${JSON.stringify(rule)}`); break;
      case 'enum': expect((rule as Json[]).some((r) => same(r, value)), 'not one of the words'); break;
      case 'oneOf': expect((rule as Json[]).filter((r) => sub(value, r).length === 0).length === 1, 'not one of the forms'); break;
      case 'minItems': expect(!Array.isArray(value) || value.length >= (rule as number), 'too few'); break;
      case 'maxItems': expect(!Array.isArray(value) || value.length <= (rule as number), 'too many'); break;
      case 'uniqueItems': expect(!Array.isArray(value) || new Set(value.map((v) => JSON.stringify(v))).size === value.length, 'twice'); break;
      case 'prefixItems': if (Array.isArray(value)) (rule as Json[]).forEach((r, i) => i < value.length && found.push(...sub(value[i]!, r, `${at}[${i}]`))); break;
      case 'items': if (Array.isArray(value)) value.forEach((v, i) => found.push(...sub(v, rule, `${at}[${i}]`))); break;
      case 'required': if (isObject(value)) (rule as string[]).forEach((k) => expect(k in value, `no ${k}`)); break;
      case 'properties': if (isObject(value)) Object.entries(rule as Schema).forEach(([k, r]) => k in value && found.push(...sub(value[k]!, r, `${at}.${k}`))); break;
      case 'additionalProperties':
        if (isObject(value))
          for (const k of Object.keys(value).filter((name) => !(name in ((schema.properties as Schema | undefined) ?? {}))))
            if (rule === false) expect(false, `unknown ${k}`);
            else if (rule !== true) found.push(...sub(value[k]!, rule, `${at}.${k}`));
        break;
      case 'pattern': expect(typeof value !== 'string' || new RegExp(rule as string).test(value), 'not of the pattern'); break;
      case 'maxLength': expect(typeof value !== 'string' || value.length <= (rule as number), 'too long'); break;
      case 'minimum': expect(typeof value !== 'number' || value >= (rule as number), 'too small'); break;
      case 'maximum': expect(typeof value !== 'number' || value <= (rule as number), 'too great'); break;
      default: throw new Error(`${at}: unknown keyword ${key}`);
    }
  }
  return found;
}

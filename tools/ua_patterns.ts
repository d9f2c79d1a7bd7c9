// ua_patterns.ts — from uap-core's regexes.yaml, crawler-user-agents.json and our own lists to
// one flat table.
//
//   node ua_patterns.cjs <node_modules> <table>
//
// One line a pattern, tab-separated: kind, flags, expression, name, version. Kinds: browser, os,
// bot, tv, console, tablet, mobile. Flags: i (caseless), c (a candidate that PCRE2 must confirm),
// - (neither). Name and version are templates in which $1…$9 stand for captures. The order of
// lines is the order of precedence. tools/gen_ua.c compiles the table.
//
// What is captured becomes a value that is kept, so a name may only be captured where the
// expression itself spells out the names it takes. Expressions that would copy free text
// ("^(.{0,200})/(\d+) CFNetwork") are left out, or serve only to tell robots.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

type Kind = "browser" | "os" | "bot" | "tv" | "console" | "tablet" | "mobile";

interface Row {
  kind: Kind;
  flags: string;
  regex: string;
  name: string;
  version: string;
}

interface UapCore {
  user_agent_parsers: {
    regex: string;
    family_replacement?: string;
    v1_replacement?: string;
  }[];
  os_parsers: { regex: string; os_replacement?: string; os_v1_replacement?: string }[];
  device_parsers: { regex: string; regex_flag?: string; device_replacement?: string }[];
}

// Application libraries and messengers whose requests come from people.
const NOT_ROBOTS = new Set(["okhttp", "Viber"]);

// Robots, libraries and driven browsers (and whoever leaves an address for complaints) beside those on
// the two lists.
const MORE_ROBOTS = [
  "headless",
  "phantomjs|slimerjs|puppeteer|selenium|webdriver|playwright|lighthouse|cypress/",
  "\\bcurl/|libcurl|\\bwget",
  "python-requests|python-urllib|python-httpx|\\bpython/\\d|aiohttp|pycurl",
  "go-http-client|\\bfasthttp|go-resty",
  "^java/|java-http-client|jakarta|apache-httpclient|apache-httpasyncclient|^jersey/",
  "libwww|\\blwp::|^perl|mechanize",
  "\\baxios/|node-fetch|\\bundici|^node(?:\\.js)?(?:/|$)|\\bgot \\(|superagent|^deno/|^bun/",
  "guzzle|^php/|^php |php-curl|symfony httpclient",
  "^ruby|faraday|\\bhttparty|^typhoeus|^rest-client/",
  "httpie|postmanruntime|insomnia/|restsharp|winhttp|powershell",
  "^reqwest/|^hyper/|^ureq/|^httpx/|^urlgrabber",
  "\\bhttps?://",
];

// Browsers that uap-core takes for another; before its own.
const MORE_BROWSERS: [string, string][] = [
  ["\\bDdg/(\\d+)", "DuckDuckGo"],
  ["\\bOculusBrowser/(\\d+)", "Oculus Browser"],
  ["\\bNintendoBrowser/(\\d+)", "Nintendo Browser"],
];

// Matched anywhere; a string that is several takes the first of tv, console, tablet, mobile.
const DEVICES: [Kind, string][] = [
  ["tv", "smart-?_? ?tv|google ?tv|apple ?tv|android ?tv|opera tv|philipstv|\\bmi ?tv\\b"],
  ["tv", "hbbtv|netcast|web0s|webos\\.tv|bravia|crkey|\\broku|viera|nettv|inettv|\\bdtv\\b"],
  ["tv", "\\btv safari|\\btv/|; aft[a-z]{1,4}[ ;)\\d]|chromecast|shield android"],
  ["console", "playstation|\\bxbox|nintendo|\\bwiiu?\\b"],
  ["tablet", "ipad|tablet(?:[^ ]|$| [^p])|playbook|\\bkindle|silk[/-]|\\bxoom\\b"],
  ["tablet", "nexus (?:7|9|10)\\b"],
  ["mobile", "iphone|ipod|mobi|windows phone|windows ce|blackberry|\\bbb10\\b|opera mini"],
  ["mobile", "\\bmidp|symbian|symbos|kaios|palm|\\bwebos/|nokia|j2me|up\\.browser|docomo"],
  ["mobile", "\\bkddi|dalvik/|series ?[346]0"],
];

function nameless(kind: Kind, flags: string, regex: string): Row {
  return { kind, flags, regex, name: "", version: "" };
}

// The source of the first capturing group, without its parentheses.
function firstGroup(regex: string): string {
  let depth = 0;
  let start = -1;
  let inClass = false;
  for (let i = 0; i < regex.length; i++) {
    const c = regex[i];
    if (c === "\\") {
      i++;
    } else if (inClass) {
      inClass = c !== "]";
    } else if (c === "[") {
      inClass = true;
    } else if (c === "(") {
      if (start < 0 && regex[i + 1] !== "?") {
        start = i;
        depth = 0;
      }
      depth++;
    } else if (c === ")" && --depth === 0 && start >= 0) {
      return regex.slice(start + 1, i);
    }
  }
  return "";
}

// Whether a group takes text that it does not spell out: a dot, a negated class, a repeated
// range, \w and the like.
function takesFreeText(group: string): boolean {
  return /(^|[^\\])\.|\[\^|\[[^\]]*-[^\]]+\](?:[+*{]|$)|\\[wWSD]/.test(group);
}

function replaceOnce(text: string, from: string, to: string): string {
  if (!text.includes(from)) {
    throw new Error(`uap-core changed: no "${from}" in its robot expression`);
  }
  return text.replace(from, to);
}

function browsers(core: UapCore): Row[] {
  const more = MORE_BROWSERS.map(
    ([regex, name]): Row => ({ kind: "browser", flags: "c", regex, name, version: "$1" }),
  );
  const theirs = core.user_agent_parsers.flatMap((p): Row[] => {
    const name = p.family_replacement ?? "$1";
    if (name.includes("$1") && takesFreeText(firstGroup(p.regex))) {
      const ofRobots = /bot|crawl|libwww/i.test(p.regex);
      return ofRobots ? [nameless("bot", "c", p.regex)] : [];
    }
    const version = p.v1_replacement ?? "$2";
    return [{ kind: "browser", flags: "c", regex: p.regex, name, version }];
  });
  return [...more, ...theirs];
}

function systems(core: UapCore): Row[] {
  return core.os_parsers.flatMap((p): Row[] => {
    const name = p.os_replacement ?? "$1";
    if (name.includes("$1") && takesFreeText(firstGroup(p.regex))) return [];
    const version = p.os_v1_replacement ?? "$2";
    return [{ kind: "os", flags: "c", regex: p.regex, name, version }];
  });
}

// "bot" must not take CUBOT telephones, nor "silk" Amazon's browser.
function spiders(core: UapCore): Row[] {
  return core.device_parsers
    .filter((p) => p.device_replacement === "Spider")
    .map((p) => {
      const general = p.regex.startsWith("^.{0,100}(bot|");
      const regex = general
        ? replaceOnce(replaceOnce(p.regex, "(bot|", "((?<!cu)bot|"), "|silk|", "|")
        : p.regex;
      return nameless("bot", p.regex_flag === "i" ? "ic" : "c", regex);
    });
}

function crawlers(list: { pattern: string }[]): Row[] {
  return list
    .filter((c) => !NOT_ROBOTS.has(c.pattern))
    .map((c) => nameless("bot", "-", c.pattern));
}

function own(): Row[] {
  const generic = "(?<!cu)bots?\\b|crawl(?:er|ing)|spider|scraper|archiver";
  const mailbox = "^(?!.*gecko).*[a-z0-9._-]@[a-z0-9-]+\\.[a-z]";
  return [
    nameless("bot", "ic", generic),
    nameless("bot", "ic", mailbox),
    ...MORE_ROBOTS.map((regex) => nameless("bot", "i", regex)),
    ...DEVICES.map(([kind, regex]) => nameless(kind, "i", regex)),
  ];
}

function line(r: Row): string {
  const fields = [r.kind, r.flags, r.regex, r.name, r.version];
  if (fields.some((f) => /[\t\r\n\0]/.test(f))) {
    throw new Error(`a control character in ${JSON.stringify(r)}`);
  }
  return fields.join("\t") + "\n";
}

const [modules, out] = process.argv.slice(2);
if (modules === undefined || out === undefined) {
  throw new Error("usage: ua_patterns <node_modules> <table>");
}
const core = parse(readFileSync(join(modules, "uap-core", "regexes.yaml"), "utf8")) as UapCore;
const known = JSON.parse(
  readFileSync(join(modules, "crawler-user-agents", "crawler-user-agents.json"), "utf8"),
) as { pattern: string }[];
const rows = [...browsers(core), ...systems(core), ...spiders(core), ...crawlers(known), ...own()];
writeFileSync(out, rows.map(line).join(""));

// What the server serves from web/: the tracker and the dashboard, bundled, minified and named by content.
// Used by build_web.ts (which writes them into a C file) and by the browser tests (which serve them).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { BuildOptions, BuildResult } from 'esbuild';

/** Bytes, brotli. */
export const LIMITS: Record<string, number> = { '/t.js': 1024, '/t.cookie.js': 1600 };

const TRACKER = ['t', 't.vitals', 't.forms']; // and what site owners may load beside it
const WITH_COOKIE = 't.cookie'; // may be loaded instead

export interface Asset {
  paths: string[];
  contentType: string;
  immutable: boolean;
  etag: string;
  raw: Buffer;
  gzip: Buffer;
  brotli: Buffer;
}

export interface Bundle {
  assets: Asset[];
  inputs: string[]; // every source file read
}

interface Built {
  files: { name: string; bytes: Buffer }[];
  inputs: string[];
}

const shared: BuildOptions = {
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
};

export async function bundleWeb(root: string): Promise<Bundle> {
  const trackerOf = (names: string[], more: BuildOptions = {}): Promise<Built> =>
    build(root, {
      ...shared,
      entryPoints: names.map((name) => join(root, `web/tracker/${name}.ts`)),
      format: 'iife',
      target: 'es2020',
      outdir: root,
      // No "use strict" in the output: eleven bytes, and nothing here depends on it.
      tsconfigRaw: { compilerOptions: { alwaysStrict: false, strict: false } },
      ...more,
    });
  const tracker = await trackerOf(TRACKER);
  // Its gate exports `fetch`, which takes the place of the browser's in the whole bundle.
  const withCookie = await trackerOf([WITH_COOKIE], { inject: [join(root, 'web/tracker/gate.ts')] });
  const app = await build(root, {
    ...shared,
    entryPoints: [join(root, 'web/dashboard/main.tsx')],
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
    outfile: join(root, 'app.js'),
  });

  const script = named(app, 'app.js');
  const style = named(app, 'app.css');
  const scriptPath = `/assets/app-${digest(script)}.js`;
  const stylePath = `/assets/app-${digest(style)}.css`;
  const page = join(root, 'web/dashboard/index.html');
  const icon = join(root, 'web/dashboard/favicon.svg');
  const html = readFileSync(page, 'utf8').replace('{{script}}', scriptPath).replace('{{style}}', stylePath);

  const scripts = [...TRACKER, WITH_COOKIE].map((name) =>
    asset([`/${name}.js`], 'text/javascript; charset=utf-8', named(name === WITH_COOKIE ? withCookie : tracker, `${name}.js`)),
  );
  for (const { paths: [path = ''], brotli } of scripts) {
    const limit = LIMITS[path] ?? Infinity;
    if (brotli.length > limit) throw new Error(`${path} is ${brotli.length} bytes under brotli; the limit is ${limit}`);
  }
  return {
    assets: [
      ...scripts,
      asset(['/', '/index.html'], 'text/html; charset=utf-8', Buffer.from(html)),
      asset([scriptPath], 'text/javascript; charset=utf-8', script, true),
      asset([stylePath], 'text/css; charset=utf-8', style, true),
      asset(['/favicon.svg'], 'image/svg+xml', readFileSync(icon)),
    ],
    inputs: [...tracker.inputs, ...withCookie.inputs, ...app.inputs, page, icon],
  };
}

async function build(root: string, options: BuildOptions): Promise<Built> {
  // Resolved from the source tree: the bundle of this file runs from the build folder.
  const esbuild = createRequire(join(root, 'package.json'))('esbuild') as typeof import('esbuild');
  const result: BuildResult = await esbuild.build({ ...options, absWorkingDir: root });
  return {
    files: (result.outputFiles ?? []).map((file) => ({
      name: basename(file.path),
      bytes: Buffer.from(file.contents),
    })),
    inputs: Object.keys(result.metafile?.inputs ?? {}).map((path) => join(root, path)),
  };
}

function named(built: Built, name: string): Buffer {
  const file = built.files.find((each) => each.name === name);
  if (!file) throw new Error(`esbuild gave no ${name}`);
  return file.bytes;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}

function asset(paths: string[], contentType: string, raw: Buffer, immutable = false): Asset {
  return {
    paths,
    contentType,
    immutable,
    etag: `"${digest(raw)}"`,
    raw,
    gzip: gzipSync(raw, { level: 9 }),
    brotli: brotliCompressSync(raw, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
      },
    }),
  };
}

// Bundles the extension and the page of the graph view, and gathers the licences of what is in them.

import { build } from 'esbuild';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const common = {
  bundle: true,
  minify: process.argv.includes('--minify'),
  metafile: true,
  legalComments: 'none',
  target: 'es2022',
};

const results = await Promise.all([
  build({
    ...common,
    entryPoints: ['src/extension.ts'],
    outfile: 'dist/extension.js',
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
  }),
  build({ ...common, entryPoints: ['src/page.ts'], outfile: 'dist/page.js', platform: 'browser', format: 'iife' }),
]);

const inputs = results.flatMap(result => Object.keys(result.metafile.inputs));
const packages = new Set(inputs.flatMap(input => input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []));
const licence = folder => {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const names = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'License.txt', 'license', 'LICENCE'];
  const file = names.map(one => join(folder, one)).find(existsSync);
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${version}\n\n${readFileSync(file, 'utf8').trim()}\n`;
};
const own = ['MIT', 'APACHE'].map(name => readFileSync(`../../../LICENSE-${name}`, 'utf8').trim());
const parts = [`llmp, at your option under\n\n${own.join('\n\nor\n\n')}\n`, ...[...packages].sort().map(licence)];
writeFileSync('dist/LICENSES.txt', parts.join(`\n${'-'.repeat(80)}\n\n`));

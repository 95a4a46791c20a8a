// The pictures of VS Code: does what a person does in a real one, and takes pictures. It waits for all that the pictures
// show, and fails where something does not appear.
//
//     node vscode.mjs URL FOLDER [PICTURE…]
//
// URL is code-server's, with the extension installed. See README.md beside this file.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Code } from '../vscode/test/code/code.mjs';

const [url, folder, ...wanted] = process.argv.slice(2);
const here = import.meta.dirname;
const file = 'who-is.llmp';
const original = readFileSync(join(folder, file), 'utf8');
const code = await Code.open(url, folder, file);
const { page } = code;

/** What is done for each picture. */
const PICTURES = {
  // States at the stages, Run, Why and Log above them.
  async 'dry-run'() {
    await page.locator('.codelens-decoration', { hasText: 'Why' }).first().waitFor();
    await page.getByText('cached').first().waitFor();
  },

  async mistake() {
    await code.replace(original, 'filter.language', 'filter.langage');
    await page.locator('.squiggly-error').first().waitFor();
    await code.command('Show or Focus Hover');
    await page.locator('.monaco-hover', { hasText: 'filter.language' }).first().waitFor();
  },

  async hover() {
    await code.goBehind(original, 'min_sc');
    await code.command('Show or Focus Hover');
    await page.locator('.monaco-hover', { hasText: 'Ratio' }).first().waitFor();
  },

  async completion() {
    await code.replace(original, 'batch = 8', 'o');
    await code.press('Control+Space');
    await page.locator('.suggest-widget .monaco-list-row', { hasText: 'optimizer' }).first().waitFor();
  },

  // Another setting: what would run again, and why.
  async 're-run'() {
    await code.replace(original, 'epochs = 6', 'epochs = 8');
    await page.getByText(/re-run/).first().waitFor();
  },

  // The graph, coloured; a click leads to the text.
  async graph() {
    await code.replace(original, 'epochs = 6', 'epochs = 8');
    await page.getByText(/re-run/).first().waitFor();
    await code.command('llmp: Graph');
    await code.graph().locator('svg .jump').first().waitFor();
    await code.graph().locator('.jump', { hasText: 'honest' }).first().click();
    await page.locator('.monaco-editor .selected-text').first().waitFor();
  },
};

try {
  await code.revert();
  for (const [name, show] of Object.entries(PICTURES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await show();
    await code.pause(400);
    await page.screenshot({ path: join(here, `${name}.png`) });
    console.log(`${name}.png`);
    await code.revert();
  }
} catch (error) {
  await page.screenshot({ path: join(here, 'failed.png') });
  throw error;
} finally {
  writeFileSync(join(folder, file), original);
  await code.close();
}

// The pictures of VS Code: opens a real one (code-server) with the extension in Chromium, does what a person does, and
// takes pictures. It waits for all that the pictures show, and fails where something does not appear.
//
//     node vscode.mjs URL FOLDER [PICTURE…]
//
// URL is code-server's, with the extension installed and FOLDER opened; the current folder has playwright-core installed.
// See README.md beside this file.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { chromium } = createRequire(join(process.cwd(), 'here'))('playwright-core');

const [url, folder, ...wanted] = process.argv.slice(2);
const here = import.meta.dirname;
const file = 'who-is.llmp';
const original = readFileSync(join(folder, file), 'utf8');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--font-render-hinting=none'],
});
const page = await browser.newPage({ viewport: { width: 1100, height: 640 } });
page.setDefaultTimeout(30_000);

const pause = milliseconds => page.waitForTimeout(milliseconds);
/** Runs a command of the palette. */
async function command(title) {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget input').first().fill(`>${title}`);
  await page.locator('.quick-input-list .monaco-list-row').first().waitFor();
  await pause(300);
  await page.keyboard.press('Enter');
  await pause(400);
}

/** Puts the cursor at a line and a column. */
async function go(line, column) {
  await page.keyboard.press('Control+g');
  await page.locator('.quick-input-widget input').first().fill(`:${line},${column}`);
  await pause(200);
  await page.keyboard.press('Enter');
  await pause(200);
}

/** Where a text of the pipeline is: line and column, counted from 1, of the character behind it. */
function behind(text) {
  const at = original.indexOf(text);
  if (at < 0) throw new Error(`\`${text}\` is not in ${file}`);
  const lines = original.slice(0, at + text.length).split('\n');
  return [lines.length, lines.at(-1).length + 1];
}

/** Replaces a text of the pipeline as the editor has it. */
async function replace(from, to) {
  await go(...behind(from));
  for (let left = from.length; left > 0; left--) await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.insertText(to);
  await pause(300);
}

async function revert() {
  await page.keyboard.press('Escape');
  await command('File: Revert File');
  await pause(800);
}

/** What is done for each picture. */
const PICTURES = {
  // States at the stages, Run, Why and Log above them.
  async 'dry-run'() {
    await page.locator('.codelens-decoration', { hasText: 'Why' }).first().waitFor();
    await page.getByText('cached').first().waitFor();
  },

  async mistake() {
    await replace('filter.language', 'filter.langage');
    await page.locator('.squiggly-error').first().waitFor();
    await command('Show or Focus Hover');
    await page.locator('.monaco-hover', { hasText: 'filter.language' }).first().waitFor();
  },

  async hover() {
    await go(...behind('min_sc'));
    await command('Show or Focus Hover');
    await page.locator('.monaco-hover', { hasText: 'Ratio' }).first().waitFor();
  },

  async completion() {
    await replace('batch = 8', 'o');
    await page.keyboard.press('Control+Space');
    await page.locator('.suggest-widget .monaco-list-row', { hasText: 'optimizer' }).first().waitFor();
  },

  // Another setting: what would run again, and why.
  async 're-run'() {
    await replace('epochs = 6', 'epochs = 8');
    await page.getByText(/re-run/).first().waitFor();
  },

  // The graph, coloured; a click leads to the text.
  async graph() {
    await replace('epochs = 6', 'epochs = 8');
    await page.getByText(/re-run/).first().waitFor();
    await command('llmp: Graph');
    const view = page.frameLocator('iframe.webview').frameLocator('#active-frame');
    await view.locator('svg .jump').first().waitFor();
    await view.locator('.jump', { hasText: 'honest' }).first().click();
    await page.locator('.monaco-editor .selected-text').first().waitFor();
  },
};

try {
  await page.goto(`${url}/?folder=${folder}`);
  await page.locator('.monaco-workbench').waitFor();
  await pause(3_000);
  await page.keyboard.press('Control+p');
  await page.locator('.quick-input-widget input').first().fill(file);
  await page.locator('.quick-input-list .monaco-list-row').first().waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.monaco-editor .view-lines').waitFor();
  await command('View: Toggle Primary Side Bar Visibility');
  await revert();

  for (const [name, show] of Object.entries(PICTURES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await show();
    await pause(400);
    await page.screenshot({ path: join(here, `${name}.png`) });
    console.log(`${name}.png`);
    await revert();
  }
} catch (error) {
  await page.screenshot({ path: join(here, 'failed.png') });
  throw error;
} finally {
  writeFileSync(join(folder, file), original);
  await browser.close();
}

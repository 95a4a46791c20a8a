// What a person does in a real VS Code with the extension: mends, formats, renames, runs, asks why, looks at the graph. It
// fails at the first thing that is not as it should be, and leaves a picture of it.
//
//     node user.mjs URL
//
// URL is code-server's; `../../../pictures/README.md` says how to start it.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Code } from './code.mjs';

const [url] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'llmp-user-'));
const path = name => join(folder, name);
const read = name => readFileSync(path(name), 'utf8');
const examples = join(import.meta.dirname, '../../../nvim/test');

for (const name of ['main.llmp', 'common.llmp']) cpSync(join(examples, name), path(name));
writeFileSync(path('main.llmp'), `${read('main.llmp')}profile smoke { long.min_words = 10 }  /// fewer words\n`);
for (const name of ['data', '.llmp', '.vscode']) mkdirSync(path(name));
writeFileSync(path('data/a.jsonl'), '{"text": "A document."}\n');
const json = (name, value) => writeFileSync(path(name), JSON.stringify(value));
json('.vscode/settings.json', {
  'chat.disableAIFeatures': true,
  'editor.formatOnSave': true,
  'editor.minimap.enabled': false,
  'files.autoSave': 'off',
  'terminal.integrated.gpuAcceleration': 'off',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
});
json('.vscode/tasks.json', {
  version: '2.0.0',
  tasks: [
    {
      label: 'check',
      group: { kind: 'build', isDefault: true },
      type: 'process',
      command: 'llmp',
      args: ['check', '${workspaceFolder}/wrong.llmp'],
      problemMatcher: ['$llmp-error', '$llmp-warning'],
    },
  ],
});
writeFileSync(path('wrong.llmp'), 'docs = crawl.docs("a") |> filter.qualty\n');

const code = await Code.open(url, folder, 'main.llmp');
const { page } = code;

/** Waits until a file is as it should be. */
async function saved(name, part) {
  for (let left = 600; !read(name).includes(part); left--) {
    assert.ok(left > 0, `\`${part}\` is not in:\n${read(name)}`);
    await code.pause(100);
  }
}

const lens = title => page.locator('.codelens-decoration a', { hasText: new RegExp(`^${title}`) });
const terminal = text => page.locator('.xterm-rows', { hasText: text }).first();

const STEPS = {
  async 'a mistake has a fix'() {
    await page.locator('.squiggly-error').first().waitFor();
    await code.goBehind(read('main.llmp'), 'filter.qu');
    await code.press('Control+.');
    await page.locator('.action-widget', { hasText: 'quality' }).waitFor();
    await code.pause(500);
    await code.press('Enter');
    await page.waitForFunction(() => !document.querySelector('.squiggly-error'));
  },

  async 'saving formats'() {
    await code.press('Control+s');
    await saved('main.llmp', '|> filter.quality { min_words = 20 }');
  },

  async 'renaming goes across files'() {
    await code.goBehind(read('main.llmp'), 'docs  = cl');
    await code.press('F2');
    await page.locator('.rename-box input').fill('tidy');
    await code.press('Enter');
    await code.pause(1_000);
    await code.command('File: Save All Files');
    await saved('main.llmp', 'tidy(crawl');
    await saved('common.llmp', 'def tidy(raw: Docs)');
  },

  async 'snippets'() {
    await code.press('Control+End');
    await page.keyboard.type('profile');
    await page.locator('.suggest-widget .monaco-list-row', { hasText: 'Profile' }).first().waitFor();
    await code.command('Insert Snippet');
    await page.keyboard.type('Profile');
    await code.pause(500);
    await code.press('Enter');
    await page.locator('.view-line', { hasText: 'profilesmoke' }).or(page.getByText('100k')).first().waitFor();
    await code.revert();
  },

  async 'Choose Profiles'() {
    await code.command('llmp: Choose Profiles');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'fewer words' }).click();
    await code.press('Enter');
    await page.locator('.statusbar-item', { hasText: 'smoke' }).waitFor();
    await saved('.vscode/settings.json', '"smoke"');
  },

  async 'Run above a stage'() {
    await lens('Run').first().click();
    await terminal('run 1 done').waitFor();
  },

  async 'cached stages say so'() {
    await page.getByText('cached').first().waitFor();
  },

  async 'Why above a stage'() {
    await lens('Why').first().click();
    await page.getByText('llmp why docs - Task').first().waitFor();
    await terminal('docs').waitFor();
  },

  async 'Log above a stage'() {
    await lens('Log').first().click();
    await page.getByText('llmp log docs - Task').first().waitFor();
    await terminal('docs').waitFor();
  },

  async 'a click in the graph leads to the text'() {
    await code.command('llmp: Graph');
    await code.graph().locator('.jump', { hasText: 'index' }).first().click();
    await page.locator('.statusbar-item', { hasText: 'Ln 5, Col' }).waitFor();
    await code.command('View: Close All Editors');
  },

  async 'matchers read what tasks say'() {
    await code.command('Tasks: Run Build Task');
    // The first lines of the message may have left the view.
    await terminal('says more').waitFor();
    await code.command('Problems: Focus on Problems View');
    await page.locator('.markers-panel', { hasText: 'filter.qualty' }).waitFor();
  },

  async 'Restart Server'() {
    await code.openFile('wrong.llmp');
    await page.locator('.squiggly-error').first().waitFor();
    await code.command('llmp: Restart Server');
    await code.pause(500);
    await page.locator('.squiggly-error').first().waitFor();
  },
};

for (const [name, step] of Object.entries(STEPS)) {
  try {
    await step();
    console.log(`fine: ${name}`);
    if (process.env.PICTURES) await page.screenshot({ path: path(`${name.replaceAll(' ', '-')}.png`) });
  } catch (error) {
    await page.screenshot({ path: path('failed.png') });
    console.error(`FAILED: ${name}; see ${path('failed.png')}`);
    console.error(error);
    process.exitCode = 1;
    break;
  }
}
await code.close();
if (process.env.PICTURES) console.log(folder);

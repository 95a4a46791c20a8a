// A real VS Code (code-server) in Chromium, and what a person does there. The current folder has playwright-core installed.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const { chromium } = createRequire(join(process.cwd(), 'here'))('playwright-core');

export class Code {
  /** Opens code-server's `url` with a file of `folder`. */
  static async open(url, folder, file) {
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--font-render-hinting=none'],
    });
    const code = new Code(browser, await browser.newPage({ viewport: { width: 1100, height: 640 } }));
    code.page.setDefaultTimeout(400_000);
    const payload = JSON.stringify([['openFile', `vscode-remote://${new URL(url).host}${folder}/${file}`]]);
    await code.page.goto(`${url}/?${new URLSearchParams({ folder, payload })}`, { waitUntil: 'commit' });
    await code.shows(file);
    await code.command('View: Close Primary Side Bar');
    const chat = code.page.locator('.part.auxiliarybar .codicon-close').first();
    if (await chat.isVisible()) await chat.click();
    return code;
  }

  constructor(browser, page) {
    this.browser = browser;
    this.page = page;
  }

  close() {
    return this.browser.close();
  }

  pause(milliseconds) {
    return this.page.waitForTimeout(milliseconds);
  }

  press(...keys) {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  /** Chooses the first of the offers behind a key, for what is typed there, once it is `offer`. */
  async choose(key, typed, offer) {
    await this.press(key);
    await this.page.locator('.quick-input-widget input[type=text]').first().fill(typed);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: offer }).first().waitFor();
    await this.pause(300);
    await this.press('Enter');
    await this.pause(400);
  }

  /** Runs a command of the palette. */
  command(title) {
    return this.choose('F1', `>${title}`, title);
  }

  async openFile(name) {
    await this.choose('Control+p', name, name);
    await this.shows(name);
  }

  async shows(name) {
    await this.page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
    await this.page.locator('.monaco-editor .view-lines').first().waitFor();
  }

  /** Puts the cursor at a line and a column. */
  async go(line, column) {
    await this.choose('Control+g', `:${line},${column}`, `${line}`);
  }

  /** Puts the cursor behind `part` of `text`, which the editor shows. */
  async goBehind(text, part) {
    const at = text.indexOf(part);
    if (at < 0) throw new Error(`\`${part}\` is not in:\n${text}`);
    const lines = text.slice(0, at + part.length).split('\n');
    await this.go(lines.length, lines.at(-1).length + 1);
  }

  /** Replaces `from` in `text`, which the editor shows. */
  async replace(text, from, to) {
    await this.goBehind(text, from);
    for (let left = from.length; left > 0; left--) await this.press('Shift+ArrowLeft');
    await this.page.keyboard.insertText(to);
    await this.pause(300);
  }

  async revert() {
    await this.press('Escape');
    await this.command('File: Revert File');
    await this.pause(800);
  }

  /** The page of the graph view. */
  graph() {
    return this.page.frameLocator('iframe.webview').frameLocator('#active-frame');
  }
}

// The extension: a language client for `llmp lsp`, commands that run `llmp`, and the view of the graph.

import { access, constants } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, type Executable } from 'vscode-languageclient/node';

import { Graph } from './graph';
import { log, run, why } from './tasks';
import { chooseProfiles, ProfileStatus } from './profiles';

/** What code lenses do, too. */
const LENSES = { 'llmp.run': run, 'llmp.why': why, 'llmp.log': log };

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const graph = new Graph(context.extensionUri, () => client);
  const commands: Record<string, (...args: never[]) => unknown> = {
    ...LENSES,
    'llmp.graph': () => graph.open(),
    'llmp.profiles': () => chooseProfiles(client),
    'llmp.restart': restart,
  };
  for (const [name, command] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(name, command));
  }
  context.subscriptions.push(
    graph,
    new ProfileStatus(),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration(change => {
      if (change.affectsConfiguration('llmp.server')) void restart();
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function restart(): Promise<void> {
  const old = client;
  client = undefined;
  await old?.dispose();
  await start();
}

async function start(): Promise<void> {
  const settings = vscode.workspace.getConfiguration('llmp');
  const command = settings.get('server.path', 'llmp');
  if (!(await isProgram(command))) {
    void offerPath(command);
    return;
  }
  const server: Executable = { command, args: ['lsp'] };
  client = new LanguageClient('llmp', 'llmp', server, {
    documentSelector: [{ language: 'llmp', scheme: 'file' }, { language: 'llmp', scheme: 'untitled' }],
    // The commands of code lenses are ours: they open terminals.
    initializationOptions: { profiles: settings.get('profiles'), commands: Object.keys(LENSES) },
    synchronize: { configurationSection: 'llmp' },
    revealOutputChannelOn: RevealOutputChannelOn.Never,
  });
  try {
    await client.start();
  } catch {
    // The client has said so.
  }
}

/** Whether a program can be started: a path, or a name that is looked up in `PATH`. */
async function isProgram(command: string): Promise<boolean> {
  const folders = command === basename(command) ? (process.env.PATH ?? '').split(delimiter) : [''];
  const endings = process.platform === 'win32' ? ['', '.exe', '.cmd', '.bat'] : [''];
  const paths = folders.flatMap(folder => endings.map(ending => join(folder, command + ending)));
  const found = await Promise.allSettled(paths.map(path => access(path, constants.X_OK)));
  return found.some(({ status }) => status === 'fulfilled');
}

async function offerPath(command: string): Promise<void> {
  const setPath = 'Set Path';
  const message = `llmp: there is no program \`${command}\`: only highlighting and snippets work`;
  if ((await vscode.window.showErrorMessage(message, setPath)) === setPath) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'llmp.server.path');
  }
}

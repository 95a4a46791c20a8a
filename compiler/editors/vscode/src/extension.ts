// The extension: a language client for `llmp lsp`, commands that run `llmp`, and the view of the graph.

import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, type Executable } from 'vscode-languageclient/node';

import { Graph } from './graph';
import { log, run, why } from './tasks';
import { chooseProfiles, ProfileStatus } from './profiles';

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const graph = new Graph(context.extensionUri, () => client);
  const commands: Record<string, (...args: never[]) => unknown> = {
    'llmp.run': run,
    'llmp.why': why,
    'llmp.log': log,
    'llmp.graph': () => graph.open(),
    'llmp.profiles': chooseProfiles,
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
  const server: Executable = { command, args: ['lsp'] };
  const started = new LanguageClient('llmp', 'llmp', server, {
    documentSelector: [{ language: 'llmp', scheme: 'file' }, { language: 'llmp', scheme: 'untitled' }],
    initializationOptions: { profiles: settings.get('profiles') },
    synchronize: { configurationSection: 'llmp' },
    revealOutputChannelOn: RevealOutputChannelOn.Never,
  });
  client = started;
  try {
    await started.start();
  } catch (error) {
    const setPath = 'Set Path';
    const chosen = await vscode.window.showErrorMessage(
      `llmp: \`${command} lsp\` did not start: ${error instanceof Error ? error.message : String(error)}`,
      setPath,
    );
    if (chosen === setPath) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'llmp.server.path');
    }
  }
}

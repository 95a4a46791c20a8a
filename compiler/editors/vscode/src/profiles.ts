// The profiles that pipelines are checked, planned and run with: the setting `llmp.profiles`.

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

const chosen = (): string[] => vscode.workspace.getConfiguration('llmp').get<string[]>('profiles', []);

/** The answer to `llmp/profiles`. */
interface Profiles {
  profiles: { name: string; docs: string }[];
}

/** Lets the user choose among the profiles of the open pipeline. */
export async function chooseProfiles(client: LanguageClient | undefined): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== 'llmp' || !client?.isRunning()) return;
  const params = { textDocument: { uri: client.code2ProtocolConverter.asUri(document.uri) } };
  const { profiles } = await client.sendRequest<Profiles>('llmp/profiles', params);
  if (profiles.length === 0) {
    void vscode.window.showInformationMessage('llmp: this pipeline has no profiles');
    return;
  }
  const before = chosen();
  const items = profiles.map(({ name, docs }) => ({ label: name, detail: docs, picked: before.includes(name) }));
  const picked = await vscode.window.showQuickPick(items, {
    canPickMany: true,
    title: 'llmp: profiles',
    placeHolder: 'None: the pipeline as it is written',
  });
  if (picked === undefined) return;
  const target = vscode.workspace.workspaceFolders
    ? vscode.ConfigurationTarget.Workspace
    : vscode.ConfigurationTarget.Global;
  const names = picked.map(item => item.label);
  await vscode.workspace.getConfiguration('llmp').update('profiles', names.length > 0 ? names : undefined, target);
}

/** Shows the chosen profiles in the status bar while a pipeline is open. */
export class ProfileStatus implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('llmp.profiles', vscode.StatusBarAlignment.Right, 90);
  private readonly listeners = [
    vscode.window.onDidChangeActiveTextEditor(() => this.show()),
    vscode.workspace.onDidChangeConfiguration(() => this.show()),
  ];

  constructor() {
    this.item.name = 'llmp Profiles';
    this.item.tooltip = 'Profiles that this pipeline is checked, planned and run with';
    this.item.command = 'llmp.profiles';
    this.show();
  }

  dispose(): void {
    this.item.dispose();
    this.listeners.forEach(listener => listener.dispose());
  }

  private show(): void {
    if (vscode.window.activeTextEditor?.document.languageId !== 'llmp') {
      this.item.hide();
      return;
    }
    this.item.text = `$(settings) ${chosen().join(', ') || 'no profile'}`;
    this.item.show();
  }
}

// The profiles that pipelines are checked, planned and run with: the setting `llmp.profiles`.

import * as vscode from 'vscode';

const chosen = (): string[] => vscode.workspace.getConfiguration('llmp').get<string[]>('profiles', []);

/** Lets the user choose among the profiles of the open file and its imports. */
export async function chooseProfiles(): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== 'llmp') return;
  const before = chosen();
  const names = await profilesOf(document);
  if (names.length === 0) {
    void vscode.window.showInformationMessage('llmp: this pipeline has no profiles');
    return;
  }
  const items = names.map(label => ({ label, picked: before.includes(label) }));
  const picked = await vscode.window.showQuickPick(items, {
    canPickMany: true,
    title: 'llmp: profiles',
    placeHolder: 'None: the pipeline as it is written',
  });
  if (picked === undefined) return;
  const target = vscode.workspace.workspaceFolders
    ? vscode.ConfigurationTarget.Workspace
    : vscode.ConfigurationTarget.Global;
  // Profiles of other pipelines stay chosen.
  const profiles = [...before.filter(name => !names.includes(name)), ...picked.map(item => item.label)];
  await vscode.workspace.getConfiguration('llmp').update('profiles', profiles.length > 0 ? profiles : undefined, target);
}

/** Names of profiles in a document and what it imports, in order. */
async function profilesOf(main: vscode.TextDocument): Promise<string[]> {
  const documents = [main];
  const seen = new Set([main.uri.toString()]);
  const names = new Set<string>();
  for (let document = documents.shift(); document !== undefined; document = documents.shift()) {
    const text = document.getText();
    for (const [, name] of text.matchAll(/^\s*profile\s+([A-Za-z_]\w*)/gm)) names.add(name!);
    for (const [, path] of text.matchAll(/^\s*import\s*"([^"\\\n]+)"/gm)) {
      const uri = vscode.Uri.joinPath(document.uri, '..', path!);
      if (seen.has(uri.toString()) || seen.size > 256) continue;
      seen.add(uri.toString());
      try {
        documents.push(await vscode.workspace.openTextDocument(uri));
      } catch {
        // The server says that it is missing.
      }
    }
  }
  return [...names];
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

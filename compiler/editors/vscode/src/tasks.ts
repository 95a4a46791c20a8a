// Run, Why and Log: `llmp` as tasks, whose terminals stay open and whose messages become problems.

import { dirname } from 'node:path';
import * as vscode from 'vscode';

/** `llmp run`, as far as a stage where a code lens says so, else of the whole pipeline. */
export const run = (uri?: unknown, stage?: unknown): Promise<void> => execute('run', uri, stage);

/** `llmp why`, of a stage; asks which where a code lens does not say so. */
export const why = (uri?: unknown, stage?: unknown): Promise<void> => execute('why', uri, stage);

/** `llmp log`, of a stage. */
export const log = (uri?: unknown, stage?: unknown): Promise<void> => execute('log', uri, stage);

/** Code lenses give a document's URI and a stage; a menu gives a URI object and other things; the palette gives nothing. */
async function execute(verb: 'run' | 'why' | 'log', uri: unknown, stage?: unknown): Promise<void> {
  if (!vscode.workspace.isTrusted) return;
  const target = documentUri(uri);
  if (target?.scheme !== 'file') {
    void vscode.window.showWarningMessage('llmp: open a .llmp file on disk first');
    return;
  }
  const given = typeof stage === 'string' ? stage : undefined;
  const name = verb === 'run' ? given : (given ?? (await askForStage(target, verb)));
  if (verb !== 'run' && name === undefined) return;
  const open = vscode.workspace.textDocuments.find(document => document.uri.toString() === target.toString());
  if (open?.isDirty) await open.save();

  const settings = vscode.workspace.getConfiguration('llmp', target);
  const profiles = settings.get<string[]>('profiles', []).flatMap(profile => ['--profile', profile]);
  const names = name === undefined ? [] : [name];
  const args =
    verb === 'run'
      ? [verb, ...profiles, ...names.flatMap(stage => ['--to', stage]), '--', target.fsPath]
      : [verb, ...profiles, '--', ...names, target.fsPath];
  const folder = vscode.workspace.getWorkspaceFolder(target);
  const task = new vscode.Task(
    { type: 'process' },
    folder ?? vscode.TaskScope.Workspace,
    ['llmp', verb, name].filter(part => part !== undefined).join(' '),
    'llmp',
    new vscode.ProcessExecution(settings.get('server.path', 'llmp'), args, { cwd: dirname(target.fsPath) }),
    // Messages name files as seen from the pipeline's folder, matchers as seen from the workspace's.
    folder?.uri.fsPath === dirname(target.fsPath) ? ['$llmp-error', '$llmp-warning'] : [],
  );
  task.presentationOptions = { clear: true, showReuseMessage: false };
  await vscode.tasks.executeTask(task);
}

function documentUri(uri: unknown): vscode.Uri | undefined {
  if (typeof uri === 'string') return vscode.Uri.parse(uri, true);
  if (uri instanceof vscode.Uri) return uri;
  const active = vscode.window.activeTextEditor?.document;
  return active?.languageId === 'llmp' ? active.uri : undefined;
}

async function askForStage(uri: vscode.Uri, verb: string): Promise<string | undefined> {
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
    'vscode.executeDocumentSymbolProvider',
    uri,
  );
  const names = (symbols ?? []).filter(symbol => symbol.kind === vscode.SymbolKind.Variable).map(symbol => symbol.name);
  if (names.length > 0) return vscode.window.showQuickPick(names, { title: `llmp ${verb}: which stage?` });
  return vscode.window.showInputBox({ title: `llmp ${verb}`, prompt: 'A stage, such as `base` or `docs/filter.urls`' });
}

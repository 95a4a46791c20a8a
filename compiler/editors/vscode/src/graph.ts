// The view of the graph: an SVG that the server draws, in a web view that may load nothing else.

import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

/** A stage in the drawing: the `id` of its element there, and where it is written. */
interface GraphNode {
  id: string;
  uri: string;
  range: { start: vscode.Position; end: vscode.Position };
  state?: string;
}

/** The answer to `llmp/graph`. */
interface Drawing {
  svg: string;
  nodes: GraphNode[];
}

/** How long the text must rest before the graph is drawn again. */
const REST = 300;
/** How often it is drawn while a stage runs. */
const RUNNING = 1_000;

export class Graph implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private uri: vscode.Uri | undefined;
  private nodes = new Map<string, GraphNode>();
  private timer: NodeJS.Timeout | undefined;
  private readonly listeners: vscode.Disposable[];

  constructor(
    private readonly extension: vscode.Uri,
    private readonly client: () => LanguageClient | undefined,
  ) {
    const store = vscode.workspace.createFileSystemWatcher('**/.llmp/ledger');
    this.listeners = [
      store,
      store.onDidChange(() => this.refreshIn(REST)),
      store.onDidCreate(() => this.refreshIn(REST)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.languageId === 'llmp') this.refreshIn(REST);
      }),
      vscode.workspace.onDidChangeConfiguration(change => {
        if (change.affectsConfiguration('llmp')) this.refreshIn(REST);
      }),
      vscode.window.onDidChangeActiveTextEditor(editor => {
        if (this.panel && editor?.document.languageId === 'llmp') this.follow(editor.document.uri);
      }),
    ];
  }

  /** Shows the graph of the open pipeline beside it. */
  open(): void {
    const document = vscode.window.activeTextEditor?.document;
    if (document?.languageId === 'llmp') this.uri = document.uri;
    if (!this.uri) return;
    if (this.panel) {
      this.panel.reveal(undefined, true);
    } else {
      this.panel = vscode.window.createWebviewPanel(
        'llmp.graph',
        'llmp graph',
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
        { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(this.extension, 'dist')] },
      );
      this.panel.webview.html = this.page(this.panel.webview);
      this.panel.webview.onDidReceiveMessage(message => this.received(message));
      this.panel.onDidChangeViewState(() => this.refreshIn(0));
      this.panel.onDidDispose(() => {
        this.panel = undefined;
        clearTimeout(this.timer);
      });
    }
    this.follow(this.uri);
  }

  dispose(): void {
    this.panel?.dispose();
    this.listeners.forEach(listener => listener.dispose());
  }

  private follow(uri: vscode.Uri): void {
    this.uri = uri;
    if (this.panel) this.panel.title = `Graph of ${uri.path.split('/').pop()}`;
    this.refreshIn(0);
  }

  private refreshIn(milliseconds: number): void {
    if (!this.panel?.visible) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), milliseconds);
  }

  private async refresh(): Promise<void> {
    const client = this.client();
    if (!this.panel || !this.uri || !client?.isRunning()) return;
    try {
      const params = { textDocument: { uri: client.code2ProtocolConverter.asUri(this.uri) } };
      const drawing = await client.sendRequest<Drawing | null>('llmp/graph', params);
      this.nodes = new Map(drawing?.nodes.map(node => [node.id, node]));
      await this.panel?.webview.postMessage({ svg: drawing?.svg ?? '', nodes: [...this.nodes.keys()] });
      if (drawing?.nodes.some(node => node.state === 'running')) this.refreshIn(RUNNING);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      await this.panel?.webview.postMessage({ svg: '', nodes: [], message });
    }
  }

  private received(message: { ready?: boolean; jump?: string }): void {
    if (message.ready) this.refreshIn(0);
    const node = message.jump === undefined ? undefined : this.nodes.get(message.jump);
    if (!node) return;
    const { start, end } = node.range;
    const selection = new vscode.Range(start.line, start.character, end.line, end.character);
    const uri = vscode.Uri.parse(node.uri, true);
    const shown = vscode.window.visibleTextEditors.find(editor => editor.document.uri.toString() === uri.toString());
    void vscode.window.showTextDocument(uri, { selection, viewColumn: shown?.viewColumn ?? vscode.ViewColumn.One });
  }

  private page(webview: vscode.Webview): string {
    const nonce = randomBytes(16).toString('base64');
    const script = webview.asWebviewUri(vscode.Uri.joinPath(this.extension, 'dist', 'page.js'));
    return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<title>Graph</title>
<style nonce="${nonce}">
  body { padding: 0; }
  svg { display: block; max-width: none; }
  .jump { cursor: pointer; }
  .jump:hover, .jump:focus { outline: none; filter: brightness(0.92); }
</style>
</head>
<body>
<main id="graph"></main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
  }
}

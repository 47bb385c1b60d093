/** The page that a model's webview starts with. Everything it shows comes through the channel, nothing through this text. */
import { randomBytes } from 'node:crypto';
import { Uri, type Webview } from 'vscode';

/** Folders that the page may load from. */
export function resourceRoots(extensionUri: Uri): Uri[] {
  return [Uri.joinPath(extensionUri, 'dist'), Uri.joinPath(extensionUri, 'media')];
}

export function webviewHtml(webview: Webview, extensionUri: Uri, language: string): string {
  const nonce = randomBytes(18).toString('base64');
  const dist = (name: string): string => webview.asWebviewUri(Uri.joinPath(extensionUri, 'dist', name)).toString();
  const source = webview.cspSource;
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
    `font-src ${source}`,
    `img-src ${source} data: blob:`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${/^[\w-]+$/.test(language) ? language : 'en'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${dist('codicon.css')}">
<link rel="stylesheet" href="${dist('webview.css')}">
<title>Model Slicer</title>
</head>
<body>
<script nonce="${nonce}" src="${dist('webview.js')}"></script>
</body>
</html>`;
}

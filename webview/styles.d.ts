/** Style sheets are bundled into `webview.css`; importing one yields nothing. */
declare module '*.css';

/** The preview code decodes its colour tables with Node's Buffer; the harness runs it in the page. */
export const Buffer = {
  from: (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
};

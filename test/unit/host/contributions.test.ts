import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  commands,
  contextKeys,
  settings,
  settingsSection,
  viewTypeOf,
  viewTypes,
  webviewSections,
} from '../../../src/host/contributions';
import { codeLanguages } from '../../../src/core/userCode/program';

const root = path.resolve(__dirname, '../../..');
const manifestText = readFileSync(path.join(root, 'package.json'), 'utf8');
const texts = JSON.parse(readFileSync(path.join(root, 'package.nls.json'), 'utf8')) as Record<string, string>;
const { contributes, activationEvents, capabilities } = JSON.parse(manifestText) as {
  activationEvents: string[];
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
  contributes: {
    commands: { command: string; title: string; category: string }[];
    customEditors: { viewType: string; priority: string; selector: { filenamePattern: string }[] }[];
    configuration: { properties: Record<string, { scope: string; default: unknown }> };
    menus: Record<string, { command: string; when?: string }[]>;
    keybindings: { command: string; when?: string }[];
    walkthroughs: { steps: { description: string; completionEvents: string[]; media: { markdown: string } }[] }[];
  };
};
const ids: string[] = Object.values(commands);

describe('package.json agrees with contributions.ts', () => {
  it('has every command, in the category of the product, and no other', () => {
    expect(contributes.commands.map(({ command }) => command).sort()).toEqual([...ids].sort());
    expect(new Set(contributes.commands.map(({ category }) => category))).toEqual(new Set(['Model Slicer']));
  });

  it('has every setting, with scope and default, and no other', () => {
    const keys = Object.values(settings).map((key) => `${settingsSection}.${key}`);
    expect(Object.keys(contributes.configuration.properties).sort()).toEqual(keys.sort());
    for (const [key, { scope, default: value }] of Object.entries(contributes.configuration.properties)) {
      expect(scope, key).toBeTruthy();
      expect(value, key).toBeDefined();
    }
  });

  it('restricts the settings that name code', () => {
    const named = [settings.customLayers, settings.nativeBackendPath].map((key) => `${settingsSection}.${key}`);
    expect(capabilities.untrustedWorkspaces.restrictedConfigurations).toEqual(expect.arrayContaining(named));
    // a path of this machine: no workspace says it
    expect(contributes.configuration.properties[`${settingsSection}.${settings.nativeBackendPath}`]?.scope).toBe(
      'machine',
    );
  });

  it('has every view type, none of them as default for JSON', () => {
    expect(contributes.customEditors.map(({ viewType }) => viewType)).toEqual(Object.values(viewTypes));
    expect(contributes.customEditors.map(({ priority }) => priority)).toEqual(['option', 'default']);
    expect(contributes.customEditors[0]?.selector).toEqual([{ filenamePattern: '*.json' }]);
    for (const { filenamePattern } of contributes.customEditors[1]?.selector ?? [])
      expect(viewTypeOf({ path: filenamePattern })).toBe(viewTypes.model);
  });

  it('names only known commands in menus, keybindings and walkthroughs', () => {
    const inMenus = Object.values(contributes.menus).flat();
    for (const { command } of [...inMenus, ...contributes.keybindings]) expect(ids).toContain(command);
    for (const { steps } of contributes.walkthroughs) {
      for (const { description, completionEvents, media } of steps) {
        const named = [...completionEvents.join(' ').matchAll(/onCommand:([\w.]+)/g)];
        const linked = [...(texts[description.slice(1, -1)] ?? '').matchAll(/\(command:([\w.]+)\)/g)];
        for (const [, command] of [...named, ...linked]) expect(ids).toContain(command);
        expect(readFileSync(path.join(root, media.markdown), 'utf8')).toMatch(/^# /);
      }
    }
  });

  it('decides for every command whether the palette shows it', () => {
    const conditions = new Map(contributes.menus['commandPalette']?.map(({ command, when }) => [command, when]));
    const always = ids.filter((id) => !conditions.has(id));
    expect(always.sort()).toEqual(
      [
        commands.open,
        commands.openSample,
        commands.selectBackend,
        commands.installNativeBackend,
        commands.showLog,
      ].sort(),
    );
    for (const when of conditions.values()) expect(when).toContain('activeCustomEditorId');
  });

  it('reads only context keys, sections and view types that the code sets', () => {
    const conditions = [...Object.values(contributes.menus).flat(), ...contributes.keybindings]
      .map(({ when }) => when ?? '')
      .join(' ');
    const keys: string[] = Object.values(contextKeys);
    for (const [key] of conditions.matchAll(/(?<!')\bmodelSlicer\.\w+(?!')/g)) expect(keys).toContain(key);
    for (const [, view] of conditions.matchAll(/(?:activeCustomEditorId|webviewId) == '([^']+)'/g)) {
      expect(Object.values(viewTypes)).toContain(view);
    }
    for (const [, section] of conditions.matchAll(/webviewSection == '([^']+)'/g)) {
      expect(Object.values(webviewSections)).toContain(section);
    }
  });

  it('costs no start: commands, editors and programs that may load a model activate the extension', () => {
    expect(activationEvents).toEqual(codeLanguages.map((language) => `onLanguage:${language}`));
  });

  it('has a text for every placeholder, and no text that nothing shows', () => {
    const named = new Set([...manifestText.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key));
    expect([...named].sort()).toEqual(Object.keys(texts).sort());
  });
});
